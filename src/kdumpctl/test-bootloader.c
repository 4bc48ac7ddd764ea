/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of GRUB and kernel-install, and of what we remember. */
#include "test-bootloader.h"

#include <sys/syscall.h>

#define DROPIN "etc/default/grub.d/kdump.cfg"

static void put_grub(const Bed *bed)
{
        put(bed, "etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n");
        put(bed, "usr/sbin/update-grub", "#!");
}

static void test_nothing_known(void **state)
{
        _cleanup_(boot_plan_done) BootPlan plan = { 0 };
        _cleanup_(bed_done) Bed bed;
        char *message = NULL;

        bed_init(&bed);
        assert_int_equal(
                boot_plan_make(&(BootRequest){ bed.fd, "1M", NULL, NULL }, &plan, &message), 0);
        /* Without update-grub nobody would read a drop-in. */
        put(&bed, "etc/default/grub", "");
        assert_int_equal(
                boot_plan_make(&(BootRequest){ bed.fd, "1M", NULL, NULL }, &plan, &message), 0);
        assert_int_equal(plan.n_changes, 0);
}

static void test_grub_gets_a_dropin(void **state)
{
        static const char *const kernels[] = { NULL, "ALL", "DEFAULT" };
        struct stat st;

        for (size_t i = 0; i < ELEMENTSOF(kernels); i++) {
                _cleanup_(bed_done) Bed bed;

                bed_init(&bed);
                put_grub(&bed);
                assert_int_equal(set(&bed, "256M", kernels[i], "6.1", false), 1);
                assert_int_equal(n_runs, 1);
                assert_text(&bed, DROPIN,
                            "# Written by 'kdumpctl reset-crashkernel 256M'. If you change it, it "
                            "is yours, and is\n# replaced with --force only.\n"
                            "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT "
                            "crashkernel=256M\"\n");
                assert_int_equal(fstatat(bed.fd, DROPIN, &st, 0), 0);
                assert_int_equal(st.st_mode & 07777, 0644);

                /* There already. */
                assert_int_equal(set(&bed, "256M", kernels[i], "6.1", false), 0);
                assert_int_equal(n_runs, 0);

                /* Ours, also when nothing is remembered. */
                assert_int_equal(unlinkat(bed.fd, "var/lib/kdumpd/crashkernel.json", 0), 0);
                assert_int_equal(set(&bed, "512M", kernels[i], "6.1", false), 1);
                assert_int_equal(first_action(&bed, "512M", NULL, false), BOOT_KEEP);
        }
}

static void test_grub_is_for_all_kernels(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        put_grub(&bed);
        assert_int_equal(set(&bed, "1M", "/boot/vmlinuz-6.1", "6.1", false), -EOPNOTSUPP);
}

static void test_grub_edited_dropin_is_not_ours(void **state)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        put_grub(&bed);
        assert_int_equal(set(&bed, "256M", NULL, NULL, false), 1);
        assert_int_equal(file_read(bed.fd, DROPIN, 4096, &text, NULL), 0);
        memcpy(strstr(text, "crashkernel=256M"), "crashkernel=384M", 16);
        put(&bed, DROPIN, text);
        assert_int_equal(set(&bed, "512M", NULL, NULL, false), 0);
        assert_text(&bed, DROPIN, text);
        assert_int_equal(first_action(&bed, "512M", NULL, false), BOOT_FOREIGN);
        assert_int_equal(set(&bed, "512M", NULL, NULL, true), 1);
        /* What we forced in is ours. */
        assert_int_equal(set(&bed, "128M", NULL, NULL, false), 1);
}

static void test_grub_dropin_with_more_in_it(void **state)
{
        _cleanup_free_ char *once = NULL, *twice = NULL;
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        put_grub(&bed);
        put(&bed, DROPIN, "X=1");
        assert_int_equal(set(&bed, "256M", NULL, NULL, false), 1);
        assert_int_equal(file_read(bed.fd, DROPIN, 4096, &once, NULL), 0);
        assert_non_null(startswith(once, "X=1\n# Written"));
        assert_int_equal(set(&bed, "512M", NULL, NULL, false), 1);
        assert_int_equal(set(&bed, "256M", NULL, NULL, false), 1);
        assert_int_equal(file_read(bed.fd, DROPIN, 4096, &twice, NULL), 0);
        assert_string_equal(once, twice);
}

static void test_grub_value_of_others(void **state)
{
        static const struct {
                const char *path, *text, *forced;
        } table[] = {
                { "etc/default/grub", "GRUB_CMDLINE_LINUX=\"crashkernel=1G quiet\"\n",
                  "GRUB_CMDLINE_LINUX=\"crashkernel=256M quiet\"\n" },
                { "etc/default/grub.d/kdump-tools.cfg",
                  "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT "
                  "crashkernel=384M-:128M\"\n",
                  "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT "
                  "crashkernel=256M\"\n" },
                { DROPIN, "GRUB_CMDLINE_LINUX=crashkernel=1G\n",
                  "GRUB_CMDLINE_LINUX=crashkernel=256M\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                bool is_ours = streq(table[i].path, DROPIN);
                _cleanup_(bed_done) Bed bed;

                bed_init(&bed);
                put_grub(&bed);
                put(&bed, table[i].path, table[i].text);
                assert_int_equal(first_action(&bed, "256M", NULL, false), BOOT_FOREIGN);
                assert_int_equal(set(&bed, "256M", NULL, NULL, false), 0);
                assert_text(&bed, table[i].path, table[i].text);
                assert_text(&bed, DROPIN, is_ours ? table[i].text : NULL);

                assert_int_equal(set(&bed, "256M", NULL, NULL, true), 1);
                assert_text(&bed, table[i].path, table[i].forced);
                assert_text(&bed, DROPIN, is_ours ? table[i].forced : NULL);
                assert_int_equal(set(&bed, "256M", NULL, NULL, false), 0);
        }
}

static void test_grub_value_in_two_lines(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        put_grub(&bed);
        put(&bed, "etc/default/grub", "A=\"crashkernel=1G\"\nB=\"crashkernel=2G\"\n");
        assert_int_equal(set(&bed, "256M", NULL, NULL, true), 1);
        assert_text(&bed, "etc/default/grub", "A=\"crashkernel=256M\"\nB=\"crashkernel=256M\"\n");
        /* There already, and ours. */
        assert_int_equal(first_action(&bed, "256M", NULL, false), BOOT_KEEP);
        assert_int_equal(set(&bed, "512M", NULL, NULL, false), 1);
}

static void test_grub_files_that_do_not_count(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        put_grub(&bed);
        put(&bed, "etc/default/grub.d/x.cfg.dpkg-old", "X=\"crashkernel=1G\"\n");
        put(&bed, "etc/default/grub.d/y.cfg", "# crashkernel=1G\n");
        assert_int_equal(set(&bed, "256M", NULL, NULL, false), 1);
        assert_text(&bed, "etc/default/grub.d/y.cfg", "# crashkernel=1G\n");
}

static void test_grub_value_that_is_made_by_the_shell(void **state)
{
        static const char text[] = "GRUB_CMDLINE_LINUX=\"crashkernel=${SIZE}M\"\n";
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        put_grub(&bed);
        put(&bed, "etc/default/grub", text);
        assert_int_equal(first_action(&bed, "256M", NULL, true), BOOT_BY_HAND);
        assert_int_equal(set(&bed, "256M", NULL, NULL, true), 0);
        assert_text(&bed, "etc/default/grub", text);
}

static void test_failed_update_grub_leaves_all_as_it_was(void **state)
{
        static const unsigned failures[] = { 1, 99 };

        for (size_t i = 0; i < ELEMENTSOF(failures); i++) {
                _cleanup_(bed_done) Bed bed;

                bed_init(&bed);
                put_grub(&bed);
                run_status = failures[i];
                assert_true(set(&bed, "256M", NULL, NULL, false) < 0);
                assert_text(&bed, DROPIN, NULL);
                put(&bed, "etc/default/grub", "A=\"crashkernel=1G\"\n");
                assert_true(set(&bed, "256M", NULL, NULL, true) < 0);
                assert_text(&bed, "etc/default/grub", "A=\"crashkernel=1G\"\n");
                assert_false(boot_memory_has(&bed.memory, "/etc/default/grub", "256M", true));
                run_status = 0;
                assert_int_equal(set(&bed, "256M", NULL, NULL, true), 1);
        }
}

/* How many folders are made to last until one cannot be; -1: all can. */
static int folders_until_failure = -1;

/* Takes the place of the C library's. */
int fsync(int fd)
{
        struct stat st;

        if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && folders_until_failure >= 0 &&
            folders_until_failure-- == 0) {
                errno = EIO;
                return -1;
        }
        return (int) syscall(SYS_fsync, fd);
}

/* The new file has its name by then. */
static void test_folder_that_cannot_be_made_to_last_leaves_all_as_it_was(void **state)
{
        static const char text[] = "A=\"crashkernel=1G\"\n", other[] = "B=\"crashkernel=2G\"\n";

        /* The first is of what is remembered, the second and third of the files. */
        for (int n = 0; n < 3; n++) {
                _cleanup_(bed_done) Bed bed;

                bed_init(&bed);
                put_grub(&bed);
                put(&bed, "etc/default/grub", text);
                put(&bed, "etc/default/grub.d/x.cfg", other);
                folders_until_failure = n;
                assert_int_equal(set(&bed, "256M", NULL, NULL, true), -EIO);
                folders_until_failure = -1;
                assert_text(&bed, "etc/default/grub", text);
                assert_text(&bed, "etc/default/grub.d/x.cfg", other);
                assert_int_equal(set(&bed, "256M", NULL, NULL, true), 2);

                /* Nor is a file left that was not there. */
                assert_int_equal(unlinkat(bed.fd, "etc/default/grub.d/x.cfg", 0), 0);
                put(&bed, "etc/default/grub", "A=\"quiet\"\n");
                folders_until_failure = MIN(n, 1);
                assert_int_equal(set(&bed, "256M", NULL, NULL, false), -EIO);
                folders_until_failure = -1;
                assert_text(&bed, DROPIN, NULL);
        }
}

/* Whoever interrupts update-grub, or edits a file by hand, leaves a menu without the value. */
static void test_update_grub_is_run_for_a_menu_without_the_value(void **state)
{
        static const struct {
                const char *menu;
                unsigned n_runs;
        } table[] = {
                { "linux /vmlinuz quiet\n", 1 },
                { "linux /vmlinuz crashkernel=256M-:512M\n", 1 },
                { "linux /vmlinuz crashkernel=1G\nlinux /vmlinuz crashkernel=256M\n", 0 },
                { "linux /vmlinuz crashkernel=256M quiet", 0 },
                { "linux /vmlinuz crashkernel=256M", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(bed_done) Bed bed;

                bed_init(&bed);
                put_grub(&bed);
                assert_int_equal(set(&bed, "256M", NULL, NULL, false), 1);
                put(&bed, "boot/grub/grub.cfg", table[i].menu);
                run_status = 1;
                assert_int_equal(set(&bed, "256M", NULL, NULL, false),
                                 table[i].n_runs > 0 ? -EIO : 0);
                run_status = 0;
                assert_int_equal(set(&bed, "256M", NULL, NULL, false), 0);
                assert_int_equal(n_runs, table[i].n_runs);
                /* What was there before the menu stays. */
                assert_int_equal(first_action(&bed, "256M", NULL, false), BOOT_KEEP);
        }
}

static void test_update_grub_is_not_run_where_a_value_is_left_alone(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        put_grub(&bed);
        put(&bed, "etc/default/grub", "A=\"crashkernel=1G\"\n");
        put(&bed, "boot/grub/grub.cfg", "linux /vmlinuz\n");
        assert_int_equal(set(&bed, "256M", NULL, NULL, false), 0);
        assert_int_equal(n_runs, 0);
}

static void test_links_and_modes_stay(void **state)
{
        _cleanup_(bed_done) Bed bed;
        struct stat st;

        bed_init(&bed);
        put(&bed, "srv/real", "quiet\n");
        assert_int_equal(fchmodat(bed.fd, "srv/real", 0640, 0), 0);
        assert_int_equal(mkdir_parents(bed.fd, "etc/kernel", 0755), 0);
        /* An absolute one stays inside of the root. */
        assert_int_equal(symlinkat("/srv/real", bed.fd, "etc/kernel/cmdline"), 0);
        assert_int_equal(set(&bed, "V", NULL, NULL, false), 1);
        assert_text(&bed, "srv/real", "quiet crashkernel=V\n");
        assert_int_equal(fstatat(bed.fd, "etc/kernel/cmdline", &st, AT_SYMLINK_NOFOLLOW), 0);
        assert_true(S_ISLNK(st.st_mode));
        assert_int_equal(fstatat(bed.fd, "srv/real", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        assert_text(&bed, "srv/real.kdumpctl-tmp", NULL);
}

/* A root that another system was made in may hold links that mean its own folders, not ours. */
static void test_links_stay_inside_of_the_root(void **state)
{
        _cleanup_free_ char *outside = NULL, *link = NULL;
        _cleanup_(bed_done) Bed bed, other;

        bed_init(&bed);
        bed_init(&other);
        put_grub(&bed);
        put(&other, "folder/x", "");
        assert_int_equal(strprintf(&outside, "%s/folder", other.root), 0);
        assert_int_equal(symlinkat(outside, bed.fd, "etc/default/grub.d"), 0);
        /* Inside of this root there is no such folder. */
        assert_true(set(&bed, "256M", NULL, NULL, false) < 0);
        assert_text(&other, "folder/kdump.cfg", NULL);
        assert_int_equal(strprintf(&link, "%s/x", outside + 1), 0);
        put(&bed, link, "");
        assert_int_equal(set(&bed, "256M", NULL, NULL, false), 1);
        assert_text(&other, "folder/kdump.cfg", NULL);
        assert_int_equal(set(&bed, "256M", NULL, NULL, false), 0);
}

static void test_dangling_link_is_not_replaced(void **state)
{
        _cleanup_(bed_done) Bed bed;
        struct stat st;

        bed_init(&bed);
        put_grub(&bed);
        put(&bed, "etc/default/grub.d/x", "");
        assert_int_equal(symlinkat("/none", bed.fd, DROPIN), 0);
        assert_true(set(&bed, "256M", NULL, NULL, false) < 0);
        assert_int_equal(fstatat(bed.fd, DROPIN, &st, AT_SYMLINK_NOFOLLOW), 0);
        assert_true(S_ISLNK(st.st_mode));
}

static void test_kernel_install(void **state)
{
        static const struct {
                const char *text, *expected;
        } table[] = {
                { "", "crashkernel=V\n" },
                { "root=/dev/vda1\nquiet\n", "root=/dev/vda1\nquiet crashkernel=V\n" },
                { "# words\nquiet", "# words\nquiet crashkernel=V" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(bed_done) Bed bed;

                bed_init(&bed);
                put(&bed, "etc/kernel/cmdline", table[i].text);
                assert_int_equal(set(&bed, "V", "/boot/vmlinuz", NULL, false), -EOPNOTSUPP);
                assert_int_equal(set(&bed, "V", "DEFAULT", NULL, false), 1);
                assert_int_equal(n_runs, 0);
                assert_text(&bed, "etc/kernel/cmdline", table[i].expected);
                put(&bed, "etc/kernel/cmdline", "crashkernel=1G\n");
                assert_int_equal(set(&bed, "V", NULL, NULL, false), 0);
        }
}

static void test_memory(void **state)
{
        static const char *const bad[] = {
                "",
                "[]",
                "{\"written\":[1]}",
                "{\"written\":[{\"place\":\"/a\"}]}",
                "{\"written\":[{\"place\":\"/a\",\"value\":1}]}",
                "{\"written\":[{\"place\":\"/a\",\"value\":\"1M\",\"origin\":\"x\"}]}",
        };
        _cleanup_(boot_memory_done) BootMemory again = { 0 };
        _cleanup_free_ char *message = NULL;
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        assert_int_equal(boot_memory_add(&bed.memory, "/a/b", "1M", BOOT_ORIGIN_USER), 0);
        assert_int_equal(boot_memory_add(&bed.memory, "/a/c", "2M", BOOT_ORIGIN_DEFAULT), 0);
        assert_int_equal(boot_memory_write(bed.fd, &bed.memory), 0);
        assert_int_equal(boot_memory_read(bed.fd, &again, &message), 0);
        assert_int_equal(again.n_items, 2);
        assert_true(boot_memory_has(&again, "/a/b", "1M", false));
        assert_false(boot_memory_has(&again, "/a/b", "2M", false));
        assert_true(boot_memory_has(&again, "/a/b", "2M", true));
        assert_false(boot_memory_has(&again, "/ab/b", "2M", true));
        assert_false(boot_memory_has(&again, "/a/b/c", "2M", true));
        assert_int_equal(again.items[0].origin, BOOT_ORIGIN_USER);
        assert_int_equal(again.items[1].origin, BOOT_ORIGIN_DEFAULT);
        boot_memory_remove(&again, "/a/b");
        assert_false(boot_memory_has(&again, "/a/b", "1M", true));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                BootMemory none = { 0 };

                put(&bed, "var/lib/kdumpd/crashkernel.json", bad[i]);
                free(TAKE_PTR(message));
                assert_int_equal(boot_memory_read(bed.fd, &none, &message), -EBADMSG);
                assert_non_null(message);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nothing_known),
                cmocka_unit_test(test_grub_gets_a_dropin),
                cmocka_unit_test(test_grub_is_for_all_kernels),
                cmocka_unit_test(test_grub_edited_dropin_is_not_ours),
                cmocka_unit_test(test_grub_dropin_with_more_in_it),
                cmocka_unit_test(test_grub_value_of_others),
                cmocka_unit_test(test_grub_value_in_two_lines),
                cmocka_unit_test(test_grub_files_that_do_not_count),
                cmocka_unit_test(test_grub_value_that_is_made_by_the_shell),
                cmocka_unit_test(test_failed_update_grub_leaves_all_as_it_was),
                cmocka_unit_test(test_folder_that_cannot_be_made_to_last_leaves_all_as_it_was),
                cmocka_unit_test(test_update_grub_is_run_for_a_menu_without_the_value),
                cmocka_unit_test(test_update_grub_is_not_run_where_a_value_is_left_alone),
                cmocka_unit_test(test_links_and_modes_stay),
                cmocka_unit_test(test_links_stay_inside_of_the_root),
                cmocka_unit_test(test_dangling_link_is_not_replaced),
                cmocka_unit_test(test_kernel_install),
                cmocka_unit_test(test_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
