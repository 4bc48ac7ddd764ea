/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A machine in a folder, and a kernel for it that does what kexec_load(2) does to its memory. There
 * is one of it, as syscall(2) is replaced for the whole process. */
#pragma once

#include "segment-loader.h"
#include "test-crash-memory.h"
#include "test-loader-fixture.h"

#define BED_CALLS_MAX 8

/* What one call of kexec was. */
typedef struct BedCall {
        bool file; /* it was kexec_file_load(2) */
        size_t n_segments;
        uint64_t bytes; /* of memory that was written */
} BedCall;

typedef struct Bed {
        char *root;
        int root_fd;
        TestFiles *files;
        LoaderFacts facts;
        SegmentLoader *loader;
        const KexecLoader *ops;

        /* Of the next calls in turn: */
        int answers[BED_CALLS_MAX];   /* 0, or -errno */
        bool frees[BED_CALLS_MAX];    /* one that fails frees what is armed all the same */
        uint64_t hits[BED_CALLS_MAX]; /* an address that is damaged by it; 0: none */
        BedCall calls[BED_CALLS_MAX];
        size_t n_calls;
} Bed;

extern Bed bed;

/* Nothing is armed. */
void bed_init(void);
void bed_done(void);

/* As if the daemon was restarted. */
void bed_new_loader(void);
void bed_new_calls(void);

bool bed_armed(void);
void bed_flip(uint64_t paddr);

/* An image of the bed's files, with @overlay behind the initramfs. Fresh files each time. */
KexecImage bed_image(const char *overlay);

/* What kexec_crash_swap() makes of it. Fails if nothing is armed then. */
int bed_swap(const KexecImage *image, const KexecImage *fallback, KexecPrepare how, KexecSwap *ret);

/* Of the last load. */
const KexecReport *bed_report(void);

/* Fails unless all that is armed is as the digests there say. */
void bed_check(const LoadedPlace *place);
