/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the two bitmaps of a dump file, and the count of what is set in the second. */
#include "bits.h"
#include "kdump-file-internal.h"

#define COUNT_BYTES ((size_t) 65536)

/* Where there is something to be read: most of a bitmap of much memory may be a hole. */
static uint64_t next_data(const KdumpFile *file, uint64_t offset_bytes)
{
        off_t next;

        if (file->flat)
                return kdump_flat_next(file->flat, offset_bytes);
        next = lseek(file->fd, (off_t) offset_bytes, SEEK_DATA);
        if (next < 0)
                return errno == ENXIO ? file->info.file_bytes : offset_bytes;
        return MAX((uint64_t) next, offset_bytes);
}

/* Reads @size bytes of the bitmap at @bitmap_offset from page @pfn on; *data_offset is where the
 * file is known to have data next. Returns 0 if it is a hole, else 1. */
static int read_step(const KdumpFile *file, uint64_t bitmap_offset, uint64_t pfn, size_t size,
                     uint64_t *data_offset, uint8_t *bits)
{
        uint64_t offset = bitmap_offset + pfn / 8;
        int r;

        if (*data_offset < offset + size)
                *data_offset = next_data(file, offset);
        if (*data_offset >= offset + size)
                return 0;
        *data_offset = 0;
        r = kdump_file_pread(file, offset, bits, size);
        return r < 0 ? r : 1;
}

/* In steps that are pieces or parts of them. */
static int count_pieces(KdumpFile *file, uint8_t *bits, uint64_t *ret_part_end_rank)
{
        const KdumpFileInfo *info = &file->info;
        uint64_t step_pfns = MIN(file->piece_pfns, (uint64_t) COUNT_BYTES * 8);
        uint64_t rank = 0, data_offset = 0, start_rank = 0, end_rank = 0;
        int r;

        for (uint64_t pfn = 0; pfn < info->end_pfn; pfn += step_pfns) {
                uint64_t n_pfns = MIN(step_pfns, info->end_pfn - pfn);

                if (pfn % file->piece_pfns == 0)
                        file->ranks[pfn / file->piece_pfns] = rank;
                r = read_step(file, file->dumpable_offset, pfn, (size_t) DIV_ROUND_UP(n_pfns, 8),
                              &data_offset, bits);
                if (r < 0)
                        return r;
                if (r == 0)
                        continue;
                rank += bits_count(bits, 0, n_pfns);
                if (pfn < info->part_start_pfn)
                        start_rank += bits_count(bits, 0, MIN(n_pfns, info->part_start_pfn - pfn));
                if (pfn < info->part_end_pfn)
                        end_rank += bits_count(bits, 0, MIN(n_pfns, info->part_end_pfn - pfn));
        }
        file->part_start_rank = start_rank;
        *ret_part_end_rank = end_rank;
        return 0;
}

int kdump_file_count(KdumpFile *file)
{
        _cleanup_free_ uint8_t *bits = malloc(COUNT_BYTES);
        uint64_t end_rank;
        int r;

        file->piece_pfns = KDUMP_FILE_PIECE_PFNS;
        while (DIV_ROUND_UP(file->info.end_pfn, file->piece_pfns) > KDUMP_FILE_PIECES_MAX)
                file->piece_pfns *= 2;
        file->ranks = calloc((size_t) DIV_ROUND_UP(file->info.end_pfn, file->piece_pfns),
                             sizeof(*file->ranks));
        if (!bits || !file->ranks)
                return -ENOMEM;
        r = count_pieces(file, bits, &end_rank);
        if (r < 0)
                return r;
        file->info.n_pages = end_rank - file->part_start_rank;
        return 0;
}

static int read_bits(const KdumpFile *file, uint64_t bitmap_offset, uint64_t first_pfn,
                     size_t n_pfns, uint8_t *bits)
{
        size_t size = DIV_ROUND_UP(n_pfns, 8);
        int r;

        if (first_pfn % 8 != 0 || first_pfn > file->info.end_pfn ||
            n_pfns > file->info.end_pfn - first_pfn)
                return -ERANGE;
        r = kdump_file_pread(file, bitmap_offset + first_pfn / 8, bits, size);
        if (r < 0)
                return r;
        if (n_pfns % 8 != 0)
                bits[size - 1] &= (uint8_t) ((1U << (n_pfns % 8)) - 1);
        return 0;
}

int kdump_file_exists(const KdumpFile *file, uint64_t first_pfn, size_t n_pfns, uint8_t *bits)
{
        return read_bits(file, file->exists_offset, first_pfn, n_pfns, bits);
}

int kdump_file_dumpable(const KdumpFile *file, uint64_t first_pfn, size_t n_pfns, uint8_t *bits)
{
        return read_bits(file, file->dumpable_offset, first_pfn, n_pfns, bits);
}

/* A stretch that may go on. */
typedef struct Stretch {
        int (*fn)(void *data, uint64_t first_pfn, uint64_t end_pfn);
        void *data;
        uint64_t first_pfn;
        bool open;
} Stretch;

static int stretch_end(Stretch *stretch, uint64_t pfn)
{
        if (!stretch->open)
                return 0;
        stretch->open = false;
        return stretch->fn(stretch->data, stretch->first_pfn, pfn);
}

/* @n_pfns pages from @pfn on, a multiple of 8. */
static int stretch_bits(Stretch *stretch, uint64_t pfn, uint64_t n_pfns, const uint8_t *bits)
{
        uint64_t i = 0;
        int r;

        while (i < n_pfns) {
                uint8_t boring = stretch->open ? 0xff : 0;
                bool set = bits_get(bits, i);

                if (i % 8 == 0 && bits[i / 8] == boring && n_pfns - i >= 8) {
                        i += 8;
                        continue;
                }
                if (set && !stretch->open) {
                        stretch->open = true;
                        stretch->first_pfn = pfn + i;
                } else if (!set) {
                        r = stretch_end(stretch, pfn + i);
                        if (r < 0)
                                return r;
                }
                i++;
        }
        return 0;
}

int kdump_file_stretches(const KdumpFile *file,
                         int (*fn)(void *data, uint64_t first_pfn, uint64_t end_pfn), void *data)
{
        _cleanup_free_ uint8_t *bits = malloc(COUNT_BYTES);
        const uint64_t end_pfn = file->info.end_pfn, step_pfns = (uint64_t) COUNT_BYTES * 8;
        Stretch stretch = { .fn = fn, .data = data };
        uint64_t data_offset = 0;
        int r;

        if (!bits)
                return -ENOMEM;
        for (uint64_t pfn = 0; pfn < end_pfn; pfn += step_pfns) {
                uint64_t n_pfns = MIN(step_pfns, end_pfn - pfn);

                r = read_step(file, file->exists_offset, pfn, (size_t) DIV_ROUND_UP(n_pfns, 8),
                              &data_offset, bits);
                if (r >= 0)
                        r = r == 0 ? stretch_end(&stretch, pfn)
                                   : stretch_bits(&stretch, pfn, n_pfns, bits);
                if (r < 0)
                        return r;
        }
        r = stretch_end(&stretch, end_pfn);
        return MIN(r, 0);
}
