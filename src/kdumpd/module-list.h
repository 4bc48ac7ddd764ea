/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* modules.dep: which kernel modules there are, where, and what they need. None of these log. */
#pragma once

#include "sha256.h"

/* Where it is. */
int module_list_path(const char *kernel_release, char **ret);

/* The caller frees *ret_text. Returns 0; -ENOENT if the modules of @kernel_release are not
 * installed. */
int module_list_read(int root_fd, const char *kernel_release, char **ret_text);

/* The name of the module in file @path ("kernel/fs/ext4/ext4.ko.xz": "ext4"), with '_' for '-'. The
 * caller frees *ret. Returns 1; 0 if this is no module. */
int module_name(const char *path, char **ret);

/* Of the lines of @text about the modules @names (strv, sorted, with '_'): another one that takes
 * the place of one of them, or needs something else, gives another hash; others do not matter. */
int module_list_hash(const char *text, char *const *names, char ret_hex[static SHA256_HEX_SIZE]);
