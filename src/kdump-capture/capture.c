/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what an attempt saves: the names of its files, and what its record and its supervisor are
 * told. */
#include "capture.h"

#include "capture-save.h"
#include "io.h"
#include "log.h"
#include "paths.h"

#define LOG_BUFFER_BYTES ((size_t) 64 << 10)

/* The log comes in lines, and goes out in large writes. */
typedef struct LogFile {
        Sink *sink;
        uint64_t bytes; /* written */
        size_t used;
        char buffer[LOG_BUFFER_BYTES];
} LogFile;

static int log_file_flush(LogFile *file)
{
        int r;

        r = sink_write(file->sink, file->bytes, file->buffer, file->used);
        if (r < 0)
                return r;
        file->bytes += file->used;
        file->used = 0;
        return 0;
}

static int log_file_emit(const char *text, size_t size, void *data)
{
        LogFile *file = data;
        int r;

        while (size > 0) {
                size_t n = MIN(size, sizeof(file->buffer) - file->used);

                memcpy(file->buffer + file->used, text, n);
                file->used += n;
                text += n;
                size -= n;
                if (file->used < sizeof(file->buffer))
                        continue;
                r = log_file_flush(file);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int save_log(CaptureSource *source, Depot *depot, DumpRecord *record)
{
        _cleanup_(sink_freep) Sink *sink = NULL;
        _cleanup_free_ LogFile *file = NULL;
        char *panic = NULL;
        int r;

        r = depot->ops->open(depot, FILE_DMESG_INCOMPLETE, FILE_DMESG, 0, &sink);
        if (r < 0)
                return r;
        file = calloc(1, sizeof(*file));
        if (!file)
                return -ENOMEM;
        file->sink = sink;

        r = capture_write_log(source, log_file_emit, file, &panic);
        if (r >= 0)
                r = log_file_flush(file);
        if (r >= 0)
                r = sink_commit(sink);
        if (r < 0) {
                /* Half a log is better than none: it stays under its incomplete name. */
                (void) log_file_flush(file);
                (void) sink_sync(sink);
                free(panic);
                return r;
        }
        free(record->panic);
        record->panic = panic;
        record->log_bytes = file->bytes;
        return 0;
}

int capture_save_dmesg(const char *source, Depot *depot, DumpRecord *record)
{
        _cleanup_(capture_source_freep) CaptureSource *opened = NULL;
        int r;

        r = capture_source_open(source, &opened);
        if (r < 0)
                return r;
        r = capture_record_source(record, opened);
        if (r < 0)
                return log_oom();
        r = save_log(opened, depot, record);
        if (r < 0)
                return log_error_errno(r, "Cannot save the kernel log of '%s': %m", source);
        return 0;
}

static void pipe_progress(void *data, ProgressPhase phase, uint64_t pages_done,
                          uint64_t pages_total, uint64_t bytes_written)
{
        progress_report(data, phase, pages_done, pages_total, bytes_written);
}

/* The flattened form is for what cannot seek: it is used there, and nowhere else. */
static DumpFormat choose_format(const Collector *collector, const Depot *depot)
{
        if (collector->format == DUMP_FORMAT_ELF)
                return DUMP_FORMAT_ELF;
        return depot->ops->in_order ? DUMP_FORMAT_FLAT : DUMP_FORMAT_KDUMP;
}

int capture_save_vmcore(const char *source, Depot *depot, const Collector *collector,
                        const CaptureDeadline *deadline, ProgressPipe *progress, DumpRecord *record)
{
        Collector settings = *collector;
        CaptureJob job = {
                .source = source,
                .depot = depot,
                .incomplete_name = FILE_VMCORE_INCOMPLETE,
                .final_name = FILE_VMCORE,
                .collector = &settings,
                .record = record,
                .deadline = deadline,
                .progress = progress ? pipe_progress : NULL,
                .progress_data = progress,
        };

        settings.format = choose_format(collector, depot);
        if (settings.format == DUMP_FORMAT_FLAT) {
                job.incomplete_name = FILE_VMCORE_FLAT_INCOMPLETE;
                job.final_name = FILE_VMCORE_FLAT;
        }
        return capture_save_file(&job);
}
