/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpd check`: whether there is any point in starting; ExecCondition= of kdump.service. */
#pragma once

#include "facts.h"

/* Returns 0 if kdumpd can do its work here; 1 if not, which has the unit skipped, not failed; 255
 * if it could not be found out, which lets it fail. Logs why, and what to do about it. */
int verb_check(void);

/* The lines that verb_check() logs, as a list of strings; *ret is NULL if all is well. */
int check_advice(int root_fd, const Facts *facts, char ***ret);
