/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ManagerBus: the daemon on D-Bus. It translates between the bus and its owner and decides nothing.
 */
#pragma once

#include <systemd/sd-event.h>

#include "bus-names.h"
#include "bus-properties.h"
#include "state.h"

/* Begins what was asked for; @why is for the log. *ret_request is the number by which the owner
 * will tell that it has ended, later, from the event loop. Returns 0; -EBUSY, -EOPNOTSUPP and other
 * errors refuse the call. */
typedef int (*BusRequest)(void *userdata, const char *why, uint64_t *ret_request);

/* What the bus needs from its owner. A request that is NULL is refused as not supported. */
typedef struct BusOwner {
        const State *(*state)(void *userdata);
        void (*properties)(void *userdata, BusProperties *ret); /* *ret is zeroed */
        BusRequest reload;                                      /* read the configuration again */
        BusRequest rebuild; /* a new base image in any case; numbered with the reloads */
        BusRequest verify;  /* check what is armed; has numbers of its own */
} BusOwner;

typedef struct ManagerBus ManagerBus;

/* Ends all jobs as "canceled". Waits for nobody. */
ManagerBus *manager_bus_free(ManagerBus *bus); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(ManagerBus *, manager_bus_free);

/* Makes the object and starts to connect. That no bus is there, yet or at all, is no error: it is
 * waited for without a timer. @owner and @userdata must stay. Returns 0; -ENOMEM. Logs. */
int manager_bus_new(sd_event *event, const BusOwner *owner, void *userdata, ManagerBus **ret);

/* Connects again if the connection was lost, and asks again for the name if it was refused. To be
 * called now and then, but seldom. Logs when the outcome differs from the last one. */
void manager_bus_tick(ManagerBus *bus);

/* Compares the owner's properties with what was last published, and tells what differs. Does not
 * log. */
void manager_bus_changed(ManagerBus *bus);

/* Reloads and rebuilds up to number @request have ended: their jobs do, too. @reason (NULL: none)
 * is in words. Publishes the properties first. Does not log. */
void manager_bus_answered(ManagerBus *bus, uint64_t request, bool failed, const char *reason);

/* The same of verifications. */
void manager_bus_verified(ManagerBus *bus, uint64_t request, bool failed, const char *reason);
