/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For live.py: what kdump-capture does about the network.
 *
 * net-live-wait NETWORK.JSON SECONDS ADDRESS: cares for the links at most SECONDS long, then waits
 * as long for a way to ADDRESS. */
#include <fcntl.h>

#include "io.h"
#include "log.h"
#include "net-wait.h"
#include "parse.h"

static int run(const char *path, uint32_t seconds, char **addresses)
{
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_(network_done) Network network = { 0 };
        _cleanup_free_ char *text = NULL, *message = NULL;
        uint64_t deadline_usec = now_boottime_usec() + seconds * USEC_PER_SEC;
        size_t size;
        int r;

        r = file_read(AT_FDCWD, path, JSON_BYTES_MAX, &text, &size);
        if (r >= 0)
                r = json_object_parse(text, size, &object, &message);
        if (r >= 0)
                r = network_from_json(object, "network.", &network, &message);
        if (r < 0)
                return log_error_errno(r, "Failed to read '%s': %s: %m", path, message ?: "");
        r = net_wait_links(&network, deadline_usec);
        if (r < 0)
                return r;
        return net_wait_route(addresses, deadline_usec);
}

int main(int argc, char **argv)
{
        uint32_t seconds;

        log_setup(LOG_TARGET_STDERR, NULL);
        if (argc != 4 || parse_u32(argv[2], &seconds) < 0)
                return EXIT_FAILURE;
        return run(argv[1], seconds, argv + 3) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
