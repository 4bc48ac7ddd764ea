/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl propagate`: gives each server that dumps are sent to by ssh a key of ours, made if
 * there is none, and proves that it is enough. ssh-copy-id(1) asks for the password, and for trust
 * in the server, at the terminal. */
#include <fcntl.h>
#include <getopt.h>

#include "config.h"
#include "io.h"
#include "log.h"
#include "parse.h"
#include "paths.h"
#include "ssh-proof.h"
#include "strv.h"
#include "verbs.h"

typedef struct PropagateArguments {
        const char *root;
        const char *target; /* user@host; NULL: those of the configuration */
        const char *port;   /* NULL: the usual one */
} PropagateArguments;

static int check_target(const char *target)
{
        const char *at = strchr(target, '@');

        /* What begins with '-' would be an option for ssh. */
        if (*target != '-' && at && at != target && at[1] && !strpbrk(target, " \t"))
                return 0;
        log_error("--target= takes user@host, not '%s'.", target);
        return -EINVAL;
}

static int check_port(const char *port)
{
        uint32_t number;

        if (parse_u32(port, &number) == 0 && number >= 1 && number <= 65535)
                return 0;
        log_error("--port= takes a number from 1 to 65535, not '%s'.", port);
        return -EINVAL;
}

static int parse(int argc, char **argv, PropagateArguments *ret)
{
        static const struct option options[] = {
                { "target", required_argument, NULL, 't' },
                { "port", required_argument, NULL, 'p' },
                { "root", required_argument, NULL, 'r' },
                {},
        };
        int option;

        *ret = (PropagateArguments){};
        optind = 0;
        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (option) {
                case 't':
                        ret->target = optarg;
                        break;
                case 'p':
                        ret->port = optarg;
                        break;
                case 'r':
                        ret->root = optarg;
                        break;
                default:
                        return -EINVAL; /* getopt has said why */
                }
        if (parse_nothing(argc - optind + 1, argv + optind - 1) < 0)
                return -EINVAL;
        if (ret->port && !ret->target) {
                log_error("--port= goes with --target=.");
                return -EINVAL;
        }
        if (ret->target && check_target(ret->target) < 0)
                return -EINVAL;
        return ret->port ? check_port(ret->port) : 0;
}

/* Runs a program that may ask at the terminal, for as long as that takes. Returns 0 if it did what
 * it should. */
static int run(char *const *argv)
{
        int status, r;

        r = ssh_run(argv, USEC_INFINITY, &status);
        if (r < 0)
                return r;
        if (status != 0) {
                log_error("'%s' failed, exit status %d.", argv[0], status);
                return -EIO;
        }
        return 0;
}

/* The folder of the key; its name is absolute. */
static int make_folder(const char *key)
{
        _cleanup_free_ char *folder = strndup(key, (size_t) (strrchr(key, '/') - key));
        int r;

        if (!folder)
                return log_oom();
        r = *folder ? mkdir_parents(AT_FDCWD, folder, 0700) : 0;
        if (r < 0)
                return log_error_errno(r, "Failed to make the folder '%s': %m", folder);
        return 0;
}

/* A key without a pass phrase: nobody can type one in the crash kernel. */
static int make_key(const char *key)
{
        static const char *const words[] = { "ssh-keygen", "-q", "-t",    "ed25519", "-N",
                                             "",           "-C", "kdump", "-f" };
        _cleanup_strv_ char **argv = NULL;
        int r;

        if (access(key, F_OK) == 0)
                return 0;
        r = make_folder(key);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strv_extend(&argv, words[i]) < 0)
                        return log_oom();
        if (strv_extend(&argv, key) < 0)
                return log_oom();
        r = run(argv);
        if (r < 0)
                return r;
        log_info("Made the key '%s'.", key);
        return 0;
}

static int copy_key(const char *key, const char *target, const char *port)
{
        _cleanup_strv_ char **argv = NULL;
        _cleanup_free_ char *text = NULL;
        int r;

        if (ssh_target_text(target, false, &text) < 0 || strv_extend(&argv, "ssh-copy-id") < 0 ||
            strv_extend(&argv, "-i") < 0 || strv_extend(&argv, key) < 0 ||
            (port && (strv_extend(&argv, "-p") < 0 || strv_extend(&argv, port) < 0)) ||
            strv_extend(&argv, text) < 0)
                return log_oom();
        r = run(argv);
        if (r < 0) {
                log_error("The key '%s' could not be brought to '%s'.", key, target);
                return r;
        }
        return 0;
}

/* @path: on the server; NULL: not known */
static int propagate(const PropagateArguments *arguments, const char *sshkey, const char *target,
                     const char *port, const char *path)
{
        _cleanup_free_ char *real_root = NULL, *key = NULL;
        int r;

        if (arguments->root) {
                real_root = realpath(arguments->root, NULL);
                if (!real_root)
                        return log_error_errno(errno, "Failed to find out where '%s' is: %m",
                                               arguments->root);
        }
        if (strprintf(&key, "%s%s", real_root && !streq(real_root, "/") ? real_root : "", sshkey) <
            0)
                return log_oom();
        r = make_key(key);
        if (r >= 0)
                r = copy_key(key, target, port);
        return r < 0 ? r : ssh_prove(&(SshProof){ key, target, port, path });
}

/* All are tried, also when one fails. */
static int propagate_all(const PropagateArguments *arguments, const Config *config)
{
        size_t n = 0;
        int first = 0;

        for (size_t i = 0; i < config->n_targets; i++) {
                const Target *target = &config->targets[i];
                char port[16];
                int r;

                if (target->type != TARGET_SSH)
                        continue;
                n++;
                (void) snprintf(port, sizeof(port), "%u", target->port);
                r = propagate(arguments, target->sshkey, target->what, port, target->path);
                if (first == 0)
                        first = r;
        }
        if (n > 0 && first >= 0)
                log_info(
                        "\"kdumpctl reload\" brings the key, and what the server is known by, into "
                        "the image of the crash kernel.");
        if (n > 0)
                return first;
        log_error("The configuration has no ssh target: add one, or name it with "
                  "--target=user@host.");
        return -ENOENT;
}

static int load_config(int root_fd, Config **ret)
{
        _cleanup_(config_messages_done) ConfigMessages messages = { 0 };
        int r;

        r = config_load(root_fd, PATH_CONFIG, PATH_CONFIG_DROPIN_DIR, ret, &messages);
        if (r >= 0)
                return 0;
        for (size_t i = 0; i < messages.n_items; i++)
                (void) log_full(messages.items[i].level, 0, "%s", messages.items[i].text);
        return log_error_errno(r, "The configuration has errors (kdumpctl config): mend them, or "
                                  "name the server with --target=user@host.");
}

int verb_propagate(int argc, char **argv)
{
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_close_ int root_fd = -EBADF;
        PropagateArguments arguments;
        int r;

        if (parse(argc, argv, &arguments) < 0)
                return EXIT_FAILURE;
        root_fd = root_option_open(arguments.root);
        if (root_fd < 0)
                return EXIT_FAILURE;
        if (arguments.target)
                r = propagate(&arguments, PATH_DEFAULT_SSHKEY, arguments.target, arguments.port,
                              NULL);
        else {
                r = load_config(root_fd, &config);
                if (r >= 0)
                        r = propagate_all(&arguments, config);
        }
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
