/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the text form of routes. */
#include "network-route.h"

int network_route_parse(const char *text, NetworkRoute *ret)
{
        static const char via[] = " via ";
        const char *gateway = strstr(text, via);
        char to[ADDRESS_TEXT_BYTES];
        NetworkRoute route = { 0 };
        size_t n = gateway ? (size_t) (gateway - text) : strlen(text);
        int r;

        if (n >= sizeof(to))
                return -EINVAL;
        memcpy(to, text, n);
        to[n] = '\0';
        r = address_parse(to, &route.to);
        if (r < 0)
                return r;
        if (gateway) {
                r = address_parse(gateway + sizeof(via) - 1, &route.gateway);
                if (r < 0)
                        return r;
        }
        *ret = route;
        return 0;
}

const char *network_route_format(const NetworkRoute *route,
                                 char buffer[static NETWORK_ROUTE_TEXT_BYTES])
{
        char to[ADDRESS_TEXT_BYTES], gateway[ADDRESS_TEXT_BYTES];

        (void) address_format_prefix(&route->to, to);
        if (route->gateway.family == 0)
                (void) snprintf(buffer, NETWORK_ROUTE_TEXT_BYTES, "%s", to);
        else
                (void) snprintf(buffer, NETWORK_ROUTE_TEXT_BYTES, "%s via %s", to,
                                address_format(&route->gateway, gateway));
        return buffer;
}
