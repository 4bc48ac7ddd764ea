/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel modules of the fallback image, where nothing else loads any. */
#pragma once

#include "macro.h"

/* The paths in @text, a list as PATH_FALLBACK_MODULES: one a line. The caller frees *ret (strv;
 * NULL if there is none). Lines that are no absolute path are left out. Does not log. */
int fallback_modules_parse(const char *text, char ***ret);

/* The flags of finit_module(2) for the file @path, by its name: compressed ones are for the kernel
 * to unpack. */
int fallback_module_flags(const char *path);

/* Loads all that the list @path names, in order, each with its parameters on @cmdline, the kernel's
 * command line. What cannot be loaded is a warning: the target may do without it, or it is built
 * in. Takes as long as the kernel takes. Logs. */
void fallback_modules_load(const char *path, const char *cmdline);
