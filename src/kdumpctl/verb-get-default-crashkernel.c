/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl get-default-crashkernel`: the value for this architecture, for programs that write it
 * to a boot loader's configuration themselves. */
#include "crashkernel.h"
#include "log.h"
#include "verbs.h"

int verb_get_default_crashkernel(int argc, char **argv)
{
        _cleanup_free_ char *value = NULL;

        if (argc > 1 && streq(argv[1], "fadump")) {
                log_error("kdumpd does not do firmware-assisted dumps: there is no value for "
                          "'fadump'.");
                return EXIT_FAILURE;
        }
        if (argc > 1 && streq(argv[1], "kdump")) {
                argc--;
                argv++;
        }
        if (parse_nothing(argc, argv) < 0)
                return EXIT_FAILURE;
        if (crashkernel_default(&value) < 0) {
                (void) log_oom();
                return EXIT_FAILURE;
        }
        /* Without a newline: that is what callers expect. */
        (void) fputs(value, stdout);
        return EXIT_SUCCESS;
}
