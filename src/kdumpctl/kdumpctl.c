/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the command line of kdumpctl: finds the verb and lets it do the rest. */
#include <fcntl.h>
#include <getopt.h>

#include "log.h"
#include "text.h"
#include "verbs.h"

static int verb_help(int argc, char **argv);
static int verb_version(int argc, char **argv);

typedef struct Verb {
        const char *name;
        const char *arguments;
        const char *help;
        int (*run)(int argc, char **argv);
} Verb;

static const Verb verbs[] = {
        { "status", "[--json]", "Whether a crash kernel is armed, and which", verb_status },
        { "why", "[--json] [-n N]", "What changed, and what followed", verb_why },
        { "start", "", "Start kdump.service: arm", verb_start },
        { "stop", "", "Stop kdump.service: disarm", verb_stop },
        { "restart", "", "Restart kdump.service; what is armed stays armed", verb_restart },
        { "reload", "", "Read the configuration again and arm what it asks for", verb_reload },
        { "rebuild", "", "Build a new base image and arm it", verb_rebuild },
        { "propagate", "[--target=USER@HOST] [--port=N]",
          "Make a key, and have the servers of ssh targets let it in", verb_propagate },
        { "showmem", "[--json]", "How much memory is reserved for the crash kernel", verb_showmem },
        { "estimate", "[--json] [FOLDER]", "How much memory the crash kernel needs",
          verb_estimate },
        { "get-default-crashkernel", "[kdump]", "The crashkernel= for this architecture",
          verb_get_default_crashkernel },
        { "reset-crashkernel", "[VALUE]", "Set crashkernel= in the boot loader's configuration",
          verb_reset_crashkernel },
        { "_reset-crashkernel-after-update", "[--dry-run]",
          "For packages: have a new default, as auto_reset_crashkernel asks",
          verb_reset_crashkernel_after_update },
        { "_reset-crashkernel-for-installed_kernel", "[--dry-run] RELEASE",
          "The same for a kernel's boot entries", verb_reset_crashkernel_for_kernel },
        { "config", "[--json]", "Check the configuration and show what is in effect", verb_config },
        { "config", "--import[=FILE] [--from=suse|debian|redhat] [--write]",
          "Make a configuration of the settings of another kdump service", verb_config },
        { "list", "[--json] [FOLDER]", "The dumps that were saved", verb_list },
        { "verify", "[--target|--loaded] [--json]", "Check all that a dump takes, without a crash",
          verb_verify },
        { "help", "", "This text", verb_help },
        { "version", "[--json]", "The version", verb_version },
};

#define HELP_COLUMN 28

static void usage(FILE *f)
{
        (void) fprintf(f, "Usage: kdumpctl [--root=DIR] VERB\n\n");
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                int n = fprintf(f, "  %s%s%s", verbs[i].name, *verbs[i].arguments ? " " : "",
                                verbs[i].arguments);

                if (n > HELP_COLUMN - 2)
                        n = fprintf(f, "\n") - 1;
                (void) fprintf(f, "%*s%s\n", HELP_COLUMN - n, "", verbs[i].help);
        }
        (void) fprintf(
                f,
                "\nconfig, list, propagate and what resets crashkernel= take --root=DIR, before or "
                "behind\nthe verb: a system that is not the running one.\n");
        (void) fprintf(
                f, "\nExit status: 0 success, 1 failure; status: 3 if nothing is armed; verify: 1 "
                   "if a\ncheck failed, 2 if the checks could not be made.\n");
}

static int verb_help(int argc, char **argv)
{
        usage(stdout);
        return EXIT_SUCCESS;
}

static int verb_version(int argc, char **argv)
{
        bool json;

        if (parse_json_option(argc, argv, &json) < 0)
                return EXIT_FAILURE;
        (void) printf(json ? "{ \"version\": \"%s\" }\n" : "kdumpd %s\n", KDUMPD_VERSION);
        return EXIT_SUCCESS;
}

int parse_json_option(int argc, char **argv, bool *ret_json)
{
        *ret_json = argc > 1 && streq(argv[1], "--json");
        return parse_nothing(argc - *ret_json, argv + *ret_json);
}

int parse_nothing(int argc, char **argv)
{
        if (argc <= 1)
                return 0;
        if (startswith(argv[1], "--root"))
                return log_error_errno(-EINVAL,
                                       "'%s' cannot be used here: this verb is about the "
                                       "running system.",
                                       argv[1]);
        return log_error_errno(-EINVAL, "'%s' is not understood here.", argv[1]);
}

int root_option_open(const char *root)
{
        int fd = open(root ?: "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return log_error_errno(errno, "Failed to open the folder '%s': %m", root ?: "/");
        return fd;
}

/* The words before the verb. Returns how many; -EINVAL after a complaint. */
static int parse_global(int argc, char **argv, char **ret_root)
{
        static const struct option options[] = {
                { "root", required_argument, NULL, 'r' },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'v' },
                {},
        };
        int option;

        /* '+': what stands behind the verb is the verb's. */
        while ((option = getopt_long(argc, argv, "+h", options, NULL)) >= 0) {
                if (option == '?')
                        return -EINVAL; /* getopt has said why */
                if (option == 'h' || option == 'v')
                        return optind - 1;
                *ret_root = optarg;
        }
        return optind;
}

static int run_verb(const Verb *verb, int argc, char **argv, const char *root)
{
        _cleanup_free_ char *option = NULL;
        _cleanup_free_ char **words = calloc((size_t) argc + 2, sizeof(*words));
        int n = 0;

        if (!words || (root && strprintf(&option, "--root=%s", root) < 0)) {
                (void) log_oom();
                return EXIT_FAILURE;
        }
        /* Verbs know --root among their own words. */
        words[n++] = argv[0];
        if (root)
                words[n++] = option;
        for (int i = 1; i < argc; i++)
                words[n++] = argv[i];
        return verb->run(n, words);
}

int main(int argc, char **argv)
{
        const char *name;
        char *root = NULL;
        int n;

        log_setup(LOG_TARGET_STDERR, "kdump");
        n = parse_global(argc, argv, &root);
        if (n < 0)
                return EXIT_FAILURE;
        name = n < argc ? argv[n] : NULL;
        if (name && (streq(name, "--help") || streq(name, "-h")))
                name = "help";
        if (name && streq(name, "--version"))
                name = "version";

        for (size_t i = 0; name && i < ELEMENTSOF(verbs); i++)
                if (streq(name, verbs[i].name))
                        return run_verb(&verbs[i], argc - n, argv + n, root);
        if (name)
                log_error("Unknown verb '%s'.", name);
        usage(stderr);
        return EXIT_FAILURE;
}
