/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which of several attempts saves the vmcore, and when a failed one is made again. Pure. */
#pragma once

#include "macro.h"

typedef enum AttemptState {
        ATTEMPT_STARTING, /* its process is on its way to having saved the log */
        ATTEMPT_PAUSED,   /* has failed, and will be started again */
        ATTEMPT_READY,    /* waits for its order */
        ATTEMPT_SAVING,   /* was told to save the vmcore */
        ATTEMPT_LEAVING,  /* was told to end without it */
        ATTEMPT_ENDED,
        _ATTEMPT_STATE_MAX,
        _ATTEMPT_STATE_INVALID = -EINVAL,
} AttemptState;

/* @states: of the targets, in their order. Returns the index of the one that is to save the vmcore
 * now: the first that may still do so, if it is ready. -EAGAIN: it is not, or one saves already;
 * -ENOENT: there is none left. */
int attempt_order_next(const AttemptState *states, size_t n);

/* How long to wait before an attempt is made again that was made @n_tries times. */
uint64_t attempt_pause_usec(unsigned n_tries);
