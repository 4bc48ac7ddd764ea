/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the comparison of the clock with the crash. */
#include "crash-clock.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "capture-source.h"
#include "io.h"
#include "log.h"
#include "process.h"

#define TIMEOUT_USEC (10 * USEC_PER_SEC)
#define POLL_INTERVAL_USEC (20 * USEC_PER_MSEC)

static void set(const char *source_path)
{
        _cleanup_(capture_source_freep) CaptureSource *source = NULL;
        uint64_t crash_usec, now_usec = now_realtime_usec();
        struct timespec time = {};
        int r;

        r = capture_source_open(source_path, &source);
        if (r < 0) {
                (void) log_warning_errno(r, "the time of the crash is not known, ignoring: %m");
                return;
        }
        crash_usec = source->crash_realtime_usec;
        if (crash_usec <= now_usec)
                return;
        time.tv_sec = (time_t) (crash_usec / USEC_PER_SEC);
        if (clock_settime(CLOCK_REALTIME, &time) < 0) {
                (void) log_warning_errno(errno, "cannot set the clock, ignoring: %m");
                return;
        }
        log_notice("the clock was %llu s before the crash, set it to that",
                   (unsigned long long) ((crash_usec - now_usec) / USEC_PER_SEC));
}

void crash_clock_set(const char *source, AliveFunc alive, void *data)
{
        uint64_t start_usec = now_boottime_usec();
        pid_t pid = fork();

        if (pid < 0)
                return;
        if (pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                process_oom_default();
                set(source);
                _exit(EXIT_SUCCESS);
        }
        while (waitpid(pid, NULL, WNOHANG) == 0) {
                if (now_boottime_usec() - start_usec > TIMEOUT_USEC) {
                        log_warning("reading the time of the crash takes too long, giving up");
                        (void) kill(pid, SIGKILL);
                        return;
                }
                alive(data);
                (void) usleep(POLL_INTERVAL_USEC);
        }
}
