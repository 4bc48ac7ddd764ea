/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the fallback image does before it looks at its target: has the kernel load modules. */
#pragma once

#include "hooks.h"
#include "plan.h"

/* Loads the modules of PATH_FALLBACK_MODULES in a process of its own, which nobody ends: the kernel
 * does not let go of one that a driver holds. Returns its id; -1 if there is no memory for one, and
 * then they have been loaded here. Logs. */
pid_t fallback_load_start(void);

/* Does that, and waits until all are loaded, or the first target of @plan is there, at most a few
 * minutes or until the target's deadline. What is not loaded then goes on being loaded. Calls
 * @alive meanwhile. Logs. */
void fallback_prepare(const Plan *plan, AliveFunc alive, void *data);
