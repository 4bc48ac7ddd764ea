/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attempt-order.h"
#include "test.h"

static void test_the_first_that_may_still_do_it_is_waited_for(void **state)
{
        static const struct {
                const char *states;
                int expected;
        } cases[] = {
                { "", -ENOENT },  { "r", 0 },         { "rr", 0 },       { "s", -EAGAIN },
                { "p", -EAGAIN }, { "sr", -EAGAIN },  { "pr", -EAGAIN }, { "er", 1 },
                { "eer", 2 },     { "epr", -EAGAIN }, { "ee", -ENOENT }, { "el", -ENOENT },
                { "lr", 1 },      { "rS", -EAGAIN },  { "Sr", -EAGAIN }, { "eS", -EAGAIN },
        };
        static const AttemptState letters[] = {
                ['s'] = ATTEMPT_STARTING, ['p'] = ATTEMPT_PAUSED,  ['r'] = ATTEMPT_READY,
                ['S'] = ATTEMPT_SAVING,   ['l'] = ATTEMPT_LEAVING, ['e'] = ATTEMPT_ENDED,
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                size_t n = strlen(cases[i].states);
                AttemptState states[8] = {};

                for (size_t j = 0; j < n; j++)
                        states[j] = letters[(unsigned char) cases[i].states[j]];
                assert_int_equal(attempt_order_next(states, n), cases[i].expected);
        }
}

static void test_pauses_grow_up_to_a_limit(void **state)
{
        static const unsigned seconds[] = { 1, 1, 2, 4, 8, 16, 30, 30, 30 };

        for (unsigned i = 0; i < ELEMENTSOF(seconds); i++)
                assert_int_equal(attempt_pause_usec(i), seconds[i] * USEC_PER_SEC);
        assert_int_equal(attempt_pause_usec(UINT32_MAX), 30 * USEC_PER_SEC);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_first_that_may_still_do_it_is_waited_for),
                cmocka_unit_test(test_pauses_grow_up_to_a_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
