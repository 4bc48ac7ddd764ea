/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reset: one change of crashkernel=, from the system that is meant to what is said of it at the
 * end. All of these log. */
#pragma once

#include "bootloader.h"

typedef struct Reset {
        int root_fd;
        bool ours;               /* the root is that of the running system */
        char *release, *cmdline; /* of the running kernel; NULL: another system's root */
        uint64_t ram_bytes;      /* 0: not known */
        char *value;
        BootRequest request; /* the caller says which kernels, and what may be replaced */
        BootPlan plan;
        BootMemory memory;
} Reset;

void reset_done(Reset *reset);

int reset_open(Reset *reset, const char *root);

/* If the root is that of the running kernel. */
int reset_ask_kernel(Reset *reset);

/* Has the request ask for @value; NULL: for the default. -EINVAL if the kernel would not take it.
 */
int reset_choose_value(Reset *reset, const char *value);

int reset_read_memory(Reset *reset);

/* Returns 0; -ENOENT if no place is known and the user is to be told. */
int reset_make_plan(Reset *reset);

/* Prints what reset_apply() would do. */
void reset_show_plan(const Reset *reset);

/* Does what is planned, without asking. Returns how many files were written. */
int reset_apply(Reset *reset);

void reset_say_written(const Reset *reset);

/* What is, and what will be at the next boot. */
void reset_say_sizes(const Reset *reset);
