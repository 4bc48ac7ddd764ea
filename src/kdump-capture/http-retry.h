/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests that are made again when they fail with what may pass. */
#pragma once

#include "http-session.h"

/* What a reply means: 0, or a negative errno and why, in words (*reterr_why: the caller frees it;
 * it may stay NULL). Pure. */
typedef int HttpJudge(const HttpReply *reply, char **reterr_why);

/* By its status alone. */
int http_retry_judge(const HttpReply *reply, char **reterr_why);

/* Makes @request, which has no 'more', until @judge likes the reply, a failure is not to pass, or
 * nothing has moved for http_retry_limit_usec(). @what begins the messages: it logs each failure.
 * Returns 0, the last error, or -ECANCELED after http_session_stop(). */
int http_retry_request(HttpSession *session, const HttpRequest *request, HttpJudge *judge,
                       const char *what);

/* How long to wait after the @n_failures'th failure (1 …) in a row: 1, 2, 4, … 30 s, or as long as
 * the server wishes, but at most a minute. Pure. */
uint64_t http_retry_delay_usec(unsigned n_failures, uint64_t wish_usec);

/* How long without progress until our patience ends: before that of whoever watches us does, since
 * what was begun must still be cleaned up. Pure. */
uint64_t http_retry_limit_usec(const Target *target);
