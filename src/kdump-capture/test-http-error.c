/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http-error.h"
#include "test.h"

typedef struct CurlCase {
        CURLcode code;
        long os_error, status;
        const char *why;
        int error;
} CurlCase;

static const CurlCase curl_cases[] = {
        { CURLE_OK, 0, 200, "", 0 },
        { CURLE_COULDNT_CONNECT, ECONNREFUSED, 0, "", -ECONNREFUSED },
        { CURLE_COULDNT_CONNECT, ETIMEDOUT, 0, "", -ETIMEDOUT },
        { CURLE_COULDNT_CONNECT, ENETUNREACH, 0, "", -EHOSTUNREACH },
        { CURLE_COULDNT_CONNECT, 0, 0, "", -EHOSTUNREACH },
        { CURLE_COULDNT_RESOLVE_HOST, 0, 0, "", -EHOSTUNREACH },
        { CURLE_PEER_FAILED_VERIFICATION, 0, 0, "expired", -EKEYREJECTED },
        { CURLE_SSL_CONNECT_ERROR, 0, 0, "sslv3 alert handshake failure", -EACCES },
        { CURLE_SSL_CONNECT_ERROR, 0, 0, "wrong version number", -EOPNOTSUPP },
        { CURLE_SSL_CONNECT_ERROR, 0, 0, "unsupported protocol", -EOPNOTSUPP },
        { CURLE_SSL_CONNECT_ERROR, 0, 0, "Connection reset by peer", -ECONNRESET },
        { CURLE_SSL_CACERT_BADFILE, 0, 0, "", -EINVAL },
        { CURLE_UPLOAD_FAILED, 0, 552, "", -ENOSPC },
        { CURLE_UPLOAD_FAILED, 0, 452, "", -ENOSPC },
        { CURLE_UPLOAD_FAILED, 0, 550, "", -EACCES },
        { CURLE_RECV_ERROR, 0, 0, "", -ECONNRESET },
        { CURLE_LOGIN_DENIED, 0, 530, "", -EACCES },
        { CURLE_OUT_OF_MEMORY, 0, 0, "", -ENOMEM },
        { CURLE_FILE_COULDNT_READ_FILE, 0, 0, "", -EIO },
};

static void test_what_libcurl_says_is_an_errno(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(curl_cases); i++) {
                const CurlCase *c = &curl_cases[i];
                int error = http_curl_error(c->code, c->os_error, c->status, c->why);

                if (error != c->error)
                        fail_msg("case %zu: %d", i, error);
        }
}

typedef struct StatusCase {
        long status;
        int error;
        bool may_pass;
} StatusCase;

static const StatusCase status_cases[] = {
        { 200, 0, false },
        { 204, 0, false },
        { 299, 0, false },
        { 0, -EIO, false },
        { 100, -EIO, false },
        { 301, -EIO, false },
        { 400, -EACCES, false },
        { 403, -EACCES, false },
        { 404, -ENOENT, false },
        { 405, -EOPNOTSUPP, false },
        { 409, -ENOENT, false },
        { 411, -EOPNOTSUPP, false },
        { 413, -EFBIG, false },
        { 418, -EIO, false },
        { 429, -EHOSTUNREACH, true },
        { 500, -EHOSTUNREACH, true },
        { 503, -EHOSTUNREACH, true },
        { 507, -ENOSPC, false },
        { 999, -EIO, false },
};

static void test_a_status_is_an_errno(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(status_cases); i++) {
                const StatusCase *c = &status_cases[i];
                int error = http_status_error(c->status);

                if (error != c->error || http_error_may_pass(error) != c->may_pass)
                        fail_msg("%ld: %d", c->status, error);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_libcurl_says_is_an_errno),
                cmocka_unit_test(test_a_status_is_an_errno),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
