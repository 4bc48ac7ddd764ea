/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline.h"
#include "test-dump.h"

typedef struct Run {
        FakePages fake;
        MemorySink file;
        DumpKdump *dump;
        PipelineCounts counts, reported;
        unsigned n_reports, n_threads;
        size_t bits_bytes_max;
        unsigned held_max_percent; /* of the data in the file, by each report; 0: any */
        bool in_progress;          /* not atomic: to be found by the thread sanitizer */
} Run;

/* Each test is done with each of these. */
static const unsigned thread_counts[] = { 1, 2, 4 };

static void run_progress(void *data, const PipelineCounts *counts, uint64_t total)
{
        Run *run = data;

        assert_false(run->in_progress);
        run->in_progress = true;
        assert_true(counts->n_pages >= run->reported.n_pages);
        assert_true(counts->n_pages <= total);
        if (run->held_max_percent > 0) {
                uint64_t held_bytes = counts->written_bytes - run->reported.written_bytes;

                assert_true(held_bytes <= 64 << 10 ||
                            held_bytes * run->n_threads * 100 <=
                                    counts->written_bytes * run->held_max_percent);
        }
        run->reported = *counts;
        run->n_reports++;
        run->in_progress = false;
}

static void run_init(Run *run, const char *kinds, unsigned n_threads)
{
        *run = (Run){
                .file.sink.ops = &memory_ops,
                .n_threads = n_threads,
                .bits_bytes_max = 4 << 20,
        };
        fake_init(&run->fake, kinds);
}

/* The same pages into another file: to make them takes longer than to copy them. */
static void run_again(Run *run, unsigned n_threads)
{
        dump_kdump_free(run->dump);
        sink_free(&run->file.sink);
        run->dump = NULL;
        run->file = (MemorySink){ .sink.ops = &memory_ops };
        run->counts = run->reported = (PipelineCounts){};
        run->n_reports = 0;
        run->n_threads = n_threads;
        run->fake.n_windows = run->fake.n_readers = 0;
        run->fake.n_asked = run->fake.n_missing = 0;
}

static int run_copy(Run *run, Compression compression)
{
        KdumpInfo info = { .compress_flags = compressor_find(compression)->flag };
        Pipeline pipeline = {
                .source = &run->fake.source,
                .compressor = compressor_find(compression),
                .n_threads = run->n_threads,
                .bits_bytes_max = run->bits_bytes_max,
                .progress = run_progress,
                .progress_data = run,
        };

        assert_int_equal(dump_kdump_new(&run->file.sink, &run->fake.source, &info, &run->dump), 0);
        assert_int_equal(dump_kdump_begin(run->dump), 0);
        pipeline.dump = run->dump;
        return pipeline_run(&pipeline, &run->counts);
}

static void run_done(Run *run)
{
        dump_kdump_free(run->dump);
        sink_free(&run->file.sink);
        fake_done(&run->fake);
}

static uint64_t run_count(const Run *run, const char *kinds)
{
        uint64_t n = 0;

        for (const char *p = run->fake.kinds; *p; p++)
                n += strchr(kinds, *p) != NULL;
        return n;
}

static void run_check(const Run *run)
{
        uint64_t n_missing = run_count(run, "bf");

        file_check_pages(&run->file, &run->fake);
        assert_int_equal(run->counts.n_pages, run_count(run, "0tr1bfFk"));
        assert_int_equal(run->counts.n_zero, run_count(run, "0"));
        assert_int_equal(run->counts.n_missing, n_missing);
        assert_int_equal(run->fake.n_missing, n_missing);
        assert_int_equal(run->fake.n_missing_wrong, 0);
        assert_memory_equal(&run->reported, &run->counts, sizeof(run->counts));
}

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
                cmocka_unit_test(test_full_sink_keeps_what_was_written),
                cmocka_unit_test(test_full_sink_takes_descriptors_of_zero_pages),
                cmocka_unit_test(test_broken_sink_stops_everything),
                cmocka_unit_test(test_all_pages_come_in_two_rounds),
                cmocka_unit_test(test_full_sink_has_all_valuable_pages),
                cmocka_unit_test(test_nothing_to_do),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
