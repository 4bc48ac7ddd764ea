/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pages of an ELF core, in their order; only dump-elf.c includes this. */
#pragma once

#include "dump-elf.h"
#include "dump-segments.h"

#define DUMP_ELF_LOSSES_MAX 256

typedef struct DumpElfLoss {
        uint64_t first_pfn, n_pages;
} DumpElfLoss;

/* Pages that could be read when the segments were made, and could not when they were copied. */
typedef struct DumpElfLosses {
        size_t n_max;                           /* DUMP_ELF_LOSSES_MAX at most */
        DumpElfLoss items[DUMP_ELF_LOSSES_MAX]; /* in ascending order; none touches the next */
        size_t n_items;
        uint64_t n_more; /* pages for which there was no item left */
} DumpElfLosses;

/* Writes the pages of @segments one behind the other from @data_offset on. Pages of them that are
 * not to be written, or cannot be read, are zeros; many zeros in a row are a hole of the file where
 * that can be. *ret_end_offset is behind what was written, and @counts gets what is in it, also on
 * failure; @losses, where only n_max needs to be set, those that could not be read. Returns 0;
 * -ENOMEM; -ETIME if the deadline came before the last page; the error of the sink. Does not log.
 */
int dump_elf_copy(const DumpElf *dump, void *reader, const DumpSegments *segments,
                  uint64_t data_offset, uint64_t *ret_end_offset, DumpElfLosses *losses,
                  PipelineCounts *counts);
