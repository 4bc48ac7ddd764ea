/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal messages that other programs may watch for. Their numbers never change meaning. Each
 * has an entry in conf/kdumpd.catalog. */
#pragma once

#include "macro.h"

/* A crash kernel was loaded. Fields: KDUMP_GENERATION=, KDUMP_GAP_USEC=. */
#define MESSAGE_ARMED "40a91c7e76f1989b90c09abeb762dd30"
/* The crash kernel was taken away: the service was asked to stop, or someone else did it. */
#define MESSAGE_DISARMED "0a87f564349d356eca33c546b73e8852"
/* kdump-build.service was started, or found running. */
#define MESSAGE_BUILD_STARTED "e0a4ec612024b4d34733ed8ed285bd0d"
/* It did not leave a base image that can be used. */
#define MESSAGE_BUILD_FAILED "3da24812852be602df84f05e396a6b88"
/* The kernel, or a check before it, refused an image. */
#define MESSAGE_LOAD_FAILED "9e4d10bd3984fb87c991133b53ab6d82"
/* The last good generation was loaded instead, or the same one as it was. Fields:
 * KDUMP_GENERATION=, KDUMP_GAP_USEC=. */
#define MESSAGE_ROLLED_BACK "6513b7c8370f781220bb938c8c1438aa"
/* An older image stays armed, since what the configuration asks for cannot be had. */
#define MESSAGE_DEGRADED "679074f645d76d00c1702f7239bd9186"
/* The same image was loaded again, since the CPUs or the memory of the machine have changed.
 * Fields: KDUMP_GENERATION=, KDUMP_GAP_USEC=. */
#define MESSAGE_RELOADED "0253349038064281b1c92d7c2caf5f3c"
/* What is loaded is not what we loaded: someone else took it away or put another one in its place.
 */
#define MESSAGE_FOREIGN "7800d70ad86748919a1e9ca546264127"

/* What is loaded was read back and is not as it was: it is loaded again, or was. Field:
 * KDUMP_GENERATION=. */
#define MESSAGE_DAMAGED "942a3bca20304bf7984c261654b914b6"

/* The boot before this one ended in no order while a crash kernel was armed, and there is no dump
 * of it, or none that can be seen from here. Field: KDUMP_GENERATION=, of that boot. */
#define MESSAGE_LOST "35c3c9d2de5b40a4a4a3624f2601ef65"

/* Logs a message with its MESSAGE_ID= to the journal; to standard error if that is not the journal.
 * The two numbers become KDUMP_GENERATION= and KDUMP_GAP_USEC=. */
void message_send(const char *message_id, int level, uint64_t generation, uint64_t gap_usec,
                  const char *format, ...) _printf_(5, 6);
