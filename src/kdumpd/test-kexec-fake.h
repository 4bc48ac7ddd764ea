/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A kernel made of answers, for the tests of swaps. */
#pragma once

#include "kexec.h"

/* What each load returns in turn, and whether it takes the old image along. */
typedef struct TestKernel {
        int answers[8];
        bool swap_began[8], late[8]; /* @late: it is loaded all the same */
        bool slow[8];                /* it was by the slow way */
        bool slow_begins_armed;
        size_t n_calls, n_pauses;
        bool loaded;
        const KexecImage *last;

        /* Of a loader that makes ready: */
        int prepare_error;     /* of each, */
        int prepare_errors[8]; /* or of one */
        KexecPrepare hows[8];
        size_t n_prepared, n_freed;
        bool intact[8]; /* after each load */
} TestKernel;

extern TestKernel fake;

/* Which has nothing more to answer. */
void fake_reset(bool loaded);

extern const KexecLoader fake_loader;
extern const KexecLoader slow_loader;  /* has a slow way, too */
extern const KexecLoader ready_loader; /* makes ready, and can tell what is intact */
