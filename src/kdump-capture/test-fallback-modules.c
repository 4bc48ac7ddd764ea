/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of fallback-modules.c, with a kernel that writes down what it is asked to load. */
#include "test.h"

#include <sys/syscall.h>

#include "fallback-modules.h"
#include "io.h"
#include "strv.h"

/* What is in the files that were loaded, each with its flags and its parameters behind it. */
static char loaded[256];
static const char *cmdline = "quiet";

/* The kernel refuses what has this in it, with this error; if these are its parameters. */
static const char *refused = "", *refused_parameters;
static int refusal;

long __wrap_syscall(long number, int fd, const char *parameters, int flags);
long __wrap_syscall(long number, int fd, const char *parameters, int flags)
{
        char text[32] = "";
        size_t size = strlen(loaded);

        assert_int_equal(number, SYS_finit_module);
        assert_true(read(fd, text, sizeof(text) - 1) > 0);
        (void) snprintf(loaded + size, sizeof(loaded) - size, "%s%d%s%s%s ", text, flags,
                        *parameters ? "(" : "", parameters, *parameters ? ")" : "");
        if (!streq(text, refused) || (refused_parameters && !streq(parameters, refused_parameters)))
                return 0;
        errno = refusal;
        return -1;
}

static void check_loaded(const char *list, const char *expected)
{
        static const char *const names[] = { "a.ko", "b.ko.xz", "c.ko" };
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int fd = test_root_open(root);
        _cleanup_free_ char *path = NULL, *text = NULL;
        const char *p = list;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                const char content[] = { names[i][0], '\0' };

                test_write_text(fd, names[i], content);
        }
        /* "@" is the folder. */
        text = strdup("");
        for (; *p; p++) {
                char *longer = NULL;

                assert_int_equal(*p == '@' ? strprintf(&longer, "%s%s", text, root)
                                           : strprintf(&longer, "%s%c", text, *p),
                                 0);
                free(text);
                text = longer;
        }
        test_write_text(fd, "list", text);
        assert_int_equal(strprintf(&path, "%s/list", root), 0);
        loaded[0] = '\0';
        fallback_modules_load(path, cmdline);
        assert_string_equal(loaded, expected);
}

static void test_modules_are_loaded_in_the_order_of_the_list(void **state)
{
        check_loaded("@/c.ko\n@/a.ko\n@/b.ko.xz\n", "c0 a0 b4 ");
        check_loaded("@/b.ko.xz\n", "b4 ");
        check_loaded("", "");
}

static void test_one_that_cannot_be_loaded_does_not_keep_the_next_from_it(void **state)
{
        static const int errors[] = { EEXIST, ENODEV, EOPNOTSUPP, ENOEXEC };

        refused = "a";
        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                refusal = errors[i];
                check_loaded("@/a.ko\n@/c.ko\n", "a0 c0 ");
        }
        refused = "";
        check_loaded("@/missing.ko\n@/c.ko", "c0 ");
}

static void test_each_module_gets_its_parameters(void **state)
{
        cmdline = "x.io=2 c.io=1 b.y=\"1 2\" c.z\n";
        check_loaded("@/c.ko\n@/a.ko\n@/b.ko.xz\n", "c0(io=1 z) a0 b4(y=\"1 2\") ");
        cmdline = "quiet";
}

/* Those of the crashed kernel's line were good for it. */
static void test_parameters_that_are_refused_do_not_cost_the_module(void **state)
{
        static const struct {
                int error;
                const char *loaded;
        } cases[] = {
                { EINVAL, "a0(x=1) a0 c0 " },
                { ERANGE, "a0(x=1) a0 c0 " },
                { ENOSPC, "a0(x=1) a0 c0 " },
                { ENOENT, "a0(x=1) a0 c0 " },
                /* It may have looked for its device for a long time. */
                { ENODEV, "a0(x=1) c0 " },
                { EEXIST, "a0(x=1) c0 " },
        };

        cmdline = "a.x=1";
        refused = "a";
        refused_parameters = "x=1";
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                refusal = cases[i].error;
                check_loaded("@/a.ko\n@/c.ko\n", cases[i].loaded);
        }
        cmdline = "quiet";
        refused = "";
        refused_parameters = NULL;
}

static void test_a_list_that_is_not_there_loads_nothing(void **state)
{
        loaded[0] = '\0';
        fallback_modules_load("/nonexistent/list", "");
        assert_string_equal(loaded, "");
}

static void test_only_absolute_paths_are_taken(void **state)
{
        _cleanup_strv_ char **paths = NULL, **none = NULL;

        assert_int_equal(fallback_modules_parse("/a\n\nb\n# /c\n /d\n/e f\n/g", &paths), 0);
        assert_int_equal(strv_length(paths), 3);
        assert_string_equal(paths[0], "/a");
        assert_string_equal(paths[1], "/e f");
        assert_string_equal(paths[2], "/g");
        assert_int_equal(fallback_modules_parse("\n", &none), 0);
        assert_null(none);
}

static void test_the_kernel_unpacks_by_the_name(void **state)
{
        assert_int_equal(fallback_module_flags("/m/a.ko"), 0);
        assert_int_equal(fallback_module_flags("/m.xz/a.ko"), 0);
        assert_int_equal(fallback_module_flags("/m/a.ko.gz"), 4);
        assert_int_equal(fallback_module_flags("/m/a.ko.xz"), 4);
        assert_int_equal(fallback_module_flags("/m/a.ko.zst"), 4);
        assert_int_equal(fallback_module_flags("xz"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_modules_are_loaded_in_the_order_of_the_list),
                cmocka_unit_test(test_one_that_cannot_be_loaded_does_not_keep_the_next_from_it),
                cmocka_unit_test(test_each_module_gets_its_parameters),
                cmocka_unit_test(test_parameters_that_are_refused_do_not_cost_the_module),
                cmocka_unit_test(test_a_list_that_is_not_there_loads_nothing),
                cmocka_unit_test(test_only_absolute_paths_are_taken),
                cmocka_unit_test(test_the_kernel_unpacks_by_the_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
