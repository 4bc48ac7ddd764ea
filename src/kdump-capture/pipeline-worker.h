/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One worker of the pipeline: its buffers, and how pages get into them and out again. */
#pragma once

#include <stdatomic.h>

#include "compress-auto.h"
#include "dump-units.h"
#include "pipeline.h"

/* Data goes out in pieces of at most this size, and descriptors with it. */
#define WORKER_DATA_BYTES ((size_t) 1 << 20)
#define WORKER_DESCS_MAX ((size_t) 8192)
#define WORKER_SEGMENTS_MAX 64
#define WORKER_PATTERNS_MAX 16

/* Some of the descriptors that are gathered, of pages that follow each other. */
typedef struct WorkerSegment {
        uint64_t rank;
        size_t n;
} WorkerSegment;

/* A page that is one word over and over, and where it is stored. */
typedef struct WorkerPattern {
        uint64_t word;
        KdumpDesc desc;
} WorkerPattern;

typedef struct PipelineWorker {
        const Pipeline *pipeline;
        const atomic_bool *stop;
        void (*flushed)(void *data, const PipelineCounts *counts); /* what each flush added */
        void *flushed_data;

        void *reader;
        CompressAuto *automatic; /* NULL: the codec is given */
        Coder coder;
        KdumpDesc zero_desc;
        size_t page_bytes;
        size_t bound_bytes;    /* room for one page in @data */
        PipelineCounts counts; /* since the last flush */

        uint8_t *data; /* WORKER_DATA_BYTES, aligned for the sink */
        size_t data_used, data_limit;
        KdumpDesc *descs; /* WORKER_DESCS_MAX */
        size_t n_descs;
        WorkerSegment segments[WORKER_SEGMENTS_MAX]; /* of @descs, in that order */
        size_t n_segments;
        WorkerPattern patterns[WORKER_PATTERNS_MAX];
        size_t n_patterns;

        const uint8_t *window;
        uint64_t window_pfn;
        size_t window_pages, window_next; /* the page to be looked at next */
} PipelineWorker;

/* The caller sets the members up to @flushed_data before. Returns 0 or -ENOMEM;
 * pipeline_worker_done() is for half-built ones too. None of these log. */
int pipeline_worker_init(PipelineWorker *worker);
void pipeline_worker_done(PipelineWorker *worker);

/* Once the dump is reserved, before the first unit. */
void pipeline_worker_begin(PipelineWorker *worker);

/* The pages of @unit that are for now. Returns 0; -ECANCELED if @stop was set meanwhile; the error
 * of the sink. */
int pipeline_worker_copy(PipelineWorker *worker, const DumpUnit *unit);

/* Sends off what has been gathered. When the data does not fit any more, what descriptors can do
 * without it are written nevertheless. */
int pipeline_worker_flush(PipelineWorker *worker);
