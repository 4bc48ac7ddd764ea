/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the form of the state file and the one table of the states' names. */
#include "state.h"

#include <fcntl.h>
#include <json-c/json.h>

#include "io.h"
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

/* The members that are plain text or plain numbers, for both directions. */
typedef struct Member {
        const char *name;
        size_t offset;
} Member;

static const Member text_members[] = {
        { "reason", offsetof(State, reason) },
        { "kernel_release", offsetof(State, kernel_release) },
        { "base_id", offsetof(State, base_id) },
        { "last_error", offsetof(State, last_error) },
};

static const Member number_members[] = {
        { "pid", offsetof(State, pid) },
        { "updated_realtime_usec", offsetof(State, updated_realtime_usec) },
        { "generation", offsetof(State, generation) },
        { "base_bytes", offsetof(State, base_bytes) },
        { "overlay_bytes", offsetof(State, overlay_bytes) },
        { "base_realtime_usec", offsetof(State, base_realtime_usec) },
        { "generation_realtime_usec", offsetof(State, generation_realtime_usec) },
        { "loaded_realtime_usec", offsetof(State, loaded_realtime_usec) },
        { "gap_usec", offsetof(State, gap_usec) },
        { "crash_size_bytes", offsetof(State, crash_size_bytes) },
        { "request", offsetof(State, request) },
        { "request_usec", offsetof(State, request_usec) },
        { "last_error_realtime_usec", offsetof(State, last_error_realtime_usec) },
};

static char **text_at(const State *state, const Member *member)
{
        return (char **) (void *) ((char *) (uintptr_t) state + member->offset);
}

static uint64_t *number_at(const State *state, const Member *member)
{
        return (uint64_t *) (void *) ((char *) (uintptr_t) state + member->offset);
}

void state_done(State *state)
{
        if (!state)
                return;
        for (size_t i = 0; i < ELEMENTSOF(text_members); i++)
                free(*text_at(state, text_members + i));
        strv_free(state->targets);
        *state = (State){ 0 };
}

static void json_putp(json_object **object)
{
        json_object_put(*object);
}

/* Takes @value, also on failure. */
static int add(json_object *object, const char *name, json_object *value)
{
        if (value && json_object_object_add(object, name, value) == 0)
                return 0;
        json_object_put(value);
        return -ENOMEM;
}

static int add_targets(json_object *object, char *const *targets)
{
        json_object *array = json_object_new_array();
        int r;

        r = add(object, "targets", array);
        for (char *const *s = targets; r == 0 && s && *s; s++) {
                json_object *text = json_object_new_string(*s);

                if (!text || json_object_array_add(array, text) < 0) {
                        json_object_put(text);
                        r = -ENOMEM;
                }
        }
        return r;
}

int state_to_json(const State *state, char **ret_json)
{
        _cleanup_(json_putp) json_object *object = json_object_new_object();
        const char *name = arm_state_to_string(state->state);
        char *json;
        int r;

        if (!object)
                return -ENOMEM;
        r = add(object, "state", json_object_new_string(name ?: "disarmed"));
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(text_members); i++) {
                const char *text = *text_at(state, text_members + i);

                if (text)
                        r = add(object, text_members[i].name, json_object_new_string(text));
        }
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(number_members); i++)
                r = add(object, number_members[i].name,
                        json_object_new_uint64(*number_at(state, number_members + i)));
        if (r == 0)
                r = add(object, "request_failed", json_object_new_boolean(state->request_failed));
        if (r == 0)
                r = add_targets(object, state->targets);
        if (r < 0)
                return r;

        r = strprintf(&json, "%s\n",
                      json_object_to_json_string_ext(
                              object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
        if (r < 0)
                return r;
        *ret_json = json;
        return 0;
}

static int get_text(json_object *object, const char *name, char **ret)
{
        json_object *value;
        char *copy;

        if (!json_object_object_get_ex(object, name, &value))
                return 0;
        if (!json_object_is_type(value, json_type_string))
                return -EBADMSG;
        copy = strdup(json_object_get_string(value));
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

static int get_number(json_object *object, const char *name, uint64_t *ret)
{
        json_object *value;

        if (!json_object_object_get_ex(object, name, &value))
                return 0;
        /* A negative number would be read as 0, which is as good as any other answer to it. */
        if (!json_object_is_type(value, json_type_int))
                return -EBADMSG;
        *ret = json_object_get_uint64(value);
        return 0;
}

static int get_targets(json_object *object, char ***ret)
{
        json_object *array;
        int r;

        if (!json_object_object_get_ex(object, "targets", &array))
                return 0;
        if (!json_object_is_type(array, json_type_array))
                return -EBADMSG;
        for (size_t i = 0; i < json_object_array_length(array); i++) {
                json_object *text = json_object_array_get_idx(array, i);

                if (!json_object_is_type(text, json_type_string))
                        return -EBADMSG;
                r = strv_extend(ret, json_object_get_string(text));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int state_from_object(json_object *object, State *state)
{
        json_object *value;
        int r;

        if (!json_object_is_type(object, json_type_object) ||
            !json_object_object_get_ex(object, "state", &value))
                return -EBADMSG;
        state->state = arm_state_from_string(json_object_get_string(value));
        if (state->state < 0)
                return -EBADMSG;
        for (size_t i = 0; i < ELEMENTSOF(text_members); i++) {
                r = get_text(object, text_members[i].name, text_at(state, text_members + i));
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < ELEMENTSOF(number_members); i++) {
                r = get_number(object, number_members[i].name,
                               number_at(state, number_members + i));
                if (r < 0)
                        return r;
        }
        if (json_object_object_get_ex(object, "request_failed", &value))
                state->request_failed = json_object_get_boolean(value);
        return get_targets(object, &state->targets);
}

int state_from_json(const char *json, size_t size, State *ret)
{
        _cleanup_(json_putp) json_object *object = NULL;
        _cleanup_(state_done) State state = { 0 };
        json_tokener *tokener;
        int r;

        if (size == 0 || size > STATE_SIZE_MAX)
                return -EBADMSG;
        tokener = json_tokener_new();
        if (!tokener)
                return -ENOMEM;
        object = json_tokener_parse_ex(tokener, json, (int) size);
        json_tokener_free(tokener);

        r = state_from_object(object, &state);
        if (r < 0)
                return r;
        if (!state.reason)
                state.reason = strdup("");
        if (!state.reason)
                return -ENOMEM;
        *ret = state;
        state = (State){ 0 };
        return 0;
}

/* Names below a directory fd are relative; an absolute one would leave the tree of a test. */
static const char *below_root(const char *path)
{
        return path + strspn(path, "/");
}

int state_read(int root_fd, State *ret)
{
        _cleanup_free_ char *json = NULL;
        size_t size;
        int r;

        r = file_read(root_fd, below_root(PATH_STATE_JSON), STATE_SIZE_MAX, &json, &size);
        if (r < 0)
                return r;
        return state_from_json(json, size, ret);
}

int state_write(int root_fd, const State *state)
{
        _cleanup_free_ char *json = NULL;
        int r;

        r = state_to_json(state, &json);
        if (r < 0)
                return r;
        r = mkdir_parents(root_fd, below_root(PATH_RUN_DIR), 0755);
        if (r < 0)
                return r;
        return file_write_atomic(root_fd, below_root(PATH_STATE_JSON), json, strlen(json), 0644);
}
