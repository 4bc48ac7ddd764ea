/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the way from a page's number over its descriptor to its bytes, for one thread. */
#include "bits.h"
#include "decompress.h"
#include "kdump-file-internal.h"

#define DESCS 128

/* Read at once as long as each page's data follows that of the page before. */
#define AHEAD_BYTES ((size_t) 256 << 10)

struct KdumpReader {
        const KdumpFile *file;
        Decompressor *decompressor;
        uint8_t *page; /* decoded */

        uint8_t *data; /* data_size bytes at data_offset of the file; room for AHEAD_BYTES or a page
                        */
        size_t data_room, data_size;
        uint64_t data_offset, next_offset;

        uint8_t *bits;  /* one piece of the second bitmap */
        uint64_t piece; /* which; UINT64_MAX none */

        KdumpFileDesc descs[DESCS];
        uint64_t descs_rank; /* of the first of them; UINT64_MAX none */
};

KdumpReader *kdump_reader_free(KdumpReader *reader)
{
        if (!reader)
                return NULL;
        decompressor_free(reader->decompressor);
        free(reader->page);
        free(reader->data);
        free(reader->bits);
        free(reader);
        return NULL;
}

int kdump_reader_new(const KdumpFile *file, KdumpReader **ret)
{
        _cleanup_(kdump_reader_freep) KdumpReader *reader = calloc(1, sizeof(*reader));
        int r;

        if (!reader)
                return -ENOMEM;
        reader->file = file;
        reader->piece = reader->descs_rank = UINT64_MAX;
        reader->data_room = MAX(AHEAD_BYTES, (size_t) file->info.page_size_bytes);
        reader->data = malloc(reader->data_room);
        reader->page = malloc(file->info.page_size_bytes);
        reader->bits = malloc((size_t) (file->piece_pfns / 8));
        if (!reader->data || !reader->page || !reader->bits)
                return -ENOMEM;
        r = decompressor_new(&reader->decompressor);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(reader);
        return 0;
}

int kdump_reader_descs(KdumpReader *reader, uint64_t rank, KdumpFileDesc *descs, size_t n_descs)
{
        const KdumpFileInfo *info = &reader->file->info;

        if (rank > info->n_pages || n_descs > info->n_pages - rank)
                return -ERANGE;
        return kdump_file_pread(reader->file, info->descs_offset + rank * sizeof(*descs), descs,
                                n_descs * sizeof(*descs));
}

static int desc_check(const KdumpFileInfo *info, const KdumpFileDesc *desc)
{
        uint64_t end;

        if (desc->offset_bytes == 0)
                return -ENXIO;
        if (desc->flags != 0 && !decompressor_knows(desc->flags))
                return -EOPNOTSUPP;
        if (desc->size_bytes == 0 || desc->size_bytes > info->page_size_bytes ||
            (desc->flags == 0 && desc->size_bytes != info->page_size_bytes))
                return -EBADMSG;
        if (desc->offset_bytes < info->data_offset ||
            __builtin_add_overflow(desc->offset_bytes, (uint64_t) desc->size_bytes, &end) ||
            end > info->file_bytes)
                return -EBADMSG;
        return 0;
}

/* Shows so many bytes of the file, of which desc_check() has said that they are there. */
static int reader_data(KdumpReader *reader, uint64_t offset_bytes, size_t size, const uint8_t **ret)
{
        bool follows = offset_bytes == reader->next_offset;
        int r;

        reader->next_offset = offset_bytes + size;
        if (offset_bytes < reader->data_offset ||
            offset_bytes + size > reader->data_offset + reader->data_size) {
                uint64_t rest = reader->file->info.file_bytes - offset_bytes;
                size_t n = follows ? (size_t) MIN(rest, (uint64_t) reader->data_room) : size;

                reader->data_size = 0;
                r = kdump_file_pread(reader->file, offset_bytes, reader->data, n);
                if (r < 0)
                        return r;
                reader->data_offset = offset_bytes;
                reader->data_size = n;
        }
        *ret = reader->data + (offset_bytes - reader->data_offset);
        return 0;
}

int kdump_reader_decode(KdumpReader *reader, const KdumpFileDesc *desc, const uint8_t **ret)
{
        const KdumpFileInfo *info = &reader->file->info;
        const uint8_t *data;
        int r;

        r = desc_check(info, desc);
        if (r < 0)
                return r;
        r = reader_data(reader, desc->offset_bytes, desc->size_bytes, &data);
        if (r < 0)
                return r;
        if (desc->flags == 0) {
                *ret = data;
                return 0;
        }
        r = decompressor_page(reader->decompressor, desc->flags, data, desc->size_bytes,
                              reader->page, info->page_size_bytes);
        if (r < 0)
                return r;
        *ret = reader->page;
        return 0;
}

static int reader_piece(KdumpReader *reader, uint64_t piece)
{
        const KdumpFile *file = reader->file;
        uint64_t first_pfn = piece * file->piece_pfns;
        int r;

        if (piece == reader->piece)
                return 0;
        reader->piece = UINT64_MAX;
        r = kdump_file_pread(
                file, file->dumpable_offset + first_pfn / 8, reader->bits,
                (size_t) DIV_ROUND_UP(MIN(file->piece_pfns, file->info.end_pfn - first_pfn), 8));
        if (r >= 0)
                reader->piece = piece;
        return r;
}

/* Why no file has a descriptor of a page. */
static int reader_why_not(KdumpReader *reader, uint64_t pfn)
{
        uint8_t bits;
        int r;

        r = kdump_file_pread(reader->file, reader->file->exists_offset + pfn / 8, &bits, 1);
        if (r < 0)
                return r;
        return bits >> (pfn % 8) & 1 ? -ENODATA : -ERANGE;
}

/* The number of the page @pfn among those that have a descriptor. */
static int reader_rank(KdumpReader *reader, uint64_t pfn, uint64_t *ret)
{
        const KdumpFile *file = reader->file;
        uint64_t piece = pfn / file->piece_pfns, bit = pfn % file->piece_pfns;
        int r;

        if (pfn >= file->info.end_pfn)
                return -ERANGE;
        r = reader_piece(reader, piece);
        if (r < 0)
                return r;
        if (!(reader->bits[bit / 8] >> (bit % 8) & 1))
                return reader_why_not(reader, pfn);
        if (pfn < file->info.part_start_pfn || pfn >= file->info.part_end_pfn)
                return -ENXIO;
        *ret = file->ranks[piece] + bits_count(reader->bits, 0, bit) - file->part_start_rank;
        /* The file was counted when it was opened, and may have been changed since. */
        return *ret < file->info.n_pages ? 0 : -EBADMSG;
}

int kdump_reader_page(KdumpReader *reader, uint64_t pfn, const uint8_t **ret)
{
        uint64_t rank, first;
        int r;

        r = reader_rank(reader, pfn, &rank);
        if (r < 0)
                return r;
        first = rank - rank % DESCS;
        if (first != reader->descs_rank) {
                uint64_t n = reader->file->info.n_pages - first;

                reader->descs_rank = UINT64_MAX;
                r = kdump_reader_descs(reader, first, reader->descs,
                                       (size_t) MIN(n, (uint64_t) DESCS));
                if (r < 0)
                        return r;
                reader->descs_rank = first;
        }
        return kdump_reader_decode(reader, &reader->descs[rank - first], ret);
}

int kdump_reader_read(KdumpReader *reader, uint64_t paddr, void *buf, size_t size)
{
        uint64_t page_bytes = reader->file->info.page_size_bytes, end;
        uint8_t *out = buf;
        int r;

        if (__builtin_add_overflow(paddr, (uint64_t) size, &end))
                return -ERANGE;
        while (paddr < end) {
                uint64_t in_page = paddr % page_bytes;
                size_t n = (size_t) MIN(page_bytes - in_page, end - paddr);
                const uint8_t *page;

                r = kdump_reader_page(reader, paddr / page_bytes, &page);
                if (r < 0)
                        return r;
                memcpy(out, page + in_page, n);
                out += n;
                paddr += n;
        }
        return 0;
}
