/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the inotify descriptor and what its events mean for the paths that are watched. */
#include "watch.h"

#include <sys/epoll.h>
#include <sys/inotify.h>

#include "io.h"
#include "watch-internal.h"

#define COMES_OR_GOES (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)

struct Watch {
        int fd, root_fd;
        sd_event_source *source;
        WatchHandler handler;
        void *userdata;
        WatchInput *inputs;
        size_t n_inputs;
        WatchTable table;
};

/* What the handler is told, once all events at hand were looked at. */
typedef struct Hit {
        char *path;
        WatchClass class;
} Hit;

typedef struct Hits {
        Hit *hits;
        size_t n_hits;
        bool lost; /* something that is not among them */
        bool new_ways;
} Hits;

static void hits_done(Hits *hits)
{
        for (size_t i = 0; i < hits->n_hits; i++)
                free(hits->hits[i].path);
        free(hits->hits);
}

/* Takes @path. */
static void hits_add(Hits *hits, char *path, WatchClass class)
{
        Hit *bigger = NULL;

        if (path)
                bigger = reallocarray(hits->hits, hits->n_hits + 1, sizeof(Hit));
        if (!bigger) {
                free(path);
                hits->lost = true;
                return;
        }
        hits->hits = bigger;
        hits->hits[hits->n_hits++] = (Hit){ path, class };
}

static void hit_input(Watch *w, Hits *hits, size_t i)
{
        WatchInput *input = &w->inputs[i];

        if (input->hit)
                return;
        input->hit = true;
        hits_add(hits, strdup(input->path), input->class);
}

static void hit_entry(const Watch *w, Hits *hits, size_t i, const char *name)
{
        const WatchInput *input = &w->inputs[i];
        _cleanup_free_ char *path = NULL;

        if (strprintf(&path, "%s%s", input->path, name) < 0)
                path = NULL;
        for (size_t j = 0; path && j < hits->n_hits; j++)
                if (hits->hits[j].class == input->class && streq(hits->hits[j].path, path))
                        return;
        hits_add(hits, TAKE_PTR(path), input->class);
}

/* The folder is not watched any more: it was removed, or its file system unmounted. */
static void folder_is_gone(Watch *w, Hits *hits, int wd)
{
        if (!watch_table_has(&w->table, wd))
                return;
        for (size_t i = 0; i < w->table.n_rules; i++)
                if (w->table.rules[i].wd == wd)
                        hit_input(w, hits, w->table.rules[i].input);
        hits->new_ways = true;
}

static bool is_same(const WatchTable *table, const WatchRule *rule, int wd, const char *name)
{
        return rule && rule < table->rules + table->n_rules && rule->wd == wd &&
               streq(rule->name, name);
}

static void name_changed(Watch *w, Hits *hits, int wd, const char *name, uint32_t mask)
{
        const WatchRule *rule = watch_table_find(&w->table, wd, name);
        bool comes_or_goes = (mask & COMES_OR_GOES) != 0, is_link;

        if (!rule)
                return;
        is_link = comes_or_goes && watch_rule_is_link(&w->table, rule, w->root_fd, name);
        for (; is_same(&w->table, rule, wd, name); rule++) {
                if (rule->on_the_way && !comes_or_goes)
                        continue;
                if (rule->on_the_way || is_link)
                        hits->new_ways = true;
                hit_input(w, hits, rule->input);
        }
}

static void entry_changed(Watch *w, Hits *hits, int wd, const char *name)
{
        const WatchRule *rule = watch_table_find(&w->table, wd, "");

        for (; is_same(&w->table, rule, wd, ""); rule++)
                hit_entry(w, hits, rule->input, name);
}

static void take_event(Watch *w, Hits *hits, const struct inotify_event *event)
{
        if (event->mask & IN_Q_OVERFLOW)
                hits->lost = hits->new_ways = true;
        else if (event->mask & (IN_IGNORED | IN_UNMOUNT))
                folder_is_gone(w, hits, event->wd);
        else if (event->len > 0 && *event->name) {
                name_changed(w, hits, event->wd, event->name, event->mask);
                entry_changed(w, hits, event->wd, event->name);
        }
}

/* Makes the table anew for the inputs that are in the watch. */
static int find_ways(Watch *w)
{
        WatchTable table;
        int r;

        r = watch_table_make(w->fd, w->root_fd, w->inputs, w->n_inputs, &table);
        if (r < 0)
                return r;
        for (size_t i = 0; i < w->table.n_folders; i++) {
                int wd = w->table.folders[i].wd;

                /* Fails for what the kernel gave up itself. */
                if (wd >= 0 && !watch_table_has(&table, wd))
                        (void) inotify_rm_watch(w->fd, wd);
        }
        watch_table_done(&w->table);
        w->table = table;
        return 0;
}

static void tell(Watch *w, const Hits *hits)
{
        if (hits->lost)
                w->handler(NULL, _WATCH_CLASS_INVALID, w->userdata);
        for (size_t i = 0; i < hits->n_hits; i++)
                w->handler(hits->hits[i].path, hits->hits[i].class, w->userdata);
}

static int on_events(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Watch *w = userdata;
        _cleanup_(hits_done) Hits hits = { 0 };
        union {
                struct inotify_event event; /* for its alignment */
                uint8_t bytes[16384];
        } buffer;
        const struct inotify_event *event;
        ssize_t n, size;

        n = read(fd, &buffer, sizeof(buffer));
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        for (size_t i = 0; i < w->n_inputs; i++)
                w->inputs[i].hit = false;
        for (ssize_t at = 0; n - at >= (ssize_t) sizeof(*event); at += size) {
                event = (const struct inotify_event *) (const void *) (buffer.bytes + at);
                size = (ssize_t) (sizeof(*event) + event->len);
                if (size > n - at)
                        break;
                take_event(w, &hits, event);
        }
        /* Before anybody reads the files, so that what changes from now on is seen. */
        if (hits.new_ways && find_ways(w) < 0)
                hits.lost = true;
        tell(w, &hits);
        return 0;
}

static void inputs_free(WatchInput *inputs, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(inputs[i].path);
        free(inputs);
}

Watch *watch_free(Watch *w)
{
        if (!w)
                return NULL;
        sd_event_source_disable_unref(w->source);
        close_fd(w->fd);
        watch_table_done(&w->table);
        inputs_free(w->inputs, w->n_inputs);
        free(w);
        return NULL;
}

int watch_new(sd_event *event, WatchHandler handler, void *userdata, Watch **ret)
{
        _cleanup_(watch_freep) Watch *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        w->handler = handler;
        w->userdata = userdata;
        w->root_fd = -EBADF;
        w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (w->fd < 0)
                return -errno;
        r = sd_event_add_io(event, &w->source, w->fd, EPOLLIN, on_events, w);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(w->source, "watch");
        *ret = TAKE_PTR(w);
        return 0;
}

int watch_set(Watch *w, int root_fd, const WatchPath *paths, size_t n_paths)
{
        WatchInput *inputs = calloc(MAX(n_paths, (size_t) 1), sizeof(*inputs)), *old = w->inputs;
        size_t n_old = w->n_inputs;
        int old_root_fd = w->root_fd, r = 0;

        if (!inputs)
                return -ENOMEM;
        for (size_t i = 0; i < n_paths && r == 0; i++) {
                inputs[i] = (WatchInput){ .path = strdup(paths[i].path), .class = paths[i].class };
                if (!inputs[i].path)
                        r = -ENOMEM;
        }
        w->inputs = inputs;
        w->n_inputs = n_paths;
        w->root_fd = root_fd;
        if (r == 0)
                r = find_ways(w);
        if (r < 0) {
                w->inputs = old;
                w->n_inputs = n_old;
                w->root_fd = old_root_fd;
                inputs_free(inputs, n_paths);
                return r;
        }
        inputs_free(old, n_old);
        return 0;
}

const char *watch_warning(const Watch *w)
{
        return w->table.warning;
}
