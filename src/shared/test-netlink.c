/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of netlink.c: bounds of messages, and sockets that say what the kernel might. */
#include "test.h"

#include <sys/socket.h>

#include "netlink.h"

static void test_lengths_are_kept_to(void **state)
{
        static const struct {
                uint16_t length; /* of the attribute's header */
                size_t size;     /* that are there */
                int r;
        } table[] = {
                { 4, 4, 1 },        { 8, 8, 1 },        { 5, 8, 1 },        { 5, 5, 1 },
                { 9, 8, -EBADMSG }, { 0, 8, -EBADMSG }, { 3, 8, -EBADMSG }, { 65535, 8, -EBADMSG },
                { 8, 3, 0 },        { 8, 0, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                uint8_t data[8] = { 0 };
                NetlinkSpan span = { data, table[i].size };
                NetlinkAttribute attribute;

                memcpy(data, &table[i].length, sizeof(table[i].length));
                if (netlink_next_attribute(&span, &attribute) != table[i].r)
                        fail_msg("row %zu", i);
                if (table[i].r != 1)
                        continue;
                assert_int_equal(attribute.value.size, table[i].length - 4);
                assert_int_equal(span.size, 0);
        }
}

static void test_values_have_their_size(void **state)
{
        static const uint8_t data[] = { 1, 2, 3, 4, 0 };
        NetlinkAttribute attribute = { .value = { data, 0 } };
        uint32_t value;

        for (size_t size = 0; size <= 5; size++) {
                attribute.value.size = size;
                assert_int_equal(netlink_u32(&attribute, &value),
                                 size == 1 || size == 2 || size == 4 ? 0 : -EBADMSG);
        }
}

static void test_strings_are_plain_and_short(void **state)
{
        static const struct {
                const char *data;
                size_t size;
                int r;
                const char *text;
        } table[] = {
                { "eth0", 5, 0, "eth0" },
                { "eth0", 4, 0, "eth0" },
                { "eth0\0x", 6, 0, "eth0" },
                { "", 1, 0, "" },
                { "", 0, 0, "" },
                { "eth12345", 9, -EBADMSG, NULL },
                { "a\nb", 4, -EBADMSG, NULL },
                { "\xc3\xa4", 3, -EBADMSG, NULL },
        };
        char text[8];

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                NetlinkAttribute attribute = {
                        .value = { (const uint8_t *) table[i].data, table[i].size },
                };

                if (netlink_string(&attribute, text, sizeof(text)) != table[i].r)
                        fail_msg("row %zu", i);
                if (table[i].r == 0)
                        assert_string_equal(text, table[i].text);
        }
}

static void test_a_request_does_not_grow_beyond_its_room(void **state)
{
        const struct ifinfomsg body = { 0 };
        static const uint8_t much[NETLINK_REQUEST_BYTES] = { 0 };
        NetlinkRequest request;

        netlink_request_init(&request, RTM_GETLINK, NLM_F_DUMP, &body, sizeof(body));
        netlink_request_add(&request, 1, much, 900);
        assert_false(request.overflow);
        netlink_request_add(&request, 2, much, 200);
        assert_true(request.overflow);
        assert_int_equal(netlink_call(-EBADF, &request, NULL, NULL), -EMSGSIZE);
        netlink_request_init(&request, RTM_GETLINK, 0, much, sizeof(much));
        assert_true(request.overflow);
}

static int count(const NetlinkMessage *message, void *userdata)
{
        (*(unsigned *) userdata)++;
        return message->type == RTM_DELLINK ? -EIO : 0;
}

static void test_recorded_messages_are_replayed(void **state)
{
        struct nlmsghdr messages[3] = {
                { .nlmsg_len = sizeof(messages[0]), .nlmsg_type = RTM_NEWLINK },
                { .nlmsg_len = sizeof(messages[0]), .nlmsg_type = NLMSG_DONE },
                { .nlmsg_len = sizeof(messages[0]), .nlmsg_type = RTM_NEWLINK },
        };
        unsigned n = 0;

        assert_int_equal(netlink_replay(messages, sizeof(messages), count, &n), 0);
        assert_int_equal(n, 2);
        messages[0].nlmsg_type = RTM_DELLINK;
        assert_int_equal(netlink_replay(messages, sizeof(messages), count, &n), -EIO);
        messages[0].nlmsg_len = sizeof(messages) + 1;
        assert_int_equal(netlink_replay(messages, sizeof(messages), count, &n), -EBADMSG);
        messages[0].nlmsg_len = 15;
        assert_int_equal(netlink_replay(messages, sizeof(messages), count, &n), -EBADMSG);
        assert_int_equal(netlink_replay(messages, 15, count, &n), -EBADMSG);
}

static void test_the_kernel_is_asked(void **state)
{
        const struct ifinfomsg all = { .ifi_family = AF_UNSPEC };
        const struct ifinfomsg none = { .ifi_index = INT32_MAX };
        _cleanup_close_ int fd = netlink_open(0);
        NetlinkRequest request;
        unsigned n = 0;

        if (fd < 0)
                skip();
        netlink_request_init(&request, RTM_GETLINK, NLM_F_DUMP, &all, sizeof(all));
        assert_int_equal(netlink_call(fd, &request, count, &n), 0);
        assert_true(n > 0);
        netlink_request_init(&request, RTM_GETLINK, 0, &none, sizeof(none));
        assert_int_equal(netlink_call(fd, &request, count, &n), -ENODEV);
        /* What is left of one answer does not get into the next one. */
        netlink_request_init(&request, RTM_GETLINK, NLM_F_DUMP, &all, sizeof(all));
        assert_int_equal(netlink_call(fd, &request, count, &n), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lengths_are_kept_to),
                cmocka_unit_test(test_values_have_their_size),
                cmocka_unit_test(test_strings_are_plain_and_short),
                cmocka_unit_test(test_a_request_does_not_grow_beyond_its_room),
                cmocka_unit_test(test_recorded_messages_are_replayed),
                cmocka_unit_test(test_the_kernel_is_asked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
