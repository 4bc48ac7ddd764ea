/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl config`: what is in effect and where each value came from, or what is wrong with it; or
 * what it would be with the settings of another kdump service. */
#include <getopt.h>

#include "config-json.h"
#include "config.h"
#include "log.h"
#include "paths.h"
#include "verb-import.h"
#include "verbs.h"

typedef struct ConfigArguments {
        const char *root;
        bool json, import;
        ImportArguments of_import;
} ConfigArguments;

static int check_together(const ConfigArguments *arguments)
{
        if (!arguments->import && (arguments->of_import.from || arguments->of_import.write)) {
                log_error("--from= and --write are for --import.");
                return -EINVAL;
        }
        if (arguments->import && arguments->json) {
                log_error("--import writes a kdump.conf, not JSON.");
                return -EINVAL;
        }
        return 0;
}

static int parse(int argc, char **argv, ConfigArguments *ret)
{
        static const struct option options[] = {
                { "json", no_argument, NULL, 'j' },
                { "import", optional_argument, NULL, 'i' },
                { "from", required_argument, NULL, 'f' },
                { "write", no_argument, NULL, 'w' },
                { "root", required_argument, NULL, 'r' },
                {},
        };
        int option;

        *ret = (ConfigArguments){};
        optind = 0;
        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (option) {
                case 'j':
                        ret->json = true;
                        break;
                case 'i':
                        ret->import = true;
                        ret->of_import.file = optarg;
                        break;
                case 'f':
                        ret->of_import.from = optarg;
                        break;
                case 'w':
                        ret->of_import.write = true;
                        break;
                case 'r':
                        ret->root = optarg;
                        ret->of_import.in_root = true;
                        break;
                default:
                        return -EINVAL; /* getopt has said why */
                }
        /* As "--import FILE" would be read, which looks right and is not. */
        if (optind < argc && ret->import && !ret->of_import.file) {
                log_error("The file is named with --import=%s.", argv[optind]);
                return -EINVAL;
        }
        if (parse_nothing(argc - optind + 1, argv + optind - 1) < 0)
                return -EINVAL;
        return check_together(ret);
}

static int show(int root_fd, bool json)
{
        _cleanup_(config_messages_done) ConfigMessages messages = { 0 };
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *text = NULL;
        int r, status;

        r = config_load(root_fd, PATH_CONFIG, PATH_CONFIG_DROPIN_DIR, &config, &messages);
        for (size_t i = 0; i < messages.n_items; i++)
                (void) log_full(messages.items[i].level, 0, "%s", messages.items[i].text);
        if (r < 0 && messages.n_items == 0) {
                (void) log_error_errno(r, "Failed to read '%s': %m", PATH_CONFIG);
                return EXIT_FAILURE;
        }
        status = r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (r < 0 && !json)
                return status;
        r = json ? config_to_json(config, &messages, &text) : config_format(config, &text);
        if (r < 0) {
                (void) log_error_errno(r, "Failed to show the configuration: %m");
                return EXIT_FAILURE;
        }
        (void) fputs(text, stdout);
        return status;
}

int verb_config(int argc, char **argv)
{
        _cleanup_close_ int root_fd = -EBADF;
        ConfigArguments arguments;

        if (parse(argc, argv, &arguments) < 0)
                return EXIT_FAILURE;
        root_fd = root_option_open(arguments.root);
        if (root_fd < 0)
                return EXIT_FAILURE;
        if (arguments.import)
                return import_files(root_fd, &arguments.of_import);
        return show(root_fd, arguments.json);
}
