/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns starting, hearing and killing an attempt's process. */
#include "attempt-process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "io.h"
#include "log.h"
#include "process.h"

#define PROGRESS_LINE_INTERVAL_USEC (5 * USEC_PER_SEC)

static void child_run(const AttemptJob *job, pid_t parent, int report_fd, int order_fd)
{
        ProgressPipe report = { .fd = report_fd };
        AttemptJob ours = *job;

        ours.pipe = &report;
        ours.order_fd = order_fd;
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) /* it may have died before the line above */
                _exit(CAPTURE_NOTHING);
        (void) prctl(PR_SET_NAME, "kdump-attempt");
        process_oom_default();
        log_set_prefix(job->prefix);
        _exit(attempt_run(&ours));
}

int attempt_process_start(AttemptProcess *process, const AttemptJob *job)
{
        _cleanup_close_ int report_fd = -EBADF, order_fd = -EBADF;
        _cleanup_close_ int our_report_fd = -EBADF, our_order_fd = -EBADF;
        pid_t pid, parent = getpid();
        int fds[2];

        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        our_report_fd = fds[0];
        report_fd = fds[1];
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        order_fd = fds[0];
        our_order_fd = fds[1];
        if (fcntl(our_order_fd, F_SETFL, O_NONBLOCK) < 0)
                return -errno;

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                our_report_fd = close_fd(our_report_fd);
                our_order_fd = close_fd(our_order_fd);
                child_run(job, parent, report_fd, order_fd);
        }
        *process = (AttemptProcess){
                .pid = pid,
                .prefix = job->prefix,
                .fd = TAKE_FD(our_report_fd),
                .order_fd = TAKE_FD(our_order_fd),
                .progress_usec = now_boottime_usec(),
        };
        return 0;
}

void attempt_process_done(AttemptProcess *process)
{
        process->fd = close_fd(process->fd);
        process->order_fd = close_fd(process->order_fd);
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
                log_info("%s%s", process->prefix, line);
}

static void progress_take(AttemptProcess *process, const Progress *progress, uint64_t now_usec)
{
        const Progress *last = &process->last;

        if (progress->phase == PROGRESS_MOVED) {
                process->progress_usec = now_usec;
                return;
        }
        if (progress->phase != last->phase || progress->pages_done != last->pages_done ||
            progress->bytes_written != last->bytes_written)
                process->progress_usec = now_usec;
        if (progress->phase == PROGRESS_DUMP && last->phase != PROGRESS_DUMP)
                process->dump_begin_usec = process->line_usec = now_usec;
        process->last = *progress;
        process->last.where[sizeof(process->last.where) - 1] = '\0';
}

/* Takes the reports that have arrived. */
static void progress_receive(AttemptProcess *process, uint64_t now_usec)
{
        Progress progress;
        ssize_t n;

        while ((n = read(process->fd, &progress, sizeof(progress))) == sizeof(progress))
                progress_take(process, &progress, now_usec);
        process->silent = n == 0;
}

/* What a process that cannot tell any more has left on the target. */
static CaptureStatus status_so_far(const AttemptProcess *process)
{
        if (process->last.vmcore_saved > 0)
                return process->last.vmcore_saved == 1 ? CAPTURE_COMPLETE : CAPTURE_INCOMPLETE;
        return process->last.log_saved ? CAPTURE_LOG_ONLY : CAPTURE_NOTHING;
}

/* A library may call exit(3), and then its status is nobody's word. */
static bool status_is_right(const AttemptProcess *process, int status)
{
        switch (status) {
        case CAPTURE_COMPLETE:
        case CAPTURE_INCOMPLETE:
                return process->last.vmcore_saved > 0;
        case CAPTURE_LOG_ONLY:
        case CAPTURE_NOTHING:
        case CAPTURE_FULL:
        case CAPTURE_AGAIN:
                return true;
        default:
                return false;
        }
}

static CaptureStatus process_status(AttemptProcess *process, int status)
{
        if (WIFEXITED(status) && status_is_right(process, WEXITSTATUS(status)))
                return (CaptureStatus) WEXITSTATUS(status);
        process->died = true;
        if (WIFSIGNALED(status))
                log_error("%sthe attempt was killed by signal %d (%s)", process->prefix,
                          WTERMSIG(status), strsignal(WTERMSIG(status)));
        else
                log_error("%sthe attempt ended before its time, with status %d", process->prefix,
                          WEXITSTATUS(status));
        return status_so_far(process);
}

int attempt_process_look(AttemptProcess *process, uint64_t now_usec, CaptureStatus *ret)
{
        int status;

        progress_receive(process, now_usec);
        progress_line(process, now_usec);
        if (waitpid(process->pid, &status, WNOHANG) != process->pid)
                return 0;
        progress_receive(process, now_usec);
        *ret = process_status(process, status);
        return 1;
}

void attempt_process_order(AttemptProcess *process, const char *why)
{
        AttemptOrder order = { .go = why ? 0 : 1 };

        if (why)
                (void) snprintf(order.why, sizeof(order.why), "%s", why);
        process->progress_usec = now_boottime_usec();
        (void) write_full(process->order_fd, &order, sizeof(order));
}

CaptureStatus attempt_process_kill(AttemptProcess *process)
{
        int status;

        process->died = process->given_up = true;
        (void) kill(process->pid, SIGKILL);
        (void) usleep(100 * USEC_PER_MSEC);
        (void) waitpid(process->pid, &status, WNOHANG);
        progress_receive(process, now_boottime_usec());
        return status_so_far(process);
}
