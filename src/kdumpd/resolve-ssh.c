/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the choice of keys for an ssh target. */
#include "resolve-ssh.h"

#include "io.h"
#include "known-hosts.h"
#include "resolve-files.h"
#include "rootdir.h"
#include "strv.h"

#define KEY_BYTES_MAX 65536
#define KNOWN_HOSTS_BYTES_MAX (16 * 1024 * 1024)
#define SSH_PORT 22
#define PASS_PHRASE "has a pass phrase, which nobody can type in the crash kernel"

/* Those of ssh_config(5), of root and of the system. */
static const char *const known_hosts_files[] = {
        "/root/.ssh/known_hosts",
        "/root/.ssh/known_hosts2",
        "/etc/ssh/ssh_known_hosts",
        "/etc/ssh/ssh_known_hosts2",
};

/* What is wrong with a private key; NULL: nothing. */
static const char *find_key_misfit(const char *text)
{
        static const char header[] = "-----BEGIN OPENSSH PRIVATE KEY-----";
        /* "openssh-key-v1", and "none" as the cipher (PROTOCOL.key of OpenSSH) */
        static const char plain[] = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU";
        const char *body = strstr(text, header);

        if (body) {
                body += strlen(header);
                body += strspn(body, "\r\n");
                return startswith(body, plain) ? NULL : PASS_PHRASE;
        }
        if (!strstr(text, "-----BEGIN ") || !strstr(text, "PRIVATE KEY-----"))
                return "is no private key";
        return strstr(text, "ENCRYPTED") ? PASS_PHRASE : NULL;
}

int ssh_add_key(const ResolveContext *c, Target *target, const char *path)
{
        _cleanup_free_ char *text = NULL;
        const char *misfit;
        size_t size = 0;
        int r;

        r = strv_extend(&c->needs->inputs, path);
        if (r < 0)
                return r;
        r = root_read(c->root_fd, path, KEY_BYTES_MAX, &text, &size);
        if (r == -ENOENT)
                return resolve_refuse(c, -EINVAL,
                                      "there is no key '%s' to log in as '%s' with: \"kdumpctl "
                                      "propagate\" makes one and brings it there",
                                      path, target->what);
        if (r < 0)
                return r == -ENOMEM ? r
                                    : resolve_refuse(c, -EINVAL, "the key '%s' cannot be read: %s",
                                                     path, strerror(-r));
        misfit = find_key_misfit(text);
        explicit_bzero(text, size);
        if (misfit)
                return resolve_refuse(c, -EINVAL,
                                      "the key '%s' %s: name another with 'sshkey', or let "
                                      "\"kdumpctl propagate\" make one",
                                      path, misfit);
        return needs_add_copy(c->root_fd, "sshkey", path, true, c->needs, &target->sshkey,
                              c->reterr_message);
}

static int read_known_hosts(const ResolveContext *c, const char *host, unsigned port,
                            KnownHosts *known)
{
        int r;

        for (size_t i = 0; i < ELEMENTSOF(known_hosts_files); i++) {
                _cleanup_free_ char *text = NULL;
                size_t size;

                r = strv_extend(&c->needs->inputs, known_hosts_files[i]);
                if (r < 0)
                        return r;
                r = root_read(c->root_fd, known_hosts_files[i], KNOWN_HOSTS_BYTES_MAX, &text,
                              &size);
                if (r == -ENOENT)
                        continue;
                if (r >= 0)
                        r = known_hosts_add(known, text, size, host, port);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        r = resolve_warn(c, "'%s' cannot be read: %s", known_hosts_files[i],
                                         strerror(-r));
                if (r < 0)
                        return r;
        }
        return 0;
}

int ssh_pin_host(const ResolveContext *c, Target *target, const char *host, unsigned port)
{
        _cleanup_(known_hosts_done) KnownHosts known = { 0 };
        _cleanup_free_ char *text = NULL, *path = NULL;
        int r;

        r = read_known_hosts(c, host, port, &known);
        if (r < 0)
                return r;
        r = known_hosts_format(&known, host, target->addresses, port, &text);
        if (r < 0)
                return r;
        if (r == 0)
                return resolve_refuse(
                        c, -EINVAL,
                        "the host key of '%s'%s is not known, so nothing would tell whether it is "
                        "really this server: run \"kdumpctl propagate\", or add it to '%s'",
                        host, port == SSH_PORT ? "" : " on this port", known_hosts_files[0]);
        r = strprintf(&path, "/etc/kdump/known_hosts/%s-%u", host, port);
        if (r >= 0)
                r = needs_add_text(path, 0600, text, c->needs);
        if (r < 0)
                return r;
        target->known_hosts = TAKE_PTR(path);
        return 0;
}
