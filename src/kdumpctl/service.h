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

/* Does @action to kdump.service, says "@doing kdump: [OK]" or [FAILED], and why it failed or what
 * is armed instead of what was asked for. Returns the exit status. */
int service_act(const char *action, const char *doing);
