/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CaptureSource: a vmcore, opened and understood as far as it can be, as the writing side wants it.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "capture-counts.h"
#include "capture-missing.h"
#include "dump-kdump.h"
#include "dump-source.h"
#include "kmem.h"
#include "page-filter.h"
#include "vmcore.h"
#include "vmcoreinfo.h"

typedef struct CaptureSource {
        Vmcore *vmcore;
        Vmcoreinfo *info;         /* NULL: there is none, or none that makes sense */
        Kmem *kmem;               /* NULL: addresses of the kernel cannot be translated */
        bool machine_unknown;     /* that is why @kmem is not there */
        uint32_t page_size_bytes; /* of the crashed kernel */
        const MemoryRun *runs;    /* owned by @vmcore */
        size_t n_runs;
        const KdumpFile *saved;       /* owned by @vmcore; NULL: it is not a saved dump */
        atomic_bool bitmap_lost;      /* of @saved: which pages it has could not be read */
        const char *incomplete;       /* by its headers; NULL: nothing is missing */
        uint64_t crash_realtime_usec; /* 0: unknown */
        const char *kernel_release;   /* owned by @info; NULL: unknown */
        PageFilter *filter;           /* NULL: all pages are kept */
        PageFilter *value_filter;     /* what it keeps is written first; NULL: no telling */

        uint64_t n_exist;           /* pages */
        _Atomic uint64_t n_counted; /* of them, in the next two */
        _Atomic uint64_t n_excluded[_PAGE_CLASS_MAX];
        _Atomic uint64_t n_before; /* @saved had left them out */

        pthread_mutex_t missing_lock;
        MissingPages missing; /* that were to be written */
} CaptureSource;

/* Opens @path. What is missing in it is warned of, and done without. Returns 0, or errors as
 * vmcore_open(). Logs. */
int capture_source_open(const char *path, CaptureSource **ret);
CaptureSource *capture_source_free(CaptureSource *source); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(CaptureSource *, capture_source_free);

/* From now on leaves out what dump level @level (0 to 31) says, as far as can be decided; what
 * cannot is kept, and warned of. What must not be read is left out at any level. Returns the level
 * that is applied: of pages by their content only if nothing else can be decided; and what had been
 * applied to a saved dump before. Logs. */
unsigned capture_source_filter(CaptureSource *source, unsigned level);

/* The pages of @source, which must outlive *ret. */
void capture_source_pages(CaptureSource *source, PageSource *ret);

/* What was left out of the pages that dumpable() was asked for, each counted once as long as all of
 * them have been asked for before one is again. */
void capture_source_counts(const CaptureSource *source, CaptureCounts *ret);

/* Why pages of it are missing, whether they can be read or not, as far as is known by now; NULL:
 * none is known to be. */
const char *capture_source_incomplete(const CaptureSource *source);

/* What the headers of a dump say of @source: all but the level and the compression. The pointers in
 * *ret live as long as @source. */
void capture_source_describe(CaptureSource *source, KdumpInfo *ret);
