/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ranges of physical memory in /proc/iomem, by their name. */
#pragma once

#include "macro.h"

#define IOMEM_RANGES_MAX 65536

/* Physical addresses in bytes; both are inside. */
typedef struct IomemRange {
        uint64_t first_paddr, last_paddr;
} IomemRange;

/* The ranges of all lines, at any depth, whose name has @name in it: sorted, and as few as can be,
 * as what overlaps, is nested or adjacent is one. The caller frees *ret. Returns 0; -ENODATA if
 * there is no such line, -EACCES if the addresses are hidden from us (they are zeros for a reader
 * without CAP_SYS_ADMIN: r_show() of the kernel's kernel/resource.c), -E2BIG if there are more
 * than IOMEM_RANGES_MAX, -EBADMSG for lines that are no ranges. Does not log. */
int iomem_read(int root_fd, const char *name, IomemRange **ret, size_t *ret_n);
