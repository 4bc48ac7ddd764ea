/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the form of the state file and the one table of the states' names. */
#include "state.h"

#include <fcntl.h>

#include "io.h"
#include "json-fields.h"
#include "rootdir.h"
#include "strv.h"

/* A file larger than this is not ours. */
#define STATE_SIZE_MAX ((size_t) 256 * 1024)

static const char *const arm_state_table[_ARM_STATE_MAX] = {
        [ARM_STATE_UNAVAILABLE] = "unavailable", [ARM_STATE_STALE] = "stale",
        [ARM_STATE_BUILDING] = "building",       [ARM_STATE_ARMED] = "armed",
        [ARM_STATE_DEGRADED] = "degraded",       [ARM_STATE_DISARMED] = "disarmed",
};

const char *arm_state_to_string(ArmState state)
{
        if (state < 0 || state >= _ARM_STATE_MAX)
                return NULL;
        return arm_state_table[state];
}

ArmState arm_state_from_string(const char *s)
{
        for (ArmState i = 0; s && i < _ARM_STATE_MAX; i++)
                if (streq(s, arm_state_table[i]))
                        return i;
        return _ARM_STATE_INVALID;
}

/* Texts may quote whatever is in a file that someone else wrote, and JSON must be UTF-8. */
#define FIELD(field, type_)                                                                        \
        {                                                                                          \
                .name = #field, .type = (type_), .offset = offsetof(State, field), .clean = true   \
        }

static const JsonField state_fields[] = {
        { .name = "state",
          .type = JSON_FIELD_ENUM,
          .offset = offsetof(State, state),
          .required = true,
          .names = arm_state_table,
          .n_names = ELEMENTSOF(arm_state_table) },
        FIELD(reason, JSON_FIELD_STRING),
        FIELD(pid, JSON_FIELD_U64),
        FIELD(updated_realtime_usec, JSON_FIELD_U64),
        FIELD(generation, JSON_FIELD_U64),
        FIELD(kernel_release, JSON_FIELD_STRING),
        FIELD(base_id, JSON_FIELD_STRING),
        FIELD(targets, JSON_FIELD_STRINGS),
        FIELD(base_bytes, JSON_FIELD_U64),
        FIELD(overlay_bytes, JSON_FIELD_U64),
        FIELD(base_realtime_usec, JSON_FIELD_U64),
        FIELD(generation_realtime_usec, JSON_FIELD_U64),
        FIELD(loaded_realtime_usec, JSON_FIELD_U64),
        FIELD(gap_usec, JSON_FIELD_U64),
        FIELD(gap_worst_usec, JSON_FIELD_U64),
        FIELD(gap_total_usec, JSON_FIELD_U64),
        FIELD(loads, JSON_FIELD_U64),
        FIELD(reloads, JSON_FIELD_U64),
        FIELD(loaded_cpus, JSON_FIELD_STRING),
        FIELD(loaded_n_cpus, JSON_FIELD_U64),
        FIELD(loaded_ram_bytes, JSON_FIELD_U64),
        FIELD(loaded_topology_sha256, JSON_FIELD_STRING),
        FIELD(loader, JSON_FIELD_STRING),
        FIELD(loader_reason, JSON_FIELD_STRING),
        FIELD(guard, JSON_FIELD_STRING),
        FIELD(fallback, JSON_FIELD_STRING),
        FIELD(sparse_loads, JSON_FIELD_U64),
        FIELD(checked, JSON_FIELD_STRING),
        FIELD(checked_realtime_usec, JSON_FIELD_U64),
        FIELD(check_problem, JSON_FIELD_STRING),
        FIELD(area_sha256, JSON_FIELD_STRING),
        FIELD(crash_size_bytes, JSON_FIELD_U64),
        FIELD(request, JSON_FIELD_U64),
        FIELD(request_usec, JSON_FIELD_U64),
        FIELD(last_error, JSON_FIELD_STRING),
        FIELD(last_error_realtime_usec, JSON_FIELD_U64),
        FIELD(last_boot, JSON_FIELD_STRING),
};

void state_done(State *state)
{
        if (!state)
                return;
        free(state->reason);
        free(state->kernel_release);
        free(state->base_id);
        strv_free(state->targets);
        free(state->loaded_cpus);
        free(state->loaded_topology_sha256);
        free(state->loader);
        free(state->loader_reason);
        free(state->guard);
        free(state->fallback);
        free(state->checked);
        free(state->check_problem);
        free(state->area_sha256);
        free(state->last_error);
        free(state->last_boot);
        *state = (State){ 0 };
}

int state_to_json(const State *state, char **ret_json)
{
        _cleanup_json_ struct json_object *object = NULL;
        int r;

        r = json_fields_write(state_fields, ELEMENTSOF(state_fields), state, &object);
        if (r < 0)
                return r;
        r = json_object_take(object, "request_failed",
                             json_object_new_boolean(state->request_failed));
        if (r < 0)
                return r;
        return json_object_format(object, ret_json);
}

int state_from_json(const char *json, size_t size, State *ret)
{
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_(state_done) State state = { 0 };
        _cleanup_free_ char *message = NULL;
        int r;

        r = json_object_parse(json, size, &object, &message);
        if (r < 0)
                return r;
        r = json_fields_read(state_fields, ELEMENTSOF(state_fields), object, "", &state, &message);
        if (r < 0)
                return r;
        state.request_failed = json_object_get_boolean(json_member(object, "request_failed"));
        if (!state.reason)
                state.reason = strdup("");
        if (!state.reason)
                return -ENOMEM;
        *ret = state;
        state = (State){ 0 };
        return 0;
}

int state_read(int root_fd, State *ret)
{
        _cleanup_free_ char *json = NULL;
        size_t size;
        int r;

        r = file_read(root_fd, root_relative(PATH_STATE_JSON), STATE_SIZE_MAX, &json, &size);
        if (r < 0)
                return r;
        /* It is being replaced where there is no room for two: see state_write(). */
        if (size == 0)
                return -ENOENT;
        return state_from_json(json, size, ret);
}

int state_write(int root_fd, const State *state)
{
        const char *path = root_relative(PATH_STATE_JSON);
        _cleanup_free_ char *json = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r;

        r = state_to_json(state, &json);
        if (r < 0)
                return r;
        r = mkdir_parents(root_fd, root_relative(PATH_RUN_DIR), 0755);
        if (r < 0)
                return r;
        r = file_write_atomic(root_fd, path, json, strlen(json), 0644);
        if (r != -ENOSPC && r != -EDQUOT)
                return r;
        /* The old one takes the room that is missing, and tells what is not so any more. It is cut:
         * unlinking gives nothing back while somebody reads it. */
        fd = openat(root_fd, path, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return r;
        r = file_write_atomic(root_fd, path, json, strlen(json), 0644);
        if (r < 0)
                (void) unlinkat(root_fd, path, 0);
        return r;
}
