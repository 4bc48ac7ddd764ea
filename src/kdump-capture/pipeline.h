/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The copy loop: pages of a source, through a codec, into a dump. */
#pragma once

#include "compress.h"
#include "dump-kdump.h"
#include "dump-source.h"

typedef struct PipelineCounts {
        uint64_t n_pages;   /* seen so far, the next two included */
        uint64_t n_zero;    /* of them: nothing but zeros, stored once */
        uint64_t n_missing; /* of them: unreadable, not in the dump */
        uint64_t written_bytes;
        uint64_t first_missing_pfn; /* if n_missing > 0 */
} PipelineCounts;

typedef struct Pipeline {
        const PageSource *source;
        DumpKdump *dump; /* begun */
        const Compressor *compressor;

        /* Called after each piece of work, @total pages in all; may be NULL. */
        void (*progress)(void *data, const PipelineCounts *counts, uint64_t total);
        void *progress_data;
} Pipeline;

/* Copies every dumpable page. Returns 0, also when pages were unreadable; the error of the sink;
 * -ENOMEM before the first page. *ret_counts is set in any case: the pages whose descriptors were
 * written. Does not log. */
int pipeline_run(const Pipeline *pipeline, PipelineCounts *ret_counts);
