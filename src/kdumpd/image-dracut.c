/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the table of dracut's options. */
#include "image-dracut.h"

#include "strv.h"

const char *const dracut_inputs[] = {
        "/usr/bin/dracut",
        "/usr/lib/dracut/dracut-init.sh",
        "/usr/lib/dracut/dracut-functions.sh",
        "/usr/lib/dracut/dracut-install",
        NULL,
};

/* Nothing of the running system goes in by dracut's own choice: what is needed was resolved. */
static const char *const options[] = {
        "--force",
        "--no-hostonly",
        "--no-hostonly-cmdline",
        "--no-hostonly-default-device",
        "--no-early-microcode",
        "--nofscks",
        "--nomdadmconf",
        "--nolvmconf",
        /* The kernel's unpacker knows hard links, our check and cpio's order need not. */
        "--nohardlink",
        /* What is in the image is compared with what it came from. Distributions strip already. */
        "--nostrip",
        "--reproducible",
        "--gzip",
        /* dracut sources this file if it is a regular one: so none. */
        "--conf=/dev/null",
        "--modules=kdump",
};

int dracut_argv(const BaseRequest *request, const char *work_dir, const char *output, char ***ret)
{
        _cleanup_strv_ char **argv = NULL;
        int r;

        r = strv_extend(&argv, "dracut");
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                r = strv_extend(&argv, options[i]);
                if (r < 0)
                        return r;
        }
        r = strv_extendf(&argv, "--confdir=%s/conf.d", work_dir);
        if (r < 0)
                return r;
        r = strv_extendf(&argv, "--tmpdir=%s/tmp", work_dir);
        if (r < 0)
                return r;
        r = strv_extendf(&argv, "--kver=%s", request->kernel_release);
        if (r < 0)
                return r;
        /* Later options win over earlier ones, or add to them. */
        r = strv_extend_strv(&argv, request->dracut_args);
        if (r < 0)
                return r;
        r = strv_extend(&argv, output);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(argv);
        return 0;
}
