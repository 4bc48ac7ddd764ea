/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CompressAuto: the codec that fits the sink, chosen anew while a dump is written. Coder: what one
 * worker compresses with, be that chosen or given. */
#pragma once

#include "compress.h"

typedef struct CompressAuto CompressAuto;

/* What @n_threads coders share. Returns 0 or -ENOMEM. Does not log, nor do the others. */
int compress_auto_new(unsigned n_threads, CompressAuto **ret);
CompressAuto *compress_auto_free(CompressAuto *shared); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(CompressAuto *, compress_auto_free);

typedef struct Coder {
        const Compressor *compressor; /* of the pages that come now: never "auto" */
        void *context;                /* of it, owned by @contexts */
        CompressAuto *shared;         /* NULL: always the same codec */
        void *contexts[2];
        uint64_t n_pages;                  /* since the last write */
        uint64_t start_cpu_nsec, cpu_nsec; /* when the first of them came, and what all took */
} Coder;

/* @shared must be there for compressor_auto, and outlive the coder. Returns 0 or an error of the
 * codec; coder_done() is for half-built ones too. */
int coder_init(Coder *coder, const Compressor *compressor, CompressAuto *shared);
void coder_done(Coder *coder);

/* Compressor.bound() of any codec that may be chosen. */
size_t coder_bound(const Coder *coder, size_t page_bytes);

/* As Compressor.page(), also as to jumps; *ret_flag is that of the codec. */
size_t coder_page(Coder *coder, const uint8_t *in, size_t page_bytes, uint8_t *out,
                  uint32_t *ret_flag);

/* By the thread of the coder, around each write of what its pages became: @bytes of them; 0 if that
 * failed. Afterwards the codec may be another. */
void coder_write_begins(Coder *coder);
void coder_write_ended(Coder *coder, uint64_t bytes);
