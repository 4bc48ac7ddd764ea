/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Collector: reading a core_collector line as settings of our engine, or as a program to run. */
#pragma once

#include "plan.h"

/* The highest sum of makedumpfile's five bits. */
#define DUMP_LEVEL_MAX 31

void collector_init(Collector *collector); /* lzo, level 31, kdump */
void collector_done(Collector *collector);

/* @text: "makedumpfile -l -d 31 …" gives settings, any other program an argv, and so do options of
 * makedumpfile that need the program itself (-x, --split …). Returns 0; -EINVAL with
 * *reterr_expected, which completes "expected %s" (the caller frees it). Does not log. */
int collector_parse(const char *text, Collector *ret, char **reterr_expected);

/* The line that collector_parse() reads as @collector. The caller frees *ret. */
int collector_format(const Collector *collector, char **ret);
