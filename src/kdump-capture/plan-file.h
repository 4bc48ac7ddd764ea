/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The Plan of the image that runs. */
#pragma once

#include "plan.h"

/* Reads PATH_PLAN. NULL if there is none or it is not one. Logs: there is no one to complain to but
 * the console. */
Plan *plan_file_load(void);
