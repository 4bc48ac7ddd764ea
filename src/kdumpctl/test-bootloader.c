/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of every kind of boot loader, on folders that look like a system's root. */
#include "bootloader.h"

#include "bootloader-file.h"
#include "io.h"
#include "log.h"
#include "test.h"

#define DROPIN "etc/default/grub.d/kdump.cfg"
#define BLS "boot/loader/entries/"
#define ENTRY(release, options)                                                                    \
        "title Linux\nversion " release "\nlinux /vmlinuz-" release "\n" options

typedef struct Bed {
        char *root;
        int fd;
        BootMemory memory;
} Bed;

static void bed_init(Bed *bed)
{
        *bed = (Bed){ .root = test_root_new() };
        bed->fd = test_root_open(bed->root);
        log_set_max_level(LOG_EMERG);
}

static void bed_done(Bed *bed)
{
        bed->fd = close_fd(bed->fd);
        boot_memory_done(&bed->memory);
        test_root_freep(&bed->root);
}

static void put(const Bed *bed, const char *path, const char *text)
{
        _cleanup_free_ char *folder = strdup(path);
        char *slash = strrchr(folder, '/');

        assert_non_null(slash);
        *slash = '\0';
        assert_int_equal(mkdir_parents(bed->fd, folder, 0755), 0);
        test_write_text(bed->fd, path, text);
}

/* NULL: there must be no such file. */
static void assert_text(const Bed *bed, const char *path, const char *expected)
{
        _cleanup_free_ char *text = NULL;
        int r = file_read(bed->fd, path, 1 << 21, &text, NULL);

        if (!expected) {
                assert_int_equal(r, -ENOENT);
                return;
        }
        assert_int_equal(r, 0);
        assert_string_equal(text, expected);
}

static void put_grub(const Bed *bed)
{
        put(bed, "etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n");
        put(bed, "usr/sbin/update-grub", "#!");
}

static unsigned n_runs, run_status;

static int fake_run(const char *const *argv, int *ret_status)
{
        n_runs++;
        assert_string_equal(argv[0], "update-grub");
        *ret_status = (int) run_status;
        return run_status == 99 ? -ENOENT : 0;
}

/* Plans and applies: how many files were written; else what boot_plan_make() says. */
static int set(Bed *bed, const char *value, const char *kernel, const char *release, bool force)
{
        _cleanup_(boot_plan_done) BootPlan plan = { 0 };
        _cleanup_free_ char *message = NULL;
        const BootRequest request = { bed->fd, value, kernel, release };
        int r;

        boot_memory_done(&bed->memory);
        assert_int_equal(boot_memory_read(bed->fd, &bed->memory, &message), 0);
        r = boot_plan_make(&request, &plan, &message);
        if (r < 0) {
                assert_non_null(message);
                return r;
        }
        n_runs = 0;
        return boot_plan_apply(&plan, bed->fd, &bed->memory, value, force, fake_run);
}

/* What the only or first change would be. */
static BootAction first_action(Bed *bed, const char *value, const char *kernel, bool force)
{
        _cleanup_(boot_plan_done) BootPlan plan = { 0 };
        _cleanup_free_ char *message = NULL;
        const BootRequest request = { bed->fd, value, kernel, NULL };

        assert_true(boot_plan_make(&request, &plan, &message) > 0);
        assert_true(plan.n_changes > 0);
        return boot_change_action(&plan.changes[0], &bed->memory, value, force);
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

static void test_memory(void **state)
{
        static const char *const bad[] = { "", "[]", "{\"written\":[1]}",
                                           "{\"written\":[{\"place\":\"/a\"}]}",
                                           "{\"written\":[{\"place\":\"/a\",\"value\":1}]}" };
        _cleanup_(boot_memory_done) BootMemory again = { 0 };
        _cleanup_free_ char *message = NULL;
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        assert_int_equal(boot_memory_add(&bed.memory, "/a/b", "1M"), 0);
        assert_int_equal(boot_memory_add(&bed.memory, "/a/c", "2M"), 0);
        assert_int_equal(boot_memory_write(bed.fd, &bed.memory), 0);
        assert_int_equal(boot_memory_read(bed.fd, &again, &message), 0);
        assert_int_equal(again.n_items, 2);
        assert_true(boot_memory_has(&again, "/a/b", "1M", false));
        assert_false(boot_memory_has(&again, "/a/b", "2M", false));
        assert_true(boot_memory_has(&again, "/a/b", "2M", true));
        assert_false(boot_memory_has(&again, "/ab/b", "2M", true));
        assert_false(boot_memory_has(&again, "/a/b/c", "2M", true));
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
                cmocka_unit_test(test_grub_files_that_do_not_count),
                cmocka_unit_test(test_grub_value_that_is_made_by_the_shell),
                cmocka_unit_test(test_failed_update_grub_leaves_all_as_it_was),
                cmocka_unit_test(test_failed_write_leaves_all_as_it_was),
                cmocka_unit_test(test_entries_are_chosen),
                cmocka_unit_test(test_default_entry),
                cmocka_unit_test(test_entries_of_any_form),
                cmocka_unit_test(test_entry_with_kernelopts),
                cmocka_unit_test(test_entry_is_ours_if_we_wrote_its_value),
                cmocka_unit_test(test_entries_are_reached_once),
                cmocka_unit_test(test_files_that_are_refused),
                cmocka_unit_test(test_links_and_modes_stay),
                cmocka_unit_test(test_links_stay_inside_of_the_root),
                cmocka_unit_test(test_dangling_link_is_not_replaced),
                cmocka_unit_test(test_kernel_install),
                cmocka_unit_test(test_kernel_install_beside_entries),
                cmocka_unit_test(test_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
