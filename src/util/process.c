/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns fork, exec and waiting with a time limit. */
#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "io.h"

#define SYSTEM_PATH "PATH=/usr/sbin:/usr/bin:/sbin:/bin"

/* Tells the parent @error, if it still listens, and ends. */
static void child_fail(int error_fd, int error)
{
        (void) write_full(error_fd, &error, sizeof(error));
        _exit(127);
}

void process_oom_default(void)
{
        _cleanup_close_ int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

        if (fd >= 0)
                (void) write_full(fd, "0", 1);
}

/* Our environment with another PATH; the strings are not copies. Made before the fork, as a child
 * of a process with threads may not allocate. */
static int system_environment(const char ***ret)
{
        size_t n = 0, to = 0;
        const char **list;

        while (environ && environ[n])
                n++;
        list = calloc(n + 2, sizeof(*list));
        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (!startswith(environ[i], "PATH="))
                        list[to++] = environ[i];
        list[to] = SYSTEM_PATH;
        *ret = list;
        return 0;
}

/* @environment: NULL for ours. @output_fd: for standard output; negative: as it is. */
static void child_exec(char *const *argv, ProcessFlags flags, const char **environment,
                       pid_t parent, int error_fd, int output_fd)
{
        sigset_t none;
        int null_fd;

        if (flags & PROCESS_GROUP)
                (void) setpgid(0, 0);
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* It may have died before the line above. */
        if (getppid() != parent)
                _exit(127);
        sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        (void) signal(SIGPIPE, SIG_DFL);
        process_oom_default();
        /* Both must be out of the way of the three standard fds, which may be closed in the parent.
         */
        error_fd = fcntl(error_fd, F_DUPFD_CLOEXEC, 3);
        if (output_fd >= 0)
                output_fd = fcntl(output_fd, F_DUPFD_CLOEXEC, 3);
        null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null_fd >= 0 && null_fd < 3)
                null_fd = fcntl(null_fd, F_DUPFD_CLOEXEC, 3);
        if (null_fd >= 0) {
                (void) dup2(null_fd, STDIN_FILENO);
                if (flags & PROCESS_QUIET) {
                        (void) dup2(null_fd, STDOUT_FILENO);
                        (void) dup2(null_fd, STDERR_FILENO);
                }
        }
        if (output_fd >= 0)
                (void) dup2(output_fd, STDOUT_FILENO);
        /* execvp() looks for the program in the PATH that is there by now. */
        if (environment)
                environ = (char **) environment;
        execvp(argv[0], argv);
        child_fail(error_fd, errno);
}

static int start(char *const *argv, ProcessFlags flags, int output_fd, pid_t *ret_pid)
{
        _cleanup_close_ int read_fd = -EBADF, write_fd = -EBADF;
        _cleanup_free_ const char **environment = NULL;
        pid_t pid, parent = getpid();
        int fds[2], error, r;

        if (flags & PROCESS_SYSTEM_PATH) {
                r = system_environment(&environment);
                if (r < 0)
                        return r;
        }
        /* The pipe closes on a successful exec, and carries errno of a failed one. */
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        read_fd = fds[0];
        write_fd = fds[1];

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                child_exec(argv, flags, environment, parent, write_fd, output_fd);

        write_fd = close_fd(write_fd);
        if (read_full(read_fd, &error, sizeof(error)) == 0) {
                (void) waitpid(pid, NULL, 0);
                return -error;
        }
        *ret_pid = pid;
        return 0;
}

int process_start(char *const *argv, ProcessFlags flags, pid_t *ret_pid)
{
        return start(argv, flags, -EBADF, ret_pid);
}

static int status_decode(int status)
{
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Milliseconds for poll(2), rounded up, -1 for ever. */
static int poll_timeout(uint64_t timeout_usec)
{
        if (timeout_usec == USEC_INFINITY)
                return -1;
        return (int) MIN(DIV_ROUND_UP(timeout_usec, USEC_PER_MSEC), (uint64_t) INT32_MAX);
}

int process_wait(pid_t pid, uint64_t timeout_usec, int *ret_status)
{
        _cleanup_close_ int pid_fd = (int) syscall(SYS_pidfd_open, pid, 0);
        struct pollfd poll_fd = { .fd = pid_fd, .events = POLLIN };
        uint64_t deadline_usec;
        int status, n;

        if (pid_fd < 0)
                return -errno;
        if (__builtin_add_overflow(now_boottime_usec(), timeout_usec, &deadline_usec))
                deadline_usec = USEC_INFINITY;
        for (;;) {
                uint64_t now = now_boottime_usec();
                uint64_t left = deadline_usec == USEC_INFINITY ? USEC_INFINITY
                                : deadline_usec > now          ? deadline_usec - now
                                                               : 0;

                n = poll(&poll_fd, 1, poll_timeout(left));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n == 0 && left > (uint64_t) INT32_MAX * USEC_PER_MSEC)
                        continue;
                if (n < 0)
                        return -errno;
                break;
        }
        if (n == 0) {
                /* Only as the leader of a group has it the group's number. */
                if (kill(-pid, SIGKILL) < 0)
                        (void) kill(pid, SIGKILL);
                /* A process in D state stays: it is left behind rather than waited for. */
                (void) poll(&poll_fd, 1, 100);
                (void) waitpid(pid, NULL, WNOHANG);
                return -ETIMEDOUT;
        }
        if (waitpid(pid, &status, 0) < 0)
                return -errno;
        *ret_status = status_decode(status);
        return 0;
}

int process_run(char *const *argv, ProcessFlags flags, uint64_t timeout_usec, int *ret_status)
{
        pid_t pid;
        int r;

        r = process_start(argv, flags, &pid);
        if (r < 0)
                return r;
        return process_wait(pid, timeout_usec, ret_status);
}

int process_run_output(char *const *argv, ProcessFlags flags, uint64_t timeout_usec,
                       size_t max_bytes, char **ret_output, int *ret_status)
{
        _cleanup_close_ int fd = memfd_create("output", MFD_CLOEXEC);
        size_t size;
        pid_t pid;
        int r;

        if (fd < 0)
                return -errno;
        r = start(argv, flags, fd, &pid);
        if (r >= 0)
                r = process_wait(pid, timeout_usec, ret_status);
        if (r < 0)
                return r;
        if (lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        return fd_read(fd, max_bytes, ret_output, &size);
}
