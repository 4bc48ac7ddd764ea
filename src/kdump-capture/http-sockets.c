/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the list of sockets and what TCP knows of them. */
#include "http-sockets.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* tcpi_bytes_acked: linux/tcp.h, since 4.1; from RFC 4898, tcpEStatsAppHCThruOctetsAcked. */
static uint64_t socket_acked_bytes(int fd)
{
        struct tcp_info info = {};
        socklen_t size = sizeof(info);

        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 ||
            size < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof(info.tcpi_bytes_acked))
                return 0;
        return info.tcpi_bytes_acked;
}

uint64_t http_sockets_acked_bytes(const HttpSockets *sockets)
{
        uint64_t total = sockets->closed_bytes;

        for (size_t i = 0; i < sockets->n_fds; i++)
                total += socket_acked_bytes(sockets->fds[i]);
        return total;
}

static curl_socket_t open_socket(void *userdata, curlsocktype purpose,
                                 struct curl_sockaddr *address)
{
        HttpSockets *sockets = userdata;
        int fd;

        fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
        if (fd < 0)
                return CURL_SOCKET_BAD;
        if (sockets->n_fds < HTTP_SOCKETS_MAX)
                sockets->fds[sockets->n_fds++] = fd;
        return fd;
}

static int close_socket(void *userdata, curl_socket_t fd)
{
        HttpSockets *sockets = userdata;

        for (size_t i = 0; i < sockets->n_fds; i++) {
                if (sockets->fds[i] != fd)
                        continue;
                sockets->closed_bytes += socket_acked_bytes(fd);
                sockets->fds[i] = sockets->fds[--sockets->n_fds];
                break;
        }
        return close(fd);
}

CURLcode http_sockets_attach(HttpSockets *sockets, CURL *easy)
{
        CURLcode code;

        code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        if (code != CURLE_OK)
                return code;
        code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, sockets);
        if (code != CURLE_OK)
                return code;
        code = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
        if (code != CURLE_OK)
                return code;
        return curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, sockets);
}
