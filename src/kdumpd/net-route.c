/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the question which way an address is reached: inet_rtm_getroute(), inet6_rtm_getroute(). */
#include "net-route.h"

static int read_via(NetlinkSpan value, Address *ret)
{
        uint16_t family;
        int r;

        if (value.size < sizeof(family))
                return -EBADMSG;
        memcpy(&family, value.data, sizeof(family));
        r = address_from_bytes(family, value.data + sizeof(family), value.size - sizeof(family), 0,
                               ret);
        if (r < 0)
                return r;
        *ret = address_host(*ret);
        return 0;
}

static int read_attribute(const NetlinkAttribute *attribute, const Address *address,
                          NetRouteAnswer *answer)
{
        const unsigned bits = 8 * (unsigned) address_size(address->family);
        const NetlinkSpan value = attribute->value;

        switch (attribute->type) {
        case RTA_OIF:
                return netlink_u32(attribute, &answer->link);
        case RTA_GATEWAY:
                return address_from_bytes(address->family, value.data, value.size, bits,
                                          &answer->gateway);
        case RTA_VIA:
                return read_via(value, &answer->gateway);
        case RTA_PREFSRC:
                return address_from_bytes(address->family, value.data, value.size, bits,
                                          &answer->source);
        default:
                return 0;
        }
}

int net_route_parse(NetlinkSpan body, const Address *address, NetRouteAnswer *ret)
{
        NetRouteAnswer answer = { .to = address_host(*address) };
        NetlinkAttribute attribute;
        struct rtmsg info;
        int r;

        r = netlink_take(&body, &info, sizeof(info));
        if (r < 0)
                return r;
        if (info.rtm_family != address->family)
                return -EBADMSG;
        while ((r = netlink_next_attribute(&body, &attribute)) > 0) {
                r = read_attribute(&attribute, address, &answer);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        answer.local = info.rtm_type == RTN_LOCAL;
        if (info.rtm_type != RTN_UNICAST && info.rtm_type != RTN_LOCAL)
                return -ENETUNREACH;
        if (answer.link == 0)
                return -ENETUNREACH;
        *ret = answer;
        return 0;
}

typedef struct Question {
        const Address *address;
        NetRouteAnswer answer;
        bool answered;
} Question;

static int on_message(const NetlinkMessage *message, void *userdata)
{
        Question *question = userdata;
        int r;

        if (message->type != RTM_NEWROUTE)
                return 0;
        r = net_route_parse(message->body, question->address, &question->answer);
        if (r < 0)
                return r;
        question->answered = true;
        return 0;
}

int net_route_ask(const Address *address, uint32_t scope_link, NetRouteAnswer *ret)
{
        const struct rtmsg body = {
                .rtm_family = (uint8_t) address->family,
                .rtm_dst_len = (uint8_t) (8 * address_size(address->family)),
        };
        Question question = { .address = address };
        _cleanup_close_ int fd = -EBADF;
        NetlinkRequest request;
        int r;

        fd = netlink_open(0);
        if (fd < 0)
                return fd;
        netlink_request_init(&request, RTM_GETROUTE, 0, &body, sizeof(body));
        netlink_request_add(&request, RTA_DST, address->bytes, address_size(address->family));
        if (scope_link != 0)
                netlink_request_add(&request, RTA_OIF, &scope_link, sizeof(scope_link));
        r = netlink_call(fd, &request, on_message, &question);
        if (r < 0)
                return r;
        if (!question.answered)
                return -EBADMSG;
        *ret = question.answer;
        return 0;
}
