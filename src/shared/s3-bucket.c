/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what an S3 URL may look like and which host has the bucket. */
#include "s3-bucket.h"

#include "text.h"

#define REGION_DEFAULT "us-east-1"
#define REGION_MAX_LENGTH 63
#define NAME_MAX_LENGTH 255
/* Amazon S3 User Guide, "Naming Amazon S3 objects": a key has at most 1024 bytes; ours need some.
 */
#define PREFIX_MAX_LENGTH 512

#define LOWER_AND_DIGITS "abcdefghijklmnopqrstuvwxyz0123456789"

void s3_bucket_done(S3Bucket *bucket)
{
        free(bucket->name);
        free(bucket->prefix);
        free(bucket->region);
        free(bucket->base);
        *bucket = (S3Bucket){};
}

static bool consists_of(const char *text, const char *characters, size_t max_length)
{
        size_t length = strlen(text);

        return length > 0 && length <= max_length && strspn(text, characters) == length;
}

static int parse_name(const char *rest, size_t length, char **ret)
{
        _cleanup_free_ char *name = strndup(rest, length);

        if (!name)
                return -ENOMEM;
        /* Capitals and '_' are not Amazon's (any more), but others have them. */
        if (!consists_of(name, LOWER_AND_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-_", NAME_MAX_LENGTH) ||
            streq(name, ".") || streq(name, ".."))
                return -EINVAL;
        *ret = TAKE_PTR(name);
        return 0;
}

static int parse_prefix(const char *rest, char **ret)
{
        size_t length;

        while (*rest == '/')
                rest++;
        length = strlen(rest);
        while (length > 0 && rest[length - 1] == '/')
                length--;
        if (length > PREFIX_MAX_LENGTH)
                return -EINVAL;
        for (size_t i = 0; i < length; i++)
                if ((unsigned char) rest[i] < ' ' || rest[i] == 0x7f)
                        return -EINVAL;
        *ret = strndup(rest, length);
        return *ret ? 0 : -ENOMEM;
}

static int parse_url(const char *url, S3Bucket *bucket, const char **reterr_why)
{
        const char *rest = startswith(url, "s3://");
        size_t length;
        int r;

        *reterr_why = "it is not of the form s3://bucket/prefix";
        if (!rest)
                return -EINVAL;
        length = strcspn(rest, "/");
        r = parse_name(rest, length, &bucket->name);
        if (r < 0) {
                *reterr_why = "this cannot be the name of a bucket";
                return r;
        }
        *reterr_why = "the prefix has control characters, or more than 512 bytes";
        return parse_prefix(rest + length, &bucket->prefix);
}

/* A name with dots does not fit the certificate for "*.s3.region.amazonaws.com". */
static int amazon_base(const S3Bucket *bucket, char **ret)
{
        const char *domain =
                startswith(bucket->region, "cn-") ? "amazonaws.com.cn" : "amazonaws.com";

        if (strchr(bucket->name, '.') ||
            !consists_of(bucket->name, LOWER_AND_DIGITS "-", NAME_MAX_LENGTH))
                return strprintf(ret, "https://s3.%s.%s/%s", bucket->region, domain, bucket->name);
        return strprintf(ret, "https://%s.s3.%s.%s", bucket->name, bucket->region, domain);
}

static int endpoint_base(const S3Bucket *bucket, const char *endpoint, char **ret)
{
        const char *rest = startswith(endpoint, "https://") ?: startswith(endpoint, "http://");
        size_t length = strlen(endpoint);

        while (length > 0 && endpoint[length - 1] == '/')
                length--;
        if (!rest || endpoint + length <= rest)
                return -EINVAL;
        return strprintf(ret, "%.*s/%s", (int) MIN(length, (size_t) 4096), endpoint, bucket->name);
}

static int find_base(S3Bucket *bucket, const char *endpoint, const char **reterr_why)
{
        char *base = NULL;
        int r;

        *reterr_why = "the endpoint is not of the form https://host[:port]";
        r = endpoint ? endpoint_base(bucket, endpoint, &base) : amazon_base(bucket, &base);
        if (r >= 0)
                bucket->base = base;
        return r;
}

int s3_bucket_parse(const char *url, const char *endpoint, const char *region, S3Bucket *ret,
                    const char **reterr_why)
{
        _cleanup_(s3_bucket_done) S3Bucket bucket = {};
        const char *why = NULL;
        int r;

        r = parse_url(url, &bucket, &why);
        if (r >= 0) {
                bucket.region = strdup(region ?: REGION_DEFAULT);
                r = bucket.region ? 0 : -ENOMEM;
        }
        if (r >= 0 && !consists_of(bucket.region, LOWER_AND_DIGITS "-_", REGION_MAX_LENGTH)) {
                why = "the region has other characters than a-z, 0-9, '-' and '_'";
                r = -EINVAL;
        }
        if (r >= 0)
                r = find_base(&bucket, endpoint, &why);
        if (r < 0) {
                *reterr_why = r == -ENOMEM ? "out of memory" : why;
                return r;
        }
        *ret = bucket;
        bucket = (S3Bucket){};
        return 0;
}
