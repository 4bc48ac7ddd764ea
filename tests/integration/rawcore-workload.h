/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Workload: fills the memory of a guest, see rawcore-workload.c; and what it shares with its PID 1.
 */

#pragma once

#include <stdint.h>

/* Makes all that the environment asks for, in processes that live on. Returns 0, or -1 after
 * fail(). */
int workload_make(void);

/* Says on the console what failed, with errno; rawcore.py gives up at that. Returns -1. */
int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The kB of the line of a file below /proc that begins with @key; 0 without it. Does not log. */
uint64_t proc_kib(const char *path, const char *key);
