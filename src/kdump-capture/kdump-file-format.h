/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a kdump-compressed file looks like on disk, version 6 and before, 64 bit, little endian:
 * makedumpfile's IMPLEMENTATION and diskdump_mod.h. */
#pragma once

#include "macro.h"

#define KDUMP_FILE_SIGNATURE "KDUMP   "
#define KDUMP_FILE_SIGNATURE_OLD "DISKDUMP"
#define KDUMP_FILE_SIGNATURE_BYTES 8
#define KDUMP_FILE_UTSNAME_BYTES 390
#define KDUMP_FILE_UTSNAME_FIELD_BYTES 65

/* KdumpFileHeader.status, and the first four of them also KdumpFileDesc.flags. */
enum {
        KDUMP_FILE_ZLIB = 0x1,
        KDUMP_FILE_LZO = 0x2,
        KDUMP_FILE_SNAPPY = 0x4,
        KDUMP_FILE_ZSTD = 0x20,
        KDUMP_FILE_INCOMPLETE = 0x8,
        KDUMP_FILE_NO_VMEMMAP = 0x10,
        KDUMP_FILE_KNOWN_STATUS = 0x3f,
};

typedef struct KdumpFileHeader {
        char signature[KDUMP_FILE_SIGNATURE_BYTES];
        uint32_t version;
        char utsname[KDUMP_FILE_UTSNAME_BYTES];
        uint8_t pad[6];
        uint64_t timestamp_sec, timestamp_usec;
        uint32_t status;
        uint32_t block_bytes;
        uint32_t n_sub_header_blocks;
        uint32_t n_bitmap_blocks; /* of both */
        uint32_t max_mapnr;       /* until version 5 */
        uint32_t total_ram_blocks, device_blocks, written_blocks, current_cpu;
        uint32_t n_cpus;
} KdumpFileHeader;

/* One block behind the start. Fields appeared over time: the version that has them first. */
typedef struct KdumpFileSubHeader {
        uint64_t phys_base;
        uint32_t dump_level;                                     /* 1 */
        uint32_t split;                                          /* 2 */
        uint64_t start_pfn, end_pfn;                             /* 2 */
        uint64_t vmcoreinfo_offset_bytes, vmcoreinfo_size_bytes; /* 3 */
        uint64_t notes_offset_bytes, notes_size_bytes;           /* 4 */
        uint64_t erase_info_offset_bytes, erase_info_size_bytes; /* 5 */
        uint64_t start_pfn_64, end_pfn_64, max_mapnr_64;         /* 6 */
} KdumpFileSubHeader;

/* One for each set bit of the second bitmap. offset_bytes 0: the page is missing. */
typedef struct KdumpFileDesc {
        uint64_t offset_bytes; /* from the start of the file */
        uint32_t size_bytes;
        uint32_t flags; /* 0: as it is */
        uint64_t page_flags;
} KdumpFileDesc;

_Static_assert(sizeof(KdumpFileHeader) == 464, "disk_dump_header");
_Static_assert(offsetof(KdumpFileHeader, status) == 424, "disk_dump_header.status");
_Static_assert(sizeof(KdumpFileSubHeader) == 104, "kdump_sub_header");
_Static_assert(sizeof(KdumpFileDesc) == 24, "page_desc");
