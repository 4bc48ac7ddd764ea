/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SshProof: shows that a key is enough to save a dump to a server. All but one function log. */
#pragma once

#include "macro.h"

typedef struct SshProof {
        const char *key;    /* file of the private key */
        const char *target; /* user@host */
        const char *port;   /* NULL: the usual one */
        const char *path;   /* on the server; NULL: to log in only */
} SshProof;

/* Logs in with the key alone, makes the folder as a capture does, writes a file in it and removes
 * it: by sftp, or where that is not, by a shell. Returns 0 if it works. */
int ssh_prove(const SshProof *proof);

/* @target as ssh(1) takes it, whose IPv6 addresses have no brackets, or with them, as sftp(1) wants
 * it. Returns 0 or -ENOMEM, and does not log. */
int ssh_target_text(const char *target, bool brackets, char **ret);

/* Runs one of the programs of OpenSSH. Returns 0 with its exit status. */
int ssh_run(char *const *argv, uint64_t timeout_usec, int *ret_status);
