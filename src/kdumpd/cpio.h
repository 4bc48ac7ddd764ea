/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpio archives in the "newc" form that the kernel unpacks:
 * Documentation/driver-api/early-userspace/ buffer-format.rst. None of these log. */
#pragma once

#include "macro.h"

/* All times are 0 and all owners root, so that equal input gives equal bytes. */
typedef struct CpioWriter {
        uint8_t *data;
        size_t size, allocated;
        uint32_t last_ino;
} CpioWriter;

void cpio_writer_done(CpioWriter *writer);

/* Appends one file or, with S_IFDIR in @mode and no data, a folder. @path may begin with '/'. */
int cpio_add(CpioWriter *writer, const char *path, uint32_t mode, const void *data, size_t size);

/* Ends the archive, padded with zeros to a multiple of 512 bytes. */
int cpio_add_trailer(CpioWriter *writer);

typedef struct CpioEntry {
        char name[4096]; /* without "/" or "./" at its start */
        uint32_t mode;
        uint32_t size_bytes;
} CpioEntry;

/* @read gives exactly @size bytes (or skips them, if @buf is NULL) and returns 0, or a negative
 * errno. */
typedef struct CpioReader {
        int (*read)(void *userdata, void *buf, size_t size);
        void *userdata;
        uint32_t left_bytes; /* of the current entry's data, with the padding behind it */
        uint32_t data_bytes; /* of these, data */
} CpioReader;

/* Returns 1 with *ret; 0 behind the trailer; -EBADMSG if this is no archive; what @read returns. */
int cpio_next(CpioReader *reader, CpioEntry *ret);

/* The next bytes of the current entry's data, at most @size. Returns how many; 0 at its end. */
int cpio_read_some(CpioReader *reader, void *buf, size_t size);

/* The data of the current entry, with a NUL behind it, once. -EFBIG if it is more than @max_bytes.
 */
int cpio_read_data(CpioReader *reader, uint32_t max_bytes, char **ret_data, size_t *ret_size);

/* An archive in memory, for a CpioReader whose userdata this is. -EBADMSG at an early end. */
typedef struct CpioMemory {
        const uint8_t *data;
        size_t left_bytes;
} CpioMemory;

int cpio_memory_read(void *userdata, void *buf, size_t size);
