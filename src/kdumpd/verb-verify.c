/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the command line of the checks, and how their outcome is told. */
#include "verb-verify.h"

#include <fcntl.h>

#include "log.h"
#include "verify.h"

static void log_report(const VerifyReport *report)
{
        static const int levels[_CHECK_STATUS_MAX] = {
                [CHECK_OK] = LOG_INFO,
                [CHECK_SKIPPED] = LOG_INFO,
                [CHECK_WARNING] = LOG_WARNING,
                [CHECK_FAILED] = LOG_ERR,
        };

        for (size_t i = 0; i < report->n_checks; i++) {
                const VerifyCheck *check = &report->checks[i];

                (void) log_full(levels[check->status], 0, "%s: %s: %s", check->name,
                                check_status_to_string(check->status), check->text);
        }
}

static int print_json(const VerifyReport *report)
{
        _cleanup_free_ char *json = NULL;
        int r;

        r = verify_report_to_json(report, &json);
        if (r < 0)
                return log_oom();
        (void) fputs(json, stdout);
        return 0;
}

static void print_report(const VerifyReport *report)
{
        for (size_t i = 0; i < report->n_checks; i++) {
                const VerifyCheck *check = &report->checks[i];

                (void) printf("%-8s %-17s %s\n", check_status_to_string(check->status),
                              check->name, check->text);
        }
}

/* A look at what is loaded is shown, and leaves the report of all checks as it is. */
static int show_loaded(int root_fd, bool json)
{
        _cleanup_(verify_report_done) VerifyReport report = { 0 };
        int r;

        r = verify_loaded(root_fd, &report);
        if (r < 0) {
                (void) log_error_errno(r, "Failed to look at what is loaded: %m");
                return EXIT_VERIFY_IMPOSSIBLE;
        }
        if (!json)
                print_report(&report);
        else if (print_json(&report) < 0)
                return EXIT_VERIFY_IMPOSSIBLE;
        return report.result == CHECK_FAILED ? EXIT_VERIFY_FAILED : EXIT_SUCCESS;
}

static int verify_and_tell(int root_fd, bool json)
{
        _cleanup_(verify_report_done) VerifyReport report = { 0 };
        int r;

        r = verify_run(root_fd, &report);
        if (r < 0) {
                (void) log_error_errno(r, "Failed to look at the system: %m");
                return EXIT_VERIFY_IMPOSSIBLE;
        }
        if (!json)
                log_report(&report);
        else if (print_json(&report) < 0)
                return EXIT_VERIFY_IMPOSSIBLE;
        r = verify_report_write(root_fd, &report);
        if (r < 0) {
                (void) log_error_errno(r, "Failed to write '%s': %m", PATH_VERIFY_JSON);
                return EXIT_VERIFY_IMPOSSIBLE;
        }
        return report.result == CHECK_FAILED ? EXIT_VERIFY_FAILED : EXIT_SUCCESS;
}

int verb_verify(int argc, char **argv)
{
        _cleanup_close_ int root_fd = -EBADF;
        bool json = false, loaded = false;

        for (int i = 1; i < argc; i++)
                if (streq(argv[i], "--json"))
                        json = true;
                else if (streq(argv[i], "--loaded"))
                        loaded = true;
                else {
                        log_error("'%s' is not understood here.", argv[i]);
                        return EXIT_VERIFY_IMPOSSIBLE;
                }
        root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root_fd < 0) {
                (void) log_error_errno(errno, "Failed to open '/': %m");
                return EXIT_VERIFY_IMPOSSIBLE;
        }
        return loaded ? show_loaded(root_fd, json) : verify_and_tell(root_fd, json);
}
