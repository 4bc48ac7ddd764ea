/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two kinds of depot that depot-ssh.c chooses from, and what they have in common. */
#pragma once

#include "depot-module.h"
#include "ssh-connection.h"

/* One connection after the other, to the same server. */
typedef struct SshLine {
        const DepotHost *host;
        const Target *target;
        SshConnection *connection;
        unsigned n_tries; /* since the server has taken something */
} SshLine;

/* Takes the connection over. */
static inline SshLine ssh_line(const DepotHost *host, const Target *target,
                               SshConnection *connection)
{
        return (SshLine){ .host = host, .target = target, .connection = connection };
}

/* A new connection in the place of one that was lost, with its channel opened by @start: at once,
 * then after 1, 2, 4 … 30 s, until there is one or we are killed. -EKEYREJECTED: another server
 * answers; -ENOMEM. Logs. */
int ssh_line_renew(SshLine *line, int (*start)(SshConnection *connection));

/* To be called for what the server has taken. */
void ssh_line_moved(SshLine *line);

/* Files by sftp, on a connection whose channel is open for that. Takes @connection over unless it
 * fails. Returns 0; errors of sftp_client_new(). Does not log. */
int depot_sftp_new(const DepotHost *host, const Target *target, SshConnection *connection,
                   Depot **ret);

/* Streams into commands of a shell. Takes @connection over unless it fails. Returns 0;
 * -EOPNOTSUPP: the server does not run what is needed. Does not log. */
int depot_shell_new(const DepotHost *host, const Target *target, SshConnection *connection,
                    Depot **ret);

/* "sftp://user@host:port/folder": where a dump is, in words. @scheme: "sftp" or "ssh". The caller
 * frees *ret. 0 or -ENOMEM. */
int ssh_where(const char *scheme, const Target *target, const char *folder, char **ret);
