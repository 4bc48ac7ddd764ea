/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs and scripts that the crash image must hold. None of these log. */
#pragma once

#include "resolve.h"

/* Program @name (a path, or a name that PATH finds) with its libraries goes to the base image.
 * @directive is for the message. Returns 0; -EINVAL with *reterr_message if there is none. */
int needs_add_binary(int root_fd, const char *directive, const char *name, Needs *needs,
                     char **reterr_message);

/* Module @name of kdump-capture ("depot-ssh.so") goes to the base image. Errors as above. */
int needs_add_module(int root_fd, const char *directive, const char *name, Needs *needs,
                     char **reterr_message);

/* The file at absolute @path goes to the overlay, readable by root alone. A @secret one must
 * belong to root, and be readable by nobody else. *ret_path is where it is in the image. Errors as
 * above. */
int needs_add_copy(int root_fd, const char *directive, const char *path, bool secret, Needs *needs,
                   char **ret_path, char **reterr_message);

/* A file of our own making goes to the overlay, at @target, an absolute path. */
int needs_add_text(const char *target, unsigned mode, const char *text, Needs *needs);

/* What the user wants to be run, at absolute @path: a script goes to the overlay and its
 * interpreter to the base, an ELF program to the base. *ret_path is where it is in the image.
 * Errors as above. */
int needs_add_hook(int root_fd, const char *directive, const char *path, Needs *needs,
                   char **ret_path, char **reterr_message);

/* All executable files of PATH_HOOKS_DIR/@folder ("pre.d") in lexical order; *ret_paths as above.
 */
int needs_add_hook_folder(int root_fd, const char *folder, Needs *needs, char ***ret_paths,
                          char **reterr_message);

/* Adds what @more has; its files are moved. */
int needs_take(Needs *needs, Needs *more);

/* Sorts the lists and takes out what is in them twice. */
void needs_sort(Needs *needs);
