/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the calls of libmount that mount. */
#include "mount-call.h"

#include <libmount.h>

DEFINE_CLEANUP(struct libmnt_context *, mnt_free_context);

int mount_call(const char *source, const char *where, const char *fstype, const char *options,
               char **reterr_why)
{
        _cleanup_(mnt_free_contextp) struct libmnt_context *context = mnt_new_context();
        char why[256] = "";
        int r;

        if (!context)
                return -ENOMEM;
        (void) mnt_context_disable_mtab(context, true);
        if (startswith(fstype ?: "", "nfs"))
                (void) mnt_context_disable_helpers(context, true);
        if (mnt_context_set_source(context, source) < 0 ||
            mnt_context_set_target(context, where) < 0 ||
            mnt_context_set_fstype(context, fstype) < 0 ||
            mnt_context_set_options(context, options) < 0)
                return -ENOMEM;

        r = mnt_context_mount(context);
        if (mnt_context_get_status(context) == 1 && r == 0)
                return 0;
        (void) mnt_context_get_excode(context, r, why, sizeof(why));
        *reterr_why = *why ? strdup(why) : NULL;
        if (mnt_context_syscall_called(context) && mnt_context_get_syscall_errno(context) > 0)
                return -mnt_context_get_syscall_errno(context);
        return -EIO;
}
