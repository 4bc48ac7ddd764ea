/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http-retry.h"
#include "test.h"

static void test_each_wait_is_longer_up_to_a_limit(void **state)
{
        static const unsigned expected_sec[] = { 1, 1, 2, 4, 8, 16, 30, 30 };

        for (unsigned n = 0; n < ELEMENTSOF(expected_sec); n++)
                assert_true(http_retry_delay_usec(n, 0) == expected_sec[n] * USEC_PER_SEC);
        assert_true(http_retry_delay_usec(100000, 0) == 30 * USEC_PER_SEC);
}

static void test_a_server_may_ask_for_more_but_not_for_an_hour(void **state)
{
        assert_true(http_retry_delay_usec(1, 5 * USEC_PER_SEC) == 5 * USEC_PER_SEC);
        assert_true(http_retry_delay_usec(6, 5 * USEC_PER_SEC) == 30 * USEC_PER_SEC);
        assert_true(http_retry_delay_usec(1, 3600 * USEC_PER_SEC) == 60 * USEC_PER_SEC);
}

static void test_patience_ends_before_the_target_is_given_up(void **state)
{
        const Target none = { .timeout_usec = 0 }, infinite = { .timeout_usec = USEC_INFINITY },
                     usual = { .timeout_usec = 120 * USEC_PER_SEC };

        assert_true(http_retry_limit_usec(&none) == 90 * USEC_PER_SEC);
        assert_true(http_retry_limit_usec(&infinite) == 90 * USEC_PER_SEC);
        assert_true(http_retry_limit_usec(&usual) == 90 * USEC_PER_SEC);
}

static void test_a_status_is_put_into_words(void **state)
{
        const HttpReply good = { .status = 201 }, bad = { .status = 507 },
                        moved = { .status = 308 };
        _cleanup_free_ char *why = NULL, *where = NULL;

        assert_int_equal(http_retry_judge(&good, &why), 0);
        assert_null(why);
        assert_int_equal(http_retry_judge(&bad, &why), -ENOSPC);
        assert_string_equal(why, "the server says 507");
        assert_int_equal(http_retry_judge(&moved, &where), -EIO);
        assert_string_equal(where, "the server says 308, but no redirection is followed");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_wait_is_longer_up_to_a_limit),
                cmocka_unit_test(test_a_server_may_ask_for_more_but_not_for_an_hour),
                cmocka_unit_test(test_patience_ends_before_the_target_is_given_up),
                cmocka_unit_test(test_a_status_is_put_into_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
