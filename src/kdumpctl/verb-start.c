/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl start`: Arms; a start of a running service changes nothing. */
#include "service.h"
#include "verbs.h"

int verb_start(int argc, char **argv)
{
        if (parse_nothing(argc, argv) < 0)
                return EXIT_FAILURE;
        return service_act("start", "Starting");
}
