/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of boot loaders share: a folder that looks like a system's root, and a whole
 * change of its crashkernel=. */
#pragma once

#include "bootloader.h"

#include "bootloader-file.h"
#include "io.h"
#include "log.h"
#include "test.h"

#define BLS "boot/loader/entries/"
#define ENTRY(release, options)                                                                    \
        "title Linux\nversion " release "\nlinux /vmlinuz-" release "\n" options

typedef struct Bed {
        char *root;
        int fd;
        BootMemory memory;
} Bed;

static inline void bed_init(Bed *bed)
{
        *bed = (Bed){ .root = test_root_new() };
        bed->fd = test_root_open(bed->root);
        log_set_max_level(LOG_EMERG);
}

static inline void bed_done(Bed *bed)
{
        bed->fd = close_fd(bed->fd);
        boot_memory_done(&bed->memory);
        test_root_freep(&bed->root);
}

static inline void put(const Bed *bed, const char *path, const char *text)
{
        _cleanup_free_ char *folder = strdup(path);
        char *slash = strrchr(folder, '/');

        assert_non_null(slash);
        *slash = '\0';
        assert_int_equal(mkdir_parents(bed->fd, folder, 0755), 0);
        test_write_text(bed->fd, path, text);
}

/* NULL: there must be no such file. */
static inline void assert_text(const Bed *bed, const char *path, const char *expected)
{
        _cleanup_free_ char *text = NULL;
        int r = file_read(bed->fd, path, 1 << 21, &text, NULL);

        if (!expected) {
                assert_int_equal(r, -ENOENT);
                return;
        }
        assert_int_equal(r, 0);
        assert_string_equal(text, expected);
}

static unsigned n_runs, run_status;

static inline int fake_run(const char *const *argv, int *ret_status)
{
        n_runs++;
        assert_string_equal(argv[0], "update-grub");
        *ret_status = (int) run_status;
        return run_status == 99 ? -ENOENT : 0;
}

/* Plans and applies: how many files were written; else what boot_plan_make() says. */
static inline int change(Bed *bed, const BootRequest *request)
{
        _cleanup_(boot_plan_done) BootPlan plan = { 0 };
        _cleanup_free_ char *message = NULL;
        int r;

        boot_memory_done(&bed->memory);
        assert_int_equal(boot_memory_read(bed->fd, &bed->memory, &message), 0);
        r = boot_plan_make(request, &plan, &message);
        if (r < 0) {
                assert_non_null(message);
                return r;
        }
        n_runs = 0;
        return boot_plan_apply(&plan, &bed->memory, request, fake_run);
}

static inline int set(Bed *bed, const char *value, const char *kernel, const char *release,
                      bool force)
{
        const BootRequest request = { bed->fd, value, kernel, release, force };

        return change(bed, &request);
}

/* What the only or first change would be. */
static inline BootAction first_action(Bed *bed, const char *value, const char *kernel, bool force)
{
        _cleanup_(boot_plan_done) BootPlan plan = { 0 };
        _cleanup_free_ char *message = NULL;
        const BootRequest request = { bed->fd, value, kernel, NULL, force };

        assert_true(boot_plan_make(&request, &plan, &message) > 0);
        assert_true(plan.n_changes > 0);
        return boot_change_action(&plan.changes[0], &bed->memory, &request);
}
