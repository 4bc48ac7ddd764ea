/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests that a delta over what is armed leaves what all of the image would. */
#include "segment-delta.h"
#include "test-layout.h"

#define N_ROUNDS 1000
#define AREA_PADDR GIB
#define AREA_PAGES 200U
#define AREA_BYTES (AREA_PAGES * 4096U)
#define BIG_MAX 6U
#define SMALL_MAX 3U

/* An image of made-up segments, with room for what they copy. */
typedef struct Fake {
        SegmentImage image;
        uint8_t *data; /* AREA_BYTES; of each segment where it would be in the area */
} Fake;

static Fake fake_new(void)
{
        Fake fake = { .data = calloc(AREA_PAGES, PAGE) };

        assert_non_null(fake.data);
        return fake;
}

static void fake_done(Fake *fake)
{
        free(fake->data);
}

/* From @page on; @bytes are copied. In the order of addresses. */
static void fake_add(Fake *fake, uint64_t page, uint64_t bytes, bool small)
{
        Layout *layout = &fake->image.crash.layout;
        uint64_t start = AREA_PADDR + page * PAGE, pages = DIV_ROUND_UP(bytes, PAGE);
        const struct kexec_segment segment = {
                .buf = fake->data + page * PAGE,
                .bufsz = bytes,
                .mem = (void *) (uintptr_t) start,
                .memsz = pages * PAGE,
        };
        SegmentList *full = &fake->image.full, *list = &fake->image.small;

        assert_true(page + pages <= AREA_PAGES && full->n < LAYOUT_SEGMENTS_MAX);
        layout->segments[layout->n_segments++] =
                (LayoutSegment){ { start, start + pages * PAGE }, small };
        full->segments[full->n++] = segment;
        if (small)
                list->segments[list->n++] = segment;
}

/* As the kernel does it. */
static void load(const SegmentList *list, uint8_t *area)
{
        for (size_t i = 0; i < list->n; i++) {
                const struct kexec_segment *segment = list->segments + i;
                uint8_t *at = area + ((uintptr_t) segment->mem - AREA_PADDR);

                memset(at, 0, segment->memsz);
                memcpy(at, segment->buf, segment->bufsz);
        }
}

/* Few kinds of pages, so that some are where they were; and some are zeros, or end with them. */
static void fill(uint8_t *data, uint64_t *seed)
{
        for (unsigned i = 0; i < AREA_PAGES; i++) {
                uint8_t *page = data + (uint64_t) i * PAGE;

                memset(page, (int) test_random_up_to(seed, 2), PAGE);
                if (test_random_up_to(seed, 3) == 0)
                        memset(page + test_random_up_to(seed, PAGE - 1), 0, 1);
        }
}

static Fake fake_random(uint64_t *seed)
{
        Fake fake = fake_new();
        unsigned n_big = 0, n_small = 0;

        fill(fake.data, seed);
        for (uint64_t page = test_random_up_to(seed, 8); page < AREA_PAGES;) {
                uint64_t pages = MIN(1 + test_random_up_to(seed, 50), AREA_PAGES - page);
                bool small = test_random_up_to(seed, 2) == 0;

                if (small ? n_small == SMALL_MAX : n_big == BIG_MAX)
                        break;
                fake_add(&fake, page, pages * PAGE - test_random_up_to(seed, PAGE - 1), small);
                page += pages + test_random_up_to(seed, 3);
                *(small ? &n_small : &n_big) += 1;
        }
        return fake;
}

/* Sorted whole pages, of as many bytes as there are to copy, and not too many of them. */
static void check_list(const SegmentList *list, const Fake *fake)
{
        uint64_t end = AREA_PADDR;

        assert_true(list->n >= fake->image.small.n && list->n <= LAYOUT_SEGMENTS_MAX);
        assert_true(segment_list_bytes(list) <= segment_list_bytes(&fake->image.full));
        for (size_t i = 0; i < list->n; i++) {
                const struct kexec_segment *segment = list->segments + i;
                uint64_t start = (uintptr_t) segment->mem;

                assert_true(start >= end && segment->memsz > 0);
                assert_int_equal((start | segment->memsz) % PAGE, 0);
                assert_true(segment->bufsz <= segment->memsz &&
                            segment->bufsz > segment->memsz - PAGE);
                end = start + segment->memsz;
        }
        assert_true(end <= AREA_PADDR + AREA_BYTES);
}

static void check_same(const Fake *fake, const uint8_t *area, const uint8_t *expected)
{
        for (size_t i = 0; i < fake->image.full.n; i++) {
                const struct kexec_segment *segment = fake->image.full.segments + i;
                uint64_t offset = (uintptr_t) segment->mem - AREA_PADDR;

                assert_memory_equal(area + offset, expected + offset, segment->memsz);
        }
}

/* What the kernel, or the purgatory, may have written since. */
static void change_small(const Fake *fake, uint8_t *area, uint64_t *seed)
{
        for (size_t i = 0; i < fake->image.small.n; i++) {
                const struct kexec_segment *segment = fake->image.small.segments + i;
                uint64_t offset = (uintptr_t) segment->mem - AREA_PADDR;

                for (uint64_t j = 0; j < segment->memsz; j += 512)
                        area[offset + j] = (uint8_t) test_random(seed);
        }
}

static void test_delta_leaves_what_all_of_it_would(void **state)
{
        _cleanup_free_ uint8_t *area = calloc(AREA_PAGES, PAGE),
                               *expected = calloc(AREA_PAGES, PAGE);
        uint64_t seed = 0x5eed, n_delta = 0, n_full = 0;
        unsigned n_most = 0;

        assert_true(area && expected);
        for (unsigned i = 0; i < N_ROUNDS; i++) {
                _cleanup_(fake_done) Fake armed = fake_random(&seed), next = fake_random(&seed);
                SegmentList list;

                fill(area, &seed);
                load(&armed.image.full, area);
                change_small(&armed, area, &seed);
                segment_delta_make(&next.image, &armed.image, &list);
                check_list(&list, &next);
                load(&list, area);
                load(&next.image.full, expected);
                check_same(&next, area, expected);
                n_delta += segment_list_bytes(&list);
                n_full += segment_list_bytes(&next.image.full);
                n_most += list.n == LAYOUT_SEGMENTS_MAX;
        }
        assert_true(n_delta < n_full - n_full / 20);
        assert_true(n_most > N_ROUNDS / 20);
}

/* Page by page other content, in one big segment from page 1 on, and a small one behind it. */
static Fake fake_of(const char *pages)
{
        Fake fake = fake_new();
        size_t n = strlen(pages);

        for (size_t i = 0; i < n; i++)
                memset(fake.data + (1 + i) * PAGE, pages[i], PAGE);
        fake_add(&fake, 1, n * PAGE, false);
        fake_add(&fake, 1 + n, 100, true);
        return fake;
}

static void check_listed(const char *armed_pages, const char *pages, const char *expected)
{
        _cleanup_(fake_done) Fake armed = fake_of(armed_pages), next = fake_of(pages);
        char listed[AREA_PAGES + 1] = { 0 };
        SegmentList list;

        memset(listed, '.', strlen(pages));
        segment_delta_make(&next.image, &armed.image, &list);
        for (size_t i = 0; i + 1 < list.n; i++) {
                uint64_t page = ((uintptr_t) list.segments[i].mem - AREA_PADDR) / PAGE - 1;

                assert_ptr_equal(list.segments[i].buf, next.data + (1 + page) * PAGE);
                memset(listed + page, '#', list.segments[i].memsz / PAGE);
        }
        assert_ptr_equal(list.segments[list.n - 1].buf, next.image.small.segments[0].buf);
        assert_string_equal(listed, expected);
}

static void test_what_differs_is_listed(void **state)
{
        check_listed("abcdef", "abcdef", "......");
        check_listed("abcdef", "abXdef", "..#...");
        check_listed("abcdef", "XYcdeZ", "##...#");
        /* What is longer goes to where something small was. */
        check_listed("abc", "abcdef", "...###");
        check_listed("abcdef", "abc", "...");
}

/* 15 are left beside the small one: those with the least between them are one. */
static void test_small_gaps_are_loaded_too(void **state)
{
        check_listed("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                     "XaaXaaaXaaXaaXaaXaaXaXaaXaaXaaXaaXaaXaaaXaaXaaXaaaaaaaaaa"
                     "X",
                     "####...#..#..#..#..###..#..#..#..#..#...#..#..#.........."
                     "#");
}

/* The kernel clears what is behind the last byte that it copies. */
static void test_tail_counts_as_zeros(void **state)
{
        static const struct {
                uint64_t armed_bytes, bytes;
                uint8_t armed_byte, byte; /* at the end of the longer one */
                size_t n;
        } table[] = {
                { 5000, 5000, 0, 0, 0 }, { 5000, 6000, 0, 0, 0 }, { 6000, 5000, 0, 0, 0 },
                { 5000, 6000, 0, 1, 1 }, { 6000, 5000, 1, 0, 1 }, { 4096, 8192, 0, 0, 1 },
                { 8192, 4096, 7, 0, 0 }, { 8192, 8191, 7, 0, 1 }, { 8192, 8191, 0, 0, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(fake_done) Fake armed = fake_new(), next = fake_new();
                uint64_t last = MAX(table[i].armed_bytes, table[i].bytes) - 1;
                SegmentList list;

                armed.data[last] = table[i].armed_byte;
                next.data[last] = table[i].byte;
                fake_add(&armed, 0, table[i].armed_bytes, false);
                fake_add(&next, 0, table[i].bytes, false);
                segment_delta_make(&next.image, &armed.image, &list);
                if (list.n != table[i].n)
                        fail_msg("row %zu", i);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_delta_leaves_what_all_of_it_would),
                cmocka_unit_test(test_what_differs_is_listed),
                cmocka_unit_test(test_small_gaps_are_loaded_too),
                cmocka_unit_test(test_tail_counts_as_zeros),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
