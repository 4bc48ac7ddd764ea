/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns how a request goes on: its body, its reply, its progress, and its end. */
#include "http-session.h"

#include <stdatomic.h>
#include <strings.h>
#include <time.h>

#include "http-error.h"
#include "http-options.h"
#include "http-sockets.h"

/* Longest wait before acknowledgements are looked at again */
#define LOOK_MSEC 500

struct HttpSession {
        const HttpServer *server;
        CURLM *multi;
        CURL *easy;
        HttpSockets sockets;
        char error[CURL_ERROR_SIZE];
        const char *why;
        atomic_bool stopped;
        bool under_way;

        /* The body: a piece of it, what of that is gone, what was before it */
        const uint8_t *data;
        size_t size, position;
        uint64_t before_bytes;
        bool last, hungry;

        /* Progress: bytes acknowledged before the request, and the most that it, or the same
         * request before, had of its own; when that was, and when we began to wait for it */
        uint64_t base_bytes, most_bytes;
        uint64_t limit_usec, moved_usec, waiting_usec;

        HttpReply reply;
        uint64_t reply_bytes; /* also those that were dropped */
};

static uint64_t now_usec(void)
{
        struct timespec ts = {};

        (void) clock_gettime(CLOCK_BOOTTIME, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

HttpSession *http_session_free(HttpSession *session)
{
        if (!session)
                return NULL;
        if (session->easy && session->under_way)
                (void) curl_multi_remove_handle(session->multi, session->easy);
        curl_easy_cleanup(session->easy);
        (void) curl_multi_cleanup(session->multi);
        free(session->reply.body);
        free(session);
        return NULL;
}

int http_session_new(const HttpServer *server, HttpSession **ret)
{
        _cleanup_(http_session_freep) HttpSession *session = calloc(1, sizeof(*session));

        if (!session)
                return -ENOMEM;
        session->server = server;
        session->multi = curl_multi_init();
        session->easy = curl_easy_init();
        session->reply.body = calloc(1, HTTP_REPLY_MAX_BYTES + 1);
        if (!session->multi || !session->easy || !session->reply.body)
                return -ENOMEM;
        *ret = TAKE_PTR(session);
        return 0;
}

static void moved(HttpSession *session)
{
        session->moved_usec = session->waiting_usec = now_usec();
        session->server->host->moved(session->server->host->userdata);
}

static size_t take_body(char *buffer, size_t size, size_t n_items, void *userdata)
{
        HttpSession *session = userdata;
        size_t n = MIN(size * n_items, session->size - session->position);

        if (n == 0 && !session->last) {
                session->hungry = true;
                return CURL_READFUNC_PAUSE;
        }
        if (n > 0)
                memcpy(buffer, session->data + session->position, n);
        session->position += n;
        return n;
}

/* libcurl goes back when a connection that it used again turns out to be dead. */
static int seek_body(void *userdata, curl_off_t offset, int origin)
{
        HttpSession *session = userdata;

        if (origin != SEEK_SET || offset < 0 || (uint64_t) offset < session->before_bytes ||
            (uint64_t) offset - session->before_bytes > session->size)
                return CURL_SEEKFUNC_FAIL;
        session->position = (size_t) ((uint64_t) offset - session->before_bytes);
        return CURL_SEEKFUNC_OK;
}

static size_t keep_reply(char *data, size_t size, size_t n_items, void *userdata)
{
        HttpSession *session = userdata;
        HttpReply *reply = &session->reply;
        size_t got = size * n_items, n = MIN(got, HTTP_REPLY_MAX_BYTES - reply->size);
        long status = 0;

        session->reply_bytes += got;
        if (session->reply_bytes > HTTP_REPLY_LIMIT_BYTES)
                return 0;
        memcpy(reply->body + reply->size, data, n);
        reply->size += n;
        reply->body[reply->size] = '\0';
        /* A long task of a server that tells that it still works on it; a refusal is none. */
        (void) curl_easy_getinfo(session->easy, CURLINFO_RESPONSE_CODE, &status);
        if (http_status_error(status) == 0)
                moved(session);
        return got;
}

static void keep_etag(HttpReply *reply, const char *value, size_t size)
{
        while (size > 0 && (*value == ' ' || *value == '\t')) {
                value++;
                size--;
        }
        while (size > 0 && (unsigned char) value[size - 1] <= ' ')
                size--;
        if (size >= sizeof(reply->etag))
                return;
        for (size_t i = 0; i < size; i++)
                if ((unsigned char) value[i] <= ' ' || (unsigned char) value[i] >= 0x7f)
                        return;
        memcpy(reply->etag, value, size);
        reply->etag[size] = '\0';
}

static size_t keep_header(char *data, size_t size, size_t n_items, void *userdata)
{
        static const char name[] = "etag:";
        HttpSession *session = userdata;
        size_t length = size * n_items, name_length = strlen(name);

        if (length > name_length && strncasecmp(data, name, name_length) == 0)
                keep_etag(&session->reply, data + name_length, length - name_length);
        return length;
}

static CURLcode set_callbacks(HttpSession *session)
{
        CURL *easy = session->easy;
        CURLcode code = http_sockets_attach(&session->sockets, easy);

#define SET(option, value)                                                                         \
        (void) (code = code != CURLE_OK ? code : curl_easy_setopt(easy, option, value))
        SET(CURLOPT_ERRORBUFFER, session->error);
        SET(CURLOPT_READFUNCTION, take_body);
        SET(CURLOPT_READDATA, session);
        SET(CURLOPT_SEEKFUNCTION, seek_body);
        SET(CURLOPT_SEEKDATA, session);
        SET(CURLOPT_WRITEFUNCTION, keep_reply);
        SET(CURLOPT_WRITEDATA, session);
        SET(CURLOPT_HEADERFUNCTION, keep_header);
        SET(CURLOPT_HEADERDATA, session);
#undef SET
        return code;
}

static int fail(HttpSession *session, int error, const char *why)
{
        session->why = why;
        return error;
}

/* The handle leaves: if its request had not ended, its connection is closed. */
static void leave(HttpSession *session)
{
        (void) curl_multi_remove_handle(session->multi, session->easy);
        session->under_way = false;
}

static void look_at_progress(HttpSession *session)
{
        uint64_t acked = http_sockets_acked_bytes(&session->sockets) - session->base_bytes;

        if (acked <= session->most_bytes)
                return;
        session->most_bytes = acked;
        moved(session);
}

static int reply_complete(HttpSession *session, CURLcode code)
{
        HttpReply *reply = &session->reply;
        curl_off_t retry_after_sec = 0, length = 0;
        long os_error = 0;

        (void) curl_easy_getinfo(session->easy, CURLINFO_RESPONSE_CODE, &reply->status);
        (void) curl_easy_getinfo(session->easy, CURLINFO_OS_ERRNO, &os_error);
        (void) curl_easy_getinfo(session->easy, CURLINFO_RETRY_AFTER, &retry_after_sec);
        (void) curl_easy_getinfo(session->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        reply->length_bytes = (uint64_t) MAX(length, 0);
        retry_after_sec = MIN(retry_after_sec, 3600);
        reply->retry_after_usec = (uint64_t) MAX(retry_after_sec, 0) * USEC_PER_SEC;
        leave(session);
        if (code == CURLE_OK)
                return 1;
        session->why = session->error[0] ? session->error : curl_easy_strerror(code);
        return http_curl_error(code, os_error, reply->status, session->why);
}

/* Has the request ended? Returns 1 then, or why it failed; 0 if it goes on. */
static int look_for_end(HttpSession *session)
{
        CURLMsg *message;
        int n_left;

        while ((message = curl_multi_info_read(session->multi, &n_left)))
                if (message->msg == CURLMSG_DONE)
                        return reply_complete(session, message->data.result);
        return 0;
}

static bool is_stalled(const HttpSession *session)
{
        return session->limit_usec > 0 && now_usec() - session->waiting_usec > session->limit_usec;
}

static int drive(HttpSession *session)
{
        int r;

        for (;;) {
                int n_running;

                if (atomic_load(&session->stopped)) {
                        leave(session);
                        return fail(session, -ECANCELED, "It was stopped");
                }
                if (curl_multi_perform(session->multi, &n_running) != CURLM_OK) {
                        leave(session);
                        return fail(session, -EIO, "libcurl failed");
                }
                look_at_progress(session);
                r = look_for_end(session);
                if (r != 0)
                        return r;
                if (session->hungry)
                        return 0;
                if (is_stalled(session)) {
                        leave(session);
                        return fail(session, -ETIMEDOUT, "Nothing has moved for too long");
                }
                (void) curl_multi_poll(session->multi, NULL, 0, LOOK_MSEC, NULL);
        }
}

static void session_prepare(HttpSession *session, const HttpRequest *request)
{
        session->why = NULL;
        session->error[0] = '\0';
        session->data = request->data;
        session->size = request->size;
        session->position = 0;
        session->before_bytes = 0;
        session->last = !request->more;
        session->hungry = false;
        session->base_bytes = http_sockets_acked_bytes(&session->sockets);
        session->limit_usec = request->limit_usec;
        session->waiting_usec = now_usec();
        if (!request->again) {
                session->most_bytes = 0;
                session->moved_usec = session->waiting_usec;
        }
        session->reply_bytes = 0;
        session->reply = (HttpReply){ .body = session->reply.body };
        session->reply.body[0] = '\0';
}

int http_session_request(HttpSession *session, const HttpRequest *request)
{
        CURLcode code;

        if (session->under_way)
                leave(session);
        session_prepare(session, request);
        curl_easy_reset(session->easy);
        code = http_options_set(session->easy, session->server, request);
        if (code == CURLE_OK)
                code = set_callbacks(session);
        if (code != CURLE_OK)
                return fail(session, code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EOPNOTSUPP,
                            curl_easy_strerror(code));
        if (curl_multi_add_handle(session->multi, session->easy) != CURLM_OK)
                return fail(session, -ENOMEM, "libcurl does not take the request");
        session->under_way = true;
        return drive(session);
}

int http_session_more(HttpSession *session, const void *data, size_t size, bool last)
{
        if (!session->under_way)
                return fail(session, -EPIPE, "The request has ended");
        session->before_bytes += session->size;
        session->data = data;
        session->size = size;
        session->position = 0;
        session->last = last;
        session->hungry = false;
        session->waiting_usec = now_usec();
        if (curl_easy_pause(session->easy, CURLPAUSE_CONT) != CURLE_OK)
                return fail(session, -EIO, "libcurl failed");
        return drive(session);
}

const HttpReply *http_session_reply(const HttpSession *session)
{
        return &session->reply;
}

bool http_session_failed(const HttpSession *session)
{
        return session->why != NULL;
}

const char *http_session_why(const HttpSession *session)
{
        return session->why ?: "No reason is known";
}

uint64_t http_session_idle_usec(const HttpSession *session)
{
        return now_usec() - session->moved_usec;
}

const HttpServer *http_session_server(const HttpSession *session)
{
        return session->server;
}

void http_session_stop(HttpSession *session)
{
        atomic_store(&session->stopped, true);
        (void) curl_multi_wakeup(session->multi);
}

void http_session_allow(HttpSession *session)
{
        atomic_store(&session->stopped, false);
}

int http_session_sleep(HttpSession *session, uint64_t usec)
{
        uint64_t end_usec = now_usec() + usec;

        for (;;) {
                uint64_t now = now_usec();

                if (atomic_load(&session->stopped))
                        return -ECANCELED;
                if (now >= end_usec)
                        return 0;
                (void) curl_multi_poll(
                        session->multi, NULL, 0,
                        (int) MIN((end_usec - now) / USEC_PER_MSEC + 1, UINT64_C(60000)), NULL);
        }
}
