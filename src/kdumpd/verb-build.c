/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the build verb: what a base image is to be built for. */
#include "verb-build.h"

#include <fcntl.h>
#include <getopt.h>
#include <sys/utsname.h>

#include "config-value.h"
#include "config.h"
#include "facts.h"
#include "image.h"
#include "log.h"
#include "paths.h"
#include "resolve-device.h"
#include "resolve.h"
#include "strv.h"

#define MIB (UINT64_C(1024) * 1024)

typedef struct BuildOptions {
        bool explicit_request; /* the options say what is to be in it, not the configuration */
        bool force;
        char *for_release; /* what the configuration asks for, but for this kernel */
        char *kernel_release, *machine_id;
        char **drivers, **binaries, **dracut_args;
} BuildOptions;

static void build_options_done(BuildOptions *options)
{
        free(options->for_release);
        free(options->kernel_release);
        free(options->machine_id);
        strv_free(options->drivers);
        strv_free(options->binaries);
        strv_free(options->dracut_args);
}

static int usage(FILE *f, int status)
{
        (void) fputs(
                "Usage: kdumpd build [--force] [--for RELEASE]\n"
                "       kdumpd build [--force] [--kernel RELEASE] [--add-driver NAME]…\n"
                "                    [--add-binary PATH]…\n\n"
                "Makes the base image that the configuration asks for, for the kernel that runs\n"
                "or for another one; or the one that the options describe.\n",
                f);
        return status;
}

static int set_for(BuildOptions *options, const char *release)
{
        _cleanup_free_ char *expected = NULL;
        int r;

        r = value_release.parse(release, &options->for_release, &expected);
        return r < 0 ? log_error_errno(r, "'%s' is not %s.", release, value_release.expected) : 0;
}

/* Returns 1 to go on; 0 if all was said (--help); -EINVAL. */
static int parse_options(int argc, char **argv, BuildOptions *ret)
{
        enum { OPT_KERNEL = 256, OPT_DRIVER, OPT_BINARY, OPT_FORCE, OPT_FOR };
        static const struct option options[] = {
                { "kernel", required_argument, NULL, OPT_KERNEL },
                { "add-driver", required_argument, NULL, OPT_DRIVER },
                { "add-binary", required_argument, NULL, OPT_BINARY },
                { "force", no_argument, NULL, OPT_FORCE },
                { "for", required_argument, NULL, OPT_FOR },
                { "help", no_argument, NULL, 'h' },
                { 0 },
        };
        int c, r = 0;

        /* 0: whoever used getopt before, it starts anew. */
        optind = 0;
        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                if (c == 'h')
                        return usage(stdout, 0);
                if (c == '?')
                        return -EINVAL;
                if (c == OPT_FORCE) {
                        ret->force = true;
                        continue;
                }
                if (c == OPT_FOR) {
                        r = set_for(ret, optarg);
                        if (r < 0)
                                return r;
                        continue;
                }
                ret->explicit_request = true;
                if (c == OPT_DRIVER)
                        r = drivers_add(&ret->drivers, optarg);
                else if (c == OPT_BINARY)
                        r = strv_extend(&ret->binaries, optarg);
                else {
                        free(ret->kernel_release);
                        ret->kernel_release = strdup(optarg);
                        r = ret->kernel_release ? 0 : -ENOMEM;
                }
                if (r < 0)
                        return r;
        }
        return optind < argc || (ret->for_release && ret->explicit_request) ? -EINVAL : 1;
}

static int default_release(BuildOptions *options)
{
        struct utsname name;

        if (options->kernel_release)
                return 0;
        if (uname(&name) < 0)
                return log_error_errno(errno, "Failed to ask for the kernel's release: %m");
        options->kernel_release = strdup(name.release);
        return options->kernel_release ? 0 : log_oom();
}

static int load_config(int root_fd, Config **ret)
{
        _cleanup_(config_messages_done) ConfigMessages messages = { 0 };
        int r;

        r = config_load(root_fd, PATH_CONFIG, PATH_CONFIG_DROPIN_DIR, ret, &messages);
        for (size_t i = 0; i < messages.n_items; i++)
                (void) log_full(messages.items[i].level, 0, "%s", messages.items[i].text);
        return r < 0 ? log_error_errno(r, "Failed to load the configuration: %m") : 0;
}

/* Fills the options with what the configuration and this system ask for. */
static int options_from_system(int root_fd, BuildOptions *options)
{
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_(facts_done) Facts facts = { 0 };
        _cleanup_(plan_freep) Plan *plan = NULL;
        _cleanup_(needs_done) Needs needs = { 0 };
        _cleanup_strv_ char **warnings = NULL;
        _cleanup_free_ char *message = NULL;
        int r;

        r = load_config(root_fd, &config);
        if (r < 0)
                return r;
        r = facts_read(root_fd, &facts);
        if (r < 0)
                return log_error_errno(r, "Failed to read what the kernel says of itself: %m");
        if (options->for_release) {
                free(facts.kernel_release);
                facts.kernel_release = TAKE_PTR(options->for_release);
                free(TAKE_PTR(config->kernel));
        }
        r = resolve_plan(root_fd, config, &facts, &plan, &needs, &warnings, &message);
        for (char **p = warnings; p && *p; p++)
                log_warning("%s", *p);
        if (r < 0)
                return log_error_errno(r, "The configuration cannot be used: %s",
                                       message ?: strerror(-r));

        options->force |= config->force_rebuild;
        options->kernel_release = TAKE_PTR(plan->kernel_release);
        options->machine_id = TAKE_PTR(facts.machine_id);
        options->drivers = TAKE_PTR(needs.drivers);
        options->binaries = TAKE_PTR(needs.binaries);
        options->dracut_args = TAKE_PTR(config->dracut_args);
        return 0;
}

static int build(const char *root, int root_fd, const BuildOptions *options)
{
        _cleanup_(base_image_done) BaseImage base = { 0 };
        _cleanup_(image_findings_done) ImageFindings findings = { 0 };
        const BaseRequest request = {
                .kernel_release = options->kernel_release,
                .drivers = options->drivers,
                .binaries = options->binaries,
                .dracut_args = options->dracut_args,
                .machine_id = options->machine_id,
        };
        int r;

        r = image_find(root_fd, NULL, &request, &base, &findings);
        if (r < 0)
                return log_error_errno(r, "Failed to look for base images: %m");
        if (findings.warning)
                log_warning("%s.", findings.warning);
        if (r > 0 && !options->force) {
                (void) printf("Nothing has changed: base image '%s' serves (%.1f MiB).\n", base.id,
                              (double) base.size_bytes / (double) MIB);
                return 0;
        }
        base_image_done(&base);
        log_info("Building a base image for kernel %s: %s.", request.kernel_release,
                 findings.why ?: "it was asked for");
        r = image_build_below(root, &request, &base);
        if (r < 0)
                return r;
        (void) printf("Built base image '%s' (%.1f MiB).\n", base.id,
                      (double) base.size_bytes / (double) MIB);
        return 0;
}

int verb_build_below(const char *root, int argc, char **argv)
{
        const char *path = *root ? root : "/";
        _cleanup_(build_options_done) BuildOptions options = { 0 };
        _cleanup_close_ int root_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r;

        if (root_fd < 0) {
                (void) log_error_errno(errno, "Failed to open '%s': %m", path);
                return EXIT_FAILURE;
        }
        r = parse_options(argc, argv, &options);
        if (r < 0)
                return usage(stderr, EXIT_FAILURE);
        if (r == 0)
                return EXIT_SUCCESS;
        if (options.explicit_request)
                r = default_release(&options);
        else
                r = options_from_system(root_fd, &options);
        if (r < 0)
                return EXIT_FAILURE;
        r = build(root, root_fd, &options);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int verb_build(int argc, char **argv)
{
        return verb_build_below("", argc, argv);
}
