/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HttpSockets: the sockets of a libcurl handle, which are asked how much of what was sent the other
 * side has acknowledged: neither HTTP nor libcurl says so before a request has ended. */
#pragma once

#include <curl/curl.h>

#include "macro.h"

/* Two addresses are tried at a time, and ftp has two connections. */
#define HTTP_SOCKETS_MAX 8

typedef struct HttpSockets {
        int fds[HTTP_SOCKETS_MAX];
        size_t n_fds;
        uint64_t closed_bytes; /* what the closed ones had acknowledged */
} HttpSockets;

/* Has @easy make its sockets here. @sockets must outlive it and its connections. */
CURLcode http_sockets_attach(HttpSockets *sockets, CURL *easy);

/* Bytes that were acknowledged so far, on all of them; never gets less. */
uint64_t http_sockets_acked_bytes(const HttpSockets *sockets);
