/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the file that one boot leaves for the next. */
#include "last-boot.h"

#include "io.h"
#include "json-fields.h"
#include "parse.h"
#include "rootdir.h"

#define PATH_BOOT_ID "/proc/sys/kernel/random/boot_id"
#define PATH_STAT "/proc/stat"
#define BOOT_ID_CHARS 36

/* Far more than the counts of all interrupts of a large machine. */
#define STAT_BYTES_MAX ((size_t) 4 << 20)

static const JsonField boot_fields[] = {
        { "boot_id", JSON_FIELD_STRING, offsetof(LastBoot, boot_id), .required = true },
        { "generation", JSON_FIELD_U64, offsetof(LastBoot, generation), .required = true },
        { "armed_realtime_usec", JSON_FIELD_U64, offsetof(LastBoot, armed_realtime_usec),
          .required = true },
        { "boot_realtime_usec", JSON_FIELD_U64, offsetof(LastBoot, boot_realtime_usec) },
};

void last_boot_done(LastBoot *boot)
{
        free(boot->boot_id);
        *boot = (LastBoot){ 0 };
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

int last_boot_read(int root_fd, LastBoot *ret)
{
        _cleanup_(last_boot_done) LastBoot boot = { 0 };
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_free_ char *json = NULL, *message = NULL;
        struct json_object *clean;
        size_t size;
        int r;

        r = root_read(root_fd, PATH_LAST_BOOT, JSON_BYTES_MAX, &json, &size);
        if (r < 0)
                return r;
        r = json_object_parse(json, size, &object, &message);
        if (r < 0)
                return r;
        r = json_fields_read(boot_fields, ELEMENTSOF(boot_fields), object, "", &boot, &message);
        if (r < 0)
                return r;
        clean = json_member(object, "clean");
        if (!clean || !json_object_is_type(clean, json_type_boolean))
                return -EBADMSG;
        boot.clean = json_object_get_boolean(clean);
        *ret = boot;
        boot = (LastBoot){ 0 };
        return 0;
}

static int write_boot(int root_fd, const LastBoot *boot)
{
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_free_ char *json = NULL;
        int r;

        r = json_fields_write(boot_fields, ELEMENTSOF(boot_fields), boot, &object);
        if (r >= 0)
                r = json_object_take(object, "clean", json_object_new_boolean(boot->clean));
        if (r >= 0)
                r = json_object_format(object, &json);
        if (r >= 0)
                r = mkdir_parents(root_fd, root_relative(PATH_STATE_DIR), 0700);
        if (r < 0)
                return r;
        return file_write_atomic(root_fd, root_relative(PATH_LAST_BOOT), json, strlen(json), 0600);
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

int last_boot_armed(int root_fd, uint64_t number, uint64_t now_realtime_usec)
{
        _cleanup_(last_boot_done) LastBoot boot = { 0 };
        _cleanup_free_ char *boot_id = NULL;
        LastBoot armed;
        int r;

        r = read_this(root_fd, &boot, &boot_id);
        if (r < 0)
                return r;
        if (r > 0 && !boot.clean && boot.generation == number)
                return 0;
        armed = (LastBoot){
                .boot_id = boot_id,
                .generation = number,
                .armed_realtime_usec = now_realtime_usec,
                .boot_realtime_usec = last_boot_began_realtime_usec(root_fd),
        };
        /* There was no time between the two without an image that counts. */
        if (r > 0 && !boot.clean) {
                armed.armed_realtime_usec = boot.armed_realtime_usec;
                armed.boot_realtime_usec = boot.boot_realtime_usec;
        }
        r = write_boot(root_fd, &armed);
        return r < 0 ? r : 1;
}

int last_boot_clean(int root_fd, bool of_any_boot)
{
        _cleanup_(last_boot_done) LastBoot boot = { 0 };
        _cleanup_free_ char *boot_id = NULL;
        int r;

        r = read_this(root_fd, &boot, &boot_id);
        if (r < 0 || !boot.boot_id || boot.clean || (r == 0 && !of_any_boot))
                return MIN(r, 0);
        boot.clean = true;
        r = write_boot(root_fd, &boot);
        return r < 0 ? r : 1;
}
