/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetWait: has each link that the Plan counts on get its address. networkd sets them up; where it
 * has not done so in time, because no DHCP server answers or networkd itself has failed, the
 * address that the system had is set here. */
#pragma once

#include "net-link.h"
#include "network.h"

/* What is to be done about one link. */
typedef enum NetWaitStep {
        NET_WAIT_READY,   /* it has all it should have */
        NET_WAIT_PENDING, /* nothing yet */
        NET_WAIT_SET_UP,  /* it is there, and nobody has switched it on */
        NET_WAIT_SET,     /* its addresses and routes */
} NetWaitStep;

/* What has been seen of a link so far; times of CLOCK_BOOTTIME, 0: not yet. */
typedef struct NetWaitState {
        uint64_t seen_usec, carrier_usec;
        bool told; /* that it is ready */
        bool was_set;
} NetWaitState;

/* @link: NULL if there is none. Updates @state. *ret_due_usec is when to look again if nothing
 * happens; USEC_INFINITY: no time makes a difference. Pure. */
NetWaitStep net_wait_decide(const NetworkLink *expected, const NetLink *link, NetWaitState *state,
                            uint64_t now_usec, uint64_t *ret_due_usec);

/* For a process of its own: cares for all links until each is ready, or until @deadline_usec
 * (CLOCK_BOOTTIME; USEC_INFINITY: for ever). Returns 0; -ETIMEDOUT; errors of netlink. Logs what it
 * does, and what is missing at the end. */
int net_wait_links(const Network *network, uint64_t deadline_usec);

/* Waits until the kernel knows a way to one of @addresses (strv), at most until @deadline_usec.
 * That is no promise that anything answers there. Returns 0; -ETIMEDOUT; -EINVAL if none of them is
 * an address; errors of netlink. Does not log. */
int net_wait_route(char *const *addresses, uint64_t deadline_usec);
