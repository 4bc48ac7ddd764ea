/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Saving one vmcore, or its log, to one file: what an attempt and the commands for use by hand have
 * in common. */
#pragma once

#include "capture-deadline.h"
#include "capture-source.h"
#include "depot.h"
#include "dmesg.h"
#include "plan.h"
#include "progress.h"
#include "record.h"

typedef struct CaptureJob {
        const char *source; /* path of a vmcore */
        Depot *depot;
        const char *incomplete_name, *final_name; /* in @depot */
        bool to_stream; /* bytes go to @stream_fd in their order; the names are for messages only */
        int stream_fd;
        const Collector *collector;
        DumpRecord *record;
        bool describe;                   /* the record also gets release, time of crash and panic */
        unsigned n_threads;              /* 0: as many as CPUs and memory allow */
        uint64_t memory_limit_bytes;     /* 0: a part of what is available */
        const CaptureDeadline *deadline; /* NULL: none */

        /* Told at most ten times a second, by any thread but by one at a time; may be NULL. */
        void (*progress)(void *data, ProgressPhase phase, uint64_t pages_done, uint64_t pages_total,
                         uint64_t bytes_written);
        void *progress_data;
} CaptureJob;

static inline void capture_job_progress(const CaptureJob *job, ProgressPhase phase,
                                        uint64_t pages_done, uint64_t pages_total,
                                        uint64_t bytes_written)
{
        if (job->progress)
                job->progress(job->progress_data, phase, pages_done, pages_total, bytes_written);
}

/* Writes the pages of the source to a file or a stream, in the format that the collector says; a
 * stream, as a depot that takes bytes in their order only, takes all but DUMP_FORMAT_KDUMP. An ELF
 * core is not compressed. The record gets status, reason, format, compression, level, counts and
 * bytes. Returns and logs as capture_save_vmcore().
 */
int capture_save_file(const CaptureJob *job);

/* Fills in the kernel's release and the time of the crash, if @source tells. Returns 0 or -ENOMEM.
 * Does not log. */
int capture_record_source(DumpRecord *record, const CaptureSource *source);

/* dmesg_write() on @source; -ENODATA also if its addresses cannot be translated. A damaged log is
 * warned of. */
int capture_write_log(CaptureSource *source, DmesgEmit emit, void *data, char **ret_panic_line);
