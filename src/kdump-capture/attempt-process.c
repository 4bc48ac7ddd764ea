/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns starting, watching and giving up an attempt's process. */
#include "attempt-process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "io.h"
#include "log.h"
#include "process.h"

#define TICK_MSEC 500
#define PROGRESS_LINE_INTERVAL_USEC (5 * USEC_PER_SEC)

/* The attempt gives up waiting for a device by itself, with a better message than ours. */
#define DEADLINE_GRACE_USEC (5 * USEC_PER_SEC)
#define TIMEOUT_MIN_USEC (5 * USEC_PER_SEC)

typedef struct AttemptProcess {
        const Target *target;
        MemoryPeak *memory;
        pid_t pid;
        int fd;
        Progress last;
        uint64_t progress_usec; /* when something last moved */
        uint64_t dump_begin_usec, line_usec;
        bool died; /* killed, by whomever */
} AttemptProcess;

static int process_begin(AttemptProcess *process, const Plan *plan, size_t index, bool skip_log)
{
        int fds[2];
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        pid = fork();
        if (pid < 0) {
                int r = -errno;

                close_fd(fds[0]);
                close_fd(fds[1]);
                return r;
        }
        if (pid == 0) {
                ProgressPipe report = { .fd = fds[1] };

                close_fd(fds[0]);
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void) prctl(PR_SET_NAME, "kdump-attempt");
                process_oom_default();
                _exit(attempt_run(plan, process->target, index, skip_log, process->memory,
                                  &report));
        }
        close_fd(fds[1]);
        process->pid = pid;
        process->fd = fds[0];
        return 0;
}

static void progress_line(AttemptProcess *process, uint64_t now_usec)
{
        _cleanup_free_ char *line = NULL;
        uint64_t page_size = (uint64_t) sysconf(_SC_PAGESIZE);

        if (process->last.phase != PROGRESS_DUMP)
                return;
        if (now_usec - process->line_usec < PROGRESS_LINE_INTERVAL_USEC)
                return;
        process->line_usec = now_usec;
        if (progress_format(&process->last, page_size, now_usec - process->dump_begin_usec,
                            &line) >= 0)
                log_info("%s", line);
}

/* Takes the reports that have arrived. Returns 0 at the end of the pipe. */
static int progress_receive(AttemptProcess *process, uint64_t now_usec)
{
        for (;;) {
                Progress progress;
                ssize_t n = read(process->fd, &progress, sizeof(progress));

                if (n == 0)
                        return 0;
                if (n != sizeof(progress))
                        return 1;
                if (progress.phase == PROGRESS_MOVED) {
                        process->progress_usec = now_usec;
                        continue;
                }
                if (progress.phase != process->last.phase ||
                    progress.pages_done != process->last.pages_done ||
                    progress.bytes_written != process->last.bytes_written)
                        process->progress_usec = now_usec;
                if (progress.phase == PROGRESS_DUMP && process->last.phase != PROGRESS_DUMP)
                        process->dump_begin_usec = process->line_usec = now_usec;
                process->last = progress;
                process->last.where[sizeof(process->last.where) - 1] = '\0';
        }
}

static uint64_t deadline_usec(const AttemptProcess *process)
{
        uint64_t timeout_usec = MAX(process->target->timeout_usec, TIMEOUT_MIN_USEC);

        if (timeout_usec > USEC_INFINITY / 2)
                return USEC_INFINITY;
        return process->progress_usec + timeout_usec + DEADLINE_GRACE_USEC;
}

/* What a process that cannot tell any more has left on the target. */
static CaptureStatus status_so_far(const AttemptProcess *process)
{
        return process->last.log_saved ? CAPTURE_LOG_ONLY : CAPTURE_NOTHING;
}

static CaptureStatus process_status(AttemptProcess *process, int status)
{
        if (WIFSIGNALED(status)) {
                process->died = true;
                log_error("the attempt was killed by signal %d (%s)", WTERMSIG(status),
                          strsignal(WTERMSIG(status)));
                return status_so_far(process);
        }
        switch (WEXITSTATUS(status)) {
        case CAPTURE_COMPLETE:
        case CAPTURE_LOG_ONLY:
        case CAPTURE_INCOMPLETE:
        case CAPTURE_NOTHING:
        case CAPTURE_FULL:
                return (CaptureStatus) WEXITSTATUS(status);
        default:
                log_error("the attempt ended with status %d", WEXITSTATUS(status));
                return status_so_far(process);
        }
}

static CaptureStatus process_watch(AttemptProcess *process, Watchdog *watchdog)
{
        int status;

        for (;;) {
                struct pollfd poll_fd = { .fd = process->fd, .events = POLLIN };
                uint64_t now_usec;

                (void) poll(&poll_fd, 1, TICK_MSEC);
                now_usec = now_boottime_usec();
                if (progress_receive(process, now_usec) == 0)
                        (void) usleep(10 * USEC_PER_MSEC);
                progress_line(process, now_usec);
                memory_peak_sample(process->memory, false);
                watchdog_pet(watchdog);
                if (waitpid(process->pid, &status, WNOHANG) == process->pid) {
                        (void) progress_receive(process, now_usec);
                        return process_status(process, status);
                }
                if (now_usec > deadline_usec(process)) {
                        log_error("no progress on '%s' for %llu s, giving it up",
                                  process->target->what ?: "",
                                  (unsigned long long) ((now_usec - process->progress_usec) /
                                                        USEC_PER_SEC));
                        process->died = true;
                        (void) kill(process->pid, SIGKILL);
                        (void) usleep(100 * USEC_PER_MSEC);
                        (void) waitpid(process->pid, &status, WNOHANG);
                        return status_so_far(process);
                }
        }
}

/* *ret_died_in: the phase in which the process was when it came to grief, _PROGRESS_PHASE_MAX if it
 * did not. */
static CaptureStatus process_run_once(const Plan *plan, const Target *target, size_t index,
                                      bool skip_log, MemoryPeak *memory, Watchdog *watchdog,
                                      uint32_t *ret_died_in)
{
        AttemptProcess process = {
                .target = target,
                .memory = memory,
                .fd = -EBADF,
                .progress_usec = now_boottime_usec(),
        };
        CaptureStatus status;
        int r;

        *ret_died_in = _PROGRESS_PHASE_MAX;
        r = process_begin(&process, plan, index, skip_log);
        if (r < 0) {
                (void) log_error_errno(r, "cannot start an attempt: %m");
                return CAPTURE_NOTHING;
        }
        status = process_watch(&process, watchdog);
        close_fd(process.fd);
        if (process.died)
                *ret_died_in = process.last.phase;
        return status;
}

CaptureStatus attempt_process_run(const Plan *plan, const Target *target, size_t index,
                                  MemoryPeak *memory, Watchdog *watchdog)
{
        CaptureStatus status;
        uint32_t died_in;

        status = process_run_once(plan, target, index, false, memory, watchdog, &died_in);
        if (died_in != PROGRESS_LOG)
                return status;

        /* A log that kills its reader must not cost the vmcore as well. */
        log_warning("trying again without the log");
        return process_run_once(plan, target, index, true, memory, watchdog, &died_in);
}
