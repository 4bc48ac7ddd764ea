/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the look at a target on another machine from here: its name, and whether it answers. What
 * answers gets nothing but a connection that is closed again. */
#include "verify.h"

#include <inttypes.h>

#include "connect.h"
#include "io.h"
#include "rootdir.h"
#include "strv.h"
#include "target-host.h"

#define CONNECT_USEC (10 * USEC_PER_SEC)
#define ADDRESSES_MAX 16

int verify_connect(const char *address, unsigned port, uint64_t timeout_usec, uint64_t *ret_usec)
{
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };
        uint64_t begin_usec = now_boottime_usec();
        _cleanup_close_ int fd = -EBADF;
        struct addrinfo *info = NULL;
        char text[16];

        (void) snprintf(text, sizeof(text), "%u", port);
        if (getaddrinfo(address, text, &hints, &info) != 0)
                return -EINVAL;
        fd = connect_within(info, timeout_usec);
        freeaddrinfo(info);
        if (fd < 0)
                return fd;
        *ret_usec = now_boottime_usec() - begin_usec;
        return 0;
}

/* What @host leads to now, in the order of getaddrinfo(3). Returns 0; -ENOENT with *ret_why, a
 * constant; -ENOMEM. */
static int ask_addresses(const char *host, char ***ret, const char **ret_why)
{
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
        _cleanup_strv_ char **addresses = NULL;
        struct addrinfo *list = NULL;
        int r = 0, error;

        error = getaddrinfo(host, NULL, &hints, &list);
        if (error != 0) {
                *ret_why = gai_strerror(error);
                return error == EAI_MEMORY ? -ENOMEM : -ENOENT;
        }
        for (const struct addrinfo *i = list; i && r >= 0; i = i->ai_next) {
                char text[NI_MAXHOST];

                if (strv_length(addresses) < ADDRESSES_MAX &&
                    getnameinfo(i->ai_addr, i->ai_addrlen, text, sizeof(text), NULL, 0,
                                NI_NUMERICHOST) == 0)
                        r = strv_extend(&addresses, text);
        }
        freeaddrinfo(list);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(addresses);
        return 0;
}

/* *ret: all addresses to try, now known or known when it was armed. */
static int check_addresses(Verify *v, const Target *target, const char *text, const char *host,
                           char ***ret)
{
        _cleanup_strv_ char **addresses = NULL;
        _cleanup_free_ char *joined = NULL;
        const char *why = NULL;
        int r;

        r = ask_addresses(host, &addresses, &why);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                bool known = strv_length(target->addresses) > 0;

                r = verify_report_add(&v->report, "target-address",
                                      known ? CHECK_WARNING : CHECK_FAILED,
                                      "%s: '%s' leads to no address now: %s. %s", text, host, why,
                                      known ? "Those that were known last are used."
                                            : "Mend the name service, or name an address.");
                if (r < 0)
                        return r;
                return strv_copy(target->addresses, ret);
        }
        r = strv_join(addresses, &joined);
        if (r >= 0)
                r = verify_report_add(&v->report, "target-address", CHECK_OK, "%s: '%s' is at %s.",
                                      text, host, joined);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(addresses);
        return 0;
}

/* One that answers is enough: a capture tries them in turn, too. */
static int check_answer(Verify *v, const char *text, char *const *addresses, unsigned port)
{
        uint64_t took_usec = 0;
        const char *last = NULL;
        int r = -EHOSTUNREACH;

        if (!addresses)
                return verify_report_add(&v->report, "target-answer", CHECK_SKIPPED,
                                         "%s: there is no address to ask.", text);
        for (; *addresses && r != 0; addresses++) {
                last = *addresses;
                r = verify_connect(last, port, CONNECT_USEC, &took_usec);
        }
        if (r < 0)
                return verify_report_add(&v->report, "target-answer", CHECK_FAILED,
                                         "%s: nobody answers at %s, port %u: %s. Is the server up, "
                                         "and does a firewall let this through?",
                                         text, last, port, strerror(-r));
        r = verify_report_add(&v->report, "target-answer", CHECK_OK,
                              "%s: somebody answers at %s, port %u, after %" PRIu64 " ms.", text,
                              last, port, DIV_ROUND_UP(took_usec, USEC_PER_MSEC));
        return r < 0 ? r : 1;
}

int verify_remote(Verify *v, const Target *target, const char *text)
{
        _cleanup_strv_ char **addresses = NULL;
        _cleanup_free_ char *host = NULL;
        unsigned port = 0;
        int r;

        r = target_host(target, &host, &port);
        if (r <= 0)
                return r == -ENOMEM ? r : 0;
        /* Of another root, the name service and the network are not ours to ask. */
        if (!root_is_ours(v->root_fd))
                return verify_report_add(&v->report, "target-answer", CHECK_SKIPPED,
                                         "%s: another system's targets are not asked.", text);
        r = check_addresses(v, target, text, host, &addresses);
        return r < 0 ? r : check_answer(v, text, addresses, port);
}
