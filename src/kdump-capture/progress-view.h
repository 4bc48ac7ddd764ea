/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ProgressView: progress as a person is shown it, on standard error. */
#pragma once

#include "progress.h"

/* One line that changes on a terminal, else a new one now and then. */
typedef struct ProgressView {
        bool tty;
        uint64_t start_usec, shown_usec;
} ProgressView;

void progress_view_start(ProgressView *view);

/* Takes the line away again. */
void progress_view_finish(const ProgressView *view);

/* The progress function of a CaptureJob; @data is the ProgressView. */
void progress_view_show(void *data, ProgressPhase phase, uint64_t pages_done, uint64_t pages_total,
                        uint64_t bytes_written);
