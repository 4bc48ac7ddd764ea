/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The watchdogs that bring the machine back if this program cannot: hardware (/dev/watchdog) and
 * PID 1's. */
#pragma once

#include "macro.h"

typedef struct Watchdog {
        int fd;
        uint64_t last_pet_usec;
} Watchdog;

#define WATCHDOG_INIT                                                                              \
        {                                                                                          \
                .fd = -EBADF                                                                       \
        }

/* Tells both that we are alive, at most every few seconds. The hardware one is opened, and so
 * started or taken over, as soon as its driver has made a device; that may be after we began. Logs
 * once, when opened. */
void watchdog_pet(Watchdog *watchdog);

/* Stops the hardware watchdog (magic close) for actions after which the machine is meant to stay
 * where it is. If its driver says no, it will reset the machine: logged. */
void watchdog_disarm(Watchdog *watchdog);
