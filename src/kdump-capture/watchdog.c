/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns /dev/watchdog and the notifications to PID 1. */
#include "watchdog.h"

#include <fcntl.h>
#include <linux/watchdog.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "io.h"
#include "log.h"

#define PET_INTERVAL_USEC (2 * USEC_PER_SEC)

/* Long enough for a slow machine to get through a stall of its disk, short enough that nobody walks
 * to it. */
#define HARDWARE_TIMEOUT_SEC 60

static void watchdog_try_open(Watchdog *watchdog)
{
        struct watchdog_info info = {};
        int timeout = HARDWARE_TIMEOUT_SEC;
        int fd = open("/dev/watchdog", O_WRONLY | O_CLOEXEC | O_NOCTTY);

        if (fd < 0)
                return;
        (void) ioctl(fd, WDIOC_GETSUPPORT, &info);
        if (ioctl(fd, WDIOC_SETTIMEOUT, &timeout) < 0)
                (void) ioctl(fd, WDIOC_GETTIMEOUT, &timeout);
        log_info("hardware watchdog '%.32s' armed, %d s", (const char *) info.identity, timeout);
        watchdog->fd = fd;
}

/* The protocol of sd_notify(3): one datagram to the socket that NOTIFY_SOCKET names. */
static void notify_pid1(const char *message)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const char *path = getenv("NOTIFY_SOCKET");
        _cleanup_close_ int fd = -EBADF;
        size_t n;

        if (!path || (n = strlen(path)) >= sizeof(address.sun_path))
                return;
        memcpy(address.sun_path, path, n);
        if (path[0] == '@')
                address.sun_path[0] = '\0';
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return;
        (void) sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *) &address,
                      (socklen_t) (offsetof(struct sockaddr_un, sun_path) + n));
}

void watchdog_pet(Watchdog *watchdog)
{
        uint64_t now_usec = now_boottime_usec();

        if (watchdog->last_pet_usec && now_usec - watchdog->last_pet_usec < PET_INTERVAL_USEC)
                return;
        watchdog->last_pet_usec = now_usec;
        if (watchdog->fd < 0)
                watchdog_try_open(watchdog);
        if (watchdog->fd >= 0)
                (void) ioctl(watchdog->fd, WDIOC_KEEPALIVE, NULL);
        notify_pid1("WATCHDOG=1");
}

void watchdog_disarm(Watchdog *watchdog)
{
        if (watchdog->fd < 0)
                return;
        /* "Magic close", Documentation/watchdog/watchdog-api.rst */
        if (write(watchdog->fd, "V", 1) != 1)
                (void) log_warning_errno(errno, "cannot stop the hardware watchdog, ignoring: %m");
        watchdog->fd = close_fd(watchdog->fd);
}
