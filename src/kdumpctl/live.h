/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The little that kdumpctl asks the kernel itself. None of these log. */
#pragma once

#include "macro.h"

/* Whether a crash kernel is loaded: 1 or 0; -ENOENT: a kernel that knows none. Takes no lock. */
int live_crash_loaded(int root_fd);

/* The reservation. Reading it takes the kexec lock for a moment: only for who asks for just this.
 * Returns 0; -ENOENT. */
int live_crash_size(int root_fd, uint64_t *ret_bytes);

/* Whether process @pid is kdumpd. */
bool live_is_daemon(int root_fd, uint64_t pid);
