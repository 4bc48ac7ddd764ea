/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* KdumpFile: a saved dump in kdump-compressed form, whole or cut off, also in flattened form.
 * KdumpReader: what one thread needs to read its pages. */
#pragma once

#include "kdump-file-format.h"

typedef struct KdumpFile KdumpFile;
typedef struct KdumpReader KdumpReader;

typedef struct KdumpFileInfo {
        uint32_t version, status; /* status: KDUMP_FILE_* */
        uint32_t page_size_bytes;
        uint32_t n_cpus, dump_level;
        uint64_t timestamp_usec;
        uint64_t phys_base;
        const char *release, *machine; /* of the crashed kernel; "" unknown */
        const uint8_t *utsname;        /* all of it, KDUMP_FILE_UTSNAME_BYTES */

        uint64_t end_pfn; /* one past the last page */
        uint64_t part_start_pfn,
                part_end_pfn; /* descriptors are for these: all, or this part of a split dump */
        uint64_t n_pages;     /* that have a descriptor, even if it says missing */

        uint64_t file_bytes;   /* without what flattening adds */
        uint64_t descs_offset; /* of the first descriptor, in bytes */
        uint64_t data_offset;  /* behind the last */
        bool flattened;
        bool cut_off;    /* of a flattened file: its end is not there */
        bool notes_lost; /* notes or vmcoreinfo are not where the header says */
} KdumpFileInfo;

/* Opens and parses @path: versions 3 to 6 of 64 bit little endian machines. Returns 0; -EBADMSG if
 * it is no such file or ends before its page descriptors; -EOPNOTSUPP for another version, machine
 * or form; *reterr_message (caller frees) then says why, and is NULL for other errors. Does not
 * log, nor do the others. */
int kdump_file_open(const char *path, KdumpFile **ret, char **reterr_message);

/* The same of an open file, which *ret owns when this returns 0. */
int kdump_file_open_fd(int fd, KdumpFile **ret, char **reterr_message);
KdumpFile *kdump_file_close(KdumpFile *file); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(KdumpFile *, kdump_file_close);

/* All of these live as long as @file. */
const KdumpFileInfo *kdump_file_info(const KdumpFile *file);
const uint8_t *kdump_file_notes(const KdumpFile *file, size_t *ret_size);
const char *kdump_file_vmcoreinfo_text(const KdumpFile *file, size_t *ret_size);

/* Fill the bitmap @bits of @n_pfns pages from @first_pfn, a multiple of 8, on: bit (pfn & 7) of
 * byte pfn >> 3; bits behind the last one of its last byte are 0. exists: it is memory; dumpable:
 * it has a descriptor, in this file or in that of another part of a split dump. Return 0; -ERANGE
 * behind the end; errors of read. Any number of threads may call them. */
int kdump_file_exists(const KdumpFile *file, uint64_t first_pfn, size_t n_pfns, uint8_t *bits);
int kdump_file_dumpable(const KdumpFile *file, uint64_t first_pfn, size_t n_pfns, uint8_t *bits);

/* Calls @fn for each stretch [@first_pfn, @end_pfn) of pages that are memory, in order; none
 * touches the next. Returns 0; what @fn returns if that is negative, then it was the last; errors
 * of read.
 */
int kdump_file_stretches(const KdumpFile *file,
                         int (*fn)(void *data, uint64_t first_pfn, uint64_t end_pfn), void *data);

/* @file stays the caller's and must outlive *ret. Returns 0 or -ENOMEM. */
int kdump_reader_new(const KdumpFile *file, KdumpReader **ret);
KdumpReader *kdump_reader_free(KdumpReader *reader); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(KdumpReader *, kdump_reader_free);

/* Shows page @pfn; *ret is valid until the next call. Returns 0; -ERANGE if that is no memory,
 * -ENODATA if it was left out, -ENXIO if it is missing or in another part, -EBADMSG if its
 * descriptor or data make no sense, -EOPNOTSUPP if the codec is unknown; errors of read. */
int kdump_reader_page(KdumpReader *reader, uint64_t pfn, const uint8_t **ret);

/* Reads @size bytes at physical address @paddr (bytes) into @buf. Errors as kdump_reader_page(). */
int kdump_reader_read(KdumpReader *reader, uint64_t paddr, void *buf, size_t size);

/* The descriptors of the pages number @rank and following, of all that have one. What is behind the
 * end of the file is all 0. Returns 0; -ERANGE if there are not so many; errors of read. */
int kdump_reader_descs(KdumpReader *reader, uint64_t rank, KdumpFileDesc *descs, size_t n_descs);

/* The page that @desc points to, as kdump_reader_page(). */
int kdump_reader_decode(KdumpReader *reader, const KdumpFileDesc *desc, const uint8_t **ret);
