/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of the window into a vmcore: mapped, read, put together, and gone. */
#include "io.h"
#include "test-core.h"
#include "test.h"
#include "vmcore-internal.h"

#define PAGE TEST_PAGE_BYTES

static void test_window_shows_the_same_as_read(void **state)
{
        const uint64_t size = 3 * VMCORE_WINDOW_BYTES_MAX;
        _cleanup_(test_core_done) TestCore core;
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        _cleanup_(vmcore_view_freep) VmcoreView *view = NULL;
        _cleanup_free_ uint8_t *data = test_pattern_new(size, 6);
        const uint8_t *shown;
        uint64_t seed = 7;

        test_core_init(&core);
        test_core_add(&core, TEST_DIRECT_MAP_VADDR + PAGE, PAGE, size, size, data);
        vmcore = test_core_open(&core);
        assert_int_equal(vmcore_view_new(vmcore, &view), 0);

        for (uint64_t at = 0; at < size; at += VMCORE_WINDOW_BYTES_MAX) {
                assert_int_equal(vmcore_view_show(view, PAGE + at, VMCORE_WINDOW_BYTES_MAX, &shown),
                                 0);
                assert_memory_equal(shown, data + at, VMCORE_WINDOW_BYTES_MAX);
        }
        for (size_t i = 0; i < 500; i++) {
                uint64_t at = test_random(&seed) % (size / PAGE) * PAGE;

                assert_int_equal(vmcore_view_show(view, PAGE + at, PAGE, &shown), 0);
                assert_memory_equal(shown, data + at, PAGE);
        }
        assert_int_equal(vmcore_view_show(view, PAGE + 1, PAGE, &shown), -EINVAL);
        assert_int_equal(vmcore_view_show(view, PAGE, 100, &shown), -EINVAL);
        assert_int_equal(vmcore_view_show(view, PAGE, 0, &shown), -EINVAL);
        assert_int_equal(vmcore_view_show(view, PAGE, VMCORE_WINDOW_BYTES_MAX + PAGE, &shown),
                         -EINVAL);
        assert_int_equal(vmcore_view_show(view, -PAGE, PAGE, &shown), -EINVAL);
}

static void test_views_do_not_disturb_each_other(void **state)
{
        _cleanup_(test_core_done) TestCore core;
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        _cleanup_(vmcore_view_freep) VmcoreView *one = NULL, *other = NULL;
        _cleanup_free_ uint8_t *data = test_pattern_new(1000 * PAGE, 11);
        const uint8_t *shown, *shown_other;

        test_core_init(&core);
        test_core_add(&core, TEST_DIRECT_MAP_VADDR, 0, 1000 * PAGE, 1000 * PAGE, data);
        vmcore = test_core_open(&core);
        assert_int_equal(vmcore_view_new(vmcore, &one), 0);
        assert_int_equal(vmcore_view_new(vmcore, &other), 0);

        assert_int_equal(vmcore_view_show(one, 10 * PAGE, PAGE, &shown), 0);
        assert_int_equal(vmcore_view_show(other, 900 * PAGE, PAGE, &shown_other), 0);
        assert_memory_equal(shown, data + 10 * PAGE, PAGE);
        assert_memory_equal(shown_other, data + 900 * PAGE, PAGE);
        other = vmcore_view_free(other);
        assert_memory_equal(shown, data + 10 * PAGE, PAGE);
}

static void test_mapped_ahead_only_when_going_upwards(void **state)
{
        const uint64_t size = 6 * VMCORE_WINDOW_BYTES_MAX, small = 256 << 10;
        _cleanup_(test_core_done) TestCore core;
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        _cleanup_(vmcore_view_freep) VmcoreView *view = NULL;
        const uint8_t *shown;

        test_core_init(&core);
        test_core_add(&core, TEST_DIRECT_MAP_VADDR, 0, size, size, NULL);
        vmcore = test_core_open(&core);
        assert_int_equal(vmcore_view_new(vmcore, &view), 0);

        for (unsigned i = 0; i < 20; i++) {
                assert_int_equal(vmcore_view_show(view, i * 37 % 20 * (4 << 20), PAGE, &shown), 0);
                assert_int_equal(view->map_size, small);
        }
        for (uint64_t at = 0; at < size; at += small) {
                assert_int_equal(vmcore_view_show(view, at, PAGE, &shown), 0);
                assert_true(view->map_size <= VMCORE_WINDOW_BYTES_MAX);
        }
        assert_true(view->ahead_bytes == VMCORE_WINDOW_BYTES_MAX);
        assert_int_equal(vmcore_view_show(view, 0, VMCORE_WINDOW_BYTES_MAX, &shown), 0);
        assert_int_equal(view->map_size, VMCORE_WINDOW_BYTES_MAX);
        assert_int_equal(vmcore_view_show(view, size - PAGE, PAGE, &shown), 0);
        assert_int_equal(view->map_size, PAGE);
}

static void test_window_without_mmap(void **state)
{
        const uint64_t size = 600 * PAGE;
        _cleanup_(test_core_done) TestCore core;
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        _cleanup_(vmcore_view_freep) VmcoreView *view = NULL;
        _cleanup_free_ uint8_t *data = test_pattern_new(size, 8);
        const uint8_t *shown;

        /* With half pages at odd places, mmap() answers EINVAL. */
        test_core_init(&core);
        test_core_add(&core, TEST_DIRECT_MAP_VADDR, PAGE / 2, size, size, data);
        vmcore = test_core_open(&core);
        assert_int_equal(vmcore_view_new(vmcore, &view), 0);
        vmcore->page_size = PAGE / 2;

        for (uint64_t at = 0; at < size; at += PAGE) {
                assert_int_equal(vmcore_view_show(view, PAGE / 2 + at, PAGE, &shown), 0);
                assert_memory_equal(shown, data + at, PAGE);
        }
        assert_null(view->map);
        assert_true(view->buffer_size <= UINT64_C(1) << 20);

        /* Reading ahead meets the end of the file, the page asked for does not. */
        view->buffer_filled = 0;
        assert_int_equal(ftruncate(core.fd, (off_t) (vmcore->runs[0].file_offset + 5 * PAGE)), 0);
        assert_int_equal(vmcore_view_show(view, PAGE / 2 + 4 * PAGE, PAGE, &shown), 0);
        assert_memory_equal(shown, data + 4 * PAGE, PAGE);
        assert_int_equal(vmcore_view_show(view, PAGE / 2 + 5 * PAGE, PAGE, &shown), -EIO);
}

static void test_pages_covered_in_part(void **state)
{
        _cleanup_(test_core_done) TestCore core;
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        _cleanup_(vmcore_view_freep) VmcoreView *view = NULL;
        _cleanup_free_ uint8_t *data = test_pattern_new(4 * PAGE, 9);
        uint8_t expected[4096] = {};
        const uint8_t *shown;

        /* One page is shared by the end of a run and the begin of another, with a gap between. */
        test_core_init(&core);
        test_core_add(&core, TEST_DIRECT_MAP_VADDR + 256, 256, 2 * PAGE, 2 * PAGE, data);
        test_core_add(&core, TEST_DIRECT_MAP_VADDR + 2 * PAGE + 1024, 2 * PAGE + 1024, PAGE, PAGE,
                      data);
        vmcore = test_core_open(&core);
        assert_int_equal(vmcore_view_new(vmcore, &view), 0);

        assert_int_equal(vmcore_view_show(view, 0, PAGE, &shown), 0);
        memcpy(expected + 256, data, PAGE - 256);
        assert_memory_equal(shown, expected, PAGE);

        assert_int_equal(vmcore_view_show(view, PAGE, PAGE, &shown), 0);
        assert_memory_equal(shown, data + PAGE - 256, PAGE);

        assert_int_equal(vmcore_view_show(view, PAGE, 2 * PAGE, &shown), 0);
        assert_memory_equal(shown, data + PAGE - 256, PAGE);
        memset(expected, 0, PAGE);
        memcpy(expected, data + 2 * PAGE - 256, 256);
        memcpy(expected + 1024, data, PAGE - 1024);
        assert_memory_equal(shown + PAGE, expected, PAGE);

        assert_int_equal(vmcore_view_show(view, 3 * PAGE, PAGE, &shown), 0);
        memset(expected, 0, PAGE);
        memcpy(expected, data + PAGE - 1024, 1024);
        assert_memory_equal(shown, expected, PAGE);
        assert_int_equal(vmcore_view_show(view, 3 * PAGE, 2 * PAGE, &shown), -ERANGE);
}

typedef struct Touch {
        const volatile uint8_t *at;
        uint8_t got;
        void *inner;
} Touch;

static int touch(void *data)
{
        Touch *t = data;

        t->got = *t->at;
        return 7;
}

static int touch_nested(void *data)
{
        Touch *t = data;

        assert_int_equal(vmcore_guarded(touch, t->inner), -EFAULT);
        return touch(t);
}

static void test_sigbus_is_an_error(void **state)
{
        _cleanup_(test_core_done) TestCore core;
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        _cleanup_(vmcore_view_freep) VmcoreView *view = NULL;
        _cleanup_free_ uint8_t *data = test_pattern_new(4 * PAGE, 10);
        Touch good = {}, bad = {};
        const uint8_t *shown;

        /* TSan calls handlers with all signals blocked, whatever sa_mask says, and they stay so
         * when one is left by siglongjmp(): the second SIGBUS would be fatal. */
        if (TEST_WITH_TSAN)
                skip();

        test_core_init(&core);
        test_core_add(&core, TEST_DIRECT_MAP_VADDR, 0, 4 * PAGE, 4 * PAGE, data);
        vmcore = test_core_open(&core);
        assert_int_equal(vmcore_view_new(vmcore, &view), 0);
        assert_int_equal(vmcore_view_show(view, 0, 4 * PAGE, &shown), 0);
        assert_non_null(view->map);

        assert_int_equal(ftruncate(core.fd, (off_t) (vmcore->runs[0].file_offset + PAGE)), 0);
        good.at = shown + 5;
        good.inner = &bad;
        bad.at = shown + 3 * PAGE;
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(vmcore_guarded(touch, &bad), -EFAULT);
                assert_int_equal(vmcore_guarded(touch, &good), 7);
                assert_int_equal(good.got, data[5]);
                assert_int_equal(vmcore_guarded(touch_nested, &good), 7);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_window_shows_the_same_as_read),
                cmocka_unit_test(test_views_do_not_disturb_each_other),
                cmocka_unit_test(test_mapped_ahead_only_when_going_upwards),
                cmocka_unit_test(test_window_without_mmap),
                cmocka_unit_test(test_pages_covered_in_part),
                cmocka_unit_test(test_sigbus_is_an_error),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
