/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl reset-crashkernel`: writes crashkernel= to where this system takes its kernel command
 * line from. */
#include "log.h"
#include "reset.h"
#include "verbs.h"

typedef struct Arguments {
        const char *kernel, *root, *value;
        bool force, dry_run;
} Arguments;

static int parse_one(const char *word, Arguments *arguments)
{
        const char *value;

        if (streq(word, "--force"))
                arguments->force = true;
        else if (streq(word, "--dry-run"))
                arguments->dry_run = true;
        else if (streq(word, "--reboot"))
                log_warning("--reboot is deprecated, ignoring: reboot when it suits you.");
        else if (startswith(word, "--fadump="))
                return log_error_errno(-EOPNOTSUPP,
                                       "'%s': kdumpd does not do firmware-assisted dumps.", word);
        else if ((value = startswith(word, "--kernel=")) && *value)
                arguments->kernel = value;
        else if ((value = startswith(word, "--root=")) && *value)
                arguments->root = value;
        else if (*word == '-' || arguments->value)
                return log_error_errno(-EINVAL, "'%s' is not understood here.", word);
        else
                arguments->value = word;
        return 0;
}

static int parse_arguments(int argc, char **argv, Arguments *ret)
{
        Arguments arguments = { .root = "/" };
        int r;

        for (int i = 1; i < argc; i++) {
                r = parse_one(argv[i], &arguments);
                if (r < 0)
                        return r;
        }
        *ret = arguments;
        return 0;
}

/* Returns whether there is something that we must not or cannot change. */
static bool explain_obstacles(const Reset *reset)
{
        bool found = false;

        for (size_t i = 0; i < reset->plan.n_changes; i++) {
                const BootChange *change = &reset->plan.changes[i];
                BootAction action = boot_change_action(change, &reset->memory, &reset->request);

                if (action == BOOT_FOREIGN)
                        log_error("'%s', line %u: crashkernel=%s was not written by kdumpctl. "
                                  "Replace it with crashkernel=%s, or have it replaced: --force.",
                                  change->path, change->line, change->present, reset->value);
                else if (action == BOOT_BY_HAND)
                        log_error("'%s' must be changed by hand to have crashkernel=%s: %s.",
                                  change->path, reset->value, change->by_hand);
                else
                        continue;
                found = true;
        }
        if (found)
                log_error("Nothing was changed.");
        return found;
}

static int act(const Arguments *arguments, Reset *reset)
{
        int n;

        if (arguments->dry_run) {
                reset_show_plan(reset);
                return 0;
        }
        n = reset_apply(reset);
        if (n < 0)
                return n;
        reset_say_written(reset);
        reset_say_sizes(reset);
        return 0;
}

int verb_reset_crashkernel(int argc, char **argv)
{
        _cleanup_(reset_done) Reset reset = { .root_fd = -EBADF };
        Arguments arguments;

        if (parse_arguments(argc, argv, &arguments) < 0 || reset_open(&reset, arguments.root) < 0 ||
            reset_ask_kernel(&reset) < 0 || reset_choose_value(&reset, arguments.value) < 0)
                return EXIT_FAILURE;
        reset.request.kernel = arguments.kernel;
        reset.request.release = reset.release;
        reset.request.force = arguments.force;
        if (reset_read_memory(&reset) < 0 || reset_make_plan(&reset) < 0 ||
            explain_obstacles(&reset))
                return EXIT_FAILURE;
        return act(&arguments, &reset) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
