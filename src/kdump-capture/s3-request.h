/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests to an object store, with what their signature needs. */
#pragma once

#include "http-retry.h"

typedef struct S3Request {
        const char *method;
        const char *url; /* with its query, which must be sorted by name and escaped, and have a '='
                            behind each name: libcurl before 8.3 signs it as it is */
        bool has_body;
        const void *data;
        size_t size;
} S3Request;

/* Makes it. Returns as http_retry_request(), or -ENOMEM; the reply is that of the session. */
int s3_request(HttpSession *session, const S3Request *request, const char *what);

/* Makes it one time, and waits for no more than 10 s if nothing moves. Does not log: *reterr_why
 * (the caller frees it; it may stay NULL) says why it failed. */
int s3_request_once(HttpSession *session, const S3Request *request, char **reterr_why);
