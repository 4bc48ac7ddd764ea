/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns `kdumpd resolve`. */
#include "verb-resolve.h"

#include <fcntl.h>

#include "log.h"
#include "net-resolve.h"

int verb_resolve(int argc, char **argv)
{
        _cleanup_close_ int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool changed;

        if (root_fd < 0) {
                (void) log_error_errno(errno, "Failed to open the root folder: %m");
                return EXIT_FAILURE;
        }
        return net_resolve_update(root_fd, &changed) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
