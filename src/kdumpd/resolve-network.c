/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the way from the hosts of targets to units, drivers and expectations. */
#include "resolve-network.h"

#include "net-image.h"
#include "net-resolve.h"
#include "resolve-device.h"
#include "resolve-files.h"
#include "rootdir.h"
#include "strv.h"
#include "target-host.h"

/* Fills in target->addresses; *names if nothing is known of its name. Returns 1 if it is on another
 * machine, 0 if not. */
static int add_addresses(const ResolveContext *c, Target *target, bool *names)
{
        _cleanup_strv_ char **known = NULL;
        _cleanup_free_ char *host = NULL;
        unsigned port;
        int r;

        r = target_host(target, &host, &port);
        if (r <= 0)
                return r;
        r = net_resolve_known(c->root_fd, host, &known);
        if (r < 0)
                return r;
        if (r == 0) {
                *names = true;
                r = resolve_warn(c,
                                 "the name '%s' has not led to an address yet: the crash kernel "
                                 "would have to ask for it",
                                 host);
                return r < 0 ? r : 1;
        }
        strv_free(target->addresses);
        target->addresses = TAKE_PTR(known);
        return 1;
}

static int add_link(const ResolveContext *c, const NetImageLink *link)
{
        int r;

        for (size_t i = 0; i < link->n_files; i++) {
                r = needs_add_text(link->files[i].path, 0644, link->files[i].text, c->needs);
                if (r < 0)
                        return r;
        }
        return drivers_add_all(&c->needs->drivers, link->drivers);
}

static int add_image(const ResolveContext *c, const NetImage *image, Plan *plan)
{
        int r;

        for (size_t i = 0; i < image->n_links; i++) {
                r = add_link(c, image->links + i);
                if (r < 0)
                        return r;
        }
        if (image->resolv_conf) {
                r = needs_add_text("/etc/resolv.conf", 0644, image->resolv_conf, c->needs);
                if (r < 0)
                        return r;
        }
        return net_image_network(image, &plan->network);
}

/* For the next start, which may be before the network's. Those who may not write there, such as
 * the checks, go without. */
static void keep(int root_fd, const NetImage *image)
{
        _cleanup_(net_image_done) NetImage saved = { 0 };

        if (net_image_read_saved(root_fd, &saved) < 0 || !net_image_equal(&saved, image))
                (void) net_image_save(root_fd, image);
}

/* All addresses of the @n @targets, and for each the number of the target. */
static int list_hosts(const Target *targets, size_t n, char ***addresses, size_t **ret)
{
        size_t *hosts, at = 0;
        int r;

        for (size_t i = 0; i < n; i++) {
                r = strv_extend_strv(addresses, targets[i].addresses);
                if (r < 0)
                        return r;
        }
        hosts = calloc(MAX(strv_length(*addresses), (size_t) 1), sizeof(*hosts));
        if (!hosts)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < strv_length(targets[i].addresses); k++)
                        hosts[at++] = i;
        *ret = hosts;
        return 0;
}

int resolve_network(const ResolveContext *c, const Facts *facts, Plan *plan)
{
        _cleanup_(net_image_done) NetImage image = { 0 };
        _cleanup_strv_ char **addresses = NULL;
        _cleanup_free_ size_t *hosts = NULL;
        NetImageWant want = { .hostname = facts->hostname };
        bool remote = false;
        int r;

        for (size_t i = 0; i < plan->n_targets; i++) {
                r = add_addresses(c, plan->targets + i, &want.names);
                if (r < 0)
                        return r;
                remote |= r > 0;
        }
        r = strv_extend(&c->needs->inputs, PATH_NET_ADDRESSES);
        /* The kernel that answers is that of this system. */
        if (r < 0 || !remote || !root_is_ours(c->root_fd))
                return MIN(r, 0);
        r = list_hosts(plan->targets, plan->n_targets, &addresses, &hosts);
        if (r < 0)
                return r;
        want.addresses = addresses;
        want.hosts = hosts;
        r = net_image_make(c->root_fd, &want, &image, c->warnings, c->reterr_message);
        if (r < 0 && r != -ENOMEM && !*c->reterr_message)
                r = resolve_refuse(c, r, "the kernel does not tell of its network links: %s",
                                   strerror(-r));
        if (r < 0)
                return r;
        keep(c->root_fd, &image);
        return add_image(c, &image, plan);
}

int resolve_hosts(const Target *targets, size_t n, char ***hosts)
{
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *host = NULL;
                unsigned port;
                int r;

                r = target_host(targets + i, &host, &port);
                if (r > 0 && !strv_contains(*hosts, host))
                        r = strv_extend(hosts, host);
                if (r == -ENOMEM)
                        return r;
        }
        return 0;
}
