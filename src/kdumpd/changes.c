/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the comparison of two images and the words for each difference. */
#include "changes-internal.h"

#include <sys/stat.h>

#include "history.h"
#include "io.h"
#include "json-fields.h"
#include "parse.h"
#include "paths.h"
#include "strv.h"
#include "words.h"

/* Members of this name at the top of the Plan say nothing of what it does. */
#define PLAN_GENERATION "generation"

/* Fields that are never shown, whatever they hold. The Plan has none today: keys are files, known
 * by their path. */
static const char *const secret_names[] = {
        "credentials", "key", "passphrase", "password", "passwd", "secret", "token",
};

/* Mount options and arguments that bring one with them. */
static const char *const secret_words[] = {
        "credential=", "pass=", "passphrase=", "password=", "passwd=", "secret=", "token=",
};

/* With the last line, which says that there is more, as many as the history keeps. */
#define LINES_MAX (HISTORY_CHANGES_MAX - 1)

bool changes_are_full(char *const *lines)
{
        return strv_length(lines) >= LINES_MAX;
}

static bool name_is_secret(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(secret_names); i++)
                if (strcasecmp(name, secret_names[i]) == 0)
                        return true;
        return false;
}

bool changes_text_is_secret(const char *text)
{
        for (size_t i = 0; i < ELEMENTSOF(secret_words); i++)
                if (strcasestr(text, secret_words[i]))
                        return true;
        return false;
}

/* Whether @value or something in it must not be shown. */
static bool is_secret(const char *name, struct json_object *value)
{
        if (name_is_secret(name))
                return true;
        if (json_object_is_type(value, json_type_string))
                return changes_text_is_secret(json_object_get_string(value));
        if (json_object_is_type(value, json_type_array)) {
                for (size_t i = 0; i < json_object_array_length(value); i++)
                        if (is_secret(name, json_object_array_get_idx(value, i)))
                                return true;
        }
        if (json_object_is_type(value, json_type_object)) {
                json_object_object_foreach(value, key, member)
                {
                        if (is_secret(key, member))
                                return true;
                }
        }
        return false;
}

static int shorten(char **text, size_t max_bytes)
{
        char *line;
        int r;

        r = text_line(*text, strlen(*text), max_bytes, &line);
        if (r < 0)
                return r;
        free(*text);
        *text = line;
        return 0;
}

/* Times in the form of the configuration. */
static void write_number(FILE *f, const char *name, struct json_object *value)
{
        size_t n = strlen(name), suffix = strlen("_usec");
        uint64_t number = json_object_get_uint64(value);
        _cleanup_free_ char *time = NULL;

        if (n < suffix || !streq(name + n - suffix, "_usec"))
                (void) fputs(json_object_get_string(value), f);
        else if (number == USEC_INFINITY)
                (void) fputs("infinity", f);
        else if (usec_format(number, &time) >= 0)
                (void) fputs(time, f);
}

/* As deep as the parser went, no deeper. */
static void write_value(FILE *f, const char *name, struct json_object *value)
{
        const char *comma = "";

        if (json_object_is_type(value, json_type_string))
                (void) fprintf(f, "'%s'", json_object_get_string(value));
        else if (json_object_is_type(value, json_type_int))
                write_number(f, name, value);
        else if (json_object_is_type(value, json_type_array)) {
                for (size_t i = 0; i < json_object_array_length(value); i++) {
                        (void) fputs(comma, f);
                        write_value(f, name, json_object_array_get_idx(value, i));
                        comma = ", ";
                }
        } else if (json_object_is_type(value, json_type_object)) {
                json_object_object_foreach(value, key, member)
                {
                        (void) fprintf(f, "%s%s ", comma, key);
                        write_value(f, key, member);
                        comma = ", ";
                }
        } else
                (void) fputs(json_object_get_string(value) ?: "null", f);
}

static int value_text(const char *name, struct json_object *value, char **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f;
        int r;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        write_value(f, name, value);
        if (fclose(f) != 0)
                return -ENOMEM;
        r = shorten(&text, VALUE_BYTES_MAX);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        return 0;
}

/* What one member was and is; NULL: it is not there. */
typedef struct Difference {
        const char *path; /* "targets[0].path" */
        const char *name; /* "path" */
        struct json_object *old, *new;
} Difference;

static int add_difference(char ***lines, const Difference *d)
{
        _cleanup_free_ char *old = NULL, *new = NULL;
        int r;

        if (is_secret(d->name, d->old) || is_secret(d->name, d->new))
                return strv_extendf(lines, "%s has changed (what it holds is not shown)", d->path);
        if (d->old) {
                r = value_text(d->name, d->old, &old);
                if (r < 0)
                        return r;
        }
        if (d->new) {
                r = value_text(d->name, d->new, &new);
                if (r < 0)
                        return r;
        }
        if (!old)
                return strv_extendf(lines, "%s is new: %s", d->path, new ?: "");
        if (!new)
                return strv_extendf(lines, "%s is gone: %s", d->path, old);
        return strv_extendf(lines, "%s: %s → %s", d->path, old, new);
}

static int compare_values(char ***lines, const Difference *d);

static int compare_member(char ***lines, const Difference *parent, const char *key)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = strprintf(&path, "%s%s%s", parent->path, *parent->path ? "." : "", key);
        if (r < 0)
                return r;
        r = shorten(&path, VALUE_BYTES_MAX);
        if (r < 0)
                return r;
        return compare_values(lines, &(const Difference){
                                             .path = path,
                                             .name = key,
                                             .old = json_member(parent->old, key),
                                             .new = json_member(parent->new, key),
                                     });
}

static int compare_objects(char ***lines, const Difference *d)
{
        int r;

        json_object_object_foreach(d->old, key, value)
        {
                r = compare_member(lines, d, key);
                if (r < 0)
                        return r;
        }
        json_object_object_foreach(d->new, new_key, new_value)
        {
                if (json_member(d->old, new_key))
                        continue;
                r = compare_member(lines, d, new_key);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int compare_arrays(char ***lines, const Difference *d)
{
        size_t n = MAX(json_object_array_length(d->old), json_object_array_length(d->new));
        int r;

        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *path = NULL;

                r = strprintf(&path, "%s[%zu]", d->path, i);
                if (r < 0)
                        return r;
                /* Behind the end json-c gives NULL. */
                r = compare_values(lines, &(const Difference){
                                                  .path = path,
                                                  .name = d->name,
                                                  .old = json_object_array_get_idx(d->old, i),
                                                  .new = json_object_array_get_idx(d->new, i),
                                          });
                if (r < 0)
                        return r;
        }
        return 0;
}

static int compare_values(char ***lines, const Difference *d)
{
        if (changes_are_full(*lines) || json_object_equal(d->old, d->new))
                return 0;
        if (json_object_is_type(d->old, json_type_object) &&
            json_object_is_type(d->new, json_type_object))
                return compare_objects(lines, d);
        if (json_object_is_type(d->old, json_type_array) &&
            json_object_is_type(d->new, json_type_array))
                return compare_arrays(lines, d);
        return add_difference(lines, d);
}

/* *ret stays NULL for what is no JSON. Only a lack of memory is a failure. */
static int parse_plan(const char *json, struct json_object **ret)
{
        _cleanup_free_ char *message = NULL;
        int r;

        if (!json)
                return 0;
        r = json_object_parse(json, strlen(json), ret, &message);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        json_object_object_del(*ret, PLAN_GENERATION);
        return 0;
}

int changes_plans(char ***lines, const char *old_json, const char *new_json)
{
        _cleanup_json_ struct json_object *old = NULL, *new = NULL;
        int r;

        r = parse_plan(old_json, &old);
        if (r < 0)
                return r;
        r = parse_plan(new_json, &new);
        if (r < 0)
                return r;
        if (!old && !new)
                return 0;
        if (!old || !new)
                return strv_extendf(lines, "the Plan of the %s image cannot be read",
                                    old ? "new" : "former");
        return compare_values(
                lines, &(const Difference){ .path = "", .name = "", .old = old, .new = new });
}

static int compare_file(char ***lines, const OverlayFile *old, const OverlayFile *new)
{
        const OverlayFile *any = old ?: new;
        const char *what = S_ISDIR(any->mode) ? "folder " : "";

        if (!old || !new)
                /* Folders come and go with what is in them. */
                return S_ISDIR(any->mode)
                               ? 0
                               : strv_extendf(lines, "'%s' is %s", any->path, old ? "gone" : "new");
        if (((old->mode ^ new->mode) & S_IFMT) != 0)
                return strv_extendf(lines, "'%s' is of another type", any->path);
        if (!streq(old->sha256, new->sha256))
                return streq(any->path, PATH_KERNEL_INFO)
                               ? strv_extendf(lines,
                                              "what the kernel tells of its types has changed")
                               : strv_extendf(lines, "'%s' has changed", any->path);
        if (old->mode != new->mode)
                return strv_extendf(lines, "%s'%s': mode %04o → %04o", what, any->path,
                                    old->mode & 07777, new->mode & 07777);
        return 0;
}

int changes_files(char ***lines, const OverlayList *old, const OverlayList *new)
{
        size_t i = 0, j = 0;
        int r;

        while ((i < old->n_files || j < new->n_files) && !changes_are_full(*lines)) {
                const OverlayFile *a = i < old->n_files ? &old->files[i] : NULL;
                const OverlayFile *b = j < new->n_files ? &new->files[j] : NULL;
                int order = !a ? 1 : !b ? -1 : strcmp(a->path, b->path);

                r = compare_file(lines, order <= 0 ? a : NULL, order >= 0 ? b : NULL);
                if (r < 0)
                        return r;
                i += order <= 0;
                j += order >= 0;
        }
        return 0;
}

static int compare_kernels(char ***lines, const ImageDescription *old, const ImageDescription *new)
{
        if (old->kernel_release && new->kernel_release &&
            !streq(old->kernel_release, new->kernel_release))
                return strv_extendf(lines, "kernel: '%s' → '%s'", old->kernel_release,
                                    new->kernel_release);
        if (old->kernel_sha256 && new->kernel_sha256 &&
            !streq(old->kernel_sha256, new->kernel_sha256))
                return strv_extendf(lines, "the file of kernel '%s' has changed",
                                    new->kernel_release ?: "?");
        return 0;
}

static int compare_bases(char ***lines, const ImageDescription *old, const ImageDescription *new,
                         char *const *inputs)
{
        int r;

        if (!inputs || !*inputs) {
                if (!old || !old->base_id || !new->base_id || streq(old->base_id, new->base_id))
                        return 0;
                return strv_extendf(lines, "base image: '%s' → '%s'", old->base_id, new->base_id);
        }
        for (; *inputs && !changes_are_full(*lines); inputs++) {
                r = strv_extendf(lines, "'%s' has changed", *inputs);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int compare_images(char ***lines, const ImageDescription *old, const ImageDescription *new)
{
        int r;

        r = compare_kernels(lines, old, new);
        if (r < 0)
                return r;
        if (old->cmdline && new->cmdline) {
                r = changes_cmdline(lines, old->cmdline, new->cmdline);
                if (r < 0)
                        return r;
        }
        if (!old->overlay || !new->overlay)
                return 0;
        r = changes_plans(lines, old->overlay->plan_json, new->overlay->plan_json);
        if (r < 0)
                return r;
        return changes_files(lines, old->overlay, new->overlay);
}

/* When no difference was found but that the bytes are others. */
static int explain_overlay(char ***lines, const ImageDescription *old, const ImageDescription *new)
{
        if (!old->overlay_sha256 || !new->overlay_sha256 ||
            streq(old->overlay_sha256, new->overlay_sha256))
                return 0;
        return strv_extend(lines,
                           old->overlay && new->overlay
                                   ? "the overlay holds the same, written in another way"
                                   : "the overlay is another; what it held before is not known");
}

int changes_list(const ImageDescription *old, const ImageDescription *new, char *const *base_inputs,
                 char ***ret)
{
        _cleanup_strv_ char **lines = NULL;
        int r;

        r = old ? compare_images(&lines, old, new) : strv_extend(&lines, "there was no image yet");
        if (r < 0)
                return r;
        r = compare_bases(&lines, old, new, base_inputs);
        if (r >= 0 && old)
                r = changes_fallback(&lines, old, new);
        if (r < 0)
                return r;
        if (!lines && old) {
                r = explain_overlay(&lines, old, new);
                if (r < 0)
                        return r;
        }
        if (changes_are_full(lines)) {
                r = strv_extend(&lines, "and perhaps more, which is not listed");
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(lines);
        return 0;
}
