/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what the network has to do with arming: a change of it may ask for another overlay, and the
 * names of hosts are asked for, by a unit, before anybody needs their addresses. */
#include "io.h"
#include "log.h"
#include "manager.h"
#include "net-resolve.h"
#include "net-watch.h"
#include "pid1.h"
#include "rootdir.h"
#include "strv.h"

/* A link that comes up gets its addresses and routes one after the other. */
#define SETTLE_USEC (5 * USEC_PER_SEC)
#define SETTLE_MAX_USEC (30 * USEC_PER_SEC)

/* How long an answer of the name service is believed. */
#define RESOLVE_USEC (3600 * USEC_PER_SEC)

static void start_resolve(Manager *m)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_free_ char *job = NULL, *message = NULL;
        int r;

        r = pid1_connect(m->options.pid1_address, &bus);
        if (r >= 0)
                r = pid1_start_unit(bus, UNIT_RESOLVE, &job, &message);
        if (r < 0)
                (void) log_warning_errno(r,
                                         "Failed to start " UNIT_RESOLVE ", so that names are not "
                                         "asked for, ignoring: %s",
                                         message ?: strerror(-r));
}

/* Its answer is a file that is watched. Other systems' names are not ours to ask for. */
void manager_network_resolve(Manager *m)
{
        uint64_t now_usec = now_boottime_usec();
        bool same = strv_equal(m->hosts_asked, m->wanted.hosts);
        int r;

        if (!root_is_ours(m->root_fd) || (same && now_usec < m->resolve_next_usec))
                return;
        m->resolve_next_usec = now_usec + RESOLVE_USEC;
        strv_free(TAKE_PTR(m->hosts_asked));
        r = strv_copy(m->wanted.hosts, &m->hosts_asked);
        if (r >= 0)
                r = net_resolve_want(m->root_fd, m->wanted.hosts);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to ask for the names of hosts, ignoring: %m");
        if (r > 0)
                start_resolve(m);
}

/* Most of them are of no interest: what is wanted then is what is armed. */
static void on_network(void *userdata)
{
        Manager *m = userdata;

        if (!m->wanted.hosts)
                return;
        /* A name server that could not be reached may be now. */
        m->resolve_next_usec = 0;
        manager_story_begin(m, "links, addresses or routes of the network have changed");
        manager_notice(m);
}

int manager_network_start(Manager *m)
{
        int r;

        if (!root_is_ours(m->root_fd))
                return 0;
        r = net_watch_new(m->event, SETTLE_USEC, SETTLE_MAX_USEC, on_network, m, &m->net_watch);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to listen for changes of the network; they "
                                            "need 'kdumpctl reload': %m");
        return 0;
}

void manager_network_done(Manager *m)
{
        m->net_watch = net_watch_free(m->net_watch);
        strv_free(TAKE_PTR(m->hosts_asked));
}
