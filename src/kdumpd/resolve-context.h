/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the resolving of one target works on, and what it says. */
#pragma once

#include "resolve.h"

typedef struct ResolveContext {
        int root_fd;
        Needs *needs;
        char ***warnings;      /* lines about what may go wrong */
        char **reterr_message; /* why it is refused */
} ResolveContext;

/* Sets the message and returns @error. */
int resolve_refuse(const ResolveContext *c, int error, const char *format, ...) _printf_(3, 4);

/* Adds a warning. Returns 0 or -ENOMEM. */
int resolve_warn(const ResolveContext *c, const char *format, ...) _printf_(2, 3);

/* A Target of @type with what each kind takes from the configuration: what it is, its path, its
 * times. */
int resolve_begin(const Target *wanted, TargetType type, Target *ret);
