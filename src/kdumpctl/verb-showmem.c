/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl showmem`: the size of the reservation. */
#include <fcntl.h>
#include <inttypes.h>

#include "live.h"
#include "log.h"
#include "state.h"
#include "verbs.h"

/* kdumpd has read it once; only without it the kernel is asked. */
static int read_size(int root_fd, uint64_t *ret_bytes)
{
        _cleanup_(state_done) State state = { 0 };

        if (state_read(root_fd, &state) >= 0 && state.crash_size_bytes > 0) {
                *ret_bytes = state.crash_size_bytes;
                return 0;
        }
        return live_crash_size(root_fd, ret_bytes);
}

int verb_showmem(int argc, char **argv)
{
        _cleanup_close_ int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        uint64_t bytes;
        bool json;
        int r;

        if (parse_json_option(argc, argv, &json) < 0)
                return EXIT_FAILURE;
        r = root_fd < 0 ? -errno : read_size(root_fd, &bytes);
        if (r == -ENOENT) {
                log_error("This kernel knows no crash kernels.");
                return EXIT_FAILURE;
        }
        if (r < 0) {
                (void) log_error_errno(r, "Failed to read the size of the reservation: %m");
                return EXIT_FAILURE;
        }
        if (json)
                (void) printf("{\n  \"reserved_bytes\": %" PRIu64 "\n}\n", bytes);
        else
                (void) printf("Reserved %" PRIu64 "MB memory for crash kernel\n", bytes >> 20);
        return EXIT_SUCCESS;
}
