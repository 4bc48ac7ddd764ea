/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the fields of our structured journal messages. */
#include "messages.h"

#include <inttypes.h>
#include <stdarg.h>

/* The location fields would name this file, whoever logs. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "log.h"

void message_send(const char *message_id, int level, uint64_t generation, uint64_t gap_usec,
                  const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0) {
                text = NULL;
                (void) log_oom();
                return;
        }

        if (getenv("JOURNAL_STREAM") &&
            sd_journal_send("MESSAGE=%s", text, "MESSAGE_ID=%s", message_id, "PRIORITY=%d", level,
                            "KDUMP_GENERATION=%" PRIu64, generation, "KDUMP_GAP_USEC=%" PRIu64,
                            gap_usec, NULL) >= 0)
                return;
        (void) log_full(level, 0, "%s", text);
}
