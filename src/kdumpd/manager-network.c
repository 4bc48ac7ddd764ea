/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what the network has to do with arming: a change of it, or a mount, may ask for another
 * overlay, and the names of hosts are asked for, by a unit, before anybody needs their addresses.
 */
#include "io.h"
#include "log.h"
#include "manager.h"
#include "net-resolve.h"
#include "net-watch.h"
#include "pid1.h"
#include "resolve-mount.h"
#include "strv.h"

/* A link that comes up gets its addresses and routes one after the other. */
#define SETTLE_USEC (5 * USEC_PER_SEC)
#define SETTLE_MAX_USEC (30 * USEC_PER_SEC)

/* How long an answer of the name service is believed. One that had none is asked again at the next
 * tick, and ever more seldom after that. */
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

/* Whether each name has led to an address at some time. */
static bool knows_names(const Manager *m)
{
        for (char **host = m->wanted.hosts; host && *host; host++) {
                _cleanup_strv_ char **addresses = NULL;

                if (net_resolve_known(m->root_fd, *host, &addresses) == 0)
                        return false;
        }
        return true;
}

/* Its answer is a file that is watched. */
void manager_network_resolve(Manager *m)
{
        uint64_t now_usec = now_boottime_usec();
        bool same = strv_equal(m->hosts_asked, m->wanted.hosts);
        int r;

        /* Without a configuration that is understood, what is known is still to be kept. */
        if (!m->wanted.hosts || (same && now_usec < m->resolve_next_usec))
                return;
        m->resolve_delay_usec = same ? MIN(m->resolve_delay_usec * 2, RESOLVE_USEC) : 0;
        m->resolve_delay_usec =
                knows_names(m) ? 0 : MAX(m->resolve_delay_usec, m->options.tick_usec);
        m->resolve_next_usec = now_usec + (m->resolve_delay_usec ?: RESOLVE_USEC);
        strv_free(TAKE_PTR(m->hosts_asked));
        r = strv_copy(m->wanted.hosts, &m->hosts_asked);
        if (r >= 0)
                r = net_resolve_want(m->root_fd, m->wanted.hosts);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to ask for the names of hosts, ignoring: %m");
        if (r > 0)
                start_resolve(m);
}

static bool same_image(const Wanted *a, const Wanted *b)
{
        return streq_ptr(a->problem, b->problem) && streq_ptr(a->base_missing, b->base_missing) &&
               generation_same_image(&a->generation, &b->generation);
}

/* Leases are renewed and routers announce themselves all the time. What makes no difference is no
 * request, which would try again what has failed, and be told of. */
static void look_for_difference(Manager *m, const char *why)
{
        _cleanup_(wanted_done) Wanted wanted = { 0 };
        int r;

        r = manager_read_wanted(m, true, &wanted);
        if (r < 0) {
                (void) log_warning_errno(r, "Failed to look what is wanted, as %s: %m", why);
                return;
        }
        if (same_image(&wanted, &m->wanted) && streq_ptr(wanted.warning, m->wanted.warning))
                return;
        if (!same_image(&wanted, &m->wanted))
                manager_story_begin(m, "%s", why);
        m->resolve_next_usec = 0;
        manager_notice(m);
}

/* Where the folders of dumps are, by their names; NULL: it cannot be told. */
static char *describe_mounts(const Manager *m)
{
        _cleanup_free_ char *text = strdup("");

        for (char **folder = m->wanted.dump_folders; text && folder && *folder; folder++) {
                _cleanup_(mount_place_done) MountPlace place = { 0 };
                char *more;

                /* What is mounted on demand is not kept mounted by us. */
                if (mount_find_name(m->root_fd, *folder, &place) < 0 ||
                    streq_ptr(place.fstype, "autofs") ||
                    strprintf(&more, "%s%s %s %s\n", text, place.point, place.source ?: "",
                              place.fstype ?: "") < 0)
                        return NULL;
                free(text);
                text = more;
        }
        return TAKE_PTR(text);
}

void manager_network_mounts(Manager *m)
{
        char *mounts = describe_mounts(m);

        if (!mounts)
                return;
        free(m->mounts);
        m->mounts = mounts;
}

/* No file tells of a mount, and those of the network come long after we have started. */
static void look_at_mounts(Manager *m)
{
        _cleanup_free_ char *mounts = describe_mounts(m);

        if (m->wanted_stale || !mounts || !m->mounts || streq(mounts, m->mounts))
                return;
        free(m->mounts);
        m->mounts = TAKE_PTR(mounts);
        look_for_difference(m, "a file system was mounted or unmounted");
}

void manager_network_tick(Manager *m)
{
        /* Nothing need happen here when a name server is back. */
        if (m->wanted.hosts && !knows_names(m))
                manager_network_resolve(m);
        look_at_mounts(m);
}

static void on_network(void *userdata)
{
        Manager *m = userdata;

        if (!m->wanted.hosts || m->wanted_stale)
                return;
        /* A name server that could not be reached may be now. */
        if (!knows_names(m))
                m->resolve_next_usec = m->resolve_delay_usec = 0;
        look_for_difference(m, "links, addresses or routes of the network have changed");
}

int manager_network_start(Manager *m)
{
        int r;

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
        free(TAKE_PTR(m->mounts));
}
