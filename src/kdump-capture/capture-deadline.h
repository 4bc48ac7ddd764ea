/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CaptureDeadline: when a capture has to end with what it has by then. */
#pragma once

#include "macro.h"

typedef struct CaptureDeadline {
        uint64_t start_usec; /* of CLOCK_BOOTTIME */
        uint64_t limit_usec; /* from then on; 0 or USEC_INFINITY: none */
} CaptureDeadline;

/* When it is, in microseconds of CLOCK_BOOTTIME; USEC_INFINITY: never, as if @deadline is NULL. */
uint64_t capture_deadline_usec(const CaptureDeadline *deadline);

/* Why a capture was stopped by @error, for a person: -ETIME is the deadline, if there is one. The
 * caller frees *ret. Returns 0 or -ENOMEM. Neither of these logs. */
int capture_deadline_reason(const CaptureDeadline *deadline, int error, char **ret);
