/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether ELF headers of a core, which the kernel rewrites while it runs, can be what they should
 * be: no digest tells. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* @headers has @max_bytes. All memory that is named must be within [@ram_start, @ram_end). */
bool elf_headers_make_sense(const uint8_t *headers, uint64_t max_bytes, uint64_t ram_start,
                            uint64_t ram_end);
