/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl verify`: has all that a dump takes checked, and shows what was found. */
#include <fcntl.h>

#include "format.h"
#include "log.h"
#include "process.h"
#include "verbs.h"
#include "verify-report.h"

#define UNIT_VERIFY "kdump-verify.service"

/* The unit fails if a check does; the report says so better than systemctl. Without systemd the
 * program is run as it is. */
static int run_checks(void)
{
        char *unit[] = { (char[]){ "systemctl" }, (char[]){ "start" }, (char[]){ UNIT_VERIFY },
                         NULL };
        char *program[] = { (char[]){ PATH_HELPER_DIR "/kdumpd" }, (char[]){ "verify" }, NULL };
        /* sd_booted(3) looks for this folder, too. */
        char **argv = access("/run/systemd/system", F_OK) == 0 ? unit : program;
        int status, r;

        r = process_run(argv, PROCESS_QUIET, USEC_INFINITY, &status);
        if (r < 0)
                return log_error_errno(r, "Failed to run '%s': %m", argv[0]);
        return status;
}

/* When the report that is there was made; 0: there is none. */
static uint64_t report_time(int root_fd)
{
        _cleanup_(verify_report_done) VerifyReport report = { 0 };

        return verify_report_read(root_fd, &report) < 0 ? 0 : report.time_realtime_usec;
}

/* Has the checks made and reads what they left, which must not be what was there before. */
static int make_report(VerifyReport *ret)
{
        _cleanup_close_ int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(verify_report_done) VerifyReport report = { 0 };
        uint64_t before_usec;
        int status, r;

        if (root_fd < 0)
                return log_error_errno(errno, "Failed to open '/': %m");
        before_usec = report_time(root_fd);
        status = run_checks();
        if (status < 0)
                return status;
        r = verify_report_read(root_fd, &report);
        if (r < 0 && r != -ENOENT)
                return log_error_errno(r, "Failed to read '%s': %m", PATH_VERIFY_JSON);
        if (r < 0 || report.time_realtime_usec == before_usec)
                return log_error_errno(-ENODATA,
                                       "The checks left no result (exit status %d): 'systemctl "
                                       "status " UNIT_VERIFY "' may say why.",
                                       status);
        *ret = report;
        report = (VerifyReport){ 0 };
        return 0;
}

/* What is said of targets, and of the configuration that names them. */
static bool is_about_targets(const VerifyCheck *check)
{
        static const char *const names[] = { "configuration", "plan", "dumps", "last-dump" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(check->name, names[i]))
                        return true;
        return startswith(check->name, "target-");
}

/* Leaves out all other checks; the result is that of the worst one that stays. */
static void keep_targets(VerifyReport *report)
{
        size_t n = 0;

        report->result = CHECK_OK;
        for (size_t i = 0; i < report->n_checks; i++) {
                VerifyCheck *check = &report->checks[i];

                if (!is_about_targets(check)) {
                        free(check->name);
                        free(check->text);
                        continue;
                }
                if (check->status > CHECK_SKIPPED)
                        report->result = MAX(report->result, check->status);
                report->checks[n++] = *check;
        }
        report->n_checks = n;
}

static void print_table(const VerifyReport *report)
{
        char time[FORMAT_TIME_MAX];

        for (size_t i = 0; i < report->n_checks; i++) {
                const VerifyCheck *check = &report->checks[i];

                (void) printf("%-8s %-17s %s\n", check_status_to_string(check->status), check->name,
                              check->text);
        }
        (void) printf("Verified: %s: %s\n", format_time(report->time_realtime_usec, time),
                      check_status_to_string(report->result));
}

static int print_json(const VerifyReport *report)
{
        _cleanup_free_ char *json = NULL;

        if (verify_report_to_json(report, &json) < 0)
                return log_oom();
        (void) fputs(json, stdout);
        return 0;
}

/* It needs more of root than the unit has, and no more than a moment. */
static int verify_loaded(bool json)
{
        char *argv[] = { (char[]){ PATH_HELPER_DIR "/kdumpd" }, (char[]){ "verify" },
                         (char[]){ "--loaded" }, json ? (char[]){ "--json" } : NULL, NULL };
        int status, r;

        r = process_run(argv, 0, USEC_INFINITY, &status);
        if (r < 0) {
                (void) log_error_errno(r, "Failed to run '%s': %m", argv[0]);
                return EXIT_VERIFY_IMPOSSIBLE;
        }
        return status < 0 || status > EXIT_VERIFY_IMPOSSIBLE ? EXIT_VERIFY_IMPOSSIBLE : status;
}

static int parse(int argc, char **argv, bool *ret_json, bool *ret_target, bool *ret_loaded)
{
        *ret_json = *ret_target = *ret_loaded = false;
        for (int i = 1; i < argc; i++)
                if (streq(argv[i], "--json"))
                        *ret_json = true;
                else if (streq(argv[i], "--target"))
                        *ret_target = true;
                else if (streq(argv[i], "--loaded"))
                        *ret_loaded = true;
                else
                        return parse_nothing(2, argv + i - 1);
        return 0;
}

int verb_verify(int argc, char **argv)
{
        _cleanup_(verify_report_done) VerifyReport report = { 0 };
        bool json, target, loaded;

        if (parse(argc, argv, &json, &target, &loaded) < 0)
                return EXIT_VERIFY_IMPOSSIBLE;
        if (loaded && target) {
                log_error("'--loaded' and '--target' are checks of their own: give one of them.");
                return EXIT_VERIFY_IMPOSSIBLE;
        }
        if (loaded)
                return verify_loaded(json);
        if (make_report(&report) < 0)
                return EXIT_VERIFY_IMPOSSIBLE;
        if (target)
                keep_targets(&report);
        if (!json)
                print_table(&report);
        else if (print_json(&report) < 0)
                return EXIT_VERIFY_IMPOSSIBLE;
        return report.result == CHECK_FAILED ? EXIT_VERIFY_FAILED : EXIT_SUCCESS;
}
