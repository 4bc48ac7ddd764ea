/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the base images of kernels that do not run yet: built one by one when there is nothing else
 * to do, so that the first boot of each arms at once. */
#include "image-pending.h"
#include "log.h"
#include "manager.h"
#include "pid1.h"
#include "strv.h"

/* A boot has better things to do, and so has an upgrade that is under way. */
#define AHEAD_USEC (60 * USEC_PER_SEC)
#define AHEAD_MAX_USEC (600 * USEC_PER_SEC)

void manager_ahead_later(Manager *m)
{
        int r;

        r = settle_poke(&m->ahead, AHEAD_USEC, AHEAD_MAX_USEC);
        if (r < 0)
                log_debug("Failed to plan the building of other kernels' images: %s", strerror(-r));
}

void manager_ahead_forget(Manager *m)
{
        strv_free(m->ahead_tried);
        m->ahead_tried = NULL;
        manager_ahead_later(m);
}

/* What it leaves is found on disk. Builds wait for each other. */
static int start_build(Manager *m, const char *release)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_free_ char *unit = NULL, *job = NULL, *message = NULL;
        int r;

        r = image_build_unit(release, &unit);
        if (r < 0)
                return r;
        r = pid1_connect(m->options.pid1_address, &bus);
        if (r < 0)
                return r;
        r = pid1_start_unit(bus, unit, &job, &message);
        if (r < 0) {
                log_warning("Failed to start '%s': %s", unit, message ?: strerror(-r));
                return r;
        }
        log_info("Building a base image for kernel '%s', which is installed and does not run yet.",
                 release);
        return 0;
}

/* The next one that was not tried since something changed. */
static const char *next_release(const Manager *m, char *const *pending)
{
        for (char *const *p = pending; p && *p; p++)
                if (!strv_contains(m->ahead_tried, *p))
                        return *p;
        return NULL;
}

static void on_time(void *userdata)
{
        Manager *m = userdata;
        _cleanup_strv_ char **pending = NULL;
        const char *release;
        int r;

        if (m->requested || m->build.running) {
                manager_ahead_later(m);
                return;
        }
        if (m->armed_generation == 0)
                return;
        r = image_pending(m->root_fd, &m->facts, m->fingerprints, &pending);
        if (r < 0) {
                log_debug("Other kernels' images cannot be told: %s", strerror(-r));
                return;
        }
        release = next_release(m, pending);
        if (!release || strv_extend(&m->ahead_tried, release) < 0)
                return;
        (void) start_build(m, release);
        manager_ahead_later(m);
}

int manager_ahead_start(Manager *m)
{
        return settle_init(&m->ahead, m->event, on_time, m);
}

void manager_ahead_done(Manager *m)
{
        settle_done(&m->ahead);
        strv_free(m->ahead_tried);
        m->ahead_tried = NULL;
}
