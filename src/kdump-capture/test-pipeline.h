/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For tests of the pipeline: one run of it, and what came of it. */
#pragma once

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

static inline void run_progress(void *data, const PipelineCounts *counts, uint64_t total)
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

static inline void run_init(Run *run, const char *kinds, unsigned n_threads)
{
        *run = (Run){
                .file.sink.ops = &memory_ops,
                .n_threads = n_threads,
                .bits_bytes_max = 4 << 20,
        };
        fake_init(&run->fake, kinds);
}

/* The same pages into another file: to make them takes longer than to copy them. */
static inline void run_again(Run *run, unsigned n_threads)
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

static inline int run_copy(Run *run, Compression compression)
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

static inline void run_done(Run *run)
{
        dump_kdump_free(run->dump);
        sink_free(&run->file.sink);
        fake_done(&run->fake);
}

static inline uint64_t run_count(const Run *run, const char *kinds)
{
        uint64_t n = 0;

        for (const char *p = run->fake.kinds; *p; p++)
                n += strchr(kinds, *p) != NULL;
        return n;
}

static inline void run_check(const Run *run)
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
