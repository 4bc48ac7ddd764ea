/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl reload`: returns once the new configuration is armed, or has been found not to be fit
 * for it. */
#include "client.h"
#include "log.h"
#include "service.h"
#include "verbs.h"

int verb_reload(int argc, char **argv)
{
        _cleanup_free_ char *reason = NULL;
        int r;

        if (parse_nothing(argc, argv) < 0)
                return EXIT_FAILURE;
        r = client_run_job("Reload", &reason);
        if (r == -EINTR)
                return EXIT_FAILURE;
        if (r >= 0)
                return service_conclude(r, true, "Reloading", reason);

        /* Without the bus, or as someone whom it refuses */
        if (!service_is_active(UNIT_DAEMON)) {
                log_error("Kdump was not running: [WARNING]");
                return EXIT_FAILURE;
        }
        return service_act("reload", "Reloading");
}
