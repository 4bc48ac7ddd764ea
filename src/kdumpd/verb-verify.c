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

int verb_verify(int argc, char **argv)
{
        _cleanup_(verify_report_done) VerifyReport report = { 0 };
        _cleanup_close_ int root_fd = -EBADF;
        bool json = argc > 1 && streq(argv[1], "--json");
        int r;

        if (argc > 1 + json) {
                log_error("'%s' is not understood here.", argv[1 + json]);
                return EXIT_VERIFY_IMPOSSIBLE;
        }
        root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root_fd < 0) {
                (void) log_error_errno(errno, "Failed to open '/': %m");
                return EXIT_VERIFY_IMPOSSIBLE;
        }
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
