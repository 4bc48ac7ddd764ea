/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The watchdogs that bring the machine back if this program cannot: hardware (/dev/watchdogN) and
 * PID 1's. */
#pragma once

#include "macro.h"

#define WATCHDOG_DEVICES_MAX 4

typedef struct Watchdog {
        int fds[WATCHDOG_DEVICES_MAX]; /* of /dev/watchdog0 and so on */
        uint64_t last_pet_usec;
} Watchdog;

void watchdog_init(Watchdog *watchdog);

/* Tells both that we are alive, at most every few seconds. The hardware one is opened, and so
 * started or taken over, as soon as its driver has made a device; that may be after we began. Logs
 * once, when opened. */
void watchdog_pet(Watchdog *watchdog);

/* Stops the hardware watchdogs (magic close) for actions after which the machine is meant to stay
 * where it is. If its driver says no, it will reset the machine: logged. */
void watchdog_disarm(Watchdog *watchdog);
