/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the made-up machine, and what is loaded in it. */
#include "test-bed.h"

#include <openssl/sha.h>

#define BIOS_WORD_PADDR 0x472
/* Several times what the longest plan of resets takes without a TSC. */
#define CALLS_MAX UINT64_C(200000000)
#define ALIGN_BYTES 4096U

static Bed *bed_of(Machine *machine)
{
        return machine->context;
}

_Noreturn static void bed_end(Bed *bed, BedEnd end)
{
        bed->end = end;
        longjmp(bed->done, 1);
}

_Noreturn static void bed_raise(Bed *bed, uint64_t vector, uint64_t address)
{
        bed->n_exceptions++;
        purgatory_exception(&bed->purgatory, vector, 2, 0x1000 + vector, address);
        longjmp(bed->done, 1);
}

static void call_count(Bed *bed)
{
        bed->n_calls++;
        if (bed->n_calls > CALLS_MAX)
                bed_end(bed, BED_HUNG);
        if (bed->n_calls == bed->nmi_at_call)
                purgatory_nmi(&bed->purgatory);
}

static void *bed_memory(Machine *machine, uint64_t paddr, uint64_t bytes)
{
        Bed *bed = bed_of(machine);
        uint64_t offset = paddr - BED_PADDR;

        if (bytes == 0 || paddr + bytes < paddr)
                bed->bad_access = true;
        if (paddr == BIOS_WORD_PADDR && bytes == sizeof(bed->bios_word))
                return bed->without_bios_word ? NULL : bed->bios_word;
        if (paddr < BED_PADDR || offset > bed->bytes || bytes > bed->bytes - offset) {
                if (bed->wild_faults)
                        bed_raise(bed, 14, paddr);
                return NULL;
        }
        if (bed->fault_paddr >= paddr && bed->fault_paddr - paddr < bytes) {
                if (bed->fault_skip == 0)
                        bed_raise(bed, 14, bed->fault_paddr);
                bed->fault_skip--;
        }
        return bed->memory + offset;
}

static uint8_t bed_in8(Machine *machine, uint16_t port)
{
        Bed *bed = bed_of(machine);

        call_count(bed);
        if (port == BED_SERIAL_PORT + 5) {
                bed->n_line_status_reads++;
                return bed->serial_is_busy ? 0 : 0x60;
        }
        if (port == 0x80 && bed->nmi_in_stage != 0 && bed->nmi_in_stage == bed->purgatory.stage) {
                bed->nmi_in_stage = 0;
                if (bed->at_nmi)
                        bed->at_nmi(bed);
                purgatory_nmi(&bed->purgatory);
        }
        if (port == 0x64)
                return bed->kbd_is_busy ? 0x1e : 0x1c;
        if (port == 0xcf9)
                return 0xf9;
        if (port == 0x92)
                return 0x03;
        return 0xff;
}

/* Was the last write the one that resets the machine? */
static bool has_reset(const Bed *bed)
{
        const BedWrite *last = bed->writes + bed->n_writes - 1;
        const BedWrite *before = bed->n_writes > 1 ? last - 1 : NULL;

        switch (bed->works) {
        case PURGATORY_RESET_FADT:
                return last->port == BED_FADT_PORT && last->value == BED_FADT_VALUE;
        case PURGATORY_RESET_CF9:
                return last->port == 0xcf9 && last->value == 0xf7 && before &&
                       before->port == 0xcf9 && before->value == 0xf3;
        case PURGATORY_RESET_KBD:
                return last->port == 0x64 && last->value == 0xfe;
        case PURGATORY_RESET_PORT92:
                return last->port == 0x92 && last->value == 0x03 && before &&
                       before->port == 0x92 && before->value == 0x02;
        default:
                return false;
        }
}

static void bed_out8(Machine *machine, uint16_t port, uint8_t value)
{
        Bed *bed = bed_of(machine);

        call_count(bed);
        if (port == BED_SERIAL_PORT) {
                if (bed->n_serial + 1 < sizeof(bed->serial))
                        bed->serial[bed->n_serial++] = (char) value;
                return;
        }
        if (bed->fault_port != 0 && port == bed->fault_port)
                bed_raise(bed, 13, 0);
        if (bed->n_writes == BED_WRITES_MAX)
                bed_end(bed, BED_HUNG);
        bed->writes[bed->n_writes++] = (BedWrite){ port, value };
        if (has_reset(bed))
                bed_end(bed, BED_RESET);
}

static uint64_t bed_tsc(Machine *machine)
{
        Bed *bed = bed_of(machine);

        call_count(bed);
        bed->tsc += bed->tsc_step;
        return bed->tsc;
}

static void bed_provoke(Machine *machine, PurgatoryProvoke what)
{
        bed_raise(bed_of(machine), what == PURGATORY_PROVOKE_UD ? 6 : 14, 0);
}

static void bed_triple_fault(Machine *machine)
{
        if (!bed_of(machine)->triple_fault_does_nothing)
                bed_end(bed_of(machine), BED_TRIPLE_FAULT);
}

static void bed_jump(Machine *machine, uint64_t entry, uint64_t boot_params)
{
        Bed *bed = bed_of(machine);
        void (*at_jump)(Bed *) = bed->at_jump;

        if (at_jump) {
                bed->at_jump = NULL;
                at_jump(bed);
                bed_raise(bed, 13, 0);
        }
        bed->entry = entry;
        bed->boot_params = boot_params;
        bed_end(bed, BED_JUMPED);
}

static void bed_halt(Machine *machine)
{
        bed_end(bed_of(machine), BED_HALTED);
}

uint64_t bed_random(uint64_t *seed)
{
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        return *seed * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

uint8_t *bed_at(Bed *bed, uint64_t paddr)
{
        if (paddr < BED_PADDR || paddr - BED_PADDR >= bed->bytes)
                abort();
        return bed->memory + (paddr - BED_PADDR);
}

PurgatoryHeader *bed_header(Bed *bed)
{
        return (PurgatoryHeader *) bed_at(bed, bed->header_paddr);
}

void bed_flip(Bed *bed, uint64_t paddr, unsigned bit)
{
        *bed_at(bed, paddr) ^= (uint8_t) (1U << bit);
}

void bed_fill(Bed *bed, uint64_t paddr, uint64_t bytes, uint64_t seed)
{
        uint64_t state = seed * 2 + 1;

        for (uint64_t i = 0; i < bytes; i++)
                *bed_at(bed, paddr + i) = (uint8_t) bed_random(&state);
}

uint64_t bed_take(Bed *bed, uint64_t bytes)
{
        uint64_t paddr = BED_PADDR + bed->taken_bytes;

        bed->taken_bytes += ALIGN_UP(bytes, ALIGN_BYTES);
        if (bed->taken_bytes > bed->bytes)
                abort();
        return paddr;
}

static void status_make(Bed *bed)
{
        PurgatoryStatus *status;

        bed->header.status_paddr = bed_take(bed, sizeof(*status));
        status = (PurgatoryStatus *) bed_at(bed, bed->header.status_paddr);
        /* What is left of another crash must not count. */
        memset(status, 0xee, sizeof(*status));
        status->magic = PURGATORY_STATUS_MAGIC;
        status->version = PURGATORY_VERSION;
        status->bytes = sizeof(*status);
        status->generation = 7;
}

void bed_init(Bed *bed, uint64_t bytes)
{
        *bed = (Bed){
                .machine = {
                        .context = bed,
                        .memory = bed_memory,
                        .in8 = bed_in8,
                        .out8 = bed_out8,
                        .tsc = bed_tsc,
                        .provoke = bed_provoke,
                        .triple_fault = bed_triple_fault,
                        .jump = bed_jump,
                        .halt = bed_halt,
                },
                .memory = calloc(1, bytes),
                .sealed = calloc(1, bytes),
                .bytes = bytes,
                .tsc_step = 100000,
                .header = {
                        .magic = PURGATORY_HEADER_MAGIC,
                        .version = PURGATORY_VERSION,
                        .bytes = BED_BLOB_BYTES,
                        .block_bytes = sizeof(PurgatoryBlock),
                        .serial_port = BED_SERIAL_PORT,
                        .resets = { PURGATORY_RESET_TRIPLE },
                },
                .block = {
                        .magic = PURGATORY_BLOCK_MAGIC,
                        .version = PURGATORY_VERSION,
                        .bytes = sizeof(PurgatoryBlock),
                        .tsc_khz = 2000000,
                        .ram_start = BED_RAM_START,
                        .ram_end = BED_RAM_END,
                        .live_elf_max_bytes = BED_LIVE_ELF_BYTES,
                        .serial_port = BED_SERIAL_PORT,
                        .fadt_port = BED_FADT_PORT,
                        .fadt_value = BED_FADT_VALUE,
                        .resets = { PURGATORY_RESET_FADT, PURGATORY_RESET_CF9,
                                    PURGATORY_RESET_KBD, PURGATORY_RESET_PORT92 },
                },
        };
        if (!bed->memory || !bed->sealed)
                abort();
        bed->header_paddr = bed_take(bed, BED_BLOB_BYTES);
        status_make(bed);
        for (unsigned i = 0; i < PURGATORY_COPIES; i++)
                bed->header.block_paddr[i] = bed_take(bed, sizeof(PurgatoryBlock));
}

void bed_done(Bed *bed)
{
        free(bed->memory);
        free(bed->sealed);
        bed->memory = bed->sealed = NULL;
}

unsigned bed_add(Bed *bed, uint64_t bytes, uint32_t targets, bool mirrored)
{
        unsigned number = bed->block.n_extents++;
        PurgatoryExtent *extent = bed->block.extents + number;

        *extent = (PurgatoryExtent){
                .paddr = bed_take(bed, bytes),
                .bytes = bytes,
                .targets = targets,
                .first_leaf = bed->block.n_leaves,
                .mirror_paddr = mirrored ? bed_take(bed, bytes) : 0,
        };
        bed_fill(bed, extent->paddr, bytes, number + 1);
        bed->block.n_leaves += (uint32_t) DIV_ROUND_UP(bytes, PURGATORY_CHUNK_BYTES);
        return number;
}

static void put(uint8_t *at, uint64_t value, unsigned bytes)
{
        for (unsigned i = 0; i < bytes; i++)
                at[i] = (uint8_t) (value >> 8 * i);
}

static void phdr_put(uint8_t *at, uint32_t type, uint64_t paddr, uint64_t bytes)
{
        put(at, type, 4);
        put(at + 8, paddr, 8);
        put(at + 24, paddr, 8);
        put(at + 32, bytes, 8);
        put(at + 40, bytes, 8);
}

unsigned bed_add_live_elf(Bed *bed, bool mirrored)
{
        unsigned number = bed->block.n_extents++;
        PurgatoryExtent *extent = bed->block.extents + number;
        uint8_t *headers;

        *extent = (PurgatoryExtent){
                .paddr = bed_take(bed, BED_LIVE_ELF_BYTES),
                .bytes = 64 + 4 * 56,
                .targets = 3,
                .first_leaf = bed->block.n_leaves++,
                .flags = PURGATORY_EXTENT_LIVE_ELF,
                .mirror_paddr = mirrored ? bed_take(bed, BED_LIVE_ELF_BYTES) : 0,
        };
        headers = bed_at(bed, extent->paddr);
        memset(headers, 0, BED_LIVE_ELF_BYTES);
        memcpy(headers, "\177ELF\2\1\1", 7);
        put(headers + 16, 4, 2);
        put(headers + 18, 62, 2);
        put(headers + 20, 1, 4);
        put(headers + 32, 64, 8);
        put(headers + 52, 64, 2);
        put(headers + 54, 56, 2);
        put(headers + 56, 4, 2);
        phdr_put(headers + 64, 4, 0x200000, 0x170);
        phdr_put(headers + 120, 4, 0x300000, 0x1024);
        phdr_put(headers + 176, 1, BED_RAM_START, 0x10000000);
        phdr_put(headers + 232, 1, 0x40000000, 0x40000000);
        return number;
}

void bed_init_usual(Bed *bed)
{
        bed_init(bed, 1 << 20);
        bed_add(bed, 3 * PURGATORY_CHUNK_BYTES + 100, 3, true);
        bed_add(bed, PURGATORY_CHUNK_BYTES + 1, 1, true);
        bed_add(bed, 4096, 1, true);
        bed_add(bed, 5000, 2, true);
        bed_add(bed, 4096, 2, true);
        bed_add(bed, 77, 3, false);
        for (unsigned i = 0; i < PURGATORY_TARGETS_MAX; i++) {
                bed->block.targets[i].entry = bed->block.extents[0].paddr + 0x200;
                bed->block.targets[i].boot_params = bed->block.extents[2 + 2 * i].paddr;
        }
        bed_seal(bed);
}

static void extent_seal(Bed *bed, const PurgatoryExtent *extent)
{
        uint64_t before = extent->flags & PURGATORY_EXTENT_LIVE_ELF ? PURGATORY_ELF_COPY_OFFSET : 0;
        const uint8_t *content = bed_at(bed, extent->paddr);

        for (uint64_t at = 0, leaf = extent->first_leaf; at < extent->bytes;
             at += PURGATORY_CHUNK_BYTES, leaf++)
                for (unsigned i = 0; i < PURGATORY_COPIES; i++)
                        SHA256(content + at,
                               MIN(extent->bytes - at, (uint64_t) PURGATORY_CHUNK_BYTES),
                               bed_at(bed, bed->block.leaves_paddr[i] + leaf * 32));
        if (extent->mirror_paddr != 0)
                memcpy(bed_at(bed, extent->mirror_paddr + before), content, extent->bytes);
}

void bed_seal_block(Bed *bed)
{
        SHA256((const uint8_t *) &bed->block, offsetof(PurgatoryBlock, digest), bed->block.digest);
        SHA256((const uint8_t *) &bed->header, offsetof(PurgatoryHeader, digest),
               bed->header.digest);
        for (unsigned i = 0; i < PURGATORY_COPIES; i++)
                if (bed->header.block_paddr[i] != 0)
                        memcpy(bed_at(bed, bed->header.block_paddr[i]), &bed->block,
                               sizeof(bed->block));
        memcpy(bed_at(bed, bed->header_paddr), &bed->header, sizeof(bed->header));
        memcpy(bed->sealed, bed->memory, bed->bytes);
}

void bed_seal(Bed *bed)
{
        uint64_t leaves_bytes = (uint64_t) bed->block.n_leaves * PURGATORY_DIGEST_BYTES;

        for (unsigned i = 0; i < PURGATORY_COPIES; i++)
                bed->block.leaves_paddr[i] = bed_take(bed, leaves_bytes);
        for (unsigned i = 0; i < bed->block.n_extents; i++)
                extent_seal(bed, bed->block.extents + i);
        SHA256(bed_at(bed, bed->block.leaves_paddr[0]), leaves_bytes, bed->block.leaves_digest);
        bed_seal_block(bed);
}

void bed_run(Bed *bed)
{
        static const MachineEntry entry = {
                .cr0 = 0x80000033,
                .cr3 = 0x1000,
                .cr4 = 0x20,
                .efer = 0xd01,
                .gdt_limit = 0,
                .idt_limit = 4095,
        };

        if (setjmp(bed->done) == 0)
                purgatory_run(&bed->purgatory, &bed->machine, bed_header(bed), &entry);
}

bool bed_is_intact(const Bed *bed, unsigned target)
{
        for (unsigned i = 0; i < bed->block.n_extents; i++) {
                const PurgatoryExtent *extent = bed->block.extents + i;
                uint64_t offset = extent->paddr - BED_PADDR;

                if (!(extent->targets >> target & 1) || extent->flags & PURGATORY_EXTENT_LIVE_ELF)
                        continue;
                if (memcmp(bed->memory + offset, bed->sealed + offset, extent->bytes) != 0)
                        return false;
        }
        return true;
}
