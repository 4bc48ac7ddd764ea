/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Proves of a layout, by rules of its own, all that kexec_load(2) asks for only after it has freed
 * what was armed, and all that the purgatory and the crash kernel rely on. */
#pragma once

#include "layout.h"

/* What is about to be handed to the system call: whole pages at @range. */
typedef struct LayoutCheckSegment {
        Range range;
        uint64_t buffer_bytes; /* that are copied; the rest of the range is zeroed */
} LayoutCheckSegment;

/* Shares no code with layout.c. Returns 0; -EINVAL with *reterr_message (the caller frees it): the
 * rule that does not hold, with its numbers. Does not log. */
int layout_check(const Layout *layout, const LoaderFacts *facts, const LayoutInputs *inputs,
                 char **reterr_message);

/* The same of the segments of one call, full or sparse, with its @entry. */
int layout_check_segments(const Layout *layout, const LoaderFacts *facts,
                          const LayoutCheckSegment *segments, size_t n, uint64_t entry,
                          char **reterr_message);

/* The same of a call that lists any parts of big segments beside all small ones. That what it
 * leaves out is there already is for others to prove. */
int layout_check_parts(const Layout *layout, const LoaderFacts *facts,
                       const LayoutCheckSegment *segments, size_t n, uint64_t entry,
                       char **reterr_message);
