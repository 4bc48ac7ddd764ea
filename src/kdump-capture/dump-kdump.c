/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the layout of kdump-compressed files: makedumpfile's IMPLEMENTATION and diskdump_mod.h, 64
 * bit. */
#include "dump-kdump.h"

#define HEADER_VERSION 6
#define PAGE_BYTES_MIN 4096
#define PAGE_BYTES_MAX BITMAP_PIECE_BYTES

/* One bitmap is written in pieces of this size: 8 GiB of 4 KiB pages. */
#define BITMAP_PIECE_BYTES ((size_t) 256 << 10)

typedef struct DiskDumpHeader {
        char signature[8];
        uint32_t header_version;
        uint8_t utsname[KDUMP_UTSNAME_BYTES];
        uint8_t pad[6];
        uint64_t timestamp_sec, timestamp_usec;
        uint32_t status;
        uint32_t block_size;
        uint32_t sub_hdr_size; /* blocks */
        uint32_t bitmap_blocks;
        uint32_t max_mapnr; /* cut to 32 bit: max_mapnr_64 counts */
        uint32_t total_ram_blocks, device_blocks, written_blocks, current_cpu;
        uint32_t nr_cpus;
} DiskDumpHeader;

typedef struct KdumpSubHeader {
        uint64_t phys_base;
        uint32_t dump_level;
        uint32_t split;
        uint64_t start_pfn, end_pfn; /* of a split file only */
        uint64_t offset_vmcoreinfo, size_vmcoreinfo;
        uint64_t offset_note, size_note;
        uint64_t offset_eraseinfo, size_eraseinfo;
        uint64_t start_pfn_64, end_pfn_64;
        uint64_t max_mapnr_64;
} KdumpSubHeader;

_Static_assert(sizeof(DiskDumpHeader) == 464, "disk_dump_header");
_Static_assert(sizeof(KdumpSubHeader) == 104, "kdump_sub_header");
_Static_assert(sizeof(KdumpDesc) == 24, "page_desc");

struct DumpKdump {
        Sink *sink;
        const PageSource *source;
        DiskDumpHeader header;
        KdumpSubHeader sub_header;
        const uint8_t *notes;
        size_t bitmap_bytes; /* of one */
        uint64_t bitmap_offset, descs_offset;
        uint64_t n_pages;
        uint64_t zero_offset;
        uint64_t tail_offset; /* where data is appended */
        uint8_t *piece;       /* BITMAP_PIECE_BYTES */
};

static void header_fill(DumpKdump *dump, const KdumpInfo *info)
{
        DiskDumpHeader *header = &dump->header;
        KdumpSubHeader *sub = &dump->sub_header;
        uint64_t block = dump->source->page_size_bytes, notes_offset = block + sizeof(*sub);

        memcpy(header->signature, "KDUMP   ", sizeof(header->signature));
        header->header_version = HEADER_VERSION;
        memcpy(header->utsname, info->utsname, sizeof(header->utsname));
        header->timestamp_sec = info->timestamp_usec / USEC_PER_SEC;
        header->timestamp_usec = info->timestamp_usec % USEC_PER_SEC;
        header->status = info->compress_flags | KDUMP_STATUS_INCOMPLETE;
        header->block_size = (uint32_t) block;
        header->sub_hdr_size = (uint32_t) DIV_ROUND_UP(sizeof(*sub) + info->notes_size, block);
        header->bitmap_blocks = (uint32_t) (2 * (dump->bitmap_bytes / block));
        header->max_mapnr = (uint32_t) MIN(dump->source->end_pfn, (uint64_t) UINT32_MAX);
        /* crash warns of 0 and cannot tell the CPUs apart in any case. */
        header->nr_cpus = MAX(info->n_cpus, 1U);

        sub->phys_base = info->phys_base;
        sub->dump_level = info->dump_level;
        sub->max_mapnr_64 = dump->source->end_pfn;
        if (info->notes_size > 0) {
                sub->offset_note = notes_offset;
                sub->size_note = info->notes_size;
        }
        if (info->vmcoreinfo_size > 0) {
                sub->offset_vmcoreinfo = notes_offset + info->vmcoreinfo_offset;
                sub->size_vmcoreinfo = info->vmcoreinfo_size;
        }
}

/* The format counts blocks in 32 bits. */
static bool layout_fits(const PageSource *source, const KdumpInfo *info)
{
        uint64_t block = source->page_size_bytes;

        return block >= PAGE_BYTES_MIN && block <= PAGE_BYTES_MAX && (block & (block - 1)) == 0 &&
               source->end_pfn / 8 / block < INT32_MAX / 2 &&
               info->notes_size / block < INT32_MAX / 2 &&
               info->vmcoreinfo_size <= info->notes_size &&
               info->vmcoreinfo_offset <= info->notes_size - info->vmcoreinfo_size;
}

int dump_kdump_new(Sink *sink, const PageSource *source, const KdumpInfo *info, DumpKdump **ret)
{
        _cleanup_(dump_kdump_freep) DumpKdump *dump = NULL;
        uint64_t block = source->page_size_bytes;

        if (!layout_fits(source, info))
                return -EINVAL;
        dump = calloc(1, sizeof(*dump));
        if (!dump)
                return -ENOMEM;
        dump->sink = sink;
        dump->source = source;
        dump->notes = info->notes;
        dump->bitmap_bytes = ALIGN_UP(DIV_ROUND_UP(source->end_pfn, 8), block);
        header_fill(dump, info);
        dump->bitmap_offset = block * (1 + (uint64_t) dump->header.sub_hdr_size);
        dump->descs_offset = dump->bitmap_offset + 2 * dump->bitmap_bytes;
        dump->tail_offset = dump->descs_offset;
        dump->piece = malloc(BITMAP_PIECE_BYTES);
        if (!dump->piece)
                return -ENOMEM;

        *ret = TAKE_PTR(dump);
        return 0;
}

DumpKdump *dump_kdump_free(DumpKdump *dump)
{
        if (!dump)
                return NULL;
        free(dump->piece);
        free(dump);
        return NULL;
}

static int write_headers(DumpKdump *dump)
{
        uint64_t block = dump->source->page_size_bytes;
        int r;

        r = sink_write(dump->sink, 0, &dump->header, sizeof(dump->header));
        if (r < 0)
                return r;
        r = sink_write(dump->sink, block, &dump->sub_header, sizeof(dump->sub_header));
        if (r < 0)
                return r;
        return sink_write(dump->sink, block + sizeof(dump->sub_header), dump->notes,
                          dump->sub_header.size_note);
}

static uint64_t bits_count(const uint8_t *bits, size_t size)
{
        uint64_t n = 0;

        for (size_t i = 0; i < size; i++)
                n += (unsigned) __builtin_popcount(bits[i]);
        return n;
}

/* Pieces without a page stay holes: a sparse memory map may span terabytes. */
static int write_bitmap(DumpKdump *dump, void (*fill)(void *, uint64_t, size_t, uint8_t *),
                        uint64_t offset_bytes, uint64_t *ret_n_set)
{
        const PageSource *source = dump->source;
        uint64_t n_set = 0;
        int r;

        for (uint64_t pfn = 0; pfn < source->end_pfn; pfn += BITMAP_PIECE_BYTES * 8) {
                size_t n = (size_t) MIN(BITMAP_PIECE_BYTES * 8, source->end_pfn - pfn);
                size_t size = DIV_ROUND_UP(n, 8);
                uint64_t n_piece;

                fill(source->data, pfn, n, dump->piece);
                n_piece = bits_count(dump->piece, size);
                if (n_piece == 0)
                        continue;
                n_set += n_piece;
                r = sink_write(dump->sink, offset_bytes + pfn / 8, dump->piece, size);
                if (r < 0)
                        return r;
        }
        *ret_n_set = n_set;
        return 0;
}

static int write_zero_page(DumpKdump *dump)
{
        size_t block = dump->source->page_size_bytes;

        memset(dump->piece, 0, block);
        return sink_write(dump->sink, dump->zero_offset, dump->piece, block);
}

int dump_kdump_begin(DumpKdump *dump)
{
        const PageSource *source = dump->source;
        uint64_t descs_end, n_exist;
        int r;

        r = write_headers(dump);
        if (r < 0)
                return r;
        r = write_bitmap(dump, source->exists, dump->bitmap_offset, &n_exist);
        if (r < 0)
                return r;
        r = write_bitmap(dump, source->dumpable, dump->bitmap_offset + dump->bitmap_bytes,
                         &dump->n_pages);
        if (r < 0)
                return r;
        if (dump->n_pages > n_exist)
                return -EINVAL;

        descs_end = dump->descs_offset + dump->n_pages * sizeof(KdumpDesc);
        dump->zero_offset = ALIGN_UP(descs_end, source->page_size_bytes);
        dump->tail_offset = dump->zero_offset + source->page_size_bytes;
        return write_zero_page(dump);
}

uint64_t dump_kdump_n_pages(const DumpKdump *dump)
{
        return dump->n_pages;
}

KdumpDesc dump_kdump_zero_desc(const DumpKdump *dump)
{
        return (KdumpDesc){ .offset_bytes = dump->zero_offset,
                            .size_bytes = dump->source->page_size_bytes };
}

int dump_kdump_write_data(DumpKdump *dump, const void *data, size_t size,
                          uint64_t *ret_offset_bytes)
{
        uint64_t offset_bytes = dump->tail_offset;
        int r;

        r = sink_write(dump->sink, offset_bytes, data, size);
        if (r < 0)
                return r;
        dump->tail_offset += size;
        *ret_offset_bytes = offset_bytes;
        return 0;
}

int dump_kdump_write_descs(DumpKdump *dump, uint64_t rank, const KdumpDesc *descs, size_t n_descs)
{
        if (rank > dump->n_pages || n_descs > dump->n_pages - rank)
                return -ERANGE;
        return sink_write(dump->sink, dump->descs_offset + rank * sizeof(KdumpDesc), descs,
                          n_descs * sizeof(KdumpDesc));
}

uint64_t dump_kdump_bytes(const DumpKdump *dump)
{
        return dump->tail_offset;
}

int dump_kdump_finish(DumpKdump *dump, bool complete)
{
        int r;

        r = sink_sync(dump->sink);
        if (r < 0 || !complete)
                return r;
        dump->header.status &= ~KDUMP_STATUS_INCOMPLETE;
        return sink_write(dump->sink, 0, &dump->header, sizeof(dump->header));
}
