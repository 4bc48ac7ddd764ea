/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What went wrong between us and a server, as negative errnos: those of DepotModule.open(), and
 * those of a Sink. Pure; nothing here logs. */
#pragma once

#include <curl/curl.h>

#include "macro.h"

/* @os_error: as of CURLINFO_OS_ERRNO; @status: as of CURLINFO_RESPONSE_CODE; @why: libcurl's own
 * words. -ECONNRESET is added for a connection that was lost. */
int http_curl_error(CURLcode code, long os_error, long status, const char *why);

/* 0 for 2xx. -EACCES: we may not; -ENOENT: what it is about is not there, or a folder above it is
 * not; -ENOSPC, -EFBIG: no room; -EHOSTUNREACH: it may go better in a while; -EOPNOTSUPP: it does
 * not do such things; -EIO. */
int http_status_error(long status);

/* May the same go well a while later? */
bool http_error_may_pass(int error);
