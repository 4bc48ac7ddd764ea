/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SinkStream: a pipe or anything else that takes bytes in their order only. */
#pragma once

#include "sink.h"

/* @fd stays the caller's and must outlive *ret. Each write must begin where the one before ended,
 * else it fails with -ESPIPE; after any other error all fail with that. Returns 0 or -ENOMEM. Does
 * not log. */
int sink_stream_new(int fd, Sink **ret);
