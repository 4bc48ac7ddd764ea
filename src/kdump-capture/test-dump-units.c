/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of the cut into units, on memory that no test could hold page by page. */
#include "dump-units.h"
#include "test.h"

/* Two stretches of memory, however far apart; every @every-th page of them is to be written. */
typedef struct Sparse {
        PageSource source;
        uint64_t start[2], end[2];
        uint64_t every;
        uint64_t value_start, value_end; /* where valuable pages are: those that can be */
        uint64_t value_every;            /* divided by this */
        uint64_t n_asked;
} Sparse;

static bool sparse_has(const Sparse *sparse, uint64_t pfn)
{
        return (pfn >= sparse->start[0] && pfn < sparse->end[0]) ||
               (pfn >= sparse->start[1] && pfn < sparse->end[1]);
}

static void sparse_exists(void *data, uint64_t first_pfn, size_t n_pfns, uint8_t *bits)
{
        memset(bits, 0, DIV_ROUND_UP(n_pfns, 8));
        for (size_t i = 0; i < n_pfns; i++)
                if (sparse_has(data, first_pfn + i))
                        bits[i / 8] |= (uint8_t) (1U << (i % 8));
}

/* Also says yes to what is no memory: that must not count. */
static void sparse_dumpable(void *data, uint64_t first_pfn, size_t n_pfns, uint8_t *bits)
{
        Sparse *sparse = data;

        assert_int_equal(first_pfn % PAGE_SOURCE_ALIGN_PFNS, 0);
        sparse->n_asked += n_pfns;
        memset(bits, 0, DIV_ROUND_UP(n_pfns, 8));
        for (size_t i = 0; i < n_pfns; i++)
                if ((first_pfn + i) % sparse->every == 0)
                        bits[i / 8] |= (uint8_t) (1U << (i % 8));
}

static bool sparse_is_valuable(const Sparse *sparse, uint64_t pfn)
{
        return pfn >= sparse->value_start && pfn < sparse->value_end &&
               pfn % sparse->value_every == 0;
}

static void sparse_valuable(void *data, uint64_t first_pfn, size_t n_pfns, uint8_t *bits)
{
        const Sparse *sparse = data;

        assert_int_equal(first_pfn % PAGE_SOURCE_ALIGN_PFNS, 0);
        memset(bits, 0, DIV_ROUND_UP(n_pfns, 8));
        for (size_t i = 0; i < n_pfns; i++)
                if (sparse_is_valuable(sparse, first_pfn + i))
                        bits[i / 8] |= (uint8_t) (1U << (i % 8));
}

static uint64_t sparse_next(void *data, uint64_t pfn)
{
        const Sparse *sparse = data;

        for (size_t i = 0; i < 2; i++)
                if (pfn < sparse->end[i])
                        return MAX(pfn, sparse->start[i]);
        return UINT64_MAX;
}

static void sparse_init(Sparse *sparse, uint64_t start0, uint64_t end0, uint64_t start1,
                        uint64_t end1, uint64_t every)
{
        *sparse = (Sparse){
                .source = {
                        .data = sparse,
                        .page_size_bytes = 4096,
                        .end_pfn = MAX(end0, end1),
                        .exists = sparse_exists,
                        .next = sparse_next,
                        .dumpable = sparse_dumpable,
                },
                .value_every = 1,
                .start = { start0, start1 },
                .end = { end0, end1 },
                .every = every,
        };
}

static DumpUnits *plan(Sparse *sparse, size_t bits_bytes_max, uint64_t *ret_n_pages)
{
        DumpUnits *units = NULL;
        DumpStretch stretch;
        uint64_t n_exist = 0, n_dumpable = 0;

        assert_int_equal(dump_units_new(&sparse->source, bits_bytes_max, &units), 0);
        assert_int_equal(dump_stretch_init(&stretch, units), 0);
        for (size_t i = 0; dump_stretch_next(units, i, &stretch); i = stretch.end) {
                assert_int_equal(stretch.first, i);
                assert_true(stretch.end > i);
                dump_units_plan(units, sparse, &stretch);
                n_exist += stretch.n_exist;
                n_dumpable += stretch.n_dumpable;
        }
        dump_stretch_done(&stretch);
        *ret_n_pages = dump_units_rank(units);
        assert_int_equal(n_dumpable, *ret_n_pages);
        assert_int_equal(n_exist,
                         sparse->end[0] - sparse->start[0] + sparse->end[1] - sparse->start[1]);
        return units;
}

/* Every page that is to be written is in exactly one unit, at its rank. */
static void check_units(Sparse *sparse, size_t bits_bytes_max)
{
        uint64_t n_pages, rank = 0, end_pfn = 0;
        _cleanup_(dump_units_freep) DumpUnits *units = plan(sparse, bits_bytes_max, &n_pages);
        _cleanup_free_ uint8_t *scratch = malloc(dump_units_scratch_bytes(units));

        assert_non_null(scratch);
        for (size_t i = 0; i < dump_units_n(units); i++) {
                DumpUnit unit;
                uint64_t n = 0;

                dump_units_get(units, i, 0, sparse, scratch, &unit);
                assert_true(unit.first_pfn >= end_pfn);
                end_pfn = unit.first_pfn + unit.n_pfns;
                assert_int_equal(unit.rank, rank);
                for (size_t k = 0; k < unit.n_pfns && unit.n_pages > 0; k++) {
                        uint64_t pfn = unit.first_pfn + k;
                        bool expected = sparse_has(sparse, pfn) && pfn % sparse->every == 0;

                        assert_int_equal(unit.bits[k / 8] >> (k % 8) & 1, expected);
                        n += expected;
                }
                assert_int_equal(unit.n_pages, n);
                rank += n;
        }
        assert_int_equal(rank, n_pages);
}

static void test_ranks_count_the_pages_before(void **state)
{
        static const struct {
                uint64_t start0, end0, start1, end1, every;
        } rows[] = {
                { 0, 1, 1, 1, 1 },
                { 5, 6, 7, 8, 1 },
                { 0, 4096, 4096, 8192, 1 },
                { 4095, 4097, 8191, 8195, 1 },
                { 3, 20000, 300000, 400001, 7 },
                { 131071, 131073, 262143, 600000, 1000 },
                { 100, 5000, 1ULL << 36, (1ULL << 36) + 5001, 3 },
                { 100, 5000, 6000, 7000, 1ULL << 40 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (size_t bits = 0; bits <= 4 << 20; bits += 4 << 20) {
                        Sparse sparse;

                        sparse_init(&sparse, rows[i].start0, rows[i].end0, rows[i].start1,
                                    rows[i].end1, rows[i].every);
                        check_units(&sparse, bits);
                }
}

static void test_holes_cost_nothing(void **state)
{
        uint64_t n_pages, far = 1ULL << 44;
        DumpUnits *units;
        Sparse sparse;

        sparse_init(&sparse, 0, 4096, far, far + 8192, 1);
        units = plan(&sparse, 4 << 20, &n_pages);
        assert_int_equal(dump_units_n(units), 3);
        assert_int_equal(n_pages, 12288);
        assert_int_equal(sparse.n_asked, 12288);
        dump_units_free(units);
}

static void test_units_grow_with_the_memory(void **state)
{
        DumpUnits *units = NULL;
        Sparse sparse;

        /* 1 TiB, 64 TiB, and 4 PiB, which no machine has. */
        sparse_init(&sparse, 0, 1ULL << 28, 1ULL << 28, 1ULL << 28, 1);
        assert_int_equal(dump_units_new(&sparse.source, 0, &units), 0);
        assert_int_equal(dump_units_n(units), 65536);
        units = dump_units_free(units);
        sparse_init(&sparse, 0, 1ULL << 34, 1ULL << 34, 1ULL << 34, 1);
        assert_int_equal(dump_units_new(&sparse.source, 0, &units), 0);
        assert_int_equal(dump_units_n(units), 65536);
        units = dump_units_free(units);
        sparse_init(&sparse, 0, 1ULL << 40, 1ULL << 40, 1ULL << 40, 1);
        assert_int_equal(dump_units_new(&sparse.source, 0, &units), -EINVAL);
        assert_null(units);
}

static void test_no_memory_at_all(void **state)
{
        uint64_t n_pages;
        DumpUnits *units;
        Sparse sparse;

        sparse_init(&sparse, 0, 0, 0, 0, 1);
        units = plan(&sparse, 4 << 20, &n_pages);
        assert_int_equal(n_pages, 0);
        assert_int_equal(dump_units_n(units), 0);
        dump_units_free(units);
}

/* Each page is in exactly one round. Returns how many are in the first. */
static uint64_t check_rounds(Sparse *sparse, size_t bits_bytes_max)
{
        uint64_t n_pages, n[2] = {};
        _cleanup_(dump_units_freep) DumpUnits *units = plan(sparse, bits_bytes_max, &n_pages);
        _cleanup_free_ uint8_t *scratch = malloc(dump_units_scratch_bytes(units));
        _cleanup_free_ uint8_t *first = calloc(1, 1 << 20);

        assert_true(scratch && first);
        assert_int_equal(dump_units_n_rounds(units), 2);
        for (size_t i = 0; i < dump_units_n(units); i++)
                for (unsigned round = 0; round < 2; round++) {
                        DumpUnit unit;

                        dump_units_get(units, i, round, sparse, scratch, &unit);
                        for (size_t k = 0; k < unit.n_pfns && unit.n_pages > 0; k++) {
                                bool wanted = unit.bits[k / 8] >> (k % 8) & 1;
                                bool now = unit.now[k / 8] >> (k % 8) & 1;
                                uint64_t pfn = unit.first_pfn + k;
                                bool before = first[k / 8] >> (k % 8) & 1;

                                if (round == 0 && wanted && sparse_is_valuable(sparse, pfn))
                                        assert_true(now);
                                if (round == 1)
                                        assert_int_equal(now, wanted && !before);
                                n[round] += now;
                        }
                        if (round == 0 && unit.n_pages > 0)
                                memcpy(first, unit.now, DIV_ROUND_UP(unit.n_pfns, 8));
                }
        assert_int_equal(n[0] + n[1], n_pages);
        return n[0];
}

static void test_valuable_pages_are_of_the_first_round(void **state)
{
        static const struct {
                uint64_t every, value_start, value_end, n_first;
        } rows[] = {
                { 1, 0, 0, 0 },
                { 1, 0, 60000, 50000 },
                { 1, 10000, 10001, 1 },
                { 1, 8191, 12289, 2289 },
                { 3, 10000, 10007, 2 },
                { 5, 12000, 40000, 5600 },
                /* None of them is to be written. */
                { 1ULL << 40, 10, 20, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (size_t bits = 0; bits <= 4 << 20; bits += 4 << 20) {
                        Sparse sparse;

                        sparse_init(&sparse, 10000, 60000, 60000, 60000, rows[i].every);
                        sparse.source.valuable = sparse_valuable;
                        sparse.value_start = rows[i].value_start;
                        sparse.value_end = rows[i].value_end;
                        assert_int_equal(check_rounds(&sparse, bits), rows[i].n_first);
                }
}

static void test_few_pages_between_valuable_ones_are_taken_along(void **state)
{
        Sparse sparse;

        sparse_init(&sparse, 0, 4096, 4096, 4096, 1);
        sparse.source.valuable = sparse_valuable;
        sparse.value_end = 4096;
        sparse.value_every = 16;
        assert_int_equal(check_rounds(&sparse, 4 << 20), 4096 - 15);
        sparse.value_every = 17;
        assert_int_equal(check_rounds(&sparse, 4 << 20), 4096 / 17 + 1);

        /* What is not written anyway does not count. */
        sparse.every = 17;
        sparse.value_every = 17 * 16;
        assert_int_equal(check_rounds(&sparse, 4 << 20), 4096 / (17 * 16) * 16 + 1);
}

static void test_one_round_if_there_is_no_telling(void **state)
{
        uint64_t n_pages;
        DumpUnits *units;
        Sparse sparse;

        sparse_init(&sparse, 0, 4096, 4096, 4096, 1);
        units = plan(&sparse, 4 << 20, &n_pages);
        assert_int_equal(dump_units_n_rounds(units), 1);
        dump_units_free(units);
}

static void test_units_from_the_start_page_on_come_first(void **state)
{
        static const struct {
                uint64_t start_pfn;
                size_t order[3];
        } cases[] = {
                { 0, { 0, 1, 2 } },     { 4095, { 0, 1, 2 } },       { 4096, { 1, 2, 0 } },
                { 5000, { 1, 2, 0 } },  { 8192, { 2, 0, 1 } },       { 12287, { 2, 0, 1 } },
                { 12288, { 0, 1, 2 } }, { UINT64_MAX, { 0, 1, 2 } },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                DumpUnits *units;
                uint64_t n_pages;
                Sparse sparse;

                sparse_init(&sparse, 0, 12288, 12288, 12288, 1);
                sparse.source.start_pfn = cases[i].start_pfn;
                units = plan(&sparse, 4 << 20, &n_pages);
                for (size_t k = 0; k < ELEMENTSOF(cases[i].order); k++)
                        assert_int_equal(dump_units_nth(units, k), cases[i].order[k]);
                dump_units_free(units);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ranks_count_the_pages_before),
                cmocka_unit_test(test_holes_cost_nothing),
                cmocka_unit_test(test_units_grow_with_the_memory),
                cmocka_unit_test(test_no_memory_at_all),
                cmocka_unit_test(test_valuable_pages_are_of_the_first_round),
                cmocka_unit_test(test_few_pages_between_valuable_ones_are_taken_along),
                cmocka_unit_test(test_units_from_the_start_page_on_come_first),
                cmocka_unit_test(test_one_round_if_there_is_no_telling),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
