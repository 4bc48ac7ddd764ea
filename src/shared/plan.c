/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the Plan's life, its JSON form and what a Plan must have. Its reader is the first thing that
 * runs after a panic: whatever the text holds, it answers with a Plan or a message. */
#include "plan.h"

#include "core-collector.h"
#include "io.h"
#include "json-fields.h"
#include "strv.h"

#define PLAN_TARGETS_MAX 64

static const char *const action_names[_ACTION_MAX] = {
        [ACTION_REBOOT] = "reboot",
        [ACTION_HALT] = "halt",
        [ACTION_POWEROFF] = "poweroff",
        [ACTION_SHELL] = "shell",
        [ACTION_DUMP_TO_ROOTFS] = "dump_to_rootfs",
};

static const char *const compression_names[_COMPRESSION_MAX] = {
        [COMPRESSION_NONE] = "none",     [COMPRESSION_ZLIB] = "zlib", [COMPRESSION_LZO] = "lzo",
        [COMPRESSION_SNAPPY] = "snappy", [COMPRESSION_ZSTD] = "zstd", [COMPRESSION_AUTO] = "auto",
};

static const char *const format_names[_DUMP_FORMAT_MAX] = {
        [DUMP_FORMAT_KDUMP] = "kdump",
        [DUMP_FORMAT_ELF] = "elf",
        [DUMP_FORMAT_FLAT] = "flat",
};

#define FIELD(struct_, field, type_, ...)                                                          \
        {                                                                                          \
                .name = #field, .type = (type_), .offset = offsetof(struct_, field), __VA_ARGS__   \
        }
#define FIELD_ENUM(struct_, field, names_, ...)                                                    \
        FIELD(struct_, field, JSON_FIELD_ENUM, .names = (names_), .n_names = ELEMENTSOF(names_),   \
              __VA_ARGS__)

static const JsonField plan_fields[] = {
        FIELD(Plan, version, JSON_FIELD_UINT, .required = true),
        FIELD(Plan, generation, JSON_FIELD_U64),
        FIELD(Plan, image, JSON_FIELD_STRING),
        FIELD(Plan, host, JSON_FIELD_STRING),
        FIELD(Plan, hostname, JSON_FIELD_STRING),
        FIELD(Plan, machine_id, JSON_FIELD_STRING),
        FIELD(Plan, kernel_release, JSON_FIELD_STRING),
        FIELD(Plan, kdump_pre, JSON_FIELD_STRING),
        FIELD(Plan, kdump_post, JSON_FIELD_STRING),
        FIELD(Plan, kdump_emergency, JSON_FIELD_STRING),
        FIELD(Plan, pre_d, JSON_FIELD_STRINGS),
        FIELD(Plan, post_d, JSON_FIELD_STRINGS),
        FIELD(Plan, emergency_d, JSON_FIELD_STRINGS),
        FIELD_ENUM(Plan, failure_action, action_names, .required = true),
        FIELD_ENUM(Plan, final_action, action_names, .required = true),
};

static const JsonField target_fields[] = {
        FIELD_ENUM(Target, type, target_type_names, .required = true),
        FIELD(Target, what, JSON_FIELD_STRING),
        FIELD(Target, fstype, JSON_FIELD_STRING),
        FIELD(Target, options, JSON_FIELD_STRING),
        FIELD(Target, path, JSON_FIELD_STRING),
        FIELD(Target, sshkey, JSON_FIELD_STRING),
        FIELD(Target, known_hosts, JSON_FIELD_STRING),
        FIELD(Target, port, JSON_FIELD_UINT, .max = 65535),
        FIELD(Target, addresses, JSON_FIELD_STRINGS),
        FIELD(Target, credentials, JSON_FIELD_STRING),
        FIELD(Target, ca_file, JSON_FIELD_STRING),
        FIELD(Target, client_cert, JSON_FIELD_STRING),
        FIELD(Target, client_key, JSON_FIELD_STRING),
        FIELD(Target, s3_endpoint, JSON_FIELD_STRING),
        FIELD(Target, s3_region, JSON_FIELD_STRING),
        FIELD(Target, connect_usec, JSON_FIELD_U64),
        FIELD(Target, timeout_usec, JSON_FIELD_U64, .required = true),
        FIELD(Target, deadline_usec, JSON_FIELD_U64),
};

static const JsonField collector_fields[] = {
        FIELD(Collector, argv, JSON_FIELD_STRINGS),
        FIELD(Collector, dump_level, JSON_FIELD_UINT, .required = true, .max = DUMP_LEVEL_MAX),
        FIELD_ENUM(Collector, compression, compression_names, .required = true),
        FIELD_ENUM(Collector, format, format_names, .required = true),
};

#define DEFINE_STRINGS(noun, type, names, invalid)                                                 \
        const char *noun##_to_string(type value)                                                   \
        {                                                                                          \
                return value >= 0 && value < (type) ELEMENTSOF(names) ? names[value] : NULL;       \
        }                                                                                          \
        type noun##_from_string(const char *s)                                                     \
        {                                                                                          \
                for (type value = 0; value < (type) ELEMENTSOF(names); value++)                    \
                        if (streq_ptr(s, names[value]))                                            \
                                return value;                                                      \
                return invalid;                                                                    \
        }                                                                                          \
        struct _strings_need_a_semicolon

DEFINE_STRINGS(action, Action, action_names, _ACTION_INVALID);
DEFINE_STRINGS(compression, Compression, compression_names, _COMPRESSION_INVALID);
DEFINE_STRINGS(dump_format, DumpFormat, format_names, _DUMP_FORMAT_INVALID);

Plan *plan_new(void)
{
        Plan *plan = calloc(1, sizeof(*plan));

        if (!plan)
                return NULL;
        plan->version = PLAN_VERSION;
        collector_init(&plan->collector);
        return plan;
}

static void target_free(Target *target)
{
        target_done(target);
        free(target);
}

Plan *plan_free(Plan *plan)
{
        if (!plan)
                return NULL;
        free(plan->image);
        free(plan->host);
        free(plan->hostname);
        free(plan->machine_id);
        free(plan->kernel_release);
        for (size_t i = 0; i < plan->n_targets; i++)
                target_done(&plan->targets[i]);
        free(plan->targets);
        network_done(&plan->network);
        target_free(plan->rootfs);
        collector_done(&plan->collector);
        free(plan->kdump_pre);
        free(plan->kdump_post);
        free(plan->kdump_emergency);
        strv_free(plan->pre_d);
        strv_free(plan->post_d);
        strv_free(plan->emergency_d);
        free(plan);
        return NULL;
}

static int refuse(char **reterr_message, const char *where, const char *what)
{
        char *message;

        if (strprintf(&message, "'%s' %s", where, what) < 0)
                return -ENOMEM;
        *reterr_message = message;
        return -EBADMSG;
}

static int check_target_files(const Target *target, const char *where, char **reterr_message)
{
        const struct {
                const char *name, *path;
        } files[] = {
                { "sshkey", target->sshkey },           { "known_hosts", target->known_hosts },
                { "credentials", target->credentials }, { "ca_file", target->ca_file },
                { "client_cert", target->client_cert }, { "client_key", target->client_key },
        };

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                char name[64];

                if (!files[i].path || files[i].path[0] == '/')
                        continue;
                (void) snprintf(name, sizeof(name), "%s.%s", where, files[i].name);
                return refuse(reterr_message, name, "is not an absolute path");
        }
        return 0;
}

static int read_target(struct json_object *value, const char *name, Target *target,
                       char **reterr_message)
{
        _cleanup_free_ char *where = NULL;
        int r;

        if (!json_object_is_type(value, json_type_object))
                return refuse(reterr_message, name, "is not an object");
        r = strprintf(&where, "%s.", name);
        if (r < 0)
                return r;
        r = json_fields_read(target_fields, ELEMENTSOF(target_fields), value, where, target,
                             reterr_message);
        if (r < 0)
                return r;
        if (target->type != TARGET_PATH && strempty(target->what))
                return refuse(reterr_message, name, "does not say what it is");
        if (target->type != TARGET_RAW && target->type != TARGET_URL && strempty(target->path))
                return refuse(reterr_message, name, "has no path");
        return check_target_files(target, name, reterr_message);
}

static int read_targets(struct json_object *object, Plan *plan, char **reterr_message)
{
        struct json_object *list = json_member(object, "targets");
        size_t n;
        int r;

        if (!list || !json_object_is_type(list, json_type_array))
                return refuse(reterr_message, "targets", "is not a list");
        n = json_object_array_length(list);
        if (n < 1 || n > PLAN_TARGETS_MAX)
                return refuse(reterr_message, "targets", "has none or too many entries");
        plan->targets = calloc(n, sizeof(*plan->targets));
        if (!plan->targets)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                char name[32];

                (void) snprintf(name, sizeof(name), "targets[%zu]", i);
                plan->n_targets++;
                r = read_target(json_object_array_get_idx(list, i), name, &plan->targets[i],
                                reterr_message);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_rootfs(struct json_object *object, Plan *plan, char **reterr_message)
{
        struct json_object *value = json_member(object, "rootfs");

        if (!value)
                return 0;
        plan->rootfs = calloc(1, sizeof(*plan->rootfs));
        if (!plan->rootfs)
                return -ENOMEM;
        return read_target(value, "rootfs", plan->rootfs, reterr_message);
}

static int read_network(struct json_object *object, Plan *plan, char **reterr_message)
{
        struct json_object *value = json_member(object, "network");

        return value ? network_from_json(value, "network.", &plan->network, reterr_message) : 0;
}

static int read_collector(struct json_object *object, Plan *plan, char **reterr_message)
{
        struct json_object *value = json_member(object, "collector");

        if (!value || !json_object_is_type(value, json_type_object))
                return refuse(reterr_message, "collector", "is not an object");
        return json_fields_read(collector_fields, ELEMENTSOF(collector_fields), value, "collector.",
                                &plan->collector, reterr_message);
}

/* Before all else, so that a Plan of another version is told from a broken one. */
static int check_version(struct json_object *object, char **reterr_message)
{
        struct json_object *value = json_member(object, "version");

        if (!value || !json_object_is_type(value, json_type_int))
                return refuse(reterr_message, "version", "is not a number");
        if (json_object_get_int64(value) == PLAN_VERSION)
                return 0;
        if (strprintf(reterr_message, "version %lli is not %d, the one that is understood here",
                      (long long) json_object_get_int64(value), PLAN_VERSION) < 0)
                return -ENOMEM;
        return -EOPNOTSUPP;
}

static int check_paths(const Plan *plan, char **reterr_message)
{
        const char *const programs[] = { plan->kdump_pre, plan->kdump_post, plan->kdump_emergency };
        char *const *const lists[] = { plan->pre_d, plan->post_d, plan->emergency_d };

        for (size_t i = 0; i < ELEMENTSOF(programs); i++)
                if (programs[i] && programs[i][0] != '/')
                        return refuse(reterr_message, programs[i], "is not an absolute path");
        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                for (char *const *p = lists[i]; p && *p; p++)
                        if (**p != '/')
                                return refuse(reterr_message, *p, "is not an absolute path");
        return 0;
}

int plan_from_json(const char *json, size_t size, Plan **ret, char **reterr_message)
{
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_(plan_freep) Plan *plan = NULL;
        int r;

        r = json_object_parse(json, size, &object, reterr_message);
        if (r < 0)
                return r;
        r = check_version(object, reterr_message);
        if (r < 0)
                return r;
        plan = plan_new();
        if (!plan)
                return -ENOMEM;
        r = json_fields_read(plan_fields, ELEMENTSOF(plan_fields), object, "", plan,
                             reterr_message);
        if (r < 0)
                return r;
        if (plan->final_action > ACTION_POWEROFF)
                return refuse(reterr_message, "final_action", "is none of the known words");
        r = read_targets(object, plan, reterr_message);
        if (r < 0)
                return r;
        r = read_network(object, plan, reterr_message);
        if (r < 0)
                return r;
        r = read_rootfs(object, plan, reterr_message);
        if (r < 0)
                return r;
        r = read_collector(object, plan, reterr_message);
        if (r < 0)
                return r;
        r = check_paths(plan, reterr_message);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(plan);
        return 0;
}

static int add_target(struct json_object *parent, const char *name, const Target *target)
{
        struct json_object *value;
        int r;

        r = json_fields_write(target_fields, ELEMENTSOF(target_fields), target, &value);
        if (r < 0)
                return r;
        if (name)
                return json_object_take(parent, name, value);
        if (json_object_array_add(parent, value) < 0) {
                (void) json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

static int add_targets(struct json_object *object, const Plan *plan)
{
        _cleanup_json_ struct json_object *list = json_object_new_array();
        int r;

        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < plan->n_targets; i++) {
                r = add_target(list, NULL, &plan->targets[i]);
                if (r < 0)
                        return r;
        }
        return json_object_take(object, "targets", TAKE_PTR(list));
}

static int add_network(struct json_object *object, const Plan *plan)
{
        struct json_object *value;
        int r;

        if (plan->network.n_links == 0)
                return 0;
        r = network_to_json(&plan->network, &value);
        return r < 0 ? r : json_object_take(object, "network", value);
}

int plan_to_json(const Plan *plan, char **ret_json)
{
        _cleanup_json_ struct json_object *object = NULL;
        struct json_object *collector;
        int r;

        r = json_fields_write(plan_fields, ELEMENTSOF(plan_fields), plan, &object);
        if (r < 0)
                return r;
        r = add_targets(object, plan);
        if (r < 0)
                return r;
        r = add_network(object, plan);
        if (r < 0)
                return r;
        if (plan->rootfs) {
                r = add_target(object, "rootfs", plan->rootfs);
                if (r < 0)
                        return r;
        }
        r = json_fields_write(collector_fields, ELEMENTSOF(collector_fields), &plan->collector,
                              &collector);
        if (r < 0)
                return r;
        r = json_object_take(object, "collector", collector);
        if (r < 0)
                return r;
        return json_object_format(object, ret_json);
}
