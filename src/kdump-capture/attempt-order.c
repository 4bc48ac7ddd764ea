/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the order of targets and the back-off. */
#include "attempt-order.h"

#define PAUSE_MAX_USEC (30 * USEC_PER_SEC)

int attempt_order_next(const AttemptState *states, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (states[i] == ATTEMPT_SAVING)
                        return -EAGAIN;
        for (size_t i = 0; i < n; i++)
                switch (states[i]) {
                case ATTEMPT_READY:
                        return (int) i;
                case ATTEMPT_STARTING:
                case ATTEMPT_PAUSED:
                        return -EAGAIN;
                default:
                        break;
                }
        return -ENOENT;
}

uint64_t attempt_pause_usec(unsigned n_tries)
{
        uint64_t usec = USEC_PER_SEC;

        for (unsigned i = 1; i < n_tries && usec < PAUSE_MAX_USEC; i++)
                usec *= 2;
        return MIN(usec, PAUSE_MAX_USEC);
}
