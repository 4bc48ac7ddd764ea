/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ELF headers that tell the crash kernel what the memory of this one is: /proc/vmcore is made
 * of them. None of these log. */
#pragma once

#include "loader-facts.h"

/* How many bytes elfcorehdr_build() makes of @facts. */
int elfcorehdr_bytes(const LoaderFacts *facts, uint64_t *ret);

/* *ret is the caller's to free. Returns 0; -E2BIG if there are more ranges than ELF can number,
 * -ENOMEM. */
int elfcorehdr_build(const LoaderFacts *facts, uint8_t **ret, size_t *ret_bytes);
