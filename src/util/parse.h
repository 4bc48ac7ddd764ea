/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers, booleans, sizes and times from text, and back. None of these log. */
#pragma once

#include "macro.h"

/* The whole of @s must be the number. Return 0; -EINVAL if malformed, -ERANGE if too large. */
int parse_u64(const char *s, unsigned base, uint64_t *ret);
int parse_u32(const char *s, uint32_t *ret);

/* 1 yes y true t on / 0 no n false f off, in any case. Returns 0 or -EINVAL. */
int parse_bool(const char *s, bool *ret);

/* "512", "512K", "64M", "2G", "1T": powers of 1024, in bytes. */
int parse_size_bytes(const char *s, uint64_t *ret_bytes);

/* "90", "90s", "5min", "2h", in microseconds; "infinity" gives USEC_INFINITY. */
int parse_usec(const char *s, uint64_t *ret_usec);

/* A text that parse_usec() reads as @usec, a time in whole milliseconds. The caller frees *ret.
 * Returns 0 or -ENOMEM. */
int usec_format(uint64_t usec, char **ret);
