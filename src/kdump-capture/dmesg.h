/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dmesg: the crashed kernel's log as text. */
#pragma once

#include "kmem.h"

/* Gets the next @size bytes of text. Returns 0, or an error that stops the work and is passed on.
 */
typedef int (*DmesgEmit)(const char *text, size_t size, void *data);

/* Gives the log, oldest message first, in lines "[    1.234567] text\n", to @emit(.., @data) in
 * chunks. Messages that cannot be read are left out, the others are still given; one whose text may
 * be that of another begins with
 * "[damaged] ". *ret_panic_line,
 * which the caller frees, is the text of the line that tells of the panic, NULL if there is none;
 * @ret_panic_line may be NULL. Returns 0; 1 if the log is damaged: messages are missing; -ENODATA
 * if @info (may be NULL) does not tell where the log is, -EOPNOTSUPP if its format is not known,
 * -EBADMSG or errors as kmem_read() if none of it can be found. Does not log. */
int dmesg_write(Kmem *kmem, const Vmcoreinfo *info, DmesgEmit emit, void *data,
                char **ret_panic_line);
