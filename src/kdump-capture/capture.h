/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Capture: from a vmcore to files in one folder; the only place where the reading and the writing
 * side meet. */
#pragma once

#include "capture-deadline.h"
#include "plan.h"
#include "progress.h"
#include "record.h"

/* Writes the kernel log of @source to FILE_DMESG in the folder @dir_fd: incomplete name, fsync,
 * rename, fsync of the folder. @record gets panic, log_bytes, kernel_release and crash time.
 * Returns 0, or -errno: -EOPNOTSUPP if the log's format is unknown, -ENODATA if the vmcore does not
 * tell where it is. Logs. */
int capture_save_dmesg(const char *source, int dir_fd, DumpRecord *record);

/* Writes the pages of @source to FILE_VMCORE in the folder @dir_fd, by the engine's settings in
 * @collector: incomplete name, status 0x8 until all data is on disk, fsync, rename, fsync of the
 * folder.
 * @record gets the page counts, bytes, format and status. Returns 0; or the error that stopped it:
 * what was written then stays under the incomplete name. -ENOSPC: the target is full. -ETIME: the
 * deadline (NULL: none) has passed; what was saved until then, if the record has more pages than
 * are missing, can be read. Logs. */
int capture_save_vmcore(const char *source, int dir_fd, const Collector *collector,
                        const CaptureDeadline *deadline, ProgressPipe *progress,
                        DumpRecord *record);
