/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl config`: what is in effect and where each value came from, or what is wrong with it. */
#include <fcntl.h>

#include "config.h"
#include "log.h"
#include "paths.h"
#include "verbs.h"

int verb_config(int argc, char **argv)
{
        _cleanup_close_ int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(config_messages_done) ConfigMessages messages = { 0 };
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *text = NULL;
        int r;

        if (parse_nothing(argc, argv) < 0)
                return EXIT_FAILURE;
        if (root_fd < 0) {
                (void) log_error_errno(errno, "Failed to open '/': %m");
                return EXIT_FAILURE;
        }
        r = config_load(root_fd, PATH_CONFIG, PATH_CONFIG_DROPIN_DIR, &config, &messages);
        for (size_t i = 0; i < messages.n_items; i++)
                (void) log_full(messages.items[i].level, 0, "%s", messages.items[i].text);
        if (r < 0) {
                if (messages.n_items == 0)
                        (void) log_error_errno(r, "Failed to read '%s': %m", PATH_CONFIG);
                return EXIT_FAILURE;
        }
        r = config_format(config, &text);
        if (r < 0) {
                (void) log_error_errno(r, "Failed to show the configuration: %m");
                return EXIT_FAILURE;
        }
        (void) fputs(text, stdout);
        return EXIT_SUCCESS;
}
