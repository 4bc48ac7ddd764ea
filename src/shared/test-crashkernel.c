/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the table of advised values, and of the form of a value. */
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

/* What is written to the command line gives each machine what is advised for it. */
static void test_default_is_the_advice(void **state)
{
        static const uint64_t ram_mib[] = { 512,   1000,  2000,   2048,   4095,   4096,
                                            16384, 65535, 131072, 262144, 1 << 24 };
        _cleanup_free_ char *value = NULL;

        assert_int_equal(crashkernel_default(&value), 0);
#if defined(__x86_64__)
        assert_string_equal(value, "512M-2G:192M,2G-64G:256M,64G-:512M");
#endif
        for (size_t i = 0; i < ELEMENTSOF(ram_mib); i++) {
                _cleanup_free_ char *message = NULL;
                uint64_t by_default, advised;

                assert_int_equal(
                        crashkernel_evaluate(value, ram_mib[i] * MIB, &by_default, &message), 0);
                assert_int_equal(crashkernel_evaluate(crashkernel_advice(ram_mib[i] * MIB),
                                                      ram_mib[i] * MIB, &advised, &message),
                                 0);
                assert_true(by_default == advised);
        }
}

static void test_values(void **state)
{
        static const struct {
                const char *value;
                uint64_t ram_mib, mib;
        } table[] = {
                { "256M", 2048, 256 },
                { "256m", 2048, 256 },
                { "262144K", 2048, 256 },
                { "268435456", 2048, 256 },
                { "1G", 2048, 1024 },
                { "1t", UINT64_C(1) << 24, 1 << 20 },
                { "1P", 0, UINT64_C(1) << 30 },
                { "1E", 0, UINT64_C(1) << 40 },
                { "256M@16M", 2048, 256 },
                { "256M@0", 2048, 256 },
                { "512M,high", 8192, 512 },
                { "72M,low", 8192, 72 },
                { "1G,cma", 8192, 1024 },
                { "2G-64G:256M,64G-:512M", 2048, 256 },
                { "2G-64G:256M,64G-:512M", 1900, 0 },
                { "2G-64G:256M,64G-:512M", 1930, 256 },
                { "2G-64G:256M,64G-:512M", 65536, 512 },
                { "2G-64G:256M,64G-:512M", 0, 0 },
                { "2G-64G:256M,64G-:512M@64M", 4096, 256 },
                { "0-:128M", 512, 128 },
                { "384M-:128M", 384, 128 },
                { "384M-:128M", 256, 0 },
                { "4G-:512M,256M-:128M", 1024, 128 },
                { "0-2G:0,2G-:256M", 4096, 256 },
                { "2G-4G:256M,4G-:0", 2048, 256 },
                /* Only what it takes to find the range is compared with the memory. */
                { "256M-:128M,4G-:64G", 1024, 128 },
                { "256M-:128M,64G-:64G", 1024, 128 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ char *message = NULL;
                uint64_t bytes = 1;
                int r = crashkernel_evaluate(table[i].value, table[i].ram_mib * MIB, &bytes,
                                             &message);

                if (r != 0 || bytes != table[i].mib * MIB)
                        fail_msg("%s: %d %s %llu", table[i].value, r, message ?: "",
                                 (unsigned long long) bytes);
        }
}

static void test_what_the_kernel_refuses(void **state)
{
        static const struct {
                const char *value, *message;
        } table[] = {
                { "", "size is missing" },
                { "auto", "size is missing" },
                { "M", "size is missing" },
                { "-1M", "size is missing" },
                { "0", "reserves nothing" },
                { "0M", "reserves nothing" },
                { "2G", "as much as" },
                { "4G", "as much as" },
                { "0256M", "begin with 0" },
                { "18446744073709551616", "too large" },
                { "99999999999999999999E", "too large" },
                { "16E", "too large" },
                { "256MB", "unknown" },
                { "256M,", "unknown" },
                { "256M,higher", "unknown" },
                { "256M,high,low", "unknown" },
                { "256M quiet", "unknown" },
                { "256M\"; reboot", "unknown" },
                { "256M@", "size is missing" },
                { "256M@16M,high", "unknown" },
                { "2G:256M", "'-' is missing" },
                { ":256M", "size is missing" },
                { "2G-1G:256M", "ends before" },
                { "2G-2G:256M", "ends before" },
                { "2G-x:256M", "size is missing" },
                { "1G-2G256M,2G-:1", "':' is missing" },
                { "1G-:", "size is missing" },
                { "1G-:0", "reserves nothing" },
                { "1G-:256M,", "size is missing" },
                { "1G-:256M,high", "size is missing" },
                { "1G-:256M x", "unknown" },
                { "1G-:2G", "as much as" },
                { "256M-1G:4G,1G-:256M", "as much as" },
                { "64G-:4G,1G-:256M", "as much as" },
                { "64G-128G:2G,1G-:256M", "as much as" },
                { "4G-:8G", "as much as" },
                { "0-1G:0,1G-:0", "reserves nothing" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ char *message = NULL;
                uint64_t bytes;
                int r = crashkernel_evaluate(table[i].value, 2048 * MIB, &bytes, &message);

                if (r != -EINVAL || !strstr(message, table[i].message))
                        fail_msg("%s: %d %s", table[i].value, r, message ?: "");
        }
}

static void test_endless_ranges_are_refused(void **state)
{
        _cleanup_free_ char *message = NULL;
        char value[65 * 6 + 1] = "";
        uint64_t bytes;

        for (size_t i = 0; i < 65; i++)
                memcpy(value + 6 * i, i < 64 ? "1-2:1," : "1-2:1", i < 64 ? 7 : 6);
        assert_int_equal(crashkernel_evaluate(value, 2048 * MIB, &bytes, &message), -EINVAL);
        assert_non_null(strstr(message, "too many"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_advice),
                cmocka_unit_test(test_default_is_the_advice),
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_what_the_kernel_refuses),
                cmocka_unit_test(test_endless_ranges_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
