/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The clock of the crash kernel, which may know less than the crashed kernel's memory. */
#pragma once

#include "hooks.h"

/* Sets the clock to the time of the crash in @source if it is before that: a certificate that is
 * not valid yet, or a signature of the wrong day, would keep a dump from its server. Reads in a
 * child with a time limit, as the memory may be in any state. Logs. */
void crash_clock_set(const char *source, AliveFunc alive, void *data);
