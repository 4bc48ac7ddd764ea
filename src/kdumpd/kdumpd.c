/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the command line of kdumpd: the daemon, and the short programs that its units run. */
#include <fcntl.h>

#include "log.h"
#include "manager.h"
#include "parse.h"
#include "segment-loader.h"
#include "strv.h"
#include "verb-build.h"
#include "verb-check.h"
#include "verb-collect.h"
#include "verb-reload.h"
#include "verb-resolve.h"
#include "verb-stop.h"
#include "verb-verify.h"

static int run(int argc, char **argv)
{
        _cleanup_close_ int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(segment_loader_freep) SegmentLoader *loader = NULL;
        _cleanup_(manager_freep) Manager *manager = NULL;
        ManagerOptions options = { .root = "/" };
        int r;

        r = root_fd < 0 ? -errno : segment_loader_new(root_fd, &loader);
        if (r < 0) {
                (void) log_error_errno(r, "Failed to begin: %m");
                return EXIT_LOAD_FAILED;
        }
        options.loader = segment_loader_ops(loader);
        if (manager_new(&options, &manager) < 0)
                return EXIT_LOAD_FAILED;
        return manager_run(manager);
}

/* As kdump-build.service runs it, without arguments; who asks for more than that leaves a file. */
static int build(int argc, char **argv)
{
        _cleanup_strv_ char **words = NULL;

        if (argc > 1 || unlink(PATH_REBUILD_REQUEST) < 0)
                return verb_build(argc, argv);
        if (strv_extend(&words, argv[0]) < 0 || strv_extend(&words, "--force") < 0) {
                (void) log_oom();
                return EXIT_FAILURE;
        }
        return verb_build(2, words);
}

static int check(int argc, char **argv)
{
        return verb_check();
}

static int collect(int argc, char **argv)
{
        return verb_collect();
}

/* ExecReload= has the pid of the daemon in its environment. */
static int reload(int argc, char **argv)
{
        const char *s = getenv("MAINPID");
        uint32_t pid;

        if (!s || parse_u32(s, &pid) < 0 || pid <= 1 || pid > INT32_MAX) {
                log_error("MAINPID= is not set: use 'systemctl reload " UNIT_DAEMON "'.");
                return EXIT_FAILURE;
        }
        return verb_reload((pid_t) pid);
}

static int stop(int argc, char **argv)
{
        return verb_stop(argc > 1 && streq(argv[1], "--explicit"));
}

static int version(int argc, char **argv)
{
        (void) printf("kdumpd %s\n", KDUMPD_VERSION);
        return EXIT_SUCCESS;
}

static const struct {
        const char *name;
        const char *arguments;
        const char *help;
        int (*run)(int argc, char **argv);
} verbs[] = {
        { "run", "", "Arm and keep watch (the default)", run },
        { "build", " [--force]", "Build a base image if there is none that would do", build },
        { "check", "", "Whether memory is reserved: 0 yes, 1 no", check },
        { "collect", "", "Move dumps from raw devices to their folders", collect },
        { "reload", "", "Have $MAINPID read its configuration, and wait", reload },
        { "resolve", "", "Ask for the addresses of hosts that dumps go to", verb_resolve },
        { "stop", " [--explicit]", "Disarm, if the service was asked to stop", stop },
        { "verify", " [--loaded] [--json]", "Check all that a dump takes: 0 fine, 1 not", verb_verify },
        { "version", "", "The version", version },
};

static int usage(FILE *f, int status)
{
        (void) fprintf(f, "Usage: kdumpd [VERB]\n\n");
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                int n = fprintf(f, "  %s%s", verbs[i].name, verbs[i].arguments);

                (void) fprintf(f, "%*s%s\n", 24 - n, "", verbs[i].help);
        }
        (void) fprintf(
                f,
                "\nExit status of run: 0 told to end; otherwise nothing is armed: %d loading "
                "failed,\n%d no base image could be built, %d the configuration is wrong.\n",
                EXIT_LOAD_FAILED, EXIT_BUILD_FAILED, EXIT_CONFIG_ERROR);
        return status;
}

int main(int argc, char **argv)
{
        const char *name = argc > 1 ? argv[1] : "run";

        log_setup(LOG_TARGET_STDERR, NULL);
        if (streq(name, "--help") || streq(name, "help"))
                return usage(stdout, EXIT_SUCCESS);
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (streq(name, verbs[i].name))
                        return verbs[i].run(argc - 1, argv + 1);
        return usage(stderr, EXIT_FAILURE);
}
