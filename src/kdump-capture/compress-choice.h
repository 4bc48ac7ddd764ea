/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CompressChoice: which of two codecs brings a dump to its end sooner, by what was measured. Knows
 * no clock and no thread. */
#pragma once

#include "macro.h"
#include "plan.h"

/* What came of the pages that one codec was given lately. */
typedef struct CodecFigures {
        uint64_t n_pages;
        uint64_t cpu_nsec; /* of reading and compressing them */
        uint64_t bytes;    /* that they became */
} CodecFigures;

/* What the sink took lately. */
typedef struct SinkFigures {
        uint64_t bytes;
        uint64_t busy_nsec; /* while one thread at least was writing */
} SinkFigures;

typedef struct CompressFigures {
        unsigned n_threads;
        CodecFigures lzo, zstd;
        SinkFigures sink;
} CompressFigures;

/* lzo or zstd; @now as long as a figure is missing or the other one is hardly better. */
Compression compress_choose(const CompressFigures *figures, Compression now);
