/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RawStore: a dump on a bare device, as a crash kernel has left it there, and its way to a folder.
 *
 * The device begins with two headers, of which the one with the higher sequence number counts, so
 * that there is always one that was written whole. Files lie one after the other behind them, from
 * a block's start on; the header says where, in the end of its commit. All numbers are little
 * endian. The sums tell a device that has lost writes; against somebody who writes to it there is
 * no help. */
#pragma once

#include "macro.h"

#define RAW_BLOCK_BYTES 4096
#define RAW_N_HEADERS 2
#define RAW_DATA_OFFSET_BYTES ((uint64_t) RAW_N_HEADERS * RAW_BLOCK_BYTES)
#define RAW_MAGIC "kdumpd raw dump"
#define RAW_VERSION 1
#define RAW_NAME_BYTES 64
#define RAW_PARTS_MAX 32

/* A file. */
typedef struct RawPart {
        char name[RAW_NAME_BYTES]; /* with its NUL */
        uint64_t offset_bytes, size_bytes;
        uint32_t crc; /* crc32() of zlib */
        uint32_t unused;
} RawPart;

typedef struct RawHeader {
        char magic[16];
        uint32_t version;
        uint32_t n_parts;
        uint64_t sequence;
        char folder[RAW_NAME_BYTES]; /* empty: there is no dump */
        RawPart parts[RAW_PARTS_MAX];
        uint8_t unused[RAW_BLOCK_BYTES - 100 - RAW_PARTS_MAX * sizeof(RawPart)];
        uint32_t crc; /* of all before it */
} RawHeader;

/* The same as numbers of this machine, checked. */
typedef struct RawStore {
        uint64_t sequence;
        uint64_t device_bytes;
        char folder[RAW_NAME_BYTES];
        size_t n_parts;
        RawPart parts[RAW_PARTS_MAX];
} RawStore;

/* Reads the headers of the device (or file) @fd. Returns 1: there is a dump; 0: there is none, but
 * the device was used for dumps before; -ENODATA: it was not; -EBADMSG: its header is right, but
 * makes no sense; -EOPNOTSUPP: it is of another version. None of these log. */
int raw_store_read(int fd, RawStore *ret);

/* Begins a dump on @fd, in the place of any that was there: one without files so far. -EINVAL:
 * @folder cannot be its name. -ENOSPC: the device is too small for anything. */
int raw_store_begin(int fd, const char *folder, RawStore *ret);

/* Adds a file, in the place of one of this name; raw_store_write() makes it so on the device.
 * -EINVAL: its name; -E2BIG: there are too many. */
int raw_store_add(RawStore *store, const char *name, uint64_t offset_bytes, uint64_t size_bytes,
                  uint32_t crc);

/* Writes the header for @store, whose sequence number grows by one. Returns when it is safe. */
int raw_store_write(int fd, RawStore *store);

/* Says on the device that there is no dump any more. */
int raw_store_clear(int fd, RawStore *store);

/* Copies all files to a new folder in @dir_fd, whose name, that on the device or one with a number
 * behind it, is *ret_name (the caller frees it). It appears when all is there and safe. Sectors that
 * cannot be read are zero. What its sum does not fit gets "-damaged" behind its name;
 * *ret_n_damaged is how many. Returns 0; -ENOSPC, also if it is clear beforehand; errors of reading
 * and writing. */
int raw_store_copy(int fd, const RawStore *store, int dir_fd, char **ret_name,
                   size_t *ret_n_damaged);

/* All bytes of the files. */
uint64_t raw_store_bytes(const RawStore *store);

/* Can @name be that of a file or of the folder? */
bool raw_name_is_valid(const char *name);
