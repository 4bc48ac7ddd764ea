/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of dumps that a deadline ends. It does not come with time, but when so many pages
 * were written. */
#include "pipeline.h"
#include "test-dump-elf.h"

#define PASSED_USEC 1

typedef struct Run {
        FakePages fake;
        MemorySink file;
        SinkOps ops;
        DumpKdump *dump;
        Pipeline pipeline;
        PipelineCounts counts;
        uint64_t n_before; /* pages that are reported before the deadline */
} Run;

/* Each test is done with each of these. */
static const unsigned thread_counts[] = { 1, 2, 4 };

/* Under the same lock as the question whether it has passed. */
static void run_progress(void *data, const PipelineCounts *counts, uint64_t total)
{
        Run *run = data;

        if (counts->n_pages >= run->n_before)
                run->pipeline.deadline_usec = PASSED_USEC;
}

static void run_init(Run *run, const char *kinds, unsigned n_threads, uint64_t n_before)
{
        *run = (Run){
                .ops = memory_ops,
                .pipeline = {
                        .source = &run->fake.source,
                        .compressor = compressor_find(COMPRESSION_NONE),
                        .n_threads = n_threads,
                        .bits_bytes_max = 4 << 20,
                        .progress = run_progress,
                        .progress_data = run,
                        .deadline_usec = USEC_INFINITY,
                },
                .n_before = n_before,
        };
        run->file.sink.ops = &run->ops;
        fake_init(&run->fake, kinds);
}

static int run_copy(Run *run)
{
        const KdumpInfo info = {};

        assert_int_equal(dump_kdump_new(&run->file.sink, &run->fake.source, &info, &run->dump), 0);
        assert_int_equal(dump_kdump_begin(run->dump), 0);
        run->pipeline.dump = run->dump;
        return pipeline_run(&run->pipeline, &run->counts);
}

static void run_done(Run *run)
{
        dump_kdump_free(run->dump);
        sink_free(&run->file.sink);
        fake_done(&run->fake);
}

static void test_deadline_that_has_passed_leaves_no_dump(void **state)
{
        _cleanup_free_ char *kinds = fake_repeat("rt0", 5000);

        for (size_t i = 0; i < ELEMENTSOF(thread_counts); i++) {
                Run run;

                run_init(&run, kinds, thread_counts[i], 0);
                run.pipeline.deadline_usec = PASSED_USEC;
                assert_int_equal(run_copy(&run), -ETIME);
                assert_int_equal(run.counts.n_pages, 0);
                assert_int_equal(dump_kdump_n_pages(run.dump), 0);
                assert_int_equal(run.fake.n_windows, 0);
                run_done(&run);
        }
}

static int reserve_until_deadline(Sink *sink, uint64_t offset_bytes, uint64_t size_bytes)
{
        Run *run = (Run *) ((uint8_t *) sink - offsetof(Run, file));

        run->pipeline.deadline_usec = PASSED_USEC;
        return memory_reserve(sink, offset_bytes, size_bytes);
}

static void test_deadline_between_the_passes_leaves_no_page(void **state)
{
        _cleanup_free_ char *kinds = fake_repeat("rt0", 5000);

        for (size_t i = 0; i < ELEMENTSOF(thread_counts); i++) {
                Run run;

                run_init(&run, kinds, thread_counts[i], 0);
                run.ops.reserve = reserve_until_deadline;
                assert_int_equal(run_copy(&run), -ETIME);
                assert_int_equal(run.counts.n_pages, 0);
                assert_int_equal(dump_kdump_n_pages(run.dump), 5000);
                run_done(&run);
        }
}

static void test_deadline_keeps_what_was_copied(void **state)
{
        static const char *const patterns[] = { "r", "rt0", "rrrb", "tF1r" };

        for (size_t i = 0; i < ELEMENTSOF(thread_counts) * ELEMENTSOF(patterns); i++) {
                _cleanup_free_ char *kinds = fake_repeat(patterns[i / 3], 12000);
                uint64_t n_pages;
                Run run;

                run_init(&run, kinds, thread_counts[i % 3], 3000);
                assert_int_equal(run_copy(&run), -ETIME);
                n_pages = file_check_partial(&run.file, &run.fake);
                assert_int_equal(n_pages, run.counts.n_pages - run.counts.n_missing);
                assert_in_range(run.counts.n_pages, 3000, 11999);
                run_done(&run);
        }
}

/* One window, of which the last pages are not in the file when the deadline comes. */
static void test_deadline_flushes_what_is_held(void **state)
{
        _cleanup_free_ char *kinds = fake_repeat("r", 5000);
        Run run;

        run_init(&run, kinds, 1, 0);
        assert_int_equal(run_copy(&run), -ETIME);
        assert_int_equal(run.fake.n_windows, 1);
        assert_int_equal(file_check_partial(&run.file, &run.fake), 256);
        assert_int_equal(run.counts.n_pages, 256);
        run_done(&run);
}

static void fill_at_deadline(void *data, const PipelineCounts *counts, uint64_t total)
{
        Run *run = data;

        if (run->pipeline.deadline_usec == USEC_INFINITY)
                run->file.limit = run->file.size;
        run->pipeline.deadline_usec = PASSED_USEC;
}

static void test_sink_that_is_full_at_the_deadline_tells(void **state)
{
        _cleanup_free_ char *kinds = fake_repeat("r", 5000);
        Run run;

        run_init(&run, kinds, 1, 0);
        run.pipeline.progress = fill_at_deadline;
        assert_int_equal(run_copy(&run), -ENOSPC);
        assert_in_range(file_check_partial(&run.file, &run.fake), 1, 255);
        run_done(&run);
}

static void test_deadline_of_the_last_page_is_in_time(void **state)
{
        _cleanup_free_ char *kinds = fake_repeat("rt0", 5000);

        for (size_t i = 0; i < ELEMENTSOF(thread_counts); i++) {
                Run run;

                run_init(&run, kinds, thread_counts[i], 5000);
                assert_int_equal(run_copy(&run), 0);
                assert_int_equal(run.pipeline.deadline_usec, PASSED_USEC);
                assert_int_equal(run.counts.n_pages, 5000);
                file_check_pages(&run.file, &run.fake);
                run_done(&run);
        }
}

/* Counts the pages of @kind that read back. */
static uint64_t count_written(const Run *run, char kind)
{
        uint8_t page[TEST_PAGE];
        uint64_t n = 0;

        for (uint64_t pfn = 0; pfn < run->fake.source.end_pfn; pfn++)
                n += run->fake.kinds[pfn] == kind && file_page(&run->file, pfn, page) == READ_PAGE;
        return n;
}

static void test_deadline_leaves_valuable_pages_first(void **state)
{
        const uint64_t n_valuable = 3000;
        _cleanup_free_ char *kinds = malloc(3 * n_valuable + 1);

        assert_non_null(kinds);
        for (size_t i = 0; i < 3 * n_valuable; i++)
                kinds[i] = i % 300 < 100 ? PAGE_TEXT : PAGE_RANDOM;
        kinds[3 * n_valuable] = '\0';
        for (size_t i = 0; i < 2 * ELEMENTSOF(thread_counts); i++) {
                bool late = i % 2;
                Run run;

                run_init(&run, kinds, thread_counts[i / 2],
                         late ? n_valuable + 600 : n_valuable / 5);
                fake_set_valuable(&run.fake, "t");
                assert_int_equal(run_copy(&run), -ETIME);
                assert_int_equal(file_check_partial(&run.file, &run.fake), run.counts.n_pages);
                if (late) {
                        assert_int_equal(count_written(&run, PAGE_TEXT), n_valuable);
                        assert_in_range(count_written(&run, PAGE_RANDOM), 600, 5999);
                } else {
                        assert_in_range(count_written(&run, PAGE_TEXT), n_valuable / 5,
                                        n_valuable - 1);
                        assert_int_equal(count_written(&run, PAGE_RANDOM), 0);
                }
                run_done(&run);
        }
}

typedef struct ElfRun {
        FakePages fake;
        MemorySink file;
        DumpElf dump;
        uint64_t n_before; /* pages that are reported as copied before the deadline */
        DumpElfResult result;
} ElfRun;

static void elf_progress(void *data, const PipelineCounts *counts, uint64_t total)
{
        ElfRun *run = data;

        if (total > 0 && counts->n_pages - counts->n_missing >= run->n_before)
                run->dump.deadline_usec = PASSED_USEC;
}

static int elf_run(ElfRun *run, const char *kinds, uint64_t deadline_usec, uint64_t n_before)
{
        *run = (ElfRun){
                .file.sink.ops = &memory_ops,
                .dump = {
                        .sink = &run->file.sink,
                        .source = &run->fake.source,
                        .info = &plain_info,
                        .progress = elf_progress,
                        .progress_data = run,
                        .deadline_usec = deadline_usec,
                },
                .n_before = n_before,
        };
        fake_init(&run->fake, kinds);
        return dump_elf_run(&run->dump, &run->result);
}

static void elf_done(ElfRun *run)
{
        sink_free(&run->file.sink);
        fake_done(&run->fake);
}

static void test_deadline_that_has_passed_leaves_no_core(void **state)
{
        ElfRun run;

        assert_int_equal(elf_run(&run, "trt0", PASSED_USEC, 0), -ETIME);
        assert_int_equal(run.file.size, 0);
        assert_int_equal(run.result.n_pages, 0);
        assert_int_equal(run.result.file_bytes, 0);
        elf_done(&run);
}

static void test_core_claims_what_came_before_the_deadline(void **state)
{
        /* At the deadline: data, a hole of the file, a page that is in no segment. */
        static const char kinds_then[] = "r0b";

        for (size_t i = 0; i < strlen(kinds_then); i++) {
                _cleanup_free_ char *kinds = fake_repeat("rrtrxrrb", 4000);
                uint64_t end_pfn, n_in = 0;
                Elf64_Phdr last;
                ElfRun run;

                memset(kinds + 900, kinds_then[i], 1500);
                assert_int_equal(elf_run(&run, kinds, USEC_INFINITY, 800), -ETIME);
                assert_int_equal(header_of(&run.file).e_flags, 1);
                last = segment_of(&run.file, n_headers_of(&run.file) - 1);
                end_pfn = (last.p_paddr + last.p_memsz) / TEST_PAGE;
                assert_in_range(end_pfn, 1000, 3999);
                check_pages(&run.file, &run.fake, end_pfn);
                for (uint64_t pfn = end_pfn; pfn < 4000; pfn++)
                        assert_null(page_of(&run.file, pfn));
                for (uint64_t pfn = 0; pfn < end_pfn; pfn++)
                        n_in += page_of(&run.file, pfn) != NULL;
                assert_int_equal(run.result.counts.n_pages - run.result.counts.n_missing, n_in);
                assert_int_equal(run.result.file_bytes, run.file.size);
                assert_int_equal(last.p_offset + last.p_filesz, run.file.size);
                elf_done(&run);
        }
}

static void test_core_that_is_whole_at_the_deadline(void **state)
{
        /* The last page fills the buffer. */
        static const char *const patterns[] = { "r", "0" };

        for (size_t i = 0; i < ELEMENTSOF(patterns); i++) {
                _cleanup_free_ char *kinds = fake_repeat(patterns[i], 512);
                ElfRun run;

                assert_int_equal(elf_run(&run, kinds, USEC_INFINITY, 512), 0);
                assert_int_equal(run.dump.deadline_usec, PASSED_USEC);
                assert_int_equal(dump_elf_commit(&run.dump, &run.result), 0);
                assert_int_equal(header_of(&run.file).e_flags, 0);
                assert_int_equal(run.result.counts.n_pages, 512);
                check_pages(&run.file, &run.fake, 512);
                elf_done(&run);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_deadline_that_has_passed_leaves_no_dump),
                cmocka_unit_test(test_deadline_between_the_passes_leaves_no_page),
                cmocka_unit_test(test_deadline_keeps_what_was_copied),
                cmocka_unit_test(test_deadline_flushes_what_is_held),
                cmocka_unit_test(test_sink_that_is_full_at_the_deadline_tells),
                cmocka_unit_test(test_deadline_of_the_last_page_is_in_time),
                cmocka_unit_test(test_deadline_leaves_valuable_pages_first),
                cmocka_unit_test(test_deadline_that_has_passed_leaves_no_core),
                cmocka_unit_test(test_core_claims_what_came_before_the_deadline),
                cmocka_unit_test(test_core_that_is_whole_at_the_deadline),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
