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
        const DumpSegments *segments;
        uint64_t page_bytes;
        uint32_t n_headers;
        uint64_t section_offset; /* of the section header; 0: none is needed */
        uint64_t notes_offset, data_offset, end_offset;
} Layout;

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

/* The part of a segment that holds the kernel's image. false: none of it. */
static bool kernel_part(const Layout *layout, const DumpSegment *segment, uint64_t *ret_skipped,
                        uint64_t *ret_n_pages)
{
        const ElfInfo *info = layout->dump->info;
        uint64_t start, end;

        if (info->kernel_map_start_paddr >= info->kernel_map_end_paddr)
                return false;
        start = MAX(segment->first_pfn, info->kernel_map_start_paddr / layout->page_bytes);
        end = MIN(segment->first_pfn + segment->n_pages,
                  DIV_ROUND_UP(info->kernel_map_end_paddr, layout->page_bytes));
        if (start >= end)
                return false;
        *ret_skipped = start - segment->first_pfn;
        *ret_n_pages = end - start;
        return true;
}

static int layout_init(Layout *layout, const DumpElf *dump, const DumpSegments *segments)
{
        uint64_t n_pages = 0, skipped, n, bytes;
        size_t n_headers = 1;

        *layout = (Layout){
                .dump = dump,
                .segments = segments,
                .page_bytes = dump->source->page_size_bytes,
        };
        for (size_t i = 0; i < segments->n_items; i++) {
                n_pages += segments->items[i].n_pages;
                n_headers += kernel_part(layout, &segments->items[i], &skipped, &n) ? 2 : 1;
        }
        layout->n_headers = (uint32_t) n_headers;
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

static int write_elf_header(const Layout *layout, bool incomplete)
{
        const Elf64_Ehdr header = {
                .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, DATA_NATIVE,
                             EV_CURRENT },
                .e_type = ET_CORE,
                .e_machine = layout->dump->info->machine,
                .e_version = EV_CURRENT,
                .e_phoff = sizeof(Elf64_Ehdr),
                .e_shoff = layout->section_offset,
                .e_flags = incomplete ? FLAG_INCOMPLETE : 0,
                .e_ehsize = sizeof(Elf64_Ehdr),
                .e_phentsize = sizeof(Elf64_Phdr),
                .e_phnum = (uint16_t) MIN(layout->n_headers, (uint32_t) PN_XNUM),
                .e_shentsize = layout->section_offset > 0 ? sizeof(Elf64_Shdr) : 0,
                .e_shnum = layout->section_offset > 0 ? 1 : 0,
        };

        return sink_write(layout->dump->sink, 0, &header, sizeof(header));
}

/* The kernel's image first, as in /proc/vmcore (kernel/crash_core.c,
 * crash_prepare_elf64_headers(), v6.12), then all memory. @kernel: which of them. */
static int write_loads(const Layout *layout, HeaderQueue *queue, bool kernel)
{
        const ElfInfo *info = layout->dump->info;
        uint64_t offset = layout->data_offset, page_bytes = layout->page_bytes;
        uint64_t delta = kernel ? info->kernel_map_delta : info->direct_map_delta;
        int r;

        for (size_t i = 0; i < layout->segments->n_items; i++) {
                const DumpSegment *segment = &layout->segments->items[i];
                uint64_t skipped = 0, n_pages = segment->n_pages;
                bool has = !kernel || kernel_part(layout, segment, &skipped, &n_pages);
                /* p_align 0 as in /proc/vmcore: crash tells dumps of a kernel by it. */
                Elf64_Phdr header = {
                        .p_type = PT_LOAD,
                        .p_flags = PF_R | PF_W | PF_X,
                        .p_offset = offset + skipped * page_bytes,
                        .p_paddr = (segment->first_pfn + skipped) * page_bytes,
                        .p_filesz = n_pages * page_bytes,
                        .p_memsz = n_pages * page_bytes,
                };

                offset += segment->n_pages * page_bytes;
                if (!has)
                        continue;
                header.p_vaddr = delta == 0 ? 0 : header.p_paddr + delta;
                r = queue_add(queue, &header);
                if (r < 0)
                        return r;
        }
        return 0;
}

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
        int r;

        r = queue_add(&queue, &note);
        if (r >= 0)
                r = write_loads(layout, &queue, true);
        if (r >= 0)
                r = write_loads(layout, &queue, false);
        if (r >= 0)
                r = queue_flush(&queue);
        if (r < 0 || layout->section_offset == 0)
                return r;
        return sink_write(layout->dump->sink, layout->section_offset, &section, sizeof(section));
}

static int write_notes(const Layout *layout)
{
        static const uint8_t zeros[4096];
        const ElfInfo *info = layout->dump->info;
        uint64_t at = layout->notes_offset + info->notes_size;
        int r;

        r = sink_write(layout->dump->sink, layout->notes_offset, info->notes, info->notes_size);
        while (r >= 0 && at < layout->data_offset) {
                size_t n = (size_t) MIN(layout->data_offset - at, (uint64_t) sizeof(zeros));

                r = sink_write(layout->dump->sink, at, zeros, n);
                at += n;
        }
        return r;
}

/* No more came than that: leaves the segments that end before @written_offset, and the start of the
 * next.
 */
static void segments_cut(DumpSegments *segments, const Layout *layout, uint64_t written_offset)
{
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
static int rewrite_headers(const Layout *layout, DumpSegments *segments, uint64_t written_offset)
{
        Layout cut;
        int r;

        segments_cut(segments, layout, written_offset);
        r = layout_init(&cut, layout->dump, segments);
        if (r < 0)
                return r;
        cut.section_offset = cut.section_offset > 0 ? layout->section_offset : 0;
        cut.notes_offset = layout->notes_offset;
        cut.data_offset = layout->data_offset;
        r = write_program_headers(&cut);
        if (r >= 0)
                r = sink_sync(layout->dump->sink);
        return r < 0 ? r : write_elf_header(&cut, true);
}

/* After any error a core of what was written is better than none. */
static int salvage(const Layout *layout, DumpSegments *segments, uint64_t written_offset)
{
        if (written_offset == layout->data_offset)
                return -ENODATA;
        return rewrite_headers(layout, segments, written_offset);
}

static bool is_incomplete(const DumpElf *dump, uint64_t n_missing)
{
        return n_missing > 0 || (dump->incomplete && dump->incomplete(dump->incomplete_data));
}

static int write_start(const Layout *layout, const DumpSegments *segments)
{
        const DumpElf *dump = layout->dump;
        int r = 0;

        if (dump->sink->ops->in_order)
                r = write_elf_header(layout, is_incomplete(dump, segments->n_missing));
        if (r >= 0)
                r = write_program_headers(layout);
        return r < 0 ? r : write_notes(layout);
}

static int write_all(const Layout *layout, DumpSegments *segments, void *reader,
                     DumpElfResult *result)
{
        const DumpElf *dump = layout->dump;
        const PipelineCounts nothing = result->counts;
        bool in_order = dump->sink->ops->in_order;
        uint64_t written_offset = layout->data_offset;
        int r;

        r = write_start(layout, segments);
        if (r < 0)
                return r;
        r = dump_elf_copy(dump, reader, segments, layout->data_offset, &written_offset,
                          &result->counts);
        result->file_bytes = written_offset;
        if (r >= 0)
                r = sink_sync(dump->sink);
        if (r >= 0 && !in_order)
                r = write_elf_header(layout, is_incomplete(dump, result->counts.n_missing));
        if (r < 0 && !in_order && salvage(layout, segments, written_offset) < 0) {
                result->counts = nothing; /* no reader takes it for a core */
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
                r = layout_init(&layout, dump, &segments);
        if (r >= 0) {
                ret->n_pages = segments.n_pages;
                ret->gap_pages = segments.gap_pages;
                ret->counts.n_pages = ret->counts.n_missing = segments.n_missing;
                ret->counts.first_missing_pfn = segments.first_missing_pfn;
                r = write_all(&layout, &segments, reader, ret);
        }
        dump->source->reader_free(reader);
        return r;
}
