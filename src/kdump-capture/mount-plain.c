/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns mount(2) for the fallback image: libmount, with what it needs, is larger than the rest. */
#include "mount-plain.h"

#include <sys/mount.h>

#include "mount-call.h"
#include "text.h"

/* What file systems do not know is for the programs that mount. */
static const struct {
        const char *name;
        unsigned long flag;
} options_known[] = {
        { "defaults", 0 },
        { "rw", 0 },
        { "ro", MS_RDONLY },
        { "nosuid", MS_NOSUID },
        { "nodev", MS_NODEV },
        { "noexec", MS_NOEXEC },
        { "sync", MS_SYNCHRONOUS },
        { "dirsync", MS_DIRSYNC },
        { "noatime", MS_NOATIME },
        { "nodiratime", MS_NODIRATIME },
        { "relatime", MS_RELATIME },
        { "nofail", 0 },
        { "noauto", 0 },
};

/* Returns whether it is a flag. */
static bool take_flag(const char *option, unsigned long *flags)
{
        for (size_t i = 0; i < ELEMENTSOF(options_known); i++) {
                if (!streq(option, options_known[i].name))
                        continue;
                *flags |= options_known[i].flag;
                return true;
        }
        return startswith(option, "x-") != NULL || *option == '\0';
}

int mount_options_split(const char *options, unsigned long *ret_flags, char **ret_data)
{
        _cleanup_free_ char *copy = strdup(options ?: ""), *data = NULL;
        char *rest = copy, *option;
        unsigned long flags = 0;

        if (!copy)
                return -ENOMEM;
        while ((option = strsep(&rest, ","))) {
                _cleanup_free_ char *longer = NULL;

                if (take_flag(option, &flags))
                        continue;
                if (strprintf(&longer, "%s%s%s", data ?: "", data ? "," : "", option) < 0)
                        return -ENOMEM;
                free(data);
                data = TAKE_PTR(longer);
        }
        *ret_flags = flags;
        *ret_data = TAKE_PTR(data);
        return 0;
}

int mount_call(const char *source, const char *where, const char *fstype, const char *options,
               char **reterr_why)
{
        _cleanup_free_ char *data = NULL;
        unsigned long flags;
        int r;

        r = mount_options_split(options, &flags, &data);
        if (r < 0)
                return r;
        if (mount(source, where, fstype, flags, data) == 0)
                return 0;
        r = -errno;
        *reterr_why = NULL;
        return r;
}
