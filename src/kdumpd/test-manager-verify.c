/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests what is said of the ends that kdump-verify.service can have. */
#include "manager.h"
#include "test.h"

static void test_what_the_end_of_the_job_means(void **state)
{
        static const struct {
                const char *result, *problem; /* a part of it; NULL: none */
        } cases[] = {
                { "done", NULL },
                { "failed", "some checks failed" },
                { "canceled", "no checks were made: the job of kdump-verify.service was canceled" },
                { "timeout", "no checks were made: the job of kdump-verify.service had to wait" },
                { "dependency", "no checks were made: a unit" },
                { "skipped", "no checks were made: 'systemctl status kdump-verify.service'" },
                { "", "no checks were made" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *problem = verify_problem(cases[i].result);

                assert_int_equal(!problem, !cases[i].problem);
                if (problem)
                        assert_non_null(strstr(problem, cases[i].problem));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_the_end_of_the_job_means),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
