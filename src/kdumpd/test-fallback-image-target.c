/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of which target the fallback image gets. */
#include "fallback-image.h"

#include "io.h"
#include "strv.h"
#include "test-fixture.h"
#include "test-machine.h"

/* vda of machine_make(), and: md0 and dm-0 made of vda2, a btrfs on vda3 and vda4. */
static void make_disks(Fixture *root)
{
        machine_make(root);
        fixture_folder(root, "/sys/devices/virtual/block/md0/md");
        fixture_write(root, "/sys/devices/virtual/block/md0/md/level", "raid1\n");
        fixture_folder(root, "/sys/devices/virtual/block/md0/slaves/vda2");
        fixture_link(root, "/sys/class/block/md0", "../../devices/virtual/block/md0");
        fixture_folder(root, "/sys/devices/virtual/block/dm-0/dm");
        fixture_write(root, "/sys/devices/virtual/block/dm-0/dm/name", "vg-lv\n");
        fixture_write(root, "/sys/devices/virtual/block/dm-0/dm/uuid", "LVM-x\n");
        fixture_folder(root, "/sys/devices/virtual/block/dm-0/slaves/vda2");
        fixture_link(root, "/sys/class/block/dm-0", "../../devices/virtual/block/dm-0");
        fixture_write(root, "/dev/md0", "");
        fixture_write(root, "/dev/dm-0", "");
        fixture_link(root, "/dev/disk/by-uuid/md", "../../md0");
        fixture_link(root, "/dev/disk/by-uuid/dm", "../../dm-0");
        fixture_folder(root, "/sys/fs/btrfs/aaaa-0003/devices/vda3");
        fixture_folder(root, "/sys/fs/btrfs/aaaa-0003/devices/vda4");
        fixture_link(root, "/dev/disk/by-id/disk", "../../vda4");
        fixture_link(root, "/dev/disk/by-id/part", "../../vda5");
        fixture_link(root, "/dev/disk/by-partuuid/p5", "../../vda5");
}

/* "ext4:UUID=x", "raw:/dev/x", "ssh:a@b"; options of mount may follow behind a '|'. */
static Target parse(const char *text)
{
        Target target = { .type = TARGET_FS, .path = s("/crash") };
        _cleanup_free_ char *copy = strdup(text);
        char *colon = strchr(copy, ':'), *bar = strchr(copy, '|');

        assert_non_null(colon);
        *colon = '\0';
        if (bar) {
                *bar = '\0';
                target.options = strdup(bar + 1);
        }
        target.what = strdup(colon + 1);
        if (streq(copy, "raw") || streq(copy, "ssh") || streq(copy, "nfs"))
                target.type = target_type_from_string(copy);
        else
                target.fstype = strdup(copy);
        return target;
}

static void clear(Target *target)
{
        free(target->what);
        free(target->fstype);
        free(target->options);
}

static int choose(const Fixture *root, const char *const *texts, const char *rootfs,
                  const char *local, FallbackTarget *ret, char **reterr_message)
{
        Target targets[4] = { 0 }, root_target = { 0 }, local_target = { 0 };
        Plan plan = { .targets = targets };
        int r;

        for (; plan.n_targets < ELEMENTSOF(targets) && texts[plan.n_targets]; plan.n_targets++)
                targets[plan.n_targets] = parse(texts[plan.n_targets]);
        if (rootfs) {
                root_target = parse(rootfs);
                plan.rootfs = &root_target;
        }
        if (local)
                local_target = parse(local);
        r = fallback_target_choose(root->fd, &plan, local ? &local_target : NULL, ret,
                                   reterr_message);
        for (size_t i = 0; i < plan.n_targets; i++)
                clear(targets + i);
        clear(&root_target);
        clear(&local_target);
        return r;
}

static void test_simplest_target_is_chosen(void **state)
{
        static const struct {
                const char *targets[5], *rootfs, *local, *what;
        } cases[] = {
                { { "ext4:UUID=aaaa-0001" }, NULL, NULL, "UUID=aaaa-0001" },
                { { "ext4:UUID=aaaa-0001", "raw:/dev/disk/by-partuuid/p5" },
                  NULL,
                  NULL,
                  "PARTUUID=p5" },
                { { "ssh:a@b", "ext4:UUID=dm", "xfs:UUID=aaaa-0002" },
                  NULL,
                  NULL,
                  "UUID=aaaa-0002" },
                { { "ext4:UUID=md" },
                  "ext4:UUID=aaaa-0001",
                  "xfs:UUID=aaaa-0002",
                  "UUID=aaaa-0001" },
                { { "nfs:box:/x" }, NULL, "xfs:UUID=aaaa-0002", "UUID=aaaa-0002" },
                { { "raw:/dev/md0", "ext4:UUID=aaaa-0001" }, NULL, NULL, "UUID=aaaa-0001" },
                { { "ext4:UUID=not-there", "ext4:UUID=aaaa-0001" }, NULL, NULL, "UUID=aaaa-0001" },
                { { "btrfs:UUID=aaaa-0003", "btrfs:/dev/vda3", "ext4:UUID=aaaa-0001" },
                  NULL,
                  NULL,
                  "UUID=aaaa-0001" },
                { { "btrfs:UUID=aaaa-0004" }, NULL, NULL, "UUID=aaaa-0004" },
                { { "xfs:UUID=aaaa-0002|nouuid,logdev=/dev/vda9", "ext4:UUID=aaaa-0001" },
                  NULL,
                  NULL,
                  "UUID=aaaa-0001" },
                { { "xfs:UUID=aaaa-0002|nouuid" }, NULL, NULL, "UUID=aaaa-0002" },

                /* Names of udev's are turned into what is on the device. */
                { { "ext4:/dev/disk/by-id/disk" }, NULL, NULL, "UUID=aaaa-0004" },
                { { "ext4:LABEL=My Dumps" }, NULL, NULL, "LABEL=My Dumps" },
                { { "raw:/dev/disk/by-id/part" }, NULL, NULL, "PARTUUID=p5" },
                { { "raw:/dev/disk/by-id/disk", "ext4:UUID=aaaa-0001" },
                  NULL,
                  NULL,
                  "UUID=aaaa-0001" },
                /* As the usual image has it. */
                { { "raw:/dev/vda4" }, NULL, NULL, "/dev/vda4" },
        };
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;

        make_disks(&root);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fallback_target_done) FallbackTarget target = { 0 };
                _cleanup_free_ char *message = NULL;

                if (choose(&root, cases[i].targets, cases[i].rootfs, cases[i].local, &target,
                           &message) < 0)
                        fail_msg("%zu: %s", i, message);
                if (!streq(target.target.what, cases[i].what))
                        fail_msg("%zu: '%s' instead of '%s'", i, target.target.what, cases[i].what);
                assert_true(strv_contains(target.drivers, "virtio_blk"));
                assert_true(strv_contains(target.drivers, "virtio_pci"));
        }
}

static void test_each_target_that_will_not_do_is_named(void **state)
{
        static const char *const targets[] = { "raw:/dev/md0", "ssh:a@b", "ext4:UUID=not-there",
                                               "xfs:UUID=dm", NULL };
        static const char *const none[] = { NULL };
        _cleanup_(fallback_target_done) FallbackTarget target = { 0 };
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_free_ char *message = NULL, *other = NULL;

        make_disks(&root);
        assert_int_equal(choose(&root, targets, NULL, NULL, &target, &message), -EOPNOTSUPP);
        assert_non_null(strstr(message, "raw /dev/md0 is on a volume, an array"));
        assert_non_null(strstr(message, "ssh a@b folder '/crash' is on another machine"));
        assert_non_null(strstr(message, "UUID=not-there folder '/crash' is not there now"));
        assert_non_null(strstr(message, "UUID=dm folder '/crash' is on a volume, an array"));
        assert_int_equal(choose(&root, none, NULL, NULL, &target, &other), -EOPNOTSUPP);
        assert_non_null(strstr(other, "there is none"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_simplest_target_is_chosen),
                cmocka_unit_test(test_each_target_that_will_not_do_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
