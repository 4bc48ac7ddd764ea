/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the walk from the purgatory's entry to the last byte that it vouches for, and from there
 * through all that a kernel looks at. */
#include "test-crash-image.h"

#include "test.h"

#include <asm/bootparam.h>
#include <elf.h>
#include <openssl/sha.h>

#define PAGE_BYTES UINT64_C(4096)

/* What is found on the way. */
typedef struct Walk {
        const TestMemory *memory;
        const Layout *layout;
        const LoaderFacts *facts;
        const CrashImageInputs *inputs;
        PurgatoryHeader header;
        PurgatoryBlock block;
        RangeList ram;    /* of the crash kernel */
        RangeList others; /* what it is told of, and is none */
        RangeList kept;   /* what must not be in it */
} Walk;

static const uint8_t *at(const Walk *walk, uint64_t paddr, uint64_t bytes)
{
        return test_memory_at(walk->memory, paddr, bytes);
}

static void keep(Walk *walk, uint64_t paddr, uint64_t bytes)
{
        assert_int_equal(range_list_add(&walk->kept, paddr, paddr + bytes), 0);
}

static void assert_sha256(const uint8_t *data, uint64_t bytes, const uint8_t *expected)
{
        uint8_t digest[32];

        assert_non_null(SHA256(data, bytes, digest));
        assert_memory_equal(digest, expected, sizeof(digest));
}

static void check_header(Walk *walk)
{
        const uint8_t *blob = at(walk, walk->layout->entry, TEST_BLOB_BYTES);

        memcpy(&walk->header, blob, sizeof(walk->header));
        assert_memory_equal(blob, walk->inputs->purgatory, 24);
        assert_memory_equal(blob + 96, walk->inputs->purgatory + 96, TEST_BLOB_BYTES - 96);
        assert_int_equal(walk->header.block_bytes, sizeof(PurgatoryBlock));
        assert_int_equal(walk->header.serial_port, walk->facts->serial_port);
        keep(walk, walk->layout->entry, TEST_BLOB_BYTES);
}

static void check_block(Walk *walk)
{
        const PurgatoryBlock *block = &walk->block;

        assert_true(walk->header.block_paddr[0] != walk->header.block_paddr[1]);
        for (size_t i = 0; i < 2; i++) {
                const uint8_t *copy = at(walk, walk->header.block_paddr[i], sizeof(*block));

                memcpy(&walk->block, copy, sizeof(walk->block));
                assert_true(block->magic == PURGATORY_BLOCK_MAGIC);
                assert_sha256(copy, offsetof(PurgatoryBlock, digest), block->digest);
        }
        assert_true(block->leaves_paddr[0] != block->leaves_paddr[1]);
        for (size_t i = 0; i < 2; i++)
                assert_sha256(at(walk, block->leaves_paddr[i], (uint64_t) block->n_leaves * 32),
                              (uint64_t) block->n_leaves * 32, block->leaves_digest);
        assert_memory_equal(block->resets, walk->header.resets, sizeof(block->resets));
        assert_int_equal(block->serial_port, walk->facts->serial_port);
        assert_int_equal(block->fadt_port, walk->facts->fadt_reset_port);
        assert_int_equal(block->tsc_khz, walk->facts->tsc_khz);
        assert_int_equal(block->ram_start, 0);
        assert_true(block->ram_end >= walk->facts->max_paddr);
}

static void check_chunks(const Walk *walk, const PurgatoryExtent *extent, uint64_t paddr)
{
        const uint8_t *leaves =
                at(walk, walk->block.leaves_paddr[0], (uint64_t) walk->block.n_leaves * 32);

        for (uint64_t i = 0; i * 65536 < extent->bytes; i++) {
                uint64_t bytes = MIN(extent->bytes - i * 65536, UINT64_C(65536));

                assert_true(extent->first_leaf + i < walk->block.n_leaves);
                assert_sha256(at(walk, paddr + i * 65536, bytes), bytes,
                              leaves + (extent->first_leaf + i) * 32);
        }
}

static void check_live(const Walk *walk, const PurgatoryExtent *extent)
{
        const uint8_t *mirror;

        assert_true(walk->layout->live_elfcorehdr);
        assert_int_equal(extent->flags, PURGATORY_EXTENT_LIVE_ELF);
        assert_true(walk->block.live_elf_max_bytes >= walk->facts->elfcorehdr_room_bytes);
        if (extent->mirror_paddr == 0)
                return;
        mirror = at(walk, extent->mirror_paddr + 64, extent->bytes);
        assert_memory_equal(mirror, at(walk, extent->paddr, extent->bytes), extent->bytes);
        assert_memory_not_equal(mirror - 64, ELFMAG, SELFMAG);
}

static void check_extents(const Walk *walk)
{
        uint32_t leaves = 0;

        for (size_t i = 0; i < walk->block.n_extents; i++) {
                const PurgatoryExtent *extent = &walk->block.extents[i];

                assert_true(extent->targets != 0 && extent->bytes > 0);
                check_chunks(walk, extent, extent->paddr);
                if (extent->flags != 0)
                        check_live(walk, extent);
                else if (extent->mirror_paddr != 0)
                        check_chunks(walk, extent, extent->mirror_paddr);
                assert_int_equal(extent->first_leaf, leaves);
                leaves += (uint32_t) DIV_ROUND_UP(extent->bytes, 65536);
        }
        assert_int_equal(leaves, walk->block.n_leaves);
}

/* Whether the purgatory looks at all of it before it starts @target. */
static void assert_checked(const Walk *walk, uint32_t target, uint64_t paddr, uint64_t bytes)
{
        for (size_t i = 0; i < walk->block.n_extents; i++) {
                const PurgatoryExtent *extent = &walk->block.extents[i];

                if ((extent->targets & 1U << target) && paddr >= extent->paddr &&
                    paddr + bytes <= extent->paddr + extent->bytes)
                        return;
        }
        fail_msg("%llu bytes at %#llx are not checked", (unsigned long long) bytes,
                 (unsigned long long) paddr);
}

static void check_status(Walk *walk, uint64_t paddr, uint32_t len)
{
        PurgatoryStatus status, expected = {
                .magic = PURGATORY_STATUS_MAGIC,
                .version = 1,
                .bytes = 512,
                .generation = walk->inputs->generation,
                .armed_realtime_usec = walk->inputs->armed_realtime_usec,
        };

        assert_int_equal(len, sizeof(status));
        assert_true(paddr == walk->header.status_paddr);
        memcpy(&status, at(walk, paddr, sizeof(status)), sizeof(status));
        memcpy(expected.boot_id, walk->facts->boot_id, 16);
        assert_memory_equal(&status, &expected, sizeof(status));
        for (size_t i = 0; i < walk->block.n_extents; i++) {
                const PurgatoryExtent *extent = &walk->block.extents[i];

                assert_true(extent->paddr >= paddr + len || extent->paddr + extent->bytes <= paddr);
        }
}

static void add_e820(Walk *walk, const struct boot_e820_entry *entry, uint64_t *end)
{
        assert_true(entry->addr >= *end && entry->size > 0);
        *end = entry->addr + entry->size;
        if (entry->type == 1)
                assert_true((entry->addr | entry->size) % PAGE_BYTES == 0);
        assert_int_equal(
                range_list_add(entry->type == 1 ? &walk->ram : &walk->others, entry->addr, *end),
                0);
}

static void add_e820_ext(Walk *walk, uint64_t paddr, uint32_t len, uint64_t *end)
{
        assert_int_equal(len % sizeof(struct boot_e820_entry), 0);
        for (; len > 0; len -= 20, paddr += 20) {
                struct boot_e820_entry entry;

                memcpy(&entry, at(walk, paddr, 20), 20);
                add_e820(walk, &entry, end);
        }
}

static void check_efi_node(const Walk *walk, uint64_t paddr, uint32_t len)
{
        const LoaderEfi *efi = &walk->facts->efi;
        const uint64_t expected[12] = { efi->fw_vendor, efi->runtime, efi->config_table,
                                        efi->smbios };

        assert_int_equal(len, sizeof(expected));
        assert_memory_equal(at(walk, paddr, len), expected, sizeof(expected));
}

/* Returns which types were seen, a bit each; the status is bit 31. */
static uint32_t walk_setup_data(Walk *walk, uint32_t target, uint64_t paddr, uint64_t *end)
{
        uint32_t seen = 0;

        for (uint64_t next; paddr != 0; paddr = next) {
                struct setup_data node;
                uint32_t bit;

                memcpy(&node, at(walk, paddr, sizeof(node)), sizeof(node));
                next = node.next;
                bit = node.type == PURGATORY_SETUP_DATA_TYPE ? 31 : node.type;
                assert_true(bit <= 31 && !(seen & 1U << bit));
                seen |= 1U << bit;
                keep(walk, paddr, sizeof(node) + node.len);
                assert_checked(walk, target, paddr, sizeof(node) + (bit == 31 ? 0 : node.len));
                if (bit == SETUP_E820_EXT)
                        add_e820_ext(walk, paddr + sizeof(node), node.len, end);
                else if (bit == SETUP_EFI)
                        check_efi_node(walk, paddr + sizeof(node), node.len);
                else if (bit == 31)
                        check_status(walk, paddr + sizeof(node), node.len);
                else if (bit == SETUP_RNG_SEED)
                        assert_memory_equal(at(walk, paddr + sizeof(node), 32),
                                            walk->inputs->random_seed, 32);
        }
        return seen;
}

/* The numbers of the kernel's own table are tested with it; here, that it may be used. */
static void check_ram(const Walk *walk)
{
        const LoaderFacts *facts = walk->facts;

        for (size_t i = 0; i < walk->kept.n; i++)
                assert_false(range_list_overlaps(&walk->ram, walk->kept.ranges[i]));
        for (size_t i = 0; i < facts->n_map; i++)
                assert_true(range_list_contains(&walk->others, facts->map[i].range));
        for (size_t i = 0; i < walk->others.n; i++)
                assert_false(range_list_overlaps(&walk->ram, walk->others.ranges[i]));
        for (size_t i = 0; i < walk->ram.n; i++) {
                Range range = walk->ram.ranges[i];

                assert_true(range.end <= 0x100000 || range_contains(facts->crash, range) ||
                            range_contains(facts->crash_low, range));
        }
        /* All but some pages of it */
        assert_true(range_list_bytes(&walk->ram) > range_bytes(facts->crash) +
                                                           range_bytes(facts->crash_low) -
                                                           (UINT64_C(4) << 20));
        assert_true(range_list_contains(&walk->ram, walk->layout->window));
}

static void check_efi(Walk *walk, uint32_t target, const struct boot_params *params)
{
        const struct efi_info info = params->efi_info;
        const LoaderEfi *efi = &walk->facts->efi;
        uint64_t paddr = info.efi_memmap | (uint64_t) info.efi_memmap_hi << 32;

        assert_int_equal(info.efi_memmap_size, efi->n_ranges * 40);
        assert_int_equal(info.efi_memdesc_size, 40);
        keep(walk, paddr, info.efi_memmap_size);
        assert_checked(walk, target, paddr, info.efi_memmap_size);
        for (size_t i = 0; i < efi->n_ranges; i++) {
                const uint64_t expected[5] = { efi->ranges[i].type, efi->ranges[i].paddr,
                                               efi->ranges[i].vaddr, efi->ranges[i].pages,
                                               efi->ranges[i].attribute };

                assert_memory_equal(at(walk, paddr + i * 40, 40), expected, 40);
        }
}

static void check_elf(Walk *walk, uint32_t target, uint64_t paddr)
{
        Elf64_Ehdr ehdr;
        size_t n_notes = 0;

        memcpy(&ehdr, at(walk, paddr, sizeof(ehdr)), sizeof(ehdr));
        assert_memory_equal(ehdr.e_ident, ELFMAG, SELFMAG);
        assert_int_equal(ehdr.e_phoff, 64);
        assert_checked(walk, target, paddr, 64 + ehdr.e_phnum * UINT64_C(56));
        keep(walk, paddr, MAX(64 + ehdr.e_phnum * UINT64_C(56), walk->block.live_elf_max_bytes));
        for (size_t i = 0; i < ehdr.e_phnum; i++) {
                Elf64_Phdr phdr;
                Range range;

                memcpy(&phdr, at(walk, paddr + 64 + i * 56, 56), sizeof(phdr));
                n_notes += phdr.p_type == PT_NOTE;
                range = (Range){ phdr.p_paddr, phdr.p_paddr + phdr.p_memsz };
                assert_true(range.end <= walk->block.ram_end);
                assert_false(range_overlaps(range, walk->facts->crash));
                assert_false(range_overlaps(range, walk->facts->crash_low));
        }
        assert_int_equal(n_notes, walk->facts->n_cpu_notes + 1);
        assert_true(ehdr.e_phnum > n_notes + 1);
}

static void check_cmdline(Walk *walk, uint32_t target, uint64_t paddr, const char *expected)
{
        const char *line = (const char *) at(walk, paddr, 29);
        char *end;

        assert_memory_equal(line, "elfcorehdr=0x", 13);
        check_elf(walk, target, strtoull(line + 11, &end, 0));
        assert_int_equal(*end, ' ');
        line = (const char *) at(walk, paddr, (uint64_t) (end - line) + 2 + strlen(expected));
        assert_string_equal(end + 1, expected);
        assert_checked(walk, target, paddr, strlen(line) + 1);
}

/* Nothing is where the kernel will unpack itself, nor where it leaves control pages. */
static void check_window(const Walk *walk, Range kernel, uint64_t init_size)
{
        Range window = { kernel.start, kernel.start + init_size };
        const RangeList *written = &walk->memory->written;

        assert_true(kernel.start % 0x200000 == 0 && kernel.start >= 0x1000000);
        assert_true(range_contains(walk->facts->crash, window));
        assert_false(range_list_overlaps(written, (Range){ kernel.end, window.end }));
        assert_true(walk->layout->hole.start == walk->facts->crash.start);
        assert_false(range_list_overlaps(written, walk->layout->hole));
}

static void check_kernel(const Walk *walk, uint32_t target, const struct boot_params *params)
{
        const uint8_t *file = walk->inputs->kernel + TEST_KERNEL_SECTORS_BYTES;
        uint64_t paddr = walk->block.targets[target].entry - 0x200;
        uint64_t bytes = params->hdr.syssize * UINT64_C(16);

        assert_int_equal(bytes, (TEST_KERNEL_FILE_BYTES - TEST_KERNEL_SECTORS_BYTES) / 16 * 16);
        assert_memory_equal(at(walk, paddr, bytes), file, bytes);
        assert_checked(walk, target, paddr, bytes);
        check_window(walk, (Range){ paddr, paddr + bytes }, params->hdr.init_size);
}

static void check_initrd(const Walk *walk, uint32_t target, const struct boot_params *params,
                         const uint8_t *expected, uint64_t expected_bytes)
{
        uint64_t paddr = params->hdr.ramdisk_image | (uint64_t) params->ext_ramdisk_image << 32;
        uint64_t bytes = params->hdr.ramdisk_size | (uint64_t) params->ext_ramdisk_size << 32;

        assert_int_equal(bytes, expected_bytes);
        if (bytes == 0) {
                assert_int_equal(paddr, 0);
                return;
        }
        assert_memory_equal(at(walk, paddr, bytes), expected, bytes);
        assert_checked(walk, target, paddr, bytes);
        assert_true(range_list_contains(&walk->ram, (Range){ paddr, paddr + bytes }));
}

static void check_target(Walk *walk, uint32_t target)
{
        const CrashImageInputs *inputs = walk->inputs;
        bool efi = walk->facts->efi.n_ranges > 0, first = target == 0;
        uint64_t paddr = walk->block.targets[target].boot_params, end = 0;
        struct boot_params params;
        uint32_t seen;

        memcpy(&params, at(walk, paddr, sizeof(params)), sizeof(params));
        assert_checked(walk, target, paddr, sizeof(params));
        range_list_done(&walk->ram);
        range_list_done(&walk->others);
        for (size_t i = 0; i < params.e820_entries; i++)
                add_e820(walk, &params.e820_table[i], &end);
        seen = walk_setup_data(walk, target, params.hdr.setup_data, &end);
        assert_true(seen & 1U << SETUP_RNG_SEED && seen & 1U << 31);
        assert_int_equal(efi, (seen >> SETUP_EFI) & 1);
        if (seen & 1U << SETUP_E820_EXT)
                assert_int_equal(params.e820_entries, 128);
        if (efi)
                check_efi(walk, target, &params);
        check_cmdline(walk, target,
                      params.hdr.cmd_line_ptr | (uint64_t) params.ext_cmd_line_ptr << 32,
                      first ? inputs->cmdline : inputs->fallback_cmdline);
        check_kernel(walk, target, &params);
        check_initrd(walk, target, &params, first ? inputs->initrd : inputs->fallback_initrd,
                     first ? inputs->initrd_bytes : inputs->fallback_initrd_bytes);
        check_ram(walk);
        assert_true(params.acpi_rsdp_addr == walk->facts->acpi_rsdp);
}

void test_image_check(const TestMemory *memory, const Layout *layout, const LoaderFacts *facts,
                      const CrashImageInputs *inputs)
{
        Walk walk = { .memory = memory, .layout = layout, .facts = facts, .inputs = inputs };
        bool fallback = inputs->fallback_initrd && !(layout->dropped & LAYOUT_DROPPED_FALLBACK);

        check_header(&walk);
        check_block(&walk);
        check_extents(&walk);
        check_target(&walk, 0);
        assert_int_equal(walk.block.targets[1].entry != 0, fallback);
        if (fallback)
                check_target(&walk, 1);
        range_list_done(&walk.ram);
        range_list_done(&walk.others);
        range_list_done(&walk.kept);
}
