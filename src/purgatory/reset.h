/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end if nothing can be started: each way to reset the machine that the plan names. */
#pragma once

#include "purgatory.h"

/* The plan is that of the trusted block, or else the header's. Goes on behind the method that was
 * tried last if an exception came between. Returns only on a made-up machine. */
void reset_run(Purgatory *purgatory);
