/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verbs of kdumpctl. Each gets its own words, itself included, and returns the exit status. */
#pragma once

#include "macro.h"

/* Beside 0 and EXIT_FAILURE, as LSB has it for services and as scripts expect it of `status`. */
#define EXIT_NOT_OPERATIONAL 3

int verb_config(int argc, char **argv);
int verb_estimate(int argc, char **argv);
int verb_get_default_crashkernel(int argc, char **argv);
int verb_list(int argc, char **argv);
int verb_propagate(int argc, char **argv);
int verb_rebuild(int argc, char **argv);
int verb_reload(int argc, char **argv);
int verb_reset_crashkernel(int argc, char **argv);
int verb_reset_crashkernel_after_update(int argc, char **argv);
int verb_reset_crashkernel_for_kernel(int argc, char **argv);
int verb_restart(int argc, char **argv);
int verb_showmem(int argc, char **argv);
int verb_start(int argc, char **argv);
int verb_status(int argc, char **argv);
int verb_stop(int argc, char **argv);
int verb_why(int argc, char **argv);
int verb_verify(int argc, char **argv);

/* Opens the folder that --root= names, or "/" for NULL. Returns the fd, or -errno after a
 * complaint.
 */
int root_option_open(const char *root);

/* For verbs that take --json and nothing else: *ret_json is set. Returns 0; -EINVAL after a
 * complaint. */
int parse_json_option(int argc, char **argv, bool *ret_json);

/* For verbs that take nothing. Returns 0; -EINVAL after a complaint. */
int parse_nothing(int argc, char **argv);
