/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what the places to save to of SUSE's kdump(7) mean as targets. Whatever is not shown to be
 * a host, a user or a folder is not written: it may be a part of a password. */
#include "import.h"
#include "io.h"
#include "paths.h"
#include "strv.h"
#include "target-host.h"

typedef struct Url {
        char *scheme; /* "file" for a plain folder */
        char *user;   /* NULL: none */
        bool has_password;
        char *host;    /* without brackets */
        unsigned port; /* 0: none */
        char *path;    /* "/" at least */
} Url;

static void url_done(Url *url)
{
        free(url->scheme);
        free(url->user);
        free(url->host);
        free(url->path);
}

static int copy_part(const char *text, size_t n, char **ret)
{
        *ret = strndup(text, n);
        return *ret ? 0 : -ENOMEM;
}

/* "user:password@" of @n bytes */
static int split_user(const char *text, size_t n, Url *url)
{
        const char *colon = memchr(text, ':', n);

        url->has_password = colon != NULL;
        return copy_part(text, colon ? (size_t) (colon - text) : n, &url->user);
}

/* Behind "scheme://". */
static int split_authority(const char *text, Url *url)
{
        size_t n = strcspn(text, "/");
        const char *at = memrchr(text, '@', n);
        int r = 0;

        /* A password with a '/' in it: the parts cannot be told from each other. */
        if (strchr(text + n, '@'))
                return -EINVAL;
        if (at) {
                r = split_user(text, (size_t) (at - text), url);
                if (r < 0)
                        return r;
                n -= (size_t) (at + 1 - text);
                text = at + 1;
        }
        r = target_host_split(text, n, &url->host, &url->port);
        if (r < 0)
                return r;
        return copy_part(text[n] ? text + n : "/", strlen(text + n) ?: 1, &url->path);
}

/* Returns 0; -EINVAL if it is neither a folder nor a URL; -ENOMEM. *ret is the caller's to free in
 * any case. */
static int url_split(const char *text, Url *ret)
{
        const char *colon = strstr(text, "://");
        int r;

        if (*text == '/' || startswith(text, "file://")) {
                r = copy_part("file", 4, &ret->scheme);
                text = startswith(text, "file://") ?: text;
                return r < 0 ? r : copy_part(text, strlen(text), &ret->path);
        }
        if (!colon)
                return -EINVAL;
        r = copy_part(text, (size_t) (colon - text), &ret->scheme);
        return r < 0 ? r : split_authority(colon + 3, ret);
}

/* An IPv6 address has brackets in URLs and exports. */
static const char *open_bracket(const char *host)
{
        return strchr(host, ':') ? "[" : "";
}

static const char *close_bracket(const char *host)
{
        return strchr(host, ':') ? "]" : "";
}

static int set_nfs(Import *import, const Url *url)
{
        _cleanup_free_ char *what = NULL;
        int r;

        r = strprintf(&what, "%s%s%s:%s", open_bracket(url->host), url->host,
                      close_bracket(url->host), url->path);
        return r < 0 ? r : import_set_target(import, DIRECTIVE_NFS, what, "/");
}

static int set_ssh(Import *import, const Url *url)
{
        _cleanup_free_ char *what = NULL;
        char port[16];
        int r = 0;

        if (!streq(url->scheme, "ssh") && !streq(url->scheme, "sftp"))
                r = import_say(import, "There is no %s: the same server is asked by ssh.",
                               url->scheme);
        if (r >= 0 && strempty(url->user))
                r = import_say(import, "No user was named: root is asked for.");
        if (r >= 0 && url->has_password)
                r = import_say(import,
                               "The password of the URL is not carried over and not shown: a key "
                               "is used. \"kdumpctl propagate\" makes one and brings it there.");
        if (r >= 0)
                r = strprintf(&what, "%s@%s", strempty(url->user) ? "root" : url->user, url->host);
        if (r >= 0)
                r = import_set_target(import, DIRECTIVE_SSH, what, url->path);
        if (r < 0 || url->port == 0 || url->port == 22 || !import->written[DIRECTIVE_SSH])
                return r;
        (void) snprintf(port, sizeof(port), "%u", url->port);
        return import_set(import, DIRECTIVE_SSH_PORT, port);
}

int import_ftp(Import *import, const char *host, const char *port, const char *path, bool user)
{
        _cleanup_free_ char *what = NULL;
        int r;

        r = strprintf(&what, "ftp://%s%s%s%s%s%s%s", open_bracket(host), host, close_bracket(host),
                      port ? ":" : "", port ?: "", *path == '/' ? "" : "/", path);
        if (r >= 0)
                r = import_say(import, "Nothing of FTP is encrypted, neither the password nor the "
                                       "dump: 'ssh' or an https:// URL is better. The folder is "
                                       "below that of the login.");
        if (r >= 0)
                r = import_set(import, DIRECTIVE_URL, what);
        if (r < 0 || !user || !import->written[DIRECTIVE_URL])
                return r;
        import->n_left++;
        return import_say(import, "Who logs in, and the password, is not carried over and not "
                                  "shown: write lines \"user = NAME\" and \"password = WORD\" to a "
                                  "file of root's, of mode 0600, and name it here with "
                                  "'credentials'. Without it the login is anonymous.");
}

static int set_ftp(Import *import, const Url *url)
{
        char port[16];

        (void) snprintf(port, sizeof(port), "%u", url->port);
        return import_ftp(import, url->host, url->port ? port : NULL, url->path,
                          !strempty(url->user));
}

static int say_no_target(Import *import, const Url *url)
{
        import->n_left++;
        return import_say(
                import,
                "kdumpd saves to local file systems, nfs, ssh and URLs of http, s3 and ftp, "
                "and has no '%s': name a target of kdump.conf(5) here. Until then dumps go to %s "
                "on this "
                "machine.%s",
                url->scheme, PATH_DEFAULT_DUMPS,
                url->has_password ? " The password of the URL is not shown." : "");
}

int import_url(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        static const char *const schemes[] = { "cifs", "smb" };
        static const char *const ssh_schemes[] = { "ssh", "sftp", "scp" };
        _cleanup_(url_done) Url url = { 0 };
        int r;

        r = import_say_from(import, setting);
        if (r < 0)
                return r;
        r = url_split(setting->value, &url);
        if (r == -ENOMEM)
                return r;
        if (r == 0) {
                if (streq(url.scheme, "file"))
                        return import_set(import, DIRECTIVE_PATH, url.path);
                if (streq(url.scheme, "nfs"))
                        return set_nfs(import, &url);
                if (streq(url.scheme, "ftp"))
                        return set_ftp(import, &url);
                for (size_t i = 0; i < ELEMENTSOF(ssh_schemes); i++)
                        if (streq(url.scheme, ssh_schemes[i]))
                                return set_ssh(import, &url);
                for (size_t i = 0; i < ELEMENTSOF(schemes); i++)
                        if (streq(url.scheme, schemes[i]))
                                return say_no_target(import, &url);
        }
        import->n_left++;
        return import_say(import, "This is neither a folder nor a URL that is understood, and not "
                                  "shown as there may be a password in it: name a target of "
                                  "kdump.conf(5) here.");
}
