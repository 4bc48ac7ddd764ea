/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the layout of ELF cores (gABI, "ELF Header" and "Program Header"), and the copy into them.
 */
#include "dump-elf.h"

#include <elf.h>

#include "dump-elf-copy.h"
#include "dump-segments.h"
#include "io.h"

/* What makedumpfile and crash know as DUMP_ELF_INCOMPLETE (diskdump_mod.h, netdump.h). */
#define FLAG_INCOMPLETE 0x1

/* With those of the kernel's image, below what readers take: our own stops at 1 << 17. */
#define SEGMENTS_MAX ((size_t) 100000)

#define HEADERS_STEP 512

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define DATA_NATIVE ELFDATA2LSB
#else
#define DATA_NATIVE ELFDATA2MSB
#endif

typedef struct Layout {
        const DumpElf *dump;
        DumpSegments *segments;
        DumpElfLosses *losses;
        uint64_t page_bytes;
        uint32_t n_headers;
        uint64_t section_offset; /* of the room for the section header; 0: none can be needed */
        uint64_t notes_offset, data_offset, end_offset;
} Layout;

/* A stretch of a segment that holds no lost page, and its place in the file. */
typedef struct Piece {
        uint64_t first_pfn, n_pages, offset;
} Piece;

/* A walk over all pieces: what comes next. */
typedef struct PieceWalk {
        const Layout *layout;
        size_t i_segment, i_loss;
        uint64_t pfn, offset; /* offset: of the segment */
} PieceWalk;

/* Program headers on their way out. */
typedef struct HeaderQueue {
        Sink *sink;
        uint64_t offset;
        Elf64_Phdr headers[HEADERS_STEP];
        size_t n;
} HeaderQueue;

static int queue_flush(HeaderQueue *queue)
{
        size_t size = queue->n * sizeof(queue->headers[0]);
        int r;

        r = sink_write(queue->sink, queue->offset, queue->headers, size);
        if (r < 0)
                return r;
        queue->offset += size;
        queue->n = 0;
        return 0;
}

static int queue_add(HeaderQueue *queue, const Elf64_Phdr *header)
{
        queue->headers[queue->n++] = *header;
        return queue->n == HEADERS_STEP ? queue_flush(queue) : 0;
}

static PieceWalk piece_walk_start(const Layout *layout)
{
        return (PieceWalk){ .layout = layout, .offset = layout->data_offset };
}

static bool piece_next(PieceWalk *walk, Piece *ret)
{
        const DumpSegments *segments = walk->layout->segments;
        const DumpElfLosses *losses = walk->layout->losses;

        for (; walk->i_segment < segments->n_items; walk->i_segment++) {
                const DumpSegment *segment = &segments->items[walk->i_segment];
                const DumpElfLoss *loss = &losses->items[walk->i_loss];
                const DumpElfLoss *loss_end = &losses->items[losses->n_items];
                uint64_t pfn = MAX(walk->pfn, segment->first_pfn);
                uint64_t end_pfn = segment->first_pfn + segment->n_pages;

                for (; loss < loss_end && loss->first_pfn <= pfn; loss++)
                        pfn = MAX(pfn, loss->first_pfn + loss->n_pages);
                walk->i_loss = (size_t) (loss - losses->items);
                if (pfn < end_pfn) {
                        walk->pfn = loss < loss_end ? MIN(end_pfn, loss->first_pfn) : end_pfn;
                        ret->first_pfn = pfn;
                        ret->n_pages = walk->pfn - pfn;
                        ret->offset = walk->offset +
                                      (pfn - segment->first_pfn) * walk->layout->page_bytes;
                        return true;
                }
                walk->pfn = pfn;
                walk->offset += segment->n_pages * walk->layout->page_bytes;
        }
        return false;
}

/* Leaves of @piece the part that holds the kernel's image. false: none of it. */
static bool piece_cut_to_kernel(const Layout *layout, Piece *piece)
{
        const ElfInfo *info = layout->dump->info;
        uint64_t start, end;

        if (info->kernel_map_start_paddr >= info->kernel_map_end_paddr)
                return false;
        start = MAX(piece->first_pfn, info->kernel_map_start_paddr / layout->page_bytes);
        end = MIN(piece->first_pfn + piece->n_pages,
                  DIV_ROUND_UP(info->kernel_map_end_paddr, layout->page_bytes));
        if (start >= end)
                return false;
        *piece = (Piece){
                .first_pfn = start,
                .n_pages = end - start,
                .offset = piece->offset + (start - piece->first_pfn) * layout->page_bytes,
        };
        return true;
}

static void count_headers(Layout *layout)
{
        PieceWalk walk = piece_walk_start(layout);
        Piece piece;

        layout->n_headers = 1;
        while (piece_next(&walk, &piece))
                layout->n_headers += piece_cut_to_kernel(layout, &piece) ? 2 : 1;
}

static int layout_init(Layout *layout, const DumpElf *dump, DumpSegments *segments,
                       DumpElfLosses *losses)
{
        uint64_t n_pages = 0, bytes;
        size_t n_headers;

        *layout = (Layout){
                .dump = dump,
                .segments = segments,
                .losses = losses,
                .page_bytes = dump->source->page_size_bytes,
        };
        for (size_t i = 0; i < segments->n_items; i++)
                n_pages += segments->items[i].n_pages;
        count_headers(layout);
        /* Pages that are lost while they are copied cut a segment of all memory in two, and of the
         * kernel's image. Where all goes in order, that would come too late. */
        losses->n_max = dump->sink->ops->in_order ? 0 : DUMP_ELF_LOSSES_MAX;
        n_headers = layout->n_headers + 2 * losses->n_max;
        layout->notes_offset = sizeof(Elf64_Ehdr) + n_headers * sizeof(Elf64_Phdr);
        if (n_headers >= PN_XNUM) {
                layout->section_offset = layout->notes_offset;
                layout->notes_offset += sizeof(Elf64_Shdr);
        }
        layout->data_offset =
                ALIGN_UP(layout->notes_offset + dump->info->notes_size, layout->page_bytes);
        if (__builtin_mul_overflow(n_pages, layout->page_bytes, &bytes) ||
            __builtin_add_overflow(layout->data_offset, bytes, &layout->end_offset) ||
            layout->end_offset > INT64_MAX)
                return -EFBIG;
        return 0;
}

/* Is their number in the section header? */
static bool has_many_headers(const Layout *layout)
{
        return layout->n_headers >= PN_XNUM;
}

static int write_elf_header(const Layout *layout, bool incomplete)
{
        const bool many = has_many_headers(layout);
        const Elf64_Ehdr header = {
                .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, DATA_NATIVE,
                             EV_CURRENT },
                .e_type = ET_CORE,
                .e_machine = layout->dump->info->machine,
                .e_version = EV_CURRENT,
                .e_phoff = sizeof(Elf64_Ehdr),
                .e_shoff = many ? layout->section_offset : 0,
                .e_flags = incomplete ? FLAG_INCOMPLETE : 0,
                .e_ehsize = sizeof(Elf64_Ehdr),
                .e_phentsize = sizeof(Elf64_Phdr),
                .e_phnum = (uint16_t) MIN(layout->n_headers, (uint32_t) PN_XNUM),
                .e_shentsize = many ? sizeof(Elf64_Shdr) : 0,
                .e_shnum = many ? 1 : 0,
        };

        return sink_write(layout->dump->sink, 0, &header, sizeof(header));
}

/* The kernel's image first, as in /proc/vmcore (kernel/crash_core.c,
 * crash_prepare_elf64_headers(), v6.12), then all memory. @kernel: which of them. */
static int write_loads(const Layout *layout, HeaderQueue *queue, bool kernel)
{
        const ElfInfo *info = layout->dump->info;
        uint64_t delta = kernel ? info->kernel_map_delta : info->direct_map_delta;
        PieceWalk walk = piece_walk_start(layout);
        Piece piece;
        int r;

        while (piece_next(&walk, &piece)) {
                Elf64_Phdr header;

                if (kernel && !piece_cut_to_kernel(layout, &piece))
                        continue;
                /* p_align 0 as in /proc/vmcore: crash tells dumps of a kernel by it. */
                header = (Elf64_Phdr){
                        .p_type = PT_LOAD,
                        .p_flags = PF_R | PF_W | PF_X,
                        .p_offset = piece.offset,
                        .p_paddr = piece.first_pfn * layout->page_bytes,
                        .p_filesz = piece.n_pages * layout->page_bytes,
                        .p_memsz = piece.n_pages * layout->page_bytes,
                };
                header.p_vaddr = delta == 0 ? 0 : header.p_paddr + delta;
                r = queue_add(queue, &header);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int write_zeros(const Layout *layout, uint64_t offset, uint64_t end_offset)
{
        static const uint8_t zeros[4096];
        int r = 0;

        while (r >= 0 && offset < end_offset) {
                size_t n = (size_t) MIN(end_offset - offset, (uint64_t) sizeof(zeros));

                r = sink_write(layout->dump->sink, offset, zeros, n);
                offset += n;
        }
        return r;
}

/* With what is behind them, up to the notes: room for more, and the section header, which counts
 * only if the ELF header tells of it. */
static int write_program_headers(const Layout *layout)
{
        HeaderQueue queue = { .sink = layout->dump->sink, .offset = sizeof(Elf64_Ehdr) };
        const Elf64_Phdr note = {
                .p_type = PT_NOTE,
                .p_offset = layout->notes_offset,
                .p_filesz = layout->dump->info->notes_size,
                .p_memsz = layout->dump->info->notes_size,
        };
        const Elf64_Shdr section = { .sh_size = 1, .sh_info = layout->n_headers };
        uint64_t room_end_offset = layout->section_offset ?: layout->notes_offset;
        int r;

        r = queue_add(&queue, &note);
        if (r >= 0)
                r = write_loads(layout, &queue, true);
        if (r >= 0)
                r = write_loads(layout, &queue, false);
        if (r >= 0)
                r = queue_flush(&queue);
        if (r >= 0)
                r = write_zeros(layout, queue.offset, room_end_offset);
        if (r < 0 || layout->section_offset == 0)
                return r;
        return sink_write(layout->dump->sink, layout->section_offset, &section, sizeof(section));
}

static int write_notes(const Layout *layout)
{
        const ElfInfo *info = layout->dump->info;
        int r;

        r = sink_write(layout->dump->sink, layout->notes_offset, info->notes, info->notes_size);
        return r < 0 ? r
                     : write_zeros(layout, layout->notes_offset + info->notes_size,
                                   layout->data_offset);
}

/* No more came than that: leaves the segments that end before @written_offset, and the start of the
 * next.
 */
static void segments_cut(Layout *layout, uint64_t written_offset)
{
        DumpSegments *segments = layout->segments;
        uint64_t left = (written_offset - layout->data_offset) / layout->page_bytes;
        size_t n = 0;

        for (; n < segments->n_items && left > 0; n++) {
                DumpSegment *segment = &segments->items[n];

                segment->n_pages = MIN(segment->n_pages, left);
                left -= segment->n_pages;
        }
        segments->n_items = n;
}

/* The blocks of all headers were written before, so that there is room for them. */
static int rewrite_program_headers(Layout *layout)
{
        count_headers(layout);
        return write_program_headers(layout);
}

/* From now on it is a core, but one of which something is missing: until it has its final name. */
static int claim_incomplete(const Layout *layout)
{
        int r;

        r = write_elf_header(layout, true);
        return r < 0 ? r : sink_sync(layout->dump->sink);
}

/* After any error a core of what was written is better than none. */
static int salvage(Layout *layout, uint64_t written_offset)
{
        int r;

        if (written_offset == layout->data_offset)
                return -ENODATA;
        segments_cut(layout, written_offset);
        r = rewrite_program_headers(layout);
        if (r >= 0)
                r = sink_sync(layout->dump->sink);
        return r < 0 ? r : claim_incomplete(layout);
}

static bool is_incomplete(const DumpElf *dump, uint64_t n_missing)
{
        return n_missing > 0 || (dump->incomplete && dump->incomplete(dump->incomplete_data));
}

static int write_start(const Layout *layout)
{
        const DumpElf *dump = layout->dump;
        int r = 0;

        if (dump->sink->ops->in_order)
                r = write_elf_header(layout, is_incomplete(dump, layout->segments->n_missing));
        if (r >= 0)
                r = write_program_headers(layout);
        return r < 0 ? r : write_notes(layout);
}

static int write_all(Layout *layout, void *reader, DumpElfResult *result)
{
        const DumpElf *dump = layout->dump;
        const PipelineCounts nothing = result->counts;
        bool in_order = dump->sink->ops->in_order;
        uint64_t written_offset = layout->data_offset;
        int r;

        r = write_start(layout);
        if (r < 0)
                return r;
        r = dump_elf_copy(dump, reader, layout->segments, layout->data_offset, &written_offset,
                          layout->losses, &result->counts);
        result->file_bytes = written_offset;
        result->n_lost_as_zero = layout->losses->n_more;
        if (r >= 0 && layout->losses->n_items > 0)
                r = rewrite_program_headers(layout);
        if (r >= 0)
                r = sink_sync(dump->sink);
        if (r >= 0 && !in_order)
                r = claim_incomplete(layout);
        if (r < 0 && !in_order && salvage(layout, written_offset) < 0) {
                result->counts = nothing; /* not sure to be taken for a core */
                result->file_bytes = 0;
        }
        return r;
}

/* The first pass touches all memory: whoever watches must see that it goes on. */
static int report_visited(void *data, uint64_t n_pages)
{
        const DumpElf *dump = data;
        const PipelineCounts counts = { .n_pages = n_pages };

        if (dump->progress)
                dump->progress(dump->progress_data, &counts, 0);
        return deadline_passed(dump->deadline_usec) ? -ETIME : 0;
}

int dump_elf_run(const DumpElf *dump, DumpElfResult *ret)
{
        _cleanup_(dump_segments_done) DumpSegments segments = {};
        DumpElfLosses losses = {};
        const DumpSegmentsProgress progress = { .fn = report_visited, .data = (void *) dump };
        uint64_t start_usec = now_boottime_usec();
        void *reader = NULL;
        Layout layout;
        int r;

        *ret = (DumpElfResult){};
        if (dump->sink->ops->write_once && !dump->sink->ops->in_order)
                return -EINVAL;
        r = dump->source->reader_new(dump->source->data, &reader);
        if (r < 0)
                return r;
        r = dump_segments_find(dump->source, reader, SEGMENTS_MAX, &progress, &segments);
        ret->counts.plan_usec = now_boottime_usec() - start_usec;
        if (r >= 0)
                r = layout_init(&layout, dump, &segments, &losses);
        if (r >= 0) {
                ret->n_pages = segments.n_pages;
                ret->gap_pages = segments.gap_pages;
                ret->counts.n_pages = ret->counts.n_missing = segments.n_missing;
                r = write_all(&layout, reader, ret);
        }
        dump->source->reader_free(reader);
        return r;
}

static int write_flags(Sink *sink, Elf64_Word flags)
{
        return sink_write(sink, offsetof(Elf64_Ehdr, e_flags), &flags, sizeof(flags));
}

int dump_elf_commit(const DumpElf *dump, const DumpElfResult *result)
{
        bool whole = !dump->sink->ops->in_order && !is_incomplete(dump, result->counts.n_missing);
        int r = 0;

        if (whole)
                r = write_flags(dump->sink, 0);
        if (r >= 0)
                r = sink_commit(dump->sink);
        /* A write that failed may be in the file all the same. */
        if (r < 0 && whole && write_flags(dump->sink, FLAG_INCOMPLETE) >= 0)
                (void) sink_sync(dump->sink);
        return r;
}
