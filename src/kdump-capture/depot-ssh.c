/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the module for targets by ssh: which of the ways of saving there a server offers, and new
 * connections for those that are lost. */
#include <time.h>

#include "depot-log.h"
#include "depot-sftp.h"
#include "ssh-address.h"

#define WAIT_MAX_SEC 30

int ssh_where(const char *scheme, const Target *target, const char *folder, char **ret)
{
        char port[16] = "";

        if (target->port > 0 && target->port != SSH_DEFAULT_PORT)
                (void) snprintf(port, sizeof(port), ":%u", target->port);
        return strprintf(ret, "%s://%s%s%s%s", scheme, target->what, port,
                         *folder == '/' ? "" : "/~/", folder);
}

void ssh_line_moved(SshLine *line)
{
        line->n_tries = 0;
        line->host->moved(line->host->userdata);
}

static void wait_for_turn(unsigned n_tries)
{
        struct timespec delay = { .tv_sec = 0 };

        if (n_tries == 0)
                return;
        delay.tv_sec = n_tries > 5 ? WAIT_MAX_SEC : MIN(1 << (n_tries - 1), WAIT_MAX_SEC);
        while (nanosleep(&delay, &delay) < 0 && errno == EINTR)
                ;
}

int ssh_line_renew(SshLine *line, int (*start)(SshConnection *connection))
{
        int r;

        depot_log(line->host, LOG_WARNING, "The connection to '%s' is lost, connecting again.",
                  line->target->what);
        do {
                line->connection = ssh_connection_free(line->connection);
                wait_for_turn(line->n_tries++);
                r = ssh_connection_open(line->host, line->target, &line->connection);
                if (r >= 0)
                        r = start(line->connection);
        } while (r < 0 && r != -EKEYREJECTED && r != -ENOMEM);
        if (r >= 0)
                depot_log(line->host, LOG_NOTICE, "Connected to '%s' again, going on.",
                          line->target->what);
        return r;
}

/* A refused subsystem leaves the connection as it was; so does one whose program is not there, or a
 * shell that greets where sftp should answer. */
static int depot_choose(const DepotHost *host, const Target *target, SshConnection *connection,
                        Depot **ret)
{
        int r;

        r = ssh_connection_sftp(connection);
        if (r >= 0)
                r = depot_sftp_new(host, target, connection, ret);
        if (r >= 0 || r == -ENOMEM)
                return r;
        depot_log(host, LOG_NOTICE,
                  "'%s' offers no sftp (%s): the dump goes through a shell, as a flattened stream.",
                  target->what, strerror(-r));
        return depot_shell_new(host, target, connection, ret);
}

static int module_open(const DepotHost *host, const Target *target, Depot **ret)
{
        _cleanup_(ssh_connection_freep) SshConnection *connection = NULL;
        int r;

        if (host->version != DEPOT_MODULE_VERSION)
                return -EOPNOTSUPP;
        r = ssh_connection_open(host, target, &connection);
        if (r < 0)
                return r;
        r = depot_choose(host, target, connection, ret);
        if (r >= 0) {
                connection = NULL; /* the depot's now */
                return 0;
        }
        /* Busy servers let go in the middle. */
        if (r == -ECONNRESET)
                r = -ECONNREFUSED;
        depot_log(host, LOG_ERR, "Failed to have '%s' take files, by sftp or with a shell: %s",
                  target->what, strerror(-r));
        return r == -EBADMSG || r == -EPROTO ? -EOPNOTSUPP : r;
}

extern const DepotModule kdump_depot_module;

__attribute__((visibility("default"))) const DepotModule kdump_depot_module = {
        .version = DEPOT_MODULE_VERSION,
        .open = module_open,
};
