/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the waiting for the daemon's answer, so that `systemctl reload` ends when the outcome is
 * known. */
#include "verb-reload.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/syscall.h>

#include "io.h"
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

/* The name of an event of file_write_atomic() for the state file: its end, or its failure. Whatever
 * else goes away is of no concern. */
static void take_event(const struct inotify_event *event, bool *lost)
{
        static const char name[] = "state.json";

        if (event->len == 0 || !startswith(event->name, name))
                return;
        if (event->mask & IN_DELETE)
                *lost = true;
        else if (streq(event->name, name))
                *lost = false;
}

/* *lost: the state file could not be written. */
static int take_events(int inotify_fd, bool *lost)
{
        union {
                struct inotify_event event; /* for its alignment */
                uint8_t bytes[4096];
        } buffer;
        const struct inotify_event *event;
        ssize_t n, size;

        n = read(inotify_fd, &buffer, sizeof(buffer));
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        for (ssize_t at = 0; n - at >= (ssize_t) sizeof(*event); at += size) {
                event = (const struct inotify_event *) (const void *) (buffer.bytes + at);
                size = (ssize_t) (sizeof(*event) + event->len);
                if (size > n - at)
                        break;
                take_event(event, lost);
        }
        return 0;
}

/* The time limit is the unit's, which the daemon has extended while a base image is built. Returns
 * -ENODATA if the daemon cannot say what came of it. */
static int wait_for_answer(int root_fd, int inotify_fd, int pid_fd, uint64_t before, State *ret)
{
        struct pollfd fds[] = {
                { .fd = inotify_fd, .events = POLLIN },
                { .fd = pid_fd, .events = POLLIN },
        };

        bool lost = false;
        int n, r;

        for (;;) {
                if (read_answer(root_fd, before, ret) > 0)
                        return 0;
                if (fds[1].revents)
                        return -ESRCH;
                n = poll(fds, ELEMENTSOF(fds), LOOK_MSEC);
                if (n < 0 && errno != EINTR)
                        return -errno;
                /* What is written at a second try has come by now. */
                if (n == 0 && lost)
                        return -ENODATA;
                r = n > 0 && fds[0].revents ? take_events(inotify_fd, &lost) : 0;
                if (r < 0)
                        return r;
        }
}

static int reload(const char *root, pid_t pid, State *ret)
{
        _cleanup_close_ int root_fd = -EBADF, inotify_fd = -EBADF, pid_fd = -EBADF;
        _cleanup_free_ char *folder = NULL;
        uint64_t before;

        if (strprintf(&folder, "%s" PATH_RUN_DIR, root) < 0)
                return -ENOMEM;
        root_fd = open(*root ? root : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root_fd < 0)
                return -errno;
        inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (inotify_fd < 0)
                return -errno;
        if (inotify_add_watch(inotify_fd, folder, IN_MOVED_TO | IN_DELETE) < 0)
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
        return verb_reload_below("", pid);
}

int verb_reload_below(const char *root, pid_t pid)
{
        _cleanup_(state_done) State state = { 0 };
        int r;

        r = reload(root, pid, &state);
        if (r == -ESRCH) {
                log_error("kdumpd ended before it answered; what was armed still is.");
                return 1;
        }
        if (r == -ENODATA) {
                log_error("kdumpd reads its configuration again, but cannot say what comes of it: "
                          "'%s' cannot be written, as if '/run' was full. 'journalctl -u "
                          "kdump.service' shows the outcome.",
                          PATH_STATE_JSON);
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
