/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sizing: how much memory the crash kernel needs, from what was measured and what can be computed.
 * Pure. All numbers are bytes. */
#pragma once

#include "macro.h"

/* What a capture has told of itself: DumpRecord. */
typedef struct SizingCapture {
        char *name;
        uint64_t ram_bytes, total_bytes, peak_bytes; /* 0: not known */
} SizingCapture;

typedef struct SizingFacts {
        uint64_t ram_bytes;      /* of the machine */
        uint64_t reserved_bytes; /* now */
        uint64_t floor_bytes;    /* that the table advises for this machine at least */
        uint64_t kernel_bytes;   /* that the kernel takes to start; 0: not known */
        uint64_t modules_bytes;  /* loaded modules */
        uint64_t packed_bytes;   /* initramfs as it is loaded; 0: there is none yet */
        uint64_t unpacked_bytes; /* 0: not known */
        uint64_t page_size_bytes;
        unsigned n_cpus; /* that the crash kernel is told to use; 0: as many as fit */
        SizingCapture *captures;
        size_t n_captures;
} SizingFacts;

typedef enum SizingSource {
        SIZING_TABLE,
        SIZING_COMPUTED,
        SIZING_MEASURED,
        _SIZING_MAX,
        _SIZING_INVALID = -EINVAL,
} SizingSource;

typedef struct Sizing {
        uint64_t recommended_bytes; /* the largest of the three, in whole steps of 16 MiB */
        SizingSource source;
        uint64_t computed_bytes; /* 0: not known, as are its parts then */
        uint64_t unpacked_bytes; /* as given, or guessed */
        bool unpacked_guessed;
        uint64_t pages_bytes;   /* the kernel's own records of the memory */
        uint64_t runtime_bytes; /* programs and what is left over */

        uint64_t measured_bytes;      /* 0: no capture has told */
        const SizingCapture *capture; /* that needed most; in the facts */
        uint64_t overhead_bytes;      /* of it: what never was the kernel's to give away */
} Sizing;

void sizing_compute(const SizingFacts *facts, Sizing *ret);

const char *sizing_source_to_string(SizingSource source);
