/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of device-scan.c: devices are files below a folder that looks like /. */
#include "test.h"

#include <blkid/blkid.h>
#include <poll.h>
#include <sys/wait.h>

#include "device-scan.h"
#include "io.h"

#define IMAGE_BYTES (256 * 1024)

/* Of ext2: Documentation/filesystems/ext4/super.rst. */
#define EXT_MAGIC_OFFSET (1024 + 56)
#define EXT_UUID_OFFSET (1024 + 104)
#define EXT_LABEL_OFFSET (1024 + 120)

/* Of a table of partitions as DOS has it. */
#define DOS_ID_OFFSET 440
#define DOS_ENTRY_OFFSET 446
#define DOS_ENTRY_BYTES 16

/* Nothing here takes that long. */
#define PATIENCE_USEC (600 * USEC_PER_SEC)

/* A disk whose name begins so hangs while this is held: whoever asks it says so, and waits for the
 * end of the pipe. */
#define STUCK "/dev/stuck"
static int hold_fds[2] = { -1, -1 }, stuck_fds[2] = { -1, -1 };

/* Its time is over as soon as it says so, and counted. */
static bool wait_for_stuck;
static unsigned n_stuck;

int __real_blkid_do_safeprobe(blkid_probe probe);
int __wrap_blkid_do_safeprobe(blkid_probe probe);
int __wrap_blkid_do_safeprobe(blkid_probe probe)
{
        char link[64], path[128] = "", byte;

        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", blkid_probe_get_fd(probe));
        assert_true(readlink(link, path, sizeof(path) - 1) > 0);
        if (strstr(path, STUCK) && hold_fds[1] >= 0) {
                (void) close(hold_fds[1]);
                assert_true(write(stuck_fds[1], "", 1) == 1);
                (void) !read(hold_fds[0], &byte, 1);
        }
        return __real_blkid_do_safeprobe(probe);
}

int __real_poll(struct pollfd *fds, nfds_t n, int timeout_msec);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout_msec);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout_msec)
{
        struct pollfd both[] = { fds[0], { .fd = stuck_fds[0], .events = POLLIN } };
        char byte;

        assert_int_equal(n, 1);
        if (!wait_for_stuck)
                return __real_poll(fds, n, timeout_msec);
        assert_true(__real_poll(both, 2, -1) > 0);
        if (both[1].revents & POLLIN) {
                assert_true(read(stuck_fds[0], &byte, 1) == 1);
                n_stuck++;
                return 0;
        }
        fds[0].revents = both[0].revents;
        return 1;
}

static void add_device(int root_fd, const char *folder, const char *name, const char *size,
                       const uint8_t *image)
{
        _cleanup_free_ char *real = NULL, *link = NULL, *to = NULL, *file = NULL, *node = NULL;

        assert_int_equal(strprintf(&real, "sys/devices/%s", folder), 0);
        assert_int_equal(mkdir_parents(root_fd, real, 0755), 0);
        assert_int_equal(strprintf(&file, "%s/size", real), 0);
        test_write_text(root_fd, file, size);
        assert_int_equal(strprintf(&link, "sys/class/block/%s", name), 0);
        assert_int_equal(strprintf(&to, "../../devices/%s", folder), 0);
        assert_int_equal(symlinkat(to, root_fd, link), 0);
        if (!image)
                return;
        assert_int_equal(strprintf(&node, "dev/%s", name), 0);
        for (char *p = node; *p; p++)
                if (*p == '!')
                        *p = '/';
        test_write(root_fd, node, image, IMAGE_BYTES);
}

static void add_number(int root_fd, const char *name, const char *number)
{
        _cleanup_free_ char *file = NULL;

        assert_int_equal(strprintf(&file, "sys/class/block/%s/partition", name), 0);
        test_write_text(root_fd, file, number);
}

static uint8_t *image_new(void)
{
        uint8_t *image = calloc(1, IMAGE_BYTES);

        assert_non_null(image);
        return image;
}

static void put_ext2(uint8_t *image, uint8_t id, const char *label)
{
        static const uint8_t magic[] = { 0x53, 0xef };

        memcpy(image + EXT_MAGIC_OFFSET, magic, sizeof(magic));
        memset(image + EXT_UUID_OFFSET, id, 16);
        memcpy(image + EXT_LABEL_OFFSET, label, strlen(label));
}

/* Partitions 1 and 2, of 64 KiB each. */
static void put_table(uint8_t *image, uint8_t id)
{
        memset(image + DOS_ID_OFFSET, id, 4);
        for (size_t i = 0; i < 2; i++) {
                uint8_t *entry = image + DOS_ENTRY_OFFSET + i * DOS_ENTRY_BYTES;

                entry[4] = 0x83;
                entry[8] = (uint8_t) (128 * (i + 1) - 1);
                entry[12] = 64;
        }
        image[510] = 0x55;
        image[511] = 0xaa;
}

/* sda has two partitions, of which the second holds "dumps"; sdb holds "My Disk" as a whole. What
 * is on the floppy, on the empty loop device and on what cannot be read is not asked for. */
static int make_machine(const char *root)
{
        _cleanup_free_ uint8_t *table = image_new(), *dumps = image_new(), *disk = image_new(),
                               *nothing = image_new();
        int fd = test_root_open(root);

        assert_int_equal(mkdir_parents(fd, "sys/class/block", 0755), 0);
        assert_int_equal(mkdir_parents(fd, "dev/cciss", 0755), 0);
        put_table(table, 0xab);
        put_ext2(dumps, 0x11, "dumps");
        put_ext2(disk, 0x22, "My Disk");
        add_device(fd, "ata1/block/sda", "sda", "512\n", table);
        add_device(fd, "ata1/block/sda/sda1", "sda1", "128\n", nothing);
        add_device(fd, "ata1/block/sda/sda2", "sda2", "128\n", dumps);
        add_number(fd, "sda1", "1\n");
        add_number(fd, "sda2", "2\n");
        add_device(fd, "ata2/block/sdb", "sdb", "512\n", disk);
        put_ext2(nothing, 0x33, "floppy");
        add_device(fd, "platform/floppy.0/block/fd0", "fd0", "8\n", nothing);
        memset(nothing, 0, IMAGE_BYTES);
        put_ext2(nothing, 0x44, "empty");
        add_device(fd, "virtual/block/loop0", "loop0", "0\n", nothing);
        memset(nothing, 0, IMAGE_BYTES);
        put_ext2(nothing, 0x55, "raid");
        add_device(fd, "pci/block/cciss!c0d0", "cciss!c0d0", "512\n", nothing);
        add_device(fd, "ata3/block/nodev", "aaa", "512\n", NULL);
        return fd;
}

static void test_each_name_leads_to_its_device(void **state)
{
        static const struct {
                const char *what, *device;
        } cases[] = {
                { "UUID=11111111-1111-1111-1111-111111111111", "/dev/sda2" },
                { "UUID=22222222-2222-2222-2222-222222222222", "/dev/sdb" },
                { "LABEL=dumps", "/dev/sda2" },
                { "LABEL=My Disk", "/dev/sdb" },
                { "LABEL=\"My Disk\"", "/dev/sdb" },
                { "LABEL=raid", "/dev/cciss/c0d0" },
                { "PARTUUID=abababab-01", "/dev/sda1" },
                { "PARTUUID=abababab-02", "/dev/sda2" },
        };
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int fd = make_machine(root);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *device = NULL;

                if (device_scan(fd, cases[i].what, PATIENCE_USEC, &device) < 0)
                        fail_msg("%s was not found", cases[i].what);
                assert_string_equal(device, cases[i].device);
        }
}

static void test_what_is_not_there_is_not_found(void **state)
{
        static const char *const cases[] = {
                "UUID=11111111-1111-1111-1111-111111111112",
                "UUID=dumps",
                "LABEL=11111111-1111-1111-1111-111111111111",
                "LABEL=dump",
                "LABEL=floppy",
                "LABEL=empty",
                "PARTUUID=abababab-03",
                "PARTUUID=abababab",
                "PARTLABEL=dumps",
        };
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int fd = make_machine(root);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char *device = NULL;
                int r = device_scan(fd, cases[i], PATIENCE_USEC, &device);

                if (r != -ENODEV)
                        fail_msg("%s: %d instead of -ENODEV", cases[i], r);
        }
}

/* It is asked again and again, from before there is any device. */
static void test_a_device_is_found_once_it_is_there(void **state)
{
        _cleanup_free_ uint8_t *image = image_new();
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int fd = test_root_open(root);
        _cleanup_free_ char *device = NULL;

        assert_int_equal(device_scan(fd, "LABEL=late", PATIENCE_USEC, &device), -ENODEV);
        assert_int_equal(mkdir_parents(fd, "sys/class/block", 0755), 0);
        assert_int_equal(mkdir_parents(fd, "dev", 0755), 0);
        assert_int_equal(device_scan(fd, "LABEL=late", PATIENCE_USEC, &device), -ENODEV);
        put_ext2(image, 0x66, "late");
        add_device(fd, "ata1/block/sda", "sda", "512\n", image);
        assert_int_equal(device_scan(fd, "LABEL=late", PATIENCE_USEC, &device), 0);
        assert_string_equal(device, "/dev/sda");
}

static void test_what_is_no_name_is_refused(void **state)
{
        static const char *const cases[] = { "/dev/sda", "sda", "ID=1", "uuid=1", "LABEL=", "" };
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int fd = make_machine(root);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char *device = NULL;

                assert_int_equal(device_scan(fd, cases[i], PATIENCE_USEC, &device), -EINVAL);
        }
}

/* As newer kernels do. The disk is not asked, whatever it says. */
static void test_what_the_kernel_tells_is_believed(void **state)
{
        static const struct {
                const char *what, *device;
        } cases[] = {
                { "PARTUUID=0b1c2d3e-01", "/dev/sda1" },
                { "PARTUUID=0b1c2d3e-02", NULL },
                { "PARTUUID=abababab-01", NULL },
                { "PARTUUID=abababab-02", "/dev/sda2" },
        };
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int fd = make_machine(root);

        test_write_text(fd, "sys/class/block/sda1/uevent",
                        "MAJOR=8\nDEVTYPE=partition\nPARTN=1\nPARTUUID=0b1c2d3e-01\n");
        test_write_text(fd, "sys/class/block/sda2/uevent",
                        "MAJOR=8\nDEVTYPE=partition\nPARTN=2\nXPARTUUID=0b1c2d3e-02\n");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *device = NULL;
                int r = device_scan(fd, cases[i].what, PATIENCE_USEC, &device);

                assert_int_equal(r, cases[i].device ? 0 : -ENODEV);
                if (!streq_ptr(device, cases[i].device))
                        fail_msg("%s is '%s'", cases[i].what, device ?: "");
        }
}

static void add_stuck_disk(int root_fd)
{
        _cleanup_free_ uint8_t *image = image_new();

        put_ext2(image, 0x77, "stuck");
        add_device(root_fd, "ata0/block/aaa1", "aaa1", "512\n", image);
        assert_int_equal(renameat(root_fd, "dev/aaa1", root_fd, "dev/stuck"), 0);
        assert_int_equal(symlinkat("stuck", root_fd, "dev/aaa1"), 0);
        assert_int_equal(pipe(hold_fds), 0);
        assert_int_equal(pipe(stuck_fds), 0);
}

static void release_stuck_disk(void)
{
        hold_fds[1] = close_fd(hold_fds[1]);
        while (wait(NULL) > 0)
                continue;
        hold_fds[0] = close_fd(hold_fds[0]);
        stuck_fds[0] = close_fd(stuck_fds[0]);
        stuck_fds[1] = close_fd(stuck_fds[1]);
}

static void test_a_disk_that_hangs_does_not_keep_the_others(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int fd = make_machine(root);

        add_stuck_disk(fd);
        wait_for_stuck = true;
        n_stuck = 0;
        /* The first look finds out that it hangs, the others leave it alone. */
        for (size_t i = 0; i < 3; i++) {
                _cleanup_free_ char *device = NULL;

                assert_int_equal(device_scan(fd, "LABEL=My Disk", PATIENCE_USEC, &device), 0);
                assert_string_equal(device, "/dev/sdb");
                assert_int_equal(n_stuck, 1);
        }
        wait_for_stuck = false;
        release_stuck_disk();
}

/* It ends, and once the disk has come to its senses it is asked again. */
static void test_a_disk_that_hangs_may_be_the_one(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int fd = make_machine(root);
        _cleanup_free_ char *device = NULL;

        add_stuck_disk(fd);
        assert_int_equal(device_scan(fd, "LABEL=stuck", USEC_PER_MSEC, &device), -ENODEV);
        release_stuck_disk();
        assert_int_equal(device_scan(fd, "LABEL=stuck", PATIENCE_USEC, &device), 0);
        assert_string_equal(device, "/dev/aaa1");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_name_leads_to_its_device),
                cmocka_unit_test(test_what_is_not_there_is_not_found),
                cmocka_unit_test(test_a_device_is_found_once_it_is_there),
                cmocka_unit_test(test_what_is_no_name_is_refused),
                cmocka_unit_test(test_what_the_kernel_tells_is_believed),
                cmocka_unit_test(test_a_disk_that_hangs_does_not_keep_the_others),
                cmocka_unit_test(test_a_disk_that_hangs_may_be_the_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
