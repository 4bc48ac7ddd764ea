/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the file that one boot leaves for the next. */
#include "last-boot-internal.h"

#include "io.h"
#include "json-fields.h"
#include "parse.h"
#include "rootdir.h"
#include "strv.h"

#define PATH_BOOT_ID "/proc/sys/kernel/random/boot_id"
#define PATH_STAT "/proc/stat"
#define BOOT_ID_CHARS 36

/* Far more than the counts of all interrupts of a large machine. */
#define STAT_BYTES_MAX ((size_t) 4 << 20)

/* The time of the start is counted back from now, and NTP makes the clock run faster or slower. */
#define CLOCK_STEP_USEC (60 * USEC_PER_SEC)

static const JsonField boot_fields[] = {
        { "boot_id", JSON_FIELD_STRING, offsetof(LastBoot, boot_id), .required = true },
        { "generation", JSON_FIELD_U64, offsetof(LastBoot, generation), .required = true },
        { "armed_realtime_usec", JSON_FIELD_U64, offsetof(LastBoot, armed_realtime_usec),
          .required = true },
        { "boot_realtime_usec", JSON_FIELD_U64, offsetof(LastBoot, boot_realtime_usec) },
        { "folders", JSON_FIELD_STRINGS, offsetof(LastBoot, folders) },
        { "dumps", JSON_FIELD_STRINGS, offsetof(LastBoot, dumps) },
};

static const struct {
        const char *name;
        size_t offset;
        bool required;
} boot_flags[] = {
        { "clean", offsetof(LastBoot, clean), true },
        { "unwatched", offsetof(LastBoot, unwatched), false },
        { "clock_set", offsetof(LastBoot, clock_set), false },
};

void last_boot_done(LastBoot *boot)
{
        free(boot->boot_id);
        strv_free(boot->folders);
        strv_free(boot->dumps);
        if (boot->before)
                last_boot_done(boot->before);
        free(boot->before);
        *boot = (LastBoot){ 0 };
}

void last_boot_dumps_done(LastBootDumps *dumps)
{
        strv_free(dumps->folders);
        strv_free(dumps->dumps);
        *dumps = (LastBootDumps){ 0 };
}

int last_boot_this(int root_fd, char **ret_boot_id)
{
        _cleanup_free_ char *line = NULL;
        int r;

        r = root_read_line(root_fd, PATH_BOOT_ID, &line);
        if (r < 0)
                return r;
        if (strlen(line) != BOOT_ID_CHARS || strspn(line, "0123456789abcdef-") != BOOT_ID_CHARS)
                return -EBADMSG;
        *ret_boot_id = TAKE_PTR(line);
        return 0;
}

/* The line "btime" (fs/proc/stat.c): seconds since 1970, which change when the clock is set. */
uint64_t last_boot_began_realtime_usec(int root_fd)
{
        _cleanup_free_ char *text = NULL;
        uint64_t seconds, usec;
        char *line;

        if (root_read(root_fd, PATH_STAT, STAT_BYTES_MAX, &text, NULL) < 0)
                return 0;
        line = strstr(text, "\nbtime ");
        if (!line)
                return 0;
        line += strlen("\nbtime ");
        line[strcspn(line, "\n")] = '\0';
        if (parse_u64(line, 10, &seconds) < 0 ||
            __builtin_mul_overflow(seconds, USEC_PER_SEC, &usec))
                return 0;
        return usec;
}

bool last_boot_clock_is_other(const LastBoot *boot, uint64_t began_realtime_usec)
{
        return boot->clock_set ||
               (began_realtime_usec > 0 && began_realtime_usec < boot->armed_realtime_usec);
}

static int read_flags(struct json_object *object, LastBoot *boot)
{
        for (size_t i = 0; i < ELEMENTSOF(boot_flags); i++) {
                struct json_object *value = json_member(object, boot_flags[i].name);

                if (!value && !boot_flags[i].required)
                        continue;
                if (!value || !json_object_is_type(value, json_type_boolean))
                        return -EBADMSG;
                *(bool *) ((char *) boot + boot_flags[i].offset) = json_object_get_boolean(value);
        }
        return 0;
}

/* Without what is in "before". */
static int read_object(struct json_object *object, LastBoot *ret)
{
        _cleanup_(last_boot_done) LastBoot boot = { 0 };
        _cleanup_free_ char *message = NULL;
        int r;

        if (!json_object_is_type(object, json_type_object))
                return -EBADMSG;
        r = json_fields_read(boot_fields, ELEMENTSOF(boot_fields), object, "", &boot, &message);
        if (r >= 0)
                r = read_flags(object, &boot);
        if (r < 0)
                return r;
        *ret = boot;
        boot = (LastBoot){ 0 };
        return 0;
}

int last_boot_read(int root_fd, LastBoot *ret)
{
        _cleanup_(last_boot_done) LastBoot boot = { 0 };
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_free_ char *json = NULL, *message = NULL;
        struct json_object *before;
        size_t size;
        int r;

        r = root_read(root_fd, PATH_LAST_BOOT, JSON_BYTES_MAX, &json, &size);
        if (r >= 0)
                r = json_object_parse(json, size, &object, &message);
        if (r >= 0)
                r = read_object(object, &boot);
        if (r < 0)
                return r;
        before = json_member(object, "before");
        if (before) {
                boot.before = calloc(1, sizeof(*boot.before));
                r = boot.before ? read_object(before, boot.before) : -ENOMEM;
                if (r < 0)
                        return r;
        }
        *ret = boot;
        boot = (LastBoot){ 0 };
        return 0;
}

static int make_object(const LastBoot *boot, struct json_object **ret)
{
        _cleanup_json_ struct json_object *object = NULL, *before = NULL;
        int r;

        r = json_fields_write(boot_fields, ELEMENTSOF(boot_fields), boot, &object);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(boot_flags); i++) {
                bool flag = *(const bool *) ((const char *) boot + boot_flags[i].offset);

                if (flag || boot_flags[i].required)
                        r = json_object_take(object, boot_flags[i].name,
                                             json_object_new_boolean(flag));
        }
        if (r >= 0 && boot->before) {
                r = make_object(boot->before, &before);
                if (r >= 0)
                        r = json_object_take(object, "before", TAKE_PTR(before));
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(object);
        return 0;
}

/* Returns 1; 0 if the file is the same already. */
static int write_boot(int root_fd, const LastBoot *boot)
{
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_free_ char *json = NULL, *old = NULL;
        size_t size;
        int r;

        r = make_object(boot, &object);
        if (r >= 0)
                r = json_object_format(object, &json);
        if (r < 0)
                return r;
        if (root_read(root_fd, PATH_LAST_BOOT, JSON_BYTES_MAX, &old, &size) >= 0 &&
            size == strlen(json) && memcmp(old, json, size) == 0)
                return 0;
        r = mkdir_parents(root_fd, root_relative(PATH_STATE_DIR), 0700);
        if (r >= 0)
                r = file_write_atomic(root_fd, root_relative(PATH_LAST_BOOT), json, strlen(json),
                                      0600);
        return r < 0 ? r : 1;
}

/* Returns 1 if what is written down is of this boot, whose number is *ret_boot_id. */
static int read_this(int root_fd, LastBoot *ret, char **ret_boot_id)
{
        int r;

        r = last_boot_this(root_fd, ret_boot_id);
        if (r < 0)
                return r;
        r = last_boot_read(root_fd, ret);
        if (r == -ENOMEM)
                return r;
        return r >= 0 && streq(ret->boot_id, *ret_boot_id);
}

/* What was in folders that cannot be seen now is still known. */
static int take_dumps(LastBoot *boot, const LastBootDumps *now)
{
        _cleanup_(last_boot_dumps_done) LastBootDumps all = { 0 };
        int r;

        r = strv_copy(now->folders, &all.folders);
        if (r >= 0)
                r = strv_copy(now->dumps, &all.dumps);
        for (char **folder = boot->folders; r >= 0 && folder && *folder; folder++)
                if (!strv_contains(now->folders, *folder))
                        r = strv_extend(&all.folders, *folder);
        for (char **dump = boot->dumps; r >= 0 && dump && *dump; dump++) {
                const char *slash = strrchr(*dump, '/');
                _cleanup_free_ char *folder = NULL;

                if (!slash)
                        continue;
                r = strprintf(&folder, "%.*s", MAX((int) (slash - *dump), 1), *dump);
                if (r >= 0 && !strv_contains(now->folders, folder))
                        r = strv_extend(&all.dumps, *dump);
        }
        if (r < 0)
                return r;
        strv_free(boot->folders);
        strv_free(boot->dumps);
        boot->folders = TAKE_PTR(all.folders);
        boot->dumps = TAKE_PTR(all.dumps);
        return 0;
}

/* *boot, which is of another boot, becomes what is said of it in that of this one, if it is still
 * to be told. */
static int begin_boot(LastBoot *boot, const char *boot_id, uint64_t began_realtime_usec)
{
        _cleanup_(last_boot_done) LastBoot fresh = { .boot_id = strdup(boot_id) };

        if (!fresh.boot_id)
                return -ENOMEM;
        if (boot->boot_id && !boot->clean && boot->generation > 0) {
                fresh.before = calloc(1, sizeof(*fresh.before));
                if (!fresh.before)
                        return -ENOMEM;
                boot->clock_set = last_boot_clock_is_other(boot, began_realtime_usec);
                if (boot->before)
                        last_boot_done(boot->before);
                free(TAKE_PTR(boot->before));
                *fresh.before = *boot;
        } else {
                fresh.before = TAKE_PTR(boot->before);
                last_boot_done(boot);
        }
        *boot = fresh;
        fresh = (LastBoot){ 0 };
        return 0;
}

/* Keeps the earliest start that this boot has had by its clock. */
static void take_clock(LastBoot *boot, uint64_t began_realtime_usec)
{
        uint64_t earlier = MIN(boot->boot_realtime_usec, began_realtime_usec);
        uint64_t later = MAX(boot->boot_realtime_usec, began_realtime_usec);

        if (earlier == 0 || later - earlier > CLOCK_STEP_USEC) {
                boot->clock_set = boot->clock_set || earlier > 0;
                boot->boot_realtime_usec = earlier > 0 ? earlier : later;
        }
}

int last_boot_armed(int root_fd, uint64_t number, uint64_t now_realtime_usec,
                    const LastBootDumps *dumps)
{
        uint64_t began_realtime_usec = last_boot_began_realtime_usec(root_fd);
        _cleanup_(last_boot_done) LastBoot boot = { 0 };
        _cleanup_free_ char *boot_id = NULL;
        int r;

        r = read_this(root_fd, &boot, &boot_id);
        if (r == 0)
                r = begin_boot(&boot, boot_id, began_realtime_usec);
        if (r >= 0)
                r = take_dumps(&boot, dumps);
        if (r < 0)
                return r;
        /* Between two images there was no time without one that counts. */
        if (boot.clean || boot.armed_realtime_usec == 0)
                boot.armed_realtime_usec = now_realtime_usec;
        take_clock(&boot, began_realtime_usec);
        boot.generation = number;
        boot.clean = boot.unwatched = false;
        return write_boot(root_fd, &boot);
}

int last_boot_clean(int root_fd)
{
        _cleanup_(last_boot_done) LastBoot boot = { 0 };
        _cleanup_free_ char *boot_id = NULL;
        int r;

        r = read_this(root_fd, &boot, &boot_id);
        if (r <= 0)
                return r;
        boot.clean = true;
        boot.unwatched = false;
        return write_boot(root_fd, &boot);
}

int last_boot_unwatched(int root_fd)
{
        _cleanup_(last_boot_done) LastBoot boot = { 0 };
        _cleanup_free_ char *boot_id = NULL;
        int r;

        r = read_this(root_fd, &boot, &boot_id);
        if (r <= 0 || boot.clean)
                return MIN(r, 0);
        boot.unwatched = true;
        return write_boot(root_fd, &boot);
}

int last_boot_told(int root_fd)
{
        _cleanup_(last_boot_done) LastBoot boot = { 0 };
        _cleanup_free_ char *boot_id = NULL;
        int r;

        r = read_this(root_fd, &boot, &boot_id);
        if (r < 0 || !boot.boot_id)
                return MIN(r, 0);
        if (r == 0)
                boot.clean = true;
        if (boot.before)
                last_boot_done(boot.before);
        free(TAKE_PTR(boot.before));
        return write_boot(root_fd, &boot);
}
