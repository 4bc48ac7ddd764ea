/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl reset-crashkernel`: writes crashkernel= to where this system takes its kernel command
 * line from. */
#include <fcntl.h>
#include <inttypes.h>

#include "bootloader.h"
#include "crashkernel.h"
#include "io.h"
#include "log.h"
#include "memory-info.h"
#include "process.h"
#include "rootdir.h"
#include "verbs.h"

/* grub-mkconfig may look for other systems on every disk. */
#define AFTER_TIMEOUT_USEC (15 * 60 * USEC_PER_SEC)

typedef struct Arguments {
        const char *kernel, *root, *value;
        bool force, dry_run;
} Arguments;

typedef struct Reset {
        Arguments arguments;
        int root_fd;
        bool ours; /* the root is that of the running system */
        char *release, *cmdline, *value;
        uint64_t ram_bytes;
        BootRequest request;
        BootPlan plan;
        BootMemory memory;
} Reset;

static void reset_done(Reset *reset)
{
        reset->root_fd = close_fd(reset->root_fd);
        free(reset->release);
        free(reset->cmdline);
        free(reset->value);
        boot_plan_done(&reset->plan);
        boot_memory_done(&reset->memory);
}

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

static int read_system(Reset *reset)
{
        int r;

        reset->root_fd = open(reset->arguments.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (reset->root_fd < 0)
                return log_error_errno(errno, "Failed to open '%s': %m", reset->arguments.root);
        reset->ours = root_is_ours(reset->root_fd);
        if (!reset->ours)
                return 0;
        r = root_read_line(reset->root_fd, "/proc/sys/kernel/osrelease", &reset->release);
        if (r >= 0)
                r = root_read_line(reset->root_fd, "/proc/cmdline", &reset->cmdline);
        if (r >= 0)
                r = memory_ram_read(reset->root_fd, &reset->ram_bytes);
        if (r < 0)
                return log_error_errno(r, "Failed to ask the running kernel: %m");
        return 0;
}

static int choose_value(Reset *reset)
{
        _cleanup_free_ char *message = NULL;
        uint64_t bytes;
        int r;

        if (reset->arguments.value) {
                reset->value = strdup(reset->arguments.value);
                r = reset->value ? 0 : -ENOMEM;
        } else
                r = crashkernel_default(&reset->value);
        if (r < 0)
                return log_oom();
        r = crashkernel_evaluate(reset->value, reset->ram_bytes, &bytes, &message);
        if (r < 0)
                return log_error_errno(
                        r,
                        "The kernel would not understand 'crashkernel=%s': %s. Examples: 256M, "
                        "2G-64G:256M,64G-:512M, 512M,high.",
                        reset->value, message ?: strerror(-r));
        return 0;
}

static int make_plan(Reset *reset)
{
        _cleanup_free_ char *message = NULL;
        int r;

        reset->request = (BootRequest){ .root_fd = reset->root_fd,
                                        .value = reset->value,
                                        .kernel = reset->arguments.kernel,
                                        .release = reset->release,
                                        .force = reset->arguments.force };
        /* Its boot entries are made by rpm-ostree from what it keeps itself. */
        if (faccessat(reset->root_fd, "run/ostree-booted", F_OK, 0) == 0)
                return log_error_errno(-EOPNOTSUPP,
                                       "This system's kernel command line is kept by rpm-ostree. "
                                       "Run 'rpm-ostree kargs --append-if-missing=crashkernel=%s' "
                                       "and, for a value that is there already, '--delete=' it.",
                                       reset->value);
        r = boot_memory_read(reset->root_fd, &reset->memory, &message);
        if (r < 0)
                return log_error_errno(r,
                                       "Failed to read '%s': %s. If you remove it, values that "
                                       "are there are taken for yours.",
                                       PATH_BOOT_MEMORY, message ?: strerror(-r));
        r = boot_plan_make(&reset->request, &reset->plan, &message);
        if (r < 0)
                return log_error_errno(r, "Cannot set crashkernel=%s: %s.", reset->value,
                                       message ?: strerror(-r));
        if (r == 0)
                return log_error_errno(
                        -ENOENT,
                        "No boot loader of a known kind was found (/etc/default/grub with "
                        "update-grub, boot entries in /boot/loader/entries, "
                        "/etc/kernel/cmdline). Add 'crashkernel=%s' to the kernel command "
                        "line in the configuration of your boot loader, and reboot.",
                        reset->value);
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

static void show_plan(const Reset *reset)
{
        for (size_t i = 0; i < reset->plan.n_changes; i++) {
                const BootChange *change = &reset->plan.changes[i];

                if (boot_change_action(change, &reset->memory, &reset->request) == BOOT_KEEP)
                        (void) printf("'%s' has crashkernel=%s already.\n", change->path,
                                      reset->value);
                else
                        (void) printf("Would set crashkernel=%s in '%s'%s%s%s.\n", reset->value,
                                      change->path, change->present ? " (now " : "",
                                      change->present ?: "", change->present ? ")" : "");
        }
}

/* After a plain su(1), PATH has no folder with update-grub, or with what that runs. */
static int run_program(const char *const *argv, int *ret_status)
{
        return process_run((char *const *) argv, PROCESS_GROUP | PROCESS_SYSTEM_PATH,
                           AFTER_TIMEOUT_USEC, ret_status);
}

/* What is, and what will be: the next boot may be needed although nothing was written now. */
static void say_sizes(const Reset *reset)
{
        _cleanup_(boot_words_done) BootWords words = { 0 };
        _cleanup_free_ char *message = NULL;
        uint64_t bytes = 0;

        if (!reset->ours ||
            boot_words_find(reset->cmdline, strlen(reset->cmdline), boot_line_is_no_comment,
                            &words) < 0 ||
            crashkernel_evaluate(reset->value, reset->ram_bytes, &bytes, &message) < 0)
                return;
        log_info("The running kernel was booted with %s%s.",
                 words.values ? "crashkernel=" : "no crashkernel=", words.values ?: "");
        if (bytes == 0)
                log_warning("crashkernel=%s reserves nothing on this machine, which has %" PRIu64
                            " MiB.",
                            reset->value, reset->ram_bytes >> 20);
        else
                log_info("crashkernel=%s reserves %" PRIu64 " MiB on this machine.", reset->value,
                         bytes >> 20);
        if (!streq_ptr(words.values, reset->value))
                log_info("Please reboot the system for the change to take effect.");
}

static void say_written(const Reset *reset)
{
        const char *hint = NULL;

        for (size_t i = 0; i < reset->plan.n_changes; i++) {
                const BootChange *change = &reset->plan.changes[i];

                if (!change->written) {
                        log_info("'%s' has crashkernel=%s already.", change->path, reset->value);
                        continue;
                }
                log_info("Updated crashkernel=%s for kernel=%s.", reset->value,
                         change->kernel ?: "ALL");
                log_info("Written to '%s'%s%s.", change->path,
                         change->present ? ", which had crashkernel=" : "", change->present ?: "");
                if (change->loader->after && !reset->ours)
                        hint = "Run 'update-grub' in this root for GRUB to know it.";
                if (change->loader->hint)
                        hint = change->loader->hint;
        }
        if (hint)
                log_info("%s", hint);
}

static int act(Reset *reset)
{
        int n;

        if (reset->arguments.dry_run) {
                show_plan(reset);
                return 0;
        }
        n = boot_plan_apply(&reset->plan, &reset->memory, &reset->request,
                            reset->ours ? run_program : NULL);
        if (n < 0)
                return n;
        say_written(reset);
        say_sizes(reset);
        return 0;
}

int verb_reset_crashkernel(int argc, char **argv)
{
        _cleanup_(reset_done) Reset reset = { .root_fd = -EBADF };

        if (parse_arguments(argc, argv, &reset.arguments) < 0 || read_system(&reset) < 0 ||
            choose_value(&reset) < 0 || make_plan(&reset) < 0)
                return EXIT_FAILURE;
        if (explain_obstacles(&reset))
                return EXIT_FAILURE;
        return act(&reset) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
