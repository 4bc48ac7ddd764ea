/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the way from addresses to what the image must hold for them. */
#include "net-image.h"

#include "io.h"
#include "strv.h"

/* From the carrier on. A server that is there has answered long before; a switch that looks for
 * loops first lets nothing through for 30 s, and then both come to the same. */
#define PATIENCE_DYNAMIC_USEC (20 * USEC_PER_SEC)
#define PATIENCE_STATIC_USEC (10 * USEC_PER_SEC)

void net_image_link_done(NetImageLink *link)
{
        free(link->name);
        for (size_t i = 0; i < link->n_files; i++)
                net_file_done(&link->files[i]);
        free(link->files);
        strv_free(link->drivers);
        network_link_done(&link->expected);
        *link = (NetImageLink){ 0 };
}

void net_image_done(NetImage *image)
{
        for (size_t i = 0; i < image->n_links; i++)
                net_image_link_done(&image->links[i]);
        for (size_t i = 0; i < image->n_ways; i++) {
                free(image->ways[i].address);
                strv_free(image->ways[i].links);
        }
        free(image->links);
        free(image->ways);
        free(image->resolv_conf);
        *image = (NetImage){ 0 };
}

static int add_file(const char *path, const char *text, NetFile **files, size_t *n)
{
        NetFile file = { strdup(path), strdup(text) };
        NetFile *more = file.path && file.text ? reallocarray(*files, *n + 1, sizeof(*more)) : NULL;

        if (!more) {
                net_file_done(&file);
                return -ENOMEM;
        }
        *files = more;
        more[(*n)++] = file;
        return 0;
}

int net_image_link_copy(const NetImageLink *from, NetImageLink *ret)
{
        _cleanup_(net_image_link_done) NetImageLink link = { .name = strdup(from->name) };
        int r = 0;

        if (!link.name)
                return -ENOMEM;
        for (size_t i = 0; i < from->n_files && r >= 0; i++)
                r = add_file(from->files[i].path, from->files[i].text, &link.files, &link.n_files);
        if (r >= 0)
                r = strv_copy(from->drivers, &link.drivers);
        if (r >= 0)
                r = network_link_copy(&from->expected, &link.expected);
        if (r < 0)
                return r;
        *ret = link;
        link = (NetImageLink){ 0 };
        return 0;
}

static NetImageLink *find_link(const NetImage *image, const char *name)
{
        for (size_t i = 0; i < image->n_links; i++)
                if (streq(image->links[i].name, name))
                        return &image->links[i];
        return NULL;
}

static const NetImageWay *find_way(const NetImage *image, const char *address)
{
        for (size_t i = 0; i < image->n_ways; i++)
                if (streq(image->ways[i].address, address))
                        return &image->ways[i];
        return NULL;
}

/* @link is the image's own, whatever comes of it. */
static int take_link(NetImage *image, NetImageLink *link)
{
        NetImageLink *links = reallocarray(image->links, image->n_links + 1, sizeof(*links));
        size_t at = 0;

        if (!links) {
                net_image_link_done(link);
                return -ENOMEM;
        }
        image->links = links;
        while (at < image->n_links && strcmp(links[at].name, link->name) < 0)
                at++;
        memmove(&links[at + 1], &links[at], (image->n_links - at) * sizeof(*links));
        links[at] = *link;
        image->n_links++;
        return 0;
}

static int add_way(NetImage *image, const char *address, char *const *links)
{
        NetImageWay *ways;
        NetImageWay way = { 0 };
        int r;

        if (find_way(image, address))
                return 0;
        ways = reallocarray(image->ways, image->n_ways + 1, sizeof(*ways));
        if (!ways)
                return -ENOMEM;
        image->ways = ways;
        r = strv_copy(links, &way.links);
        if (r < 0)
                return r;
        way.address = strdup(address);
        if (!way.address) {
                strv_free(way.links);
                return -ENOMEM;
        }
        ways[image->n_ways++] = way;
        return 0;
}

/* The addresses and routes of @planned, for kdump-capture. */
static int expect(const NetPlanLink *planned, NetworkLink *expected)
{
        const NetLink *link = planned->link;
        char text[NETWORK_ROUTE_TEXT_BYTES];
        int r;

        expected->name = strdup(link->name);
        if (!expected->name)
                return -ENOMEM;
        expected->patience_usec =
                planned->ipv4 == NET_METHOD_DYNAMIC || planned->ipv6 == NET_METHOD_DYNAMIC
                        ? PATIENCE_DYNAMIC_USEC
                        : PATIENCE_STATIC_USEC;
        if (link->kind == NET_KIND_NIC) {
                expected->mac = strdup(mac_format(
                        link->has_permanent_mac ? link->permanent_mac : link->mac, text));
                if (!expected->mac)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < planned->n_addresses; i++) {
                r = strv_extend(&expected->addresses,
                                address_format_prefix(&planned->addresses[i].address, text));
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < planned->n_routes; i++) {
                r = strv_extend(&expected->routes,
                                network_route_format(&planned->routes[i].route, text));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_planned(NetImage *image, const NetPlanLink *planned, const char *hostname)
{
        NetImageLink link = { .name = strdup(planned->link->name) };
        int r;

        r = link.name ? net_units_add(planned, hostname, &link.files, &link.n_files) : -ENOMEM;
        if (r >= 0)
                r = net_plan_link_drivers(planned, &link.drivers);
        if (r >= 0 && (planned->ipv4 != NET_METHOD_NONE || planned->ipv6 != NET_METHOD_NONE))
                r = expect(planned, &link.expected);
        if (r < 0) {
                net_image_link_done(&link);
                return r;
        }
        return take_link(image, &link);
}

/* Those links of the way that was known before which are not there now. */
static int add_saved(NetImage *image, const NetImage *saved, const char *address, char ***warnings)
{
        const NetImageWay *way = find_way(saved, address);
        int r;

        for (char **name = way->links; name && *name; name++) {
                const NetImageLink *link = find_link(saved, *name);
                NetImageLink copy;

                if (!link || find_link(image, *name))
                        continue;
                r = net_image_link_copy(link, &copy);
                if (r < 0)
                        return r;
                r = take_link(image, &copy);
                if (r < 0)
                        return r;
        }
        r = add_way(image, address, way->links);
        if (r < 0)
                return r;
        return strv_extendf(warnings,
                            "there is no way to %s now: the crash kernel takes the one that was "
                            "there last",
                            address);
}

/* Adds what leads to answer->to to @plan, all or nothing, and the names of its links to @names. */
static int plan_way(NetPlan *plan, const NetFacts *facts, const NetRouteAnswer *answer,
                    char ***names, char **reterr_message)
{
        _cleanup_(net_plan_done) NetPlan alone = { 0 };
        int r;

        r = net_plan_add(&alone, facts, answer, reterr_message);
        if (r <= 0)
                return r;
        for (size_t i = 0; i < alone.n_links && r >= 0; i++)
                r = strv_extend(names, alone.links[i].link->name);
        if (r < 0)
                return r;
        return net_plan_add(plan, facts, answer, reterr_message);
}

/* What became of an address that is asked for. */
typedef struct Attempt {
        bool reached;  /* there is a way to it, now or of before */
        bool missing;  /* there is none now */
        char *refusal; /* the way cannot be set up in the crash kernel */
} Attempt;

static int plan_target(NetPlan *plan, NetImage *image, const NetFacts *facts,
                       const NetRouteAnswer *answer, const char *address, char ***warnings,
                       Attempt *ret)
{
        _cleanup_strv_ char **names = NULL;
        _cleanup_free_ char *message = NULL;
        int r;

        r = answer->to.family == 0 ? -ENODEV : plan_way(plan, facts, answer, &names, &message);
        ret->missing = r == -ENODEV;
        ret->reached = r >= 0;
        if (r == -ENODEV)
                return 0;
        if (r == -EOPNOTSUPP)
                return strprintf(&ret->refusal, "%s cannot be reached from the crash kernel: %s",
                                 address, message);
        if (r < 0)
                return r;
        if (r == 0)
                return strv_extendf(warnings, "%s is this machine's own address", address);
        return add_way(image, address, names);
}

/* Is there a way to another address of the host that address @i is of? */
static bool host_is_reached(const NetImageWant *want, const Attempt *attempts, size_t n, size_t i)
{
        for (size_t k = 0; want->hosts && k < n; k++)
                if (want->hosts[k] == want->hosts[i] && attempts[k].reached)
                        return true;
        return false;
}

/* A host has often addresses of both kinds, of which the network here has one. */
static int judge_target(const NetImageWant *want, const Attempt *attempts, size_t n, size_t i,
                        char ***warnings, char **reterr_message)
{
        const Attempt *attempt = &attempts[i];
        bool other = host_is_reached(want, attempts, n, i);

        if (attempt->refusal && other)
                return strv_extend(warnings, attempt->refusal);
        if (attempt->refusal) {
                *reterr_message = strdup(attempt->refusal);
                return *reterr_message ? -ENETUNREACH : -ENOMEM;
        }
        if (!attempt->missing || attempt->reached || other)
                return 0;
        return strv_extendf(warnings,
                            "there is no way to %s now, and none is known of before: until there "
                            "is, the crash kernel cannot reach it",
                            want->addresses[i]);
}

static int plan_targets(NetPlan *plan, NetImage *image, const NetImageFacts *facts,
                        const NetImageWant *want, Attempt *attempts, char ***warnings,
                        char **reterr_message)
{
        const size_t n = strv_length(want->addresses);
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                r = plan_target(plan, image, facts->facts, &facts->answers[i], want->addresses[i],
                                warnings, &attempts[i]);
                if (attempts[i].missing && facts->saved)
                        attempts[i].reached = find_way(facts->saved, want->addresses[i]);
        }
        for (size_t i = 0; i < n && r >= 0; i++)
                r = judge_target(want, attempts, n, i, warnings, reterr_message);
        return r;
}

/* Is the link of @answer one that has an address in the plan? */
static bool is_planned(const NetPlan *plan, const NetRouteAnswer *answer)
{
        for (size_t i = 0; i < plan->n_links; i++)
                if (plan->links[i].link->index == answer->link &&
                    (plan->links[i].ipv4 != NET_METHOD_NONE ||
                     plan->links[i].ipv6 != NET_METHOD_NONE))
                        return true;
        return false;
}

/* Name servers: those that are reached over links that are needed anyway; all of them if there is a
 * name without an address. One that cannot be reached is none. */
static int plan_servers(NetPlan *plan, const NetFacts *facts, const NetRouteAnswer *answers,
                        const NetDns *dns, bool names_needed, char ***servers)
{
        int r;

        for (size_t i = 0; dns->servers && dns->servers[i]; i++) {
                _cleanup_strv_ char **names = NULL;
                _cleanup_free_ char *message = NULL;

                if (answers[i].to.family == 0 || !(names_needed || is_planned(plan, &answers[i])))
                        continue;
                r = plan_way(plan, facts, &answers[i], &names, &message);
                if (r == -ENOMEM)
                        return r;
                if (r <= 0)
                        continue;
                r = strv_extend(servers, dns->servers[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int plan_image(const NetImageFacts *facts, const NetImageWant *want, Attempt *attempts,
                      NetImage *image, char ***warnings, char **reterr_message)
{
        _cleanup_(net_plan_done) NetPlan plan = { 0 };
        _cleanup_strv_ char **servers = NULL;
        const size_t n = strv_length(want->addresses);
        bool missing = false;
        int r;

        r = plan_targets(&plan, image, facts, want, attempts, warnings, reterr_message);
        if (r >= 0 && facts->dns)
                r = plan_servers(&plan, facts->facts, facts->answers + n, facts->dns, want->names,
                                 &servers);
        for (size_t i = 0; i < plan.n_links && r >= 0; i++)
                r = add_planned(image, &plan.links[i], want->hostname);
        for (size_t i = 0; i < n && r >= 0; i++) {
                missing |= attempts[i].missing;
                if (attempts[i].missing && attempts[i].reached)
                        r = add_saved(image, facts->saved, want->addresses[i], warnings);
        }
        if (r < 0)
                return r;
        if (servers)
                return net_dns_format(facts->dns, servers, &image->resolv_conf);
        if (!missing || !facts->saved || !facts->saved->resolv_conf)
                return 0;
        image->resolv_conf = strdup(facts->saved->resolv_conf);
        return image->resolv_conf ? 0 : -ENOMEM;
}

int net_image_plan(const NetImageFacts *facts, const NetImageWant *want, NetImage *ret,
                   char ***warnings, char **reterr_message)
{
        _cleanup_(net_image_done) NetImage image = { 0 };
        const size_t n = strv_length(want->addresses);
        _cleanup_free_ Attempt *attempts = calloc(MAX(n, (size_t) 1), sizeof(*attempts));
        int r;

        if (!attempts)
                return -ENOMEM;
        r = plan_image(facts, want, attempts, &image, warnings, reterr_message);
        for (size_t i = 0; i < n; i++)
                free(attempts[i].refusal);
        if (r < 0)
                return r;
        *ret = image;
        image = (NetImage){ 0 };
        return 0;
}

/* "fe80::1%eth0": the index of eth0. */
static uint32_t scope_link(const NetFacts *facts, const char *address)
{
        const char *scope = strchr(address, '%');
        size_t n = scope ? strcspn(scope + 1, "/]") : 0;

        for (size_t i = 0; n > 0 && i < facts->n_links; i++)
                if (strlen(facts->links[i].name) == n &&
                    strncmp(facts->links[i].name, scope + 1, n) == 0)
                        return facts->links[i].index;
        return 0;
}

/* Returns 0 with or without an answer. */
static int ask(const NetFacts *facts, const char *text, NetRouteAnswer *ret, char **reterr_message)
{
        Address address;
        int r;

        r = address_parse(text, &address);
        if (r < 0) {
                if (strprintf(reterr_message, "'%s' is no IP address", text) < 0)
                        return -ENOMEM;
                return -EINVAL;
        }
        r = net_route_ask(&address, scope_link(facts, text), ret);
        /* Whatever the kernel says, it is no way: ENETUNREACH, EHOSTUNREACH, EACCES (prohibit),
         * EINVAL (blackhole), ENODEV. */
        return r == -ENOMEM || r == -ETIMEDOUT ? r : 0;
}

int net_image_make(int root_fd, const NetImageWant *want, NetImage *ret, char ***warnings,
                   char **reterr_message)
{
        _cleanup_(net_facts_done) NetFacts facts = { 0 };
        _cleanup_(net_image_done) NetImage saved = { 0 };
        _cleanup_(net_dns_done) NetDns dns = { 0 };
        _cleanup_free_ NetRouteAnswer *answers = NULL;
        const size_t n = strv_length(want->addresses);
        NetImageFacts all = { .facts = &facts, .dns = &dns, .saved = &saved };
        size_t n_all;
        int r;

        if (n == 0 && !want->names) {
                *ret = (NetImage){ 0 };
                return 0;
        }
        r = net_facts_read(root_fd, &facts);
        if (r >= 0)
                r = net_dns_read(root_fd, &dns);
        if (r < 0)
                return r;
        n_all = n + strv_length(dns.servers);
        answers = calloc(MAX(n_all, (size_t) 1), sizeof(*answers));
        if (!answers)
                return -ENOMEM;
        for (size_t i = 0; i < n_all; i++) {
                r = ask(&facts, i < n ? want->addresses[i] : dns.servers[i - n], &answers[i],
                        reterr_message);
                if (r < 0)
                        return r;
        }
        r = net_image_read_saved(root_fd, &saved);
        if (r == -ENOMEM)
                return r;
        all.answers = answers;
        return net_image_plan(&all, want, ret, warnings, reterr_message);
}

int net_image_network(const NetImage *image, Network *ret)
{
        _cleanup_(network_done) Network network = { 0 };
        int r;

        network.links = calloc(MAX(image->n_links, (size_t) 1), sizeof(*network.links));
        if (!network.links)
                return -ENOMEM;
        for (size_t i = 0; i < image->n_links; i++) {
                if (!image->links[i].expected.name)
                        continue;
                r = network_link_copy(&image->links[i].expected, &network.links[network.n_links]);
                if (r < 0)
                        return r;
                network.n_links++;
        }
        *ret = network;
        network = (Network){ 0 };
        return 0;
}
