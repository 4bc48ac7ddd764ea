/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of resolve*.c on folders that look like a system. */
#include "test-machine.h"

#include "resolve-mount.h"
#include "strv.h"

static void test_folder_becomes_its_file_system(void **state)
{
        static const struct {
                const char *folder, *link, *what, *fstype, *options, *path;
        } cases[] = {
                { "/srv/dumps", NULL, "UUID=aaaa-0001", "ext4", NULL, "/srv/dumps" },
                { "/", NULL, "UUID=aaaa-0001", "ext4", NULL, "/" },
                { "/var/crash/", NULL, "UUID=aaaa-0002", "xfs", "logdev=/dev/vda9", "/crash" },
                { "/var", NULL, "UUID=aaaa-0002", "xfs", "logdev=/dev/vda9", "/" },
                { "/crash/a/b", NULL, "UUID=aaaa-0001", "ext4", NULL, "/srv/crash/a/b" },
                { "/home/me/x", NULL, "UUID=aaaa-0003", "btrfs", "subvolid=5", "/@home/me/x" },
                { "/home", NULL, "UUID=aaaa-0003", "btrfs", "subvolid=5", "/@home" },
                { "/crashes/new", "/var/lib", "UUID=aaaa-0002", "xfs", "logdev=/dev/vda9",
                  "/lib/new" },
                { "/with blank/x", NULL, "UUID=aaaa-0001", "ext4", NULL, "/x" },
                { "/variable", NULL, "UUID=aaaa-0001", "ext4", NULL, "/variable" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(outcome_done) Outcome outcome = { 0 };
                Config config = { .general.path = s(cases[i].folder), .general.timeout_usec = 7 };
                const Target *target;

                machine_make(&root);
                fixture_folder(&root, "/with blank");
                if (cases[i].link)
                        fixture_link(&root, "/crashes", cases[i].link);
                machine_resolve(&root, &config, &outcome);
                assert_int_equal(outcome.r, 0);
                assert_int_equal(outcome.plan->n_targets, 1);
                target = &outcome.plan->targets[0];
                assert_int_equal(target->type, TARGET_FS);
                assert_string_equal(target->what, cases[i].what);
                assert_string_equal(target->fstype, cases[i].fstype);
                assert_string_equal(target->path, cases[i].path);
                assert_int_equal(target->timeout_usec, 7);
                assert_int_equal(target->deadline_usec, 8);
                if (cases[i].options)
                        assert_string_equal(target->options, cases[i].options);
                else
                        assert_null(target->options);
                assert_null(outcome.warnings);
                assert_string_equal(outcome.plan->host, "127.0.0.1");
        }
}

static void test_folder_that_cannot_hold_a_dump(void **state)
{
        static const struct {
                const char *folder, *message;
        } cases[] = {
                { "/tmp/crash", "is on tmpfs" },
                { "/lower", "is on overlay" },
                { "/dangling/x", "leads nowhere" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(outcome_done) Outcome outcome = { 0 };
                Config config = { .general.path = s(cases[i].folder) };

                machine_make(&root);
                fixture_link(&root, "/dangling", "/nowhere");
                fixture_folder(&root, "/lower");
                machine_resolve(&root, &config, &outcome);
                assert_int_equal(outcome.r, -EINVAL);
                if (!strstr(outcome.message, cases[i].message))
                        fail_msg("'%s' does not say '%s'", outcome.message, cases[i].message);
        }
}

static void test_named_file_systems(void **state)
{
        static const struct {
                const char *what, *fstype, *want_what, *want_fstype, *want_path;
                unsigned n_warnings;
        } cases[] = {
                { "UUID=aaaa-0002", "xfs", "UUID=aaaa-0002", "xfs", "/d", 0 },
                { "LABEL=My Dumps", "ext4", "LABEL=My Dumps", "ext4", "/d", 0 },
                { "/dev/vda1", "ext4", "UUID=aaaa-0001", "ext4", "/d", 0 },
                { "/dev/vda5", "ext4", "/dev/vda5", "ext4", "/d", 1 },
                { "/dev/vda3", "btrfs", "UUID=aaaa-0003", "btrfs", "/@home/d", 0 },
                { "UUID=gone", "ext4", "UUID=gone", "ext4", "/d", 1 },
                { "UUID=aaaa-0002", "ext4", "UUID=aaaa-0002", "xfs", "/d", 1 },
                { "/dev/disk/by-uuid/aaaa-0004", "ext4", "/dev/disk/by-uuid/aaaa-0004", "ext4",
                  "/d", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(outcome_done) Outcome outcome = { 0 };
                Target target = { .type = TARGET_FS,
                                  .what = s(cases[i].what),
                                  .fstype = s(cases[i].fstype),
                                  .path = s("/d") };
                Config config = { .targets = &target, .n_targets = 1 };

                machine_make(&root);
                machine_resolve(&root, &config, &outcome);
                assert_int_equal(outcome.r, 0);
                assert_string_equal(outcome.plan->targets[0].what, cases[i].want_what);
                assert_string_equal(outcome.plan->targets[0].fstype, cases[i].want_fstype);
                assert_string_equal(outcome.plan->targets[0].path, cases[i].want_path);
                assert_int_equal(strv_length(outcome.warnings), cases[i].n_warnings);
                assert_true(strv_contains(outcome.needs.drivers, cases[i].want_fstype));
        }
}

static void test_targets_that_cannot_work_are_left_out(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome both = { 0 }, one = { 0 };
        Target targets[] = {
                { .type = TARGET_SSH, .what = s("me@there") },
                { .type = TARGET_FS, .what = s("UUID=aaaa-0002"), .fstype = s("xfs") },
        };

        machine_make(&root);
        machine_resolve(&root, &(Config){ .targets = targets, .n_targets = 2 }, &both);
        assert_int_equal(both.r, 0);
        assert_int_equal(both.plan->n_targets, 1);
        assert_string_equal(both.plan->targets[0].what, "UUID=aaaa-0002");
        assert_string_equal(both.plan->targets[0].path, "/var/crash");
        assert_int_equal(strv_length(both.warnings), 1);
        assert_non_null(strstr(both.warnings[0], "depot-ssh.so"));

        machine_resolve(&root, &(Config){ .targets = targets, .n_targets = 1 }, &one);
        outcome_check_refused(&one, "depot-ssh.so");
        outcome_check_refused(&one, "no target is left");
}

static void test_drivers(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome outcome = { 0 };
        char *modules[] = { s("my-module"), NULL };
        Config config = { .general.path = s("/crash"), .extra_modules = modules };
        _cleanup_free_ char *joined = NULL;

        machine_make(&root);
        fixture_write(&root, "/lib/modules/6.1/modules.builtin",
                      "kernel/fs/ext4/ext4.ko\nkernel/drivers/virtio/virtio_pci.ko\n");
        fixture_link(&root, "/sys/class/watchdog/watchdog0/device",
                     "../../../devices/pci0000:00/0000:00:05.0");
        fixture_link(&root, "/sys/devices/pci0000:00/0000:00:05.0/driver",
                     "../../../bus/pci/drivers/i6300ESB");
        fixture_link(&root, "/sys/bus/pci/drivers/i6300ESB/module", "../../../../module/i6300esb");
        machine_resolve(&root, &config, &outcome);
        assert_int_equal(outcome.r, 0);
        assert_int_equal(strv_join(outcome.needs.drivers, &joined), 0);
        assert_string_equal(joined, "i6300esb my_module virtio_blk");
}

/* A service with mounts of its own sees its folders mounted read-only, or on top of the real ones.
 */
static void test_mounts_are_those_of_pid1(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome outcome = { 0 };
        _cleanup_(mount_place_done) MountPlace place = { 0 }, other = { 0 }, none = { 0 };
        Target target = { .type = TARGET_PATH, .path = s("/var/crash") };

        machine_make(&root);
        fixture_write(&root, "/proc/1/mountinfo",
                      "22 1 254:1 / / rw - ext4 /dev/vda1 rw\n"
                      "25 22 254:2 / /var rw - xfs /dev/vda2 ro\n"
                      "26 22 254:4 / /old ro - ext4 /dev/vda4 rw\n");
        fixture_write(&root, "/proc/self/mountinfo",
                      "122 1 254:1 / / ro - ext4 /dev/vda1 rw\n"
                      "123 122 0:40 / /var ro - tmpfs tmpfs rw\n");
        machine_resolve(&root, &(Config){ .targets = &target, .n_targets = 1 }, &outcome);
        assert_int_equal(outcome.r, 0);
        assert_string_equal(outcome.plan->targets[0].what, "UUID=aaaa-0002");
        assert_int_equal(mount_find_device(root.fd, "vda1", &place), 1);
        assert_false(place.read_only);
        assert_int_equal(mount_find_device(root.fd, "vda2", &none), 1);
        assert_true(none.read_only);
        assert_int_equal(mount_find_device(root.fd, "vda4", &other), 1);
        assert_true(other.read_only);
}

static void test_dump_to_rootfs(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome outcome = { 0 };
        Target target = { .type = TARGET_FS, .what = s("UUID=aaaa-0002"), .fstype = s("xfs") };
        Config config = { .targets = &target,
                          .n_targets = 1,
                          .failure_action = ACTION_DUMP_TO_ROOTFS };

        machine_make(&root);
        machine_resolve(&root, &config, &outcome);
        assert_int_equal(outcome.r, 0);
        assert_non_null(outcome.plan->rootfs);
        assert_string_equal(outcome.plan->rootfs->what, "UUID=aaaa-0001");
        assert_string_equal(outcome.plan->rootfs->path, "/var/crash");
        assert_true(strv_contains(outcome.needs.drivers, "ext4"));
}

static void write_program(const Fixture *root, const char *path, const char *text)
{
        fixture_write(root, path, text);
        fixture_mode(root, path, 0755);
}

static void test_scripts_and_programs(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome outcome = { 0 };
        char *bins[] = { s("prog"), s("/usr/bin/tool"), NULL };
        char *argv[] = { s("tool"), s("-x"), NULL };
        Config config = { .kdump_pre = s("/sbin/pre"),
                          .kdump_post = s("/opt/post"),
                          .extra_bins = bins,
                          .collector.argv = argv };
        _cleanup_free_ char *binaries = NULL;

        machine_make(&root);
        write_program(&root, "/usr/bin/tool", "\177ELF");
        write_program(&root, "/usr/bin/env", "\177ELF");
        write_program(&root, "/usr/bin/python3", "\177ELF");
        write_program(&root, "/usr/sbin/pre", "#!/bin/sh\n");
        fixture_link(&root, "/sbin", "usr/sbin");
        write_program(&root, "/opt/post", "\177ELF...");
        write_program(&root, "/etc/kdump/pre.d/20-b", "#! /usr/bin/env python3\n");
        write_program(&root, "/etc/kdump/pre.d/10-a", "#!/bin/sh");
        write_program(&root, "/etc/kdump/pre.d/.hidden", "#!/bin/sh");
        fixture_write(&root, "/etc/kdump/pre.d/README", "text");
        machine_resolve(&root, &config, &outcome);
        assert_int_equal(outcome.r, 0);
        assert_int_equal(strv_join(outcome.needs.binaries, &binaries), 0);
        assert_string_equal(binaries,
                            "/bin/prog /opt/post /usr/bin/env /usr/bin/python3 /usr/bin/tool");
        assert_int_equal(outcome.needs.n_files, 3);
        assert_string_equal(outcome.needs.files[0].target, "/etc/kdump/pre.d/10-a");
        assert_string_equal(outcome.needs.files[2].target, "/usr/sbin/pre");
        assert_int_equal(outcome.needs.files[2].mode, 0755);
        /* Without the link: a folder "sbin" in the overlay would replace the image's link. */
        assert_string_equal(outcome.plan->kdump_pre, "/usr/sbin/pre");
        assert_string_equal(outcome.plan->kdump_post, "/opt/post");
        assert_int_equal(strv_length(outcome.plan->pre_d), 2);
        assert_string_equal(outcome.plan->pre_d[1], "/etc/kdump/pre.d/20-b");
        assert_string_equal(outcome.plan->collector.argv[0], "tool");
}

static void test_complaints_name_the_line(void **state)
{
        static const struct {
                const char *text, *message;
        } cases[] = {
                { "path /d\nkdump_post /opt/none\n",
                  "/etc/kdump.conf:2: kdump_post: '/opt/none': No such file" },
                { "\n\nextra_bins none\n", "/etc/kdump.conf:3: extra_bins: there is no program" },
                { "core_collector none -x\n", "/etc/kdump.conf:1: core_collector: there is no" },
                { "# far away\nssh me@there\n", "/etc/kdump.conf:2: " },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(outcome_done) Outcome outcome = { 0 };
                _cleanup_(config_freep) Config *config = NULL;
                ConfigMessages messages;

                machine_make(&root);
                fixture_write(&root, "/etc/kdump.conf", cases[i].text);
                assert_int_equal(config_load(root.fd, "/etc/kdump.conf", "/etc/kdump.conf.d",
                                             &config, &messages),
                                 0);
                config_messages_done(&messages);
                machine_resolve(&root, config, &outcome);
                assert_int_equal(outcome.r, -EINVAL);
                if (!startswith(outcome.message, cases[i].message))
                        fail_msg("'%s' does not begin with '%s'", outcome.message,
                                 cases[i].message);
        }
}

static void test_missing_programs_are_named(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        char *bins[] = { s("/usr/bin/none"), NULL };
        const struct {
                Config config;
                const char *message;
        } cases[] = {
                { { .kdump_pre = s("/opt/none") }, "kdump_pre: '/opt/none': No such file" },
                { { .kdump_post = s("/opt/text") }, "kdump_post: '/opt/text': is not executable" },
                { { .kdump_emergency = s("/opt/odd") }, "neither a script" },
                { { .extra_bins = bins }, "extra_bins: there is no program '/usr/bin/none'" },
                { { .kdump_pre = s("/opt/perl") },
                  "kdump_pre: there is no program '/usr/bin/perl'" },
                { { .kdump_pre = s("opt/perl") }, "is not an absolute path" },
        };

        machine_make(&root);
        fixture_write(&root, "/opt/text", "#!/bin/sh");
        write_program(&root, "/opt/odd", "echo");
        write_program(&root, "/opt/perl", "#!/usr/bin/perl -w\n");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(outcome_done) Outcome outcome = { 0 };

                machine_resolve(&root, &cases[i].config, &outcome);
                assert_int_equal(outcome.r, -EINVAL);
                if (!strstr(outcome.message, cases[i].message))
                        fail_msg("'%s' does not say '%s'", outcome.message, cases[i].message);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_folder_becomes_its_file_system),
                cmocka_unit_test(test_folder_that_cannot_hold_a_dump),
                cmocka_unit_test(test_named_file_systems),
                cmocka_unit_test(test_targets_that_cannot_work_are_left_out),
                cmocka_unit_test(test_drivers),
                cmocka_unit_test(test_mounts_are_those_of_pid1),
                cmocka_unit_test(test_dump_to_rootfs),
                cmocka_unit_test(test_scripts_and_programs),
                cmocka_unit_test(test_complaints_name_the_line),
                cmocka_unit_test(test_missing_programs_are_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
