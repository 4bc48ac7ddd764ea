/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of net-facts share. */
#pragma once

#include "net-facts.h"
#include "netlink.h"

/* Reads the body of an RTM_NEWLINK. Returns 0; -EBADMSG. Does not log. */
int net_link_parse(NetlinkSpan body, NetLink *ret);
