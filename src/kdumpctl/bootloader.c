/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what is the same for every boot loader: whose value it is, and changing files so that a
 * failure leaves the old ones. */
#include "bootloader.h"

#include <fcntl.h>

#include "bootloader-file.h"
#include "log.h"
#include "rootdir.h"

static const BootLoader *const loaders[] = {
        &boot_loader_grub,
        &boot_loader_bls,
        &boot_loader_cmdline,
};

static void change_done(BootChange *change)
{
        free(change->path);
        free(change->kernel);
        free(change->present);
        free(change->by_hand);
        free(change->old_text);
        free(change->text);
        *change = (BootChange){ 0 };
}

void boot_plan_done(BootPlan *plan)
{
        for (size_t i = 0; i < plan->n_changes; i++)
                change_done(&plan->changes[i]);
        free(plan->changes);
        *plan = (BootPlan){ 0 };
}

int boot_plan_make(const BootRequest *request, BootPlan *ret, char **reterr_message)
{
        _cleanup_(boot_plan_done) BootPlan plan = { 0 };
        int n = 0, r;

        for (size_t i = 0; i < ELEMENTSOF(loaders); i++) {
                if (!loaders[i]->exists(request->root_fd))
                        continue;
                r = loaders[i]->plan(request, &plan, reterr_message);
                if (r < 0)
                        return r;
                n++;
        }
        *ret = plan;
        plan = (BootPlan){ 0 };
        return n;
}

int boot_plan_add(BootPlan *plan, const BootLoader *loader, int root_fd, const char *path,
                  BootChange **ret)
{
        _cleanup_(change_done) BootChange change = { .loader = loader };
        BootChange *bigger;
        int r;

        r = boot_file_read(root_fd, path, &change.path, &change.old_text, &change.old_size);
        if (r == -ENOENT)
                change.path = strdup(path);
        else if (r < 0)
                return r;
        if (!change.path)
                return -ENOMEM;
        bigger = reallocarray(plan->changes, plan->n_changes + 1, sizeof(*bigger));
        if (!bigger)
                return -ENOMEM;
        plan->changes = bigger;
        *ret = plan->changes + plan->n_changes++;
        **ret = change;
        change = (BootChange){ 0 };
        return r;
}

void boot_plan_drop(BootPlan *plan)
{
        change_done(&plan->changes[--plan->n_changes]);
}

bool boot_request_is_path(const BootRequest *request)
{
        return request->kernel && !streq(request->kernel, "ALL") &&
               !streq(request->kernel, "DEFAULT");
}

int boot_change_set(BootChange *change, BootLineHasWords has_words, const char *new_line,
                    const char *value)
{
        _cleanup_(boot_words_done) BootWords words = { 0 };
        const char *text = change->old_text ?: "";
        int r;

        r = boot_words_find(text, change->old_size, has_words, &words);
        if (r < 0)
                return r;
        change->line = words.line;
        change->present = TAKE_PTR(words.values);
        if (!words.plain) {
                change->by_hand = strdup("its value is not written out there");
                return change->by_hand ? 0 : -ENOMEM;
        }
        return boot_words_set(text, change->old_size, has_words, new_line, value, &change->text,
                              &change->size);
}

/* What a file says of itself is not enough: it may have been the user's choice. */
static bool is_our_default(const BootChange *change, const BootMemory *memory)
{
        return !change->by_hand && change->present &&
               boot_memory_has_default(memory, change->path, change->present,
                                       change->folder_is_ours);
}

BootAction boot_change_action(const BootChange *change, const BootMemory *memory,
                              const BootRequest *request)
{
        if (streq_ptr(change->present, request->value))
                return BOOT_KEEP;
        if (request->defaults_only)
                return is_our_default(change, memory) ? BOOT_WRITE : BOOT_LEAVE;
        if (change->by_hand)
                return BOOT_BY_HAND;
        if (!change->present || request->force || change->present_is_ours ||
            boot_memory_has(memory, change->path, change->present, change->folder_is_ours))
                return BOOT_WRITE;
        return BOOT_FOREIGN;
}

/* Whether the file is there as it was planned with, or is missing as it was then. */
static bool is_as_before(const BootChange *change, int root_fd)
{
        _cleanup_free_ char *path = NULL, *text = NULL;
        size_t size;
        int r;

        r = boot_file_read(root_fd, change->path, &path, &text, &size);
        if (r < 0)
                return r == -ENOENT && !change->old_text;
        return change->old_text && size == change->old_size &&
               memcmp(text, change->old_text, size) == 0;
}

/* Puts back what was there before the first @n changes, as far as it can be. A write that failed
 * may have replaced its file all the same, and failed to make that last. */
static void undo(const BootPlan *plan, int root_fd, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const BootChange *change = &plan->changes[i];
                int r;

                if (!change->written || is_as_before(change, root_fd))
                        continue;
                r = change->old_text ? boot_file_write(root_fd, change->path, change->old_text,
                                                       change->old_size, 0644)
                                     : boot_file_remove(root_fd, change->path);
                if (r < 0)
                        (void) log_error_errno(r, "Failed to put '%s' back as it was: %m",
                                               change->path);
                else
                        log_info("'%s' is as it was before.", change->path);
        }
}

static int write_all(const BootPlan *plan, int root_fd)
{
        for (size_t i = 0; i < plan->n_changes; i++) {
                const BootChange *change = &plan->changes[i];
                int r;

                if (!change->written)
                        continue;
                r = boot_file_write(root_fd, change->path, change->text, change->size, 0644);
                if (r < 0) {
                        undo(plan, root_fd, i + 1);
                        return log_error_errno(r, "Failed to write '%s': %m", change->path);
                }
        }
        return 0;
}

static bool needs_after(const BootChange *change, const BootRequest *request)
{
        const BootLoader *loader = change->loader;

        if (!loader->after || change->written)
                return loader->after;
        /* Where another value is left alone, the menu is right to have that. */
        if (!streq_ptr(change->present, request->value) || !loader->is_stale ||
            !loader->is_stale(request->root_fd, request->value))
                return false;
        log_info("The boot menu does not have crashkernel=%s yet: running '%s'.", request->value,
                 loader->after[0]);
        return true;
}

/* Once for each kind of which a file was written, now or before without the rest. */
static int run_after(const BootPlan *plan, const BootRequest *request, BootRun run)
{
        const BootLoader *last = NULL;

        for (size_t i = 0; i < plan->n_changes; i++) {
                const BootLoader *loader = plan->changes[i].loader;
                int status = 0, r;

                if (loader == last || !needs_after(&plan->changes[i], request))
                        continue;
                last = loader;
                r = run(loader->after, &status);
                if (r < 0)
                        return log_error_errno(r, "Failed to run '%s': %m", loader->after[0]);
                if (status != 0)
                        return log_error_errno(-EIO, "'%s' failed with status %d.",
                                               loader->after[0], status);
        }
        return 0;
}

/* Before anything is written, so that what we wrote is known to be ours whenever this is ended. */
static int remember_new(const BootPlan *plan, BootMemory *memory, const BootRequest *request)
{
        int r;

        for (size_t i = 0; i < plan->n_changes; i++) {
                if (!plan->changes[i].written)
                        continue;
                r = boot_memory_add(memory, plan->changes[i].path, request->value, request->origin);
                if (r < 0)
                        return log_oom();
        }
        r = boot_memory_write(request->root_fd, memory);
        if (r < 0)
                return log_error_errno(r, "Failed to write '%s': %m", PATH_BOOT_MEMORY);
        return 0;
}

static void forget_old(const BootPlan *plan, BootMemory *memory, const BootRequest *request)
{
        int r = 0;

        for (size_t i = 0; i < plan->n_changes && r >= 0; i++) {
                if (!plan->changes[i].written)
                        continue;
                boot_memory_remove(memory, plan->changes[i].path);
                r = boot_memory_add(memory, plan->changes[i].path, request->value, request->origin);
        }
        if (r >= 0)
                r = boot_memory_write(request->root_fd, memory);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to tidy '%s', ignoring: %m", PATH_BOOT_MEMORY);
}

/* Nothing of @value is left: the old state is remembered again. */
static void forget_new(int root_fd, BootMemory *memory, size_t n_before)
{
        int r;

        boot_memory_truncate(memory, n_before);
        r = boot_memory_write(root_fd, memory);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to tidy '%s', ignoring: %m", PATH_BOOT_MEMORY);
}

int boot_plan_apply(BootPlan *plan, BootMemory *memory, const BootRequest *request, BootRun run)
{
        size_t n_before = memory->n_items;
        bool all_there = true;
        int n = 0, r;

        for (size_t i = 0; i < plan->n_changes; i++) {
                BootChange *change = &plan->changes[i];

                change->written = boot_change_action(change, memory, request) == BOOT_WRITE;
                n += change->written;
                all_there &= streq_ptr(change->present, request->value);
        }
        if (n == 0)
                return all_there && run ? run_after(plan, request, run) : 0;
        r = remember_new(plan, memory, request);
        if (r < 0)
                return r;
        r = write_all(plan, request->root_fd);
        if (r >= 0 && run) {
                r = run_after(plan, request, run);
                if (r < 0)
                        undo(plan, request->root_fd, plan->n_changes);
        }
        if (r < 0) {
                forget_new(request->root_fd, memory, n_before);
                return r;
        }
        forget_old(plan, memory, request);
        return n;
}
