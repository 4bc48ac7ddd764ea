/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* crashkernel=: how much memory is to be reserved for the crash kernel. None of these log. */
#pragma once

#include "macro.h"

/* The crashkernel= that is advised for this much memory, such as "256M". Static storage. */
const char *crashkernel_advice(uint64_t ram_bytes);

/* The same for any machine of this architecture and page size, as ranges:
 * "512M-2G:192M,2G-64G:256M,64G-:512M". The caller frees *ret. */
int crashkernel_default(char **ret);

/* How much the kernel reserves for @value (what follows "crashkernel=") on a machine of @ram_bytes,
 * as parse_crashkernel() in kernel/crash_reserve.c reads it: SIZE[@OFFSET],
 * RANGE:SIZE[,RANGE:SIZE …][@OFFSET], SIZE,high, SIZE,low, SIZE,cma. *ret_bytes is 0 if no range is
 * for so much memory; @ram_bytes 0: not known, then it is 0 for ranges. Returns 0; -EINVAL with
 * *reterr_message (the caller frees it) if the kernel would not take it. */
int crashkernel_evaluate(const char *value, uint64_t ram_bytes, uint64_t *ret_bytes,
                         char **reterr_message);
