/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the TCP connection to an ssh server, and when it counts as dead. */
#include "ssh-address.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "depot-log.h"

#define CONNECT_MSEC 10000

/* A link that is down for 20 s is found again by the retransmission after 25 s (RFC 6298, from 200
 * ms on, doubled each time). */
#define DEAD_MSEC 45000
#define KEEPALIVE_IDLE_SEC 15
#define KEEPALIVE_INTERVAL_SEC 10
#define KEEPALIVE_PROBES 3

void ssh_server_done(SshServer *server)
{
        free(server->user);
        free(server->host);
        *server = (SshServer){};
}

int ssh_server_parse(const char *what, unsigned port, SshServer *ret)
{
        const char *at = strrchr(what, '@');
        size_t n = at ? strlen(at + 1) : 0;
        SshServer server = { .port = port > 0 ? port : SSH_DEFAULT_PORT };

        if (!at || at == what || n == 0 || port > UINT16_MAX)
                return -EINVAL;
        at++;
        if (n > 2 && at[0] == '[' && at[n - 1] == ']') {
                at++;
                n -= 2;
        }
        server.user = strndup(what, (size_t) (strrchr(what, '@') - what));
        server.host = strndup(at, n);
        if (!server.user || !server.host) {
                ssh_server_done(&server);
                return -ENOMEM;
        }
        *ret = server;
        return 0;
}

static int wait_connected(int fd)
{
        struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
        int error = 0, r;
        socklen_t size = sizeof(error);

        do
                r = poll(&poll_fd, 1, CONNECT_MSEC);
        while (r < 0 && errno == EINTR);
        if (r < 0)
                return -errno;
        if (r == 0)
                return -ETIMEDOUT;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
                return -errno;
        return -error;
}

static void option_set(int fd, int level, int option, int value)
{
        /* Without it the connection works, only not as well. */
        (void) setsockopt(fd, level, option, &value, sizeof(value));
}

/* As seen by us: what we sent is not acknowledged for too long; there was nothing to send, and
 * probes are not answered. */
static void watch_connection(int fd)
{
        option_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        option_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, DEAD_MSEC);
        option_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        option_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_SEC);
        option_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SEC);
        option_set(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
}

static int connect_one(const struct addrinfo *info)
{
        _cleanup_close_ int fd =
                socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
        int r;

        if (fd < 0)
                return -errno;
        if (connect(fd, info->ai_addr, info->ai_addrlen) < 0) {
                r = errno == EINPROGRESS ? wait_connected(fd) : -errno;
                if (r < 0)
                        return r;
        }

        /* libssh takes EAGAIN for an error. */
        if (fcntl(fd, F_SETFL, 0) < 0)
                return -errno;
        watch_connection(fd);
        return TAKE_FD(fd);
}

static int resolve(const char *name, unsigned port, int flags, struct addrinfo **ret)
{
        const struct addrinfo hints = {
                .ai_family = AF_UNSPEC,
                .ai_socktype = SOCK_STREAM,
                .ai_flags = AI_NUMERICSERV | flags,
        };
        char service[16];

        (void) snprintf(service, sizeof(service), "%u", port);
        return getaddrinfo(name, service, &hints, ret) == 0 ? 0 : -EHOSTUNREACH;
}

/* All that @name leads to. */
static int connect_name(const DepotHost *host, const char *name, unsigned port, int flags)
{
        struct addrinfo *list = NULL;
        int r;

        r = resolve(name, port, flags, &list);
        if (r < 0) {
                depot_log(host, LOG_NOTICE, "'%s' leads to no address.", name);
                return r;
        }
        r = -EHOSTUNREACH;
        for (const struct addrinfo *info = list; info; info = info->ai_next) {
                char text[64] = "?";

                r = connect_one(info);
                if (r >= 0)
                        break;
                (void) getnameinfo(info->ai_addr, info->ai_addrlen, text, sizeof(text), NULL, 0,
                                   NI_NUMERICHOST);
                depot_log(host, LOG_NOTICE, "'%s' port %u does not answer: %s", text, port,
                          strerror(-r));
        }
        freeaddrinfo(list);
        return r;
}

int ssh_address_connect(const DepotHost *host, const SshServer *server, char *const *addresses)
{
        int r = -EHOSTUNREACH, late;
        bool was_tried = false;

        for (; addresses && *addresses; addresses++) {
                was_tried = was_tried || streq(*addresses, server->host);
                r = connect_name(host, *addresses, server->port, AI_NUMERICHOST);
                if (r >= 0)
                        return r;
        }

        if (was_tried)
                return r;
        /* The name may lead elsewhere by now. If it leads nowhere, what the addresses said counts.
         */
        late = connect_name(host, server->host, server->port, 0);
        return late >= 0 || r == -EHOSTUNREACH ? late : r;
}
