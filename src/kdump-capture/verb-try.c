/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the command 'try': its words, and what it prints. */
#include <fcntl.h>
#include <getopt.h>

#include "io.h"
#include "json-fields.h"
#include "log.h"
#include "parse.h"
#include "plan.h"
#include "trial.h"
#include "verbs.h"

typedef struct TryArguments {
        const char *plan;
        bool one;
        uint32_t number; /* of it, from 1 on */
} TryArguments;

static int parse_try(int argc, char **argv, TryArguments *ret)
{
        static const struct option options[] = {
                { "target", required_argument, NULL, 't' },
                {},
        };
        int option;

        *ret = (TryArguments){};
        optind = 0;
        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (option != 't')
                        return -EINVAL; /* getopt has said why */
                ret->one = true;
                if (parse_u32(optarg, &ret->number) < 0 || ret->number == 0) {
                        log_error("--target= expects a number from 1 on, not '%s'.", optarg);
                        return -EINVAL;
                }
        }
        if (argc - optind != 1) {
                log_error("Usage: try PLAN [--target=N]");
                return -EINVAL;
        }
        ret->plan = argv[optind];
        return 0;
}

static int load(const char *path, Plan **ret)
{
        _cleanup_free_ char *json = NULL, *message = NULL;
        size_t size;
        int r;

        r = file_read(AT_FDCWD, path, JSON_BYTES_MAX, &json, &size);
        if (r >= 0)
                r = plan_from_json(json, size, ret, &message);
        if (r < 0)
                return log_error_errno(r, "Cannot use the plan '%s': %s%s%m", path, message ?: "",
                                       message ? ": " : "");
        return 0;
}

static int add_u64(struct json_object *object, const char *name, uint64_t value)
{
        return json_object_take(object, name, json_object_new_uint64(value));
}

static int trial_to_json(const Target *target, size_t index, const Trial *trial,
                         struct json_object **ret)
{
        _cleanup_json_ struct json_object *object = json_object_new_object();
        _cleanup_free_ char *text = NULL;
        int r;

        if (!object || target_describe(target, &text) < 0)
                return -ENOMEM;
        r = add_u64(object, "target", index + 1);
        if (r >= 0)
                r = json_object_take(object, "what", json_object_new_string(text));
        if (r >= 0)
                r = json_object_take(object, "step",
                                     json_object_new_string(trial_step_to_string(trial->step)));
        if (r >= 0 && trial->error < 0)
                r = json_object_take(object, "error",
                                     json_object_new_string(strerror(-trial->error)));
        if (r >= 0 && trial->error < 0)
                r = add_u64(object, "errno", (uint64_t) -trial->error);
        if (r >= 0 && trial->has_room)
                r = add_u64(object, "room_bytes", trial->room_bytes);
        if (r >= 0 && trial->where[0])
                r = json_object_take(object, "where", json_object_new_string(trial->where));
        if (r >= 0 && trial->left)
                r = json_object_take(object, "left", json_object_new_boolean(true));
        if (r < 0)
                return r;
        *ret = TAKE_PTR(object);
        return 0;
}

/* One line a target, as soon as it is known. */
static int print(const Target *target, size_t index, const Trial *trial)
{
        _cleanup_json_ struct json_object *object = NULL;
        int r;

        r = trial_to_json(target, index, trial, &object);
        if (r < 0)
                return log_oom();
        if (printf("%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN)) < 0 ||
            fflush(stdout) != 0)
                return log_error_errno(-EIO, "Cannot print the result: %m");
        return 0;
}

int verb_try(int argc, char **argv)
{
        _cleanup_(plan_freep) Plan *plan = NULL;
        TryArguments arguments;
        bool failed = false;
        int r;

        if (parse_try(argc, argv, &arguments) < 0 || load(arguments.plan, &plan) < 0)
                return EXIT_FAILURE;
        if (arguments.one && arguments.number > plan->n_targets) {
                log_error("There is no target %u.", (unsigned) arguments.number);
                return EXIT_FAILURE;
        }
        for (size_t i = 0; i < plan->n_targets; i++) {
                Trial trial;

                if (arguments.one && i + 1 != arguments.number)
                        continue;
                r = trial_run(plan->targets + i, i, &trial);
                if (r < 0) {
                        (void) log_error_errno(r, "Cannot try target %zu: %m", i + 1);
                        return EXIT_FAILURE;
                }
                if (print(plan->targets + i, i, &trial) < 0)
                        return EXIT_FAILURE;
                failed = failed || trial.error < 0;
        }
        return failed ? EXIT_INCOMPLETE : EXIT_SUCCESS;
}
