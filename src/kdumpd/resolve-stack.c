/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns which programs and settings bring up volumes and arrays in the crash kernel. There, rules of
 * udev start lvm and mdadm as their disks appear; see dracut/99kdump. */
#include "resolve-stack.h"

#include "io.h"
#include "resolve-device.h"
#include "resolve-files.h"
#include "strv.h"

#define LVM_CONF "/etc/lvm/lvm.conf"

/* Without a daemon, without files to keep, and in little memory: reserved_memory (KiB) is locked
 * before volumes are suspended. */
#define LVM_CONF_HEAD                                                                              \
        "backup { backup = 0 archive = 0 }\n"                                                      \
        "global { use_lvmpolld = 0 thin_check_executable = \"\" cache_check_executable = \"\" }\n" \
        "activation {\n"                                                                           \
        "        monitoring = 0\n"                                                                 \
        "        reserved_memory = 1024\n"                                                         \
        "        reserved_stack = 64\n"                                                            \
        "        auto_activation_volume_list = ["

static int add_program(const ResolveContext *c, const char *what, const char *name,
                       const char *package)
{
        int r;

        r = needs_add_binary(c->root_fd, what, name, c->needs, c->reterr_message);
        if (r != -EINVAL)
                return r;
        return resolve_refuse(
                c, -EPROTONOSUPPORT,
                "'%s' needs %s(8) in the crash image, which is not installed: install "
                "%s",
                what, name, package);
}

/* The volumes of all targets, in one file: only these are activated. */
static int add_volumes(const ResolveContext *c, char *const *volumes)
{
        int r;

        for (; volumes && *volumes; volumes++) {
                if (strv_contains(c->needs->volumes, *volumes))
                        continue;
                r = strv_extend(&c->needs->volumes, *volumes);
                if (r < 0)
                        return r;
        }
        return 0;
}

int stack_add_settings(Needs *needs)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *f;

        if (!needs->volumes)
                return 0;
        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        (void) fputs(LVM_CONF_HEAD, f);
        for (char **volume = needs->volumes; *volume; volume++)
                (void) fprintf(f, "%s \"%s\"", volume == needs->volumes ? "" : ",", *volume);
        (void) fputs(" ]\n}\n", f);
        if (fclose(f) != 0)
                return -ENOMEM;
        return needs_add_text(LVM_CONF, 0600, text, needs);
}

static int add_programs(const ResolveContext *c, const char *what, const DeviceStack *stack)
{
        int r = 0;

        if (stack->kinds & DEVICE_LVM)
                r = add_program(c, what, "lvm", "lvm2");
        if (r >= 0 && (stack->kinds & DEVICE_MD))
                r = add_program(c, what, "mdadm", "mdadm");
        if (r >= 0 && (stack->kinds & DEVICE_MD_EXTERNAL))
                r = add_program(c, what, "mdmon", "mdadm");
        return r;
}

int stack_add(const ResolveContext *c, const char *device, const char *what)
{
        _cleanup_(device_stack_done) DeviceStack stack = { 0 };
        const char *refused;
        int r;

        r = device_stack(c->root_fd, device, &stack);
        if (r < 0)
                return r;
        refused = layer_refused(stack.kinds);
        if (refused)
                return resolve_refuse(c, -EPROTONOSUPPORT,
                                      "'%s' is on /dev/%s, which is %s: the crash image cannot "
                                      "bring it up. Name a target on a disk, a volume or an array "
                                      "of this machine, or on another machine",
                                      what, device, refused);
        r = add_programs(c, what, &stack);
        if (r >= 0)
                r = add_volumes(c, stack.volumes);
        return r < 0 ? r : drivers_add_all(&c->needs->drivers, stack.drivers);
}
