/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For tests of the writing side: a sink in memory, and a reader of its own for what was written. */
#pragma once

#include <lzo/lzo1x.h>
#include <zlib.h>

#include "sink.h"
#include "test-fake-pages.h"

/* Reserved at once and only filled in, so that several threads can write to it. */
#define MEMORY_SINK_BYTES_MAX (UINT64_C(512) << 20)

typedef struct MemorySink {
        Sink sink;
        uint8_t *data;
        bool mapped; /* @data is of MEMORY_SINK_BYTES_MAX, else of malloc() */
        _Atomic uint64_t size;
        uint64_t limit; /* 0: none; behind it, @limit_error (0: -ENOSPC) */
        int limit_error;
        uint64_t error_at; /* 0: nowhere; a write there gives @error */
        int error;
        uint32_t status_at_sync;
        unsigned n_syncs;
        bool committed;
} MemorySink;

static inline int memory_write(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        MemorySink *memory = (MemorySink *) sink;
        uint64_t end = offset_bytes + size, before;

        assert_false(memory->committed);
        if (memory->error_at > 0 && offset_bytes <= memory->error_at && end > memory->error_at)
                return memory->error;
        if (memory->limit > 0 && end > memory->limit)
                return memory->limit_error ?: -ENOSPC;
        assert_true(end <= MEMORY_SINK_BYTES_MAX);
        if (!memory->data) {
                memory->data = mmap(NULL, MEMORY_SINK_BYTES_MAX, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
                assert_true(memory->data != MAP_FAILED);
                (void) madvise(memory->data, MEMORY_SINK_BYTES_MAX, MADV_HUGEPAGE);
                memory->mapped = true;
        }
        if (size > 0)
                memcpy(memory->data + offset_bytes, data, size);
        before = memory->size;
        while (before < end && !atomic_compare_exchange_weak(&memory->size, &before, end))
                ;
        return 0;
}

static inline int memory_reserve(Sink *sink, uint64_t offset_bytes, uint64_t size_bytes)
{
        MemorySink *memory = (MemorySink *) sink;

        if (memory->limit > 0 && offset_bytes + size_bytes > memory->limit)
                return -ENOSPC;
        return 0;
}

static inline int memory_write_data(Sink *sink, uint64_t offset_bytes, const void *data,
                                    size_t size)
{
        assert_int_equal(offset_bytes % SINK_DATA_ALIGN, 0);
        assert_int_equal(size % SINK_DATA_ALIGN, 0);
        assert_int_equal((uintptr_t) data % SINK_DATA_ALIGN, 0);
        return memory_write(sink, offset_bytes, data, size);
}

static inline int memory_sync(Sink *sink)
{
        MemorySink *memory = (MemorySink *) sink;

        memcpy(&memory->status_at_sync, memory->data + 424, sizeof(uint32_t));
        memory->n_syncs++;
        return 0;
}

static inline int memory_commit(Sink *sink)
{
        ((MemorySink *) sink)->committed = true;
        return 0;
}

static inline void memory_free(Sink *sink)
{
        MemorySink *memory = (MemorySink *) sink;

        if (memory->mapped)
                (void) munmap(memory->data, MEMORY_SINK_BYTES_MAX);
        else
                free(memory->data);
}

static const SinkOps memory_ops = {
        .name = "memory",
        .reserve = memory_reserve,
        .write = memory_write,
        .write_data = memory_write_data,
        .sync = memory_sync,
        .commit = memory_commit,
        .free = memory_free,
};

/* The numbers of a file, read at the places that the format gives them, not through our structures.
 */
static inline uint32_t file_u32(const MemorySink *file, uint64_t offset)
{
        uint32_t value;

        assert_true(offset + sizeof(value) <= file->size);
        memcpy(&value, file->data + offset, sizeof(value));
        return value;
}

static inline uint64_t file_u64(const MemorySink *file, uint64_t offset)
{
        uint64_t value;

        assert_true(offset + sizeof(value) <= file->size);
        memcpy(&value, file->data + offset, sizeof(value));
        return value;
}

static inline bool file_bit(const MemorySink *file, uint64_t bitmap, uint64_t pfn)
{
        assert_true(bitmap + pfn / 8 < file->size);
        return file->data[bitmap + pfn / 8] >> (pfn % 8) & 1;
}

static inline uint64_t file_bitmap(const MemorySink *file, unsigned which)
{
        uint64_t block = file_u32(file, 428);

        return block * (1 + file_u32(file, 432)) + which * (file_u32(file, 436) / 2) * block;
}

typedef enum ReadResult {
        READ_NO_MEMORY,
        READ_EXCLUDED,
        READ_MISSING,
        READ_PAGE,
} ReadResult;

/* The page @pfn of the file, as a reader sees it. *rank is the number of pages before it that have
 * a descriptor, and then of those before the next page. */
static inline ReadResult file_next_page(const MemorySink *file, uint64_t pfn, uint64_t *rank,
                                        uint8_t page[TEST_PAGE])
{
        uint64_t desc, offset;
        uint32_t size, flags;
        uLongf n = TEST_PAGE;
        lzo_uint n_lzo = TEST_PAGE;

        if (!file_bit(file, file_bitmap(file, 0), pfn))
                return READ_NO_MEMORY;
        if (!file_bit(file, file_bitmap(file, 1), pfn))
                return READ_EXCLUDED;
        desc = file_bitmap(file, 2) + 24 * (*rank)++;
        offset = file_u64(file, desc);
        size = file_u32(file, desc + 8);
        flags = file_u32(file, desc + 12);
        assert_int_equal(file_u64(file, desc + 16), 0);
        if (offset == 0) {
                assert_int_equal(size, 0);
                return READ_MISSING;
        }
        assert_true(offset + size <= file->size);
        switch (flags) {
        case 0:
                assert_int_equal(size, TEST_PAGE);
                memcpy(page, file->data + offset, TEST_PAGE);
                return READ_PAGE;
        case 1:
                assert_true(size < TEST_PAGE);
                assert_int_equal(uncompress(page, &n, file->data + offset, size), Z_OK);
                assert_int_equal(n, TEST_PAGE);
                return READ_PAGE;
        case 2:
                assert_true(size < TEST_PAGE);
                assert_int_equal(
                        lzo1x_decompress_safe(file->data + offset, size, page, &n_lzo, NULL),
                        LZO_E_OK);
                assert_int_equal(n_lzo, TEST_PAGE);
                return READ_PAGE;
        default:
                fail_msg("flags 0x%x", flags);
                return READ_MISSING;
        }
}

static inline ReadResult file_page(const MemorySink *file, uint64_t pfn, uint8_t page[TEST_PAGE])
{
        uint64_t bitmap2 = file_bitmap(file, 1), rank;

        assert_true(bitmap2 + pfn / 8 < file->size);
        rank = bits_count(file->data + bitmap2, 0, pfn);
        return file_next_page(file, pfn, &rank, page);
}

/* assert_memory_equal() looks at each byte for itself. */
static inline void fake_check_page(const FakePages *fake, uint64_t pfn, const uint8_t *page)
{
        const uint8_t *expected = fake->memory + pfn * TEST_PAGE;

        if (memcmp(page, expected, TEST_PAGE) != 0)
                assert_memory_equal(page, expected, TEST_PAGE);
}

/* Every page of @fake up to @n_pfns reads back from @file as what it is. */
static inline void file_check_pages(const MemorySink *file, const FakePages *fake)
{
        uint8_t page[TEST_PAGE];
        uint64_t rank = 0;

        for (uint64_t pfn = 0; pfn < fake->source.end_pfn; pfn++) {
                ReadResult result = file_next_page(file, pfn, &rank, page);

                switch (fake->kinds[pfn]) {
                case PAGE_HOLE:
                        assert_int_equal(result, READ_NO_MEMORY);
                        break;
                case PAGE_EXCLUDED:
                        assert_int_equal(result, READ_EXCLUDED);
                        break;
                case PAGE_BAD:
                case PAGE_FAULT:
                        assert_int_equal(result, READ_MISSING);
                        break;
                default:
                        assert_int_equal(result, READ_PAGE);
                        fake_check_page(fake, pfn, page);
                }
        }
}

/* Each page to be written reads back as itself or as missing, and the file says that it is
 * incomplete. Returns how many read back. */
static inline uint64_t file_check_partial(const MemorySink *file, const FakePages *fake)
{
        uint8_t page[TEST_PAGE];
        uint64_t n_pages = 0, rank = 0;

        for (uint64_t pfn = 0; pfn < fake->source.end_pfn; pfn++) {
                ReadResult result = file_next_page(file, pfn, &rank, page);

                if (result == READ_MISSING)
                        continue;
                assert_int_equal(result, READ_PAGE);
                fake_check_page(fake, pfn, page);
                n_pages++;
        }
        assert_int_equal(file_u32(file, 424) & 0x8, 0x8);
        return n_pages;
}
