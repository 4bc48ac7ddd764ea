/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of a multipart upload: how large each is. Pure. */
#pragma once

#include "macro.h"

/* Amazon S3 User Guide, "Amazon S3 multipart upload limits": parts are numbered from 1 to 10,000,
 * and each but the last has at least 5 MiB. */
#define S3_PARTS_MAX 10000
#define S3_PART_MIN_BYTES (UINT64_C(8) << 20)

/* The size in bytes of part @number (from 0 on) of a file that is expected to have @hint_bytes (0:
 * nobody knows). A whole part is in memory, and then another one: none is larger than @max_bytes.
 * The first half of all parts holds what is expected (39 GiB if that is not known), and all are of
 * one size so far, as some stores want it. From there on it doubles every 500 parts, so that all
 * together would hold 7 TiB, more than an object can have. */
uint64_t s3_part_bytes(uint64_t number, uint64_t hint_bytes, uint64_t max_bytes);

/* How large a part may be in this memory (bytes): two of them take a quarter of what is free. */
uint64_t s3_part_max_bytes(uint64_t available_bytes);
