/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl reload`: returns once the new configuration is armed, or has been found not to be fit
 * for it. */
#include "log.h"
#include "service.h"
#include "verbs.h"

int verb_reload(int argc, char **argv)
{
        if (parse_nothing(argc, argv) < 0)
                return EXIT_FAILURE;
        if (!service_is_active(UNIT_DAEMON)) {
                log_error("Kdump was not running: [WARNING]");
                return EXIT_FAILURE;
        }
        return service_act("reload", "Reloading");
}
