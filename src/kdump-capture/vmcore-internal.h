/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of Vmcore share among themselves; nobody else includes this. */
#pragma once

#include "vmcore.h"

struct Vmcore {
        int fd;
        uint64_t file_bytes;
        size_t page_size; /* of this system, for mmap */

        unsigned machine;
        MemoryRun *runs;
        size_t n_runs;
        unsigned n_bad_segments;
        uint64_t direct_map_delta;
        uint64_t kernel_map_delta, kernel_map_start_paddr, kernel_map_end_paddr;
        bool has_kernel_map;

        uint8_t *notes;
        size_t notes_size;
        size_t vmcoreinfo_offset, vmcoreinfo_size; /* in notes; size 0: there is none */
        unsigned n_prstatus;
};

struct VmcoreView {
        const Vmcore *vmcore;

        uint8_t *map; /* the mapped window, NULL if there is none */
        uint64_t map_offset;
        size_t map_size;
        uint64_t map_end;     /* file offset behind the last window, mapped still or not */
        uint64_t ahead_bytes; /* how much the next window takes */

        uint8_t *buffer; /* the window where mapping is not possible */
        size_t buffer_size;
        uint64_t buffer_offset; /* file offset of what it holds */
        size_t buffer_filled;   /* 0: it holds nothing that can be used again */
};

/* Fills machine, runs and notes from the file. Errors as vmcore_open(). */
int vmcore_elf_load(Vmcore *vmcore, char **reterr_message);

/* Joins @n segments, some of them overlapping, to the sorted and disjoint runs of @vmcore. Where
 * two overlap, one of @preferred wins. Both arrays are sorted in place. */
int vmcore_runs_build(Vmcore *vmcore, MemoryRun *preferred, size_t n_preferred, MemoryRun *others,
                      size_t n_others);

/* Reads from the file. Returns 0; -EFAULT or -EIO. */
int vmcore_file_read(const Vmcore *vmcore, void *buf, size_t size, uint64_t offset);

int vmcore_sigbus_install(void);
