/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parameters of a module on the kernel's command line, for which there is no modprobe(8) here.
 */
#pragma once

#include "macro.h"

/* Of the words NAME.PARAMETER[=VALUE] of @cmdline those whose NAME is that of the module in file
 * @path ('-' and '_' are the same), without "NAME.", in their order and with their quotes: what
 * finit_module(2) takes. "" if there are none. The caller frees *ret. Never longer than @cmdline.
 * Returns 0 or -ENOMEM. Does not log. */
int fallback_parameters(const char *cmdline, const char *path, char **ret);
