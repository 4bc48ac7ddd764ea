/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SshConnection: a connection to an ssh server that has proved who it is, with one channel, by
 * libssh. Nothing but what the target says is asked for or used: no configuration files, no agent,
 * no passwords, one key. */
#pragma once

#include <sys/types.h>

#include "depot-module.h"

typedef struct SshConnection SshConnection;

/* Connects, compares the server's key with those that were pinned, logs in. Returns 0; the errors
 * of DepotModule.open(), when why was logged. */
int ssh_connection_open(const DepotHost *host, const Target *target, SshConnection **ret);
SshConnection *ssh_connection_free(SshConnection *connection); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(SshConnection *, ssh_connection_free);

/* None of these log. They open the channel: for the sftp subsystem, -EOPNOTSUPP: the server has
 * none; for a command, which its login shell runs, -EOPNOTSUPP: it runs none. -ECONNRESET: the
 * connection is lost, also from all below. */
int ssh_connection_sftp(SshConnection *connection);
int ssh_connection_execute(SshConnection *connection, const char *command);

/* Sends all of @data. */
int ssh_connection_write(SshConnection *connection, const void *data, size_t size);

/* Returns how many bytes of the other side's output it got; 0: there is none yet, and it is not to
 * @wait. The end of the output counts as that of the connection. */
ssize_t ssh_connection_read(SshConnection *connection, void *buffer, size_t size, bool wait);

/* What the server lets us send before it has taken some of what it got, in bytes. */
uint32_t ssh_connection_window(SshConnection *connection);

/* Ends the command's input, waits for its end, and closes the channel. *ret_status: what it exits
 * with. What it says (the beginning of it, standard output and errors) is put into the buffers,
 * with a NUL behind it. */
int ssh_connection_finish(SshConnection *connection, int *ret_status, char *output,
                          size_t output_size, char *errors, size_t errors_size);
