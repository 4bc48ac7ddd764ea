/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A kdump-compressed file made byte by byte, each number at the place that the format gives it. */
#pragma once

#include <lzo/lzo1x.h>
#include <snappy-c.h>
#include <sys/mman.h>
#include <zlib.h>
#include <zstd.h>

#include "kdump-file.h"
#include "test.h"

#define MADE_PAGE ((size_t) 4096)

/* One letter per page: what its data is. */
#define MADE_HOLE '.'
#define MADE_EXCLUDED 'x'
#define MADE_MISSING 'm'
#define MADE_RAW 'r'
#define MADE_ZERO '0' /* all of them share one page */
#define MADE_ZLIB 'z'
#define MADE_LZO 'l'
#define MADE_SNAPPY 's'
#define MADE_ZSTD 'd'

typedef struct Made {
        const char *kinds;
        uint8_t *data;
        size_t size, allocated;
        size_t exists, dumpable, descs, zero_page; /* offsets */
        size_t n_descs;
} Made;

static const char made_notes[] = "notes notes VMCOREINFO=1 OSRELEASE=6.1.0-made\n notes";
#define MADE_VMCOREINFO_START 12
#define MADE_VMCOREINFO_SIZE 34

static inline void made_put(Made *made, size_t offset, const void *data, size_t size)
{
        if (offset + size > made->allocated) {
                size_t n = (offset + size) * 2;

                made->data = realloc(made->data, n);
                assert_non_null(made->data);
                memset(made->data + made->allocated, 0, n - made->allocated);
                made->allocated = n;
        }
        memcpy(made->data + offset, data, size);
        made->size = MAX(made->size, offset + size);
}

static inline void made_put_u32(Made *made, size_t offset, uint32_t value)
{
        made_put(made, offset, &value, sizeof(value));
}

static inline void made_put_u64(Made *made, size_t offset, uint64_t value)
{
        made_put(made, offset, &value, sizeof(value));
}

/* What is in page @pfn of this kind. */
static inline void made_page(char kind, size_t pfn, uint8_t page[MADE_PAGE])
{
        uint64_t x = 88172645463325252U + pfn;

        for (size_t i = 0; i < MADE_PAGE; i++) {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                page[i] = kind == MADE_ZERO ? 0
                          : kind == MADE_RAW
                                  ? (uint8_t) (x >> 24)
                                  : (uint8_t) ("pages of text"[i % 13] + pfn % 90 + (x % 64 == 0));
        }
}

static inline uint32_t made_encode(char kind, const uint8_t *page, uint8_t *out, size_t *ret_size)
{
        static uint8_t work[LZO1X_1_MEM_COMPRESS];
        size_t size = 2 * MADE_PAGE;
        uLongf n_zlib = 2 * MADE_PAGE;

        switch (kind) {
        case MADE_ZLIB:
                assert_int_equal(compress2(out, &n_zlib, page, MADE_PAGE, 6), Z_OK);
                *ret_size = n_zlib;
                return 0x1;
        case MADE_LZO:
                assert_int_equal(lzo1x_1_compress(page, MADE_PAGE, out, ret_size, work), LZO_E_OK);
                return 0x2;
        case MADE_SNAPPY:
                assert_int_equal(
                        snappy_compress((const char *) page, MADE_PAGE, (char *) out, &size),
                        SNAPPY_OK);
                *ret_size = size;
                return 0x4;
        case MADE_ZSTD:
                *ret_size = ZSTD_compress(out, 2 * MADE_PAGE, page, MADE_PAGE, 3);
                assert_false(ZSTD_isError(*ret_size));
                return 0x20;
        default:
                memcpy(out, page, MADE_PAGE);
                *ret_size = MADE_PAGE;
                return 0;
        }
}

static inline void made_desc(Made *made, size_t rank, uint64_t offset, uint32_t size,
                             uint32_t flags)
{
        made_put_u64(made, made->descs + 24 * rank, offset);
        made_put_u32(made, made->descs + 24 * rank + 8, size);
        made_put_u32(made, made->descs + 24 * rank + 12, flags);
        made_put_u64(made, made->descs + 24 * rank + 16, 0);
}

static inline void made_headers(Made *made, uint32_t version)
{
        size_t n = strlen(made->kinds), bitmap = ALIGN_UP(DIV_ROUND_UP(n, 8), MADE_PAGE);

        made_put(made, 0, "KDUMP   ", 8);
        made_put_u32(made, 8, version);
        made_put(made, 12, "Linux", 6);
        made_put(made, 12 + 2 * 65, "6.1.0-made", 11);
        made_put(made, 12 + 4 * 65, "x86_64", 7);
        made_put_u64(made, 408, 1700000000);
        made_put_u64(made, 416, 123456);
        made_put_u32(made, 424, 0x8 | 0x2);
        made_put_u32(made, 428, MADE_PAGE);
        made_put_u32(made, 432, 1);
        made_put_u32(made, 436, (uint32_t) (2 * bitmap / MADE_PAGE));
        made_put_u32(made, 440, version < 6 ? (uint32_t) n : 1);
        made_put_u32(made, 460, 4);
        made_put_u64(made, MADE_PAGE, 0xffff8000);
        made_put_u32(made, MADE_PAGE + 8, 31);
        made_put_u64(made, MADE_PAGE + 32, MADE_PAGE + 104 + MADE_VMCOREINFO_START);
        made_put_u64(made, MADE_PAGE + 40, MADE_VMCOREINFO_SIZE);
        made_put_u64(made, MADE_PAGE + 48, MADE_PAGE + 104);
        made_put_u64(made, MADE_PAGE + 56, sizeof(made_notes));
        made_put_u64(made, MADE_PAGE + 96, n);
        made_put(made, MADE_PAGE + 104, made_notes, sizeof(made_notes));
        made->exists = 2 * MADE_PAGE;
        made->dumpable = made->exists + bitmap;
        made->descs = made->dumpable + bitmap;
}

static inline void made_bitmaps(Made *made)
{
        size_t n = strlen(made->kinds);

        made_put(made, made->descs - 1, "", 1);
        for (size_t i = 0; i < n; i++) {
                if (made->kinds[i] == MADE_HOLE)
                        continue;
                made->data[made->exists + i / 8] |= (uint8_t) (1U << (i % 8));
                if (made->kinds[i] == MADE_EXCLUDED)
                        continue;
                made->data[made->dumpable + i / 8] |= (uint8_t) (1U << (i % 8));
                made->n_descs++;
        }
}

static inline void made_init(Made *made, const char *kinds, uint32_t version)
{
        uint8_t page[MADE_PAGE], out[2 * MADE_PAGE];
        size_t n = strlen(kinds), rank = 0;

        *made = (Made){ .kinds = kinds };
        made_headers(made, version);
        made_bitmaps(made);
        made->zero_page = ALIGN_UP(made->descs + 24 * made->n_descs, MADE_PAGE);
        memset(page, 0, sizeof(page));
        made_put(made, made->zero_page, page, MADE_PAGE);
        for (size_t pfn = 0; pfn < n; pfn++) {
                uint32_t flags;
                size_t size;

                if (strchr(".x", kinds[pfn]))
                        continue;
                if (kinds[pfn] == MADE_MISSING) {
                        made_desc(made, rank++, 0, 0, 0);
                } else if (kinds[pfn] == MADE_ZERO) {
                        made_desc(made, rank++, made->zero_page, MADE_PAGE, 0);
                } else {
                        made_page(kinds[pfn], pfn, page);
                        flags = made_encode(kinds[pfn], page, out, &size);
                        made_desc(made, rank++, made->size, (uint32_t) size, flags);
                        made_put(made, made->size, out, size);
                }
        }
}

/* Makes it the part of a split dump with the pages from @start to @end, all of which, and all
 * before them, have a descriptor; those of the others are in other files. */
static inline void made_split(Made *made, size_t start, size_t end)
{
        memmove(made->data + made->descs, made->data + made->descs + start * 24,
                (end - start) * 24);
        made_put_u32(made, MADE_PAGE + 12, 1);
        made_put_u64(made, MADE_PAGE + 80, start);
        made_put_u64(made, MADE_PAGE + 88, end);
}

static inline void made_done(Made *made)
{
        free(made->data);
}

/* The first @size bytes of it, in memory. */
static inline int made_fd(const Made *made, size_t size)
{
        int fd = memfd_create("dump", MFD_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, made->data, size), size);
        return fd;
}

/* Opens it; NULL if that fails with *ret_error, and there must be words for it. */
static inline KdumpFile *made_open(const Made *made, size_t size, int *ret_error)
{
        _cleanup_free_ char *message = NULL;
        KdumpFile *file = NULL;
        int fd = made_fd(made, size);

        *ret_error = kdump_file_open_fd(fd, &file, &message);
        if (*ret_error >= 0) {
                assert_null(message);
                return file;
        }
        assert_non_null(message);
        close_fd(fd);
        return NULL;
}

/* @pattern, over and over, up to @n letters. The caller frees it. */
static inline char *made_repeat(const char *pattern, size_t n)
{
        char *kinds = malloc(n + 1);

        assert_non_null(kinds);
        for (size_t i = 0; i < n; i++)
                kinds[i] = pattern[i % strlen(pattern)];
        kinds[n] = '\0';
        return kinds;
}

#define EVERY_KIND "rzlsd0mx..rzd"

/* What reading page @pfn must give. */
static inline int expected_result(char kind)
{
        switch (kind) {
        case MADE_HOLE:
                return -ERANGE;
        case MADE_EXCLUDED:
                return -ENODATA;
        case MADE_MISSING:
                return -ENXIO;
        default:
                return 0;
        }
}

static inline void check_page(KdumpReader *reader, const Made *made, size_t pfn)
{
        uint8_t expected[MADE_PAGE];
        const uint8_t *page;
        int r = kdump_reader_page(reader, pfn, &page);

        assert_int_equal(r, expected_result(made->kinds[pfn]));
        if (r < 0)
                return;
        made_page(made->kinds[pfn], pfn, expected);
        assert_memory_equal(page, expected, MADE_PAGE);
}
