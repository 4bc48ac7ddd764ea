/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of plan-file.c: what is said of a plan that cannot be used. */
#include "test.h"

#include "io.h"
#include "log.h"
#include "paths.h"
#include "plan-file.h"

static const char *json; /* NULL: there is none */
static char logged[512];

int __wrap_file_read(int dir_fd, const char *path, size_t max_bytes, char **ret_data,
                     size_t *ret_size);
int __wrap_file_read(int dir_fd, const char *path, size_t max_bytes, char **ret_data,
                     size_t *ret_size)
{
        assert_string_equal(path, PATH_PLAN);
        if (!json)
                return -ENOENT;
        *ret_data = strdup(json);
        assert_non_null(*ret_data);
        *ret_size = strlen(json);
        return 0;
}

int __wrap_log_full(int level, int error, const char *format, ...) _printf_(3, 4);
int __wrap_log_full(int level, int error, const char *format, ...)
{
        va_list ap;

        assert_int_equal(level, LOG_ERR);
        errno = abs(error);
        va_start(ap, format);
        (void) vsnprintf(logged, sizeof(logged), format, ap);
        va_end(ap);
        return -abs(error);
}

static void test_a_plan_that_cannot_be_used_is_told(void **state)
{
        static const struct {
                const char *json, *said;
        } cases[] = {
                /* From a daemon of another version: told as that, whatever else is in it. */
                { "{\"version\":3,\"odd\":[]}", "version 3 is not 2" },
                { "{\"version\":1}", "version 1 is not 2" },
                { "{\"version\":\"2\"}", "'version' is not a number" },
                { "{\"version\":2}", "'failure_action'" },
                { "{", "plan.json" },
                { NULL, "plan.json': No such file" },
        };

        assert_int_equal(PLAN_VERSION, 2); /* else the above is to be changed */
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                logged[0] = '\0';
                json = cases[i].json;
                assert_null(plan_file_load());
                if (!strstr(logged, cases[i].said))
                        fail_msg("'%s' does not say '%s'", logged, cases[i].said);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_plan_that_cannot_be_used_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
