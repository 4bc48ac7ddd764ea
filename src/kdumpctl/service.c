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
static void tell_reason(bool failed)
{
        _cleanup_close_ int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(state_done) State state = { 0 };

        if (root_fd < 0 || state_read(root_fd, &state) < 0)
                return;
        if (failed)
                log_error("%s", state.reason);
        else if (state.state == ARM_STATE_DEGRADED)
                log_warning("%s", state.reason);
}

int service_act(const char *action, const char *doing)
{
        int status = service_run(action, UNIT_DAEMON);

        if (status == 0) {
                log_info("%s kdump: [OK]", doing);
                tell_reason(false);
                return EXIT_SUCCESS;
        }
        log_error("%s kdump: [FAILED]", doing);
        tell_reason(true);
        return status;
}
