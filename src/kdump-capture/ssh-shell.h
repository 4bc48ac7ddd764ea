/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Commands for a server's shell: what they are, and what their errors mean. */
#pragma once

#include "macro.h"

/* What is run there is for sh(1), wherever the login shell is none: of that only single quotes are
 * relied on. Each has its arguments as "$1", "$2" …, and is safe to be run once more. */
typedef enum SshScript {
        SSH_SCRIPT_PROBE,   /* says SSH_SCRIPT_READY */
        SSH_SCRIPT_BEGIN,   /* path, folder: makes the folder, which must be new */
        SSH_SCRIPT_CREATE,  /* file: is what comes in, and nothing else */
        SSH_SCRIPT_APPEND,  /* file: goes on with what comes in */
        SSH_SCRIPT_SYNC,    /* file */
        SSH_SCRIPT_SIZE,    /* file: says how large it is, when it does not grow any more */
        SSH_SCRIPT_COMMIT,  /* file, final name, size, folder */
        SSH_SCRIPT_ROOM,    /* path: df */
        SSH_SCRIPT_DISCARD, /* folder: removes it, with the files in it */
        _SSH_SCRIPT_MAX,
} SshScript;

#define SSH_SCRIPT_READY "kdump-is-ready"
#define SSH_SCRIPT_ARGUMENTS_MAX 4

/* The command line that runs @script; the caller frees it. @arguments: up to
 * SSH_SCRIPT_ARGUMENTS_MAX, ended by NULL. Returns 0 or -ENOMEM. Does not log, nor do the others.
 */
int ssh_script_format(SshScript script, const char *const *arguments, char **ret);

/* What a command that failed has said (in the C locale), as an errno: -EIO if that is not known. */
int ssh_script_errno(const char *errors);

/* What df -Pk says is available. Returns 0 or -EBADMSG. */
int ssh_script_room(const char *output, uint64_t *ret_bytes);

/* A number in a line of its own. Returns 0 or -EBADMSG. */
int ssh_script_number(const char *output, uint64_t *ret);
