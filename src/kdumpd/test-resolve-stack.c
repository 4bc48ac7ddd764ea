/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of what block devices are made of: what the image brings up, and what is refused by name.
 */
#include "test-machine.h"

#include "resolve-layers.h"
#include "strv.h"

#define VIRTUAL "/sys/devices/virtual/block/"
#define UUIDS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* A block device below @parent, a folder of /sys, with the UUID "dddd" if it is the @top. */
static void add_block(const Fixture *root, const char *parent, const char *name, bool top)
{
        char path[256], to[300];

        (void) snprintf(path, sizeof(path), "%s/%s", parent, name);
        fixture_folder(root, path);
        (void) snprintf(to, sizeof(to), "../..%s", path + strlen("/sys"));
        (void) snprintf(path, sizeof(path), "/sys/class/block/%s", name);
        fixture_link(root, path, to);
        (void) snprintf(path, sizeof(path), "/dev/%s", name);
        fixture_write(root, path, "");
        (void) snprintf(to, sizeof(to), "../../%s", name);
        if (top)
                fixture_link(root, "/dev/disk/by-uuid/dddd", to);
}

static void add_slave(const Fixture *root, const char *device, const char *slave)
{
        char path[256], to[300];

        (void) snprintf(path, sizeof(path), VIRTUAL "%s/slaves/%s", device, slave);
        (void) snprintf(to, sizeof(to), "../../../../../class/block/%s", slave);
        fixture_link(root, path, to);
}

static void add_mapped(const Fixture *root, const char *device, bool top, const char *name,
                       const char *uuid, const char *slave)
{
        char path[256];

        add_block(root, "/sys/devices/virtual/block", device, top);
        (void) snprintf(path, sizeof(path), VIRTUAL "%s/dm/name", device);
        fixture_write(root, path, name);
        (void) snprintf(path, sizeof(path), VIRTUAL "%s/dm/uuid", device);
        fixture_write(root, path, uuid);
        if (slave)
                add_slave(root, device, slave);
}

static void add_array(const Fixture *root, const char *device, bool top, const char *level,
                      const char *version, const char *slave)
{
        char path[256];

        add_block(root, "/sys/devices/virtual/block", device, top);
        (void) snprintf(path, sizeof(path), VIRTUAL "%s/md/level", device);
        fixture_write(root, path, level);
        (void) snprintf(path, sizeof(path), VIRTUAL "%s/md/metadata_version", device);
        fixture_write(root, path, version);
        add_slave(root, device, slave);
}

static void check_words(char *const *list, const char *joined)
{
        _cleanup_free_ char *text = NULL;

        assert_int_equal(strv_join(list, &text), 0);
        assert_string_equal(text, joined);
}

static void test_volume(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome outcome = { 0 };

        machine_make(&root);
        machine_add_programs(&root);
        add_mapped(&root, "dm-0", true, "my--vg-lv--1\n", "LVM-" UUIDS "\n", "vda4");
        machine_resolve_text(&root, "ext4 UUID=dddd\n", &outcome);
        assert_int_equal(outcome.r, 0);
        assert_null(outcome.warnings);
        check_words(outcome.needs.drivers, "dm_mod ext4 virtio_blk virtio_pci");
        check_words(outcome.needs.binaries, "/usr/sbin/lvm");
        assert_int_equal(outcome.needs.n_files, 1);
        assert_int_equal(outcome_file(&outcome, "/etc/lvm/lvm.conf")->mode, 0600);
        assert_non_null(strstr(outcome_file(&outcome, "/etc/lvm/lvm.conf")->text,
                               "auto_activation_volume_list = [ \"my-vg/lv-1\" ]"));
}

/* A thin volume on a pool on RAID: every layer has modules of its own, one volume is activated. */
static void test_layers_of_a_volume(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome outcome = { 0 };

        machine_make(&root);
        machine_add_programs(&root);
        add_mapped(&root, "dm-3", true, "vg-thin\n", "LVM-" UUIDS "\n", "dm-2");
        add_mapped(&root, "dm-2", false, "vg-pool-tpool\n", "LVM-" UUIDS "-tpool\n", "dm-1");
        add_mapped(&root, "dm-1", false, "vg-pool_tdata\n", "LVM-" UUIDS "-tdata\n", "dm-0");
        add_mapped(&root, "dm-0", false, "vg-pool_tdata_rimage_0\n", "LVM-" UUIDS "\n", "vda4");
        machine_resolve_text(&root, "ext4 UUID=dddd\n", &outcome);
        assert_int_equal(outcome.r, 0);
        check_words(outcome.needs.drivers, "dm_mod dm_raid dm_thin_pool ext4 raid1 raid10 raid456 "
                                           "virtio_blk virtio_pci");
        check_words(outcome.needs.volumes, "vg/pool_tdata_rimage_0 vg/thin");
}

static void test_arrays(void **state)
{
        static const struct {
                const char *level, *version, *drivers, *binaries;
        } cases[] = {
                { "raid5\n", "1.2\n", "ext4 raid456 virtio_blk virtio_pci", "/usr/sbin/mdadm" },
                { "raid1\n", "external:/md127/0\n", "ext4 raid1 virtio_blk virtio_pci",
                  "/usr/sbin/mdadm /usr/sbin/mdmon" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(outcome_done) Outcome outcome = { 0 };

                machine_make(&root);
                machine_add_programs(&root);
                add_array(&root, "md0", true, cases[i].level, cases[i].version, "vda4");
                machine_resolve_text(&root, "ext4 UUID=dddd\n", &outcome);
                assert_int_equal(outcome.r, 0);
                check_words(outcome.needs.drivers, cases[i].drivers);
                check_words(outcome.needs.binaries, cases[i].binaries);
                assert_int_equal(outcome.needs.n_files, 0);
        }
}

static void test_programs_must_be_there(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome outcome = { 0 };

        machine_make(&root);
        add_mapped(&root, "dm-0", true, "vg-lv\n", "LVM-" UUIDS "\n", "vda4");
        machine_resolve_text(&root, "ext4 UUID=dddd\n", &outcome);
        outcome_check_refused(&outcome, "install lvm2");
}

typedef struct Refusal {
        const char *parent, *name, *uuid, *message;
} Refusal;

static const Refusal refusals[] = {
        { NULL, "dm-0", "CRYPT-LUKS2-0123-home\n", "encrypted" },
        { NULL, "dm-0", "mpath-360a98\n", "multipath" },
        { NULL, "dm-0", "part1-mpath-360a98\n", "multipath" },
        { NULL, "dm-0", "DMRAID-isw\n", "not LVM's" },
        { NULL, "dm-0", "\n", "not LVM's" },
        { "/sys/devices/platform/host3/session1/target3:0:0/3:0:0:0/block", "sda", NULL,
          "behind iSCSI" },
        { "/sys/devices/virtual/net/eth0.7/ctlr_0/host4/rport-4:0-1/target4:0:0/4:0:0:0/block",
          "sda", NULL, "Fibre Channel over Ethernet" },
        { "/sys/devices/virtual/nvme-fabrics/ctl/nvme1", "nvme1n1", NULL, "NVMe over Fabrics" },
        { "/sys/devices/virtual/block", "nbd0", NULL, "network block device" },
        { "/sys/devices/virtual/block", "loop7", NULL, "loop device" },
        { "/sys/devices/virtual/block", "bcache0", NULL, "bcache" },
        { "/sys/devices/virtual/block", "zram0", NULL, "zram" },
};

static void test_what_is_refused_by_name(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(refusals); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(outcome_done) Outcome outcome = { 0 }, second = { 0 };

                machine_make(&root);
                machine_add_programs(&root);
                if (refusals[i].parent)
                        add_block(&root, refusals[i].parent, refusals[i].name, true);
                else
                        add_mapped(&root, refusals[i].name, true, "name\n", refusals[i].uuid,
                                   "vda4");
                machine_resolve_text(&root, "ext4 UUID=dddd\n", &outcome);
                outcome_check_refused(&outcome, refusals[i].message);
                outcome_check_refused(&outcome, "/etc/kdump.conf:1: 'UUID=dddd' is on");

                /* A target that could work does not hide it. */
                machine_resolve_text(&root, "xfs UUID=aaaa-0002\next4 UUID=dddd\n", &second);
                outcome_check_refused(&second, refusals[i].message);
        }
}

/* A volume on an encrypted disk is as closed as the disk. */
static void test_refused_below_a_volume(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome outcome = { 0 };

        machine_make(&root);
        machine_add_programs(&root);
        add_mapped(&root, "dm-1", true, "vg-lv\n", "LVM-" UUIDS "\n", "dm-0");
        add_mapped(&root, "dm-0", false, "luks\n", "CRYPT-LUKS2-0123\n", "vda4");
        machine_resolve_text(&root, "ext4 UUID=dddd\n", &outcome);
        outcome_check_refused(&outcome, "encrypted");
}

/* With native multipath the disk is a virtual one, and only its controllers tell. */
static void test_fabrics_behind_a_subsystem(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome outcome = { 0 };

        machine_make(&root);
        add_block(&root, "/sys/devices/virtual/nvme-subsystem/nvme-subsys0", "nvme0n1", true);
        fixture_folder(&root, "/sys/devices/virtual/nvme-fabrics/ctl/nvme0");
        fixture_link(&root, "/sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0",
                     "../../nvme-fabrics/ctl/nvme0");
        machine_resolve_text(&root, "ext4 UUID=dddd\n", &outcome);
        outcome_check_refused(&outcome, "NVMe over Fabrics");
}

static void test_dump_to_rootfs_goes_without(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome outcome = { 0 };

        machine_make(&root);
        add_mapped(&root, "dm-0", true, "luks\n", "CRYPT-LUKS2-0123\n", "vda4");
        fixture_write(&root, "/proc/self/mountinfo",
                      "22 1 253:0 / / rw - ext4 /dev/dm-0 rw\n"
                      "25 22 254:2 / /var rw - xfs /dev/vda2 rw\n");
        fixture_link(&root, "/sys/dev/block/253:0", "../../devices/virtual/block/dm-0");
        machine_resolve_text(&root, "xfs UUID=aaaa-0002\nfailure_action dump_to_rootfs\n",
                             &outcome);
        assert_int_equal(outcome.r, 0);
        assert_null(outcome.plan->rootfs);
        assert_int_equal(strv_length(outcome.warnings), 1);
        assert_non_null(strstr(outcome.warnings[0], "encrypted"));
}

static void test_volume_names(void **state)
{
        static const struct {
                const char *name, *volume;
        } cases[] = {
                { "vg-lv", "vg/lv" },
                { "a--b-c--d", "a-b/c-d" },
                { "vg-a-b", "vg/a-b" },
                { "a----b-c", "a--b/c" },
                { "vg", NULL },
                { "vg--lv", NULL },
                { "-lv", NULL },
                { "vg-", NULL },
                { "", NULL },
                { "vg-l\" ] #", NULL },
                { "vg-+lv_1.x", "vg/+lv_1.x" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *volume = NULL;

                assert_int_equal(layer_volume_name(cases[i].name, &volume),
                                 cases[i].volume ? 1 : 0);
                if (!streq_ptr(volume, cases[i].volume))
                        fail_msg("'%s' gave '%s'", cases[i].name, volume ?: "NULL");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_volume),
                cmocka_unit_test(test_layers_of_a_volume),
                cmocka_unit_test(test_arrays),
                cmocka_unit_test(test_programs_must_be_there),
                cmocka_unit_test(test_what_is_refused_by_name),
                cmocka_unit_test(test_refused_below_a_volume),
                cmocka_unit_test(test_fabrics_behind_a_subsystem),
                cmocka_unit_test(test_dump_to_rootfs_goes_without),
                cmocka_unit_test(test_volume_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
