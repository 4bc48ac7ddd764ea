/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of net-watch.c on sockets that carry what the kernel sends. */
#include "test.h"

#include <linux/if_bridge.h>
#include <sys/socket.h>

#include "log.h"
#include "net-watch.h"
#include "netlink.h"

typedef struct Bed {
        sd_event *event;
        NetWatch *watch;
        int sender;
        unsigned calls;
} Bed;

static void on_change(void *userdata)
{
        Bed *bed = userdata;

        bed->calls++;
}

/* Without any delay: the timer is due in the same turn of the loop, or the next. */
static void bed_init(Bed *bed, int sender, int fd)
{
        bed->sender = sender;
        assert_int_equal(sd_event_new(&bed->event), 0);
        assert_int_equal(net_watch_new_on_socket(bed->event, fd, 0, 0, on_change, bed, &bed->watch),
                         0);
}

static void bed_done(Bed *bed)
{
        net_watch_free(bed->watch);
        sd_event_unref(bed->event);
        close_fd(bed->sender);
}

static void bed_init_unix(Bed *bed)
{
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
        bed_init(bed, fds[0], fds[1]);
}

static void send_message(const Bed *bed, uint16_t type, uint8_t family)
{
        struct {
                struct nlmsghdr header;
                struct ifinfomsg info;
        } message = {
                .header = { .nlmsg_len = sizeof(message), .nlmsg_type = type },
                .info = { .ifi_family = family, .ifi_index = 1 },
        };

        assert_int_equal(send(bed->sender, &message, sizeof(message), 0), sizeof(message));
}

/* Returns how often the handler was called. */
static unsigned bed_run(Bed *bed)
{
        bed->calls = 0;
        while (sd_event_run(bed->event, 0) > 0)
                ;
        return bed->calls;
}

static void test_changes_are_told_once_a_burst(void **state)
{
        static const uint16_t types[] = { RTM_NEWLINK, RTM_DELLINK,  RTM_NEWADDR,
                                          RTM_DELADDR, RTM_NEWROUTE, RTM_DELROUTE };
        _cleanup_(bed_done) Bed bed = { 0 };

        bed_init_unix(&bed);
        assert_int_equal(bed_run(&bed), 0);
        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                send_message(&bed, types[i], AF_UNSPEC);
                assert_int_equal(bed_run(&bed), 1);
        }
        for (unsigned i = 0; i < 5; i++)
                send_message(&bed, RTM_NEWADDR, AF_INET);
        assert_int_equal(bed_run(&bed), 1);
        assert_int_equal(bed_run(&bed), 0);
}

static void test_what_a_bridge_learns_is_no_change(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };

        bed_init_unix(&bed);
        send_message(&bed, RTM_NEWLINK, AF_BRIDGE);
        send_message(&bed, RTM_DELLINK, AF_BRIDGE);
        assert_int_equal(bed_run(&bed), 0);
}

static void test_what_is_not_understood_is_a_change(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };

        bed_init_unix(&bed);
        assert_int_equal(send(bed.sender, "x", 1, 0), 1);
        assert_int_equal(bed_run(&bed), 1);
}

static void test_a_broken_socket_ends_with_a_last_call(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        bed_init(&bed, fds[1], fds[0]);
        assert_int_equal(write(fds[1], "x", 1), 1);
        assert_int_equal(bed_run(&bed), 1);
        assert_int_equal(write(fds[1], "x", 1), 1);
        assert_int_equal(bed_run(&bed), 0);
}

static void test_the_kernels_socket_can_be_had(void **state)
{
        _cleanup_(bed_done) Bed bed = { .sender = -EBADF };
        int fd = netlink_open(0);

        if (fd < 0)
                skip();
        close_fd(fd);
        assert_int_equal(sd_event_new(&bed.event), 0);
        assert_int_equal(net_watch_new(bed.event, 0, 0, on_change, &bed, &bed.watch), 0);
        assert_non_null(bed.watch);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_changes_are_told_once_a_burst),
                cmocka_unit_test(test_what_a_bridge_learns_is_no_change),
                cmocka_unit_test(test_what_is_not_understood_is_a_change),
                cmocka_unit_test(test_a_broken_socket_ends_with_a_last_call),
                cmocka_unit_test(test_the_kernels_socket_can_be_had),
        };

        log_setup(LOG_TARGET_STDERR, NULL);
        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
