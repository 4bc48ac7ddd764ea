/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of KdumpFile share. */
#pragma once

#include "kdump-file-flat.h"
#include "kdump-file.h"

/* Of one bitmap at most so many pieces are counted, each of at least KDUMP_FILE_PIECE_PFNS pages.
 */
#define KDUMP_FILE_PIECES_MAX ((size_t) 1 << 20)
#define KDUMP_FILE_PIECE_PFNS UINT64_C(4096)

/* 52 bit of physical addresses, in pages of 4 KiB. */
#define KDUMP_FILE_PFNS_MAX (UINT64_C(1) << 40)

struct KdumpFile {
        int fd;
        KdumpFlat *flat; /* NULL: it is not flattened */
        KdumpFileInfo info;
        uint8_t utsname[KDUMP_FILE_UTSNAME_BYTES];
        char release[KDUMP_FILE_UTSNAME_FIELD_BYTES + 1];
        char machine[KDUMP_FILE_UTSNAME_FIELD_BYTES + 1];
        uint64_t exists_offset, dumpable_offset; /* of the bitmaps, in bytes */

        /* How many bits of the second bitmap are set before each piece of it. */
        uint64_t *ranks;
        uint64_t piece_pfns; /* a power of two */
        uint64_t part_start_rank;

        uint8_t *notes;
        size_t notes_size;
        char *vmcoreinfo; /* with a NUL behind it */
        size_t vmcoreinfo_size;
};

/* Reads @size bytes of the dump at @offset_bytes; what is behind its end, or was never written,
 * is 0. */
int kdump_file_pread(const KdumpFile *file, uint64_t offset_bytes, void *buf, size_t size);

/* Counts the second bitmap: fills in ranks, piece_pfns, part_start_rank, info.n_pages. */
int kdump_file_count(KdumpFile *file);
