/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Netlink: questions to the kernel's routing socket, and its answers, read within their bounds.
 * None of these log. */
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "macro.h"

/* Bytes that are still to be read. */
typedef struct NetlinkSpan {
        const uint8_t *data;
        size_t size;
} NetlinkSpan;

typedef struct NetlinkMessage {
        uint16_t type, flags;
        uint32_t sequence;
        NetlinkSpan body; /* behind the header */
} NetlinkMessage;

typedef struct NetlinkAttribute {
        uint16_t type; /* without NLA_F_NESTED and NLA_F_NET_BYTEORDER */
        NetlinkSpan value;
} NetlinkAttribute;

/* Take one off the beginning of @span. Return 1; 0 at the end; -EBADMSG if a length makes no sense.
 */
int netlink_next_message(NetlinkSpan *span, NetlinkMessage *ret);
int netlink_next_attribute(NetlinkSpan *span, NetlinkAttribute *ret);

/* Copies a fixed structure off the beginning of @span. Returns 0; -EBADMSG if it is shorter. */
int netlink_take(NetlinkSpan *span, void *ret, size_t size);

/* A number of the machine's byte order, of 1, 2 or 4 bytes. Any other size: -EBADMSG. */
int netlink_u32(const NetlinkAttribute *attribute, uint32_t *ret);

/* A string of less than @size bytes, with or without a NUL at its end. Longer ones, and those that
 * hold bytes that are no printable ASCII: -EBADMSG. */
int netlink_string(const NetlinkAttribute *attribute, char *ret, size_t size);

#define NETLINK_REQUEST_BYTES 1024

typedef struct NetlinkRequest {
        union {
                uint8_t data[NETLINK_REQUEST_BYTES];
                struct nlmsghdr header;
        };
        size_t size;
        bool overflow;
} NetlinkRequest;

/* @body: the fixed structure behind the header, such as a struct rtmsg. NLM_F_REQUEST is added. */
void netlink_request_init(NetlinkRequest *request, uint16_t type, uint16_t flags, const void *body,
                          size_t size);
void netlink_request_add(NetlinkRequest *request, uint16_t type, const void *value, size_t size);

/* NETLINK_ROUTE. No answer is waited for for more than some seconds. Returns the fd. @groups: of
 * RTMGRP_*, 0 for none. */
int netlink_open(uint32_t groups);

/* What is done with each message of an answer. Below 0: what is left is thrown away. */
typedef int (*netlink_handler)(const NetlinkMessage *message, void *userdata);

/* Sends @request and hands all answers to @handler (NULL: there is none), until the last one.
 * Returns 0; the kernel's error; -EAGAIN: what was told has changed meanwhile, ask again;
 * -ETIMEDOUT; what the handler returns. */
int netlink_call(int fd, NetlinkRequest *request, netlink_handler handler, void *userdata);

/* Hands all messages of @data, which was recorded, to @handler. */
int netlink_replay(const void *data, size_t size, netlink_handler handler, void *userdata);
