/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands of kdump-capture for use by hand. */
#pragma once

/* The dump opens, but pages are missing. */
#define EXIT_INCOMPLETE 3

/* Each gets the command's own words, argv[0] its name, and returns the exit status. They log. */

/* save SOURCE TARGET [--dump-level=N] [--compress=C] [--threads=N] [--memory-limit=SIZE]
 * [--format=kdump|elf|flat] [--json]: 3 if the dump opens but pages are missing. TARGET "-" is
 * standard output. */
int verb_save(int argc, char **argv);

/* dmesg SOURCE: the kernel log, to standard output. */
int verb_dmesg(int argc, char **argv);

/* estimate SOURCE [--dump-level=N]… [--compress=C] [--json]: how large a dump of it would be. */
int verb_estimate(int argc, char **argv);

/* repair FILE [--json]: 3 if the dump opens but pages are missing. */
int verb_repair(int argc, char **argv);

/* try PLAN [--target=N]: whether each target takes a small file, which is removed again; a line of
 * JSON each. 3 if one does not. */
int verb_try(int argc, char **argv);
