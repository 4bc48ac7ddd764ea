/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* S3Bucket: where an "s3://bucket/prefix" is. It stands alone: modules are linked with it, and with
 * nothing else. Pure; nothing here logs. */
#pragma once

#include "macro.h"

typedef struct S3Bucket {
        char *name;
        char *prefix; /* without a '/' at either end; "" if there is none */
        char *region;
        char *base; /* the bucket's URL, without a '/' at its end: its host is who is talked to */
} S3Bucket;

/* @url: "s3://bucket[/prefix]", as the tools of S3 write it: nothing in it is escaped. @endpoint:
 * "http[s]://host[:port]" of a store that has its buckets as folders; NULL: Amazon's of the region.
 * @region: NULL: us-east-1. Returns 0; -EINVAL and what is wrong in *reterr_why (static); -ENOMEM.
 */
int s3_bucket_parse(const char *url, const char *endpoint, const char *region, S3Bucket *ret,
                    const char **reterr_why);
void s3_bucket_done(S3Bucket *bucket);
