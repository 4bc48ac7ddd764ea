/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Raw devices: whatever is on them is overwritten, so it must be shown that nothing is. */
#pragma once

#include "resolve-context.h"

/* Returns 0; -EINVAL with a message if something is on the device or uses it; as resolve_target().
 * Does not log. */
int resolve_raw(const ResolveContext *c, const Target *wanted, Target *ret);
