/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns how long drivers are waited for. */
#include "fallback-prepare.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "fallback-modules.h"
#include "io.h"
#include "log.h"
#include "paths.h"
#include "process.h"
#include "target-device.h"

/* Controllers are reset first (reset_devices), and then drivers wait for these: hpsa 100 s and
 * 120 s (HPSA_BOARD_NOT_READY_WAIT_SECS and HPSA_BOARD_READY_WAIT_SECS in drivers/scsi/hpsa.h),
 * smartpqi and megaraid_sas 180 s. */
#define LIMIT_USEC (300 * USEC_PER_SEC)

#define ALIVE_INTERVAL_USEC (100 * USEC_PER_MSEC)

/* COMMAND_LINE_SIZE is 2048 on x86, and what boot configuration adds has at most 32 KiB. */
#define CMDLINE_MAX_BYTES ((size_t) 64 * 1024)

static void load(void)
{
        _cleanup_free_ char *cmdline = NULL;
        int r = file_read(AT_FDCWD, "/proc/cmdline", CMDLINE_MAX_BYTES, &cmdline, NULL);

        if (r < 0)
                (void) log_warning_errno(r, "modules are loaded without parameters: %m");
        fallback_modules_load(PATH_FALLBACK_MODULES, cmdline ?: "");
}

pid_t fallback_load_start(void)
{
        pid_t pid = fork();

        if (pid < 0) {
                (void) log_warning_errno(errno, "cannot load modules in a child: %m");
                load();
        }
        if (pid == 0) {
                (void) prctl(PR_SET_NAME, "kdump-modules");
                load();
                _exit(EXIT_SUCCESS);
        }
        return pid;
}

/* In a child, as a disk may hang when it is asked what it is. */
static pid_t look_start(const Target *target, uint64_t limit_usec)
{
        char *device;
        pid_t pid;

        if (target_is_remote(target))
                return -1;
        pid = fork();
        if (pid == 0) {
                process_oom_default();
                _exit(target_device_wait(target->what, limit_usec, &device) < 0);
        }
        return pid;
}

static bool has_ended(pid_t pid, int *ret_status)
{
        return pid > 0 && waitpid(pid, ret_status, WNOHANG) != 0;
}

void fallback_prepare(const Plan *plan, AliveFunc alive, void *data)
{
        const Target *target = plan->targets;
        uint64_t start_usec = now_boottime_usec();
        uint64_t limit_usec =
                target->deadline_usec > 0 ? MIN(target->deadline_usec, LIMIT_USEC) : LIMIT_USEC;
        pid_t loader = fallback_load_start(), looker;
        int status = EXIT_FAILURE;

        if (loader < 0)
                return;
        looker = look_start(target, limit_usec);
        while (!has_ended(loader, &status)) {
                if (has_ended(looker, &status)) {
                        looker = -1;
                        if (status == EXIT_SUCCESS)
                                return;
                }
                if (now_boottime_usec() - start_usec > limit_usec) {
                        log_error("loading kernel modules takes longer than %llu s, not waiting "
                                  "for the rest of them",
                                  (unsigned long long) (limit_usec / USEC_PER_SEC));
                        break;
                }
                alive(data);
                (void) usleep(ALIVE_INTERVAL_USEC);
        }
        if (looker > 0)
                (void) kill(looker, SIGKILL);
}
