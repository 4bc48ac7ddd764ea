/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An attempt seen from outside: its process, its reports, its deadline. */
#pragma once

#include <sys/types.h>

#include "attempt.h"
#include "watchdog.h"

/* Runs one attempt in a child and watches it: a line of progress every few seconds, and SIGKILL
 * when there was none for the target's time-out. A child that does not even die of that is left
 * behind. @memory (may be NULL) learns of the memory meanwhile. Logs. */
CaptureStatus attempt_process_run(const Plan *plan, const Target *target, size_t index,
                                  MemoryPeak *memory, Watchdog *watchdog);
