/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of fallback-parameters.c. */
#include "test.h"

#include "fallback-parameters.h"

static void check(const char *cmdline, const char *path, const char *expected)
{
        _cleanup_free_ char *parameters = NULL;

        assert_int_equal(fallback_parameters(cmdline, path, &parameters), 0);
        if (!streq(parameters, expected))
                fail_msg("'%s' has '%s' for '%s'", cmdline, parameters, path);
}

static void test_words_of_the_module_are_its_parameters(void **state)
{
        static const struct {
                const char *cmdline, *path, *parameters;
        } cases[] = {
                { "a nvme_core.io_timeout=90 b", "/m/nvme-core.ko.xz", "io_timeout=90" },
                { "nvme-core.io_timeout=90\n", "/m/nvme_core.ko", "io_timeout=90" },
                { "hpsa.a=1 x hpsa.b nvme.c=2 hpsa.a=3", "/m/hpsa.ko", "a=1 b a=3" },
                { "hpsa.cmd-per-lun=1", "hpsa.ko.zst", "cmd-per-lun=1" },
                /* Of another, or of none */
                { "hpsa2.a=1 hps.a=1 hpsa a=hpsa.b=1 xhpsa.a=1", "/m/hpsa.ko", "" },
                { "hpsa. hpsa.=1 hpsa=1 .a=1", "/m/hpsa.ko", "" },
                { "=hpsa.a \"\" \" \"", "/m/hpsa.ko", "" },
                { "", "/m/hpsa.ko", "" },
                { " \t\n", "/m/hpsa.ko", "" },
                { ".a=1 x", "/m/.ko", "a=1" },
                /* The value is the parameter's own business. */
                { "m.a=b.c=d m.e.f=g", "/m/m.ko", "a=b.c=d e.f=g" },
                { "m.a=1,2,3 m.b=", "/m/m.ko", "a=1,2,3 b=" },
                /* Quotes keep blanks, and stay for the kernel to take. */
                { "m.a=\"1 m.b=2\" m.c=3", "/m/m.ko", "a=\"1 m.b=2\" c=3" },
                { "\"m.a=1 2\" m.c=3", "/m/m.ko", "\"a=1 2\" c=3" },
                { "x=\"1 m.b=2\" m.c=3", "/m/m.ko", "c=3" },
                { "\"x m.b=2\" m.c=3", "/m/m.ko", "c=3" },
                { "m.c=3 m.a=\"1 m.b=2", "/m/m.ko", "c=3 a=\"1 m.b=2" },
                { "\"m.", "/m/m.ko", "" },
                { "\"", "/m/m.ko", "" },
                /* Behind it is what init gets. */
                { "m.a=1 -- m.b=2", "/m/m.ko", "a=1" },
                { "m.a=1 --x --=1 m.b=2", "/m/m.ko", "a=1 b=2" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check(cases[i].cmdline, cases[i].path, cases[i].parameters);
}

/* In each line of a few letters, what is found fits and nothing behind the line is read. */
static void test_no_line_is_too_odd(void **state)
{
        static const char letters[] = "m.=\" -";
        size_t n = sizeof(letters) - 1, n_lines = 1;
        enum { LENGTH = 6 };

        for (size_t i = 0; i < LENGTH; i++)
                n_lines *= n;
        for (size_t line = 0; line < n_lines; line++) {
                _cleanup_free_ char *cmdline = malloc(LENGTH + 1), *parameters = NULL;
                size_t rest = line;

                assert_non_null(cmdline);
                for (size_t i = 0; i < LENGTH; i++, rest /= n)
                        cmdline[i] = letters[rest % n];
                cmdline[LENGTH] = '\0';
                assert_int_equal(fallback_parameters(cmdline, "/m/m.ko", &parameters), 0);
                assert_true(strlen(parameters) <= LENGTH);
        }
}

static void test_a_long_line_is_taken_whole(void **state)
{
        enum { LENGTH = 1024 * 1024 };
        _cleanup_free_ char *cmdline = malloc(LENGTH + 1), *parameters = NULL;

        assert_non_null(cmdline);
        memset(cmdline, 'x', LENGTH);
        memcpy(cmdline, "m.a=", 4);
        cmdline[LENGTH] = '\0';
        assert_int_equal(fallback_parameters(cmdline, "m.ko", &parameters), 0);
        assert_int_equal(strlen(parameters), LENGTH - 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words_of_the_module_are_its_parameters),
                cmocka_unit_test(test_no_line_is_too_odd),
                cmocka_unit_test(test_a_long_line_is_taken_whole),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
