/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the rule by which the codec is chosen. */
#include "compress-choice.h"

/* The other codec has to be that much faster: both are measured, and no two pages are alike. */
#define GAIN_MIN 1.1

/* How long one page takes when @n_threads compress for @own_nsec a page each, and what they made of
 * it keeps the sink, which they share, busy for @sink_nsec. A thread that comes to the sink meets
 * there as many others as would be there on average without it (mean value analysis of a closed
 * queueing network). One thread: the sum. Many: the longer of @sink_nsec and @own_nsec / n. */
static double page_nsec(unsigned n_threads, double own_nsec, double sink_nsec)
{
        double n_at_sink = 0, round_nsec = own_nsec + sink_nsec;

        for (unsigned n = 1; n <= n_threads; n++) {
                double at_sink_nsec = sink_nsec * (1 + n_at_sink);

                round_nsec = own_nsec + at_sink_nsec;
                n_at_sink = n * at_sink_nsec / round_nsec;
        }
        return round_nsec / n_threads;
}

static double codec_page_nsec(const CompressFigures *figures, const CodecFigures *codec)
{
        double n_pages = (double) codec->n_pages;
        double byte_nsec = (double) figures->sink.busy_nsec / (double) figures->sink.bytes;

        return page_nsec(figures->n_threads, (double) codec->cpu_nsec / n_pages,
                         byte_nsec * (double) codec->bytes / n_pages);
}

static bool codec_is_known(const CodecFigures *codec)
{
        return codec->n_pages > 0 && codec->cpu_nsec > 0;
}

Compression compress_choose(const CompressFigures *figures, Compression now)
{
        double lzo_nsec, zstd_nsec;

        if (figures->n_threads == 0 || figures->sink.bytes == 0 || !codec_is_known(&figures->lzo) ||
            !codec_is_known(&figures->zstd))
                return now;

        lzo_nsec = codec_page_nsec(figures, &figures->lzo);
        zstd_nsec = codec_page_nsec(figures, &figures->zstd);
        if (zstd_nsec * GAIN_MIN < lzo_nsec)
                return COMPRESSION_ZSTD;
        if (lzo_nsec * GAIN_MIN < zstd_nsec)
                return COMPRESSION_LZO;
        return now;
}
