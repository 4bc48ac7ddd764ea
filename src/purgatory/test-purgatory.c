/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-bed.h"
#include "test.h"

enum { KERNEL, INITRD, BOOT_PARAMS, FALLBACK_INITRD, FALLBACK_BOOT_PARAMS, CMDLINE, LIVE_ELF };

#define PRIMARY 1U /* or'ed: which copy is hit */
#define MIRROR 2U
#define NO_TARGET 9U

/* One flipped bit in a chunk of an extent */
typedef struct Hit {
        unsigned extent, chunk, where;
} Hit;

typedef struct Scenario {
        const char *name;
        Hit hits[4];                                       /* where: 0 ends them */
        unsigned block_copies, leaves_copies, headers_hit; /* bit i: copy i is hit */
        bool live_elf, live_elf_changed, without_fallback, without_status;
        /* What must come of it */
        unsigned target;
        unsigned repaired, lost;
        unsigned block_copy, leaves_copy;
        PurgatoryResult results[7];
        const char *text; /* part of what it says */
} Scenario;

#define GOOD PURGATORY_RESULT_GOOD
#define REPAIRED PURGATORY_RESULT_REPAIRED
#define LOST PURGATORY_RESULT_LOST

static const Scenario scenarios[] = {
        { "all is well", .block_copy = 1, .leaves_copy = 1,
          .results = { GOOD, GOOD, GOOD, 0, 0, GOOD },
          .text = "kdumpd: checking the crash kernel\r\n"
                  "kdumpd: starting target 0: chunks 8, repaired 0, lost 0\r\n" },
        { "a chunk of the kernel is bad", .hits = { { KERNEL, 1, PRIMARY } }, .repaired = 1,
          .block_copy = 1, .leaves_copy = 1, .results = { REPAIRED, GOOD, GOOD, 0, 0, GOOD },
          .text = "starting target 0: chunks 8, repaired 1, lost 0\r\n" },
        { "the short last chunk is bad", .hits = { { KERNEL, 3, PRIMARY } }, .repaired = 1,
          .block_copy = 1, .leaves_copy = 1, .results = { REPAIRED, GOOD, GOOD, 0, 0, GOOD } },
        { "the last chunk of one byte is bad", .hits = { { INITRD, 1, PRIMARY } }, .repaired = 1,
          .block_copy = 1, .leaves_copy = 1, .results = { GOOD, REPAIRED, GOOD, 0, 0, GOOD } },
        { "only the mirror is bad", .hits = { { KERNEL, 1, MIRROR } }, .block_copy = 1,
          .leaves_copy = 1, .results = { GOOD, GOOD, GOOD, 0, 0, GOOD } },
        { "both are bad in different chunks",
          .hits = { { KERNEL, 0, PRIMARY }, { KERNEL, 1, MIRROR }, { KERNEL, 2, PRIMARY } },
          .repaired = 2, .block_copy = 1, .leaves_copy = 1,
          .results = { REPAIRED, GOOD, GOOD, 0, 0, GOOD } },
        { "three extents are bad",
          .hits = { { KERNEL, 0, PRIMARY }, { INITRD, 0, PRIMARY }, { BOOT_PARAMS, 0, PRIMARY } },
          .repaired = 3, .block_copy = 1, .leaves_copy = 1,
          .results = { REPAIRED, REPAIRED, REPAIRED, 0, 0, GOOD } },
        { "a chunk of the kernel is lost", .hits = { { KERNEL, 2, PRIMARY | MIRROR } },
          .target = NO_TARGET, .lost = 1, .block_copy = 1, .leaves_copy = 1, .results = { LOST },
          .text = "kdumpd: target 0 is damaged\r\nkdumpd: target 1 is damaged\r\n"
                  "kdumpd: resetting the machine\r\n" },
        { "the initramfs is lost", .hits = { { INITRD, 0, PRIMARY | MIRROR } }, .target = 1,
          .lost = 1, .block_copy = 1, .leaves_copy = 1,
          .results = { GOOD, LOST, 0, GOOD, GOOD, GOOD },
          .text = "kdumpd: target 0 is damaged\r\nkdumpd: starting target 1: chunks 9, " },
        { "the initramfs is lost, the kernel and the fallback are repaired",
          .hits = { { INITRD, 0, PRIMARY | MIRROR },
                    { KERNEL, 0, PRIMARY },
                    { FALLBACK_INITRD, 0, PRIMARY } },
          .target = 1, .repaired = 2, .lost = 1, .block_copy = 1, .leaves_copy = 1,
          .results = { REPAIRED, LOST, 0, REPAIRED, GOOD, GOOD } },
        { "the initramfs is lost and there is no fallback",
          .hits = { { INITRD, 0, PRIMARY | MIRROR } }, .without_fallback = true,
          .target = NO_TARGET, .lost = 1, .block_copy = 1, .leaves_copy = 1,
          .results = { GOOD, LOST } },
        { "both targets have lost something",
          .hits = { { INITRD, 1, PRIMARY | MIRROR },
                    { FALLBACK_BOOT_PARAMS, 0, PRIMARY | MIRROR } },
          .target = NO_TARGET, .lost = 2, .block_copy = 1, .leaves_copy = 1,
          .results = { GOOD, LOST, 0, GOOD, LOST } },
        { "only the fallback is bad", .hits = { { FALLBACK_INITRD, 0, PRIMARY | MIRROR } },
          .block_copy = 1, .leaves_copy = 1, .results = { GOOD, GOOD, GOOD, 0, 0, GOOD } },
        { "what has no mirror is bad", .hits = { { CMDLINE, 0, PRIMARY } }, .target = NO_TARGET,
          .lost = 1, .block_copy = 1, .leaves_copy = 1,
          .results = { GOOD, GOOD, GOOD, GOOD, GOOD, LOST } },
        { "the first block is bad", .block_copies = 1, .block_copy = 2, .leaves_copy = 1,
          .results = { GOOD, GOOD, GOOD, 0, 0, GOOD } },
        { "the second block is bad", .block_copies = 2, .block_copy = 1, .leaves_copy = 1,
          .results = { GOOD, GOOD, GOOD, 0, 0, GOOD } },
        { "both blocks are bad", .block_copies = 3, .target = NO_TARGET,
          .text = "kdumpd: its description is damaged\r\nkdumpd: resetting the machine\r\n" },
        { "the first leaf table is bad", .leaves_copies = 1, .block_copy = 1, .leaves_copy = 2,
          .results = { GOOD, GOOD, GOOD, 0, 0, GOOD } },
        { "both leaf tables are bad", .leaves_copies = 3, .target = NO_TARGET, .block_copy = 1,
          .text = "kdumpd: its digests are damaged\r\nkdumpd: resetting the machine\r\n" },
        { "the first of everything is bad", .block_copies = 1, .leaves_copies = 1,
          .hits = { { KERNEL, 0, PRIMARY }, { INITRD, 0, PRIMARY } }, .repaired = 2,
          .block_copy = 2, .leaves_copy = 2, .results = { REPAIRED, REPAIRED, GOOD, 0, 0, GOOD } },
        { "there is no status", .without_status = true, .hits = { { KERNEL, 0, PRIMARY } },
          .repaired = 1, .block_copy = 1, .leaves_copy = 1,
          .results = { REPAIRED, GOOD, GOOD, 0, 0, GOOD } },
        { "live headers", .live_elf = true, .block_copy = 1, .leaves_copy = 1,
          .results = { GOOD, GOOD, GOOD, 0, 0, GOOD, GOOD },
          .text = "starting target 0: chunks 8, repaired 0, lost 0\r\n" },
        { "live headers were rewritten", .live_elf = true, .live_elf_changed = true,
          .block_copy = 1, .leaves_copy = 1, .results = { GOOD, GOOD, GOOD, 0, 0, GOOD, GOOD } },
        { "live headers were rewritten, their copy is bad", .live_elf = true,
          .live_elf_changed = true, .hits = { { LIVE_ELF, 0, MIRROR } }, .block_copy = 1,
          .leaves_copy = 1, .results = { GOOD, GOOD, GOOD, 0, 0, GOOD, GOOD } },
        { "live headers make no sense", .live_elf = true, .hits = { { LIVE_ELF, 0, PRIMARY } },
          .repaired = 1, .block_copy = 1, .leaves_copy = 1,
          .results = { GOOD, GOOD, GOOD, 0, 0, GOOD, REPAIRED } },
        { "live headers make no sense, nor does their copy fit", .live_elf = true,
          .hits = { { LIVE_ELF, 0, PRIMARY | MIRROR } }, .target = NO_TARGET, .lost = 1,
          .block_copy = 1, .leaves_copy = 1,
          .results = { GOOD, GOOD, GOOD, GOOD, GOOD, GOOD, LOST } },
};

static void hit(Bed *bed, const Hit *where)
{
        const PurgatoryExtent *extent = bed->block.extents + where->extent;
        bool is_live = extent->flags & PURGATORY_EXTENT_LIVE_ELF;
        uint64_t offset = where->chunk * (uint64_t) PURGATORY_CHUNK_BYTES;

        assert_true(offset < extent->bytes);
        if (where->where & PRIMARY)
                bed_flip(bed, extent->paddr + offset, 3);
        if (where->where & MIRROR)
                bed_flip(bed,
                         extent->mirror_paddr + (is_live ? PURGATORY_ELF_COPY_OFFSET : 0) + offset,
                         5);
}

/* Half of the last PT_LOAD's memory was taken away. */
static void live_elf_change(Bed *bed)
{
        uint8_t *phdr = bed_at(bed, bed->block.extents[LIVE_ELF].paddr + 64 + 3 * 56);

        assert_int_equal(phdr[32 + 3], 0x40);
        phdr[32 + 3] = phdr[40 + 3] = 0x20;
}

static void scenario_begin(const Scenario *s, Bed *bed)
{
        bed_init_usual(bed);
        if (s->live_elf) {
                assert_int_equal(bed_add_live_elf(bed, true), LIVE_ELF);
                bed_seal(bed);
        }
        if (s->without_fallback) {
                bed->block.targets[1].entry = 0;
                bed_seal_block(bed);
        }
        if (s->without_status) {
                bed->header.status_paddr = 0;
                bed_seal_block(bed);
        }
        if (s->live_elf_changed)
                live_elf_change(bed);
        for (size_t i = 0; i < ELEMENTSOF(s->hits) && s->hits[i].where; i++)
                hit(bed, s->hits + i);
        for (unsigned i = 0; i < PURGATORY_COPIES; i++) {
                if (s->block_copies >> i & 1)
                        bed_flip(bed, bed->header.block_paddr[i] + 1000, 0);
                if (s->leaves_copies >> i & 1)
                        bed_flip(bed, bed->block.leaves_paddr[i] + 33, 7);
        }
}

static void assert_started(Bed *bed, unsigned target)
{
        const PurgatoryTarget *expected = bed->block.targets + target;
        PurgatoryStatus *status = bed_status(bed);

        assert_int_equal(bed->end, BED_JUMPED);
        assert_int_equal(bed->entry, expected->entry);
        assert_int_equal(bed->boot_params, expected->boot_params);
        assert_int_equal(status->started, target + 1);
        assert_int_equal(status->stage, PURGATORY_STAGE_JUMP);
        assert_true(status->tsc_leave > status->tsc_entry);
        assert_int_equal(status->resets, 0);
        assert_int_equal(bed->n_writes, 0);
        assert_true(bed_is_intact(bed, target));
}

static void assert_reset(Bed *bed)
{
        PurgatoryStatus *status = bed_status(bed);

        assert_int_equal(bed->end, BED_TRIPLE_FAULT);
        assert_int_equal(status->started, 0);
        assert_int_equal(status->stage, PURGATORY_STAGE_RESET);
        assert_true(status->resets > 0);
}

static void scenario_run(const Scenario *s)
{
        _cleanup_bed_ Bed bed;
        PurgatoryStatus *status;

        print_message("  %s\n", s->name);
        scenario_begin(s, &bed);
        bed_run(&bed);
        status = bed_status(&bed);
        if (s->target == NO_TARGET)
                assert_reset(&bed);
        else
                assert_started(&bed, s->target);
        assert_int_equal(status->chunks_repaired, s->repaired);
        assert_int_equal(status->chunks_lost, s->lost);
        assert_int_equal(status->block_copy, s->block_copy);
        assert_int_equal(status->leaves_copy, s->leaves_copy);
        assert_int_equal(status->exceptions, 0);
        for (size_t i = 0; i < ELEMENTSOF(s->results); i++)
                assert_int_equal(status->results[i], s->results[i]);
        if (s->text)
                assert_non_null(strstr(bed.serial, s->text));
        assert_false(bed.bad_access);
}

static void test_scenarios(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(scenarios); i++)
                scenario_run(scenarios + i);
}

static void test_status_says_how_the_machine_was_entered(void **state)
{
        _cleanup_bed_ Bed bed;
        PurgatoryStatus *status;

        bed_init_usual(&bed);
        bed_run(&bed);
        status = (PurgatoryStatus *) bed_at(&bed, bed.header.status_paddr);
        assert_ptr_equal(status, bed_status(&bed));
        assert_int_equal(status->generation, 7);
        assert_int_equal(status->cr0, 0x80000033);
        assert_int_equal(status->cr3, 0x1000);
        assert_int_equal(status->cr4, 0x20);
        assert_int_equal(status->efer, 0xd01);
        assert_int_equal(status->gdt_limit, 0);
        assert_int_equal(status->idt_limit, 4095);
        assert_int_equal(status->nmis, 0);
        assert_true(mem_is_zero(status->reserved1, sizeof(status->reserved1)));
}

/* What is not the status must not be written to. */
static void test_a_status_that_is_none_is_left_alone(void **state)
{
        for (unsigned i = 0; i < 3; i++) {
                uint64_t offset = i == 0   ? offsetof(PurgatoryStatus, magic)
                                  : i == 1 ? offsetof(PurgatoryStatus, version)
                                           : offsetof(PurgatoryStatus, bytes);
                _cleanup_bed_ Bed bed;
                uint8_t before[sizeof(PurgatoryStatus)];

                bed_init_usual(&bed);
                bed_flip(&bed, bed.header.status_paddr + offset, 1);
                memcpy(before, bed_at(&bed, bed.header.status_paddr), sizeof(before));
                bed_run(&bed);
                assert_started(&bed, 0);
                assert_ptr_equal(bed_status(&bed), &bed.purgatory.own_status);
                assert_memory_equal(before, bed_at(&bed, bed.header.status_paddr), sizeof(before));
        }
}

static void test_a_status_at_an_odd_or_impossible_address_is_left_alone(void **state)
{
        static const uint64_t bad[] = { 4, BED_PADDR + 1, BED_PADDR - 8, UINT64_MAX - 7,
                                        UINT64_MAX - 255 };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_bed_ Bed bed;

                bed_init_usual(&bed);
                bed.header.status_paddr = bad[i];
                bed_seal_block(&bed);
                bed_run(&bed);
                assert_started(&bed, 0);
                assert_ptr_equal(bed_status(&bed), &bed.purgatory.own_status);
                assert_false(bed.bad_access);
        }
}

/* The block is all that says what is good: a bit of it that nobody minds is one too many. */
static void test_each_bit_of_a_block_counts(void **state)
{
        _cleanup_bed_ Bed bed;

        bed_init_usual(&bed);
        bed.block.leaves_paddr[1] = bed.block.leaves_paddr[0];
        bed_seal_block(&bed);
        for (uint64_t bit = 0; bit < 8 * sizeof(PurgatoryBlock); bit += 5) {
                memcpy(bed.memory, bed.sealed, bed.bytes);
                bed.purgatory = (Purgatory){};
                bed_flip(&bed, bed.header.block_paddr[0] + bit / 8, bit % 8);
                /* Enough to know which block is used */
                bed.fault_paddr = bed.block.leaves_paddr[0];
                bed.fault_skip = PURGATORY_COPIES;
                bed.works = PURGATORY_RESET_FADT;
                bed.n_writes = 0;
                bed_run(&bed);
                assert_int_equal(bed.end, BED_RESET);
                assert_int_equal(bed_status(&bed)->block_copy, 2);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_scenarios),
                cmocka_unit_test(test_status_says_how_the_machine_was_entered),
                cmocka_unit_test(test_a_status_that_is_none_is_left_alone),
                cmocka_unit_test(test_a_status_at_an_odd_or_impossible_address_is_left_alone),
                cmocka_unit_test(test_each_bit_of_a_block_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
