/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All attempts, run as the supervisor does, but at targets of the test's own, which fail, hang and
 * die in the ways that their names say. */
#pragma once

#include "attempts.h"
#include "test-core.h"

/* Longer than any of these tests takes, also on a busy machine by a fast clock. */
#define LONG_SEC 1000000

typedef struct Bed {
        TestCore core;
        uint8_t *memory;
        char source[64];
        Plan *plan;
        Target targets[4];
        size_t n_targets;
} Bed;

/* The clock may go faster, so that limits are reached at once. */
extern uint64_t clock_speed;

/* How often there is no memory for a process. */
extern unsigned fork_failures;

void bed_init(Bed *bed);
void bed_done(Bed *bed);

/* At first, it is one at a server. */
Target *bed_add(Bed *bed, const char *name);

CaptureStatus bed_run(const Bed *bed);

/* The same; *ret_text (the caller frees it) is what was logged. */
CaptureStatus bed_run_logged(const Bed *bed, char **ret_text);

/* How many of the dumps at @name have the file @file; in *ret_text (may be NULL) one of them. */
unsigned bed_count(const char *name, const char *file, char **ret_text);

/* It has one dump, with the vmcore if @vmcore, whose record says @word. */
void assert_dump(const char *name, bool vmcore, const char *word);
