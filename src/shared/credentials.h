/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Credentials: who we are for a web server or an object store, from a file that only root reads:
 * lines of `key = value`. It stands alone: modules are linked with it, and with nothing else. */
#pragma once

#include "macro.h"

#define CREDENTIALS_MAX_BYTES ((size_t) 65536)

/* Each is NULL if the file does not have it. */
typedef struct Credentials {
        char *user, *password;
        char *bearer_token;
        char *access_key_id, *secret_access_key, *session_token;
} Credentials;

/* None of these log. *reterr_why (the caller frees it) says what is wrong and what to do, without
 * any value of the file. */

/* Reads lines `key = value`; empty ones, and those that begin with '#', are skipped. Returns 0;
 * -EINVAL: a line is wrong, or something is missing that belongs to what is there; -ENOMEM. */
int credentials_parse(const char *text, size_t size, Credentials *ret, char **reterr_why);

/* The same of a file below @dir_fd, which must be root's or ours, and for nobody else to read:
 * else -EPERM. -EFBIG: longer than CREDENTIALS_MAX_BYTES. */
int credentials_read(int dir_fd, const char *path, Credentials *ret, char **reterr_why);

void credentials_done(Credentials *credentials); /* wipes them from memory */
