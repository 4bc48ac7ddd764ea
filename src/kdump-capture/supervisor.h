/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The supervisor: holds the Plan, the deadlines and the final action; everything that may hang or
 * crash happens in its children. */
#pragma once

#include "hooks.h"
#include "plan.h"

/* The whole capture, from the hooks before it to the final action. @prepare, which may be NULL, is
 * called before all else; it may take its time if it calls @alive. Does not return. Logs. */
_Noreturn void supervisor_run(const Plan *plan,
                              void (*prepare)(const Plan *plan, AliveFunc alive, void *data));

/* For when the supervisor itself is dead: shows the kernel log on the console and does the failure
 * action (where that is not one that waits for somebody). @plan may be NULL. Does not return. Logs.
 */
_Noreturn void supervisor_failsafe(const Plan *plan);
