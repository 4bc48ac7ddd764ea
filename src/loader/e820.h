/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* E820: the map of memory that the crash kernel is given (Documentation/arch/x86/zero-page.rst).
 * None of these log. */
#pragma once

#include "loader-facts.h"

/* E820_MAX_ENTRIES_ZEROPAGE of <asm/bootparam.h>: the rest goes to a node of setup_data. */
#define E820_ZERO_PAGE_MAX 128
#define E820_ENTRY_BYTES 20U /* struct boot_e820_entry */

/* Sorted; RAM is whole pages, and overlaps nothing else. */
typedef struct E820 {
        MemoryRange *ranges;
        size_t n;
} E820;

void e820_done(E820 *e820);

/* RAM of the crash kernel is what was reserved for it and what is below 1 MiB, less all pages in
 * which a byte of @holes is; what is not RAM stays what it is. Each range in @holes adds one range
 * to the result at most. Returns 0; -ENOMEM. */
int e820_build(const LoaderFacts *facts, const RangeList *holes, E820 *ret);

/* Writes @n of them, E820_ENTRY_BYTES each. */
void e820_write(const MemoryRange *ranges, size_t n, uint8_t *ret);
