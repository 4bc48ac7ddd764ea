/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For tests of the writing side: pages made up. */
#pragma once

#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "bits.h"
#include "dump-source.h"
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
