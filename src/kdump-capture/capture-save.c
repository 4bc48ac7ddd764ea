/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the walk from an opened vmcore to a finished file. */
#include "capture-save.h"

#include "capture-collector.h"
#include "capture-elf.h"
#include "capture-limits.h"
#include "compress.h"
#include "io.h"
#include "log.h"
#include "pipeline.h"
#include "sink-flat.h"
#include "sink-stream.h"

#define PROGRESS_INTERVAL_USEC (100 * USEC_PER_MSEC)

/* The settings that are really used, after what this program cannot do has been replaced. */
static const Compressor *choose_compressor(const Collector *collector)
{
        const Compressor *compressor = compressor_find(collector->compression);

        if (compressor)
                return compressor;
        log_warning("Compression '%s' is not available here, using '%s'.",
                    compression_to_string(collector->compression) ?: "?",
                    compression_to_string(COMPRESSION_LZO));
        return compressor_find(COMPRESSION_LZO);
}

static int record_settings(DumpRecord *record, DumpFormat format, const Compressor *compressor,
                           unsigned dump_level)
{
        free(record->format);
        free(record->compression);
        record->format = strdup(dump_format_to_string(format));
        record->compression = strdup(
                compression_to_string(compressor ? compressor->compression : COMPRESSION_NONE));
        record->dump_level = dump_level;
        return record->format && record->compression ? 0 : -ENOMEM;
}

typedef struct ProgressThrottle {
        const CaptureJob *job;
        uint64_t last_usec;
} ProgressThrottle;

static void pipeline_progress(void *data, const PipelineCounts *counts, uint64_t total)
{
        ProgressThrottle *throttle = data;
        uint64_t now_usec = now_boottime_usec();

        if (now_usec - throttle->last_usec < PROGRESS_INTERVAL_USEC &&
            (total == 0 || counts->n_pages < total))
                return;
        throttle->last_usec = now_usec;
        capture_job_progress(throttle->job, PROGRESS_DUMP, counts->n_pages, total,
                             counts->written_bytes);
}

/* What became of the pages, whatever the form. */
typedef struct SaveResult {
        PipelineCounts counts;
        uint64_t n_pages; /* to be written */
        uint64_t file_bytes;
        const char *incomplete; /* what the source lacks; NULL: nothing */
        const MissingPages *missing;
} SaveResult;

/* Fills in what became of it; @error is what stopped it. */
static int record_result(const CaptureJob *job, const SaveResult *result, int error)
{
        uint64_t n_missing = result->counts.n_missing;
        _cleanup_free_ char *missing = NULL;
        DumpRecord *record = job->record;

        if (error < 0)
                n_missing += result->n_pages - result->counts.n_pages;
        record->status = n_missing > 0 || result->incomplete || error < 0 ? DUMP_STATUS_INCOMPLETE
                                                                          : DUMP_STATUS_COMPLETE;
        record->n_pages = result->n_pages;
        record->n_pages_zero = result->counts.n_zero;
        record->plan_usec = result->counts.plan_usec;
        record->n_pages_missing = n_missing;
        record->vmcore_bytes = result->file_bytes;

        free(record->reason);
        record->reason = NULL;
        if (error < 0)
                return capture_deadline_reason(job->deadline, error, &record->reason);
        if (n_missing > 0) {
                if (missing_pages_text(result->missing, &missing) < 0)
                        return -ENOMEM;
                return strprintf(&record->reason, "%llu pages could not be read: pfn %s",
                                 (unsigned long long) n_missing, missing ?: "unknown");
        }
        if (result->incomplete)
                return strprintf(&record->reason, "its source is incomplete: %s",
                                 result->incomplete);
        return 0;
}

static int finish_record(const CaptureJob *job, const SaveResult *result, int error)
{
        if (record_result(job, result, error) < 0 && error >= 0)
                return -ENOMEM;
        return error;
}

static void sync_progress(const CaptureJob *job, const PipelineCounts *counts)
{
        capture_job_progress(job, PROGRESS_SYNC, counts->n_pages, counts->n_pages,
                             counts->written_bytes);
}

static int copy_kdump(const CaptureJob *job, const CaptureSource *source, const PageSource *pages,
                      DumpKdump *dump, const Compressor *compressor, SaveResult *ret)
{
        CaptureLimits limits = capture_limits_choose(job->n_threads, job->memory_limit_bytes);
        ProgressThrottle throttle = { .job = job };
        Pipeline pipeline = {
                .source = pages,
                .dump = dump,
                .compressor = compressor,
                .n_threads = limits.n_threads,
                .bits_bytes_max = limits.bits_bytes_max,
                .progress = pipeline_progress,
                .progress_data = &throttle,
                .deadline_usec = capture_deadline_usec(job->deadline),
        };
        int r;

        job->record->n_threads = limits.n_threads;
        r = dump_kdump_begin(dump);
        if (r >= 0)
                r = pipeline_run(&pipeline, &ret->counts);
        ret->incomplete = capture_source_incomplete(source);
        return r;
}

/* Is what was copied before @error worth an end? */
static bool error_leaves_pages(int error)
{
        return error == -ETIME || sink_error_is_full(error);
}

/* @error is what has stopped the copying. At the deadline, or when no more fits, all is as it would
 * be otherwise, but for the pages that are missing: what nobody reads without its end gets one,
 * too, and if that fails, nothing is there. */
static int finish_kdump(const CaptureJob *job, DumpKdump *dump, Sink *sink, SaveResult *result,
                        int error)
{
        bool complete = error >= 0 && result->counts.n_missing == 0 && !result->incomplete;
        bool needs_end = sink->ops->write_once;
        bool has_end = error >= 0 ||
                       (error_leaves_pages(error) && needs_end && result->counts.n_pages > 0);
        int r;

        if (has_end || error == -ETIME)
                sync_progress(job, &result->counts);
        r = has_end ? dump_kdump_commit(dump, complete) : sink_sync(sink);
        if (needs_end && error < 0 && (!has_end || r < 0))
                result->counts.n_pages = result->counts.n_missing = 0;
        if (r >= 0 || (error < 0 && error != -ETIME))
                r = error;
        return finish_record(job, result, r);
}

static int save_kdump(const CaptureJob *job, CaptureSource *source, unsigned dump_level, Sink *sink)
{
        const Compressor *compressor = choose_compressor(job->collector);
        _cleanup_(dump_kdump_freep) DumpKdump *dump = NULL;
        SaveResult result = { .missing = &source->missing };
        PageSource pages;
        KdumpInfo info;
        int r;

        r = record_settings(job->record, job->collector->format, compressor, dump_level);
        if (r < 0)
                return r;
        capture_source_pages(source, &pages);
        capture_source_describe(source, &info);
        info.dump_level = dump_level;
        info.compress_flags = compressor->flag;

        r = dump_kdump_new(sink, &pages, &info, &dump);
        if (r < 0)
                return r;
        r = copy_kdump(job, source, &pages, dump, compressor, &result);
        result.n_pages = dump_kdump_n_pages(dump);
        result.file_bytes = dump_kdump_bytes(dump);
        return finish_kdump(job, dump, sink, &result, r);
}

static bool source_incomplete(void *data)
{
        return capture_source_incomplete(data) != NULL;
}

static int save_elf(const CaptureJob *job, CaptureSource *source, unsigned dump_level, Sink *sink)
{
        ProgressThrottle throttle = { .job = job };
        PageSource pages;
        ElfInfo info;
        DumpElf dump = {
                .sink = sink,
                .source = &pages,
                .info = &info,
                .progress = pipeline_progress,
                .progress_data = &throttle,
                .incomplete = source_incomplete,
                .incomplete_data = source,
                .deadline_usec = capture_deadline_usec(job->deadline),
        };
        DumpElfResult written;
        SaveResult result;
        int r;

        r = record_settings(job->record, DUMP_FORMAT_ELF, NULL, dump_level);
        if (r < 0)
                return r;
        capture_source_pages(source, &pages);
        capture_elf_describe(source, &info);
        job->record->n_threads = 1;
        r = dump_elf_run(&dump, &written);
        if (r >= 0)
                sync_progress(job, &written.counts);
        if (written.gap_pages > 1)
                log_info("Up to %llu pages in a row that were left out read as zero.",
                         (unsigned long long) written.gap_pages - 1);
        if (written.n_lost_as_zero > 0)
                log_warning("%llu of the pages that could not be read are in it as zeros.",
                            (unsigned long long) written.n_lost_as_zero);
        result = (SaveResult){
                .counts = written.counts,
                .n_pages = written.n_pages,
                .file_bytes = written.file_bytes,
                .incomplete = capture_source_incomplete(source),
                .missing = &source->missing,
        };
        if (r >= 0)
                r = dump_elf_commit(&dump, &written);
        return finish_record(job, &result, r);
}

static void log_excluded(const CaptureCounts *counts)
{
        _cleanup_free_ char *text = NULL;

        if (capture_counts_text(counts, &text) >= 0 && text)
                log_info("Left out pages: %s.", text);
}

/* @name: of the file. */
static void log_result(const CaptureJob *job, const char *name, const CaptureCounts *counts)
{
        const DumpRecord *record = job->record;

        if (record->reason)
                log_warning("'%s' is incomplete: %s.", name, record->reason);
        log_info("Wrote %llu of %llu pages to '%s', %llu of them zero, in %llu bytes, at dump "
                 "level %u.",
                 (unsigned long long) (record->n_pages - record->n_pages_missing),
                 (unsigned long long) record->n_pages_memory, name,
                 (unsigned long long) record->n_pages_zero,
                 (unsigned long long) record->vmcore_bytes, record->dump_level);
        log_excluded(counts);
}

/* Says what became of it, and returns @error. */
static int log_stopped(const CaptureJob *job, const CaptureCounts *counts, int error)
{
        bool is_flat = job->collector->format == DUMP_FORMAT_FLAT;
        const DumpRecord *record = job->record;

        if (error != -ETIME)
                return log_error_errno(error, "Cannot write '%s': %m", job->incomplete_name);
        if (record->n_pages == record->n_pages_missing)
                log_error("'%s' has no pages: %s.", job->incomplete_name, record->reason ?: "");
        else
                log_result(job, is_flat ? job->final_name : job->incomplete_name, counts);
        return error;
}

static int open_sink(const CaptureJob *job, Sink **ret)
{
        _cleanup_(sink_freep) Sink *sink = NULL;
        int r;

        if (job->to_stream)
                r = sink_stream_new(job->stream_fd, &sink);
        else
                r = job->depot->ops->open(job->depot, job->incomplete_name, job->final_name, 0,
                                          &sink);
        if (r < 0)
                return r;
        if (job->collector->format == DUMP_FORMAT_FLAT)
                return sink_flat_new(TAKE_PTR(sink), ret);
        *ret = TAKE_PTR(sink);
        return 0;
}

static int save_pages(const CaptureJob *job, CaptureSource *source)
{
        unsigned dump_level = capture_source_filter(source, job->collector->dump_level);
        _cleanup_(sink_freep) Sink *sink = NULL;
        CaptureCounts counts;
        int r;

        job->record->n_pages_memory = source->n_exist;
        r = open_sink(job, &sink);
        if (r < 0)
                return log_error_errno(r, "Cannot make '%s': %m", job->incomplete_name);
        r = job->collector->format == DUMP_FORMAT_ELF ? save_elf(job, source, dump_level, sink)
                                                      : save_kdump(job, source, dump_level, sink);
        capture_source_counts(source, &counts);
        capture_counts_record(&counts, job->record);
        if (r < 0)
                return log_stopped(job, &counts, r);

        log_result(job, job->final_name, &counts);
        return 0;
}

int capture_record_source(DumpRecord *record, const CaptureSource *source)
{
        if (source->crash_realtime_usec > 0)
                record->crash_realtime_usec = source->crash_realtime_usec;
        if (!source->kernel_release)
                return 0;
        free(record->kernel_release);
        record->kernel_release = strdup(source->kernel_release);
        return record->kernel_release ? 0 : -ENOMEM;
}

static int discard(const char *text, size_t size, void *data)
{
        return 0;
}

static int describe_source(const CaptureJob *job, CaptureSource *source)
{
        char *panic = NULL;
        int r;

        r = capture_record_source(job->record, source);
        if (r < 0)
                return log_oom();
        /* A log that cannot be read is no reason to save nothing. */
        if (capture_write_log(source, discard, NULL, &panic) >= 0) {
                free(job->record->panic);
                job->record->panic = panic;
        }
        return 0;
}

int capture_save_file(const CaptureJob *job)
{
        _cleanup_(capture_source_freep) CaptureSource *source = NULL;
        int r;

        if (job->collector->argv)
                return capture_collector_run(job);

        r = capture_source_open(job->source, &source);
        if (r < 0)
                return r;
        if (job->describe) {
                r = describe_source(job, source);
                if (r < 0)
                        return r;
        }
        return save_pages(job, source);
}

int capture_write_log(CaptureSource *source, DmesgEmit emit, void *data, char **ret_panic_line)
{
        int r;

        if (!source->info || !source->kmem)
                return -ENODATA;
        r = dmesg_write(source->kmem, source->info, emit, data, ret_panic_line);
        if (r > 0)
                log_warning("The kernel log is damaged: some messages are missing.");
        return MIN(r, 0);
}
