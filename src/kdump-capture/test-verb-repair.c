/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "io.h"
#include "json-fields.h"
#include "test-kdump-file.h"
#include "verbs.h"

/* Runs the command with standard output in *ret_output, which the caller frees. */
static int run(const char *path, bool json, char **ret_output)
{
        char *argv[] = { (char *) "repair", (char *) path, json ? (char *) "--json" : NULL, NULL };
        _cleanup_close_ int saved = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        _cleanup_close_ int output = memfd_create("output", MFD_CLOEXEC);
        size_t size;
        int result;

        assert_true(saved >= 0 && output >= 0);
        assert_int_equal(fflush(stdout), 0);
        assert_true(dup2(output, STDOUT_FILENO) >= 0);
        result = verb_repair(json ? 3 : 2, argv);
        (void) fflush(stdout);
        assert_true(dup2(saved, STDOUT_FILENO) >= 0);
        assert_int_equal(lseek(output, 0, SEEK_SET), 0);
        assert_int_equal(fd_read(output, 4096, ret_output, &size), 0);
        return result;
}

typedef struct Case {
        const char *kinds;
        bool cut; /* before the data */
        int result;
        const char *status;
        uint64_t n_pages, n_readable, n_withdrawn;
} Case;

static void check_number(struct json_object *object, const char *name, uint64_t expected)
{
        assert_int_equal(json_object_get_uint64(json_member(object, name)), expected);
}

static void check_case(const Case *c)
{
        _cleanup_free_ char *output = NULL, *message = NULL, *text = NULL, *words = NULL;
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_close_ int fd = -EBADF;
        char path[64];
        Made made;

        made_init(&made, c->kinds, 6);
        fd = made_fd(&made, c->cut ? made.zero_page : made.size);
        (void) snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int) getpid(), fd);
        assert_int_equal(run(path, true, &output), c->result);
        assert_int_equal(json_object_parse(output, strlen(output), &object, &message), 0);
        assert_string_equal(json_object_get_string(json_member(object, "status")), c->status);
        check_number(object, "n_pages", c->n_pages);
        check_number(object, "n_pages_readable", c->n_readable);
        check_number(object, "n_pages_missing", c->n_pages - c->n_readable);
        check_number(object, "n_pages_withdrawn", c->n_withdrawn);

        assert_int_equal(run(path, false, &text), c->result);
        assert_int_equal(strprintf(&words, "'%s' is %s: %llu of %llu pages can be read.\n", path,
                                   c->status, (unsigned long long) c->n_readable,
                                   (unsigned long long) c->n_pages),
                         0);
        assert_string_equal(text, words);
        made_done(&made);
}

static void test_result_is_told(void **state)
{
        static const Case cases[] = {
                { "rz0.x", false, 0, "complete", 3, 3, 0 },
                { "rz0.xm", false, 3, "incomplete", 4, 3, 0 },
                { "rz0.xm", true, 1, "incomplete", 4, 0, 3 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check_case(&cases[i]);
}

static void test_failure_prints_nothing(void **state)
{
        _cleanup_free_ char *output = NULL;

        assert_int_equal(run("/nonexistent", true, &output), 1);
        assert_string_equal(output, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_result_is_told),
                cmocka_unit_test(test_failure_prints_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
