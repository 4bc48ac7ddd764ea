/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the socket on which the kernel tells of changes of links, addresses and routes. */
#include "net-watch.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include "log.h"
#include "netlink.h"
#include "settle.h"

/* More than the kernel puts into a message of one link (if_nlmsg_size(): some KiB). What is longer
 * is cut, and a change all the same. */
#define MESSAGE_BYTES 32768

/* Then other sources of the loop have their turn. */
#define MESSAGES_PER_DISPATCH 1024

#define GROUPS                                                                                     \
        (RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |               \
         RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_RULE | 1U << (RTNLGRP_IPV6_RULE - 1))

struct NetWatch {
        int fd;
        sd_event_source *source;
        Settle settle;
        uint64_t delay_usec, max_usec;
        net_watch_handler handler;
        void *userdata;
        uint8_t buffer[MESSAGE_BYTES];
};

NetWatch *net_watch_free(NetWatch *watch)
{
        if (!watch)
                return NULL;
        settle_done(&watch->settle);
        sd_event_source_disable_unref(watch->source);
        close_fd(watch->fd);
        free(watch);
        return NULL;
}

/* A bridge tells of its ports in messages of its own family, with each address that it learns. */
static bool is_change(const uint8_t *data, size_t size)
{
        NetlinkSpan span = { data, size };
        NetlinkMessage message;
        struct ifinfomsg info;

        while (netlink_next_message(&span, &message) > 0) {
                if (message.type != RTM_NEWLINK && message.type != RTM_DELLINK)
                        return true;
                if (netlink_take(&message.body, &info, sizeof(info)) < 0 ||
                    info.ifi_family != AF_BRIDGE)
                        return true;
        }
        /* What is not understood may be anything. */
        return span.size > 0;
}

/* Reads until nothing is left. Returns 0, or the error that ends the watch. */
static int drain(NetWatch *watch, bool *changed)
{
        for (unsigned i = 0; i < MESSAGES_PER_DISPATCH; i++) {
                ssize_t n = recv(watch->fd, watch->buffer, sizeof(watch->buffer), MSG_DONTWAIT);

                if (n >= 0)
                        *changed |= is_change(watch->buffer, (size_t) n);
                else if (errno == EAGAIN)
                        return 0;
                else if (errno == ENOBUFS)
                        *changed = true;
                else if (errno != EINTR)
                        return -errno;
        }
        return 0;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        NetWatch *watch = userdata;
        bool changed = false;
        int r;

        r = drain(watch, &changed);
        if (r < 0) {
                (void) log_warning_errno(r, "Failed to receive the kernel's messages about the "
                                            "network, changes are now noticed later: %m");
                changed = true;
                /* Else the loop would call us again at once, for ever. */
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        }
        if (!changed)
                return 0;
        r = settle_poke(&watch->settle, watch->delay_usec, watch->max_usec);
        if (r < 0)
                watch->handler(watch->userdata);
        return 0;
}

static void on_settled(void *userdata)
{
        NetWatch *watch = userdata;

        watch->handler(watch->userdata);
}

int net_watch_new_on_socket(sd_event *event, int fd, uint64_t delay_usec, uint64_t max_usec,
                            net_watch_handler handler, void *userdata, NetWatch **ret)
{
        _cleanup_(net_watch_freep) NetWatch *watch = calloc(1, sizeof(*watch));
        int r;

        if (!watch)
                return -ENOMEM;
        watch->fd = -EBADF;
        watch->delay_usec = delay_usec;
        watch->max_usec = max_usec;
        watch->handler = handler;
        watch->userdata = userdata;
        r = settle_init(&watch->settle, event, on_settled, watch);
        if (r < 0)
                return r;
        r = sd_event_add_io(event, &watch->source, fd, EPOLLIN, on_readable, watch);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(watch->source, "net-watch");
        watch->fd = fd;
        *ret = TAKE_PTR(watch);
        return 0;
}

int net_watch_new(sd_event *event, uint64_t delay_usec, uint64_t max_usec,
                  net_watch_handler handler, void *userdata, NetWatch **ret)
{
        _cleanup_close_ int fd = netlink_open(GROUPS);
        int r;

        if (fd < 0)
                return fd;
        r = net_watch_new_on_socket(event, fd, delay_usec, max_usec, handler, userdata, ret);
        if (r < 0)
                return r;
        (void) TAKE_FD(fd);
        return 0;
}
