/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kdump-compressed file, version 6: where each part lies, and that it never claims too early to
 * be whole. */
#pragma once

#include "dump-source.h"
#include "sink.h"

#define KDUMP_UTSNAME_BYTES 390

/* Status bit of makedumpfile's diskdump_mod.h. */
#define KDUMP_STATUS_INCOMPLETE UINT32_C(0x8)

/* page_desc: one per set bit of the second bitmap, in ascending order of pages. All 0: the page is
 * missing. */
typedef struct KdumpDesc {
        uint64_t offset_bytes; /* from the start of the file */
        uint32_t size_bytes;
        uint32_t flags; /* COMPRESS_FLAG_*; 0: raw */
        uint64_t page_flags;
} KdumpDesc;

/* What the headers say. The pointers must live until dump_kdump_begin() returns. */
typedef struct KdumpInfo {
        uint8_t utsname[KDUMP_UTSNAME_BYTES]; /* struct new_utsname of the crashed kernel */
        uint64_t timestamp_usec;
        unsigned n_cpus;
        uint64_t phys_base; /* x86_64 phys_base, arm64 PHYS_OFFSET */
        unsigned dump_level;
        uint32_t compress_flags; /* COMPRESS_FLAG_* that descriptors may carry */
        const uint8_t *notes;    /* PT_NOTE as it is; may be NULL */
        size_t notes_size;
        uint64_t vmcoreinfo_offset; /* of its text, from the start of @notes */
        uint64_t vmcoreinfo_size;   /* 0: there is none */
} KdumpInfo;

typedef struct DumpKdump DumpKdump;

/* @sink and @source stay the caller's and must outlive *ret. Returns 0; -EINVAL if a page size or
 * count does not fit the format; -ENOMEM. Does not log, nor do the others; all pass on the errors
 * of the sink. */
int dump_kdump_new(Sink *sink, const PageSource *source, const KdumpInfo *info, DumpKdump **ret);
DumpKdump *dump_kdump_free(DumpKdump *dump); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(DumpKdump *, dump_kdump_free);

/* Writes the headers, marked as incomplete, and the notes. A sink that is written once does not get
 * the first header before dump_kdump_commit(). */
int dump_kdump_begin(DumpKdump *dump);

/* After dump_kdump_begin(), by any number of threads: both bitmaps from page @first_pfn (a multiple
 * of 8) on. What is not written reads as no page. */
int dump_kdump_write_bitmaps(DumpKdump *dump, uint64_t first_pfn, size_t n_pfns,
                             const uint8_t *exists, const uint8_t *dumpable);

/* Then, with the number of pages of the second bitmap: makes room for the descriptors, which until
 * they are written say that the page is missing, writes the page of zeros, and makes all so far
 * safe. No other write may be under way. */
int dump_kdump_reserve(DumpKdump *dump, uint64_t n_pages);

/* After dump_kdump_reserve(): the number of descriptors, and the one for a page of zeros. */
uint64_t dump_kdump_n_pages(const DumpKdump *dump);
KdumpDesc dump_kdump_zero_desc(const DumpKdump *dump);

/* After dump_kdump_reserve(), by any number of threads: appends @data, which with its size is
 * aligned to SINK_DATA_ALIGN; *ret_offset_bytes is where it went. */
int dump_kdump_write_data(DumpKdump *dump, const void *data, size_t size,
                          uint64_t *ret_offset_bytes);

/* After dump_kdump_reserve(), by any number of threads: writes the descriptors of the pages number
 * @rank, @rank + 1 … among those of the second bitmap. -ERANGE: there are not so many. */
int dump_kdump_write_descs(DumpKdump *dump, uint64_t rank, const KdumpDesc *descs, size_t n_descs);

/* The size of the file so far. */
uint64_t dump_kdump_bytes(const DumpKdump *dump);

/* Makes all of it safe; then, if it is @complete, takes the incomplete mark away, and commits the
 * sink. If either fails the mark is put back, as far as that can be. */
int dump_kdump_commit(DumpKdump *dump, bool complete);
