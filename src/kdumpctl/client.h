/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking kdumpd over D-Bus for what takes a while. */
#pragma once

#include "macro.h"

/* Calls @method of the Manager and waits until the job that this begins has ended; says when a base
 * image is being built meanwhile. An interrupt ends the waiting and not the job. Returns
 * EXIT_SUCCESS; EXIT_FAILURE, with *ret_reason in words (the caller frees it) or NULL; -EINTR: an
 * interrupt ended the waiting, and the user was told; -EHOSTUNREACH: there is no bus, or no kdumpd
 * on it that takes this call, and the caller has to find another way. Logs. */
int client_run_job(const char *method, char **ret_reason);
