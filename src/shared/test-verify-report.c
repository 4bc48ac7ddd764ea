/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of verify-report.c. */
#include "verify-report.h"

#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "io.h"

static void test_the_worst_check_is_the_result(void **state)
{
        static const struct {
                CheckStatus statuses[3];
                CheckStatus result;
        } cases[] = {
                { { CHECK_OK, CHECK_OK, CHECK_OK }, CHECK_OK },
                { { CHECK_SKIPPED, CHECK_OK, CHECK_SKIPPED }, CHECK_OK },
                { { CHECK_OK, CHECK_WARNING, CHECK_SKIPPED }, CHECK_WARNING },
                { { CHECK_FAILED, CHECK_WARNING, CHECK_OK }, CHECK_FAILED },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(verify_report_done) VerifyReport report = { 0 };

                for (size_t k = 0; k < ELEMENTSOF(cases[i].statuses); k++)
                        assert_int_equal(
                                verify_report_add(&report, "x", cases[i].statuses[k], "%zu", k), 0);
                assert_int_equal(report.result, cases[i].result);
                assert_int_equal(report.n_checks, 3);
                assert_string_equal(report.checks[2].text, "2");
        }
}

static void test_report_survives_the_file(void **state)
{
        _cleanup_(verify_report_done) VerifyReport report = { 0 }, again = { 0 }, none = { 0 };
        char folder[] = "/tmp/kdumpd-test-XXXXXX";
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        assert_non_null(mkdtemp(folder));
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(verify_report_read(fd, &none), -ENOENT);

        report.time_realtime_usec = 1;
        report.duration_usec = 2;
        report.generation = 3;
        report.kernel_release = strdup("6.1");
        assert_int_equal(verify_report_add(&report, "one", CHECK_OK, "fine"), 0);
        assert_int_equal(verify_report_add(&report, "two", CHECK_FAILED, "bad\xff"), 0);
        assert_int_equal(verify_report_write(fd, &report), 0);
        assert_int_equal(fstatat(fd, "run/kdumpd/verify.json", &st, 0), 0);
        assert_int_equal(st.st_mode, S_IFREG | 0644);

        assert_int_equal(verify_report_read(fd, &again), 0);
        assert_int_equal(again.time_realtime_usec, 1);
        assert_int_equal(again.duration_usec, 2);
        assert_int_equal(again.generation, 3);
        assert_string_equal(again.kernel_release, "6.1");
        assert_int_equal(again.result, CHECK_FAILED);
        assert_int_equal(again.n_checks, 2);
        assert_string_equal(again.checks[0].name, "one");
        assert_int_equal(again.checks[1].status, CHECK_FAILED);
        assert_string_equal(again.checks[1].text, "bad?");

        assert_int_equal(unlinkat(fd, "run/kdumpd/verify.json", 0), 0);
        assert_int_equal(unlinkat(fd, "run/kdumpd", AT_REMOVEDIR), 0);
        assert_int_equal(unlinkat(fd, "run", AT_REMOVEDIR), 0);
        assert_int_equal(rmdir(folder), 0);
}

static void test_what_is_no_report_is_refused(void **state)
{
        static const char *const cases[] = {
                "",
                "[]",
                "{}",
                "{\"time_realtime_usec\":1,\"result\":\"ok\"}",
                "{\"time_realtime_usec\":1,\"result\":\"ok\",\"checks\":{}}",
                "{\"time_realtime_usec\":1,\"result\":\"ok\",\"checks\":[1]}",
                "{\"time_realtime_usec\":1,\"result\":\"ok\",\"checks\":[null]}",
                "{\"time_realtime_usec\":1,\"result\":\"ok\",\"checks\":[{\"name\":\"x\"}]}",
                "{\"time_realtime_usec\":1,\"result\":\"odd\",\"checks\":[]}",
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                VerifyReport report;

                assert_int_equal(verify_report_from_json(cases[i], strlen(cases[i]), &report),
                                 -EBADMSG);
        }
}

static void test_names(void **state)
{
        assert_string_equal(check_status_to_string(CHECK_OK), "ok");
        assert_null(check_status_to_string(_CHECK_STATUS_MAX));
        assert_null(check_status_to_string(_CHECK_STATUS_INVALID));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_worst_check_is_the_result),
                cmocka_unit_test(test_report_survives_the_file),
                cmocka_unit_test(test_what_is_no_report_is_refused),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
