/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the form of modules.dep (depmod(8)). */
#include "module-list.h"

#include "io.h"
#include "rootdir.h"
#include "strv.h"

/* A kernel with all modules that there are has 1 MiB. */
#define MODULES_DEP_MAX_BYTES ((size_t) 16 * 1024 * 1024)

int module_list_path(const char *kernel_release, char **ret)
{
        return strprintf(ret, "/lib/modules/%s/modules.dep", kernel_release);
}

int module_list_read(int root_fd, const char *kernel_release, char **ret_text)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = module_list_path(kernel_release, &path);
        if (r < 0)
                return r;
        return root_read(root_fd, path, MODULES_DEP_MAX_BYTES, ret_text, NULL);
}

/* @size bytes of a path. *ret_size: of the name in it, without ".ko" and what follows; 0: none. */
static const char *find_name(const char *path, size_t size, size_t *ret_size)
{
        const char *slash = memrchr(path, '/', size), *name = slash ? slash + 1 : path;
        size_t left = size - (size_t) (name - path);
        const char *suffix = memmem(name, left, ".ko", 3);
        size_t rest = suffix ? left - (size_t) (suffix + 3 - name) : 0;

        *ret_size = suffix && (rest == 0 || suffix[3] == '.') ? (size_t) (suffix - name) : 0;
        return name;
}

static char *copy_name(const char *name, size_t size)
{
        char *copy = strndup(name, size);

        for (char *p = copy; p && *p; p++)
                if (*p == '-')
                        *p = '_';
        return copy;
}

int module_name(const char *path, char **ret)
{
        size_t size;
        const char *name = find_name(path, strlen(path), &size);

        if (size == 0)
                return 0;
        *ret = copy_name(name, size);
        return *ret ? 1 : -ENOMEM;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(a, *(char *const *) b);
}

/* Returns 1 if @line ("kernel/a.ko: kernel/b.ko") is about one of @names. */
static int line_matches(const char *line, size_t size, char *const *names, size_t n_names)
{
        const char *colon = memchr(line, ':', size);
        _cleanup_free_ char *copy = NULL;
        const char *name;
        size_t name_size = 0;

        if (!colon)
                return 0;
        name = find_name(line, (size_t) (colon - line), &name_size);
        if (name_size == 0)
                return 0;
        copy = copy_name(name, name_size);
        if (!copy)
                return -ENOMEM;
        return n_names > 0 && bsearch(copy, names, n_names, sizeof(*names), compare_names) != NULL;
}

int module_list_hash(const char *text, char *const *names, char ret_hex[static SHA256_HEX_SIZE])
{
        _cleanup_(sha256_freep) Sha256 *sha256 = NULL;
        size_t n_names = strv_length(names);
        int r;

        r = sha256_new(&sha256);
        if (r < 0)
                return r;
        while (*text) {
                size_t size = strcspn(text, "\n"), whole = size + (text[size] == '\n');

                r = line_matches(text, size, names, n_names);
                if (r > 0)
                        r = sha256_update(sha256, text, whole);
                if (r < 0)
                        return r;
                text += whole;
        }
        return sha256_final(sha256, ret_hex);
}
