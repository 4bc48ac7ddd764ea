/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the way of each path: which folders it goes through, over which links. */
#include <fcntl.h>
#include <limits.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "io.h"
#include "rootdir.h"
#include "watch-internal.h"

/* As the kernel has it: MAXSYMLINKS of include/linux/namei.h. */
#define LINKS_MAX 40

/* Not IN_MODIFY: a file that is being written is not yet what it will be. IN_CREATE is for links,
 * folders and hard links, which are whole at once. */
#define EVENTS                                                                                     \
        (IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |        \
         IN_ONLYDIR)

void watch_table_done(WatchTable *table)
{
        if (!table)
                return;
        for (size_t i = 0; i < table->n_folders; i++)
                free(table->folders[i].path);
        free(table->folders);
        for (size_t i = 0; i < table->n_rules; i++)
                free(table->rules[i].name);
        free(table->rules);
        free(table->warning);
        *table = (WatchTable){ 0 };
}

/* One input on its way. */
typedef struct Walk {
        WatchTable *table;
        int inotify_fd, root_fd;
        size_t input;
        bool is_folder;
        char at[PATH_MAX];   /* folder, as WatchFolder has it */
        char rest[PATH_MAX]; /* what is left to go from there */
        unsigned n_links;
} Walk;

/* Opens @name in folder @folder as it is, without following it. */
static int open_entry(int root_fd, const char *folder, const char *name)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = strprintf(&path, "%s/%s", folder, name);
        if (r < 0)
                return r;
        return root_open(root_fd, path, O_PATH | O_NOFOLLOW);
}

static int unwatched(WatchTable *table, const char *path, int error)
{
        table->n_unwatched++;
        if (table->warning)
                return 0;
        return strprintf(&table->warning, "'%s%s' cannot be watched for changes: %s%s",
                         *path ? "" : "/", path, strerror(-error),
                         error == -ENOSPC ? " (fs.inotify.max_user_watches is too low)" : "");
}

/* Returns the wd; -ENOENT if there is no such folder any more. */
static int add_watch(int inotify_fd, int root_fd, const char *path)
{
        char link[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
        _cleanup_close_ int fd = root_open(root_fd, path, O_PATH | O_DIRECTORY);
        int wd;

        if (fd < 0)
                return fd == -ENOTDIR ? -ENOENT : fd;
        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        wd = inotify_add_watch(inotify_fd, link, EVENTS);
        return wd < 0 ? -errno : wd;
}

/* Watches the folder where the walk is. Returns 0 with its index; -ENOENT if it is gone. */
static int watch_here(Walk *walk, size_t *ret_folder)
{
        WatchTable *table = walk->table;
        _cleanup_free_ char *path = NULL;
        WatchFolder *bigger;
        int wd, r;

        for (size_t i = 0; i < table->n_folders; i++)
                if (streq(table->folders[i].path, walk->at)) {
                        *ret_folder = i;
                        return 0;
                }
        path = strdup(walk->at);
        if (!path)
                return -ENOMEM;
        bigger = reallocarray(table->folders, table->n_folders + 1, sizeof(WatchFolder));
        if (!bigger)
                return -ENOMEM;
        table->folders = bigger;
        wd = add_watch(walk->inotify_fd, walk->root_fd, walk->at);
        if (wd == -ENOENT)
                return wd;
        if (wd < 0) {
                r = unwatched(table, walk->at, wd);
                if (r < 0)
                        return r;
        }
        *ret_folder = table->n_folders;
        table->folders[table->n_folders++] =
                (WatchFolder){ .wd = MAX(wd, -1), .path = TAKE_PTR(path) };
        return 0;
}

static int add_rule(Walk *walk, size_t folder, const char *name, bool on_the_way)
{
        WatchTable *table = walk->table;
        WatchRule *bigger;
        char *copy;

        if (table->folders[folder].wd < 0)
                return 0;
        bigger = reallocarray(table->rules, table->n_rules + 1, sizeof(WatchRule));
        if (!bigger)
                return -ENOMEM;
        table->rules = bigger;
        copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        table->rules[table->n_rules++] = (WatchRule){
                .wd = table->folders[folder].wd,
                .name = copy,
                .input = walk->input,
                .folder = folder,
                .on_the_way = on_the_way,
        };
        return 0;
}

/* Moves the next part of the rest to @name. False at the end, or before what cannot exist. */
static bool next_name(Walk *walk, char name[static NAME_MAX + 1], bool *ret_is_last)
{
        const char *begin = walk->rest + strspn(walk->rest, "/");
        size_t n = strcspn(begin, "/");
        const char *behind = begin + n;

        if (n > NAME_MAX)
                return false;
        if (n == 0) {
                walk->rest[0] = '\0';
                return false;
        }
        memcpy(name, begin, n);
        name[n] = '\0';
        behind += strspn(behind, "/");
        *ret_is_last = *behind == '\0';
        memmove(walk->rest, behind, strlen(behind) + 1);
        return true;
}

/* Puts the target of the link @fd before the rest. Returns -ENOENT if it leads nowhere. */
static int follow_link(Walk *walk, int fd)
{
        char target[PATH_MAX];
        _cleanup_free_ char *rest = NULL;
        ssize_t n = readlinkat(fd, "", target, sizeof(target) - 1);
        int r;

        if (n < 0 || ++walk->n_links > LINKS_MAX)
                return -ENOENT;
        target[n] = '\0';
        r = strprintf(&rest, "%s/%s", target, walk->rest);
        if (r < 0)
                return r;
        if (strlen(rest) >= sizeof(walk->rest))
                return -ENOENT;
        (void) stpcpy(walk->rest, rest);
        if (*target == '/')
                walk->at[0] = '\0';
        return 0;
}

static int enter_folder(Walk *walk, const char *name)
{
        size_t n = strlen(walk->at);

        if (n + 1 + strlen(name) >= sizeof(walk->at))
                return -ENOENT;
        walk->at[n] = '/';
        (void) stpcpy(walk->at + n + 1, name);
        return 0;
}

/* From the folder where the walk is to @name in it. Returns 1 if the walk goes on; 0 if it ends,
 * at a file or at what is not there yet. */
static int walk_step(Walk *walk, const char *name, bool is_last)
{
        _cleanup_close_ int fd = -EBADF;
        struct stat st = { 0 };
        bool on_the_way;
        size_t folder;
        int r;

        r = watch_here(walk, &folder);
        if (r < 0)
                return r;
        fd = open_entry(walk->root_fd, walk->at, name);
        if (fd >= 0 && fstat(fd, &st) < 0)
                return -errno;
        on_the_way = !is_last || walk->is_folder || S_ISLNK(st.st_mode);
        r = add_rule(walk, folder, name, on_the_way);
        if (r < 0)
                return r;
        if (S_ISLNK(st.st_mode))
                r = follow_link(walk, fd);
        else if (S_ISDIR(st.st_mode))
                r = enter_folder(walk, name);
        else
                return 0;
        return r < 0 ? r : 1;
}

static int walk_input(Walk *walk)
{
        char name[NAME_MAX + 1];
        bool is_last;
        size_t folder;
        int r;

        while (next_name(walk, name, &is_last)) {
                if (streq(name, "."))
                        continue;
                if (streq(name, "..")) {
                        char *slash = strrchr(walk->at, '/');

                        if (slash)
                                *slash = '\0';
                        continue;
                }
                r = walk_step(walk, name, is_last);
                if (r <= 0)
                        return r;
        }
        if (!walk->is_folder || *walk->rest)
                return 0;
        r = watch_here(walk, &folder);
        return r < 0 ? r : add_rule(walk, folder, "", false);
}

static int compare_rules(const void *a, const void *b)
{
        const WatchRule *x = a, *y = b;

        if (x->wd != y->wd)
                return x->wd < y->wd ? -1 : 1;
        return strcmp(x->name, y->name);
}

static int finish_warning(WatchTable *table)
{
        _cleanup_free_ char *first = NULL;

        if (!table->warning)
                return 0;
        first = TAKE_PTR(table->warning);
        return strprintf(&table->warning,
                         "%s; %zu folder%s not watched, what changes there is seen by 'kdumpctl "
                         "reload' only",
                         first, table->n_unwatched, table->n_unwatched == 1 ? " is" : "s are");
}

int watch_table_make(int inotify_fd, int root_fd, const WatchInput *inputs, size_t n_inputs,
                     WatchTable *ret)
{
        _cleanup_(watch_table_done) WatchTable table = { 0 };
        int r;

        for (size_t i = 0; i < n_inputs; i++) {
                Walk walk = {
                        .table = &table, .inotify_fd = inotify_fd, .root_fd = root_fd, .input = i
                };
                size_t n = strlen(inputs[i].path);

                if (n == 0 || n >= sizeof(walk.rest))
                        continue;
                walk.is_folder = inputs[i].path[n - 1] == '/';
                (void) stpcpy(walk.rest, inputs[i].path);
                r = walk_input(&walk);
                if (r < 0 && r != -ENOENT)
                        return r;
        }
        r = finish_warning(&table);
        if (r < 0)
                return r;
        if (table.n_rules > 0)
                qsort(table.rules, table.n_rules, sizeof(WatchRule), compare_rules);
        *ret = table;
        table = (WatchTable){ 0 };
        return 0;
}

bool watch_table_has(const WatchTable *table, int wd)
{
        for (size_t i = 0; i < table->n_folders; i++)
                if (table->folders[i].wd == wd)
                        return true;
        return false;
}

const WatchRule *watch_table_find(const WatchTable *table, int wd, const char *name)
{
        const WatchRule key = { .wd = wd, .name = (char *) (uintptr_t) name };
        size_t begin = 0, end = table->n_rules;

        while (begin < end) {
                size_t middle = begin + (end - begin) / 2;

                if (compare_rules(&table->rules[middle], &key) < 0)
                        begin = middle + 1;
                else
                        end = middle;
        }
        if (begin == table->n_rules || compare_rules(&table->rules[begin], &key) != 0)
                return NULL;
        return &table->rules[begin];
}

bool watch_rule_is_link(const WatchTable *table, const WatchRule *rule, int root_fd,
                        const char *name)
{
        _cleanup_close_ int fd = open_entry(root_fd, table->folders[rule->folder].path, name);
        struct stat st;

        return fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode);
}
