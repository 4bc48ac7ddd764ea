/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Repair: a dump that was cut off becomes one that readers open, in place. */
#pragma once

#include "macro.h"

typedef struct RepairResult {
        uint64_t n_pages;     /* that the dump was to hold */
        uint64_t n_readable;  /* of them */
        uint64_t n_missing;   /* the others */
        uint64_t n_withdrawn; /* of those missing: pointed to what is not their data until now */
        bool incomplete;      /* the dump says so of itself now */
} RepairResult;

/* Withdraws the descriptors of pages that cannot be read, and marks the dump @path as incomplete as
 * long as any page is missing, and as complete if none is. No write takes away what could be read
 * before, whenever it is stopped. Returns 0; -EBADMSG if it is no dump or ends before its first
 * page, -EOPNOTSUPP if it is of a form that is not repaired, -EBUSY if a capture or another repair
 * is at it; then *reterr_message (caller frees) says why. It is NULL for errors of open, read and
 * write. Does not log. */
int repair_file(const char *path, RepairResult *ret, char **reterr_message);
