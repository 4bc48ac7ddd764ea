/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetDns: the name servers of this system, as the crash kernel can use them. */
#pragma once

#include "macro.h"

typedef struct NetDns {
        char **servers; /* addresses (strv), at most as many as glibc asks; without those on this
                           machine */
        char *search;   /* domains, with a blank between them; NULL: none */
} NetDns;

void net_dns_done(NetDns *dns);

/* Reads /etc/resolv.conf below @root_fd, or what systemd-resolved keeps for others if that only
 * leads to its own server. No file: no servers. Neither of these logs. */
int net_dns_read(int root_fd, NetDns *ret);

/* A resolv.conf(5) of these of the servers, with the search list. The caller frees *ret. */
int net_dns_format(const NetDns *dns, char *const *servers, char **ret);
