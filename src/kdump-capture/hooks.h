/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hooks: the user's own programs before and after the dump. */
#pragma once

#include "attempt.h"
#include "plan.h"

/* What must be done every few seconds while something else is waited for. */
typedef void (*AliveFunc)(void *data);

/* kdump_pre, then pre.d. Returns 0, or -ECANCELED if kdump_pre failed: then there is to be no dump
 * and the final action follows. Failures in pre.d are only logged. Logs. */
int hooks_pre(const Plan *plan, AliveFunc alive, void *data);

/* post.d, then kdump_post, each with the status of the dump as argument. Logs. */
void hooks_post(const Plan *plan, CaptureStatus status, AliveFunc alive, void *data);

/* emergency.d, then kdump_emergency, before the failure action. Logs. */
void hooks_emergency(const Plan *plan, AliveFunc alive, void *data);
