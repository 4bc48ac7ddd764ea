/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of boot entries of the Boot Loader Specification. */
#include "test-bootloader.h"

static void test_failed_write_leaves_all_as_it_was(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        put(&bed, BLS "a.conf", ENTRY("6.1", "options a\n"));
        put(&bed, BLS "b.conf", ENTRY("6.1", "options b\n"));
        /* The second file's new text has no place to be written to. */
        put(&bed, BLS "b.conf.kdumpctl-tmp/x", "");
        assert_true(set(&bed, "256M", "ALL", NULL, false) < 0);
        assert_text(&bed, BLS "a.conf", ENTRY("6.1", "options a\n"));
        assert_text(&bed, BLS "b.conf", ENTRY("6.1", "options b\n"));
}

static void test_entries_are_chosen(void **state)
{
        static const struct {
                const char *kernel, *release;
                bool old, new, rescue;
                int r;
        } table[] = {
                { NULL, "6.1.0-1", true, false, false, 1 },
                { NULL, "6.1.0-10", false, true, false, 1 },
                { NULL, "6.1.0", false, false, false, -ENODATA },
                { NULL, NULL, true, true, true, 3 },
                { "ALL", "6.1.0-1", true, true, true, 3 },
                { "/boot/vmlinuz-6.1.0-10", "6.1.0-1", false, true, false, 1 },
                { "/vmlinuz-6.1.0-1", NULL, true, false, false, 1 },
                { "/boot/0123/rescue/linux", NULL, false, false, true, 1 },
                { "vmlinuz-6.1.0-1", NULL, false, false, false, -ENODATA },
                { "/boot/vmlinuz-5", NULL, false, false, false, -ENODATA },
                { "DEFAULT", NULL, false, true, false, 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(bed_done) Bed bed;

                bed_init(&bed);
                put(&bed, BLS "old.conf", ENTRY("6.1.0-1", "options o\n"));
                put(&bed, BLS "new.conf", "linux\t/vmlinuz-6.1.0-10 \noptions n\n");
                put(&bed, BLS "rescue.conf", "linux /0123/rescue/linux\noptions r\n");
                put(&bed, BLS "windows.conf", "efi /windows.efi\noptions w\n");
                put(&bed, BLS "notes.txt", "linux /vmlinuz-6.1.0-1\noptions t\n");
                put(&bed, "boot/grub2/grubenv", "# GRUB Environment Block\nsaved_entry=new\n####");

                assert_int_equal(set(&bed, "V", table[i].kernel, table[i].release, false),
                                 table[i].r);
                assert_int_equal(n_runs, 0);
                assert_text(&bed, BLS "old.conf",
                            table[i].old ? ENTRY("6.1.0-1", "options o crashkernel=V\n")
                                         : ENTRY("6.1.0-1", "options o\n"));
                assert_text(&bed, BLS "new.conf",
                            table[i].new ? "linux\t/vmlinuz-6.1.0-10 \noptions n crashkernel=V\n"
                                         : "linux\t/vmlinuz-6.1.0-10 \noptions n\n");
                assert_text(&bed, BLS "rescue.conf",
                            table[i].rescue ? "linux /0123/rescue/linux\noptions r crashkernel=V\n"
                                            : "linux /0123/rescue/linux\noptions r\n");
                assert_text(&bed, BLS "windows.conf", "efi /windows.efi\noptions w\n");
                assert_text(&bed, BLS "notes.txt", "linux /vmlinuz-6.1.0-1\noptions t\n");
        }
}

static void test_default_entry(void **state)
{
        static const struct {
                const char *path, *text;
                int r;
        } table[] = {
                { "boot/grub2/grubenv", "saved_entry=a\n", 1 },
                { "boot/grub/grubenv", "x=y\nsaved_entry=a", 1 },
                { "boot/loader/loader.conf", "timeout 3\r\ndefault a*\r\n", 1 },
                { "efi/loader/loader.conf", "default a.conf\n", 1 },
                { "boot/efi/loader/loader.conf", "default  a", 1 },
                { "boot/loader/loader.conf", "default b\n", -ENODATA },
                { "boot/loader/loader.conf", "timeout 3\n", -ENODATA },
                { "boot/loader/other", "", -ENODATA },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(bed_done) Bed bed;

                bed_init(&bed);
                put(&bed, BLS "a.conf", ENTRY("6.1", "options a\n"));
                put(&bed, table[i].path, table[i].text);
                assert_int_equal(set(&bed, "V", "DEFAULT", NULL, false), table[i].r);
        }
}

/* What boot counting does to the name of an entry is not part of it. */
static void test_default_entry_that_is_counted(void **state)
{
        static const struct {
                const char *name, *pattern;
                int r;
        } table[] = {
                { "x+3-0.conf", "x", 1 },
                { "x+3-0.conf", "x.conf", 1 },
                { "x+3.conf", "x", 1 },
                { "x+3-0.conf", "x+3-0", 1 },
                { "x+3-0.conf", "x+3-0.conf", 1 },
                { "a+b+12-10.conf", "a+b", 1 },
                { "x+3-0.conf", "y", -ENODATA },
                { "x+b.conf", "x", -ENODATA },
                { "x+.conf", "x", -ENODATA },
                { "x+3-.conf", "x", -ENODATA },
                { "x+3-0b.conf", "x", -ENODATA },
                { "x+-3.conf", "x", -ENODATA },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ char *entry = NULL, *text = NULL;
                _cleanup_(bed_done) Bed bed;
                int r;

                bed_init(&bed);
                assert_int_equal(strprintf(&entry, BLS "%s", table[i].name), 0);
                assert_int_equal(strprintf(&text, "default %s\n", table[i].pattern), 0);
                put(&bed, entry, ENTRY("6.1", "options a\n"));
                put(&bed, "boot/loader/loader.conf", text);
                r = set(&bed, "V", "DEFAULT", NULL, false);
                if (r != table[i].r)
                        fail_msg("%s of %s: %d", table[i].pattern, table[i].name, r);
        }
}

static void test_entries_of_any_form(void **state)
{
        static const struct {
                const char *text, *expected;
        } table[] = {
                { "linux /a", "linux /a\noptions crashkernel=V\n" },
                { "linux /a\r\noptions x\r\n", "linux /a\r\noptions x crashkernel=V\r\n" },
                { "linux /a\noptions x", "linux /a\noptions x crashkernel=V" },
                { " linux /a\n\toptions\tx\n", " linux /a\n\toptions\tx crashkernel=V\n" },
                { "linux /a\noptions x\noptions y\n",
                  "linux /a\noptions x\noptions y crashkernel=V\n" },
                { "linux /a\n#options z\n", "linux /a\n#options z\noptions crashkernel=V\n" },
                { "linux /a\noptions $tuned_params\n",
                  "linux /a\noptions $tuned_params crashkernel=V\n" },
                /* The first is the one that counts for us. */
                { "linux /a\nlinux /b\noptions x\n",
                  "linux /a\nlinux /b\noptions x crashkernel=V\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(bed_done) Bed bed;

                bed_init(&bed);
                put(&bed, BLS "a.conf", table[i].text);
                assert_int_equal(set(&bed, "V", "ALL", NULL, false), 1);
                assert_text(&bed, BLS "a.conf", table[i].expected);
        }
}

static void test_entry_with_kernelopts(void **state)
{
        static const char text[] = "linux /a\noptions $kernelopts quiet\n";
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        put(&bed, BLS "a.conf", text);
        assert_int_equal(first_action(&bed, "V", "ALL", true), BOOT_BY_HAND);
        assert_int_equal(set(&bed, "V", "ALL", NULL, true), 0);
        assert_text(&bed, BLS "a.conf", text);
}

static void test_entry_is_ours_if_we_wrote_its_value(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        put(&bed, BLS "a.conf", ENTRY("6.1", "options a crashkernel=1G\n"));
        assert_int_equal(first_action(&bed, "256M", "ALL", false), BOOT_FOREIGN);
        assert_int_equal(first_action(&bed, "1G", "ALL", false), BOOT_KEEP);
        assert_int_equal(set(&bed, "256M", "ALL", NULL, true), 1);
        assert_int_equal(set(&bed, "512M", "ALL", NULL, false), 1);

        /* A new kernel's entry is made from that of the running one. */
        put(&bed, BLS "b.conf", ENTRY("6.2", "options a crashkernel=512M\n"));
        assert_int_equal(set(&bed, "1G", "ALL", NULL, false), 2);

        /* One that somebody edited since. */
        put(&bed, BLS "b.conf", ENTRY("6.2", "options a crashkernel=2G\n"));
        assert_int_equal(set(&bed, "256M", "/boot/vmlinuz-6.2", NULL, false), 0);
        /* What we wrote once, but not last, is not ours. */
        put(&bed, BLS "a.conf", ENTRY("6.1", "options a crashkernel=512M\n"));
        assert_int_equal(set(&bed, "256M", "/boot/vmlinuz-6.1", NULL, false), 0);
}

static void test_entries_are_reached_once(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        put(&bed, BLS "a.conf", ENTRY("6.1", "options a\n"));
        assert_int_equal(symlinkat("boot", bed.fd, "efi"), 0);
        assert_int_equal(set(&bed, "V", NULL, NULL, false), 1);
        assert_text(&bed, BLS "a.conf", ENTRY("6.1", "options a crashkernel=V\n"));
}

static void test_files_that_are_refused(void **state)
{
        _cleanup_free_ char *huge = malloc((1 << 20) + 2);
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        assert_non_null(huge);
        memset(huge, 'x', (1 << 20) + 1);
        huge[(1 << 20) + 1] = '\0';
        put(&bed, BLS "a.conf", huge);
        assert_int_equal(set(&bed, "V", "ALL", NULL, true), -EFBIG);
        assert_text(&bed, BLS "a.conf", huge);
        test_write(bed.fd, BLS "a.conf", "linux /a\0\noptions x\n", 20);
        assert_int_equal(set(&bed, "V", "ALL", NULL, true), -EBADMSG);
        assert_int_equal(unlinkat(bed.fd, BLS "a.conf", 0), 0);
        put(&bed, BLS "a.conf/x", "");
        assert_int_equal(set(&bed, "V", "ALL", NULL, true), -EISDIR);
}

/* Such as those of another system, which shares the ESP. */
static void test_entries_of_others_beside_grub(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        put(&bed, "etc/default/grub", "A=\"quiet\"\n");
        put(&bed, "usr/sbin/update-grub", "#!");
        put(&bed, "boot/efi/loader/entries/arch.conf", ENTRY("6.9-arch", "options a\n"));
        assert_int_equal(set(&bed, "256M", NULL, "6.1", false), 1);
        assert_text(&bed, "boot/efi/loader/entries/arch.conf", ENTRY("6.9-arch", "options a\n"));
        assert_int_equal(set(&bed, "256M", "ALL", "6.1", false), 1);
}

static void test_entries_of_others_beside_kernel_install(void **state)
{
        static const char theirs[] = ENTRY("6.9-arch", "options a\n");
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        put(&bed, "boot/efi/loader/entries/arch.conf", theirs);
        put(&bed, "etc/kernel/cmdline", "quiet\n");
        /* The running kernel may be one that was removed: then others boot next. */
        put(&bed, "boot/efi/EFI/Linux/README", "");
        assert_int_equal(set(&bed, "256M", NULL, "6.1", false), -ENODATA);
        assert_text(&bed, "etc/kernel/cmdline", "quiet\n");
        put(&bed, "boot/efi/EFI/Linux/6.1.efi", "");
        assert_int_equal(set(&bed, "256M", NULL, "6.1", false), 1);
        assert_text(&bed, "boot/efi/loader/entries/arch.conf", theirs);
        assert_text(&bed, "etc/kernel/cmdline", "quiet crashkernel=256M\n");
        /* A kernel that is asked for must be there. */
        assert_int_equal(set(&bed, "256M", "/boot/vmlinuz-6.1", "6.1", false), -ENODATA);
        assert_int_equal(set(&bed, "256M", "ALL", "6.1", false), 1);
}

static void test_kernel_install_beside_entries(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        put(&bed, BLS "a.conf", ENTRY("6.1", "options a\n"));
        put(&bed, "etc/kernel/cmdline", "quiet\n");
        /* One kernel is not all of them. */
        assert_int_equal(set(&bed, "V", "/boot/vmlinuz-6.1", NULL, false), 1);
        assert_text(&bed, "etc/kernel/cmdline", "quiet\n");
        assert_int_equal(set(&bed, "W", NULL, "6.1", false), 2);
        assert_text(&bed, "etc/kernel/cmdline", "quiet crashkernel=W\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_failed_write_leaves_all_as_it_was),
                cmocka_unit_test(test_entries_are_chosen),
                cmocka_unit_test(test_default_entry),
                cmocka_unit_test(test_default_entry_that_is_counted),
                cmocka_unit_test(test_entries_of_any_form),
                cmocka_unit_test(test_entry_with_kernelopts),
                cmocka_unit_test(test_entry_is_ours_if_we_wrote_its_value),
                cmocka_unit_test(test_entries_are_reached_once),
                cmocka_unit_test(test_files_that_are_refused),
                cmocka_unit_test(test_entries_of_others_beside_grub),
                cmocka_unit_test(test_entries_of_others_beside_kernel_install),
                cmocka_unit_test(test_kernel_install_beside_entries),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
