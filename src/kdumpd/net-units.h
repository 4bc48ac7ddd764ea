/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetUnits: a NetPlan in the words of systemd-networkd. */
#pragma once

#include "net-plan.h"

#define NET_UNITS_FOLDER "/etc/systemd/network"

/* A file of the image. They hold no secret, and networkd, which is not root, reads them: 0644. */
typedef struct NetFile {
        char *path; /* absolute, in the image */
        char *text;
} NetFile;

void net_file_done(NetFile *file);

/* The files for @planned: its .network, for a bond, bridge or VLAN its .netdev, for a NIC that has
 * a name of its own a .link. Added to the *n of *files, which the caller frees. @hostname: told to
 * DHCP servers; NULL: nothing is. Pure. Returns 0 or -ENOMEM; does not log. */
int net_units_add(const NetPlanLink *planned, const char *hostname, NetFile **files, size_t *n);
