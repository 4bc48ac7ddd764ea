/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DumpRecord: what a capture says of itself in meta.json: what, when, how long, how much. */
#pragma once

#include "macro.h"

typedef enum DumpStatus {
        DUMP_STATUS_COMPLETE,   /* every page that should be there is */
        DUMP_STATUS_INCOMPLETE, /* it opens, but pages are missing */
        DUMP_STATUS_LOG_ONLY,   /* the kernel log was saved, the vmcore was not */
        _DUMP_STATUS_MAX,
        _DUMP_STATUS_INVALID = -EINVAL,
} DumpStatus;

typedef struct DumpRecord {
        DumpStatus status;
        char *hostname, *machine_id;
        char *kernel_release; /* of the crashed kernel */
        char *panic;  /* first line of the log that tells of the panic; NULL if none was found */
        char *reason; /* why it is not complete; NULL if it is */
        char *target; /* as target_describe() */
        char *format, *compression;
        unsigned dump_level;
        unsigned n_cpus;              /* of the capture kernel */
        uint64_t crash_realtime_usec; /* CRASHTIME of vmcoreinfo; 0 unknown */
        uint64_t start_realtime_usec; /* kdump-capture began */
        uint64_t log_usec;            /* from then until the log was safe */
        uint64_t dump_usec;           /* from then until the vmcore was safe */
        uint64_t plan_usec;           /* of it, until it was clear which pages are to be written */
        uint64_t log_bytes, vmcore_bytes;
        unsigned n_threads;      /* that pages were copied by, at most; 0 unknown */
        uint64_t n_pages_memory; /* that the machine had, whatever was left out; 0 unknown */
        uint64_t n_pages, n_pages_zero, n_pages_missing;

        /* Pages that were left out: as what, or because the source had left them out before. */
        uint64_t n_excluded_free, n_excluded_cache, n_excluded_cache_private, n_excluded_user;
        uint64_t n_excluded_hwpoison, n_excluded_offline, n_excluded_before;
        uint64_t generation; /* of the image that captured */
        char *image;         /* as Plan.image: NULL, or "fallback" */

        /* Of the crash kernel: its RAM, what of it the kernel has left to give away, and the most
         * of that that was in use at once while kdump-capture ran. 0 unknown. */
        uint64_t memory_ram_bytes, memory_total_bytes, memory_peak_bytes;

        /* How the purgatory found the image: "good", "repaired", or "fallback" if that is what it
         * started; NULL: it was not ours. */
        char *purgatory;
        uint64_t purgatory_chunks_checked, purgatory_chunks_repaired, purgatory_chunks_lost;
        uint64_t purgatory_exceptions, purgatory_nmis;
} DumpRecord;

void dump_record_done(DumpRecord *record);

/* The caller frees *ret_json. */
int dump_record_to_json(const DumpRecord *record, char **ret_json);

/* Returns 0; -EBADMSG if it is not a record. Does not log. */
int dump_record_from_json(const char *json, size_t size, DumpRecord *ret);

const char *dump_status_to_string(DumpStatus status);
DumpStatus dump_status_from_string(const char *s);
