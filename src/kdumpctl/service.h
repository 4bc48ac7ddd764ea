/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running systemctl on our units. */
#pragma once

#include "macro.h"

#define UNIT_DAEMON "kdump.service"
#define UNIT_BUILD "kdump-build.service"

/* `systemctl @action @unit`, for as long as that takes. Returns its exit status; EXIT_FAILURE if it
 * could not be run. Logs that. */
int service_run(const char *action, const char *unit);

/* Whether @unit is active. */
bool service_is_active(const char *unit);

/* After something was done that ended with @status: says "@doing kdump: [OK]" or [FAILED], and why
 * it failed (@reason; NULL: as the state file has it) or what is armed instead of what was asked
 * for.
 * @armed: a crash kernel must be armed now, or it has failed. Returns the exit status. Logs. */
int service_conclude(int status, bool armed, const char *doing, const char *reason);

/* Does @action to kdump.service, says "@doing kdump: [OK]" or [FAILED], and why it failed or what
 * is armed instead of what was asked for. Returns the exit status. */
int service_act(const char *action, const char *doing);
