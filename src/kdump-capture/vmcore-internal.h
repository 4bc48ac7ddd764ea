/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of Vmcore share among themselves; nobody else includes this. */
#pragma once

#include "vmcore.h"

typedef struct VmcoreReaders VmcoreReaders;

struct Vmcore {
        KdumpFile *saved;       /* NULL: an ELF core, and @fd is open */
        VmcoreReaders *readers; /* of @saved */

        int fd;
        uint64_t file_bytes;
        size_t page_size; /* of this system, for mmap; of @saved if that is smaller */

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
        uint64_t buffer_offset; /* file offset of what it holds; of a saved dump its address */
        size_t buffer_filled;   /* 0: it holds nothing that can be used again */

        KdumpReader *reader; /* of a saved dump */
};

/* Fills machine, runs and notes from the file. Errors as vmcore_open(). */
int vmcore_elf_load(Vmcore *vmcore, char **reterr_message);

/* Counts the notes of CPUs and finds VMCOREINFO among the notes that are there. */
void vmcore_notes_scan(Vmcore *vmcore);

/* Is @fd a file that vmcore_kdump_load() is for? Returns 1, 0, or errors of read. */
int vmcore_kdump_is(int fd);

/* Takes over vmcore->fd, and fills machine, runs and notes. Errors as vmcore_open(). */
int vmcore_kdump_load(Vmcore *vmcore, char **reterr_message);
void vmcore_kdump_done(Vmcore *vmcore);

/* As vmcore_read() and vmcore_view_show(). */
int vmcore_kdump_read(const Vmcore *vmcore, uint64_t paddr, void *buf, size_t size);
int vmcore_kdump_show(VmcoreView *view, uint64_t paddr, size_t size, const uint8_t **ret);

/* Makes room for @size bytes in the buffer of @view. Returns 0 or -ENOMEM. */
int vmcore_view_reserve(VmcoreView *view, size_t size);

/* Are @size bytes at @offset in what the buffer holds? */
bool vmcore_view_is_buffered(const VmcoreView *view, uint64_t offset, size_t size);

/* Joins @n segments, some of them overlapping, to the sorted and disjoint runs of @vmcore. Where
 * two overlap, one of @preferred wins. Both arrays are sorted in place. */
int vmcore_runs_build(Vmcore *vmcore, MemoryRun *preferred, size_t n_preferred, MemoryRun *others,
                      size_t n_others);

/* Reads from the file. Returns 0; -EFAULT or -EIO. */
int vmcore_file_read(const Vmcore *vmcore, void *buf, size_t size, uint64_t offset);

int vmcore_sigbus_install(void);
