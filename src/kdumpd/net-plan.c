/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the choice of links, addresses and routes that lead to a target. */
#include "net-plan.h"

#include <linux/if_addr.h>
#include <net/if_arp.h>

#include "io.h"
#include "resolve-device.h"
#include "strv.h"

/* More layers than any sane stack has. */
#define DEPTH_MAX 8

/* The far ends of machines and containers, which are no way out of this one. */
static const char *const inner_kinds[] = { "veth", "tun",     "tap",    "dummy",
                                           "ifb",  "macvtap", "ipvtap", "netkit" };

void net_plan_done(NetPlan *plan)
{
        for (size_t i = 0; i < plan->n_links; i++) {
                free(plan->links[i].vlans);
                free(plan->links[i].addresses);
                free(plan->links[i].routes);
        }
        free(plan->links);
        *plan = (NetPlan){ 0 };
}

static int refuse(char **reterr_message, const NetLink *link, const char *why)
{
        if (strprintf(reterr_message, "network interface '%s' %s", link->name, why) < 0)
                return -ENOMEM;
        return -EOPNOTSUPP;
}

/* Why @link cannot be set up again, or NULL. */
static const char *link_obstacle(const NetLink *link)
{
        if (link->kind == NET_KIND_OTHER && streq(link->kind_name, "team"))
                return "is a team device, which only its own daemon can set up: use a bond";
        if (link->kind == NET_KIND_OTHER && streq(link->kind_name, "openvswitch"))
                return "belongs to Open vSwitch, which the crash kernel does not have: use a "
                       "bridge "
                       "of the kernel, or another interface";
        if (link->kind == NET_KIND_OTHER)
                return "is of a kind that the crash kernel cannot set up: a NIC, VLAN, bond or "
                       "bridge is needed";
        if (link->wireless)
                return "is wireless, which the crash kernel cannot set up";
        if (link->type == ARPHRD_INFINIBAND)
                return "is an InfiniBand one, which the crash kernel cannot set up";
        if (link->type != ARPHRD_ETHER)
                return "is no Ethernet, which is all that the crash kernel can set up";
        if (link->kind == NET_KIND_VLAN && link->parent_elsewhere)
                return "is a VLAN of an interface in another network namespace";
        if (link->kind == NET_KIND_NIC && !link->has_permanent_mac && !link->has_mac)
                return "has no hardware address to know it by";
        return NULL;
}

static bool is_inner(const NetLink *link)
{
        for (size_t i = 0; i < ELEMENTSOF(inner_kinds); i++)
                if (streq(link->kind_name, inner_kinds[i]))
                        return true;
        return false;
}

static NetPlanLink *find(const NetPlan *plan, const NetLink *link)
{
        for (size_t i = 0; i < plan->n_links; i++)
                if (plan->links[i].link == link)
                        return &plan->links[i];
        return NULL;
}

/* As a virtual function does with the NIC that stands for it in a guest of Hyper-V. */
static bool shares_mac(const NetFacts *facts, const NetLink *link)
{
        for (size_t i = 0; i < facts->n_links; i++) {
                const NetLink *other = &facts->links[i];

                if (other != link && other->kind == NET_KIND_NIC && link->has_permanent_mac &&
                    other->has_permanent_mac &&
                    memcmp(other->permanent_mac, link->permanent_mac, MAC_BYTES) == 0)
                        return true;
        }
        return false;
}

/* Finds @link in the plan, or puts it there. *ret is valid until the next one is added. Returns 1
 * if it is new. */
static int add(NetPlan *plan, const NetFacts *facts, const NetLink *link, NetPlanLink **ret)
{
        NetPlanLink *links;
        size_t at = 0;

        *ret = find(plan, link);
        if (*ret)
                return 0;
        links = reallocarray(plan->links, plan->n_links + 1, sizeof(*links));
        if (!links)
                return -ENOMEM;
        plan->links = links;
        while (at < plan->n_links && strcmp(links[at].link->name, link->name) < 0)
                at++;
        memmove(&links[at + 1], &links[at], (plan->n_links - at) * sizeof(*links));
        links[at] = (NetPlanLink){ .link = link, .shares_mac = shares_mac(facts, link) };
        plan->n_links++;
        *ret = &links[at];
        return 1;
}

static int add_stack(NetPlan *plan, const NetFacts *facts, const NetLink *link, unsigned depth,
                     char **reterr_message);

static int add_vlan_parent(NetPlan *plan, const NetFacts *facts, const NetLink *vlan,
                           unsigned depth, char **reterr_message)
{
        const NetLink *parent = net_facts_link(facts, vlan->parent);
        const NetLink **vlans;
        NetPlanLink *planned;
        int r;

        if (!parent) {
                r = refuse(reterr_message, vlan, "is a VLAN of an interface that is gone");
                return r == -EOPNOTSUPP ? -ENODEV : r;
        }
        r = add_stack(plan, facts, parent, depth + 1, reterr_message);
        if (r < 0)
                return r;
        planned = find(plan, parent);
        vlans = reallocarray(planned->vlans, planned->n_vlans + 2, sizeof(*vlans));
        if (!vlans)
                return -ENOMEM;
        planned->vlans = vlans;
        vlans[planned->n_vlans++] = vlan;
        vlans[planned->n_vlans] = NULL;
        return 0;
}

/* All ports of a bond belong together; of a bridge, those that lead out of the machine. */
static int add_ports(NetPlan *plan, const NetFacts *facts, const NetLink *master, unsigned depth,
                     char **reterr_message)
{
        bool any = false;
        size_t n = 0;
        int r;

        for (size_t i = 0; i < facts->n_links; i++) {
                const NetLink *port = &facts->links[i];

                if (port->master != master->index || port == master)
                        continue;
                any = true;
                if (master->kind == NET_KIND_BRIDGE && (is_inner(port) || link_obstacle(port)))
                        continue;
                r = add_stack(plan, facts, port, depth + 1, reterr_message);
                if (r < 0)
                        return r;
                find(plan, port)->master = master;
                n++;
        }
        if (n == 0) {
                r = refuse(reterr_message, master, "has no port that leads out of this machine");
                /* One that is about to be set up gets them later. */
                return r == -EOPNOTSUPP && !any ? -ENODEV : r;
        }
        find(plan, master)->n_ports = n;
        return 0;
}

/* Adds @link and all that it is made of. */
static int add_stack(NetPlan *plan, const NetFacts *facts, const NetLink *link, unsigned depth,
                     char **reterr_message)
{
        const char *obstacle = link_obstacle(link);
        NetPlanLink *planned;
        int r;

        if (depth > DEPTH_MAX)
                return refuse(reterr_message, link, "is part of too deep a stack");
        if (obstacle)
                return refuse(reterr_message, link, obstacle);
        r = add(plan, facts, link, &planned);
        if (r <= 0)
                return r;
        if (link->kind == NET_KIND_VLAN)
                return add_vlan_parent(plan, facts, link, depth, reterr_message);
        if (link->kind == NET_KIND_BOND || link->kind == NET_KIND_BRIDGE)
                return add_ports(plan, facts, link, depth, reterr_message);
        return 0;
}

/* What a server has lent has a lifetime; but for a lease without end, and one that networkd was
 * told to keep (KeepConfiguration=), which show by the routes that came with them. */
static bool is_dynamic(const NetFacts *facts, const NetAddress *address)
{
        if (!(address->flags & IFA_F_PERMANENT))
                return true;
        for (size_t i = 0; i < facts->n_routes; i++) {
                const NetRoute *route = &facts->routes[i];

                if (route->link == address->link && route->protocol == RTPROT_DHCP &&
                    address_equal(&route->source, &address->address))
                        return true;
        }
        return false;
}

static const NetAddress *find_address(const NetFacts *facts, const Address *address)
{
        for (size_t i = 0; i < facts->n_addresses; i++)
                if (address_equal(&facts->addresses[i].address, address))
                        return &facts->addresses[i];
        return NULL;
}

/* The lasting address beside the temporary one @temporary (RFC 8981), in the same network. */
static const NetAddress *lasting_address(const NetFacts *facts, const NetAddress *temporary)
{
        for (size_t i = 0; i < facts->n_addresses; i++) {
                const NetAddress *other = &facts->addresses[i];

                if (other->link == temporary->link && !(other->flags & IFA_F_TEMPORARY) &&
                    address_covers(&temporary->address, &other->address))
                        return other;
        }
        return NULL;
}

/* The address that packets to answer->to are sent from: a link may have others, which may be
 * somebody else's by the time of a crash, as those that a cluster moves about. */
static const NetAddress *source_address(const NetFacts *facts, const NetRouteAnswer *answer)
{
        const NetAddress *source;

        if (answer->source.family == 0)
                return NULL;
        source = find_address(facts, &answer->source);
        if (source && (source->flags & IFA_F_TEMPORARY))
                return lasting_address(facts, source) ?: source;
        return source;
}

static int add_address(NetPlanLink *planned, const NetFacts *facts, const NetAddress *source)
{
        NetPlanAddress address = { .dynamic = is_dynamic(facts, source) };
        NetPlanAddress *addresses;

        /* One that is on another link, as on lo, has no network there. */
        address.address = source->link == planned->link->index ? source->address
                                                               : address_host(source->address);
        if (source->link == planned->link->index)
                address.peer = source->peer;
        for (size_t i = 0; i < planned->n_addresses; i++)
                if (address_equal(&planned->addresses[i].address, &address.address))
                        return 0;
        addresses = reallocarray(planned->addresses, planned->n_addresses + 1, sizeof(*addresses));
        if (!addresses)
                return -ENOMEM;
        planned->addresses = addresses;
        addresses[planned->n_addresses++] = address;
        return 0;
}

static bool route_equal(const NetPlanRoute *a, const NetPlanRoute *b)
{
        return address_equal(&a->route.to, &b->route.to) &&
               a->route.to.prefix_bits == b->route.to.prefix_bits &&
               address_equal(&a->route.gateway, &b->route.gateway);
}

static int add_route(NetPlanLink *planned, const NetPlanRoute *route)
{
        NetPlanRoute *routes;

        for (size_t i = 0; i < planned->n_routes; i++)
                if (route_equal(&planned->routes[i], route))
                        return 0;
        routes = reallocarray(planned->routes, planned->n_routes + 1, sizeof(*routes));
        if (!routes)
                return -ENOMEM;
        planned->routes = routes;
        routes[planned->n_routes++] = *route;
        return 0;
}

/* Is @address in the network of an address that the link will have? */
static bool is_connected(const NetPlanLink *planned, const Address *address)
{
        if (address_is_link_local(address))
                return true;
        for (size_t i = 0; i < planned->n_addresses; i++) {
                const NetPlanAddress *own = &planned->addresses[i];

                if (address_covers(own->peer.family ? &own->peer : &own->address, address))
                        return true;
        }
        return false;
}

/* Nobody is asked for the routes of a link whose addresses are written down. */
static NetPlanRoute plan_route(const NetPlanLink *planned, const NetRoute *route)
{
        const NetMethod method = route->to.family == AF_INET ? planned->ipv4 : planned->ipv6;
        NetPlanRoute plan = {
                .route = { .to = route->to, .gateway = route->gateway },
                .source = route->source,
        };

        plan.dynamic = method == NET_METHOD_DYNAMIC &&
                       (route->protocol == RTPROT_DHCP || route->protocol == RTPROT_RA ||
                        /* dhclient's and udhcpc's scripts do not say that it was them. */
                        (route->to.prefix_bits == 0 && route->to.family == AF_INET) ||
                        /* The kernel's own work with what routers announce to it. */
                        (route->to.prefix_bits == 0 && route->protocol == RTPROT_KERNEL));
        plan.on_link = route->gateway.family != 0 && !is_connected(planned, &route->gateway);
        return plan;
}

/* Of the main table's routes over this link, the one that leads to @to. */
static const NetRoute *best_route(const NetFacts *facts, uint32_t link, const Address *to)
{
        const NetRoute *best = NULL;

        for (size_t i = 0; i < facts->n_routes; i++) {
                const NetRoute *route = &facts->routes[i];

                if (route->link != link || !address_covers(&route->to, to))
                        continue;
                if (!best || route->to.prefix_bits > best->to.prefix_bits ||
                    (route->to.prefix_bits == best->to.prefix_bits && route->metric < best->metric))
                        best = route;
        }
        return best;
}

/* So that a name which leads elsewhere by then can be followed. */
static int add_default_route(NetPlanLink *planned, const NetFacts *facts, int family)
{
        const NetRoute *best = NULL;
        NetPlanRoute route;

        for (size_t i = 0; i < facts->n_routes; i++) {
                const NetRoute *other = &facts->routes[i];

                if (other->link == planned->link->index && other->to.family == family &&
                    other->to.prefix_bits == 0 && (!best || other->metric < best->metric))
                        best = other;
        }
        if (!best)
                return 0;
        route = plan_route(planned, best);
        return add_route(planned, &route);
}

/* The route by which the kernel goes to answer->to: that of the main table if it says the same,
 * else one for this address alone, as when rules or other tables have decided. */
static int add_answer_route(NetPlanLink *planned, const NetFacts *facts,
                            const NetRouteAnswer *answer)
{
        const NetRoute *best = best_route(facts, planned->link->index, &answer->to);
        NetPlanRoute route = {
                .route = { .to = address_host(answer->to), .gateway = answer->gateway },
                .source = answer->source,
        };

        if (answer->gateway.family == 0 && is_connected(planned, &answer->to))
                return 0;
        if (best && address_equal(&best->gateway, &answer->gateway)) {
                route = plan_route(planned, best);
                return add_route(planned, &route);
        }
        route.on_link = answer->gateway.family != 0 && !is_connected(planned, &answer->gateway);
        return add_route(planned, &route);
}

/* Whether what is announced there is needed for the way to the gateway. */
static bool has_announced_default(const NetFacts *facts, uint32_t link)
{
        for (size_t i = 0; i < facts->n_routes; i++) {
                const NetRoute *route = &facts->routes[i];

                if (route->link == link && route->to.family == AF_INET6 &&
                    route->to.prefix_bits == 0 &&
                    (route->protocol == RTPROT_RA || route->protocol == RTPROT_KERNEL))
                        return true;
        }
        return false;
}

static void set_method(NetPlanLink *planned, const NetFacts *facts, const NetAddress *source,
                       int family)
{
        NetMethod *method = family == AF_INET ? &planned->ipv4 : &planned->ipv6;

        if (*method == NET_METHOD_NONE)
                *method = NET_METHOD_STATIC;
        if (source && is_dynamic(facts, source) && source->link == planned->link->index)
                *method = NET_METHOD_DYNAMIC;
        if (family == AF_INET6 && has_announced_default(facts, planned->link->index))
                *method = NET_METHOD_DYNAMIC;
}

int net_plan_add(NetPlan *plan, const NetFacts *facts, const NetRouteAnswer *answer,
                 char **reterr_message)
{
        const NetLink *link = net_facts_link(facts, answer->link);
        const NetAddress *source;
        NetPlanLink *planned;
        int r;

        if (answer->local)
                return 0;
        if (!link) {
                if (strprintf(reterr_message, "network interface %u is gone", answer->link) < 0)
                        return -ENOMEM;
                return -ENODEV;
        }
        r = add_stack(plan, facts, link, 0, reterr_message);
        if (r < 0)
                return r;
        planned = find(plan, link);
        source = source_address(facts, answer);
        set_method(planned, facts, source, answer->to.family);
        /* A link-local one is there by itself. */
        if (source && !address_is_link_local(&source->address)) {
                r = add_address(planned, facts, source);
                if (r < 0)
                        return r;
        }
        if (address_is_link_local(&answer->to))
                return 1;
        r = add_answer_route(planned, facts, answer);
        if (r < 0)
                return r;
        r = add_default_route(planned, facts, answer->to.family);
        return r < 0 ? r : 1;
}

static const char *kind_driver(NetKind kind)
{
        switch (kind) {
        case NET_KIND_VLAN:
                return "8021q";
        case NET_KIND_BOND:
                return "bonding";
        case NET_KIND_BRIDGE:
                return "bridge";
        default:
                return NULL;
        }
}

int net_plan_link_drivers(const NetPlanLink *planned, char ***drivers)
{
        /* What DHCP is spoken over, and what is built in nearly everywhere. */
        static const char *const always[] = { "af_packet", "ipv6" };
        const char *driver = kind_driver(planned->link->kind);
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(always) && r >= 0; i++)
                r = drivers_add(drivers, always[i]);
        if (driver && r >= 0)
                r = drivers_add(drivers, driver);
        for (char **d = planned->link->drivers; d && *d && r >= 0; d++)
                r = drivers_add(drivers, *d);
        return r;
}
