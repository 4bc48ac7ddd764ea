/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the form of netlink messages (Documentation/userspace-api/netlink/intro.rst) and the socket
 * that they go through. */
#include "netlink.h"

#include <sys/socket.h>
#include <sys/time.h>

#include "io.h"

/* The kernel puts no more than this into one read of a dump (NLMSG_GOODSIZE is at most 8192, and
 * since v4.4 up to 32 KiB if the reader has as much room: netlink_recvmsg()). */
#define ANSWER_BYTES 32768

#define TIMEOUT_SEC 5

/* A full table of the Internet's routes has about a million. */
#define ANSWERS_MAX 4000000

/* Lengths are of what is there, the next thing begins at a multiple of four behind it. */
static int span_skip(NetlinkSpan *span, size_t length)
{
        size_t aligned = MIN(ALIGN_UP(length, (size_t) NLMSG_ALIGNTO), span->size);

        span->data += aligned;
        span->size -= aligned;
        return 1;
}

int netlink_next_message(NetlinkSpan *span, NetlinkMessage *ret)
{
        struct nlmsghdr header;

        if (span->size == 0)
                return 0;
        if (span->size < sizeof(header))
                return -EBADMSG;
        memcpy(&header, span->data, sizeof(header));
        if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > span->size)
                return -EBADMSG;
        *ret = (NetlinkMessage){
                .type = header.nlmsg_type,
                .flags = header.nlmsg_flags,
                .sequence = header.nlmsg_seq,
                .body = { span->data + sizeof(header), header.nlmsg_len - sizeof(header) },
        };
        return span_skip(span, header.nlmsg_len);
}

int netlink_next_attribute(NetlinkSpan *span, NetlinkAttribute *ret)
{
        struct nlattr header;

        /* Some bytes of padding may be left. */
        if (span->size < sizeof(header))
                return 0;
        memcpy(&header, span->data, sizeof(header));
        if (header.nla_len < sizeof(header) || header.nla_len > span->size)
                return -EBADMSG;
        *ret = (NetlinkAttribute){
                .type = header.nla_type & NLA_TYPE_MASK,
                .value = { span->data + sizeof(header), header.nla_len - sizeof(header) },
        };
        return span_skip(span, header.nla_len);
}

int netlink_take(NetlinkSpan *span, void *ret, size_t size)
{
        if (span->size < size)
                return -EBADMSG;
        memcpy(ret, span->data, size);
        (void) span_skip(span, size);
        return 0;
}

int netlink_u32(const NetlinkAttribute *attribute, uint32_t *ret)
{
        uint16_t two;

        switch (attribute->value.size) {
        case 1:
                *ret = attribute->value.data[0];
                return 0;
        case 2:
                memcpy(&two, attribute->value.data, sizeof(two));
                *ret = two;
                return 0;
        case 4:
                memcpy(ret, attribute->value.data, sizeof(*ret));
                return 0;
        default:
                return -EBADMSG;
        }
}

int netlink_string(const NetlinkAttribute *attribute, char *ret, size_t size)
{
        const char *text = (const char *) attribute->value.data;
        size_t n = strnlen(text, attribute->value.size);

        if (n >= size)
                return -EBADMSG;
        for (size_t i = 0; i < n; i++)
                if (text[i] < 0x20 || text[i] > 0x7e)
                        return -EBADMSG;
        memcpy(ret, text, n);
        ret[n] = '\0';
        return 0;
}

void netlink_request_init(NetlinkRequest *request, uint16_t type, uint16_t flags, const void *body,
                          size_t size)
{
        *request = (NetlinkRequest){ 0 };
        request->header.nlmsg_type = type;
        request->header.nlmsg_flags = NLM_F_REQUEST | flags;
        request->size = sizeof(request->header);
        if (size > sizeof(request->data) - request->size) {
                request->overflow = true;
                return;
        }
        memcpy(request->data + request->size, body, size);
        request->size += ALIGN_UP(size, (size_t) NLMSG_ALIGNTO);
}

void netlink_request_add(NetlinkRequest *request, uint16_t type, const void *value, size_t size)
{
        struct nlattr header = { .nla_type = type };

        if (size > NETLINK_REQUEST_BYTES ||
            ALIGN_UP(sizeof(header) + size, (size_t) NLMSG_ALIGNTO) >
                    sizeof(request->data) - request->size) {
                request->overflow = true;
                return;
        }
        header.nla_len = (uint16_t) (sizeof(header) + size);
        memcpy(request->data + request->size, &header, sizeof(header));
        if (size > 0)
                memcpy(request->data + request->size + sizeof(header), value, size);
        request->size += ALIGN_UP((size_t) header.nla_len, (size_t) NLMSG_ALIGNTO);
}

int netlink_open(uint32_t groups)
{
        const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
        const struct timeval timeout = { .tv_sec = TIMEOUT_SEC };
        const int on = 1;
        _cleanup_close_ int fd = -EBADF;

        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
                return -errno;
        /* Has the kernel obey what a dump's request asks for beside the family (v4.20); without it
         * more is told. */
        (void) setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
        if (bind(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* What an acknowledgement, or the end of a dump, says. */
static int message_error(const NetlinkMessage *message)
{
        NetlinkSpan body = message->body;
        int32_t error = 0;

        /* NLMSG_DONE has one since v3.16 or so; before, nothing went wrong that could be told. */
        if (netlink_take(&body, &error, sizeof(error)) < 0)
                return message->type == NLMSG_DONE ? 0 : -EBADMSG;
        return error > 0 || error < -4095 ? -EBADMSG : error;
}

typedef struct Answer {
        uint32_t sequence;
        bool is_dump, interrupted, ended;
        netlink_handler handler;
        void *userdata;
} Answer;

static int answer_message(Answer *answer, const NetlinkMessage *message)
{
        if (message->sequence != answer->sequence)
                return 0;
        if (message->flags & NLM_F_DUMP_INTR)
                answer->interrupted = true;
        switch (message->type) {
        case NLMSG_NOOP:
                return 0;
        case NLMSG_OVERRUN:
                return -EAGAIN;
        case NLMSG_ERROR:
        case NLMSG_DONE:
                answer->ended = true;
                return message_error(message);
        default:
                if (!answer->is_dump && !(message->flags & NLM_F_MULTI))
                        answer->ended = true;
                return answer->handler ? answer->handler(message, answer->userdata) : 0;
        }
}

static int answer_datagram(Answer *answer, const uint8_t *data, size_t size)
{
        NetlinkSpan span = { data, size };
        NetlinkMessage message;
        int r;

        while (!answer->ended) {
                r = netlink_next_message(&span, &message);
                if (r <= 0)
                        return r;
                r = answer_message(answer, &message);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Of the kernel only: others may send to this socket as well (netlink(7)). */
static ssize_t receive(int fd, void *buffer, size_t size)
{
        struct sockaddr_nl from = { 0 };
        struct iovec iov = { buffer, size };
        struct msghdr header = {
                .msg_name = &from,
                .msg_namelen = sizeof(from),
                .msg_iov = &iov,
                .msg_iovlen = 1,
        };
        ssize_t n;

        for (;;) {
                n = recvmsg(fd, &header, 0);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? -ETIMEDOUT : -errno;
                if (header.msg_flags & MSG_TRUNC)
                        return -EBADMSG;
                if (from.nl_pid == 0)
                        return n;
        }
}

static int receive_answer(int fd, Answer *answer)
{
        _cleanup_free_ uint8_t *buffer = malloc(ANSWER_BYTES);
        int r = 0;

        if (!buffer)
                return -ENOMEM;
        for (unsigned i = 0; i < ANSWERS_MAX && !answer->ended && r >= 0; i++) {
                ssize_t n = receive(fd, buffer, ANSWER_BYTES);

                /* Room for what is broadcast is no room for answers: dumps wait for the reader. */
                if (n == -ENOBUFS)
                        continue;
                r = n < 0 ? (int) n : answer_datagram(answer, buffer, (size_t) n);
        }
        if (r < 0)
                return r;
        if (!answer->ended)
                return -EOVERFLOW;
        return answer->interrupted ? -EAGAIN : 0;
}

int netlink_call(int fd, NetlinkRequest *request, netlink_handler handler, void *userdata)
{
        Answer answer = { .handler = handler, .userdata = userdata };

        if (request->overflow)
                return -EMSGSIZE;
        /* Requests to change something have one answer because they ask for it. */
        answer.is_dump = (request->header.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
        answer.sequence = (uint32_t) clock_nsec(CLOCK_MONOTONIC) | 1;
        request->header.nlmsg_seq = answer.sequence;
        request->header.nlmsg_len = (uint32_t) request->size;
        if (send(fd, request->data, request->size, 0) < 0)
                return -errno;
        return receive_answer(fd, &answer);
}

int netlink_replay(const void *data, size_t size, netlink_handler handler, void *userdata)
{
        NetlinkSpan span = { data, size };
        NetlinkMessage message;
        int r;

        for (;;) {
                r = netlink_next_message(&span, &message);
                if (r <= 0)
                        return r;
                if (message.type < NLMSG_MIN_TYPE)
                        continue;
                r = handler(&message, userdata);
                if (r < 0)
                        return r;
        }
}
