/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetImage: what the crash kernel's image must hold for the network: for each link that is needed
 * its units, its drivers, and what kdump-capture expects of it. */
#pragma once

#include "net-dns.h"
#include "net-units.h"
#include "network.h"

/* Has the base image hold all that sets up a network: to be among the programs of Needs where a
 * target is reached over it. */
#define NET_IMAGE_PROGRAM "/usr/lib/systemd/systemd-networkd"

typedef struct NetImageLink {
        char *name;
        NetFile *files;
        size_t n_files;
        char **drivers;       /* strv */
        NetworkLink expected; /* name NULL: it is a part of another one and has no address */
} NetImageLink;

/* The links by which an address is reached. */
typedef struct NetImageWay {
        char *address;
        char **links; /* names (strv) */
} NetImageWay;

typedef struct NetImage {
        NetImageLink *links;
        size_t n_links;
        NetImageWay *ways;
        size_t n_ways;
        char *resolv_conf; /* text for /etc/resolv.conf; NULL: no name server is of use */
} NetImage;

void net_image_done(NetImage *image); /* of a zeroed one, too */

/* What is asked for. */
typedef struct NetImageWant {
        char *const
                *addresses;   /* of the targets (strv); "fe80::1%eth0" needs the name of its link */
        const size_t *hosts;  /* for each address the number of its host, of which one address is
                                 enough; NULL: each is of a host of its own */
        const char *hostname; /* told to DHCP servers; NULL: nothing is */
        bool names;           /* a target's name has led to no address yet: the way to the name
                                 servers is needed, too */
} NetImageWant;

/* From the live state of the kernel, asked for at once: nothing is waited for, no packet is sent.
 * Without addresses, and with no name to ask for, nothing is asked and nothing is needed. An
 * address that cannot be reached now is taken from what net_image_save() has kept, with all its
 * links, or left out; both give a line in *warnings (strv). Returns 0; -ENETUNREACH with
 * *reterr_message: a host is behind a link that cannot be set up in the crash kernel; -EINVAL with
 * it: that is no address; errors of netlink. Does not log. */
int net_image_make(int root_fd, const NetImageWant *want, NetImage *ret, char ***warnings,
                   char **reterr_message);

/* The same from facts and answers that are there. answers[i] is for want->addresses[i], and then
 * for the name servers @dns; to.family is 0 where there is no way. @saved may be NULL. Pure. */
typedef struct NetImageFacts {
        const NetFacts *facts;
        const NetRouteAnswer *answers;
        const NetDns *dns; /* NULL: none */
        const NetImage *saved;
} NetImageFacts;
int net_image_plan(const NetImageFacts *facts, const NetImageWant *want, NetImage *ret,
                   char ***warnings, char **reterr_message);

/* Keeps it for a time when the network is not up, as after the next boot. Reading gives -ENOENT if
 * nothing was kept, -EBADMSG for what makes no sense. Do not log. */
int net_image_save(int root_fd, const NetImage *image);
int net_image_read_saved(int root_fd, NetImage *ret);

/* Whether both give the same files and expectations: then the overlay need not be made again. */
bool net_image_equal(const NetImage *a, const NetImage *b);

/* For the Plan: a copy of what is expected of the links. */
int net_image_network(const NetImage *image, Network *ret);

/* A copy of @from; used where links of one are taken over by another. */
int net_image_link_copy(const NetImageLink *from, NetImageLink *ret);
void net_image_link_done(NetImageLink *link);
