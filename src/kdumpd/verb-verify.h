/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpd verify`: ExecStart= of kdump-verify.service. */
#pragma once

#include "verify-report.h"

/* The verb with its own arguments: argv[0] is "verify". Leaves PATH_VERIFY_JSON. Returns 0 if no
 * check failed, EXIT_VERIFY_FAILED, or EXIT_VERIFY_IMPOSSIBLE. Logs each check; with "--json" the
 * report is printed instead. */
int verb_verify(int argc, char **argv);
