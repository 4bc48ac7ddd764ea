/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the layout of kdump-compressed files: makedumpfile's IMPLEMENTATION and diskdump_mod.h, 64
 * bit. */
#include "dump-kdump.h"

#include <stdatomic.h>

#define HEADER_VERSION 6
#define PAGE_BYTES_MIN 4096
#define PAGE_BYTES_MAX ((size_t) 256 << 10)

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
        _Atomic uint64_t tail_offset; /* where data is appended */
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
        atomic_init(&dump->tail_offset, dump->descs_offset);

        *ret = TAKE_PTR(dump);
        return 0;
}

DumpKdump *dump_kdump_free(DumpKdump *dump)
{
        free(dump);
        return NULL;
}

int dump_kdump_begin(DumpKdump *dump)
{
        uint64_t block = dump->source->page_size_bytes;
        int r;

        /* Where nothing can be written again, it comes last, and says how it ended. */
        r = dump->sink->ops->write_once
                    ? 0
                    : sink_write(dump->sink, 0, &dump->header, sizeof(dump->header));
        if (r < 0)
                return r;
        r = sink_write(dump->sink, block, &dump->sub_header, sizeof(dump->sub_header));
        if (r < 0)
                return r;
        return sink_write(dump->sink, block + sizeof(dump->sub_header), dump->notes,
                          dump->sub_header.size_note);
}

int dump_kdump_write_bitmaps(DumpKdump *dump, uint64_t first_pfn, size_t n_pfns,
                             const uint8_t *exists, const uint8_t *dumpable)
{
        uint64_t offset_bytes = dump->bitmap_offset + first_pfn / 8;
        size_t size = DIV_ROUND_UP(n_pfns, 8);
        int r;

        /* What is empty stays a hole: a sparse memory map may span terabytes. */
        if (!mem_is_zero(exists, size)) {
                r = sink_write(dump->sink, offset_bytes, exists, size);
                if (r < 0)
                        return r;
        }
        if (mem_is_zero(dumpable, size))
                return 0;
        return sink_write(dump->sink, offset_bytes + dump->bitmap_bytes, dumpable, size);
}

static int write_zero_page(DumpKdump *dump)
{
        _cleanup_free_ uint8_t *page = calloc(1, dump->source->page_size_bytes);

        if (!page)
                return -ENOMEM;
        return sink_write(dump->sink, dump->zero_offset, page, dump->source->page_size_bytes);
}

int dump_kdump_reserve(DumpKdump *dump, uint64_t n_pages)
{
        uint64_t page_bytes = dump->source->page_size_bytes, descs_end;
        int r;

        if (n_pages > dump->source->end_pfn)
                return -EINVAL;

        descs_end = dump->descs_offset + n_pages * sizeof(KdumpDesc);
        r = sink_reserve(dump->sink, dump->descs_offset, descs_end - dump->descs_offset);
        if (r < 0)
                return r;

        dump->n_pages = n_pages;
        dump->zero_offset = ALIGN_UP(descs_end, MAX(page_bytes, (uint64_t) SINK_DATA_ALIGN));
        atomic_store(&dump->tail_offset, dump->zero_offset + page_bytes);
        r = write_zero_page(dump);
        if (r < 0)
                return r;

        /* Data goes past the page cache, these do not: without them it would be worth nothing. */
        return sink_sync(dump->sink);
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
        uint64_t offset_bytes =
                atomic_fetch_add_explicit(&dump->tail_offset, size, memory_order_relaxed);
        int r;

        r = sink_write_data(dump->sink, offset_bytes, data, size);
        if (r < 0)
                return r;
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
        return atomic_load(&dump->tail_offset);
}

/* A write that failed may be in the file all the same. */
static void put_mark_back(DumpKdump *dump)
{
        if (dump->sink->ops->write_once || (dump->header.status & KDUMP_STATUS_INCOMPLETE))
                return;
        dump->header.status |= KDUMP_STATUS_INCOMPLETE;
        if (sink_write(dump->sink, 0, &dump->header, sizeof(dump->header)) >= 0)
                (void) sink_sync(dump->sink);
}

int dump_kdump_commit(DumpKdump *dump, bool complete)
{
        int r;

        r = sink_sync(dump->sink);
        if (r < 0)
                return r;
        if (complete)
                dump->header.status &= ~KDUMP_STATUS_INCOMPLETE;
        if (complete || dump->sink->ops->write_once)
                r = sink_write(dump->sink, 0, &dump->header, sizeof(dump->header));
        if (r >= 0)
                r = sink_commit(dump->sink);
        if (r < 0)
                put_mark_back(dump);
        return r;
}
