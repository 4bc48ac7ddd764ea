/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For tests of the command 'save': a core to be saved, and the run of the command. */
#pragma once

#include <fcntl.h>
#include <sys/mman.h>

#include "io.h"
#include "test-core.h"
#include "test.h"
#include "verbs.h"

#define N_PAGES 600

static const char vmcoreinfo[] = "OSRELEASE=6.1.0-test\nPAGESIZE=4096\nCRASHTIME=1700000000\n";

typedef struct Bed {
        TestCore core;
        uint8_t *memory;
        char source[64];
        char *root;
} Bed;

static inline void bed_init(Bed *bed)
{
        memset(bed, 0, sizeof(*bed));
        bed->memory = test_pattern_new(N_PAGES * TEST_PAGE_BYTES, 7);
        memset(bed->memory + 3 * TEST_PAGE_BYTES, 0, 9 * TEST_PAGE_BYTES);
        bed->root = test_root_new();
        test_core_init(&bed->core);
        test_core_add_note(&bed->core, "VMCOREINFO", 0, vmcoreinfo, strlen(vmcoreinfo));
        test_core_add(&bed->core, TEST_KERNEL_MAP_VADDR, 0x10000, 4 * TEST_PAGE_BYTES,
                      4 * TEST_PAGE_BYTES, bed->memory);
        test_core_add(&bed->core, TEST_DIRECT_MAP_VADDR + 0x10000, 0x10000,
                      N_PAGES * TEST_PAGE_BYTES, N_PAGES * TEST_PAGE_BYTES, bed->memory);
        test_core_write(&bed->core);
        (void) snprintf(bed->source, sizeof(bed->source), "/proc/%d/fd/%d", (int) getpid(),
                        bed->core.fd);
}

static inline void bed_done(Bed *bed)
{
        test_core_done(&bed->core);
        test_root_freep(&bed->root);
        free(bed->memory);
}

static inline char *bed_path(const Bed *bed, const char *name)
{
        char *path = NULL;

        assert_true(strprintf(&path, "%s/%s", bed->root, name) >= 0);
        return path;
}

/* Runs the command with @fd in place of @output_fd. */
static inline int run_with(const Bed *bed, const char *target, char **options, int fd,
                           int output_fd)
{
        char *argv[8] = { (char *) "save", (char *) bed->source, (char *) target };
        _cleanup_close_ int saved = fcntl(output_fd, F_DUPFD_CLOEXEC, 3);
        int argc = 3, result;

        for (; *options; options++)
                argv[argc++] = *options;
        assert_true(saved >= 0);
        assert_int_equal(fflush(stdout), 0);
        assert_true(dup2(fd, output_fd) >= 0);
        result = verb_save(argc, argv);
        (void) fflush(stdout);
        assert_true(dup2(saved, output_fd) >= 0);
        return result;
}

/* Runs the command with standard output in @output. */
static inline int run(const Bed *bed, const char *target, const char *option, int output)
{
        char *options[] = { (char *) option, NULL };

        return run_with(bed, target, options, output, STDOUT_FILENO);
}

static inline int output_new(void)
{
        int fd = memfd_create("output", MFD_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}
