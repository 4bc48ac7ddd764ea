/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the .network and .link files (systemd.network(5), systemd.link(5)) and their order: a link
 * is set up by the first file that matches it, so virtual ones, which may have the hardware address
 * of a NIC, come first, by name. */
#include "net-units-internal.h"

#include <ctype.h>

#include "io.h"

void net_file_done(NetFile *file)
{
        free(file->path);
        free(file->text);
        *file = (NetFile){ 0 };
}

static bool is_nic(const NetLink *link)
{
        return link->kind == NET_KIND_NIC;
}

/* "eth0" is what the kernel may call another one. A name of this kind that is taken cannot be
 * given, and is no use: NICs are known by their hardware address. */
static bool name_is_kernels(const char *name)
{
        const char *number = startswith(name, "eth");

        return number && isdigit((unsigned char) *number);
}

static void write_match(FILE *f, const NetPlanLink *planned)
{
        const NetLink *link = planned->link;
        char mac[MAC_TEXT_BYTES];

        (void) fputs("[Match]\n", f);
        if (!is_nic(link))
                (void) fprintf(f, "Name=%s\n", link->name);
        else if (link->has_permanent_mac)
                (void) fprintf(f, "PermanentMACAddress=%s\n", mac_format(link->permanent_mac, mac));
        else
                (void) fprintf(f, "MACAddress=%s\n", mac_format(link->mac, mac));
        if (is_nic(link) && planned->shares_mac && link->driver)
                (void) fprintf(f, "Driver=%s\n", link->driver);
}

/* A NIC that was given another hardware address than its own keeps it; those of ports are their
 * master's to choose. */
static bool has_other_mac(const NetPlanLink *planned)
{
        const NetLink *link = planned->link;

        return is_nic(link) && !planned->master && link->has_mac && link->has_permanent_mac &&
               memcmp(link->mac, link->permanent_mac, MAC_BYTES) != 0;
}

static void write_link_section(FILE *f, const NetPlanLink *planned)
{
        char mac[MAC_TEXT_BYTES];

        (void) fputs("\n[Link]\n", f);
        if (planned->link->mtu_bytes > 0)
                (void) fprintf(f, "MTUBytes=%u\n", planned->link->mtu_bytes);
        if (has_other_mac(planned))
                (void) fprintf(f, "MACAddress=%s\n", mac_format(planned->link->mac, mac));
}

/* Bridge=, or of a bond Bond= and whether this is the port to be preferred. */
static void write_master(FILE *f, const NetPlanLink *planned)
{
        const NetLink *master = planned->master;

        if (!master)
                return;
        if (master->kind == NET_KIND_BRIDGE) {
                (void) fprintf(f, "Bridge=%s\n", master->name);
                return;
        }
        (void) fprintf(f, "Bond=%s\n", master->name);
        if (master->bond.options[NET_BOND_PRIMARY] == planned->link->index)
                (void) fputs("PrimarySlave=yes\n", f);
}

static bool needs_ipv6(const NetPlanLink *planned)
{
        return planned->ipv6 != NET_METHOD_NONE;
}

static void write_network_section(FILE *f, const NetPlanLink *planned)
{
        (void) fputs("\n[Network]\nLLDP=no\nIPv6PrivacyExtensions=no\n", f);
        /* A cable that is out for a while, a server that does not renew, networkd's own end:
         * nothing of that is a reason to give up an address in the middle of a dump. */
        if (planned->ipv4 != NET_METHOD_NONE || needs_ipv6(planned))
                (void) fputs("IgnoreCarrierLoss=yes\nKeepConfiguration=yes\n", f);
        write_master(f, planned);
        for (size_t i = 0; i < planned->n_vlans; i++)
                (void) fprintf(f, "VLAN=%s\n", planned->vlans[i]->name);
        (void) fprintf(f, "LinkLocalAddressing=%s\n", needs_ipv6(planned) ? "ipv6" : "no");
        (void) fprintf(f, "IPv6AcceptRA=%s\n", planned->ipv6 == NET_METHOD_DYNAMIC ? "yes" : "no");
        if (planned->ipv4 == NET_METHOD_DYNAMIC)
                (void) fputs("DHCP=ipv4\n", f);
}

/* Duplicates are not looked for: the address was ours before the crash, and nobody else has come
 * for it in the seconds since. */
static void write_addresses(FILE *f, const NetPlanLink *planned)
{
        char text[ADDRESS_TEXT_BYTES];

        for (size_t i = 0; i < planned->n_addresses; i++) {
                const NetPlanAddress *address = &planned->addresses[i];

                if (address->dynamic)
                        continue;
                (void) fprintf(f, "\n[Address]\nAddress=%s\n",
                               address_format_prefix(&address->address, text));
                if (address->peer.family != 0)
                        (void) fprintf(f, "Peer=%s\n", address_format_prefix(&address->peer, text));
                (void) fputs("DuplicateAddressDetection=none\n", f);
        }
}

static void write_routes(FILE *f, const NetPlanLink *planned)
{
        char text[ADDRESS_TEXT_BYTES];

        for (size_t i = 0; i < planned->n_routes; i++) {
                const NetPlanRoute *route = &planned->routes[i];

                if (route->dynamic)
                        continue;
                (void) fprintf(f, "\n[Route]\nDestination=%s\n",
                               address_format_prefix(&route->route.to, text));
                if (route->route.gateway.family != 0)
                        (void) fprintf(f, "Gateway=%s\n",
                                       address_format(&route->route.gateway, text));
                else if (route->route.to.family == AF_INET)
                        (void) fputs("Scope=link\n", f);
                if (route->on_link)
                        (void) fputs("GatewayOnLink=yes\n", f);
        }
}

#define IAID_DIGITS 8
#define DUID_TYPE_DIGITS 4

/* RFC 8415, 11.1, in the words of networkd.conf(5). Data of another length fails the whole link
 * (dhcp_validate_duid_len() of systemd). Returns NULL for what networkd would not take. */
static const char *duid_type_name(const char *digits)
{
        static const struct {
                const char *digits, *name;
                size_t min_bytes, max_bytes; /* of the data */
        } types[] = {
                { "0001", "link-layer-time", 7, 126 },
                { "0002", "vendor", 12, 12 },
                { "0003", "link-layer", 3, 126 },
                { "0004", "uuid", 16, 16 },
        };

        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                const char *data = startswith(digits, types[i].digits);

                if (data && strlen(data) >= 2 * types[i].min_bytes &&
                    strlen(data) <= 2 * types[i].max_bytes)
                        return types[i].name;
        }
        return NULL;
}

/* The server is to know us again. What networkd told it is in its lease (RFC 4361: 255, four bytes
 * IAID, two bytes type of the DUID, its data); of the other clients, most tell the hardware address
 * by default. */
static void write_client_id(FILE *f, const char *id)
{
        const char *iaid = id ? startswith(id, "ff") : NULL, *type = NULL;
        char digits[IAID_DIGITS + 1];

        if (iaid && strlen(iaid) > IAID_DIGITS + DUID_TYPE_DIGITS)
                type = duid_type_name(iaid + IAID_DIGITS);
        if (!type) {
                (void) fputs("ClientIdentifier=mac\n", f);
                return;
        }
        memcpy(digits, iaid, IAID_DIGITS);
        digits[IAID_DIGITS] = '\0';
        (void) fprintf(f, "ClientIdentifier=duid\nIAID=%lu\nDUIDType=%s\nDUIDRawData=",
                       strtoul(digits, NULL, 16), type);
        iaid += IAID_DIGITS + DUID_TYPE_DIGITS;
        for (const char *p = iaid; p[0] && p[1]; p += 2)
                (void) fprintf(f, "%s%c%c", p == iaid ? "" : ":", p[0], p[1]);
        (void) fputs("\n", f);
}

static void write_dhcp(FILE *f, const NetPlanLink *planned, const char *hostname)
{
        if (planned->ipv4 != NET_METHOD_DYNAMIC)
                return;
        (void) fputs("\n[DHCPv4]\n", f);
        write_client_id(f, planned->link->client_id);
        (void) fputs("UseDNS=no\nUseNTP=no\nUseSIP=no\nUseDomains=no\nUseHostname=no\n"
                     "UseTimezone=no\nUseMTU=no\nSendRelease=no\n",
                     f);
        if (hostname)
                (void) fprintf(f, "SendHostname=yes\nHostname=%s\n", hostname);
        else
                (void) fputs("SendHostname=no\n", f);
}

/* The half of the address that is ours to choose stays as it was. */
static void write_announced(FILE *f, const NetPlanLink *planned)
{
        char text[ADDRESS_TEXT_BYTES];

        if (planned->ipv6 != NET_METHOD_DYNAMIC)
                return;
        (void) fputs("\n[IPv6AcceptRA]\nUseDNS=no\nUseDomains=no\n", f);
        for (size_t i = 0; i < planned->n_addresses; i++) {
                Address token = planned->addresses[i].address;

                if (token.family != AF_INET6 || !planned->addresses[i].dynamic ||
                    token.prefix_bits != 64)
                        continue;
                memset(token.bytes, 0, 8);
                (void) fprintf(f, "Token=static:%s\n", address_format(&token, text));
                return;
        }
}

static void write_network(FILE *f, const NetPlanLink *planned, const char *hostname)
{
        write_match(f, planned);
        write_link_section(f, planned);
        write_network_section(f, planned);
        write_addresses(f, planned);
        write_routes(f, planned);
        write_dhcp(f, planned, hostname);
        write_announced(f, planned);
}

static void write_name(FILE *f, const NetPlanLink *planned)
{
        write_match(f, planned);
        (void) fprintf(f, "\n[Link]\nName=%s\n", planned->link->name);
}

typedef enum UnitKind {
        UNIT_NETDEV,
        UNIT_NETWORK,
        UNIT_LINK,
} UnitKind;

static int unit_text(const NetPlanLink *planned, UnitKind kind, const char *hostname, char **ret)
{
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        bool failed;

        if (!f)
                return -ENOMEM;
        if (kind == UNIT_NETDEV)
                net_units_write_netdev(f, planned);
        else if (kind == UNIT_NETWORK)
                write_network(f, planned, hostname);
        else
                write_name(f, planned);
        failed = ferror(f);
        if (fclose(f) != 0 || failed) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        return 0;
}

static int add_file(const NetPlanLink *planned, UnitKind kind, const char *hostname,
                    NetFile **files, size_t *n)
{
        static const char *const endings[] = {
                [UNIT_NETDEV] = "netdev",
                [UNIT_NETWORK] = "network",
                [UNIT_LINK] = "link",
        };
        NetFile file = { 0 }, *more;
        int r;

        r = strprintf(&file.path, NET_UNITS_FOLDER "/%s-kdump-%s.%s",
                      is_nic(planned->link) ? "20" : "10", planned->link->name, endings[kind]);
        if (r >= 0)
                r = unit_text(planned, kind, hostname, &file.text);
        more = r < 0 ? NULL : reallocarray(*files, *n + 1, sizeof(*more));
        if (!more) {
                net_file_done(&file);
                return -ENOMEM;
        }
        *files = more;
        more[(*n)++] = file;
        return 0;
}

int net_units_add(const NetPlanLink *planned, const char *hostname, NetFile **files, size_t *n)
{
        int r = 0;

        if (!is_nic(planned->link))
                r = add_file(planned, UNIT_NETDEV, hostname, files, n);
        else if (!name_is_kernels(planned->link->name))
                r = add_file(planned, UNIT_LINK, hostname, files, n);
        if (r < 0)
                return r;
        return add_file(planned, UNIT_NETWORK, hostname, files, n);
}
