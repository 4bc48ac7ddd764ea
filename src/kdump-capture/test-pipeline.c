/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline.h"
#include "test-dump.h"

typedef struct Run {
        FakePages fake;
        MemorySink file;
        DumpKdump *dump;
        PipelineCounts counts, reported;
        unsigned n_reports;
} Run;

static void run_progress(void *data, const PipelineCounts *counts, uint64_t total)
{
        Run *run = data;

        assert_true(counts->n_pages >= run->reported.n_pages);
        assert_true(counts->n_pages <= total);
        run->reported = *counts;
        run->n_reports++;
}

static void run_init(Run *run, const char *kinds)
{
        *run = (Run){ .file.sink.ops = &memory_ops };
        fake_init(&run->fake, kinds);
}

static int run_copy(Run *run, Compression compression)
{
        KdumpInfo info = { .compress_flags = compressor_find(compression)->flag };
        Pipeline pipeline = {
                .source = &run->fake.source,
                .compressor = compressor_find(compression),
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
        assert_int_equal(run->counts.n_pages, run_count(run, "0tr1bf"));
        assert_int_equal(run->counts.n_zero, run_count(run, "0"));
        assert_int_equal(run->counts.n_missing, n_missing);
        if (n_missing > 0)
                assert_int_equal(run->counts.first_missing_pfn, strcspn(run->fake.kinds, "bf"));
        assert_memory_equal(&run->reported, &run->counts, sizeof(run->counts));
}

static void test_every_page_comes_back(void **state)
{
        static const Compression codecs[] = { COMPRESSION_NONE, COMPRESSION_LZO, COMPRESSION_ZLIB };

        for (size_t i = 0; i < ELEMENTSOF(codecs); i++) {
                Run run;

                run_init(&run, "t0r1..tttrx0xt....................rrr1");
                assert_int_equal(run_copy(&run, codecs[i]), 0);
                run_check(&run);
                run_done(&run);
        }
}

static void test_zero_pages_are_stored_once(void **state)
{
        _cleanup_free_ char *kinds = fake_repeat("0", 20000);
        uint64_t offset;
        Run run;

        run_init(&run, kinds);
        assert_int_equal(run_copy(&run, COMPRESSION_LZO), 0);
        assert_int_equal(run.counts.n_zero, 20000);
        assert_int_equal(run.counts.written_bytes, 0);
        offset = file_u64(&run.file, file_bitmap(&run.file, 2));
        for (size_t i = 0; i < 20000; i++)
                assert_int_equal(file_u64(&run.file, file_bitmap(&run.file, 2) + 24 * i), offset);
        assert_int_equal(offset + TEST_PAGE, run.file.size);
        run_done(&run);
}

/* More than one buffer of data, of descriptors, and more than one unit, cut at odd places. */
static void test_many_units_with_holes(void **state)
{
        static const char *const patterns[] = { "t", "rt0", "r", "0000000t", "..tr.........r0x" };

        for (size_t i = 0; i < ELEMENTSOF(patterns); i++) {
                _cleanup_free_ char *kinds = fake_repeat(patterns[i], 9001);
                Run run;

                memset(kinds + 4000, '.', 1000);
                run_init(&run, kinds);
                assert_int_equal(run_copy(&run, COMPRESSION_LZO), 0);
                run_check(&run);
                assert_true(run.n_reports > 1);
                run_done(&run);
        }
}

static void test_source_that_shows_less_than_asked(void **state)
{
        Run run;

        run_init(&run, "trttttttt0000tttrrrrttbtt");
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

        for (size_t i = 0; i < ELEMENTSOF(tables); i++) {
                Run run;

                run_init(&run, tables[i]);
                assert_int_equal(run_copy(&run, COMPRESSION_LZO), 0);
                run_check(&run);
                run_done(&run);
        }
}

static void test_bad_page_is_found_by_bisection(void **state)
{
        _cleanup_free_ char *kinds = fake_repeat("t", 256);
        Run run;

        kinds[99] = PAGE_BAD;
        run_init(&run, kinds);
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
        static const Compression codecs[] = { COMPRESSION_NONE, COMPRESSION_LZO, COMPRESSION_ZLIB };

        for (size_t i = 0; i < ELEMENTSOF(tables); i++)
                for (size_t k = 0; k < ELEMENTSOF(codecs); k++) {
                        Run run;

                        run_init(&run, tables[i]);
                        assert_int_equal(run_copy(&run, codecs[k]), 0);
                        run_check(&run);
                        run_done(&run);
                }
}

static void test_more_bad_pages_than_one_buffer_of_descriptors(void **state)
{
        _cleanup_free_ char *kinds = fake_repeat("b", 20000);
        Run run;

        run_init(&run, kinds);
        assert_int_equal(run_copy(&run, COMPRESSION_LZO), 0);
        assert_int_equal(run.counts.n_missing, 20000);
        run_done(&run);
}

static void test_full_sink_keeps_what_was_written(void **state)
{
        _cleanup_free_ char *kinds = fake_repeat("r", 2000);
        uint8_t page[TEST_PAGE];
        Run run;

        run_init(&run, kinds);
        run.file.limit = 4 << 20;
        assert_int_equal(run_copy(&run, COMPRESSION_LZO), -ENOSPC);
        assert_in_range(run.counts.n_pages, 512, 1100);
        for (uint64_t pfn = 0; pfn < run.counts.n_pages; pfn++) {
                assert_int_equal(file_page(&run.file, pfn, page), READ_PAGE);
                assert_memory_equal(page, run.fake.memory + pfn * TEST_PAGE, TEST_PAGE);
        }
        for (uint64_t pfn = run.counts.n_pages; pfn < 2000; pfn++)
                assert_int_equal(file_page(&run.file, pfn, page), READ_MISSING);
        run_done(&run);
}

static void test_nothing_to_do(void **state)
{
        Run run;

        run_init(&run, "");
        assert_int_equal(run_copy(&run, COMPRESSION_LZO), 0);
        assert_int_equal(run.counts.n_pages, 0);
        run_done(&run);
        run_init(&run, "....x...");
        assert_int_equal(run_copy(&run, COMPRESSION_LZO), 0);
        run_check(&run);
        run_done(&run);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_page_comes_back),
                cmocka_unit_test(test_zero_pages_are_stored_once),
                cmocka_unit_test(test_many_units_with_holes),
                cmocka_unit_test(test_source_that_shows_less_than_asked),
                cmocka_unit_test(test_unreadable_pages_cost_only_themselves),
                cmocka_unit_test(test_bad_page_is_found_by_bisection),
                cmocka_unit_test(test_faults_cost_only_their_page),
                cmocka_unit_test(test_more_bad_pages_than_one_buffer_of_descriptors),
                cmocka_unit_test(test_full_sink_keeps_what_was_written),
                cmocka_unit_test(test_nothing_to_do),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
