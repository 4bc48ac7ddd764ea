/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The copy loop: pages of a source, through a codec, into a dump, by several threads. */
#pragma once

#include "compress.h"
#include "dump-kdump.h"
#include "dump-source.h"

#define PIPELINE_THREADS_MAX 64

typedef struct PipelineCounts {
        uint64_t n_pages;   /* so far, the next two included */
        uint64_t n_zero;    /* of them: nothing but zeros, stored once */
        uint64_t n_missing; /* of them: unreadable, not in the dump */
        uint64_t written_bytes;
        uint64_t plan_usec; /* how long it took to tell which pages are to be written */
} PipelineCounts;

typedef struct Pipeline {
        const PageSource *source;
        DumpKdump *dump; /* begun */
        const Compressor *compressor;
        unsigned n_threads;     /* the caller is one of them; 0 is 1 */
        size_t bits_bytes_max;  /* for the bitmap of pages; with less, the source is asked twice */
        uint64_t deadline_usec; /* of CLOCK_BOOTTIME, to end with what is there; 0 or
                                 * USEC_INFINITY: none */

        /* Called now and then, @total pages in all; may be NULL. By any of the threads, but never
         * by two at a time. */
        void (*progress)(void *data, const PipelineCounts *counts, uint64_t total);
        void *progress_data;
} Pipeline;

/* About how much memory each thread takes, what the reader of the source needs not included. */
size_t pipeline_thread_bytes(void);

/* Asks which pages are to be written, writes the bitmaps and reserves the descriptors of the dump,
 * and copies those pages; with fewer threads if there are not so many. Returns 0, also when pages
 * were unreadable; the error of the sink, after -ENOSPC and the like what fits has been written;
 * -ETIME if the deadline came before the last page, after which what was copied has been written:
 * nothing if it came before it was clear which pages are to be written; -ENOMEM before the first
 * page. *ret_counts is set in any case: the pages whose descriptors were written. Does not log. */
int pipeline_run(const Pipeline *pipeline, PipelineCounts *ret_counts);
