/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what a module needs, directly and by the way (modules.softdep, modprobe.d(5)). */
#include "module-list-order.h"

#include "io.h"
#include "module-list.h"
#include "rootdir.h"
#include "strv.h"

#define TEXT_MAX_BYTES ((size_t) 16 * 1024 * 1024)
#define DEPTH_MAX 64

#define BLANKS " \t"

typedef struct Module {
        char *name; /* with '_' */
        char *path;
        char *needs; /* paths with blanks between */
        bool added;
} Module;

struct ModuleOrder {
        char *dep, *softdep, *alias; /* what the modules point into, and what is looked through */
        Module *modules;             /* sorted by name */
        size_t n_modules;
};

ModuleOrder *module_order_free(ModuleOrder *order)
{
        if (!order)
                return NULL;
        for (size_t i = 0; i < order->n_modules; i++)
                free(order->modules[i].name);
        free(order->modules);
        free(order->dep);
        free(order->softdep);
        free(order->alias);
        free(order);
        return NULL;
}

static int compare_modules(const void *a, const void *b)
{
        return strcmp(((const Module *) a)->name, ((const Module *) b)->name);
}

static size_t count_lines(const char *text)
{
        size_t n = 1;

        for (; (text = strchr(text, '\n')); text++)
                n++;
        return n;
}

/* Lines are "kernel/a.ko: kernel/b.ko kernel/c.ko". */
static int index_modules(ModuleOrder *order)
{
        char *rest = order->dep, *line;

        order->modules = calloc(count_lines(order->dep), sizeof(*order->modules));
        if (!order->modules)
                return -ENOMEM;
        while ((line = strsep(&rest, "\n"))) {
                Module *module = order->modules + order->n_modules;
                char *colon = strchr(line, ':');
                int r;

                if (!colon)
                        continue;
                *colon = '\0';
                r = module_name(line, &module->name);
                if (r < 0)
                        return r;
                if (r == 0)
                        continue;
                module->path = line;
                module->needs = colon + 1;
                order->n_modules++;
        }
        if (order->n_modules > 0)
                qsort(order->modules, order->n_modules, sizeof(*order->modules), compare_modules);
        return 0;
}

static int read_optional(int root_fd, const char *kernel_release, const char *name, char **ret)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = strprintf(&path, "/lib/modules/%s/%s", kernel_release, name);
        if (r < 0)
                return r;
        r = root_read(root_fd, path, TEXT_MAX_BYTES, ret, NULL);
        return r == -ENOENT ? 0 : r;
}

int module_order_new(int root_fd, const char *kernel_release, ModuleOrder **ret)
{
        _cleanup_(module_order_freep) ModuleOrder *order = calloc(1, sizeof(*order));
        int r;

        if (!order)
                return -ENOMEM;
        r = module_list_read(root_fd, kernel_release, &order->dep);
        if (r >= 0)
                r = read_optional(root_fd, kernel_release, "modules.softdep", &order->softdep);
        if (r >= 0)
                r = read_optional(root_fd, kernel_release, "modules.alias", &order->alias);
        if (r >= 0)
                r = index_modules(order);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(order);
        return 0;
}

static bool names_equal(const char *a, size_t size, const char *b)
{
        for (size_t i = 0; i < size; i++, b++)
                if ((a[i] == '-' ? '_' : a[i]) != (*b == '-' ? '_' : *b))
                        return false;
        return *b == '\0';
}

static char *name_copy(const char *name, size_t size)
{
        char *copy = strndup(name, size);

        for (char *p = copy; p && *p; p++)
                if (*p == '-')
                        *p = '_';
        return copy;
}

/* The one of @name, which has '_'. */
static Module *find_module(const ModuleOrder *order, const char *name)
{
        const Module key = { .name = (char *) (uintptr_t) name };

        if (order->n_modules == 0)
                return NULL;
        return bsearch(&key, order->modules, order->n_modules, sizeof(key), compare_modules);
}

const char *module_order_find(const ModuleOrder *order, const char *name)
{
        _cleanup_free_ char *copy = name_copy(name, strlen(name));
        const Module *module = copy ? find_module(order, copy) : NULL;

        return module ? module->path : NULL;
}

/* The next word of the line; its size is 0 at the end. */
static const char *next_word(const char **line, size_t *ret_size)
{
        const char *word = *line + strspn(*line, BLANKS);

        *ret_size = strcspn(word, BLANKS "\n");
        *line = word + *ret_size;
        return word;
}

/* The next line of *text that begins with the words @keyword and @name; what follows is behind
 * these. NULL: none. */
static const char *next_line(const char **text, const char *keyword, const char *name)
{
        while (*text && **text) {
                const char *line = *text, *word;
                size_t size = strcspn(line, "\n"), n;

                *text = line + size + (line[size] == '\n');
                word = next_word(&line, &n);
                if (!names_equal(word, n, keyword))
                        continue;
                word = next_word(&line, &n);
                if (n > 0 && names_equal(word, n, name))
                        return line;
        }
        return NULL;
}

static int add_name(ModuleOrder *order, const char *name, size_t size, char ***paths,
                    unsigned depth);

/* "softdep NAME pre: A B post: C" */
static int add_soft(ModuleOrder *order, const char *name, const char *part, char ***paths,
                    unsigned depth)
{
        const char *text = order->softdep, *line;

        while ((line = next_line(&text, "softdep", name))) {
                bool ours = false;
                const char *word;
                size_t size;

                while (word = next_word(&line, &size), size > 0) {
                        int r;

                        if (word[size - 1] == ':') {
                                ours = strlen(part) == size && memcmp(word, part, size) == 0;
                                continue;
                        }
                        if (!ours)
                                continue;
                        r = add_name(order, word, size, paths, depth);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static int add_needs(ModuleOrder *order, const Module *module, char ***paths, unsigned depth)
{
        const char *line = module->needs, *word;
        size_t size;

        while (word = next_word(&line, &size), size > 0) {
                _cleanup_free_ char *path = strndup(word, size), *name = NULL;
                int r;

                if (!path)
                        return -ENOMEM;
                r = module_name(path, &name);
                if (r > 0)
                        r = add_name(order, name, strlen(name), paths, depth);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_module(ModuleOrder *order, Module *module, char ***paths, unsigned depth)
{
        int r;

        if (module->added)
                return 0;
        module->added = true;
        r = add_soft(order, module->name, "pre:", paths, depth);
        if (r >= 0)
                r = add_needs(order, module, paths, depth);
        if (r >= 0)
                r = strv_extend(paths, module->path);
        return r < 0 ? r : add_soft(order, module->name, "post:", paths, depth);
}

/* "alias NAME MODULE": all of them, as it is not known which one the machine's CPU is for. */
static int add_aliases(ModuleOrder *order, const char *name, char ***paths, unsigned depth)
{
        const char *text = order->alias, *line;

        while ((line = next_line(&text, "alias", name))) {
                _cleanup_free_ char *copy = NULL;
                const char *word;
                Module *module;
                size_t size;
                int r;

                word = next_word(&line, &size);
                copy = name_copy(word, size);
                if (!copy)
                        return -ENOMEM;
                module = find_module(order, copy);
                r = module ? add_module(order, module, paths, depth) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_name(ModuleOrder *order, const char *name, size_t size, char ***paths,
                    unsigned depth)
{
        _cleanup_free_ char *copy = name_copy(name, size);
        Module *module;

        if (!copy)
                return -ENOMEM;
        if (depth >= DEPTH_MAX)
                return -ELOOP;
        module = find_module(order, copy);
        return module ? add_module(order, module, paths, depth + 1)
                      : add_aliases(order, copy, paths, depth + 1);
}

int module_order_add(ModuleOrder *order, const char *name, char ***paths)
{
        return add_name(order, name, strlen(name), paths, 0);
}
