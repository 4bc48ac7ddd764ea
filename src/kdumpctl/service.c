/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the calls of systemctl and the lines about them that scripts look for. */
#include "service.h"

#include <fcntl.h>

#include "live.h"
#include "log.h"
#include "process.h"
#include "state.h"

static int systemctl(const char *action, const char *unit, ProcessFlags flags)
{
        char *argv[] = { (char[]){ "systemctl" }, NULL, NULL, NULL };
        _cleanup_free_ char *action_copy = strdup(action), *unit_copy = strdup(unit);
        int status, r;

        if (!action_copy || !unit_copy)
                return log_oom();
        argv[1] = action_copy;
        argv[2] = unit_copy;
        r = process_run(argv, flags, USEC_INFINITY, &status);
        if (r < 0)
                return log_error_errno(r, "Failed to run systemctl: %m");
        return status;
}

int service_run(const char *action, const char *unit)
{
        int status = systemctl(action, unit, 0);

        return status < 0 ? EXIT_FAILURE : status;
}

bool service_is_active(const char *unit)
{
        return systemctl("is-active", unit, PROCESS_QUIET) == 0;
}

/* The state file's own words, if there are any. */
static void tell_state(int root_fd, bool failed)
{
        _cleanup_(state_done) State state = { 0 };

        if (state_read(root_fd, &state) < 0) {
                if (failed)
                        log_error("'systemctl status " UNIT_DAEMON "' says more.");
                return;
        }
        if (failed)
                log_error("%s", state.reason);
        else if (state.state == ARM_STATE_DEGRADED)
                log_warning("%s", state.reason);
}

int service_conclude(int status, bool armed, const char *doing, const char *reason)
{
        _cleanup_close_ int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (root_fd < 0) {
                (void) log_error_errno(errno, "Failed to open '/': %m");
                return EXIT_FAILURE;
        }
        /* A unit that is skipped, for want of a reservation, counts as started. */
        if (status == 0 && armed && live_crash_loaded(root_fd) <= 0)
                status = EXIT_FAILURE;
        if (status == 0)
                log_info("%s kdump: [OK]", doing);
        else
                log_error("%s kdump: [FAILED]", doing);
        if (status != 0 && !strempty(reason))
                log_error("%s", reason);
        else
                tell_state(root_fd, status != 0);
        return status;
}

int service_act(const char *action, const char *doing)
{
        int status = service_run(action, UNIT_DAEMON);

        return service_conclude(status, !streq(action, "stop"), doing, NULL);
}
