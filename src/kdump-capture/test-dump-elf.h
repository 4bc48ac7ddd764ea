/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For tests of ELF cores: writing one, and a reader of its own for what was written. */
#pragma once

#include <elf.h>

#include "dump-elf.h"
#include "test-dump.h"

#define DIRECT_MAP UINT64_C(0xffff888000000000)
#define KERNEL_MAP UINT64_C(0xffffffff80000000)

static const char notes[] = "notes of some length";

static const ElfInfo plain_info = {
        .machine = EM_X86_64,
        .notes = (const uint8_t *) notes,
        .notes_size = sizeof(notes),
        .direct_map_delta = DIRECT_MAP,
};

/* A sink that takes bytes in order, in front of one in memory. */
typedef struct OrderedSink {
        Sink sink;
        MemorySink *memory;
} OrderedSink;

static inline int ordered_write(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        MemorySink *memory = ((OrderedSink *) sink)->memory;

        assert_true(offset_bytes == memory->size);
        return memory_write(&memory->sink, offset_bytes, data, size);
}

static inline int ordered_sync(Sink *sink)
{
        return 0;
}

static const SinkOps ordered_ops = {
        .write_once = true,
        .in_order = true,
        .write = ordered_write,
        .sync = ordered_sync,
        .commit = ordered_sync,
};

static inline int write_core(const DumpElf *dump, DumpElfResult *ret)
{
        int r = dump_elf_run(dump, ret);

        return r < 0 ? r : dump_elf_commit(dump, ret);
}

static inline int run(MemorySink *file, bool in_order, const FakePages *fake, const ElfInfo *info,
                      DumpElfResult *ret)
{
        OrderedSink ordered = { .sink.ops = &ordered_ops, .memory = file };
        DumpElf dump = {
                .sink = in_order ? &ordered.sink : &file->sink,
                .source = &fake->source,
                .info = info,
        };

        return write_core(&dump, ret);
}

static inline Elf64_Ehdr header_of(const MemorySink *file)
{
        Elf64_Ehdr header;

        memcpy(&header, file->data, sizeof(header));
        return header;
}

static inline size_t n_headers_of(const MemorySink *file)
{
        Elf64_Ehdr header = header_of(file);
        Elf64_Shdr section;

        if (header.e_phnum != PN_XNUM)
                return header.e_phnum;
        assert_true(header.e_shoff >= sizeof(header));
        memcpy(&section, file->data + header.e_shoff, sizeof(section));
        return section.sh_info;
}

static inline Elf64_Phdr segment_of(const MemorySink *file, size_t i)
{
        Elf64_Phdr segment;

        memcpy(&segment, file->data + 64 + i * sizeof(segment), sizeof(segment));
        return segment;
}

/* The page as a reader finds it; NULL: it is in no segment of all memory. */
static const uint8_t *page_of(const MemorySink *file, uint64_t pfn)
{
        const uint8_t *found = NULL;

        for (size_t i = 1; i < n_headers_of(file); i++) {
                Elf64_Phdr segment = segment_of(file, i);
                uint64_t at = pfn * TEST_PAGE - segment.p_paddr;

                assert_int_equal(segment.p_type, PT_LOAD);
                assert_int_equal(segment.p_filesz, segment.p_memsz);
                assert_true(segment.p_offset + segment.p_filesz <= file->size);
                if (segment.p_vaddr >= KERNEL_MAP || pfn * TEST_PAGE < segment.p_paddr ||
                    at >= segment.p_memsz)
                        continue;
                assert_null(found);
                assert_true(segment.p_vaddr == segment.p_paddr + DIRECT_MAP);
                found = file->data + segment.p_offset + at;
        }
        return found;
}

static inline void check_pages(const MemorySink *file, const FakePages *fake, uint64_t end_pfn)
{
        for (uint64_t pfn = 0; pfn < end_pfn; pfn++) {
                const uint8_t *page = page_of(file, pfn);

                switch (fake->kinds[pfn]) {
                case PAGE_HOLE:
                case PAGE_EXCLUDED:
                case PAGE_BAD:
                case PAGE_FAULT:
                        assert_null(page);
                        break;
                default:
                        assert_non_null(page);
                        assert_memory_equal(page, fake->memory + pfn * TEST_PAGE, TEST_PAGE);
                }
        }
}
