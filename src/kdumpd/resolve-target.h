/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One target of the Config becomes one of the Plan, with the modules that it needs. */
#pragma once

#include "resolve.h"

/* @target is in effect as a whole: path and time limits are set. *ret is never a TARGET_PATH. What
 * it needs is added to @needs, also if it fails then. Lines about what may go wrong are added to
 * *warnings. Returns 0; -EOPNOTSUPP if this version cannot dump there, -EINVAL if it can never
 * work, -EPROTONOSUPPORT if the crash image cannot bring it up, all with *reterr_message. Does not
 * log. */
int resolve_target(int root_fd, const Target *target, Target *ret, Needs *needs, char ***warnings,
                   char **reterr_message);
