/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the table of advised values. */
#include "crashkernel.h"
#include "test.h"

#define MIB (UINT64_C(1024) * 1024)

static void test_advice(void **state)
{
#if defined(__x86_64__)
        assert_string_equal(crashkernel_advice(1024 * MIB), "192M");
        assert_string_equal(crashkernel_advice(2000 * MIB), "256M");
        assert_string_equal(crashkernel_advice(2048 * MIB), "256M");
        assert_string_equal(crashkernel_advice(32768 * MIB), "256M");
        assert_string_equal(crashkernel_advice(65500 * MIB), "512M");
        assert_string_equal(crashkernel_advice(UINT64_MAX), "512M");
#endif
        assert_non_null(crashkernel_advice(0));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_advice),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
