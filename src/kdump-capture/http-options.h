/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libcurl is told: how a server is reached and trusted, and what is asked of it. */
#pragma once

#include "http-session.h"

/* Sets all that follows from @server and @request, on a handle that was just made or reset. Does
 * not log. */
CURLcode http_options_set(CURL *easy, const HttpServer *server, const HttpRequest *request);
