/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a pipeline leaves in a sink that is full, or broken. */
#include "test-pipeline.h"

/* Returns how many pages read back. */
static uint64_t check_partial(const Run *run)
{
        uint64_t n_pages = file_check_partial(&run->file, &run->fake);

        assert_int_equal(n_pages, run->counts.n_pages);
        return n_pages;
}

static void test_full_sink_keeps_what_was_written(void **state)
{
        static const int errors[] = { -ENOSPC, -EDQUOT, -EFBIG };
        _cleanup_free_ char *kinds = fake_repeat("r", 10000);
        Run run;

        run_init(&run, kinds, 0);
        for (size_t i = 0; i < ELEMENTSOF(thread_counts); i++)
                for (size_t k = 0; k < ELEMENTSOF(errors); k++) {
                        run_again(&run, thread_counts[i]);
                        run.file.limit = (8 << 20) + k * 100000;
                        run.file.limit_error = errors[k];
                        assert_int_equal(run_copy(&run, COMPRESSION_LZO), errors[k]);
                        assert_in_range(check_partial(&run), (8 - thread_counts[i]) * 256 - 256,
                                        8 * 256 + 256);
                }
        run_done(&run);
}

/* What needs no room any more is not lost. */
static void test_full_sink_takes_descriptors_of_zero_pages(void **state)
{
        _cleanup_free_ char *kinds = fake_repeat("r000000000", 3000);
        uint64_t n_other;
        Run run;

        run_init(&run, kinds, 1);
        run.file.limit = 1 << 20;
        run.file.limit_error = -ENOSPC;
        assert_int_equal(run_copy(&run, COMPRESSION_NONE), -ENOSPC);
        n_other = check_partial(&run) - run.counts.n_zero;
        assert_in_range(n_other, 1, 256);
        /* Nine for each other page in the file, and for each of the 12 to 16 that did not fit. */
        assert_in_range(run.counts.n_zero, 9 * (n_other + 11), 9 * (n_other + 16));
        run_done(&run);
}

static void test_broken_sink_stops_everything(void **state)
{
        _cleanup_free_ char *kinds = fake_repeat("r0t", 20000);

        /* In a bitmap, the descriptors, and the data. */
        static const uint64_t places[] = { 8200, 20000, 400000, 1 << 20, 5 << 20, 20 << 20 };
        Run run;

        run_init(&run, kinds, 0);
        for (size_t i = 0; i < ELEMENTSOF(thread_counts); i++)
                for (size_t k = 0; k < ELEMENTSOF(places); k++) {
                        run_again(&run, thread_counts[i]);
                        run.file.error_at = places[k];
                        run.file.error = -EIO;
                        assert_int_equal(run_copy(&run, COMPRESSION_LZO), -EIO);
                        assert_true(run.counts.n_pages < 20000);
                        if (places[k] >= 400000)
                                (void) check_partial(&run);
                }
        run_done(&run);
}

/* Valuable pages are spread over all of memory, alone and in larger pieces. */
static char *make_valuable_kinds(size_t n)
{
        char *kinds = fake_repeat("r", n);

        for (size_t i = 0; i < n; i += 400) {
                kinds[i] = 't';
                memset(kinds + i + 7, 't', 3);
                memset(kinds + i + 100, i % 1200 == 0 ? 't' : 'r', 200);
        }
        return kinds;
}

static void test_full_sink_has_all_valuable_pages(void **state)
{
        const size_t n = 8000;
        _cleanup_free_ char *kinds = make_valuable_kinds(n);
        Run run;

        run_init(&run, kinds, 0);
        fake_set_valuable(&run.fake, "t");
        for (size_t i = 0; i < ELEMENTSOF(thread_counts); i++) {
                uint8_t page[TEST_PAGE];
                uint64_t n_rest = 0, rank = 0;

                run_again(&run, thread_counts[i]);
                run.file.limit = run_count(&run, "tr") * TEST_PAGE / 2;
                assert_int_equal(run_copy(&run, COMPRESSION_NONE), -ENOSPC);
                (void) check_partial(&run);
                for (uint64_t pfn = 0; pfn < n; pfn++) {
                        ReadResult result = file_next_page(&run.file, pfn, &rank, page);

                        if (kinds[pfn] == 't')
                                assert_int_equal(result, READ_PAGE);
                        n_rest += kinds[pfn] == 'r' && result == READ_PAGE;
                }
                /* The room that was left was used. */
                assert_true(n_rest > n / 8);
        }
        run_done(&run);
}

static void test_full_sink_has_the_pages_behind_the_start(void **state)
{
        _cleanup_free_ char *kinds = fake_repeat("r", 9000);
        Run run;

        run_init(&run, kinds, 1);
        run.fake.source.start_pfn = 8192;
        run.file.limit = 1000 * TEST_PAGE;
        assert_int_equal(run_copy(&run, COMPRESSION_NONE), -ENOSPC);
        (void) check_partial(&run);
        for (uint64_t pfn = 8192; pfn < 9000; pfn++) {
                uint8_t page[TEST_PAGE];

                assert_int_equal(file_page(&run.file, pfn, page), READ_PAGE);
        }
        run_done(&run);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_full_sink_keeps_what_was_written),
                cmocka_unit_test(test_full_sink_takes_descriptors_of_zero_pages),
                cmocka_unit_test(test_broken_sink_stops_everything),
                cmocka_unit_test(test_full_sink_has_all_valuable_pages),
                cmocka_unit_test(test_full_sink_has_the_pages_behind_the_start),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
