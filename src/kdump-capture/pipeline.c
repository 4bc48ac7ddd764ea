/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the threads of a capture, what they share, and its two passes: plan and copy. */
#include "pipeline.h"

#include <pthread.h>

#include "io.h"
#include "pipeline-worker.h"

/* What a worker calls is shallow, and a codec has its context elsewhere. */
#define STACK_BYTES ((size_t) 256 << 10)

#define CODEC_BYTES ((size_t) 256 << 10)

typedef struct Run Run;
typedef struct Thread Thread;

struct Thread {
        PipelineWorker worker;
        DumpStretch stretch; /* for the first pass */
        uint8_t *scratch;    /* for the second */
        Run *run;
        pthread_t id;
        int (*work)(Thread *thread);
};

struct Run {
        const Pipeline *pipeline;
        DumpUnits *units;
        CompressAuto *automatic; /* NULL: the codec is given */
        Thread *threads;         /* the first is the caller's */
        size_t n_threads;

        pthread_mutex_t lock;  /* of the next three */
        PipelineCounts counts; /* flushed, of all workers */
        int error;             /* the first that happened */
        size_t next_unit;

        unsigned round;   /* of the copy */
        atomic_bool stop; /* there is an error */
};

size_t pipeline_thread_bytes(void)
{
        return sizeof(Thread) + WORKER_DATA_BYTES + WORKER_DESCS_MAX * sizeof(KdumpDesc) +
               CODEC_BYTES + STACK_BYTES;
}

/* With the lock. What the sink says counts more than the clock. */
static void run_stop(Run *run, int error)
{
        if (run->error >= 0 || run->error == -ETIME)
                run->error = error;
        atomic_store(&run->stop, true);
}

static void run_fail(Run *run, int error)
{
        (void) pthread_mutex_lock(&run->lock);
        run_stop(run, error);
        (void) pthread_mutex_unlock(&run->lock);
}

/* With the lock. Asked between units and at each flush: what a worker holds goes out before it
 * ends, as it does when the sink is full. */
static void run_check_deadline(Run *run)
{
        if (deadline_passed(run->pipeline->deadline_usec))
                run_stop(run, -ETIME);
}

static void run_count(void *data, const PipelineCounts *counts)
{
        Run *run = data;
        PipelineCounts *sum = &run->counts;
        const Pipeline *pipeline = run->pipeline;

        (void) pthread_mutex_lock(&run->lock);
        sum->n_pages += counts->n_pages;
        sum->n_zero += counts->n_zero;
        sum->n_missing += counts->n_missing;
        sum->written_bytes += counts->written_bytes;
        if (pipeline->progress)
                pipeline->progress(pipeline->progress_data, sum,
                                   dump_kdump_n_pages(pipeline->dump));
        run_check_deadline(run);
        (void) pthread_mutex_unlock(&run->lock);
}

static bool run_take_stretch(Run *run, DumpStretch *stretch)
{
        bool taken;

        (void) pthread_mutex_lock(&run->lock);
        taken = dump_stretch_next(run->units, run->next_unit, stretch);
        if (taken) {
                run->next_unit = stretch->end;
                run_check_deadline(run);
        }
        (void) pthread_mutex_unlock(&run->lock);
        return taken && !atomic_load(&run->stop);
}

static bool run_take_unit(Run *run, size_t *ret_index)
{
        bool taken;

        (void) pthread_mutex_lock(&run->lock);
        taken = run->next_unit < dump_units_n(run->units);
        if (taken) {
                *ret_index = dump_units_nth(run->units, run->next_unit++);
                run_check_deadline(run);
        }
        (void) pthread_mutex_unlock(&run->lock);
        return taken && !atomic_load(&run->stop);
}

static int plan_work(Thread *thread)
{
        DumpStretch *stretch = &thread->stretch;
        Run *run = thread->run;
        int r;

        while (run_take_stretch(run, stretch)) {
                dump_units_plan(run->units, thread->worker.reader, stretch);
                r = dump_kdump_write_bitmaps(run->pipeline->dump, stretch->first_pfn,
                                             stretch->n_pfns, stretch->exists, stretch->dumpable);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int copy_units(Thread *thread)
{
        Run *run = thread->run;
        size_t index;
        int r;

        while (run_take_unit(run, &index)) {
                DumpUnit unit;

                dump_units_get(run->units, index, run->round, thread->worker.reader,
                               thread->scratch, &unit);
                if (unit.n_pages == 0)
                        continue;
                r = pipeline_worker_copy(&thread->worker, &unit);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int copy_work(Thread *thread)
{
        Run *run = thread->run;
        int r, error;

        pipeline_worker_begin(&thread->worker);
        r = copy_units(thread);
        if (r < 0 && r != -ECANCELED)
                run_fail(run, r);

        /* After an error of the medium there is no sense in writing more; when it is full, the
         * rest may fit, and at the deadline it does. */
        (void) pthread_mutex_lock(&run->lock);
        error = run->error;
        (void) pthread_mutex_unlock(&run->lock);
        if (error < 0 && error != -ETIME && !sink_error_is_full(error))
                return 0;
        return pipeline_worker_flush(&thread->worker);
}

static void *thread_main(void *data)
{
        Thread *thread = data;
        int r;

        r = thread->work(thread);
        if (r < 0)
                run_fail(thread->run, r);
        return NULL;
}

static int thread_start(Thread *thread)
{
        pthread_attr_t attributes;
        int r;

        r = pthread_attr_init(&attributes);
        if (r != 0)
                return -r;
        (void) pthread_attr_setstacksize(&attributes, STACK_BYTES);
        r = pthread_create(&thread->id, &attributes, thread_main, thread);
        (void) pthread_attr_destroy(&attributes);
        return -r;
}

/* Lets every thread do @work from the first unit on, and waits for all. */
static int run_all(Run *run, int (*work)(Thread *thread))
{
        size_t n_started = 1;

        run->next_unit = 0;
        for (size_t i = 0; i < run->n_threads; i++)
                run->threads[i].work = work;
        while (n_started < run->n_threads && thread_start(&run->threads[n_started]) >= 0)
                n_started++;
        (void) thread_main(&run->threads[0]);
        for (size_t i = 1; i < n_started; i++)
                (void) pthread_join(run->threads[i].id, NULL);
        return run->error;
}

static void thread_done(Thread *thread)
{
        pipeline_worker_done(&thread->worker);
        dump_stretch_done(&thread->stretch);
        free(thread->scratch);
}

static int thread_init(Thread *thread, Run *run)
{
        int r;

        thread->run = run;
        thread->worker = (PipelineWorker){
                .pipeline = run->pipeline,
                .automatic = run->automatic,
                .stop = &run->stop,
                .flushed = run_count,
                .flushed_data = run,
        };
        thread->scratch = malloc(dump_units_scratch_bytes(run->units));
        if (!thread->scratch)
                return -ENOMEM;
        r = dump_stretch_init(&thread->stretch, run->units);
        return r < 0 ? r : pipeline_worker_init(&thread->worker);
}

static void run_done(Run *run)
{
        for (size_t i = 0; i < run->n_threads; i++)
                thread_done(&run->threads[i]);
        free(run->threads);
        dump_units_free(run->units);
        compress_auto_free(run->automatic);
        (void) pthread_mutex_destroy(&run->lock);
}

static int run_init(Run *run)
{
        const Pipeline *pipeline = run->pipeline;
        size_t n = MIN(pipeline->n_threads, (unsigned) PIPELINE_THREADS_MAX);
        int r;

        r = dump_units_new(pipeline->source, pipeline->bits_bytes_max, &run->units);
        if (r < 0)
                return r;
        n = MIN(n, dump_units_n(run->units));
        n = MAX(n, (size_t) 1);
        run->threads = calloc(n, sizeof(*run->threads));
        if (!run->threads)
                return -ENOMEM;
        r = pipeline->compressor == &compressor_auto
                    ? compress_auto_new((unsigned) n, &run->automatic)
                    : 0;
        if (r < 0)
                return r;

        for (; run->n_threads < n; run->n_threads++) {
                r = thread_init(&run->threads[run->n_threads], run);
                if (r < 0) {
                        thread_done(&run->threads[run->n_threads]);
                        break; /* as many as there is memory for */
                }
        }
        return run->n_threads > 0 ? 0 : r;
}

/* A round begins when all threads have written what they have of the one before: pages that come
 * first are not to find the sink full of others. */
static int run_rounds(Run *run)
{
        int r = 0;

        for (run->round = 0; r >= 0 && run->round < dump_units_n_rounds(run->units); run->round++)
                r = run_all(run, copy_work);
        return r;
}

static int run_passes(Run *run)
{
        const uint64_t start_usec = now_boottime_usec();
        int r;

        r = run_all(run, plan_work);
        run->counts.plan_usec = now_boottime_usec() - start_usec;
        if (r < 0)
                return r;
        r = dump_kdump_reserve(run->pipeline->dump, dump_units_rank(run->units));
        if (r < 0)
                return r;
        r = run_rounds(run);
        if (r == -ETIME && run->counts.n_pages == dump_kdump_n_pages(run->pipeline->dump))
                r = 0; /* the last flush was not in time, but it was the last */
        if (r >= 0 && run->counts.n_pages != dump_kdump_n_pages(run->pipeline->dump))
                return -EIO; /* the source has given two answers about a page */
        return r;
}

int pipeline_run(const Pipeline *pipeline, PipelineCounts *ret_counts)
{
        _cleanup_(run_done) Run run = { .pipeline = pipeline, .lock = PTHREAD_MUTEX_INITIALIZER };
        int r;

        r = run_init(&run);
        if (r >= 0)
                r = run_passes(&run);
        *ret_counts = run.counts;
        return r;
}
