/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the options of an NFS mount, and the order of addresses and versions. mount.nfs(8) would
 * look for the version and the address, too, but it and its libraries are larger than all else that
 * an image needs for this: mount(2) wants no more than the option addr (fs/nfs/fs_context.c), and
 * asks mountd of an NFSv3 server by itself (fs/nfs/mount_clnt.c). */
#include "mount-nfs.h"

#include <fcntl.h>
#include <libmount.h>

#include "connect.h"
#include "io.h"
#include "log.h"
#include "mount-call.h"
#include "strv.h"
#include "target-host.h"

#define CONNECT_USEC (10 * USEC_PER_SEC)

/* Of mount options: tenths of seconds. */
#define TIMEO_MIN UINT64_C(50)
#define TIMEO_MAX UINT64_C(600)
#define RETRANS 4

bool nfs_options_have_version(const char *options)
{
        static const char *const names[] = {
                "vers", "nfsvers", "v3", "v4", "v4.0", "v4.1", "v4.2"
        };

        for (size_t i = 0; options && i < ELEMENTSOF(names); i++)
                if (mnt_optstr_get_option(options, names[i], NULL, NULL) == 0)
                        return true;
        return false;
}

int nfs_options(const Target *target, const char *address, const char *version, char **ret)
{
        /* What is of the mount that was, what fits no crash kernel, and what is set below. */
        static const char *const unwanted[] = {
                "addr",    "mountaddr", "mountport", "clientaddr", "hard", "soft",
                "softerr", "timeo",     "retrans",   "bg",         "fg",   "retry",
                "lock",    "nolock",    "ro",        "rw",
        };
        _cleanup_free_ char *options = strdup(target->options ?: "");
        uint64_t timeo = target->timeout_usec / (USEC_PER_SEC / 10) / RETRANS;

        if (!options)
                return -ENOMEM;
        timeo = MAX(timeo, TIMEO_MIN);
        timeo = MIN(timeo, TIMEO_MAX);
        for (size_t i = 0; i < ELEMENTSOF(unwanted); i++)
                while (mnt_optstr_remove_option(&options, unwanted[i]) == 0)
                        continue;
        /* Over TCP, each try waits by timeo longer than the one before: nfs(5). */
        return strprintf(ret, "rw%s%s%s%s,soft,timeo=%llu,retrans=%d,nolock,addr=%s",
                         strempty(options) ? "" : ",", options ?: "", version ? ",vers=" : "",
                         version ?: "", (unsigned long long) timeo, RETRANS, address);
}

/* Is anyone there? The kernel would wait much longer for an answer, and not say what was wrong. */
static int server_probe(const struct addrinfo *info)
{
        _cleanup_close_ int fd = connect_within(info, CONNECT_USEC);

        return MIN(fd, 0);
}

/* The kernel's word for a server that did not answer a soft mount is EIO (call_timeout() in
 * net/sunrpc/clnt.c). */
static int mount_version(const Target *target, const char *where, const char *address,
                         const char *version)
{
        _cleanup_free_ char *options = NULL, *why = NULL;
        int r;

        r = nfs_options(target, address, version, &options);
        if (r < 0)
                return log_oom();
        r = mount_call(target->what, where, "nfs", options, &why);
        if (r >= 0) {
                log_info("mounted '%s' at %s", target->what, address);
                return 0;
        }
        log_warning("cannot mount '%s' (options '%s') on '%s': %s", target->what, options, where,
                    why ?: strerror(-r));
        return r == -EIO ? -ETIMEDOUT : r;
}

/* An older version may be understood, or have the path, where a newer one does not. */
static bool try_older(int error)
{
        return error == -EPROTONOSUPPORT || error == -EINVAL || error == -ENOENT;
}

static int mount_versions(const Target *target, const char *where, const char *address)
{
        static const char *const versions[] = { "4.2", "4.1", "4.0", "3" };
        int r = -EPROTONOSUPPORT;

        if (nfs_options_have_version(target->options))
                return mount_version(target, where, address, NULL);
        for (size_t i = 0; try_older(r) && i < ELEMENTSOF(versions); i++)
                r = mount_version(target, where, address, versions[i]);
        return r;
}

/* All that @name leads to, in the order of getaddrinfo(3). */
static int mount_host(const Target *target, const char *where, const char *name, unsigned port,
                      int flags)
{
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags };
        struct addrinfo *list;
        int r = -EHOSTUNREACH;
        char service[16];

        (void) snprintf(service, sizeof(service), "%u", port);
        if (getaddrinfo(name, service, &hints, &list) != 0)
                return r;
        for (const struct addrinfo *info = list; r < 0 && info; info = info->ai_next) {
                char address[NI_MAXHOST];

                if (getnameinfo(info->ai_addr, info->ai_addrlen, address, sizeof(address), NULL, 0,
                                NI_NUMERICHOST) != 0)
                        continue;
                r = server_probe(info);
                if (r >= 0)
                        r = mount_versions(target, where, address);
                else
                        (void) log_warning_errno(r, "'%s' does not answer at %s, port %u: %m",
                                                 target->what, address, port);
        }
        freeaddrinfo(list);
        return r;
}

int mount_nfs(const Target *target, const char *where)
{
        _cleanup_free_ char *host = NULL;
        unsigned port;
        int r;

        r = target_host(target, &host, &port);
        if (r <= 0)
                return log_error_errno(-EINVAL, "'%s' is not of the form host:/path",
                                       target->what ?: "");
        r = -EHOSTUNREACH;
        for (char *const *p = target->addresses; r < 0 && p && *p; p++)
                r = mount_host(target, where, *p, port, AI_NUMERICHOST);
        if (r < 0 && !strv_contains(target->addresses, host))
                r = mount_host(target, where, host, port, 0);
        return r;
}
