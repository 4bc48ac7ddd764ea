/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpd reload`: ExecReload= of kdump.service. */
#pragma once

#include "macro.h"

/* Has the daemon @pid read its configuration again, and waits for the outcome. Returns 0 once what
 * it asks for is armed; 1 if not, or if the daemon cannot say, with the reason on standard error:
 * what was armed still is. Logs. */
int verb_reload(pid_t pid);

/* The same for a daemon below folder @root ("" in production): for tests. */
int verb_reload_below(const char *root, pid_t pid);
