/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests the memory file that is loaded, and what a swap does when the kernel says no. */
#include "kexec.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "io.h"

static int base_new(size_t size)
{
        int fd = memfd_create("base", MFD_CLOEXEC);
        uint8_t buf[4096];

        assert_true(fd >= 0 && size <= sizeof(buf));
        memset(buf, 'b', size);
        assert_int_equal(write_full(fd, buf, size), 0);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        return fd;
}

static void check_initrd(size_t base_size, size_t overlay_offset)
{
        _cleanup_close_ int base_fd = base_new(base_size), fd = -EBADF;
        uint8_t buf[8192] = { 0 };
        struct stat st;

        assert_int_equal(kexec_initrd_new(base_fd, "overlay", 7, &fd), 0);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_size, overlay_offset + 7);
        assert_int_equal(pread_full(fd, buf, (size_t) st.st_size, 0), 0);
        for (size_t i = 0; i < overlay_offset; i++)
                assert_int_equal(buf[i], i < base_size ? 'b' : 0);
        assert_memory_equal(buf + overlay_offset, "overlay", 7);
}

static void test_initrd_is_base_padding_overlay(void **unused)
{
        check_initrd(1, 512);
        check_initrd(511, 512);
        check_initrd(512, 512);
        check_initrd(513, 1024);
        check_initrd(0, 0);
}

static void test_initrd_cannot_be_changed(void **unused)
{
        _cleanup_close_ int base_fd = base_new(100), fd = -EBADF, write_fd = -EBADF;
        char path[64];
        int seals;

        assert_int_equal(kexec_initrd_new(base_fd, "overlay", 7, &fd), 0);
        assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
        assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);

        seals = fcntl(fd, F_GET_SEALS);
        assert_true(seals >= 0);
        assert_true(seals & F_SEAL_WRITE);
        assert_true(seals & F_SEAL_GROW);
        assert_true(seals & F_SEAL_SHRINK);
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        write_fd = open(path, O_RDWR | O_CLOEXEC);
        if (write_fd >= 0)
                assert_int_equal(write(write_fd, "x", 1), -1);
}

/* A kernel made of answers: what each load returns in turn, and whether it takes the old image
 * along. */
static struct {
        int answers[8];
        bool swap_began[8], late[8]; /* @late: it is loaded all the same */
        size_t n_calls, n_pauses;
        bool loaded;
        const KexecImage *last;

        /* Of a loader that makes ready: */
        int prepare_error;     /* of each, */
        int prepare_errors[8]; /* or of one */
        KexecPrepare hows[8];
        size_t n_prepared, n_freed;
        bool intact[8]; /* after each load */
} fake;

static int fake_load(void *userdata, const KexecImage *image, void *ready)
{
        size_t i = fake.n_calls++;

        assert_true(i < ELEMENTSOF(fake.answers));
        fake.last = image;
        if (fake.answers[i] == 0 || fake.late[i])
                fake.loaded = true;
        else if (fake.swap_began[i])
                fake.loaded = false;
        return fake.answers[i];
}

static int fake_unload(void *userdata)
{
        int r = fake.answers[fake.n_calls++];

        if (r == 0)
                fake.loaded = false;
        return r;
}

static int fake_loaded(void *userdata)
{
        return fake.loaded;
}

static void fake_pause(void *userdata, uint64_t usec)
{
        assert_true(usec > 0);
        fake.n_pauses++;
}

static const KexecLoader fake_loader = {
        .name = "fake",
        .load = fake_load,
        .unload = fake_unload,
        .loaded = fake_loaded,
        .pause = fake_pause,
};

static void fake_reset(bool loaded)
{
        memset(&fake, 0, sizeof(fake));
        fake.loaded = loaded;
}

static void test_swap_replaces(void **unused)
{
        KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
        KexecSwap swap;

        fake_reset(true);
        assert_int_equal(kexec_crash_swap(&fake_loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                         0);
        assert_ptr_equal(fake.last, &image);
        assert_int_equal(fake.n_calls, 1);
        assert_false(swap.restored);
        assert_int_equal(swap.restore_error, 0);
}

static void test_busy_kernel_is_asked_again(void **unused)
{
        KexecImage image = KEXEC_IMAGE_NULL;
        KexecSwap swap;

        fake_reset(false);
        fake.answers[0] = fake.answers[1] = -EBUSY;
        assert_int_equal(kexec_crash_swap(&fake_loader, &image, NULL, KEXEC_PREPARE_NEXT, &swap),
                         0);
        assert_int_equal(fake.n_calls, 3);
        assert_int_equal(fake.n_pauses, 2);
        assert_true(fake.loaded);
}

static int always_busy(void *userdata, const KexecImage *image, void *ready)
{
        fake.n_calls++;
        return -EBUSY;
}

static void test_busy_for_ever_keeps_the_old(void **unused)
{
        KexecLoader loader = fake_loader;
        KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
        KexecSwap swap;

        fake_reset(true);
        loader.load = always_busy;
        assert_int_equal(kexec_crash_swap(&loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                         -EBUSY);
        assert_true(fake.n_calls > 5 && fake.n_calls < 100);
        assert_true(fake.loaded);
        assert_false(swap.restored);
}

static bool is_busy(void *userdata)
{
        return fake.n_pauses < 4;
}

/* The kernel counts them, and may allow only so many. */
static void test_no_load_is_wasted_on_a_busy_kernel(void **unused)
{
        KexecLoader loader = fake_loader;
        KexecImage image = KEXEC_IMAGE_NULL;
        KexecSwap swap;

        fake_reset(false);
        loader.busy = is_busy;
        fake.answers[0] = -EBUSY;
        assert_int_equal(kexec_crash_swap(&loader, &image, NULL, KEXEC_PREPARE_NEXT, &swap), 0);
        assert_int_equal(fake.n_calls, 2);
        assert_int_equal(fake.n_pauses, 4);
        assert_true(fake.loaded);
}

static void test_load_failure_restores_previous(void **unused)
{
        KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
        KexecSwap swap;

        fake_reset(true);
        fake.answers[0] = -ENOEXEC;
        fake.swap_began[0] = true;
        fake.answers[1] = -EBUSY;
        assert_int_equal(kexec_crash_swap(&fake_loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                         -ENOEXEC);
        assert_ptr_equal(fake.last, &old);
        assert_int_equal(fake.n_calls, 3);
        assert_true(fake.loaded);
        assert_true(swap.restored);
        assert_int_equal(swap.restore_error, 0);
}

static void test_refusal_before_the_swap_restores_nothing(void **unused)
{
        KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
        KexecSwap swap;

        fake_reset(true);
        fake.answers[0] = -EPERM;
        assert_int_equal(kexec_crash_swap(&fake_loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                         -EPERM);
        assert_int_equal(fake.n_calls, 1);
        assert_true(fake.loaded);
        assert_false(swap.restored);
}

static void test_both_fail(void **unused)
{
        KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
        KexecSwap swap;

        fake_reset(true);
        fake.answers[0] = -ENOMEM;
        fake.swap_began[0] = true;
        fake.answers[1] = -EIO;
        assert_int_equal(kexec_crash_swap(&fake_loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                         -ENOMEM);
        assert_false(swap.restored);
        assert_int_equal(swap.restore_error, -EIO);
        assert_false(fake.loaded);
}

/* A program that is killed for its time may have done all that it should. */
static void test_load_that_was_given_up(void **unused)
{
        static const struct {
                bool was_loaded, fallback, late;
                int answer; /* to the second call */
                int r;
                bool restored, unknown;
                size_t n_calls;
        } table[] = {
                /* Nothing was there, so it is the new image. */
                { false, true, true, 0, 0, false, false, 1 },
                { false, false, false, 0, -ETIMEDOUT, false, false, 1 },
                { false, true, false, 0, -ETIMEDOUT, true, false, 2 },
                /* It may be either: the one that is known is loaded. */
                { true, true, true, 0, -ETIMEDOUT, true, false, 2 },
                { true, true, true, -EIO, -ETIMEDOUT, false, true, 2 },
                { true, false, true, 0, -ETIMEDOUT, false, true, 1 },
                { true, true, false, -EIO, -ETIMEDOUT, false, false, 2 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
                KexecSwap swap;

                fake_reset(table[i].was_loaded);
                fake.answers[0] = -ETIMEDOUT;
                fake.swap_began[0] = true;
                fake.late[0] = table[i].late;
                fake.answers[1] = table[i].answer;
                assert_int_equal(kexec_crash_swap(&fake_loader, &image,
                                                  table[i].fallback ? &old : NULL,
                                                  KEXEC_PREPARE_NEXT, &swap),
                                 table[i].r);
                assert_int_equal(swap.restored, table[i].restored);
                assert_int_equal(swap.unknown, table[i].unknown);
                assert_int_equal(fake.n_calls, table[i].n_calls);
        }
}

static void test_unload(void **unused)
{
        fake_reset(true);
        fake.answers[0] = -EBUSY;
        assert_int_equal(kexec_crash_unload(&fake_loader), 0);
        assert_int_equal(fake.n_calls, 2);
        assert_false(fake.loaded);
}

/* What is ready is the number of its prepare(), from 1. */
static int fake_prepare(void *userdata, const KexecImage *image, KexecPrepare how, void **ret_ready,
                        char **reterr_message)
{
        size_t i = fake.n_prepared++;

        assert_true(i < ELEMENTSOF(fake.hows));
        fake.hows[i] = how;
        if (fake.prepare_error < 0 || fake.prepare_errors[i] < 0)
                return fail_text(MIN(fake.prepare_error, fake.prepare_errors[i]), reterr_message,
                                 "no room");
        *ret_ready = (void *) (uintptr_t) (i + 1);
        return 0;
}

static void fake_ready_free(void *ready)
{
        assert_non_null(ready);
        fake.n_freed++;
}

static int fake_intact(void *userdata, void *ready)
{
        assert_non_null(ready);
        return fake.intact[fake.n_calls - 1];
}

static const KexecLoader ready_loader = {
        .name = "ready",
        .prepare = fake_prepare,
        .ready_free = fake_ready_free,
        .load = fake_load,
        .intact = fake_intact,
        .unload = fake_unload,
        .loaded = fake_loaded,
        .pause = fake_pause,
};

static void test_what_cannot_be_made_ready_leaves_the_old_one(void **unused)
{
        KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
        _cleanup_(kexec_swap_done) KexecSwap swap = { 0 };

        fake_reset(true);
        fake.prepare_error = -ENOSPC;
        assert_int_equal(kexec_crash_swap(&ready_loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                         -ENOSPC);
        assert_string_equal(swap.message, "no room");
        assert_int_equal(fake.n_calls, 0);
        assert_true(fake.loaded);
        assert_int_equal(swap.gap_usec, 0);
}

static void test_both_ways_are_ready_before_the_call(void **unused)
{
        KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
        _cleanup_(kexec_swap_done) KexecSwap swap = { 0 };

        fake_reset(true);
        fake.intact[0] = true;
        assert_int_equal(kexec_crash_swap(&ready_loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                         0);
        assert_int_equal(fake.n_prepared, 2);
        assert_int_equal(fake.hows[0], KEXEC_PREPARE_NEXT);
        assert_int_equal(fake.hows[1], KEXEC_PREPARE_BACK);
        assert_int_equal(fake.n_freed, 2);
        assert_int_equal(fake.n_calls, 1);
        assert_false(swap.damaged);
}

static void test_what_is_damaged_is_loaded_whole(void **unused)
{
        KexecImage image = KEXEC_IMAGE_NULL;
        _cleanup_(kexec_swap_done) KexecSwap swap = { 0 };

        fake_reset(true);
        fake.intact[1] = true;
        assert_int_equal(kexec_crash_swap(&ready_loader, &image, NULL, KEXEC_PREPARE_NEXT, &swap),
                         0);
        assert_true(swap.damaged);
        assert_int_equal(fake.n_calls, 2);
        assert_int_equal(fake.n_prepared, 2);
        assert_int_equal(fake.hows[1], KEXEC_PREPARE_WHOLE);
        assert_int_equal(fake.n_freed, 2);
}

static void test_failed_whole_load_goes_back(void **unused)
{
        KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
        _cleanup_(kexec_swap_done) KexecSwap swap = { 0 };

        fake_reset(true);
        fake.answers[1] = -ENOMEM;
        fake.swap_began[1] = true;
        assert_int_equal(kexec_crash_swap(&ready_loader, &image, &old, KEXEC_PREPARE_NEXT, &swap),
                         -ENOMEM);
        assert_true(swap.damaged && swap.restored && fake.loaded);
        assert_ptr_equal(fake.last, &old);
}

/* What is there after the first load is damaged, and not what was there before. */
static void test_damaged_image_that_cannot_be_loaded_whole(void **state)
{
        static const struct {
                int prepare_error, answers[2]; /* of the whole load, and to the way back */
                bool swap_began, fallback;     /* by the whole load */
                bool restored, unknown;
                size_t n_calls;
        } table[] = {
                { -ENOMEM, { 0, 0 }, false, true, true, false, 2 },
                { -ENOMEM, { -EPERM, 0 }, false, true, false, true, 2 },
                { -ENOMEM, { 0, 0 }, false, false, false, true, 1 },
                { 0, { -EPERM, 0 }, false, true, true, false, 3 },
                { 0, { -EPERM, -EPERM }, false, true, false, true, 3 },
                { 0, { -EPERM, 0 }, false, false, false, true, 2 },
                { 0, { -ENOMEM, -EIO }, true, true, false, false, 3 },
                { 0, { -ENOMEM, 0 }, true, false, false, false, 2 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
                _cleanup_(kexec_swap_done) KexecSwap swap = { 0 };
                int error = table[i].prepare_error;

                fake_reset(true);
                fake.prepare_errors[table[i].fallback ? 2 : 1] = error;
                fake.answers[1] = table[i].answers[0];
                fake.answers[2] = table[i].answers[1];
                fake.swap_began[1] = table[i].swap_began;
                assert_int_equal(kexec_crash_swap(&ready_loader, &image,
                                                  table[i].fallback ? &old : NULL,
                                                  KEXEC_PREPARE_NEXT, &swap),
                                 error < 0 ? error : table[i].answers[0]);
                assert_true(swap.damaged);
                assert_int_equal(swap.restored, table[i].restored);
                assert_int_equal(swap.unknown, table[i].unknown);
                assert_int_equal(fake.n_calls, table[i].n_calls);
                assert_int_equal(fake.n_freed, 1 + table[i].fallback + (error == 0));
        }
}

static void test_whole_load_is_asked_for(void **state)
{
        KexecImage image = KEXEC_IMAGE_NULL, old = KEXEC_IMAGE_NULL;
        _cleanup_(kexec_swap_done) KexecSwap swap = { 0 };

        fake_reset(true);
        fake.intact[0] = true;
        assert_int_equal(kexec_crash_swap(&ready_loader, &image, &old, KEXEC_PREPARE_WHOLE, &swap),
                         0);
        assert_int_equal(fake.n_prepared, 2);
        assert_int_equal(fake.hows[0], KEXEC_PREPARE_WHOLE);
        assert_int_equal(fake.hows[1], KEXEC_PREPARE_BACK);
        assert_false(swap.damaged || swap.unknown);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_cannot_be_made_ready_leaves_the_old_one),
                cmocka_unit_test(test_both_ways_are_ready_before_the_call),
                cmocka_unit_test(test_what_is_damaged_is_loaded_whole),
                cmocka_unit_test(test_failed_whole_load_goes_back),
                cmocka_unit_test(test_damaged_image_that_cannot_be_loaded_whole),
                cmocka_unit_test(test_whole_load_is_asked_for),
                cmocka_unit_test(test_initrd_is_base_padding_overlay),
                cmocka_unit_test(test_initrd_cannot_be_changed),
                cmocka_unit_test(test_swap_replaces),
                cmocka_unit_test(test_busy_kernel_is_asked_again),
                cmocka_unit_test(test_busy_for_ever_keeps_the_old),
                cmocka_unit_test(test_no_load_is_wasted_on_a_busy_kernel),
                cmocka_unit_test(test_load_failure_restores_previous),
                cmocka_unit_test(test_refusal_before_the_swap_restores_nothing),
                cmocka_unit_test(test_both_fail),
                cmocka_unit_test(test_load_that_was_given_up),
                cmocka_unit_test(test_unload),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
