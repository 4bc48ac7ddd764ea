/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ELF core: pages as they are, a segment for each stretch of them. */
#pragma once

#include "dump-source.h"
#include "pipeline.h"
#include "sink.h"

/* What the headers say. @notes must live until dump_elf_run() returns. */
typedef struct ElfInfo {
        uint16_t machine; /* EM_* */
        const uint8_t *notes;
        size_t notes_size;
        uint64_t direct_map_delta; /* p_vaddr - p_paddr of all memory; 0: p_vaddr is 0 */

        /* The kernel's image, which gets segments of its own; start and end the same: none. */
        uint64_t kernel_map_start_paddr, kernel_map_end_paddr, kernel_map_delta;
} ElfInfo;

typedef struct DumpElf {
        Sink *sink; /* of any kind but those that are only written once and yet not in order */
        const PageSource *source;
        const ElfInfo *info;

        /* Called now and then; may be NULL. In the first pass @total is 0 and counts->n_pages what
         * was looked at. */
        void (*progress)(void *data, const PipelineCounts *counts, uint64_t total);
        void *progress_data;

        /* Does the source lack pages that it does not tell of? Asked when it has been looked
         * through, and at the end; NULL: no. */
        bool (*incomplete)(void *data);
        void *incomplete_data;

        uint64_t deadline_usec; /* as in Pipeline */
} DumpElf;

typedef struct DumpElfResult {
        PipelineCounts counts;   /* the pages that are in the file, or are missing */
        uint64_t n_pages;        /* to be written */
        uint64_t gap_pages;      /* fewer pages in a row that were left out read as zero */
        uint64_t n_lost_as_zero; /* missing pages that are in a segment all the same */
        uint64_t file_bytes;
} DumpElfResult;

/* Writes all of it and makes it safe, marked as incomplete: bit 0 of e_flags. Pages that are not to
 * be written are in no segment, but for small gaps where there would be too many of them;
 * unreadable ones are in none. Pages that can be read at first and not any more when they are
 * copied are taken out again, where they lie in not too many places, and not by a sink that is in
 * order: ret->n_lost_as_zero.
 *
 * The ELF header comes last, so that the file does not claim too early to be a core. After an error
 * the segments are cut to what was written before, and the error is returned all the same; if that
 * cannot be done either, it is not sure to be a core: all of ret->counts are missing. A sink that
 * is in order gets the header first, with the mark only if pages are known to be missing by then.
 *
 * Returns 0, also when pages are missing; the error of the sink; -ETIME at the deadline, which is
 * an error as any other: nothing is written if it comes in the first pass; -ENOMEM; -EFBIG if it is
 * more than a file can hold; -EINVAL as dump_segments_find(). *ret is set in any case. Does not
 * log. */
int dump_elf_run(const DumpElf *dump, DumpElfResult *ret);

/* After a dump_elf_run() that returned 0 and *@result: takes the mark away if no page is missing
 * and the source lacks none, and commits the sink. If either fails the mark is put back, as far as
 * that can be. Returns 0 or the error of the sink. Does not log. */
int dump_elf_commit(const DumpElf *dump, const DumpElfResult *result);
