/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns /dev/watchdogN and the notifications to PID 1. */
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

void watchdog_init(Watchdog *watchdog)
{
        *watchdog = (Watchdog){ 0 };
        for (size_t i = 0; i < WATCHDOG_DEVICES_MAX; i++)
                watchdog->fds[i] = -EBADF;
}

/* Any of them may be the one that runs since before the panic, so all are taken over. */
static int device_open(size_t index)
{
        struct watchdog_info info = {};
        int timeout = HARDWARE_TIMEOUT_SEC;
        char path[32];
        int fd;

        (void) snprintf(path, sizeof(path), "/dev/watchdog%zu", index);
        fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;
        (void) ioctl(fd, WDIOC_GETSUPPORT, &info);
        if (ioctl(fd, WDIOC_SETTIMEOUT, &timeout) < 0)
                (void) ioctl(fd, WDIOC_GETTIMEOUT, &timeout);
        log_info("hardware watchdog '%.32s' armed, %d s", (const char *) info.identity, timeout);
        return fd;
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
        for (size_t i = 0; i < WATCHDOG_DEVICES_MAX; i++) {
                if (watchdog->fds[i] < 0)
                        watchdog->fds[i] = device_open(i);
                if (watchdog->fds[i] >= 0)
                        (void) ioctl(watchdog->fds[i], WDIOC_KEEPALIVE, NULL);
        }
        notify_pid1("WATCHDOG=1");
}

void watchdog_disarm(Watchdog *watchdog)
{
        for (size_t i = 0; i < WATCHDOG_DEVICES_MAX; i++) {
                if (watchdog->fds[i] < 0)
                        continue;
                /* For a device that an abandoned child holds open as well, and then the "magic
                 * close", Documentation/watchdog/watchdog-api.rst */
                (void) ioctl(watchdog->fds[i], WDIOC_SETOPTIONS, &(int){ WDIOS_DISABLECARD });
                if (write(watchdog->fds[i], "V", 1) != 1)
                        (void) log_warning_errno(
                                errno, "cannot stop hardware watchdog %zu, ignoring: %m", i);
                watchdog->fds[i] = close_fd(watchdog->fds[i]);
        }
}
