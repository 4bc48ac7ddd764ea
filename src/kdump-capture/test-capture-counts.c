/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "capture-source.h"
#include "io.h"
#include "test-kdump-file.h"

static void test_what_was_left_out_is_named(void **state)
{
        const CaptureCounts none = { .n_excluded[PAGE_KEPT] = 5 };
        const CaptureCounts some = { .n_excluded = { [PAGE_FREE] = 12, [PAGE_USER] = 3 } };
        const CaptureCounts all = {
                .n_excluded = { [PAGE_FREE] = 1,
                                [PAGE_CACHE] = 2,
                                [PAGE_CACHE_PRIVATE] = 3,
                                [PAGE_USER] = 4,
                                [PAGE_HWPOISON] = 5,
                                [PAGE_OFFLINE] = 6 },
                .n_before = 7,
        };
        DumpRecord record = {};
        char *text = NULL;

        assert_int_equal(capture_counts_text(&none, &text), 0);
        assert_null(text);
        assert_int_equal(capture_counts_text(&some, &text), 0);
        assert_string_equal(text, "12 free, 3 user process data");
        free(text);
        assert_int_equal(capture_counts_text(&all, &text), 0);
        assert_string_equal(text, "1 free, 2 non-private cache, 3 private cache, "
                                  "4 user process data, 5 hwpoison, 6 offline, 7 by the source");
        free(text);

        capture_counts_record(&all, &record);
        assert_int_equal(record.n_excluded_free, 1);
        assert_int_equal(record.n_excluded_cache, 2);
        assert_int_equal(record.n_excluded_cache_private, 3);
        assert_int_equal(record.n_excluded_user, 4);
        assert_int_equal(record.n_excluded_hwpoison, 5);
        assert_int_equal(record.n_excluded_offline, 6);
        assert_int_equal(record.n_excluded_before, 7);
}

/* The writing side may ask again, for all of it or for a part. */
static void test_each_page_is_counted_once(void **state)
{
        _cleanup_(capture_source_freep) CaptureSource *source = NULL;
        _cleanup_free_ char *kinds = made_repeat("rx.xm", 10000);
        _cleanup_free_ uint8_t *bits = malloc(10000 / 8);
        _cleanup_close_ int fd = -EBADF;
        CaptureCounts counts;
        PageSource pages;
        char path[64];
        void *reader;
        Made made;

        made_init(&made, kinds, 6);
        fd = made_fd(&made, made.size);
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        assert_int_equal(capture_source_open(path, &source), 0);
        capture_source_pages(source, &pages);
        assert_int_equal(pages.reader_new(pages.data, &reader), 0);

        pages.dumpable(reader, 0, PAGE_SOURCE_ALIGN_PFNS, bits);
        capture_source_counts(source, &counts);
        assert_in_range(counts.n_before, PAGE_SOURCE_ALIGN_PFNS * 2 / 5,
                        PAGE_SOURCE_ALIGN_PFNS * 2 / 5 + 1);
        pages.dumpable(reader, PAGE_SOURCE_ALIGN_PFNS, 10000 - PAGE_SOURCE_ALIGN_PFNS, bits);
        pages.dumpable(reader, 0, 10000, bits);
        pages.dumpable(reader, 0, PAGE_SOURCE_ALIGN_PFNS, bits);
        capture_source_counts(source, &counts);
        assert_int_equal(counts.n_before, 4000);
        pages.reader_free(reader);
        made_done(&made);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_was_left_out_is_named),
                cmocka_unit_test(test_each_page_is_counted_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
