/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file that becomes an object of a store: by one request if it is small, else in parts. */
#pragma once

#include "http-session.h"
#include "sink.h"

/* @key: with the bucket's prefix, not escaped. The object is there only when all of it is; each
 * part is sent again when that fails with what may pass, and what was uploaded is given up if the
 * sink is freed before. @size_hint_bytes: about how large it will be; 0: not known. @server must
 * outlive *ret. Logs why it fails. Returns 0, -ENOMEM or -EOPNOTSUPP. */
int s3_upload_new(const HttpServer *server, const char *key, uint64_t size_hint_bytes, Sink **ret);
