/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl _reset-crashkernel-after-update` and `_reset-crashkernel-for-installed_kernel`, for
 * package scripts, by the names that those of kdump-utils know: crashkernel= follows the default
 * where the configuration says so and where we wrote it. */
#include <getopt.h>

#include "config.h"
#include "log.h"
#include "paths.h"
#include "reset.h"
#include "verbs.h"

typedef struct Arguments {
        const char *root, *release; /* NULL release: all kernels */
        bool dry_run;
} Arguments;

static int parse(int argc, char **argv, bool one_kernel, Arguments *ret)
{
        static const struct option options[] = {
                { "root", required_argument, NULL, 'r' },
                { "dry-run", no_argument, NULL, 'd' },
                {},
        };
        Arguments arguments = { .root = "/" };
        int option;

        optind = 0;
        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (option) {
                case 'r':
                        arguments.root = optarg;
                        break;
                case 'd':
                        arguments.dry_run = true;
                        break;
                default:
                        return -EINVAL; /* getopt has said why */
                }
        if (one_kernel) {
                if (optind >= argc || !*argv[optind])
                        return log_error_errno(-EINVAL, "The release of the kernel that was "
                                                        "installed is missing, such as '6.1.0-1'.");
                arguments.release = argv[optind++];
        }
        *ret = arguments;
        return parse_nothing(argc - optind + 1, argv + optind - 1);
}

/* Returns whether the configuration asks for it. */
static int is_wanted(int root_fd)
{
        _cleanup_(config_messages_done) ConfigMessages messages = { 0 };
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        r = config_load(root_fd, PATH_CONFIG, PATH_CONFIG_DROPIN_DIR, &config, &messages);
        if (r == -ENOMEM)
                return log_oom();
        if (r < 0)
                return log_error_errno(r, "The configuration has errors (kdumpctl config), which "
                                          "may hide auto_reset_crashkernel: crashkernel= stays as "
                                          "it is.");
        return config->auto_reset_crashkernel;
}

static int follow_default(const Arguments *arguments, Reset *reset)
{
        int r;

        r = reset_ask_kernel(reset);
        if (r >= 0)
                r = reset_choose_value(reset, NULL);
        if (r < 0)
                return r;
        reset->request.release = arguments->release;
        reset->request.defaults_only = true;
        r = reset_make_plan(reset);
        if (r < 0)
                return r;
        if (arguments->dry_run) {
                reset_show_plan(reset);
                return 0;
        }
        r = reset_apply(reset);
        if (r <= 0)
                return r;
        reset_say_written(reset);
        reset_say_sizes(reset);
        return 0;
}

/* A machine where there is nothing to do hears nothing of it, and need not have /proc: packages are
 * installed in all kinds of places. */
static int run(const Arguments *arguments, Reset *reset)
{
        int r;

        r = reset_open(reset, arguments->root);
        if (r < 0)
                return r;
        r = is_wanted(reset->root_fd);
        if (r < 0)
                return r;
        if (r == 0) {
                if (arguments->dry_run)
                        (void) printf("Nothing to do: auto_reset_crashkernel is 'no'.\n");
                return 0;
        }
        r = reset_read_memory(reset);
        if (r < 0)
                return r;
        if (!boot_memory_has_defaults(&reset->memory)) {
                if (arguments->dry_run)
                        (void) printf("Nothing to do: kdumpctl has not written a default.\n");
                return 0;
        }
        return follow_default(arguments, reset);
}

static int verb_run(int argc, char **argv, bool one_kernel)
{
        _cleanup_(reset_done) Reset reset = { .root_fd = -EBADF };
        Arguments arguments = { 0 };

        if (parse(argc, argv, one_kernel, &arguments) < 0)
                return EXIT_FAILURE;
        return run(&arguments, &reset) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int verb_reset_crashkernel_after_update(int argc, char **argv)
{
        return verb_run(argc, argv, false);
}

int verb_reset_crashkernel_for_kernel(int argc, char **argv)
{
        return verb_run(argc, argv, true);
}
