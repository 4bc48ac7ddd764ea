/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetWatch: notices that a network link, an address or a route has changed. */
#pragma once

#include <systemd/sd-event.h>

#include "macro.h"

typedef void (*net_watch_handler)(void *userdata);

typedef struct NetWatch NetWatch;

/* Listens to the kernel's routing socket. It needs no privilege. The handler is called from the
 * event loop once for a burst of changes: @delay_usec after the last one, and no later than
 * @max_usec after the first. What it was is not told, and it may be of no interest (each lease that
 * is renewed, each router's announcement is one): the handler compares what net_image_make() says
 * with what it said before. Changes that the kernel had no room for are noticed as one more change;
 * one before net_watch_new() returns is not.
 *
 * Returns 0 or a negative errno; does not log. If the socket fails later, the handler is called a
 * last time and a warning is logged. */
int net_watch_new(sd_event *event, uint64_t delay_usec, uint64_t max_usec,
                  net_watch_handler handler, void *userdata, NetWatch **ret);
NetWatch *net_watch_free(NetWatch *watch); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(NetWatch *, net_watch_free);

/* The same on a datagram socket, which is the watch's own on success. */
int net_watch_new_on_socket(sd_event *event, int fd, uint64_t delay_usec, uint64_t max_usec,
                            net_watch_handler handler, void *userdata, NetWatch **ret);
