/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the crash kernel's memory map. */
#include "test.h"

#include "e820.h"
#include "test-machines.h"

static void facts_freep(LoaderFacts *facts)
{
        loader_facts_done(facts);
}
#define _cleanup_facts_ _cleanup_(facts_freep)

static bool list_has(const RangeList *list, uint64_t start, uint64_t end)
{
        for (size_t i = 0; i < list->n; i++)
                if (start < list->ranges[i].end && list->ranges[i].start < end)
                        return true;
        return false;
}

static bool is_inside(Range range, uint64_t start, uint64_t end)
{
        return start >= range.start && end <= range.end;
}

/* Whether a page is to be the crash kernel's memory, byte by byte where it matters. */
static bool is_ram(const LoaderFacts *facts, const RangeList *holes, uint64_t page)
{
        uint64_t end = page + 0x1000;
        bool ram = is_inside(facts->crash, page, end) || is_inside(facts->crash_low, page, end);

        for (size_t i = 0; i < facts->crash_cma.n; i++)
                ram |= is_inside(facts->crash_cma.ranges[i], page, end);
        for (size_t i = 0; i < facts->ram.n; i++)
                ram |= end <= 0x100000 && is_inside(facts->ram.ranges[i], page, end);
        for (size_t i = 0; i < facts->n_map; i++)
                ram &= facts->map[i].range.end <= page || facts->map[i].range.start >= end;
        return ram && !list_has(holes, page, end);
}

static const MemoryRange *find(const E820 *e820, uint64_t start, uint64_t end, bool ram)
{
        const MemoryRange *found = NULL;

        for (size_t i = 0; i < e820->n; i++)
                if ((e820->ranges[i].kind == MEMORY_RAM) == ram &&
                    start < e820->ranges[i].range.end && e820->ranges[i].range.start < end) {
                        assert_null(found);
                        found = &e820->ranges[i];
                }
        return found;
}

static void check_pages_around(const LoaderFacts *facts, const RangeList *holes, const E820 *e820,
                               Range range)
{
        const uint64_t paddrs[] = { range.start, range.end };

        for (size_t i = 0; i < ELEMENTSOF(paddrs); i++)
                for (uint64_t page = (paddrs[i] & ~UINT64_C(0xfff)), n = 0; n < 3; n++) {
                        uint64_t here = page + n * 0x1000;

                        if (here < 0x1000)
                                continue;
                        here -= 0x1000;
                        if ((find(e820, here, here + 0x1000, true) != NULL) !=
                            is_ram(facts, holes, here))
                                fail_msg("page at %#llx", (unsigned long long) here);
                }
}

static void check_order(const E820 *e820)
{
        for (size_t i = 0; i < e820->n; i++) {
                Range range = e820->ranges[i].range;

                assert_true(range.start < range.end);
                if (e820->ranges[i].kind == MEMORY_RAM)
                        assert_true((range.start | range.end) % 4096 == 0);
                if (i > 0)
                        assert_true(e820->ranges[i - 1].range.end <= range.start);
                if (i > 0 && e820->ranges[i - 1].kind == e820->ranges[i].kind)
                        assert_true(e820->ranges[i - 1].range.end < range.start);
        }
}

static void check(const LoaderFacts *facts, const RangeList *holes)
{
        _cleanup_(e820_done) E820 e820 = {}, whole = {};
        const RangeList none = {};

        assert_int_equal(e820_build(facts, &none, &whole), 0);
        assert_int_equal(e820_build(facts, holes, &e820), 0);
        assert_true(e820.n <= whole.n + holes->n);
        check_order(&e820);
        for (size_t i = 0; i < facts->n_map; i++) {
                Range range = facts->map[i].range;
                const MemoryRange *found = find(&e820, range.start, range.end, false);

                assert_non_null(found);
                assert_int_equal(found->kind, facts->map[i].kind);
                assert_true(range_contains(found->range, range));
                check_pages_around(facts, holes, &e820, range);
        }
        for (size_t i = 0; i < e820.n; i++)
                check_pages_around(facts, holes, &e820, e820.ranges[i].range);
        for (size_t i = 0; i < holes->n; i++)
                check_pages_around(facts, holes, &e820, holes->ranges[i]);
        check_pages_around(facts, holes, &e820, facts->crash);
        check_pages_around(facts, holes, &e820, facts->ram.ranges[0]);
        check_pages_around(facts, holes, &e820, (Range){ 0x1000, 0x100000 });
}

static void test_all_machines(void **state)
{
        for (TestMachine i = 0; i < _TEST_MACHINE_MAX; i++) {
                _cleanup_(range_list_done) RangeList holes = {};
                _cleanup_facts_ LoaderFacts facts = {};
                Range crash;

                test_machine_facts(i, &facts);
                crash = facts.crash;
                check(&facts, &holes);
                /* At the start, inside a page, over two pages, at the end */
                assert_int_equal(range_list_add(&holes, crash.start, crash.start + 1), 0);
                assert_int_equal(range_list_add(&holes, crash.start + 0x5010, crash.start + 0x5020),
                                 0);
                assert_int_equal(range_list_add(&holes, crash.start + 0x9fff, crash.start + 0xa001),
                                 0);
                assert_int_equal(range_list_add(&holes, crash.end - 0x3000, crash.end), 0);
                check(&facts, &holes);
        }
}

typedef struct E820Case {
        MemoryRange map[3];
        Range low, crash, crash_low, cma, hole;
        MemoryRange expected[7];
} E820Case;

static const E820Case cases[] = {
        /* Parts of pages are no RAM; the first MiB is. */
        { .low = { 0x1000, 0x9fc00 },
          .crash = { 0x10000000, 0x20000000 },
          .expected = { { { 0x1000, 0x9f000 }, MEMORY_RAM },
                        { { 0x10000000, 0x20000000 }, MEMORY_RAM } } },
        /* Of the RAM above, only what is reserved. */
        { .low = { 0x1000, 0x40000000 },
          .crash = { 0x10000000, 0x20000000 },
          .expected = { { { 0x1000, 0x100000 }, MEMORY_RAM },
                        { { 0x10000000, 0x20000000 }, MEMORY_RAM } } },
        { .map = { { { 0x9f800, 0xa0000 }, MEMORY_RESERVED }, { { 0x30000000, 0x30000010 }, 3 } },
          .low = { 0, 0xa0000 },
          .crash = { 0x180000000, 0x190000000 },
          .crash_low = { 0x20000000, 0x30000000 },
          .cma = { 0x30000000, 0x40000000 },
          .hole = { 0x188000800, 0x188000900 },
          .expected = { { { 0, 0x9f000 }, MEMORY_RAM },
                        { { 0x9f800, 0xa0000 }, MEMORY_RESERVED },
                        { { 0x20000000, 0x30000000 }, MEMORY_RAM },
                        { { 0x30000000, 0x30000010 }, MEMORY_ACPI },
                        { { 0x30001000, 0x40000000 }, MEMORY_RAM },
                        { { 0x180000000, 0x188000000 }, MEMORY_RAM },
                        { { 0x188001000, 0x190000000 }, MEMORY_RAM } } },
        /* Neighbours of one kind are one; RAM that the map names is none for that. */
        { .map = { { { 0x1000, 0x2000 }, MEMORY_NVS },
                   { { 0x2000, 0x3000 }, MEMORY_NVS },
                   { { 0x50000000, 0x60000000 }, MEMORY_RAM } },
          .crash = { 0x10000000, 0x10001000 },
          .crash_low = { 0x10001000, 0x10002000 },
          .expected = { { { 0x1000, 0x3000 }, MEMORY_NVS },
                        { { 0x10000000, 0x10002000 }, MEMORY_RAM } } },
};

static void test_table(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const E820Case *c = &cases[i];
                MemoryRange map[ELEMENTSOF(c->map)];
                Range low = c->low, cma = c->cma, hole = c->hole;
                const RangeList holes = { &hole, hole.end > 0 };
                const LoaderFacts facts = {
                        .ram = { &low, low.end > 0 },
                        .map = map,
                        .n_map = ELEMENTSOF(map),
                        .crash = c->crash,
                        .crash_low = c->crash_low,
                        .crash_cma = { &cma, cma.end > 0 },
                };
                _cleanup_(e820_done) E820 e820 = {};
                size_t n = 0;

                memcpy(map, c->map, sizeof(map));
                for (; n < ELEMENTSOF(c->expected) && c->expected[n].range.end > 0; n++)
                        ;
                assert_int_equal(e820_build(&facts, &holes, &e820), 0);
                assert_int_equal(e820.n, n);
                for (size_t j = 0; j < n; j++)
                        assert_memory_equal(&e820.ranges[j], &c->expected[j], sizeof(MemoryRange));
        }
}

static void test_entries_have_20_bytes(void **state)
{
        static const MemoryRange ranges[] = {
                { { 0x1000, 0x9f000 }, MEMORY_RAM },
                { { 0x123456789000, 0x12345678a001 }, MEMORY_PRAM },
        };
        static const uint8_t expected[] = {
                0,    0x10, 0,    0, 0,    0,    0, 0, /* address, bytes, kind */
                0,    0xe0, 0x09, 0, 0,    0,    0, 0, 1, 0, 0, 0, 0,  0x90, 0x78, 0x56,
                0x34, 0x12, 0,    0, 0x01, 0x10, 0, 0, 0, 0, 0, 0, 12, 0,    0,    0,
        };
        uint8_t buf[sizeof(expected) + 1];

        buf[sizeof(expected)] = 0xee;
        e820_write(ranges, ELEMENTSOF(ranges), buf);
        assert_memory_equal(buf, expected, sizeof(expected));
        assert_int_equal(buf[sizeof(expected)], 0xee);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_machines),
                cmocka_unit_test(test_table),
                cmocka_unit_test(test_entries_have_20_bytes),
        };

        return cmocka_run_group_tests_name("e820", tests, NULL, NULL);
}
