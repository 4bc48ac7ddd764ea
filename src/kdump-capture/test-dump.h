/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For tests of the writing side: pages made up, a sink in memory, and a reader of its own for what
 * was written. */
#pragma once

#include <lzo/lzo1x.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <zlib.h>

#include "bits.h"
#include "dump-source.h"
#include "sink.h"
#include "test.h"

#define TEST_PAGE ((size_t) 4096)

/* One letter per page. */
#define PAGE_HOLE '.'     /* not memory */
#define PAGE_ZERO '0'     /* nothing but zeros */
#define PAGE_TEXT 't'     /* shrinks */
#define PAGE_RANDOM 'r'   /* does not */
#define PAGE_ALMOST '1'   /* zeros but for the last byte */
#define PAGE_ONES 'F'     /* nothing but 0xff */
#define PAGE_POISON 'k'   /* one word over and over, of 40 kinds */
#define PAGE_BAD 'b'      /* cannot be shown */
#define PAGE_FAULT 'f'    /* faults when touched */
#define PAGE_EXCLUDED 'x' /* memory that is not to be written */

typedef struct FakePages {
        PageSource source;
        const char *kinds;
        uint8_t *memory;
        size_t shown_max; /* 0: as many as asked for */
        atomic_uint n_windows, n_readers;
        atomic_ulong n_asked;                    /* pages that dumpable() was asked for */
        unsigned readers_max;                    /* 0: any number */
        const char *valuable;                    /* kinds of pages, by fake_set_valuable() */
        atomic_ulong n_missing, n_missing_wrong; /* by missing() */
} FakePages;

typedef struct FakeReader {
        FakePages *fake;
} FakeReader;

static inline bool fake_exists(char kind)
{
        return kind != PAGE_HOLE;
}

static inline bool fake_dumpable(char kind)
{
        return kind != PAGE_HOLE && kind != PAGE_EXCLUDED;
}

static inline void fake_fill_bits(FakePages *fake, uint64_t first_pfn, size_t n_pfns, uint8_t *bits,
                                  bool (*predicate)(char))
{
        assert_int_equal(first_pfn % 8, 0);
        memset(bits, 0, DIV_ROUND_UP(n_pfns, 8));
        for (size_t i = 0; i < n_pfns; i++)
                if (predicate(fake->kinds[first_pfn + i]))
                        bits[i / 8] |= (uint8_t) (1U << (i % 8));
}

static inline void fake_fill_exists(void *data, uint64_t first_pfn, size_t n_pfns, uint8_t *bits)
{
        fake_fill_bits(data, first_pfn, n_pfns, bits, fake_exists);
}

static inline void fake_fill_dumpable(void *data, uint64_t first_pfn, size_t n_pfns, uint8_t *bits)
{
        FakePages *fake = ((FakeReader *) data)->fake;

        assert_int_equal(first_pfn % PAGE_SOURCE_ALIGN_PFNS, 0);
        assert_true(n_pfns % PAGE_SOURCE_ALIGN_PFNS == 0 ||
                    first_pfn + n_pfns == fake->source.end_pfn);
        fake->n_asked += n_pfns;
        fake_fill_bits(fake, first_pfn, n_pfns, bits, fake_dumpable);
}

/* Tells of pages as if all of memory were to be written. */
static inline void fake_fill_valuable(void *data, uint64_t first_pfn, size_t n_pfns, uint8_t *bits)
{
        FakePages *fake = ((FakeReader *) data)->fake;

        assert_int_equal(first_pfn % PAGE_SOURCE_ALIGN_PFNS, 0);
        memset(bits, 0, DIV_ROUND_UP(n_pfns, 8));
        for (size_t i = 0; i < n_pfns; i++)
                if (strchr(fake->valuable, fake->kinds[first_pfn + i]))
                        bits[i / 8] |= (uint8_t) (1U << (i % 8));
}

static inline uint64_t fake_next(void *data, uint64_t pfn)
{
        FakePages *fake = data;

        for (; pfn < fake->source.end_pfn; pfn++)
                if (fake_exists(fake->kinds[pfn]))
                        return pfn;
        return UINT64_MAX;
}

static inline int fake_reader_new(void *data, void **ret_reader)
{
        FakePages *fake = data;
        FakeReader *reader;

        if (fake->readers_max > 0 && fake->n_readers >= fake->readers_max)
                return -ENOMEM;
        reader = malloc(sizeof(*reader));
        assert_non_null(reader);
        reader->fake = fake;
        fake->n_readers++;
        *ret_reader = reader;
        return 0;
}

static inline void fake_reader_free(void *reader)
{
        free(reader);
}

static inline int fake_window(void *data, uint64_t pfn, size_t n_pages, const uint8_t **ret,
                              size_t *ret_n_pages)
{
        FakePages *fake = ((FakeReader *) data)->fake;

        fake->n_windows++;
        assert_true(n_pages > 0 && pfn + n_pages <= fake->source.end_pfn);
        for (size_t i = 0; i < n_pages; i++) {
                assert_true(fake_dumpable(fake->kinds[pfn + i]));
                if (fake->kinds[pfn + i] == PAGE_BAD)
                        return -EFAULT;
        }
        *ret = fake->memory + pfn * TEST_PAGE;
        *ret_n_pages = fake->shown_max > 0 ? MIN(n_pages, fake->shown_max) : n_pages;
        return 0;
}

static _Thread_local sigjmp_buf fake_jump;

static inline void fake_sigbus(int signal_number)
{
        siglongjmp(fake_jump, 1);
}

static inline int fake_guarded(int (*fn)(void *fn_data), void *fn_data)
{
        if (sigsetjmp(fake_jump, 1) != 0)
                return -EFAULT;
        return fn(fn_data);
}

static inline void fake_fill_page(uint8_t *page, char kind, size_t pfn)
{
        uint64_t x = 88172645463325252U + pfn;

        switch (kind) {
        case PAGE_TEXT:
                for (size_t i = 0; i < 18; i++)
                        page[i] = (uint8_t) ("some words of page"[i] + pfn % 50);
                for (size_t i = 18; i < TEST_PAGE; i *= 2)
                        memcpy(page + i, page, MIN(i, TEST_PAGE - i));
                for (size_t i = 0; i < TEST_PAGE; i += 1000)
                        page[i] = (uint8_t) (i / 1000);
                break;
        case PAGE_RANDOM:
                for (size_t i = 0; i < TEST_PAGE; i += sizeof(x)) {
                        x ^= x << 13;
                        x ^= x >> 7;
                        x ^= x << 17;
                        memcpy(page + i, &x, sizeof(x));
                }
                break;
        case PAGE_ONES:
                memset(page, 0xff, TEST_PAGE);
                break;
        case PAGE_POISON:
                for (size_t i = 0; i < TEST_PAGE; i++)
                        page[i] = (uint8_t) (i % 8 == 3 ? pfn % 40 : 0x6b);
                break;
        case PAGE_ALMOST:
                page[TEST_PAGE - 1] = 1;
                break;
        case PAGE_FAULT: {
                /* A mapping of a file that is too short. */
                int fd = memfd_create("empty", MFD_CLOEXEC);

                assert_ptr_equal(mmap(page, TEST_PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0),
                                 page);
                close_fd(fd);
                break;
        }
        default:
                break;
        }
}

/* @kinds must outlive *ret. */
static inline void fake_missing(void *data, uint64_t pfn)
{
        FakePages *fake = data;
        bool expected = fake->kinds[pfn] == PAGE_BAD || fake->kinds[pfn] == PAGE_FAULT;

        atomic_fetch_add(expected ? &fake->n_missing : &fake->n_missing_wrong, 1);
}

static inline void fake_init(FakePages *ret, const char *kinds)
{
        struct sigaction action = { .sa_handler = fake_sigbus };
        size_t n = strlen(kinds);

        *ret = (FakePages) {
                .source = {
                        .data = ret,
                        .page_size_bytes = TEST_PAGE,
                        .end_pfn = n,
                        .exists = fake_fill_exists,
                        .next = fake_next,
                        .reader_new = fake_reader_new,
                        .reader_free = fake_reader_free,
                        .dumpable = fake_fill_dumpable,
                        .window = fake_window,
                        .missing = fake_missing,
                        .guarded = fake_guarded,
                },
                .kinds = kinds,
                .memory = mmap(NULL, MAX(n, (size_t) 1) * TEST_PAGE, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
        };
        assert_true(ret->memory != MAP_FAILED);
        if (n < 32768) /* else few of them are more than zeros */
                (void) madvise(ret->memory, n * TEST_PAGE, MADV_HUGEPAGE);
        for (size_t i = 0; i < n; i++)
                fake_fill_page(ret->memory + i * TEST_PAGE, kinds[i], i);
        assert_int_equal(sigaction(SIGBUS, &action, NULL), 0);
}

/* From now on pages of these @kinds are valuable. */
static inline void fake_set_valuable(FakePages *fake, const char *kinds)
{
        fake->valuable = kinds;
        fake->source.valuable = fake_fill_valuable;
}

static inline void fake_done(FakePages *fake)
{
        (void) munmap(fake->memory, MAX(strlen(fake->kinds), (size_t) 1) * TEST_PAGE);
}

/* @pattern, over and over, up to @n letters. The caller frees it. */
static inline char *fake_repeat(const char *pattern, size_t n)
{
        char *kinds = malloc(n + 1);

        assert_non_null(kinds);
        for (size_t i = 0; i < n; i++)
                kinds[i] = pattern[i % strlen(pattern)];
        kinds[n] = '\0';
        return kinds;
}

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
