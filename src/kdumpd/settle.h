/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settle: one call for a burst of events, when it is over or has lasted long enough. */
#pragma once

#include <systemd/sd-event.h>

#include "macro.h"

/* May poke again. */
typedef void (*settle_handler)(void *userdata);

/* Times of CLOCK_BOOTTIME, in microseconds. */
typedef struct SettleTimes {
        bool pending;
        uint64_t delay_usec; /* the shortest one of the burst */
        uint64_t limit_usec; /* no later than this */
        uint64_t due_usec;
} SettleTimes;

typedef struct Settle {
        sd_event_source *timer;
        SettleTimes times;
        settle_handler handler;
        void *userdata;
} Settle;

/* When a burst is due after one more poke at @now_usec. The first poke makes it due after its
 * delay. Each later one with the same delay or a shorter one makes it due that long after itself;
 * one with a longer delay changes nothing, as what is pending comes sooner. No poke moves it past
 * its own maximum or that of one before it. Pure. */
SettleTimes settle_next(SettleTimes times, uint64_t now_usec, uint64_t delay_usec,
                        uint64_t max_usec);

/* @settle must not move afterwards. Neither of these logs. */
int settle_init(Settle *settle, sd_event *event, settle_handler handler, void *userdata);
void settle_done(Settle *settle); /* of a zeroed one, too; what is pending is dropped */

/* What is pending is dropped. Does not log. */
void settle_cancel(Settle *settle);

/* The handler is called once, from the event loop, @delay_usec after the last poke and no later
 * than @max_usec after the first one: see settle_next(). Returns 0 or what sd-event says. Does not
 * log. */
int settle_poke(Settle *settle, uint64_t delay_usec, uint64_t max_usec);
