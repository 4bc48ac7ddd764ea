/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what is read and said when crashkernel= is changed. */
#include "reset.h"

#include <fcntl.h>
#include <inttypes.h>

#include "crashkernel.h"
#include "io.h"
#include "log.h"
#include "memory-info.h"
#include "process.h"
#include "rootdir.h"

/* grub-mkconfig may look for other systems on every disk. */
#define AFTER_TIMEOUT_USEC (15 * 60 * USEC_PER_SEC)

void reset_done(Reset *reset)
{
        reset->root_fd = close_fd(reset->root_fd);
        free(reset->release);
        free(reset->cmdline);
        free(reset->value);
        boot_plan_done(&reset->plan);
        boot_memory_done(&reset->memory);
}

int reset_open(Reset *reset, const char *root)
{
        reset->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (reset->root_fd < 0)
                return log_error_errno(errno, "Failed to open '%s': %m", root);
        reset->ours = root_is_ours(reset->root_fd);
        return 0;
}

int reset_ask_kernel(Reset *reset)
{
        int r;

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

int reset_choose_value(Reset *reset, const char *value)
{
        _cleanup_free_ char *message = NULL, *advised = NULL;
        uint64_t bytes;
        int r;

        if (crashkernel_default(&advised) < 0)
                return log_oom();
        reset->value = strdup(value ?: advised);
        if (!reset->value)
                return log_oom();
        reset->request.root_fd = reset->root_fd;
        reset->request.value = reset->value;
        reset->request.origin =
                streq(reset->value, advised) ? BOOT_ORIGIN_DEFAULT : BOOT_ORIGIN_USER;
        r = crashkernel_evaluate(reset->value, reset->ram_bytes, &bytes, &message);
        if (r < 0)
                return log_error_errno(
                        r,
                        "The kernel would not understand 'crashkernel=%s': %s. Examples: 256M, "
                        "2G-64G:256M,64G-:512M, 512M,high.",
                        reset->value, message ?: strerror(-r));
        return 0;
}

int reset_read_memory(Reset *reset)
{
        _cleanup_free_ char *message = NULL;
        int r;

        r = boot_memory_read(reset->root_fd, &reset->memory, &message);
        if (r < 0)
                return log_error_errno(r,
                                       "Failed to read '%s': %s. If you remove it, values that "
                                       "are there are taken for yours.",
                                       PATH_BOOT_MEMORY, message ?: strerror(-r));
        return 0;
}

int reset_make_plan(Reset *reset)
{
        _cleanup_free_ char *message = NULL;
        int r;

        /* Its boot entries are made by rpm-ostree from what it keeps itself. */
        if (faccessat(reset->root_fd, "run/ostree-booted", F_OK, 0) == 0)
                return log_error_errno(-EOPNOTSUPP,
                                       "This system's kernel command line is kept by rpm-ostree. "
                                       "Run 'rpm-ostree kargs --append-if-missing=crashkernel=%s' "
                                       "and, for a value that is there already, '--delete=' it.",
                                       reset->value);
        r = boot_plan_make(&reset->request, &reset->plan, &message);
        if (r < 0)
                return log_error_errno(r, "Cannot set crashkernel=%s: %s.", reset->value,
                                       message ?: strerror(-r));
        if (r == 0 && !reset->request.defaults_only)
                return log_error_errno(
                        -ENOENT,
                        "No boot loader of a known kind was found (/etc/default/grub with "
                        "update-grub, boot entries in /boot/loader/entries, "
                        "/etc/kernel/cmdline). Add 'crashkernel=%s' to the kernel command "
                        "line in the configuration of your boot loader, and reboot.",
                        reset->value);
        return 0;
}

/* After a plain su(1), PATH has no folder with update-grub, or with what that runs. */
static int run_program(const char *const *argv, int *ret_status)
{
        return process_run((char *const *) argv, PROCESS_GROUP | PROCESS_SYSTEM_PATH,
                           AFTER_TIMEOUT_USEC, ret_status);
}

int reset_apply(Reset *reset)
{
        return boot_plan_apply(&reset->plan, &reset->memory, &reset->request,
                               reset->ours ? run_program : NULL);
}

static void show_change(const Reset *reset, const BootChange *change)
{
        switch (boot_change_action(change, &reset->memory, &reset->request)) {
        case BOOT_KEEP:
                (void) printf("'%s' has crashkernel=%s already.\n", change->path, reset->value);
                return;
        case BOOT_LEAVE:
                if (change->present)
                        (void) printf("'%s' keeps crashkernel=%s, which is no default that "
                                      "kdumpctl wrote.\n",
                                      change->path, change->present);
                else
                        (void) printf("'%s' has no crashkernel=, and gets none.\n", change->path);
                return;
        default:
                (void) printf("Would set crashkernel=%s in '%s'%s%s%s.\n", reset->value,
                              change->path, change->present ? " (now " : "", change->present ?: "",
                              change->present ? ")" : "");
        }
}

void reset_show_plan(const Reset *reset)
{
        for (size_t i = 0; i < reset->plan.n_changes; i++)
                show_change(reset, &reset->plan.changes[i]);
}

void reset_say_written(const Reset *reset)
{
        const char *hint = NULL;

        for (size_t i = 0; i < reset->plan.n_changes; i++) {
                const BootChange *change = &reset->plan.changes[i];

                if (!change->written && reset->request.defaults_only)
                        continue;
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

/* What is, and what will be: the next boot may be needed although nothing was written now. */
void reset_say_sizes(const Reset *reset)
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
