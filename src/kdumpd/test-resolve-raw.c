/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of raw targets: each way in which a device may be in use, and the names that last. */
#include "test-machine.h"

#include "strv.h"

static void test_an_empty_device(void **state)
{
        static const struct {
                const char *link, *what, *want;
                unsigned n_warnings;
        } cases[] = {
                { NULL, "/dev/vda5", "/dev/vda5", 1 },
                { "/dev/disk/by-partuuid/0000-05", "/dev/vda5", "/dev/disk/by-partuuid/0000-05",
                  0 },
                { "/dev/disk/by-id/virtio-x-part5", "/dev/vda5", "/dev/disk/by-id/virtio-x-part5",
                  0 },
                { "/dev/disk/by-partuuid/0000-05", "PARTUUID=0000-05", "PARTUUID=0000-05", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(outcome_done) Outcome outcome = { 0 };
                Target target = { .type = TARGET_RAW,
                                  .what = s(cases[i].what),
                                  .path = s("/var/crash"),
                                  .timeout_usec = 5 };

                machine_make(&root);
                if (cases[i].link)
                        fixture_link(&root, cases[i].link, "../../vda5");
                machine_resolve(&root, &(Config){ .targets = &target, .n_targets = 1 }, &outcome);
                assert_int_equal(outcome.r, 0);
                assert_int_equal(outcome.plan->targets[0].type, TARGET_RAW);
                assert_string_equal(outcome.plan->targets[0].what, cases[i].want);
                assert_string_equal(outcome.plan->targets[0].path, "/var/crash");
                assert_int_equal(outcome.plan->targets[0].timeout_usec, 5);
                assert_int_equal(strv_length(outcome.warnings), cases[i].n_warnings);
                assert_true(strv_contains(outcome.needs.drivers, "virtio_blk"));
                assert_string_equal(outcome.plan->host, "127.0.0.1");
        }
}

/* One file or folder that says that the device is in use */
static void test_a_device_in_use_is_refused(void **state)
{
        static const struct {
                const char *what, *path, *text, *message;
        } cases[] = {
                { "/dev/vda2", NULL, NULL, "is mounted on '/var'" },
                { "/dev/vda9", NULL, NULL, "there is no '/dev/vda9' now" },
                { "/dev/vda5", "/proc/swaps",
                  "Filename\tType\tSize\n/dev/vda5      partition\t1\t0\t-2\n", "used for swap" },
                { "/dev/vda5", DISK "/vda5/holders/dm-0/x", "", "is a part of /dev/dm-0" },
                { "/dev/vda5", DISK "/vda5/vda5p1/dev", "", "has partitions" },
                { "/dev/vda5", "/run/udev/data/b254:5", "S:x\nE:ID_FS_TYPE=swap\nE:A=b\n",
                  "of the type 'swap'" },
                { "/dev/vda5", "/run/udev/data/b254:5",
                  "E:ID_FS_TYPE_X=1\nE:ID_PART_TABLE_TYPE=gpt", "of the type 'gpt'" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(outcome_done) Outcome outcome = { 0 };
                Target target = { .type = TARGET_RAW, .what = s(cases[i].what) };

                machine_make(&root);
                fixture_write(&root, DISK "/vda5/dev", "254:5\n");
                if (cases[i].path)
                        fixture_write(&root, cases[i].path, cases[i].text);
                machine_resolve(&root, &(Config){ .targets = &target, .n_targets = 1 }, &outcome);
                outcome_check_refused(&outcome, cases[i].message);
        }
}

static void test_what_others_use_does_not_count(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome outcome = { 0 };
        Target target = { .type = TARGET_RAW, .what = s("PARTUUID=1") };

        machine_make(&root);
        fixture_link(&root, "/dev/disk/by-partuuid/1", "../../vda5");
        fixture_write(&root, DISK "/vda5/dev", "254:5\n");
        fixture_folder(&root, DISK "/vda5/holders");
        fixture_write(&root, "/run/udev/data/b254:5", "E:ID_FS_TYPE_OF=ext4\nE:ID_PATH=x\n");
        fixture_write(&root, "/proc/swaps",
                      "Filename\tType\n/dev/vda4 partition\n/swapfile file\n/dev/gone x\n");
        machine_resolve(&root, &(Config){ .targets = &target, .n_targets = 1 }, &outcome);
        assert_int_equal(outcome.r, 0);
        assert_null(outcome.warnings);
}

static void test_an_odd_device_number_reads_nothing(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome outcome = { 0 };
        Target target = { .type = TARGET_RAW, .what = s("/dev/vda5") };

        machine_make(&root);
        fixture_write(&root, DISK "/vda5/dev", "/../x\n");
        fixture_write(&root, "/run/udev/data/x", "E:ID_FS_TYPE=ext4\n");
        machine_resolve(&root, &(Config){ .targets = &target, .n_targets = 1 }, &outcome);
        assert_int_equal(outcome.r, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_an_empty_device),
                cmocka_unit_test(test_a_device_in_use_is_refused),
                cmocka_unit_test(test_what_others_use_does_not_count),
                cmocka_unit_test(test_an_odd_device_number_reads_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
