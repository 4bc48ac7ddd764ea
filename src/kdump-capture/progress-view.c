/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns how often progress is shown, and on what kind of line. */
#include "progress-view.h"

#include "io.h"

#define TTY_INTERVAL_USEC (200 * USEC_PER_MSEC)
#define LINE_INTERVAL_USEC (5 * USEC_PER_SEC)

void progress_view_show(void *data, ProgressPhase phase, uint64_t pages_done, uint64_t pages_total,
                        uint64_t bytes_written)
{
        ProgressView *view = data;
        Progress progress = { .pages_done = pages_done,
                              .pages_total = pages_total,
                              .bytes_written = bytes_written };
        uint64_t now_usec = now_boottime_usec();
        _cleanup_free_ char *text = NULL;

        if (phase != PROGRESS_DUMP ||
            now_usec - view->shown_usec < (view->tty ? TTY_INTERVAL_USEC : LINE_INTERVAL_USEC))
                return;
        view->shown_usec = now_usec;
        if (progress_format(&progress, (uint64_t) sysconf(_SC_PAGESIZE),
                            now_usec - view->start_usec, &text) < 0)
                return;
        (void) fprintf(stderr, view->tty ? "\r%s\033[K" : "%s\n", text);
}

void progress_view_start(ProgressView *view)
{
        view->tty = isatty(STDERR_FILENO);
        view->start_usec = now_boottime_usec();
        view->shown_usec = view->start_usec;
}

void progress_view_finish(const ProgressView *view)
{
        if (view->tty)
                (void) fputs("\r\033[K", stderr);
}
