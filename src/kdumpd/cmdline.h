/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The crash kernel's command line. Pure: text in, text out. */
#pragma once

#include "config.h"
#include "facts.h"

/* Returns 0; -E2BIG with *reterr_message if it exceeds the architecture's limit (x86: 2048 with the
 * NUL, COMMAND_LINE_SIZE in arch/x86/include/asm/setup.h, less what the kernel adds: elfcorehdr=…).
 * The caller frees both. Does not log. */
int cmdline_build(const Config *config, const Facts *facts, char **ret, char **reterr_message);

/* The careful form of @cmdline, which is a line of cmdline_build(), for the fallback image: one
 * CPU, no graphics, and no words for programs that are not in that image. What the line says about
 * interrupts stays as it is. Returns as cmdline_build(). */
int cmdline_build_fallback(const char *cmdline, char **ret, char **reterr_message);

/* How many CPUs the crash kernel is given: as many as the reservation carries, at most online. */
unsigned cmdline_nr_cpus(const Config *config, const Facts *facts);
