/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Leveled messages to standard error, in the form that the journal understands, or to /dev/kmsg. */
#pragma once

#include <errno.h>
#include <syslog.h>

#include "macro.h"

typedef enum LogTarget {
        LOG_TARGET_STDERR, /* "<N>text" when standard error is the journal, plain text otherwise */
        LOG_TARGET_KMSG,   /* /dev/kmsg: on every console of the machine, and in the kernel's log */
        _LOG_TARGET_MAX,
        _LOG_TARGET_INVALID = -EINVAL,
} LogTarget;

/* @tag (static storage) is put before each message: "tag: text"; NULL for none. */
void log_setup(LogTarget target, const char *tag);

/* @prefix (it must stay where it is) comes between the tag and each message of this process from
 * now on, to tell whose it is; NULL for none. */
void log_set_prefix(const char *prefix);

/* Messages above this syslog level are dropped. The default is LOG_INFO. */
void log_set_max_level(int level);

/* One message, without a newline at its end. %m shows errno @error (0 or either sign).
 * Returns -abs(error), so that callers write: return log_error_errno(r, "…: %m"); */
int log_full(int level, int error, const char *format, ...) _printf_(3, 4);

#define log_error_errno(error, ...) log_full(LOG_ERR, error, __VA_ARGS__)
#define log_warning_errno(error, ...) log_full(LOG_WARNING, error, __VA_ARGS__)
#define log_debug_errno(error, ...) log_full(LOG_DEBUG, error, __VA_ARGS__)
#define log_error(...) (void) log_full(LOG_ERR, 0, __VA_ARGS__)
#define log_warning(...) (void) log_full(LOG_WARNING, 0, __VA_ARGS__)
#define log_notice(...) (void) log_full(LOG_NOTICE, 0, __VA_ARGS__)
#define log_info(...) (void) log_full(LOG_INFO, 0, __VA_ARGS__)
#define log_debug(...) (void) log_full(LOG_DEBUG, 0, __VA_ARGS__)
#define log_oom() log_error_errno(-ENOMEM, "Out of memory.")
