/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns how progress is sent over the pipe, and how it reads in words. */
#include "progress.h"

#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "io.h"

#define MOVED_INTERVAL_USEC (500 * USEC_PER_MSEC)

_Static_assert(sizeof(Progress) <= PIPE_BUF, "a message must arrive whole");

/* write(2), without the SIGPIPE that it raises when nobody reads. */
static void write_quietly(int fd, const void *data, size_t size)
{
        const struct timespec now = {};
        sigset_t sigpipe, pending, before;
        bool was_pending;

        (void) sigemptyset(&sigpipe);
        (void) sigaddset(&sigpipe, SIGPIPE);
        (void) sigpending(&pending);
        was_pending = sigismember(&pending, SIGPIPE) > 0;
        if (pthread_sigmask(SIG_BLOCK, &sigpipe, &before) != 0)
                return;
        if (write(fd, data, size) < 0 && errno == EPIPE && !was_pending)
                (void) sigtimedwait(&sigpipe, NULL, &now);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void progress_report(ProgressPipe *pipe, ProgressPhase phase, uint64_t pages_done,
                     uint64_t pages_total, uint64_t bytes_written)
{
        int saved = errno;

        pipe->last.phase = (uint32_t) phase;
        pipe->last.pages_done = pages_done;
        pipe->last.pages_total = pages_total;
        pipe->last.bytes_written = bytes_written;
        if (pipe->fd >= 0)
                write_quietly(pipe->fd, &pipe->last, sizeof(pipe->last));
        errno = saved;
}

void progress_moved(ProgressPipe *pipe)
{
        const Progress moved = { .phase = PROGRESS_MOVED };
        uint64_t now_usec = now_boottime_usec(), last_usec = atomic_load(&pipe->moved_usec);
        int saved = errno;

        if (pipe->fd < 0 || now_usec - last_usec < MOVED_INTERVAL_USEC)
                return;
        if (atomic_compare_exchange_strong(&pipe->moved_usec, &last_usec, now_usec))
                write_quietly(pipe->fd, &moved, sizeof(moved));
        errno = saved;
}

static int format_time_left(uint64_t usec, char **ret)
{
        uint64_t sec = DIV_ROUND_UP(usec, USEC_PER_SEC);

        if (sec < 120)
                return strprintf(ret, "%llu s left", (unsigned long long) sec);
        return strprintf(ret, "%llu min %llu s left", (unsigned long long) (sec / 60),
                         (unsigned long long) (sec % 60));
}

int progress_format(const Progress *progress, uint64_t page_size_bytes, uint64_t elapsed_usec,
                    char **ret)
{
        const double mib = 1024 * 1024;
        double done_bytes = (double) progress->pages_done * (double) page_size_bytes;
        double total_bytes = (double) progress->pages_total * (double) page_size_bytes;
        double elapsed_sec = (double) elapsed_usec / (double) USEC_PER_SEC;
        _cleanup_free_ char *left = NULL;
        double rate;
        int r;

        /* Another program that dumps does not tell how far it is. */
        if (progress->pages_total == 0)
                return strprintf(ret, "%.0f MiB written", (double) progress->bytes_written / mib);
        if (progress->pages_done == 0 || elapsed_usec == 0)
                return strprintf(ret, "%.0f %%, %.0f of %.0f MiB", 100 * done_bytes / total_bytes,
                                 done_bytes / mib, total_bytes / mib);

        rate = done_bytes / elapsed_sec;
        r = format_time_left(
                (uint64_t) (MAX(total_bytes - done_bytes, 0.0) / rate * (double) USEC_PER_SEC),
                &left);
        if (r < 0)
                return r;
        return strprintf(ret, "%u %%, %.0f of %.0f MiB, %.1f MiB/s, %s",
                         (unsigned) (100 * done_bytes / total_bytes), done_bytes / mib,
                         total_bytes / mib, rate / mib, left);
}
