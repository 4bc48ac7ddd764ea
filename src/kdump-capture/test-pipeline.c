/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-pipeline.h"

static void check_copy(const char *kinds, Compression compression)
{
        Run run;

        run_init(&run, kinds, 0);
        for (size_t i = 0; i < ELEMENTSOF(thread_counts); i++) {
                run_again(&run, thread_counts[i]);
                assert_int_equal(run_copy(&run, compression), 0);
                run_check(&run);
        }
        run_done(&run);
}

static const Compression codecs[] = { COMPRESSION_NONE, COMPRESSION_LZO, COMPRESSION_ZLIB };

static void test_every_page_comes_back(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(codecs); i++)
                check_copy("t0r1..tttrx0xtFFk....................rrr1Fk", codecs[i]);
}

static void test_zero_pages_are_stored_once(void **state)
{
        _cleanup_free_ char *kinds = fake_repeat("0", 20000);
        uint64_t offset;
        Run run;

        run_init(&run, kinds, 2);
        assert_int_equal(run_copy(&run, COMPRESSION_LZO), 0);
        assert_int_equal(run.counts.n_zero, 20000);
        assert_int_equal(run.counts.written_bytes, 0);
        offset = file_u64(&run.file, file_bitmap(&run.file, 2));
        for (size_t i = 0; i < 20000; i++)
                assert_int_equal(file_u64(&run.file, file_bitmap(&run.file, 2) + 24 * i), offset);
        assert_int_equal(offset + TEST_PAGE, run.file.size);
        run_done(&run);
}

static void test_pages_of_one_word_share_their_data(void **state)
{
        _cleanup_free_ char *ones = fake_repeat("Fr", 3000), *many = fake_repeat("k", 3000);
        Run run;

        /* Over several buffers, so that some share what is in the file already. */
        run_init(&run, ones, 1);
        assert_int_equal(run_copy(&run, COMPRESSION_NONE), 0);
        run_check(&run);
        assert_int_equal(run.counts.written_bytes, (1500 + 1) * TEST_PAGE);
        run_done(&run);

        /* More of them than a worker remembers. */
        run_init(&run, many, 1);
        assert_int_equal(run_copy(&run, COMPRESSION_NONE), 0);
        run_check(&run);
        assert_in_range(run.counts.written_bytes, 1500 * TEST_PAGE, 2000 * TEST_PAGE);
        run_done(&run);
}

/* More than one buffer of data, of descriptors, and more than one unit, cut at odd places. */
static void test_many_units_with_holes(void **state)
{
        static const char *const patterns[] = { "t", "rt0", "r", "0000000t", "..tr.........r0x" };

        for (size_t i = 0; i < ELEMENTSOF(patterns); i++) {
                _cleanup_free_ char *kinds = fake_repeat(patterns[i], 17001);

                memset(kinds + 4000, '.', 1000);
                memset(kinds + 9000, 'x', 4000);
                check_copy(kinds, COMPRESSION_LZO);
        }
}

/* What is not in the file yet when a kill comes. */
static void test_little_is_held_back_at_first(void **state)
{
        _cleanup_free_ char *kinds = fake_repeat("r", 8000);
        Run run;

        run_init(&run, kinds, 0);
        run.held_max_percent = 4;
        for (size_t i = 0; i < ELEMENTSOF(thread_counts); i++) {
                run_again(&run, thread_counts[i]);
                assert_int_equal(run_copy(&run, COMPRESSION_NONE), 0);
        }
        run_done(&run);
}

static void test_progress_is_told_by_one_thread_at_a_time(void **state)
{
        _cleanup_free_ char *kinds = fake_repeat("r", 9000);
        Run run;

        run_init(&run, kinds, 4);
        assert_int_equal(run_copy(&run, COMPRESSION_NONE), 0);
        assert_true(run.n_reports >= 9000 * TEST_PAGE >> 20);
        run_done(&run);
}

/* Units next to each other go to different workers, so descriptors come in many pieces. */
static void test_few_pages_in_each_of_many_units(void **state)
{
        _cleanup_free_ char *kinds = fake_repeat("x", 100 * 4096 + 1);
        Run run;

        for (size_t i = 0; i < 100 * 4096; i += 1000 + i % 77)
                kinds[i] = "tr0F"[i % 4];
        kinds[100 * 4096] = 't';
        run_init(&run, kinds, 0);
        for (size_t i = 0; i < ELEMENTSOF(thread_counts); i++) {
                const uint8_t *shown;
                uint64_t rank = 0;

                run_again(&run, thread_counts[i]);
                assert_int_equal(run_copy(&run, COMPRESSION_NONE), 0);
                for (uint64_t pfn = 0; pfn < run.fake.source.end_pfn; pfn++) {
                        if (!fake_dumpable(kinds[pfn]))
                                continue;
                        shown = run.file.data +
                                file_u64(&run.file, file_bitmap(&run.file, 2) + 24 * rank++);
                        fake_check_page(&run.fake, pfn, shown);
                }
                assert_int_equal(run.counts.n_pages, rank);
        }
        run_done(&run);
}

static void test_source_is_asked_again_if_its_answer_is_not_kept(void **state)
{
        _cleanup_free_ char *kinds = fake_repeat("tx0.rxF", 9001);
        Run run;

        run_init(&run, kinds, 2);
        assert_int_equal(run_copy(&run, COMPRESSION_LZO), 0);
        assert_int_equal(run.fake.n_asked, 9001);
        run_check(&run);
        run_done(&run);

        run_init(&run, kinds, 2);
        run.bits_bytes_max = 100;
        assert_int_equal(run_copy(&run, COMPRESSION_LZO), 0);
        assert_int_equal(run.fake.n_asked, 2 * 9001);
        run_check(&run);
        run_done(&run);
}

static void test_fewer_threads_if_there_is_no_more_memory(void **state)
{
        _cleanup_free_ char *kinds = fake_repeat("tr0", 20000);
        Run run;

        run_init(&run, kinds, 4);
        run.fake.readers_max = 2;
        assert_int_equal(run_copy(&run, COMPRESSION_LZO), 0);
        assert_int_equal(run.fake.n_readers, 2);
        run_done(&run);
}

static void test_source_that_shows_less_than_asked(void **state)
{
        Run run;

        run_init(&run, "trttttttt0000tttrrrrttbtt", 1);
        run.fake.shown_max = 3;
        assert_int_equal(run_copy(&run, COMPRESSION_LZO), 0);
        run_check(&run);
        run_done(&run);
}

static void test_unreadable_pages_cost_only_themselves(void **state)
{
        static const char *const tables[] = {
                "b", "bb", "tb", "bt", "tttbttt", "bbbbbtbbbbb", "b..b", "t0b0tbb0r1bxbt",
        };
        _cleanup_free_ char *kinds = fake_repeat("tttttrbFF", 9000);

        for (size_t i = 0; i < ELEMENTSOF(tables); i++)
                check_copy(tables[i], COMPRESSION_LZO);
        check_copy(kinds, COMPRESSION_LZO);
}

static void test_bad_page_is_found_by_bisection(void **state)
{
        _cleanup_free_ char *kinds = fake_repeat("t", 256);
        Run run;

        kinds[99] = PAGE_BAD;
        run_init(&run, kinds, 1);
        assert_int_equal(run_copy(&run, COMPRESSION_LZO), 0);
        run_check(&run);
        assert_in_range(run.fake.n_windows, 3, 50);
        run_done(&run);
}

static void test_faults_cost_only_their_page(void **state)
{
        static const char *const tables[] = {
                "f", "ff", "tf", "ft", "tttfttt", "fffftfff", "t0f0tbf0r1fxft",
        };
        _cleanup_free_ char *kinds = fake_repeat("t", 9000);

        for (size_t i = 0; i < ELEMENTSOF(tables); i++)
                for (size_t k = 0; k < ELEMENTSOF(codecs); k++)
                        check_copy(tables[i], codecs[k]);
        for (size_t i = 0; i < 9000; i += 300)
                kinds[i] = PAGE_FAULT;
        check_copy(kinds, COMPRESSION_LZO);
}

static void test_more_bad_pages_than_one_buffer_of_descriptors(void **state)
{
        _cleanup_free_ char *kinds = fake_repeat("b", 20000);
        Run run;

        run_init(&run, kinds, 2);
        assert_int_equal(run_copy(&run, COMPRESSION_LZO), 0);
        assert_int_equal(run.counts.n_missing, 20000);
        assert_int_equal(run.fake.n_missing, 20000);
        run_done(&run);
}

static void test_all_pages_come_in_two_rounds(void **state)
{
        static const char *const patterns[] = { "t0r1b", "trrrrrrrrrrrrrrrrrrrrrrrr.xr", "x.tf" };

        for (size_t k = 0; k < ELEMENTSOF(patterns); k++) {
                _cleanup_free_ char *kinds = fake_repeat(patterns[k], 9001);
                Run run;

                run_init(&run, kinds, 0);
                fake_set_valuable(&run.fake, "t.x");
                run.bits_bytes_max = k == 0 ? 0 : 4 << 20;
                for (size_t i = 0; i < ELEMENTSOF(thread_counts); i++) {
                        run_again(&run, thread_counts[i]);
                        assert_int_equal(run_copy(&run, COMPRESSION_LZO), 0);
                        run_check(&run);
                }
                run_done(&run);
        }
}

static void test_nothing_to_do(void **state)
{
        check_copy("", COMPRESSION_LZO);
        check_copy("....x...", COMPRESSION_LZO);
        check_copy("xxxxxxxxx", COMPRESSION_LZO);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_page_comes_back),
                cmocka_unit_test(test_zero_pages_are_stored_once),
                cmocka_unit_test(test_pages_of_one_word_share_their_data),
                cmocka_unit_test(test_many_units_with_holes),
                cmocka_unit_test(test_little_is_held_back_at_first),
                cmocka_unit_test(test_progress_is_told_by_one_thread_at_a_time),
                cmocka_unit_test(test_few_pages_in_each_of_many_units),
                cmocka_unit_test(test_source_is_asked_again_if_its_answer_is_not_kept),
                cmocka_unit_test(test_fewer_threads_if_there_is_no_more_memory),
                cmocka_unit_test(test_source_that_shows_less_than_asked),
                cmocka_unit_test(test_unreadable_pages_cost_only_themselves),
                cmocka_unit_test(test_bad_page_is_found_by_bisection),
                cmocka_unit_test(test_faults_cost_only_their_page),
                cmocka_unit_test(test_more_bad_pages_than_one_buffer_of_descriptors),
                cmocka_unit_test(test_all_pages_come_in_two_rounds),
                cmocka_unit_test(test_nothing_to_do),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
