/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns loading modules in the order of a list. */
#include "fallback-modules.h"

#include <fcntl.h>
#include <linux/module.h>
#include <sys/syscall.h>

#include "fallback-parameters.h"
#include "io.h"
#include "log.h"
#include "strv.h"

#define LIST_MAX_BYTES (1024 * 1024)

/* Since v5.17, commit b1ae6dc41eaa; not in older <linux/module.h>. */
#ifndef MODULE_INIT_COMPRESSED_FILE
#define MODULE_INIT_COMPRESSED_FILE 4
#endif

int fallback_modules_parse(const char *text, char ***ret)
{
        _cleanup_strv_ char **paths = NULL;
        _cleanup_free_ char *copy = strdup(text);
        char *rest = copy, *line;
        int r;

        if (!copy)
                return -ENOMEM;
        while ((line = strsep(&rest, "\n"))) {
                if (line[0] != '/')
                        continue;
                r = strv_extend(&paths, line);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(paths);
        return 0;
}

int fallback_module_flags(const char *path)
{
        static const char *const suffixes[] = { ".gz", ".xz", ".zst" };
        size_t size = strlen(path);

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                size_t n = strlen(suffixes[i]);

                if (size > n && streq(path + size - n, suffixes[i]))
                        return MODULE_INIT_COMPRESSED_FILE;
        }
        return 0;
}

/* One that is there already is as good. */
static int module_load(const char *path, const char *parameters)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        if (syscall(SYS_finit_module, fd, parameters, fallback_module_flags(path)) < 0 &&
            errno != EEXIST)
                return -errno;
        return 0;
}

/* What parse_args() in kernel/params.c makes of a value that is none: the module of the crashed
 * kernel took it, or did without. */
static bool error_is_of_parameters(int error)
{
        return error == -EINVAL || error == -ERANGE || error == -ENOSPC || error == -ENOENT;
}

static int module_load_with(const char *path, const char *cmdline)
{
        _cleanup_free_ char *parameters = NULL;
        int r;

        r = fallback_parameters(cmdline, path, &parameters);
        if (r < 0)
                return r;
        /* Before it: the last line that is seen tells which one hangs. */
        log_info("loading '%s'%s%s", path, *parameters ? " with " : "", parameters);
        r = module_load(path, parameters);
        if (r >= 0 || !*parameters || !error_is_of_parameters(r))
                return r;
        (void) log_warning_errno(r, "cannot load '%s' with %s, trying without: %m", path,
                                 parameters);
        return module_load(path, "");
}

void fallback_modules_load(const char *path, const char *cmdline)
{
        _cleanup_strv_ char **modules = NULL;
        _cleanup_free_ char *text = NULL;
        size_t n = 0;
        int r;

        r = file_read(AT_FDCWD, path, LIST_MAX_BYTES, &text, NULL);
        if (r >= 0)
                r = fallback_modules_parse(text, &modules);
        if (r < 0)
                (void) log_warning_errno(r, "cannot read the list '%s', ignoring: %m", path);
        for (char **module = modules; module && *module; module++) {
                r = module_load_with(*module, cmdline);
                if (r < 0)
                        (void) log_warning_errno(r, "cannot load '%s', ignoring: %m", *module);
                else
                        n++;
        }
        log_info("%zu of %zu kernel modules of '%s' were loaded", n, strv_length(modules), path);
}
