/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests the memory file that is loaded. */
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_initrd_is_base_padding_overlay),
                cmocka_unit_test(test_initrd_cannot_be_changed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
