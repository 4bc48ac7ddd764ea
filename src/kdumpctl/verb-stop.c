/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl stop`: the one way to disarm, also if the daemon is dead. */
#include <fcntl.h>

#include "live.h"
#include "log.h"
#include "paths.h"
#include "process.h"
#include "service.h"
#include "verbs.h"

#define UNLOAD_TIMEOUT_USEC (60 * USEC_PER_SEC)

/* The unit's ExecStopPost= does it, but only for a service that ran. */
static int unload(void)
{
        char *argv[] = { (char[]){ PATH_HELPER_DIR "/kdumpd" }, (char[]){ "stop" },
                         (char[]){ "--explicit" }, NULL };
        int status, r;

        r = process_run(argv, 0, UNLOAD_TIMEOUT_USEC, &status);
        if (r < 0) {
                (void) log_error_errno(r, "Failed to run '%s': %m", argv[0]);
                return EXIT_FAILURE;
        }
        return status;
}

int verb_stop(int argc, char **argv)
{
        _cleanup_close_ int root_fd = -EBADF;
        int status;

        if (parse_nothing(argc, argv) < 0)
                return EXIT_FAILURE;
        status = service_act("stop", "Stopping");
        if (status != EXIT_SUCCESS)
                return status;
        root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root_fd >= 0 && live_crash_loaded(root_fd) > 0)
                return unload();
        return EXIT_SUCCESS;
}
