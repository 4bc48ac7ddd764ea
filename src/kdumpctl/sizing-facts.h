/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Collects what a Sizing is made of: from /proc and /sys, the base image's manifest, and the
 * records of dumps. None of these log. */
#pragma once

#include "sizing.h"

/* Modules that take this much or more are named. */
#define LARGE_MODULE_BYTES (UINT64_C(1) << 20)

typedef struct SizingModule {
        char *name;
        uint64_t bytes;
} SizingModule;

typedef struct SizingInput {
        SizingFacts facts;
        char *kernel_release; /* of the crash kernel */
        char *base_id;        /* NULL: no base image was built for it */
        SizingModule *large;  /* modules */
        size_t n_large;
} SizingInput;

void sizing_input_done(SizingInput *input);

/* @folders: where dumps are. Returns 0; errors of reading what should be there. What is not there
 * yet stays 0. */
int sizing_input_read(int root_fd, char *const *folders, SizingInput *ret);
