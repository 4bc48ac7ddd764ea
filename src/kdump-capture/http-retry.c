/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the back-off. */
#include "http-retry.h"

#include "depot-log.h"
#include "http-error.h"

#define DELAY_MAX_USEC (30 * USEC_PER_SEC)
#define WISH_MAX_USEC (60 * USEC_PER_SEC)
#define LIMIT_DEFAULT_USEC (90 * USEC_PER_SEC)

uint64_t http_retry_delay_usec(unsigned n_failures, uint64_t wish_usec)
{
        uint64_t delay_usec = DELAY_MAX_USEC, granted_usec = MIN(wish_usec, WISH_MAX_USEC);

        if (n_failures <= 5)
                delay_usec = USEC_PER_SEC << (MAX(n_failures, 1U) - 1);
        return MAX(delay_usec, granted_usec);
}

uint64_t http_retry_limit_usec(const Target *target)
{
        if (target->timeout_usec == 0 || target->timeout_usec == USEC_INFINITY)
                return LIMIT_DEFAULT_USEC;
        return target->timeout_usec / 4 * 3;
}

int http_retry_judge(const HttpReply *reply, char **reterr_why)
{
        bool redirects = reply->status >= 300 && reply->status < 400;
        int r = http_status_error(reply->status);

        if (r < 0 && strprintf(reterr_why, "the server says %ld%s", reply->status,
                               redirects ? ", but no redirection is followed" : "") < 0)
                return -ENOMEM;
        return r;
}

static int try_once(HttpSession *session, const HttpRequest *request, HttpJudge *judge,
                    char **reterr_why)
{
        int r;

        r = http_session_request(session, request);
        if (r >= 0)
                return judge(http_session_reply(session), reterr_why);
        return strprintf(reterr_why, "%s", http_session_why(session)) < 0 ? -ENOMEM : r;
}

int http_retry_request(HttpSession *session, const HttpRequest *request, HttpJudge *judge,
                       const char *what)
{
        const HttpServer *server = http_session_server(session);
        uint64_t limit_usec = http_retry_limit_usec(server->target), delay_usec;
        HttpRequest next = *request;
        int r;

        /* A connection that is dead is not waited for until the end. */
        next.limit_usec = limit_usec / 2;
        for (unsigned n_failures = 1;; n_failures++) {
                _cleanup_free_ char *why = NULL;

                r = try_once(session, &next, judge, &why);
                if (r >= 0 || r == -ECANCELED)
                        return r;
                delay_usec = http_retry_delay_usec(n_failures,
                                                   http_session_reply(session)->retry_after_usec);
                if (!http_error_may_pass(r) ||
                    http_session_idle_usec(session) + delay_usec > limit_usec)
                        return depot_log_errno(server->host, LOG_ERR, r, "%s: %s.", what,
                                               why ?: "?");
                (void) depot_log_errno(server->host, LOG_WARNING, 0,
                                       "%s: %s; trying again in %llu s.", what, why ?: "?",
                                       (unsigned long long) (delay_usec / USEC_PER_SEC));
                r = http_session_sleep(session, delay_usec);
                if (r < 0)
                        return r;
                next.again = true;
        }
}
