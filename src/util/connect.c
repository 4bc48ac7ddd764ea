/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the wait for a connection. */
#include "connect.h"

#include <limits.h>
#include <poll.h>
#include <sys/socket.h>

#include "io.h"

int connect_within(const struct addrinfo *info, uint64_t timeout_usec)
{
        const uint64_t timeout_msec = MIN(timeout_usec / USEC_PER_MSEC, (uint64_t) INT_MAX);
        _cleanup_close_ int fd = -EBADF;
        struct pollfd wait = { .events = POLLOUT };
        socklen_t size = sizeof(int);
        int error = 0, n;

        fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, info->ai_addr, info->ai_addrlen) >= 0)
                return TAKE_FD(fd);
        if (errno != EINPROGRESS)
                return -errno;
        wait.fd = fd;
        n = poll(&wait, 1, (int) timeout_msec);
        if (n <= 0)
                return n < 0 ? -errno : -ETIMEDOUT;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
                return -errno;
        return error != 0 ? -error : TAKE_FD(fd);
}
