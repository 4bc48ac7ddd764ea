/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A trial of a target from a system that runs: the way of an attempt, with a small file in the
 * place of the dump, which is removed again. */
#pragma once

#include "target.h"

typedef enum TrialStep {
        TRIAL_OPEN,  /* it was not reached, mounted or logged in to */
        TRIAL_BEGIN, /* no folder could be made */
        TRIAL_WRITE, /* no file */
        TRIAL_DONE,
        _TRIAL_STEP_MAX,
        _TRIAL_STEP_INVALID = -EINVAL,
} TrialStep;

typedef struct Trial {
        TrialStep step; /* that failed */
        int error;      /* 0, or why it did: a negative errno */
        bool has_room;
        uint64_t room_bytes;
        bool left; /* what was written is still there, as it could not be removed */
        char where[128];
} Trial;

/* Tries @target in a child, in a mount namespace of its own, for at most as long as it may take to
 * be reached and to stall. @index tells targets apart. Returns 0 or -errno if it could not be tried
 * at all. Logs; why it failed, too. */
int trial_run(const Target *target, size_t index, Trial *ret);

/* "open", "begin", "write", "done". */
const char *trial_step_to_string(TrialStep step);
