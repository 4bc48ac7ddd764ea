/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs the blob that is installed, at many addresses: test-blob PURGATORY.BIN. */
#include "test-blob-cpu.h"

#include <openssl/sha.h>
#include <sys/mman.h>

#include "io.h"
#include "purgatory-block.h"
#include "test.h"

#define N_BASES 64
#define PAGE_BYTES 4096U
#define SERIAL_PORT 0x3f8
#define HLT 0xf4
#define STACK_BYTES 8192U           /* at the end of the blob, as in purgatory.lds */
#define TSC_KHZ (CPU_TSC_STEP / 10) /* so each look at it takes 10 ms */

/* Offsets in the area */
#define KERNEL 0x0U
#define KERNEL_MIRROR 0x20000U
#define PARAMS 0x40000U
#define PARAMS_MIRROR 0x42000U
#define FALLBACK 0x44000U
#define BLOCKS 0x50000U
#define LEAVES 0x54000U
#define STATUS 0x58000U
#define BLOB 0x60000U
#define BLOB_PAGES_MAX 16U /* so many pages it may be further up */
#define AREA_BYTES 0x80000U

#define KERNEL_BYTES (PURGATORY_CHUNK_BYTES + 4500U)
#define PARAMS_BYTES 4096U
#define FALLBACK_BYTES 5000U
#define ENTRY 0x200U
#define N_LEAVES 4U

#define FLIPS_MAX 4

typedef struct World {
        uint64_t random;
        uint64_t paddr; /* of the area, and where it is mapped */
        char *file;     /* the blob */
        size_t file_bytes;
        uint8_t *area, *blob;
        PurgatoryHeader *header;
        PurgatoryBlock *block; /* the first copy */
        PurgatoryStatus *status;
} World;

/* Where one bit is wrong when the blob starts, what else a case wants, and what comes of it. */
typedef struct Case {
        const char *name;
        uint32_t flips[FLIPS_MAX]; /* offsets in the area, then 0 (where nobody flips) */
        PurgatoryProvoke provoke;
        uint32_t started, block_copy, leaves_copy, repaired, lost, exceptions;
        uint64_t vector, cr2;
} Case;

static uint64_t random_next(uint64_t *random)
{
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        return *random;
}

/* Below 2 GiB, above 4 GiB, and where a sanitizer leaves room; never where a page fault is
 * provoked. */
static uint64_t area_map(uint64_t *random)
{
        static const struct {
                uint64_t start, bytes;
        } zones[] = {
                { UINT64_C(0x10000000), UINT64_C(0x60000000) },
                { UINT64_C(0x100000000), UINT64_C(0x1000000000) },
                { UINT64_C(0x110000000000), UINT64_C(0x080000000000) },
        };

        for (unsigned i = 0; i < 1000; i++) {
                size_t n_zones = ELEMENTSOF(zones) - TEST_WITH_TSAN; /* it leaves no room there */
                size_t zone = (random_next(random) >> 32) % n_zones;
                uint64_t paddr = zones[zone].start + random_next(random) % zones[zone].bytes;
                void *wanted = (void *) (uintptr_t) (paddr / PAGE_BYTES * PAGE_BYTES);
                void *got = mmap(wanted, AREA_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
                                 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

                if (got == wanted)
                        return (uint64_t) (uintptr_t) got;
                if (got != MAP_FAILED)
                        (void) munmap(got, AREA_BYTES);
        }
        fail_msg("no room for the area");
        return 0;
}

static void block_seal(World *world)
{
        PurgatoryBlock *block = world->block;

        SHA256(world->area + LEAVES, N_LEAVES * PURGATORY_DIGEST_BYTES, block->leaves_digest);
        SHA256((const uint8_t *) block, offsetof(PurgatoryBlock, digest), block->digest);
        memcpy(world->area + BLOCKS + PAGE_BYTES, block, sizeof(*block));
        memcpy(world->area + LEAVES + PAGE_BYTES, world->area + LEAVES,
               N_LEAVES * PURGATORY_DIGEST_BYTES);
}

static void header_seal(World *world)
{
        SHA256((const uint8_t *) world->header, offsetof(PurgatoryHeader, digest),
               world->header->digest);
}

/* Fills it, and the mirror if there is one. */
static void extent_add(World *world, uint32_t offset, uint32_t bytes, uint32_t mirror,
                       uint32_t targets)
{
        PurgatoryBlock *block = world->block;
        PurgatoryExtent *extent = block->extents + block->n_extents++;
        uint8_t *data = world->area + offset;

        for (uint32_t i = 0; i < bytes; i++)
                data[i] = (uint8_t) random_next(&world->random);
        data[ENTRY] = HLT;
        if (mirror != 0)
                memcpy(world->area + mirror, data, bytes);

        *extent = (PurgatoryExtent){
                .paddr = world->paddr + offset,
                .bytes = bytes,
                .mirror_paddr = mirror != 0 ? world->paddr + mirror : 0,
                .targets = targets,
                .first_leaf = block->n_leaves,
        };
        for (uint32_t at = 0; at < bytes; at += PURGATORY_CHUNK_BYTES)
                SHA256(data + at, MIN(bytes - at, PURGATORY_CHUNK_BYTES),
                       world->area + LEAVES + block->n_leaves++ * PURGATORY_DIGEST_BYTES);
}

static void block_fill(World *world)
{
        PurgatoryBlock *block = world->block;
        uint64_t paddr = world->paddr;

        *block = (PurgatoryBlock){
                .magic = PURGATORY_BLOCK_MAGIC,
                .version = PURGATORY_VERSION,
                .bytes = sizeof(*block),
                .tsc_khz = TSC_KHZ,
                .leaves_paddr = { paddr + LEAVES, paddr + LEAVES + PAGE_BYTES },
                .serial_port = SERIAL_PORT,
                .fadt_port = 0x1234,
                .fadt_value = 0x56,
                .resets = { PURGATORY_RESET_FADT, PURGATORY_RESET_CF9, PURGATORY_RESET_KBD,
                            PURGATORY_RESET_PORT92, PURGATORY_RESET_TRIPLE },
                .targets = { { paddr + KERNEL + ENTRY, paddr + PARAMS },
                             { paddr + FALLBACK + ENTRY, paddr + PARAMS + 16 } },
        };
        extent_add(world, KERNEL, KERNEL_BYTES, KERNEL_MIRROR, 1);
        extent_add(world, PARAMS, PARAMS_BYTES, PARAMS_MIRROR, 3);
        extent_add(world, FALLBACK, FALLBACK_BYTES, 0, 2);
        assert_int_equal(block->n_leaves, N_LEAVES);
        block_seal(world);
}

/* As the loader would leave it. */
static void world_fill(World *world)
{
        size_t page = random_next(&world->random) % BLOB_PAGES_MAX;

        world->area = (uint8_t *) (uintptr_t) world->paddr;
        memset(world->area, 0, AREA_BYTES);
        world->blob = world->area + BLOB + page * PAGE_BYTES;
        world->header = (PurgatoryHeader *) world->blob;
        world->block = (PurgatoryBlock *) (world->area + BLOCKS);
        world->status = (PurgatoryStatus *) (world->area + STATUS);

        memcpy(world->blob, world->file, world->file_bytes);
        *world->status = (PurgatoryStatus){
                .magic = PURGATORY_STATUS_MAGIC,
                .version = PURGATORY_VERSION,
                .bytes = sizeof(*world->status),
        };
        world->header->block_paddr[0] = world->paddr + BLOCKS;
        world->header->block_paddr[1] = world->paddr + BLOCKS + PAGE_BYTES;
        world->header->status_paddr = world->paddr + STATUS;
        world->header->block_bytes = sizeof(PurgatoryBlock);
        world->header->serial_port = SERIAL_PORT;
        world->header->resets[0] = PURGATORY_RESET_TRIPLE;
        header_seal(world);
        block_fill(world);
}

/* There is nothing below the stack to stop it, so half of it must do. */
static void world_run(World *world, Cpu *cpu)
{
        cpu_run(cpu, (uint64_t) (uintptr_t) world->blob);
        if (cpu->end == CPU_END_LOST)
                print_error("The blob at %p: %s, at %+lld of it\n", (void *) world->blob, cpu->why,
                            (long long) (cpu->regs.rip - (uintptr_t) world->blob));
        assert_int_not_equal(cpu->end, CPU_END_LOST);
        assert_true(mem_is_zero(world->blob + world->file_bytes - STACK_BYTES, STACK_BYTES / 2));
}

/* Documentation/arch/x86/boot.rst, "64-bit Boot Protocol", and nothing in the other registers. */
static void assert_jumped(const World *world, const Cpu *cpu, unsigned target)
{
        const struct user_regs_struct *regs = &cpu->regs;
        uint64_t seen[] = { regs->rax, regs->rbx, regs->rcx, regs->rdx, regs->rdi,
                            regs->rbp, regs->r8,  regs->r9,  regs->r10, regs->r11,
                            regs->r12, regs->r13, regs->r14, regs->r15 };

        assert_int_equal(cpu->end, CPU_END_HALT);
        assert_int_equal(regs->rip, world->block->targets[target].entry);
        assert_int_equal(regs->rsi, world->block->targets[target].boot_params);
        for (size_t i = 0; i < ELEMENTSOF(seen); i++)
                assert_int_equal(seen[i], 0);
        assert_int_equal(cpu->cs, 0x10);
        assert_int_equal(cpu->ds, 0x18);
        assert_int_equal(cpu->es, 0x18);
        assert_int_equal(cpu->ss, 0x18);
        assert_true(cpu->interrupts_off);
        assert_int_equal(regs->eflags & 0x400, 0);
        assert_int_equal(cpu->idt.limit, 32 * 16 - 1);
}

static void assert_outs(const Cpu *cpu, const CpuOut *expected, size_t n_expected)
{
        size_t n = 0, n_text = 0;

        for (size_t i = 0; i < cpu->n_outs; i++) {
                if (cpu->outs[i].port == SERIAL_PORT) {
                        n_text++;
                        continue;
                }
                assert_true(n < n_expected);
                assert_int_equal(cpu->outs[i].port, expected[n].port);
                assert_int_equal(cpu->outs[i].value, expected[n].value);
                n++;
        }
        assert_int_equal(n, n_expected);
        assert_true(n_text > 0);
}

static void assert_reset(const Cpu *cpu, const Case *c)
{
        static const CpuOut of_block[] = {
                { 0x1234, 0x56 }, { 0xcf9, 0x02 }, { 0xcf9, 0x06 }, { 0x64, 0xfe }, { 0x64, 0xfe },
                { 0x64, 0xfe },   { 0x64, 0xfe },  { 0x64, 0xfe },  { 0x64, 0xfe }, { 0x64, 0xfe },
                { 0x64, 0xfe },   { 0x64, 0xfe },  { 0x64, 0xfe },  { 0x92, 0x00 }, { 0x92, 0x01 },
        };

        assert_int_equal(cpu->end, CPU_END_TRIPLE_FAULT);
        assert_outs(cpu, of_block, c->block_copy == 0 ? 0 : ELEMENTSOF(of_block));
        assert_int_equal(cpu->idt.limit, 0);
}

static void assert_status(const PurgatoryStatus *status, const Case *c)
{
        assert_int_equal(status->started, c->started);
        assert_int_equal(status->block_copy, c->block_copy);
        assert_int_equal(status->leaves_copy, c->leaves_copy);
        assert_int_equal(status->chunks_repaired, c->repaired);
        assert_int_equal(status->chunks_lost, c->lost);
        assert_int_equal(status->exceptions, c->exceptions);
        assert_int_equal(status->nmis, 0);
        assert_int_equal(status->first_exception.vector, c->vector);
        assert_int_equal(status->first_exception.cr2, c->cr2);
        assert_int_equal(status->cr0, CPU_CR0);
        assert_int_equal(status->cr3, CPU_CR3);
        assert_int_equal(status->cr4, CPU_CR4);
        assert_int_equal(status->efer, CPU_EFER);
}

/* A reset writes to 0x472, which is memory in no process: that is its page fault. */
#define BIOS_WORD 0x472

static const Case cases[] = {
        { "all is well", .started = 1, .block_copy = 1, .leaves_copy = 1 },
        { "the first block is bad",
          { BLOCKS + 100 },
          .started = 1,
          .block_copy = 2,
          .leaves_copy = 1 },
        { "the first leaves are bad",
          { LEAVES + 1 },
          .started = 1,
          .block_copy = 1,
          .leaves_copy = 2 },
        { "a chunk is bad",
          { KERNEL + 70000 },
          .started = 1,
          .block_copy = 1,
          .leaves_copy = 1,
          .repaired = 1 },
        { "each copy has another bad chunk",
          { KERNEL + 1, KERNEL_MIRROR + 70000 },
          .started = 1,
          .block_copy = 1,
          .leaves_copy = 1,
          .repaired = 1 },
        { "a chunk and its mirror are bad",
          { KERNEL + 1, KERNEL_MIRROR + 2 },
          .started = 2,
          .block_copy = 1,
          .leaves_copy = 1,
          .lost = 1 },
        { "an undefined instruction", .provoke = PURGATORY_PROVOKE_UD, .started = 2,
          .block_copy = 1, .leaves_copy = 1, .exceptions = 1, .vector = 6 },
        { "nothing is mapped there", .provoke = PURGATORY_PROVOKE_PF, .started = 2, .block_copy = 1,
          .leaves_copy = 1, .exceptions = 1, .vector = 14, .cr2 = UINT64_C(1) << 45 },
        { "nothing can be started",
          { KERNEL + 1, KERNEL_MIRROR + 2, FALLBACK + 3 },
          .block_copy = 1,
          .leaves_copy = 1,
          .lost = 2,
          .exceptions = 1,
          .vector = 14,
          .cr2 = BIOS_WORD },
        { "no block is good",
          { BLOCKS + 1000, BLOCKS + PAGE_BYTES + 8 },
          .exceptions = 1,
          .vector = 14,
          .cr2 = BIOS_WORD },
};

static void case_run(World *world, const Case *c)
{
        _cleanup_free_ uint8_t *as_loaded = NULL;
        Cpu cpu = { 0 };

        world_fill(world);
        world->block->provoke_stage = PURGATORY_STAGE_CHECK;
        world->block->provoke_action = c->provoke;
        block_seal(world);
        as_loaded = malloc(KERNEL_BYTES);
        assert_non_null(as_loaded);
        memcpy(as_loaded, world->area + KERNEL, KERNEL_BYTES);
        for (size_t i = 0; i < FLIPS_MAX && c->flips[i] != 0; i++)
                world->area[c->flips[i]] ^= 0x10;

        world_run(world, &cpu);
        assert_status(world->status, c);
        if (c->started == 0)
                return assert_reset(&cpu, c);
        assert_jumped(world, &cpu, c->started - 1);
        assert_outs(&cpu, NULL, 0);
        if (c->started == 1)
                assert_memory_equal(world->area + KERNEL, as_loaded, KERNEL_BYTES);
        if (c->exceptions > 0)
                assert_in_range(world->status->first_exception.rip, (uintptr_t) world->blob,
                                (uintptr_t) world->blob + world->header->bytes);
}

static void test_does_what_it_must_at_any_address(void **state)
{
        World *world = *state;

        world->random = UINT64_C(0x6b64756d7064);
        for (unsigned i = 0; i < N_BASES; i++) {
                world->paddr = area_map(&world->random);
                for (size_t j = 0; j < ELEMENTSOF(cases); j++) {
                        print_message("at %#llx: %s\n", (unsigned long long) world->paddr,
                                      cases[j].name);
                        case_run(world, cases + j);
                }
                assert_int_equal(munmap(world->area, AREA_BYTES), 0);
        }
}

#define NO_MEMORY (UINT64_C(1) << 45) /* where nothing is mapped */
#define NO_ADDRESS (UINT64_C(1) << 50)
#define TOO_HIGH (UINT64_C(1) << 60)

/* Addresses that lead nowhere; 0: it is as it was. Those of the header are damage. */
static const struct {
        uint64_t status, block, leaves; /* the first copy's */
        uint32_t exceptions, started;
} wilds[] = {
        { .block = NO_MEMORY, .exceptions = 1, .started = 1 },
        { .block = NO_ADDRESS, .exceptions = 1, .started = 1 },
        { .block = TOO_HIGH, .started = 1 },
        { .leaves = NO_MEMORY, .exceptions = 1, .started = 1 },
        { .leaves = NO_ADDRESS, .exceptions = 1, .started = 1 },
        { .leaves = TOO_HIGH, .started = 1 },
        /* Nobody can see what was found. */
        { .status = NO_MEMORY },
        { .status = NO_ADDRESS, .block = NO_MEMORY, .leaves = NO_ADDRESS },
};

static void wild_run(World *world, size_t number)
{
        const PurgatoryStatus *status = world->status;
        Cpu cpu = { .wild = NO_ADDRESS };

        if (wilds[number].block != 0)
                world->header->block_paddr[0] = wilds[number].block;
        if (wilds[number].status != 0)
                world->header->status_paddr = wilds[number].status;
        if (wilds[number].leaves != 0)
                world->block->leaves_paddr[0] = wilds[number].leaves;
        /* The most that there can be with something left to start */
        world->block->provoke_stage = PURGATORY_STAGE_CHECK;
        world->block->provoke_action = wilds[number].started ? 0 : PURGATORY_PROVOKE_UD;
        block_seal(world);

        world_run(world, &cpu);
        assert_jumped(world, &cpu, wilds[number].started ? 0 : 1);
        assert_outs(&cpu, NULL, 0);
        assert_int_equal(status->started, wilds[number].started);
        assert_int_equal(status->exceptions, wilds[number].exceptions);
        if (wilds[number].started == 0)
                return;
        assert_int_equal(status->block_copy, wilds[number].block != 0 ? 2 : 1);
        assert_int_equal(status->leaves_copy, wilds[number].leaves != 0 ? 2 : 1);
        /* With page tables of 5 levels it is an address, but nothing is there either. */
        if (wilds[number].exceptions > 0)
                assert_in_range(status->first_exception.vector, 13, 14);
}

static void test_goes_on_with_the_other_copy_after_an_exception(void **state)
{
        World *world = *state;

        world->random = UINT64_C(0x6b64756d7064);
        world->paddr = area_map(&world->random);
        for (size_t i = 0; i < ELEMENTSOF(wilds); i++) {
                world_fill(world);
                wild_run(world, i);
        }
        assert_int_equal(munmap(world->area, AREA_BYTES), 0);
}

static void world_begin(World *world)
{
        world->random = UINT64_C(0x6b64756d7064);
        world->paddr = area_map(&world->random);
        world_fill(world);
}

/* Whatever it interrupts: the same is said in the end. */
static void test_goes_on_after_an_nmi(void **state)
{
        World *world = *state;
        Cpu without = { 0 };

        world_begin(world);
        world_run(world, &without);
        assert_jumped(world, &without, 0);
        for (unsigned at = 1; at <= without.n_ports; at += 5) {
                Cpu cpu = { .nmi_at = at };

                world_fill(world);
                world_run(world, &cpu);
                assert_jumped(world, &cpu, 0);
                assert_int_equal(world->status->nmis, 1);
                assert_int_equal(cpu.n_outs, without.n_outs);
                assert_memory_equal(cpu.outs, without.outs, cpu.n_outs * sizeof(*cpu.outs));
        }
        assert_int_equal(munmap(world->area, AREA_BYTES), 0);
}

/* The frequency of the TSC is in the block, so that many reads of a port are the time to wait. */
static void test_resets_as_the_header_says_without_a_block(void **state)
{
        static const CpuOut expected[] = { { 0x92, 0x00 }, { 0x92, 0x01 } };
        World *world = *state;
        Cpu cpu = { 0 };

        world_begin(world);
        world->header->resets[0] = PURGATORY_RESET_PORT92;
        world->header->resets[1] = PURGATORY_RESET_TRIPLE;
        world->header->block_paddr[0] = world->header->block_paddr[1] = 0;
        header_seal(world);

        world_run(world, &cpu);
        assert_int_equal(cpu.end, CPU_END_TRIPLE_FAULT);
        assert_outs(&cpu, expected, ELEMENTSOF(expected));
        assert_int_equal(world->status->resets, 2);
        assert_int_equal(munmap(world->area, AREA_BYTES), 0);
}

int main(int argc, char *argv[])
{
        World world = { 0 };
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_prestate(test_does_what_it_must_at_any_address, &world),
                cmocka_unit_test_prestate(test_goes_on_with_the_other_copy_after_an_exception,
                                          &world),
                cmocka_unit_test_prestate(test_goes_on_after_an_nmi, &world),
                cmocka_unit_test_prestate(test_resets_as_the_header_says_without_a_block, &world),
        };
        _cleanup_free_ char *file = NULL;

        if (argc != 2 ||
            file_read(AT_FDCWD, argv[1], BLOB_PAGES_MAX * PAGE_BYTES, &file, &world.file_bytes) < 0)
                return EXIT_FAILURE;
        world.file = file;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
