/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the plan of parts. */
#include "s3-parts.h"

#define UNIFORM_PARTS (S3_PARTS_MAX / 2)
#define DOUBLING_PARTS 500
/* "Amazon S3 multipart upload limits": no part is larger than this. */
#define PART_MAX_BYTES (UINT64_C(5) << 30)
#define MIB (UINT64_C(1) << 20)

uint64_t s3_part_bytes(uint64_t number, uint64_t hint_bytes, uint64_t max_bytes)
{
        uint64_t size = DIV_ROUND_UP(hint_bytes, UNIFORM_PARTS);

        size = ALIGN_UP(size, MIB);
        size = MAX(size, S3_PART_MIN_BYTES);
        for (uint64_t n = UNIFORM_PARTS; n <= number && size < PART_MAX_BYTES; n += DOUBLING_PARTS)
                size *= 2;
        size = MIN(size, PART_MAX_BYTES);
        size = MIN(size, max_bytes);
        return MAX(size, S3_PART_MIN_BYTES);
}

uint64_t s3_part_max_bytes(uint64_t available_bytes)
{
        return MAX(available_bytes / 8 / MIB * MIB, S3_PART_MIN_BYTES);
}
