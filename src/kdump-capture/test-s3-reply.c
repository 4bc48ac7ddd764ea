/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "s3-reply.h"
#include "test.h"

#define ERROR(code)                                                                                \
        "<?xml version=\"1.0\"?><Error><Code>" code "</Code><Message>m</Message></Error>"

typedef struct Case {
        long status;
        const char *body;
        int result;
        const char *why;
} Case;

static const Case cases[] = {
        { 200, "", 0, NULL },
        { 204, "", 0, NULL },
        { 200, "<CompleteMultipartUploadResult/>", 0, NULL },
        { 200, ERROR("InternalError"), -EHOSTUNREACH, "the store says 200 InternalError: m" },
        { 200, ERROR("Unheard"), -EIO, "the store says 200 Unheard: m" },
        { 503, ERROR("SlowDown"), -EHOSTUNREACH, "the store says 503 SlowDown: m" },
        { 503, "<html>busy", -EHOSTUNREACH, "the store says 503" },
        { 403, ERROR("QuotaExceeded"), -EDQUOT, "the store says 403 QuotaExceeded: m" },
        { 403, ERROR("SignatureDoesNotMatch"), -EACCES,
          "the store says 403 SignatureDoesNotMatch: m" },
        { 403, "", -EACCES, "the store says 403" },
        { 404, ERROR("NoSuchBucket"), -ENOENT, "the store says 404 NoSuchBucket: m" },
        { 404, ERROR("NoSuchUpload"), -ENOENT, "the store says 404 NoSuchUpload: m" },
        { 400, ERROR("EntityTooLarge"), -EFBIG, "the store says 400 EntityTooLarge: m" },
        { 400, ERROR("RequestTimeout"), -EHOSTUNREACH, "the store says 400 RequestTimeout: m" },
        { 400, ERROR("BadDigest"), -EHOSTUNREACH, "the store says 400 BadDigest: m" },
        { 400, "<Error><Code>A\xff</Code><Message></Message></Error>", -EACCES,
          "the store says 400 A?" },
        { 307, "<Error><Code>TemporaryRedirect</Code></Error>", -EIO,
          "the store says 307 TemporaryRedirect" },
};

static void test_a_reply_is_judged(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const HttpReply reply = { .status = cases[i].status,
                                          .body = (char *) cases[i].body,
                                          .size = strlen(cases[i].body) };
                _cleanup_free_ char *why = NULL;
                int r = s3_reply_judge(&reply, &why);

                if (r != cases[i].result || !streq_ptr(why, cases[i].why))
                        fail_msg("case %zu: %d, %s", i, r, why ?: "-");
        }
}

static void test_a_message_is_cut(void **state)
{
        char body[1024];
        HttpReply reply = { .status = 500, .body = body };
        _cleanup_free_ char *why = NULL;

        reply.size = (size_t) snprintf(body, sizeof(body),
                                       "<Error><Code>%0500d</Code><Message>%0400d</Message>", 0, 0);
        assert_int_equal(s3_reply_judge(&reply, &why), -EHOSTUNREACH);
        assert_int_equal(strlen(why), strlen("the store says 500 ") + 64 + 2 + 200);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_reply_is_judged),
                cmocka_unit_test(test_a_message_is_cut),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
