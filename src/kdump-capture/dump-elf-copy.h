/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pages of an ELF core, in their order; only dump-elf.c includes this. */
#pragma once

#include "dump-elf.h"
#include "dump-segments.h"

/* Writes the pages of @segments one behind the other from @data_offset on. Pages of them that are
 * not to be written are zeros; many zeros in a row are a hole of the file where that can be.
 * *ret_end_offset is behind what was written, and @counts gets what is in it, also on failure.
 * Returns 0; -ENOMEM; -ETIME if the deadline came before the last page; the error of the sink. Does
 * not log. */
int dump_elf_copy(const DumpElf *dump, void *reader, const DumpSegments *segments,
                  uint64_t data_offset, uint64_t *ret_end_offset, PipelineCounts *counts);
