/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the arithmetic of a deadline and the words for it. */
#include "capture-deadline.h"

#include "io.h"
#include "parse.h"

uint64_t capture_deadline_usec(const CaptureDeadline *deadline)
{
        uint64_t usec;

        if (!deadline || deadline->limit_usec == 0 ||
            __builtin_add_overflow(deadline->start_usec, deadline->limit_usec, &usec))
                return USEC_INFINITY;
        return usec;
}

int capture_deadline_reason(const CaptureDeadline *deadline, int error, char **ret)
{
        _cleanup_free_ char *limit = NULL;
        int r;

        if (error != -ETIME || capture_deadline_usec(deadline) == USEC_INFINITY)
                return strprintf(ret, "stopped: %s", strerror(-error));
        r = usec_format(deadline->limit_usec, &limit);
        return r < 0 ? r : strprintf(ret, "stopped: the deadline of %s has passed", limit);
}
