/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SegmentLoader: the loader over kexec_load(2). Where that is no way, it loads with
 * kexec_file_load(2) and knows why. */
#pragma once

#include "kexec.h"

typedef struct SegmentLoader SegmentLoader;

/* @root_fd must stay open. Reads the purgatory from PATH_HELPER_DIR. Does not log. */
int segment_loader_new(int root_fd, SegmentLoader **ret);
SegmentLoader *segment_loader_free(SegmentLoader *loader); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(SegmentLoader *, segment_loader_free);

/* Valid as long as @loader. */
const KexecLoader *segment_loader_ops(SegmentLoader *loader);
