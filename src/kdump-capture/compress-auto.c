/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the clocks and the turns of the codecs that are chosen among. */
#include "compress-auto.h"

#include <pthread.h>

#include "compress-choice.h"
#include "io.h"

/* Every so many buffers, the codec that is not in use has one: for what it would do now. The first
 * such comes soon. */
#define PROBE_INTERVAL 64
#define PROBE_FIRST 2

/* After so many buffers what was measured counts half. */
#define AGE_BUFFERS 32

enum {
        LZO,
        ZSTD,
        _N_CODECS,
};

_Static_assert(_N_CODECS == ELEMENTSOF(((Coder *) NULL)->contexts), "a context for each codec");

static const Compressor *const codecs[_N_CODECS] = {
        [LZO] = &compressor_lzo,
        [ZSTD] = &compressor_zstd,
};

struct CompressAuto {
        pthread_mutex_t lock;
        CompressFigures figures;
        unsigned n_measured[_N_CODECS], n_written; /* buffers, since they were last halved */
        Compression now;
        uint64_t n_begun; /* buffers */
        unsigned n_writing;
        uint64_t sink_nsec; /* when @n_writing changed */
};

const Compressor compressor_auto = {
        .compression = COMPRESSION_AUTO,
        .flag = COMPRESS_FLAG_LZO | COMPRESS_FLAG_ZSTD,
};

CompressAuto *compress_auto_free(CompressAuto *shared)
{
        if (!shared)
                return NULL;
        (void) pthread_mutex_destroy(&shared->lock);
        free(shared);
        return NULL;
}

int compress_auto_new(unsigned n_threads, CompressAuto **ret)
{
        CompressAuto *shared = calloc(1, sizeof(*shared));

        if (!shared)
                return -ENOMEM;
        (void) pthread_mutex_init(&shared->lock, NULL);
        shared->figures.n_threads = n_threads;
        shared->now = COMPRESSION_LZO;
        *ret = shared;
        return 0;
}

/* Whose turn the next buffer is. */
static Compression shared_take_turn(CompressAuto *shared)
{
        Compression turn = compress_choose(&shared->figures, shared->now);

        shared->now = turn;
        if (shared->n_begun++ % PROBE_INTERVAL == PROBE_FIRST)
                turn = turn == COMPRESSION_LZO ? COMPRESSION_ZSTD : COMPRESSION_LZO;
        return turn;
}

static void shared_add_sink_time(CompressAuto *shared)
{
        uint64_t now_nsec = clock_nsec(CLOCK_MONOTONIC);

        if (shared->n_writing > 0)
                shared->figures.sink.busy_nsec += now_nsec - shared->sink_nsec;
        shared->sink_nsec = now_nsec;
}

static void shared_add_sink_bytes(CompressAuto *shared, uint64_t bytes)
{
        SinkFigures *sink = &shared->figures.sink;

        sink->bytes += bytes;
        if (++shared->n_written < AGE_BUFFERS)
                return;
        shared->n_written = 0;
        sink->bytes /= 2;
        sink->busy_nsec /= 2;
}

static void shared_add_codec(CompressAuto *shared, size_t i, uint64_t n_pages, uint64_t cpu_nsec,
                             uint64_t bytes)
{
        CodecFigures *codec = i == LZO ? &shared->figures.lzo : &shared->figures.zstd;

        codec->n_pages += n_pages;
        codec->cpu_nsec += cpu_nsec;
        codec->bytes += bytes;
        if (++shared->n_measured[i] < AGE_BUFFERS)
                return;
        shared->n_measured[i] = 0;
        codec->n_pages /= 2;
        codec->cpu_nsec /= 2;
        codec->bytes /= 2;
}

static void coder_use(Coder *coder, Compression compression)
{
        size_t i = compression == COMPRESSION_ZSTD ? ZSTD : LZO;

        coder->compressor = codecs[i];
        coder->context = coder->contexts[i];
        coder->n_pages = 0;
}

int coder_init(Coder *coder, const Compressor *compressor, CompressAuto *shared)
{
        int r;

        *coder = (Coder){ .compressor = compressor };
        if (compressor != &compressor_auto) {
                r = compressor->init(&coder->contexts[0]);
                coder->context = coder->contexts[0];
                return r;
        }

        coder->shared = shared;
        for (size_t i = 0; i < _N_CODECS; i++) {
                r = codecs[i]->init(&coder->contexts[i]);
                if (r < 0)
                        return r;
        }
        coder_use(coder, COMPRESSION_LZO);
        return 0;
}

void coder_done(Coder *coder)
{
        if (coder->shared)
                for (size_t i = 0; i < _N_CODECS; i++)
                        codecs[i]->done(coder->contexts[i]);
        else if (coder->compressor)
                coder->compressor->done(coder->contexts[0]);
        *coder = (Coder){};
}

size_t coder_bound(const Coder *coder, size_t page_bytes)
{
        size_t bound = coder->compressor->bound(page_bytes);

        for (size_t i = 0; coder->shared && i < _N_CODECS; i++)
                bound = MAX(bound, codecs[i]->bound(page_bytes));
        return bound;
}

size_t coder_page(Coder *coder, const uint8_t *in, size_t page_bytes, uint8_t *out,
                  uint32_t *ret_flag)
{
        size_t size;

        if (coder->n_pages == 0 && coder->shared)
                coder->start_cpu_nsec = clock_nsec(CLOCK_THREAD_CPUTIME_ID);
        size = coder->compressor->page(coder->context, in, page_bytes, out);
        coder->n_pages++;
        *ret_flag = coder->compressor->flag;
        return size;
}

void coder_write_begins(Coder *coder)
{
        CompressAuto *shared = coder->shared;

        if (!shared)
                return;
        coder->cpu_nsec = clock_nsec(CLOCK_THREAD_CPUTIME_ID) - coder->start_cpu_nsec;
        (void) pthread_mutex_lock(&shared->lock);
        shared_add_sink_time(shared);
        shared->n_writing++;
        (void) pthread_mutex_unlock(&shared->lock);
}

void coder_write_ended(Coder *coder, uint64_t bytes)
{
        CompressAuto *shared = coder->shared;
        size_t i = coder->compressor == codecs[ZSTD] ? ZSTD : LZO;
        Compression turn;

        if (!shared)
                return;
        (void) pthread_mutex_lock(&shared->lock);
        shared_add_sink_time(shared);
        shared->n_writing--;
        if (bytes > 0) {
                shared_add_sink_bytes(shared, bytes);
                if (coder->n_pages > 0)
                        shared_add_codec(shared, i, coder->n_pages, coder->cpu_nsec, bytes);
        }
        turn = shared_take_turn(shared);
        (void) pthread_mutex_unlock(&shared->lock);
        coder_use(coder, turn);
}
