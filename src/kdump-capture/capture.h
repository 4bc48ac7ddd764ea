/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Capture: from a vmcore to files in one folder; the only place where the reading and the writing
 * side meet. */
#pragma once

#include "capture-deadline.h"
#include "depot.h"
#include "plan.h"
#include "progress.h"
#include "record.h"

/* Writes the kernel log of @source to FILE_DMESG in the folder of @depot: under an incomplete name
 * until it is safe. @record gets panic, log_bytes, kernel_release and crash time.
 * Returns 0, or -errno: -EOPNOTSUPP if the log's format is unknown, -ENODATA if the vmcore does not
 * tell where it is. Logs. */
int capture_save_dmesg(const char *source, Depot *depot, DumpRecord *record);

/* Writes the pages of @source to FILE_VMCORE in the folder of @depot, by the engine's settings in
 * @collector: incomplete name, status 0x8 until all data is safe. Where bytes are taken in their
 * order only, it is FILE_VMCORE_FLAT, unless it is an ELF core.
 * @record gets the page counts, bytes, format and status. Returns 0; or the error that stopped it:
 * what was written then stays under the incomplete name. -ENOSPC: the target is full. -ETIME: the
 * deadline (NULL: none) has passed; what was saved until then, if the record has more pages than
 * are missing, can be read. Logs. */
int capture_save_vmcore(const char *source, Depot *depot, const Collector *collector,
                        const CaptureDeadline *deadline, ProgressPipe *progress,
                        DumpRecord *record);
