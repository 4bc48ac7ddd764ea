/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns /etc/kernel/cmdline, from which kernel-install(8) makes boot entries and unified images. */
#include "bootloader.h"

#include <fcntl.h>

#include "io.h"
#include "rootdir.h"

#define CMDLINE_FILE "/etc/kernel/cmdline"

static bool cmdline_exists(int root_fd)
{
        _cleanup_close_ int fd = root_open(root_fd, CMDLINE_FILE, O_PATH);

        return fd >= 0;
}

static int cmdline_plan(const BootRequest *request, BootPlan *plan, char **reterr_message)
{
        BootChange *change;
        int r;

        /* Kernels that are installed in future take it from here: it is not of one of them. */
        if (boot_request_is_path(request) && plan->n_changes > 0)
                return 0;
        if (boot_request_is_path(request)) {
                (void) strprintf(reterr_message,
                                 "'" CMDLINE_FILE "' is for all kernels: leave out --kernel=");
                return -EOPNOTSUPP;
        }
        r = boot_plan_add(plan, &boot_loader_cmdline, request->root_fd, CMDLINE_FILE, &change);
        if (r >= 0)
                r = boot_change_set(change, boot_line_is_no_comment, "", request->value);
        if (r < 0)
                (void) strprintf(reterr_message, "cannot read '" CMDLINE_FILE "': %s",
                                 strerror(-r));
        return r;
}

const BootLoader boot_loader_cmdline = {
        .name = "kernel-install",
        .exists = cmdline_exists,
        .plan = cmdline_plan,
        .hint = "Kernels that are installed from now on get it from '" CMDLINE_FILE
                "'. Where an installed kernel has its command line inside of its image, run "
                "'kernel-install add VERSION IMAGE' for it, or install its package again.",
};
