/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the wait for the network, and what is done when that takes too long. */
#include "net-wait.h"

#include <poll.h>
#include <sys/socket.h>

#include "io.h"
#include "log.h"
#include "strv.h"

/* Messages tell when to look; should one get lost, this long. */
#define LOOK_USEC (2 * USEC_PER_SEC)

/* From when a link was first seen; networkd takes care of it within a fraction of a second. */
#define UP_PATIENCE_USEC (5 * USEC_PER_SEC)

#define GROUPS                                                                                     \
        (RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |               \
         RTMGRP_IPV6_ROUTE)

/* Whether an address is expected of @family, and none is there. */
static bool lacks_family(const NetworkLink *expected, int family, bool has)
{
        Address address;

        for (char **text = expected->addresses; text && *text && !has; text++)
                if (address_parse(*text, &address) >= 0 && address.family == family)
                        return true;
        return false;
}

static uint64_t add_usec(uint64_t a, uint64_t b)
{
        uint64_t sum;

        return __builtin_add_overflow(a, b, &sum) ? USEC_INFINITY : sum;
}

NetWaitStep net_wait_decide(const NetworkLink *expected, const NetLink *link, NetWaitState *state,
                            uint64_t now_usec, uint64_t *ret_due_usec)
{
        *ret_due_usec = USEC_INFINITY;
        if (!link) {
                *state = (NetWaitState){ 0 };
                return NET_WAIT_PENDING;
        }
        if (state->seen_usec == 0)
                state->seen_usec = now_usec;
        if (!link->up) {
                *ret_due_usec = add_usec(state->seen_usec, UP_PATIENCE_USEC);
                return now_usec >= *ret_due_usec ? NET_WAIT_SET_UP : NET_WAIT_PENDING;
        }
        if (link->carrier && !lacks_family(expected, AF_INET, link->has_ipv4) &&
            !lacks_family(expected, AF_INET6, link->has_ipv6))
                return NET_WAIT_READY;
        /* Without a carrier nobody can have answered. */
        if (!link->carrier) {
                state->carrier_usec = 0;
                return NET_WAIT_PENDING;
        }
        if (state->carrier_usec == 0)
                state->carrier_usec = now_usec;
        *ret_due_usec = add_usec(state->carrier_usec, expected->patience_usec);
        return now_usec >= *ret_due_usec ? NET_WAIT_SET : NET_WAIT_PENDING;
}

static void set_addresses(int fd, const NetworkLink *expected, const NetLink *link,
                          NetWaitState *state)
{
        int r;

        if (!state->was_set)
                log_warning("Nobody has set up '%s' in time, giving it the address that it had "
                            "before the crash.",
                            link->name);
        state->was_set = true;
        for (char **text = expected->addresses; text && *text; text++) {
                Address address;

                r = address_parse(*text, &address);
                if (r >= 0)
                        r = net_link_set_address(fd, link->index, &address);
                if (r < 0)
                        (void) log_warning_errno(r, "Failed to set address %s on '%s': %m", *text,
                                                 link->name);
        }
        for (char **text = expected->routes; text && *text; text++) {
                NetworkRoute route;

                r = network_route_parse(*text, &route);
                if (r >= 0)
                        r = net_link_set_route(fd, link->index, &route);
                if (r < 0)
                        (void) log_warning_errno(r, "Failed to set the route to %s on '%s': %m",
                                                 *text, link->name);
        }
}

static void set_up(int fd, const NetLink *link)
{
        int r;

        log_warning("Nobody has switched on '%s', doing so.", link->name);
        r = net_link_set_up(fd, link->index);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to switch on '%s': %m", link->name);
}

/* Does what can be done about one link. Returns 1 if it is ready. */
static int care_for(int fd, const NetworkLink *expected, const NetLinks *links, NetWaitState *state,
                    uint64_t *due_usec)
{
        const NetLink *link = net_links_find(links, expected->name, expected->mac);
        const uint64_t now_usec = now_boottime_usec();
        uint64_t link_due_usec;

        switch (net_wait_decide(expected, link, state, now_usec, &link_due_usec)) {
        case NET_WAIT_READY:
                if (!state->told)
                        log_info("Network interface '%s' is ready.", link->name);
                state->told = true;
                return 1;
        case NET_WAIT_PENDING:
                *due_usec = MIN(*due_usec, link_due_usec);
                return 0;
        case NET_WAIT_SET_UP:
                set_up(fd, link);
                state->seen_usec = now_usec;
                return 0;
        case NET_WAIT_SET:
                set_addresses(fd, expected, link, state);
                /* Should it not have worked, once more after the same time. */
                state->carrier_usec = now_usec;
                return 0;
        }
        return 0;
}

/* Until something is told, or @due_usec comes. What it was is looked up. */
static void wait_event(int events_fd, uint64_t due_usec)
{
        const uint64_t now_usec = now_boottime_usec();
        uint64_t left_usec = due_usec > now_usec ? due_usec - now_usec : 0;
        struct pollfd p = { .fd = events_fd, .events = POLLIN };
        char buffer[4096];

        left_usec = MIN(left_usec, LOOK_USEC);
        if (poll(&p, 1, (int) DIV_ROUND_UP(left_usec, USEC_PER_MSEC)) <= 0)
                return;
        while (recv(events_fd, buffer, sizeof(buffer), MSG_DONTWAIT) >= 0)
                ;
}

/* What is wrong with those that are not ready. */
static void tell_missing(const Network *network, const NetLinks *links)
{
        for (size_t i = 0; i < network->n_links; i++) {
                const NetworkLink *expected = &network->links[i];
                const NetLink *link = net_links_find(links, expected->name, expected->mac);

                if (!link)
                        log_warning(
                                "Network interface '%s'%s%s has not appeared: its driver is not "
                                "in the image, or found nothing.",
                                expected->name, expected->mac ? " with address " : "",
                                expected->mac ?: "");
                else if (!link->carrier)
                        log_warning("Network interface '%s' has no carrier.", link->name);
                else if (lacks_family(expected, AF_INET, link->has_ipv4) ||
                         lacks_family(expected, AF_INET6, link->has_ipv6))
                        log_warning("Network interface '%s' has no address.", link->name);
        }
}

/* One look at all links. Returns 1 if all are ready. */
static int look(int fd, const Network *network, NetWaitState *states, bool last, uint64_t *due_usec)
{
        _cleanup_(net_links_done) NetLinks links = { 0 };
        size_t n_ready = 0;
        int r;

        r = net_links_read(fd, &links);
        if (r == -EAGAIN) {
                *due_usec = 0;
                return 0;
        }
        if (r < 0)
                return log_error_errno(r, "Failed to read the state of the network: %m");
        for (size_t i = 0; i < network->n_links; i++)
                n_ready += care_for(fd, &network->links[i], &links, &states[i], due_usec) > 0;
        if (n_ready == network->n_links)
                return 1;
        if (last)
                tell_missing(network, &links);
        return 0;
}

int net_wait_links(const Network *network, uint64_t deadline_usec)
{
        _cleanup_close_ int fd = netlink_open(0), events_fd = netlink_open(GROUPS);
        _cleanup_free_ NetWaitState *states = NULL;
        int r;

        if (fd < 0 || events_fd < 0)
                return log_error_errno(MIN(fd, events_fd),
                                       "Failed to open a socket for the network's state: %m");
        states = calloc(MAX(network->n_links, (size_t) 1), sizeof(*states));
        if (!states)
                return log_oom();
        for (;;) {
                const bool last = deadline_passed(deadline_usec);
                uint64_t due_usec = deadline_usec;

                r = look(fd, network, states, last, &due_usec);
                if (r != 0)
                        return MIN(r, 0);
                if (last)
                        return -ETIMEDOUT;
                wait_event(events_fd, due_usec);
        }
}

/* Returns 1 if there is a way to one of them, -EINVAL if none of them is an address. */
static int any_route(int fd, char *const *addresses)
{
        int r = -EINVAL;

        for (char *const *text = addresses; text && *text; text++) {
                Address address;

                if (address_parse(*text, &address) < 0)
                        continue;
                if (net_has_route(fd, &address))
                        return 1;
                r = 0;
        }
        return r;
}

int net_wait_route(char *const *addresses, uint64_t deadline_usec)
{
        _cleanup_close_ int fd = netlink_open(0), events_fd = netlink_open(GROUPS);
        int r;

        if (fd < 0 || events_fd < 0)
                return MIN(fd, events_fd);
        for (;;) {
                r = any_route(fd, addresses);
                if (r != 0)
                        return MIN(r, 0);
                if (deadline_passed(deadline_usec))
                        return -ETIMEDOUT;
                wait_event(events_fd, deadline_usec);
        }
}
