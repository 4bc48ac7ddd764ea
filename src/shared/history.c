/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the two history files: their form, their bounds and what is counted as a repetition. */
#include "history.h"

#include <inttypes.h>

#include "io.h"
#include "json-fields.h"
#include "rootdir.h"
#include "strv.h"
#include "words.h"

static const char *const action_names[_HISTORY_ACTION_MAX] = {
        [HISTORY_NOTHING] = "nothing",   [HISTORY_RELOAD] = "reload",
        [HISTORY_OVERLAY] = "overlay",   [HISTORY_BASE] = "base",
        [HISTORY_RESTORED] = "restored", [HISTORY_DISARMED] = "disarmed",
        [HISTORY_FAILED] = "failed",
};

#define FIELD(field, type_, ...)                                                                   \
        {                                                                                          \
                .name = #field, .type = (type_), .offset = offsetof(HistoryEntry, field),          \
                .clean = true, __VA_ARGS__                                                         \
        }

static const JsonField entry_fields[] = {
        FIELD(realtime_usec, JSON_FIELD_U64, .required = true),
        FIELD(first_realtime_usec, JSON_FIELD_U64),
        FIELD(count, JSON_FIELD_U64),
        FIELD(trigger, JSON_FIELD_STRING, .required = true),
        FIELD(changes, JSON_FIELD_STRINGS),
        FIELD(action, JSON_FIELD_ENUM, .required = true, .names = action_names,
              .n_names = ELEMENTSOF(action_names)),
        FIELD(outcome, JSON_FIELD_STRING, .required = true),
        FIELD(generation, JSON_FIELD_U64),
        FIELD(gap_usec, JSON_FIELD_U64),
};

/* A full history has room in what is read again. JSON makes two bytes of a quote; six numbers and
 * the names of all members fit in 512. */
_Static_assert(HISTORY_ENTRIES_MAX *(512 + (HISTORY_CHANGES_MAX + 3) *
                                                   (2 * (HISTORY_LINE_BYTES_MAX + 3) + 16)) <
                       JSON_BYTES_MAX,
               "a history that is written could not be read");

const char *history_action_to_string(HistoryAction action)
{
        return action >= 0 && action < _HISTORY_ACTION_MAX ? action_names[action] : NULL;
}

void history_entry_done(HistoryEntry *entry)
{
        if (!entry)
                return;
        free(entry->trigger);
        strv_free(entry->changes);
        free(entry->outcome);
        *entry = (HistoryEntry){ 0 };
}

void history_done(History *history)
{
        if (!history)
                return;
        for (size_t i = 0; i < history->n_entries; i++)
                history_entry_done(&history->entries[i]);
        free(history->entries);
        *history = (History){ 0 };
}

static void remove_entry(History *history, size_t i)
{
        history_entry_done(&history->entries[i]);
        history->n_entries--;
        memmove(&history->entries[i], &history->entries[i + 1],
                (history->n_entries - i) * sizeof(HistoryEntry));
}

void history_keep_newest(History *history, size_t n)
{
        while (history->n_entries > n)
                remove_entry(history, 0);
}

int history_to_json(const History *history, char **ret_json)
{
        _cleanup_json_ struct json_object *object = json_object_new_object();
        _cleanup_json_ struct json_object *list = json_object_new_array();
        int r;

        if (!object || !list)
                return -ENOMEM;
        for (size_t i = 0; i < history->n_entries; i++) {
                struct json_object *item;

                r = json_fields_write(entry_fields, ELEMENTSOF(entry_fields), &history->entries[i],
                                      &item);
                if (r < 0)
                        return r;
                if (json_object_array_add(list, item) < 0) {
                        (void) json_object_put(item);
                        return -ENOMEM;
                }
        }
        r = json_object_take(object, "entries", TAKE_PTR(list));
        if (r < 0)
                return r;
        return json_object_format(object, ret_json);
}

static int read_entry(struct json_object *object, HistoryEntry *entry)
{
        _cleanup_free_ char *message = NULL;

        if (!json_object_is_type(object, json_type_object))
                return -EBADMSG;
        return json_fields_read(entry_fields, ELEMENTSOF(entry_fields), object, "", entry,
                                &message);
}

int history_from_json(const char *json, size_t size, History *ret)
{
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_(history_done) History history = { 0 };
        _cleanup_free_ char *message = NULL;
        struct json_object *list;
        size_t n;
        int r;

        r = json_object_parse(json, size, &object, &message);
        if (r < 0)
                return r;
        list = json_member(object, "entries");
        if (!list || !json_object_is_type(list, json_type_array))
                return -EBADMSG;
        n = json_object_array_length(list);
        if (n > HISTORY_ENTRIES_MAX)
                return -EBADMSG;
        history.entries = calloc(MAX(n, (size_t) 1), sizeof(HistoryEntry));
        if (!history.entries)
                return -ENOMEM;
        for (; history.n_entries < n; history.n_entries++) {
                size_t i = history.n_entries;

                r = read_entry(json_object_array_get_idx(list, i), &history.entries[i]);
                if (r < 0) {
                        history_entry_done(&history.entries[i]);
                        return r;
                }
        }
        *ret = history;
        history = (History){ 0 };
        return 0;
}

static int read_file(int root_fd, const char *path, History *ret)
{
        _cleanup_free_ char *json = NULL;
        size_t size;
        int r;

        r = file_read(root_fd, root_relative(path), JSON_BYTES_MAX, &json, &size);
        if (r == -EFBIG)
                return -EBADMSG;
        return r < 0 ? r : history_from_json(json, size, ret);
}

int history_read(int root_fd, History *ret)
{
        int r;

        r = read_file(root_fd, PATH_HISTORY, ret);
        return r == -ENOENT ? read_file(root_fd, PATH_HISTORY_KEPT, ret) : r;
}

static int copy_line(const char *from, char **ret)
{
        return text_line(from ?: "", strlen(from ?: ""), HISTORY_LINE_BYTES_MAX, ret);
}

static int copy_lines(char *const *from, char ***ret)
{
        _cleanup_strv_ char **lines = NULL;
        size_t n = strv_length(from);
        int r;

        for (size_t i = 0; i < MIN(n, (size_t) HISTORY_CHANGES_MAX); i++) {
                _cleanup_free_ char *line = NULL;

                r = copy_line(from[i], &line);
                if (r < 0)
                        return r;
                r = strv_extend(&lines, line);
                if (r < 0)
                        return r;
        }
        if (n > HISTORY_CHANGES_MAX) {
                r = strv_extendf(&lines, "and %zu more", n - HISTORY_CHANGES_MAX);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(lines);
        return 0;
}

static int copy_entry(const HistoryEntry *from, HistoryEntry *ret)
{
        _cleanup_(history_entry_done) HistoryEntry entry = {
                .realtime_usec = from->realtime_usec,
                .first_realtime_usec = from->realtime_usec,
                .count = 1,
                .action = from->action,
                .generation = from->generation,
                .gap_usec = from->gap_usec,
        };
        int r;

        if (!history_action_to_string(from->action))
                return -EINVAL;
        r = copy_line(from->trigger, &entry.trigger);
        if (r < 0)
                return r;
        r = copy_lines(from->changes, &entry.changes);
        if (r < 0)
                return r;
        r = copy_line(from->outcome, &entry.outcome);
        if (r < 0)
                return r;
        *ret = entry;
        entry = (HistoryEntry){ 0 };
        return 0;
}

/* Each new image stands for itself; the outcome of a reload tells of its own gap. */
static bool repeats(const HistoryEntry *entry, const HistoryEntry *before)
{
        if (entry->action != HISTORY_NOTHING && entry->action != HISTORY_RELOAD &&
            entry->action != HISTORY_FAILED)
                return false;
        return entry->action == before->action && streq_ptr(entry->trigger, before->trigger) &&
               strv_equal(entry->changes, before->changes) &&
               (entry->action == HISTORY_RELOAD || streq_ptr(entry->outcome, before->outcome));
}

/* Takes out what @entry repeats and counts it there. With that, two triggers that take turns are
 * two entries, however often they come. */
static void merge(History *history, HistoryEntry *entry)
{
        for (size_t i = history->n_entries; i > 0; i--) {
                HistoryEntry *before = &history->entries[i - 1];

                if (before->action != entry->action)
                        return;
                if (!repeats(entry, before))
                        continue;
                entry->first_realtime_usec = before->first_realtime_usec > 0
                                                     ? before->first_realtime_usec
                                                     : before->realtime_usec;
                if (__builtin_add_overflow(MAX(before->count, UINT64_C(1)), 1, &entry->count))
                        entry->count = UINT64_MAX;
                remove_entry(history, i - 1);
                return;
        }
}

/* What came to nothing is worth the least. */
static void make_room(History *history)
{
        if (history->n_entries < HISTORY_ENTRIES_MAX)
                return;
        for (size_t i = 0; i < history->n_entries; i++)
                if (history->entries[i].action == HISTORY_NOTHING) {
                        remove_entry(history, i);
                        return;
                }
        remove_entry(history, 0);
}

/* What can be had of what was. Only a lack of memory is a failure. */
static int read_for_append(int root_fd, History *ret)
{
        int r;

        r = read_file(root_fd, PATH_HISTORY, ret);
        if (r < 0 && r != -ENOMEM)
                r = read_file(root_fd, PATH_HISTORY_KEPT, ret);
        return r == -ENOMEM ? r : 0;
}

static int write_file(int root_fd, const char *folder, mode_t mode, const char *path,
                      const char *json)
{
        int r;

        r = mkdir_parents(root_fd, root_relative(folder), mode);
        if (r < 0)
                return r;
        return file_write_atomic(root_fd, root_relative(path), json, strlen(json), 0644);
}

int history_append(int root_fd, const HistoryEntry *entry)
{
        _cleanup_(history_entry_done) HistoryEntry copy = { 0 };
        _cleanup_(history_done) History history = { 0 };
        _cleanup_free_ char *json = NULL;
        HistoryEntry *bigger;
        int r;

        r = copy_entry(entry, &copy);
        if (r < 0)
                return r;
        r = read_for_append(root_fd, &history);
        if (r < 0)
                return r;
        merge(&history, &copy);
        make_room(&history);
        bigger = reallocarray(history.entries, history.n_entries + 1, sizeof(HistoryEntry));
        if (!bigger)
                return -ENOMEM;
        history.entries = bigger;
        history.entries[history.n_entries++] = copy;
        copy = (HistoryEntry){ 0 };

        r = history_to_json(&history, &json);
        if (r < 0)
                return r;
        r = write_file(root_fd, PATH_RUN_DIR, 0755, PATH_HISTORY, json);
        if (r < 0)
                return r;
        /* Nothing to do is not worth a write to disk: the next that is takes it along. */
        if (entry->action == HISTORY_NOTHING)
                return 0;
        return write_file(root_fd, PATH_STATE_DIR, 0700, PATH_HISTORY_KEPT, json) < 0 ? 1 : 0;
}

static int describe_load(const char *what, const HistoryEntry *entry, char **ret)
{
        return strprintf(
                ret, "%s: generation %" PRIu64 " armed, no image for %" PRIu64 ".%03" PRIu64 " ms",
                what, entry->generation, entry->gap_usec / USEC_PER_MSEC,
                entry->gap_usec % USEC_PER_MSEC);
}

static int describe_base(const HistoryEntry *entry, uint64_t build_usec, char **ret)
{
        _cleanup_free_ char *what = NULL;
        int r;

        if (build_usec == 0)
                return describe_load("another base image", entry, ret);
        r = strprintf(&what, "base image built in %" PRIu64 " s", build_usec / USEC_PER_SEC);
        if (r < 0)
                return r;
        return describe_load(what, entry, ret);
}

static int describe_failure(const HistoryEntry *entry, const char *problem, char **ret)
{
        if (entry->generation == 0)
                return strprintf(ret, "failed: %s; nothing is armed", problem);
        return strprintf(ret, "failed: %s; generation %" PRIu64 " stays armed", problem,
                         entry->generation);
}

static int describe_restored(const HistoryEntry *entry, const char *problem, char **ret)
{
        _cleanup_free_ char *what = NULL;
        int r;

        r = strprintf(&what, "%s%san older image", problem ?: "", problem ? "; " : "");
        if (r < 0)
                return r;
        return describe_load(what, entry, ret);
}

int history_outcome(const HistoryEntry *entry, uint64_t build_usec, const char *problem, char **ret)
{
        switch (entry->action) {
        case HISTORY_NOTHING:
                return strprintf(ret, "nothing to do");
        case HISTORY_RELOAD:
                return describe_load("loaded again", entry, ret);
        case HISTORY_OVERLAY:
                return describe_load("overlay", entry, ret);
        case HISTORY_BASE:
                return describe_base(entry, build_usec, ret);
        case HISTORY_RESTORED:
                return describe_restored(entry, problem, ret);
        case HISTORY_DISARMED:
                return strprintf(ret, "disarmed");
        case HISTORY_FAILED:
                return describe_failure(entry, problem ?: "no reason is known", ret);
        default:
                return -EINVAL;
        }
}
