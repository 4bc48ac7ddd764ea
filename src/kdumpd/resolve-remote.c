/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what a target on another machine means: programs, modules of the kernel and of
 * kdump-capture, keys and certificates. */
#include "resolve-remote.h"

#include "address.h"
#include "credentials.h"
#include "io.h"
#include "net-image.h"
#include "paths.h"
#include "resolve-device.h"
#include "resolve-files.h"
#include "resolve-ssh.h"
#include "rootdir.h"
#include "strv.h"
#include "target-host.h"

/* Where distributions have the certificates that the system trusts. */
static const char *const ca_bundles[] = {
        "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Arch, Alpine */
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora */
        "/etc/ssl/ca-bundle.pem",                            /* SUSE */
};

/* The image sets up the network with what sets it up on many systems. Addresses come later, in
 * resolve_network(). */
static int add_network(const ResolveContext *c, Target *target, char **ret_host, unsigned *ret_port)
{
        _cleanup_free_ char *host = NULL, *program = NULL;
        unsigned port = 0;
        Address address;
        int r;

        r = target_host(target, &host, &port);
        if (r < 0)
                return r == -ENOMEM
                               ? r
                               : resolve_refuse(c, -EINVAL, "'%s' names no host that is understood",
                                                target->what);
        if (address_parse(host, &address) == 0 && address_is_link_local(&address) &&
            !strchr(host, '%'))
                return resolve_refuse(c, -EINVAL,
                                      "'%s' may be on any link: name the interface behind it, "
                                      "such as %s%%eth0",
                                      host, host);
        if (root_find_program(c->root_fd, NET_IMAGE_PROGRAM, &program) < 0) {
                r = strv_extend(&c->needs->inputs, NET_IMAGE_PROGRAM);
                if (r < 0)
                        return r;
                return resolve_refuse(c, -EINVAL,
                                      "'%s' is on another machine, and the crash kernel's network "
                                      "is set up by systemd-networkd, which is not installed: "
                                      "there is no '%s'",
                                      target->what, NET_IMAGE_PROGRAM);
        }
        r = strv_extend(&c->needs->binaries, program);
        if (r < 0)
                return r;
        *ret_host = TAKE_PTR(host);
        *ret_port = port;
        return 0;
}

/* The value of @name in @options, NULL if it is not there; the caller frees *ret. */
static int find_option(const char *options, const char *name, char **ret)
{
        size_t n = strlen(name);

        *ret = NULL;
        while (options && *options) {
                size_t size = strcspn(options, ",");

                if (size > n && options[n] == '=' && memcmp(options, name, n) == 0) {
                        *ret = strndup(options + n + 1, size - n - 1);
                        return *ret ? 0 : -ENOMEM;
                }
                options += size;
                options += *options == ',';
        }
        return 0;
}

/* Kerberos needs tickets and daemons, RDMA a fabric. */
static int check_nfs_options(const ResolveContext *c, const Target *target)
{
        _cleanup_free_ char *sec = NULL, *proto = NULL;
        int r;

        r = find_option(target->options, "sec", &sec);
        if (r >= 0)
                r = find_option(target->options, "proto", &proto);
        if (r < 0)
                return r;
        if (sec && startswith(sec, "krb5"))
                return resolve_refuse(c, -EPROTONOSUPPORT,
                                      "'%s' is mounted with sec=%s, and the crash image cannot get "
                                      "a ticket of Kerberos: export a folder with sec=sys for "
                                      "dumps, or name another target",
                                      target->what, sec);
        if (proto && startswith(proto, "rdma"))
                return resolve_refuse(c, -EPROTONOSUPPORT,
                                      "'%s' is mounted over RDMA, which the crash image cannot "
                                      "bring up: name it by an address that TCP reaches",
                                      target->what);
        return 0;
}

static int add_nfs_needs(const ResolveContext *c, Target *target)
{
        static const char *const drivers[] = { "nfs", "nfsv3", "nfsv4" };
        _cleanup_free_ char *host = NULL;
        unsigned port;
        int r;

        r = check_nfs_options(c, target);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(drivers); i++) {
                r = drivers_add(&c->needs->drivers, drivers[i]);
                if (r < 0)
                        return r;
        }
        return add_network(c, target, &host, &port);
}

int resolve_nfs(const ResolveContext *c, const Target *wanted, Target *ret)
{
        _cleanup_(mount_place_done) MountPlace place = { 0 };
        _cleanup_(target_done) Target target = { 0 };
        int r;

        r = resolve_begin(wanted, TARGET_NFS, &target);
        if (r < 0)
                return r;
        r = mount_find_source(c->root_fd, target.what, &place);
        if (r == 0)
                r = mount_find_fstab(c->root_fd, target.what, &place);
        if (r < 0)
                return r;
        target.options = TAKE_PTR(place.options);
        r = add_nfs_needs(c, &target);
        if (r < 0)
                return r;
        *ret = target;
        target = (Target){ 0 };
        return 0;
}

static int add_virtiofs_needs(const ResolveContext *c)
{
        int r;

        r = drivers_add(&c->needs->drivers, "virtiofs");
        return r < 0 ? r : drivers_add(&c->needs->drivers, "virtio_pci");
}

int resolve_virtiofs(const ResolveContext *c, const Target *wanted, Target *ret)
{
        int r;

        r = add_virtiofs_needs(c);
        return r < 0 ? r : resolve_begin(wanted, TARGET_VIRTIOFS, ret);
}

static bool is_nfs(const char *fstype)
{
        return streq(fstype, "nfs") || streq(fstype, "nfs4");
}

bool place_is_remote(const MountPlace *place)
{
        return place->source && (is_nfs(place->fstype) || streq(place->fstype, "virtiofs"));
}

int resolve_mounted(const ResolveContext *c, const Target *wanted, const MountPlace *place,
                    const char *rest, Target *ret)
{
        bool nfs = is_nfs(place->fstype);
        _cleanup_(target_done) Target target = { 0 };
        int r;

        r = resolve_begin(wanted, nfs ? TARGET_NFS : TARGET_VIRTIOFS, &target);
        if (r < 0)
                return r;
        free(TAKE_PTR(target.path));
        r = path_join(place->fs_root, rest, &target.path);
        if (r < 0)
                return r;
        target.what = strdup(place->source);
        target.options = place->options ? strdup(place->options) : NULL;
        if (!target.what || (place->options && !target.options))
                return -ENOMEM;
        r = nfs ? add_nfs_needs(c, &target) : add_virtiofs_needs(c);
        if (r < 0)
                return r;
        *ret = target;
        target = (Target){ 0 };
        return 0;
}

int resolve_ssh(const ResolveContext *c, const Target *wanted, Target *ret)
{
        _cleanup_(target_done) Target target = { 0 };
        _cleanup_free_ char *host = NULL;
        unsigned port;
        int r;

        r = resolve_begin(wanted, TARGET_SSH, &target);
        if (r < 0)
                return r;
        target.port = wanted->port;
        r = needs_add_module(c->root_fd, "ssh", "depot-ssh.so", c->needs, c->reterr_message);
        if (r >= 0)
                r = add_network(c, &target, &host, &port);
        if (r >= 0)
                r = ssh_add_key(c, &target, wanted->sshkey ?: PATH_DEFAULT_SSHKEY);
        if (r >= 0)
                r = ssh_pin_host(c, &target, host, port);
        if (r < 0)
                return r;
        *ret = target;
        target = (Target){ 0 };
        return 0;
}

static bool url_has_tls(const TargetUrl *url, const Target *target)
{
        switch (url->scheme) {
        case URL_S3:
                return !target->s3_endpoint || startswith(target->s3_endpoint, "https:");
        case URL_HTTPS:
        case URL_FTPS:
                return true;
        default:
                return false;
        }
}

/* The certificates that are trusted: those that were named, or the system's. */
static int add_ca(const ResolveContext *c, const Target *wanted, Target *target)
{
        if (wanted->ca_file)
                return needs_add_copy(c->root_fd, "ca_file", wanted->ca_file, false, c->needs,
                                      &target->ca_file, c->reterr_message);
        for (size_t i = 0; i < ELEMENTSOF(ca_bundles); i++) {
                int r = needs_add_copy(c->root_fd, "ca_file", ca_bundles[i], false, c->needs,
                                       &target->ca_file, c->reterr_message);

                if (r != -EINVAL)
                        return r;
                free(TAKE_PTR(*c->reterr_message));
        }
        return resolve_refuse(c, -EINVAL,
                              "'%s' needs certificates to know its server by, and this system has "
                              "none: install ca-certificates, or name a file with 'ca_file'",
                              wanted->what);
}

static int add_client_cert(const ResolveContext *c, const Target *wanted, Target *target)
{
        bool both = !wanted->client_key;
        int r;

        if (!wanted->client_cert)
                return both ? 0
                            : resolve_refuse(c, -EINVAL,
                                             "'client_key' is set, but not the 'client_cert' that "
                                             "it belongs to");
        r = needs_add_copy(c->root_fd, "client_cert", wanted->client_cert, both, c->needs,
                           &target->client_cert, c->reterr_message);
        if (r < 0)
                return r;
        if (both) {
                target->client_key = strdup(target->client_cert);
                return target->client_key ? 0 : -ENOMEM;
        }
        return needs_add_copy(c->root_fd, "client_key", wanted->client_key, true, c->needs,
                              &target->client_key, c->reterr_message);
}

/* As the crash kernel will read them: a typo is found now. No value is ever in the message. */
static int check_credentials(const ResolveContext *c, const Target *wanted, const TargetUrl *url)
{
        _cleanup_(credentials_done) Credentials credentials = { 0 };
        _cleanup_free_ char *text = NULL, *why = NULL;
        size_t size = 0;
        int r;

        r = root_read(c->root_fd, wanted->credentials, CREDENTIALS_MAX_BYTES, &text, &size);
        if (r >= 0)
                r = credentials_parse(text, size, &credentials, &why);
        if (text)
                explicit_bzero(text, size);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return resolve_refuse(c, -EINVAL, "credentials: '%s': %s", wanted->credentials,
                                      why ?: strerror(-r));
        if (url->scheme == URL_S3 && !credentials.access_key_id)
                return resolve_refuse(c, -EINVAL,
                                      "credentials: '%s' has no access_key_id, which '%s' needs",
                                      wanted->credentials, wanted->what);
        return 0;
}

static int add_credentials(const ResolveContext *c, const Target *wanted, const TargetUrl *url,
                           bool tls, Target *target)
{
        int r;

        if (!wanted->credentials)
                return url->scheme != URL_S3
                               ? 0
                               : resolve_refuse(
                                         c, -EINVAL,
                                         "'%s' needs the keys of an account: write them to a file "
                                         "that 'credentials' names (kdump.conf(5))",
                                         wanted->what);
        r = needs_add_copy(c->root_fd, "credentials", wanted->credentials, true, c->needs,
                           &target->credentials, c->reterr_message);
        if (r >= 0)
                r = check_credentials(c, wanted, url);
        /* A signature gives nothing away, a password does. */
        if (r < 0 || tls || url->scheme == URL_S3)
                return r;
        return resolve_warn(c,
                            "'%s' is not encrypted: whoever is on the way reads the password of "
                            "'%s', and the dump",
                            wanted->what, wanted->credentials);
}

static int set_s3(const Target *wanted, const TargetUrl *url, Target *target)
{
        if (url->scheme != URL_S3)
                return 0;
        target->s3_endpoint = wanted->s3_endpoint ? strdup(wanted->s3_endpoint) : NULL;
        target->s3_region = wanted->s3_region ? strdup(wanted->s3_region) : NULL;
        return (wanted->s3_endpoint && !target->s3_endpoint) ||
                               (wanted->s3_region && !target->s3_region)
                       ? -ENOMEM
                       : 0;
}

static int add_url_needs(const ResolveContext *c, const Target *wanted, const TargetUrl *url,
                         Target *target)
{
        _cleanup_free_ char *host = NULL;
        bool tls = url_has_tls(url, wanted);
        unsigned port;
        int r;

        r = needs_add_module(c->root_fd, "url", "depot-curl.so", c->needs, c->reterr_message);
        if (r >= 0)
                r = set_s3(wanted, url, target);
        if (r >= 0)
                r = add_network(c, target, &host, &port);
        if (r >= 0)
                r = add_credentials(c, wanted, url, tls, target);
        if (r >= 0 && tls)
                r = add_ca(c, wanted, target);
        if (r >= 0 && tls)
                r = add_client_cert(c, wanted, target);
        return r;
}

int resolve_url(const ResolveContext *c, const Target *wanted, Target *ret)
{
        _cleanup_(target_url_done) TargetUrl url = { 0 };
        _cleanup_(target_done) Target target = { 0 };
        const char *expected;
        int r;

        r = target_url_parse(wanted->what, &url, &expected);
        if (r == -EINVAL)
                return resolve_refuse(c, r, "the URL is not understood: expected %s", expected);
        if (r < 0)
                return r;
        r = resolve_begin(wanted, TARGET_URL, &target);
        if (r < 0)
                return r;
        free(target.path);
        target.path = strdup("/"); /* the folder is a part of the URL */
        if (!target.path)
                return -ENOMEM;
        r = add_url_needs(c, wanted, &url, &target);
        if (r < 0)
                return r;
        *ret = target;
        target = (Target){ 0 };
        return 0;
}
