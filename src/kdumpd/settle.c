/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the timer that waits for the end of a burst. */
#include "settle.h"

#include <time.h>

#include "io.h"

/* Else sd-event may be a quarter of a second late, to wake up together with others. */
#define ACCURACY_USEC (10 * USEC_PER_MSEC)

static uint64_t add_usec(uint64_t a, uint64_t b)
{
        uint64_t sum;

        return __builtin_add_overflow(a, b, &sum) ? USEC_INFINITY : sum;
}

SettleTimes settle_next(SettleTimes times, uint64_t now_usec, uint64_t delay_usec,
                        uint64_t max_usec)
{
        uint64_t limit_usec = add_usec(now_usec, max_usec);

        if (!times.pending)
                times = (SettleTimes){
                        .pending = true,
                        .delay_usec = delay_usec,
                        .limit_usec = limit_usec,
                };
        times.limit_usec = MIN(times.limit_usec, limit_usec);
        if (delay_usec <= times.delay_usec) {
                times.delay_usec = delay_usec;
                times.due_usec = add_usec(now_usec, delay_usec);
        }
        times.due_usec = MIN(times.due_usec, times.limit_usec);
        return times;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Settle *settle = userdata;

        settle->times = (SettleTimes){ 0 };
        settle->handler(settle->userdata);
        return 0;
}

int settle_init(Settle *settle, sd_event *event, settle_handler handler, void *userdata)
{
        int r;

        *settle = (Settle){ .handler = handler, .userdata = userdata };
        r = sd_event_add_time(event, &settle->timer, CLOCK_BOOTTIME, USEC_INFINITY, ACCURACY_USEC,
                              on_timer, settle);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(settle->timer, "settle");
        r = sd_event_source_set_enabled(settle->timer, SD_EVENT_OFF);
        if (r < 0)
                settle_done(settle);
        return MIN(r, 0);
}

void settle_done(Settle *settle)
{
        settle->timer = sd_event_source_disable_unref(settle->timer);
        settle->times = (SettleTimes){ 0 };
}

void settle_cancel(Settle *settle)
{
        settle->times = (SettleTimes){ 0 };
        (void) sd_event_source_set_enabled(settle->timer, SD_EVENT_OFF);
}

int settle_poke(Settle *settle, uint64_t delay_usec, uint64_t max_usec)
{
        SettleTimes times;
        int r;

        times = settle_next(settle->times, now_boottime_usec(), delay_usec, max_usec);
        r = sd_event_source_set_time(settle->timer, times.due_usec);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(settle->timer, SD_EVENT_ONESHOT);
        if (r < 0)
                return r;
        settle->times = times;
        return 0;
}
