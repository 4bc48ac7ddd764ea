/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the folder that looks like a machine. */
#include "test-machine.h"

#include "strv.h"

static const char *const mountinfo =
        "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro\n"
        "23 22 0:21 / /proc rw - proc proc rw\n"
        "24 22 0:22 / /tmp rw - tmpfs tmpfs rw\n"
        "25 22 254:2 / /var rw - xfs /dev/vda2 rw,attr2,inode64,logdev=/dev/vda9,noquota\n"
        "26 22 254:1 /srv/crash /crash rw - ext4 /dev/vda1 rw\n"
        "27 22 0:30 /@home /home rw - btrfs /dev/vda3 "
        "rw,space_cache=v2,subvolid=257,subvol=/@home\n"
        "28 22 0:31 / /net rw - nfs4 other:/y rw\n"
        "29 22 0:32 / /lower rw - overlay overlay rw,lowerdir=/a\n"
        "30 22 254:1 / /with\\040blank rw - ext4 /dev/vda1 rw\n";

static void make_disk(const Fixture *root)
{
        static const char *const parts[] = { "vda1", "vda2", "vda3", "vda4", "vda5" };

        fixture_folder(root, DISK "/slaves");
        fixture_folder(root, "/sys/module/virtio_blk");
        fixture_link(root, "/sys/devices/pci0000:00/0000:00:04.0/virtio1/driver",
                     "/sys/bus/virtio/drivers/virtio_blk");
        fixture_link(root, "/sys/bus/virtio/drivers/virtio_blk/module",
                     "../../../../module/virtio_blk");
        fixture_link(root, "/sys/devices/pci0000:00/0000:00:04.0/driver",
                     "/sys/bus/pci/drivers/virtio-pci");
        fixture_link(root, "/sys/bus/pci/drivers/virtio-pci/module",
                     "../../../../module/virtio_pci");
        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                char path[128], to[128];

                (void) snprintf(path, sizeof(path), DISK "/%s", parts[i]);
                fixture_folder(root, path);
                (void) snprintf(path, sizeof(path), "/sys/dev/block/254:%zu", i + 1);
                (void) snprintf(to, sizeof(to), "../..%s/%s", &DISK[strlen("/sys")], parts[i]);
                fixture_link(root, path, to);
                (void) snprintf(path, sizeof(path), "/sys/class/block/%s", parts[i]);
                fixture_link(root, path, to);
                (void) snprintf(path, sizeof(path), "/dev/%s", parts[i]);
                fixture_write(root, path, "");
                if (i == 4)
                        continue;
                (void) snprintf(path, sizeof(path), "/dev/disk/by-uuid/aaaa-000%zu", i + 1);
                (void) snprintf(to, sizeof(to), "../../%s", parts[i]);
                fixture_link(root, path, to);
        }
        fixture_link(root, "/dev/disk/by-label/My\\x20Dumps", "../../vda4");
}

void machine_make(Fixture *root)
{
        fixture_init(root);
        make_disk(root);
        fixture_write(root, "/proc/self/mountinfo", mountinfo);
        fixture_folder(root, "/var/lib");
        fixture_folder(root, "/tmp");
        fixture_folder(root, "/home/me");
        fixture_folder(root, "/crash");
        fixture_write(root, "/bin/prog", "\177ELF");
        fixture_mode(root, "/bin/prog", 0755);
}

void outcome_done(Outcome *outcome)
{
        plan_free(outcome->plan);
        needs_done(&outcome->needs);
        strv_free(outcome->warnings);
        free(outcome->message);
}

void machine_resolve(const Fixture *root, const Config *given, Outcome *ret)
{
        ConfigSource none[8] = { 0 };
        Target the_folder = { .type = TARGET_PATH, .deadline_usec = 8 };
        Config config[1] = { *given };
        char release[] = "6.1", hostname[] = "box";
        Facts facts = { .kernel_release = release, .hostname = hostname };

        if (config->n_targets == 0) {
                config->targets = &the_folder;
                config->n_targets = 1;
        }
        assert_true(config->n_targets <= ELEMENTSOF(none));
        if (!config->target_sources)
                config->target_sources = none;
        *ret = (Outcome){ 0 };
        ret->r = resolve_plan(root->fd, config, &facts, &ret->plan, &ret->needs, &ret->warnings,
                              &ret->message);
        if (ret->r < 0)
                assert_non_null(ret->message);
}

void machine_add_programs(const Fixture *root)
{
        static const char *const paths[] = {
                "/usr/lib/systemd/systemd-networkd",
                "/usr/lib/kdumpd/depot-ssh.so",
                "/usr/lib/kdumpd/depot-curl.so",
                "/usr/sbin/lvm",
                "/usr/sbin/mdadm",
                "/usr/sbin/mdmon",
        };

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                fixture_write(root, paths[i], "\177ELF");
                fixture_mode(root, paths[i], 0755);
        }
}

void machine_resolve_text(const Fixture *root, const char *text, Outcome *ret)
{
        _cleanup_(config_messages_done) ConfigMessages messages = { 0 };
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        fixture_write(root, "/etc/kdump.conf", text);
        r = config_load(root->fd, "/etc/kdump.conf", "/etc/kdump.conf.d", &config, &messages);
        if (r < 0)
                fail_msg("%s", messages.n_items > 0 ? messages.items[0].text : strerror(-r));
        machine_resolve(root, config, ret);
}

const NeededFile *outcome_file(const Outcome *outcome, const char *target)
{
        for (size_t i = 0; i < outcome->needs.n_files; i++)
                if (streq(outcome->needs.files[i].target, target))
                        return &outcome->needs.files[i];
        fail_msg("there is no '%s' in the overlay", target);
        return NULL;
}

void outcome_check_refused(const Outcome *outcome, const char *part)
{
        if (outcome->r != -EINVAL)
                fail_msg("%d instead of a refusal: %s", outcome->r, part);
        if (!strstr(outcome->message, part))
                fail_msg("'%s' does not say '%s'", outcome->message, part);
}
