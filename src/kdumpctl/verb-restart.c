/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl restart`: A new kdumpd; what is armed stays armed throughout. */
#include "service.h"
#include "verbs.h"

int verb_restart(int argc, char **argv)
{
        if (parse_nothing(argc, argv) < 0)
                return EXIT_FAILURE;
        return service_act("restart", "Restarting");
}
