/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the hosts and URLs of targets, above all of URLs that two readers could read in two
 * ways. */
#include "target-host.h"

#include "test.h"

static char *s(const char *text)
{
        return (char *) (uintptr_t) text;
}

static void test_urls(void **state)
{
        static const struct {
                const char *text;
                UrlScheme scheme;
                const char *host, *path;
                unsigned port;
        } cases[] = {
                { "http://h", URL_HTTP, "h", "", 0 },
                { "https://h.example.com/", URL_HTTPS, "h.example.com", "", 0 },
                { "https://h:8443/a/b//", URL_HTTPS, "h", "/a/b", 8443 },
                { "https://[2001:db8::1]/a", URL_HTTPS, "2001:db8::1", "/a", 0 },
                { "https://[fe80::1%eth0]:1/a.b/..c/%2f", URL_HTTPS, "fe80::1%eth0", "/a.b/..c/%2f",
                  1 },
                { "ftp://192.0.2.1/x", URL_FTP, "192.0.2.1", "/x", 0 },
                { "ftps://h:65535/x", URL_FTPS, "h", "/x", 65535 },
                { "s3://my-bucket", URL_S3, "my-bucket", "", 0 },
                { "s3://my.bucket.1/pre/fix/", URL_S3, "my.bucket.1", "/pre/fix", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(target_url_done) TargetUrl url = {};
                const char *expected = NULL;

                if (target_url_parse(cases[i].text, &url, &expected) < 0)
                        fail_msg("%s: expected %s", cases[i].text, expected);
                assert_int_equal(url.scheme, cases[i].scheme);
                assert_string_equal(url.host, cases[i].host);
                assert_string_equal(url.path, cases[i].path);
                assert_int_equal(url.port, cases[i].port);
        }
}

static void test_odd_urls_are_refused(void **state)
{
        static const char *const texts[] = {
                "",
                "h",
                "/x",
                "https:/h",
                "https://",
                "https:///x",
                "HTTPS://h",
                "file:///x",
                "sftp://h/x",
                "https://:80/",
                "https://h:",
                "https://[::g]/",
                "https://[192.0.2.1]/",
                "https://h:0",
                "https://h:65536",
                "https://h:+1",
                "https://h:1:2",
                "https://-h",
                "https://h h",
                "https://h\th",
                "https://[::1",
                "https://[::1]1",
                "https://[]",
                "https://[h]",
                "https://[::1]]",
                "https://::1",
                "https://a@b",
                "https://a:b@c/d",
                "https://h/a@b",
                "https://h?x",
                "https://h/x?y=z",
                "https://h/x#y",
                "https://h/..",
                "https://h/a/../b",
                "https://h/./b",
                "https://h/a b",
                "https://h/a\\b",
                "https://h/a\"b",
                "https://h\\@evil/",
                "s3://",
                "s3:///x",
                "s3://ab",
                "s3://-ab",
                "s3://a..b",
                "s3://abc:80/x",
                "s3://abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl",
                "s3://abc.",
                "s3://abc/../x",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                TargetUrl url = {};
                const char *expected = NULL;

                if (target_url_parse(texts[i], &url, &expected) != -EINVAL)
                        fail_msg("'%s' was taken", texts[i]);
                assert_non_null(expected);
                assert_null(url.host);
        }
}

static void test_a_host_may_not_be_endless(void **state)
{
        char text[400];
        TargetUrl url = {};
        const char *expected;

        memset(text, 'a', sizeof(text));
        memcpy(text, "http://", 7);
        text[7 + 254] = '\0';
        assert_int_equal(target_url_parse(text, &url, &expected), -EINVAL);
        text[7 + 253] = '\0';
        assert_int_equal(target_url_parse(text, &url, &expected), 0);
        target_url_done(&url);
}

static void test_endpoints(void **state)
{
        assert_true(target_url_is_endpoint("https://h"));
        assert_true(target_url_is_endpoint("http://h:7480/"));
        assert_false(target_url_is_endpoint("https://h/x"));
        assert_false(target_url_is_endpoint("s3://bucket"));
        assert_false(target_url_is_endpoint("ftp://h"));
        assert_false(target_url_is_endpoint("h:7480"));
}

static void test_hosts_of_targets(void **state)
{
        static const struct {
                TargetType type;
                const char *what, *endpoint, *region;
                unsigned port;
                int r;
                const char *host;
                unsigned want_port;
        } cases[] = {
                { TARGET_NFS, "server:/x", NULL, NULL, 0, 1, "server", 2049 },
                { TARGET_NFS, "[2001:db8::1]:/x:/y", NULL, NULL, 0, 1, "2001:db8::1", 2049 },
                { TARGET_NFS, "server", NULL, NULL, 0, -EINVAL, NULL, 0 },
                { TARGET_NFS, "[]:/x", NULL, NULL, 0, -EINVAL, NULL, 0 },
                { TARGET_NFS, "10.0.2.2:/", NULL, NULL, 0, 1, "10.0.2.2", 2049 },
                { TARGET_NFS, "[fe80::1%eth0]:/a", NULL, NULL, 0, 1, "fe80::1%eth0", 2049 },
                { TARGET_NFS, "/export", NULL, NULL, 0, -EINVAL, NULL, 0 },
                { TARGET_NFS, ":/export", NULL, NULL, 0, -EINVAL, NULL, 0 },
                { TARGET_NFS, "[fd00::1:/export", NULL, NULL, 0, -EINVAL, NULL, 0 },
                { TARGET_NFS, "", NULL, NULL, 0, -EINVAL, NULL, 0 },
                { TARGET_SSH, "u@server", NULL, NULL, 0, 1, "server", 22 },
                { TARGET_SSH, "u@2001:db8::1", NULL, NULL, 2222, 1, "2001:db8::1", 2222 },
                { TARGET_SSH, "u@[2001:db8::1]", NULL, NULL, 0, 1, "2001:db8::1", 22 },
                { TARGET_SSH, "server", NULL, NULL, 0, -EINVAL, NULL, 0 },
                { TARGET_SSH, "u@[]", NULL, NULL, 0, -EINVAL, NULL, 0 },
                { TARGET_URL, "https://h/x", NULL, NULL, 0, 1, "h", 443 },
                { TARGET_URL, "http://h:8080/x", NULL, NULL, 0, 1, "h", 8080 },
                { TARGET_URL, "ftp://h/x", NULL, NULL, 0, 1, "h", 21 },
                { TARGET_URL, "ftps://h/x", NULL, NULL, 0, 1, "h", 990 },
                { TARGET_URL, "https://h/x", "https://other", NULL, 0, 1, "h", 443 },
                { TARGET_URL, "s3://bucket/x", "http://h:7480", NULL, 0, 1, "h", 7480 },
                { TARGET_URL, "s3://bucket/x", "s3://bucket", NULL, 0, -EINVAL, NULL, 0 },
                { TARGET_URL, "s3://bucket/x", "h", NULL, 0, -EINVAL, NULL, 0 },
                { TARGET_URL, "s3://bucket", NULL, "eu-west-1", 0, 1, "s3.eu-west-1.amazonaws.com",
                  443 },
                { TARGET_URL, "s3://bucket", NULL, NULL, 0, 1, "s3.us-east-1.amazonaws.com", 443 },
                { TARGET_URL, "nonsense", NULL, NULL, 0, -EINVAL, NULL, 0 },
                { TARGET_FS, "UUID=1", NULL, NULL, 0, 0, NULL, 0 },
                { TARGET_RAW, "/dev/vda", NULL, NULL, 0, 0, NULL, 0 },
                { TARGET_VIRTIOFS, "tag", NULL, NULL, 0, 0, NULL, 0 },
                { TARGET_PATH, NULL, NULL, NULL, 0, 0, NULL, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Target target = { .type = cases[i].type,
                                  .what = s(cases[i].what),
                                  .s3_endpoint = s(cases[i].endpoint),
                                  .s3_region = s(cases[i].region),
                                  .port = cases[i].port };
                _cleanup_free_ char *host = NULL;
                unsigned port = 0;
                int r = target_host(&target, &host, &port);

                if (r != cases[i].r || !streq_ptr(host, cases[i].host) ||
                    (r > 0 && port != cases[i].want_port))
                        fail_msg("%s: %d %s %u", cases[i].what ?: "path", r, host ?: "NULL", port);
        }
}

static void test_port_of_nfs(void **state)
{
        static const struct {
                const char *options;
                unsigned port;
        } cases[] = {
                { NULL, 2049 },        { "", 2049 },
                { "rw,soft", 2049 },   { "vers=4.2", 2049 },
                { "nfsvers=4", 2049 }, { "rw,v4.1", 2049 },
                { "vers=3", 111 },     { "nfsvers=3", 111 },
                { "v3", 111 },         { "vers=3,port=20490", 20490 },
                { "port=0", 2049 },    { "port=65536", 2049 },
                { "port=x", 2049 },    { "port", 2049 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const Target target = {
                        .type = TARGET_NFS,
                        .what = (char[]){ "server:/x" },
                        .options = (char *) cases[i].options,
                };
                _cleanup_free_ char *host = NULL;
                unsigned port = 0;

                assert_int_equal(target_host(&target, &host, &port), 1);
                assert_int_equal(port, cases[i].port);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_urls),
                cmocka_unit_test(test_odd_urls_are_refused),
                cmocka_unit_test(test_a_host_may_not_be_endless),
                cmocka_unit_test(test_endpoints),
                cmocka_unit_test(test_hosts_of_targets),
                cmocka_unit_test(test_port_of_nfs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
