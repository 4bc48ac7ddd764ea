/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "s3-bucket.h"
#include "test.h"

typedef struct Case {
        const char *url, *endpoint, *region;
        int result;
        const char *name, *prefix, *base;
} Case;

static const Case cases[] = {
        { "s3://dumps", NULL, NULL, 0, "dumps", "", "https://dumps.s3.us-east-1.amazonaws.com" },
        { "s3://dumps/a/b/", NULL, "eu-west-1", 0, "dumps", "a/b",
          "https://dumps.s3.eu-west-1.amazonaws.com" },
        { "s3://dumps//x", NULL, "cn-north-1", 0, "dumps", "x",
          "https://dumps.s3.cn-north-1.amazonaws.com.cn" },
        { "s3://my.dumps/", NULL, NULL, 0, "my.dumps", "",
          "https://s3.us-east-1.amazonaws.com/my.dumps" },
        { "s3://Old_Dumps", NULL, NULL, 0, "Old_Dumps", "",
          "https://s3.us-east-1.amazonaws.com/Old_Dumps" },
        { "s3://dumps/p q%20", "https://store:8443/", NULL, 0, "dumps", "p q%20",
          "https://store:8443/dumps" },
        { "s3://dumps", "http://[::1]:7480", "default", 0, "dumps", "", "http://[::1]:7480/dumps" },
        { "s3://", NULL, NULL, -EINVAL },
        { "s3:///x", NULL, NULL, -EINVAL },
        { "s3://a b/x", NULL, NULL, -EINVAL },
        { "s3://a@b/x", NULL, NULL, -EINVAL },
        { "s3://..", "https://store", NULL, -EINVAL },
        { "s3://dumps/a\nb", NULL, NULL, -EINVAL },
        { "https://dumps/", NULL, NULL, -EINVAL },
        { "s3://dumps", "store:8443", NULL, -EINVAL },
        { "s3://dumps", "ftp://store", NULL, -EINVAL },
        { "s3://dumps", "https://", NULL, -EINVAL },
        { "s3://dumps", "https:///", NULL, -EINVAL },
        { "s3://dumps", NULL, "eu:west", -EINVAL },
        { "s3://dumps", NULL, "", -EINVAL },
};

static void test_a_bucket_is_found(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const Case *c = &cases[i];
                _cleanup_(s3_bucket_done) S3Bucket bucket = {};
                const char *why = NULL;
                int r;

                r = s3_bucket_parse(c->url, c->endpoint, c->region, &bucket, &why);
                if (r != c->result || (r < 0) != (why != NULL) ||
                    !streq_ptr(bucket.name, c->name) || !streq_ptr(bucket.prefix, c->prefix) ||
                    !streq_ptr(bucket.base, c->base) ||
                    (r == 0 && !streq(bucket.region, c->region ?: "us-east-1")))
                        fail_msg("case %zu, '%s': %d, %s, %s, %s", i, c->url, r, why ?: "-",
                                 bucket.prefix ?: "-", bucket.base ?: "-");
        }
}

static void test_names_have_limits(void **state)
{
        _cleanup_(s3_bucket_done) S3Bucket bucket = {};
        const char *why = NULL;
        char url[1024] = "s3://";

        memset(url + 5, 'a', 255);
        assert_int_equal(s3_bucket_parse(url, NULL, NULL, &bucket, &why), 0);
        s3_bucket_done(&bucket);
        url[5 + 255] = 'a';
        assert_int_equal(s3_bucket_parse(url, NULL, NULL, &bucket, &why), -EINVAL);

        memset(url + 5, 'a', sizeof(url) - 5);
        url[8] = '/';
        url[9 + 512] = '\0';
        assert_int_equal(s3_bucket_parse(url, NULL, NULL, &bucket, &why), 0);
        s3_bucket_done(&bucket);
        url[9 + 512] = 'a';
        url[9 + 513] = '\0';
        assert_int_equal(s3_bucket_parse(url, NULL, NULL, &bucket, &why), -EINVAL);
        assert_non_null(strstr(why, "prefix"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_bucket_is_found),
                cmocka_unit_test(test_names_have_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
