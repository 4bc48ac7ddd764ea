/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the waiting for the daemon's answer, so that `systemctl reload` ends when the outcome is
 * known. */
#include "verb-reload.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/syscall.h>

#include "log.h"
#include "paths.h"
#include "state.h"

/* Should a notification be lost, we look anyway. */
#define LOOK_MSEC 1000

/* The counter of answered requests, 0 if there is no state yet. */
static uint64_t read_request(int root_fd)
{
        _cleanup_(state_done) State state = { 0 };

        return state_read(root_fd, &state) < 0 ? 0 : state.request;
}

/* Returns 1 if the request after @before is answered, with *ret; 0 if not yet. */
static int read_answer(int root_fd, uint64_t before, State *ret)
{
        State state = { 0 };

        if (state_read(root_fd, &state) < 0)
                return 0;
        if (state.request == before) {
                state_done(&state);
                return 0;
        }
        *ret = state;
        return 1;
}

/* The time limit is the unit's, which the daemon has extended while a base image is built. */
static int wait_for_answer(int root_fd, int inotify_fd, int pid_fd, uint64_t before, State *ret)
{
        struct pollfd fds[] = {
                { .fd = inotify_fd, .events = POLLIN },
                { .fd = pid_fd, .events = POLLIN },
        };

        for (;;) {
                char events[4096];

                if (read_answer(root_fd, before, ret) > 0)
                        return 0;
                if (fds[1].revents)
                        return -ESRCH;
                if (poll(fds, ELEMENTSOF(fds), LOOK_MSEC) < 0 && errno != EINTR)
                        return -errno;
                if (fds[0].revents && read(inotify_fd, events, sizeof(events)) < 0 &&
                    errno != EAGAIN)
                        return -errno;
        }
}

static int reload(pid_t pid, State *ret)
{
        _cleanup_close_ int root_fd = -EBADF, inotify_fd = -EBADF, pid_fd = -EBADF;
        uint64_t before;

        root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root_fd < 0)
                return -errno;
        inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (inotify_fd < 0)
                return -errno;
        if (inotify_add_watch(inotify_fd, PATH_RUN_DIR, IN_MOVED_TO) < 0)
                return -errno;
        pid_fd = (int) syscall(SYS_pidfd_open, pid, 0);
        if (pid_fd < 0)
                return -errno;

        before = read_request(root_fd);
        if (kill(pid, SIGHUP) < 0)
                return -errno;
        return wait_for_answer(root_fd, inotify_fd, pid_fd, before, ret);
}

int verb_reload(pid_t pid)
{
        _cleanup_(state_done) State state = { 0 };
        int r;

        r = reload(pid, &state);
        if (r == -ESRCH) {
                log_error("kdumpd ended before it answered; what was armed still is.");
                return 1;
        }
        if (r < 0) {
                (void) log_error_errno(r, "Failed to have the configuration read again: %m");
                return 1;
        }
        if (state.request_failed) {
                log_error("Reload failed: %s", state.reason);
                return 1;
        }
        return 0;
}
