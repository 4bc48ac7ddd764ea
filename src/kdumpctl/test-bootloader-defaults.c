/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of what is replaced when nobody has asked for it: defaults that we wrote, and nothing else.
 */
#include "test-bootloader.h"

#define MEMORY "var/lib/kdumpd/crashkernel.json"
#define CMDLINE "etc/kernel/cmdline"
#define DROPIN "etc/default/grub.d/kdump.cfg"
#define OLD "1G-:192M"
#define NEW "1G-:256M"

#define WROTE(place, value, more) "{\"place\":\"" place "\",\"value\":\"" value "\"" more "}"
#define REMEMBER(items) "{\"written\":[" items "]}"
#define BY_USER ",\"origin\":\"user\""

/* As after an update (@release is NULL: all kernels), or after a kernel was installed. */
static int follow(Bed *bed, const char *release)
{
        const BootRequest request = {
                .root_fd = bed->fd, .value = NEW, .release = release, .defaults_only = true
        };

        return change(bed, &request);
}

static void test_only_a_default_that_we_wrote_is_replaced(void **state)
{
        static const struct {
                const char *written, *text, *expected; /* NULL: it is left alone */
        } table[] = {
                { "", "quiet crashkernel=" OLD " ro\n", NULL },
                { WROTE("/" CMDLINE, OLD, ""), "quiet crashkernel=" OLD " ro\n",
                  "quiet crashkernel=" NEW " ro\n" },
                { WROTE("/" CMDLINE, OLD, ",\"origin\":\"default\""), "crashkernel=" OLD,
                  "crashkernel=" NEW },
                { WROTE("/" CMDLINE, OLD, BY_USER), "crashkernel=" OLD "\n", NULL },
                { WROTE("/" CMDLINE, OLD, "") "," WROTE("/" CMDLINE, OLD, BY_USER),
                  "crashkernel=" OLD "\n", NULL },
                { WROTE("/" CMDLINE, OLD, ""), "crashkernel=1G\n", NULL },
                { WROTE("/" CMDLINE, OLD, ""), "crashkernel=" OLD " crashkernel=1G\n", NULL },
                { WROTE("/" CMDLINE, OLD, ""), "quiet\n", NULL },
                { WROTE("/" CMDLINE, OLD, ""), "", NULL },
                { WROTE("/" CMDLINE, OLD, ""), "# crashkernel=" OLD "\n", NULL },
                { WROTE("/" CMDLINE, OLD, ""), "crashkernel=" NEW "\n", NULL },
                { WROTE("/etc/kernel/other", OLD, ""), "crashkernel=" OLD "\n", NULL },
                { WROTE("/" CMDLINE, "${X}", ""), "crashkernel=${X}\n", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ char *json = NULL;
                _cleanup_(bed_done) Bed bed;

                bed_init(&bed);
                assert_int_equal(strprintf(&json, REMEMBER("%s"), table[i].written), 0);
                put(&bed, MEMORY, json);
                put(&bed, CMDLINE, table[i].text);
                assert_int_equal(follow(&bed, NULL), table[i].expected ? 1 : 0);
                assert_text(&bed, CMDLINE, table[i].expected ?: table[i].text);
                if (!table[i].expected) {
                        assert_text(&bed, MEMORY, json);
                        continue;
                }
                /* It is the default still, and ours. */
                assert_false(boot_memory_has(&bed.memory, "/" CMDLINE, OLD, false));
                assert_true(boot_memory_has_default(&bed.memory, "/" CMDLINE, NEW, false));
                assert_int_equal(follow(&bed, NULL), 0);
        }
}

/* A new kernel has the command line of the one that was running. */
static void test_entries_of_new_kernels_follow(void **state)
{
        static const struct {
                const char *release, *first, *second; /* NULL: it is left alone */
                int n;
        } table[] = {
                { NULL, "options a crashkernel=" NEW "\n", "options b crashkernel=" NEW "\n", 2 },
                { "6.2", NULL, "options b crashkernel=" NEW "\n", 1 },
                { "6.1", "options a crashkernel=" NEW "\n", NULL, 1 },
                { "6.3", NULL, NULL, 0 }, /* as with a boot loader that has yet to be told of it */
        };
        static const char first[] = "options a crashkernel=" OLD "\n";
        static const char second[] = "options b crashkernel=" OLD "\n";

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ char *expected_first = NULL, *expected_second = NULL;
                _cleanup_(bed_done) Bed bed;

                bed_init(&bed);
                put(&bed, MEMORY, REMEMBER(WROTE("/" BLS "a.conf", OLD, "")));
                put(&bed, BLS "a.conf", ENTRY("6.1", "options a crashkernel=" OLD "\n"));
                put(&bed, BLS "b.conf", ENTRY("6.2", "options b crashkernel=" OLD "\n"));
                put(&bed, BLS "c.conf", ENTRY("6.2", "options c crashkernel=1G\n"));
                put(&bed, BLS "d.conf", ENTRY("6.2", "options d\n"));
                assert_int_equal(follow(&bed, table[i].release), table[i].n);
                assert_int_equal(
                        strprintf(&expected_first, ENTRY("6.1", "%s"), table[i].first ?: first), 0);
                assert_int_equal(
                        strprintf(&expected_second, ENTRY("6.2", "%s"), table[i].second ?: second),
                        0);
                assert_text(&bed, BLS "a.conf", expected_first);
                assert_text(&bed, BLS "b.conf", expected_second);
                assert_text(&bed, BLS "c.conf", ENTRY("6.2", "options c crashkernel=1G\n"));
                assert_text(&bed, BLS "d.conf", ENTRY("6.2", "options d\n"));
        }
}

static void test_entry_that_has_what_the_user_chose_for_another_is_left_alone(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        put(&bed, MEMORY,
            REMEMBER(WROTE("/" BLS "a.conf", OLD, "") "," WROTE("/" BLS "b.conf", "1G", BY_USER)));
        put(&bed, BLS "a.conf", ENTRY("6.1", "options crashkernel=1G\n"));
        assert_int_equal(follow(&bed, NULL), 0);
}

static void put_grub(const Bed *bed)
{
        put(bed, "etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n");
        put(bed, "usr/sbin/update-grub", "#!");
}

/* How reset-crashkernel came by the value decides. */
static void test_grub_follows_unless_the_user_chose(void **state)
{
        static const struct {
                BootOrigin origin;
                int n;
        } table[] = { { BOOT_ORIGIN_DEFAULT, 1 }, { BOOT_ORIGIN_USER, 0 } };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ char *text = NULL;
                _cleanup_(bed_done) Bed bed;

                bed_init(&bed);
                put_grub(&bed);
                assert_int_equal(change(&bed, &(BootRequest){ .root_fd = bed.fd,
                                                              .value = OLD,
                                                              .origin = table[i].origin }),
                                 1);
                put(&bed, "boot/grub/grub.cfg", "linux /vmlinuz crashkernel=" OLD "\n");
                assert_int_equal(follow(&bed, "6.1"), table[i].n);
                assert_int_equal(n_runs, table[i].n);
                assert_int_equal(file_read(bed.fd, DROPIN, 4096, &text, NULL), 0);
                assert_non_null(strstr(text, table[i].n > 0 ? " crashkernel=" NEW "\""
                                                            : " crashkernel=" OLD "\""));
        }
}

static void test_grub_dropin_that_is_not_remembered_is_left_alone(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        put_grub(&bed);
        assert_int_equal(set(&bed, OLD, NULL, NULL, false), 1);
        assert_int_equal(unlinkat(bed.fd, MEMORY, 0), 0);
        assert_int_equal(follow(&bed, NULL), 0);
        assert_int_equal(n_runs, 0);
        /* One that was removed is not made again. */
        assert_int_equal(set(&bed, NEW, NULL, NULL, false), 1);
        assert_int_equal(unlinkat(bed.fd, DROPIN, 0), 0);
        assert_int_equal(follow(&bed, NULL), 0);
        assert_text(&bed, DROPIN, NULL);
}

static void test_update_grub_that_was_interrupted_is_run_again(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        put_grub(&bed);
        assert_int_equal(set(&bed, NEW, NULL, NULL, false), 1);
        put(&bed, "boot/grub/grub.cfg", "linux /vmlinuz crashkernel=" OLD "\n");
        assert_int_equal(follow(&bed, NULL), 0);
        assert_int_equal(n_runs, 1);
}

/* The menu has what GRUB's files say, which is not ours to change. */
static void test_update_grub_is_not_run_for_the_change_of_another_place(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        put_grub(&bed);
        put(&bed, "etc/default/grub", "GRUB_CMDLINE_LINUX=\"crashkernel=1G\"\n");
        put(&bed, "boot/grub/grub.cfg", "linux /vmlinuz crashkernel=1G\n");
        put(&bed, MEMORY, REMEMBER(WROTE("/" CMDLINE, OLD, "")));
        put(&bed, CMDLINE, "crashkernel=" OLD "\n");
        assert_int_equal(follow(&bed, NULL), 1);
        assert_int_equal(n_runs, 0);
        assert_text(&bed, "etc/default/grub", "GRUB_CMDLINE_LINUX=\"crashkernel=1G\"\n");
}

static void test_failed_update_grub_leaves_the_old_default(void **state)
{
        _cleanup_free_ char *before = NULL;
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        put_grub(&bed);
        assert_int_equal(set(&bed, OLD, NULL, NULL, false), 1);
        assert_int_equal(file_read(bed.fd, DROPIN, 4096, &before, NULL), 0);
        run_status = 1;
        assert_int_equal(follow(&bed, NULL), -EIO);
        run_status = 0;
        assert_text(&bed, DROPIN, before);
        assert_int_equal(follow(&bed, NULL), 1);
}

static void test_memory_knows_defaults(void **state)
{
        _cleanup_(boot_memory_done) BootMemory memory = { 0 };

        assert_false(boot_memory_has_defaults(&memory));
        assert_int_equal(boot_memory_add(&memory, "/a/b", "1M", BOOT_ORIGIN_USER), 0);
        assert_false(boot_memory_has_defaults(&memory));
        assert_false(boot_memory_has_default(&memory, "/a/b", "1M", false));
        assert_int_equal(boot_memory_add(&memory, "/a/c", "2M", BOOT_ORIGIN_DEFAULT), 0);
        assert_true(boot_memory_has_defaults(&memory));
        assert_true(boot_memory_has_default(&memory, "/a/c", "2M", false));
        assert_false(boot_memory_has_default(&memory, "/a/b", "2M", false));
        assert_true(boot_memory_has_default(&memory, "/a/b", "2M", true));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_only_a_default_that_we_wrote_is_replaced),
                cmocka_unit_test(test_entries_of_new_kernels_follow),
                cmocka_unit_test(test_entry_that_has_what_the_user_chose_for_another_is_left_alone),
                cmocka_unit_test(test_grub_follows_unless_the_user_chose),
                cmocka_unit_test(test_grub_dropin_that_is_not_remembered_is_left_alone),
                cmocka_unit_test(test_update_grub_that_was_interrupted_is_run_again),
                cmocka_unit_test(test_update_grub_is_not_run_for_the_change_of_another_place),
                cmocka_unit_test(test_failed_update_grub_leaves_the_old_default),
                cmocka_unit_test(test_memory_knows_defaults),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
