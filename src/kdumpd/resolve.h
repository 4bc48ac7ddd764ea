/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resolving: Config and the healthy system become a Plan, and what the image must hold for it. */
#pragma once

#include "config.h"
#include "facts.h"
#include "plan.h"

/* A file that the overlay carries. */
typedef struct NeededFile {
        char *source; /* absolute path on this system */
        char *target; /* absolute path in the image */
        unsigned mode;
        char *text; /* what is in it; NULL: what is in `source`, which may be NULL otherwise */
} NeededFile;

/* What the Plan needs beside itself. Lists are sorted and without duplicates. */
typedef struct Needs {
        char **drivers;    /* kernel modules, by name with '_': block device chain, file systems,
                              watchdog */
        char **binaries;   /* programs (with their libraries), for the base image */
        NeededFile *files; /* small files (scripts, keys), for the overlay */
        size_t n_files;
        char **volumes; /* "vg/lv" of the logical volumes that targets are on */
        char **inputs;  /* paths of what was read beside the sources of `files`, there or not */
} Needs;

void needs_done(Needs *needs);

/* @root_fd: "/" in production. Targets that cannot be resolved (a UUID that does not exist now) are
 * kept as written, with a line in *warnings (strv): the disk may be there on the night it matters.
 * The generation is left 0. Returns 0; with *reterr_message, -EINVAL for what cannot work until
 * somebody mends it, or another error for what may pass. Then *ret_needs has `inputs`, which may
 * change, and nothing else. Does not log. */
int resolve_plan(int root_fd, const Config *config, const Facts *facts, Plan **ret,
                 Needs *ret_needs, char ***warnings, char **reterr_message);
