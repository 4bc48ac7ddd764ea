/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the pipe between a collector and us. */
#include "collector-pipe.h"

#include <fcntl.h>
#include <poll.h>

#include "io.h"
#include "process.h"

#define POLL_INTERVAL_MSEC 1000

/* process_start() lets the program have our standard output: for that moment it is the pipe. */
static int start_with_output(char *const *argv, int output_fd, pid_t *ret_pid)
{
        _cleanup_close_ int saved_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        int r;

        if (dup2(output_fd, STDOUT_FILENO) < 0)
                return -errno;
        r = process_start(argv, PROCESS_GROUP, ret_pid);
        if (saved_fd >= 0)
                (void) dup2(saved_fd, STDOUT_FILENO);
        else
                (void) close(STDOUT_FILENO);
        return r;
}

int collector_pipe_start(char *const *argv, int *ret_fd, pid_t *ret_pid)
{
        _cleanup_close_ int read_fd = -EBADF, write_fd = -EBADF;
        int fds[2], r;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        read_fd = fds[0];
        write_fd = fds[1];
        r = start_with_output(argv, write_fd, ret_pid);
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(read_fd);
        return 0;
}

int collector_pipe_read(int fd, uint64_t deadline_usec, void *buffer, size_t size, size_t *ret_size)
{
        uint8_t *bytes = buffer;
        size_t used = 0;

        while (used < size) {
                struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
                ssize_t n;

                if (deadline_passed(deadline_usec))
                        return -ETIME;
                if (poll(&poll_fd, 1, POLL_INTERVAL_MSEC) <= 0)
                        continue;
                n = read(fd, bytes + used, size - used);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                used += (size_t) n;
        }
        *ret_size = used;
        return 0;
}
