/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns where messages go and which are shown. */
#include "log.h"

#include <fcntl.h>
#include <stdarg.h>

/* The kernel cuts a /dev/kmsg record at PRINTKRB_RECORD_MAX, 1024 bytes (kernel/printk, v6.x). */
#define LOG_LINE_MAX 900

static struct {
        LogTarget target;
        const char *tag, *prefix;
        int max_level;
        int kmsg_fd;
        bool prefix_level;
} log_state = { .max_level = LOG_INFO, .kmsg_fd = -EBADF };

void log_setup(LogTarget target, const char *tag)
{
        log_state.target = target;
        log_state.tag = tag;
        log_state.prefix_level = getenv("JOURNAL_STREAM") != NULL;
        if (target == LOG_TARGET_KMSG && log_state.kmsg_fd < 0)
                log_state.kmsg_fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);
}

void log_set_prefix(const char *prefix)
{
        log_state.prefix = prefix;
}

void log_set_max_level(int level)
{
        log_state.max_level = level;
}

static void log_write(int level, const char *text)
{
        char line[LOG_LINE_MAX + 100];
        bool kmsg = log_state.target == LOG_TARGET_KMSG && log_state.kmsg_fd >= 0;
        const char *tag = log_state.tag ?: "";
        const char *sep = log_state.tag ? ": " : "", *prefix = log_state.prefix ?: "";
        int n;

        if (kmsg || log_state.prefix_level)
                n = snprintf(line, sizeof(line), "<%d>%s%s%s%s\n", level, tag, sep, prefix, text);
        else
                n = snprintf(line, sizeof(line), "%s%s%s%s\n", tag, sep, prefix, text);
        if (n < 0)
                return;

        if (write(kmsg ? log_state.kmsg_fd : STDERR_FILENO, line,
                  MIN((size_t) n, sizeof(line) - 1)) < 0)
                return; /* there is nobody left to tell */
}

int log_full(int level, int error, const char *format, ...)
{
        char text[LOG_LINE_MAX];
        int saved = errno;
        va_list ap;

        if (level <= log_state.max_level) {
                errno = abs(error);
                va_start(ap, format);
                (void) vsnprintf(text, sizeof(text), format, ap);
                va_end(ap);
                log_write(level, text);
        }

        errno = saved;
        return -abs(error);
}
