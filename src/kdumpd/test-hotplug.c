/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of hotplug.c on sockets that carry what the kernel sends. */
#include "test-fixture.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include "hotplug.h"
#include "log.h"

/* A group of NETLINK_USERSOCK, where everybody may send, that is hardly anybody's. */
#define GROUP 23

#define MESSAGE(action, path, subsystem)                                                           \
        action "@" path "\0ACTION=" action "\0DEVPATH=" path "\0SUBSYSTEM=" subsystem "\0SEQNUM=7"

typedef struct Bed {
        sd_event *event;
        Hotplug *hotplug;
        int sender, fd; /* @fd is the monitor's */
        unsigned calls;
        HotplugSubsystem look;
} Bed;

#define BED_NULL                                                                                   \
        (Bed)                                                                                      \
        {                                                                                          \
                .sender = -EBADF, .fd = -EBADF                                                     \
        }

static void on_change(HotplugSubsystem look, void *userdata)
{
        Bed *bed = userdata;

        bed->calls++;
        bed->look = look;
}

static void bed_init(Bed *bed, int sender, int fd)
{
        bed->sender = sender;
        bed->fd = fd;
        assert_int_equal(sd_event_new(&bed->event), 0);
        assert_int_equal(hotplug_new_on_socket(bed->event, fd, on_change, bed, &bed->hotplug), 0);
}

static void bed_done(Bed *bed)
{
        hotplug_free(bed->hotplug);
        sd_event_unref(bed->event);
        close_fd(bed->sender);
}

static void bed_init_unix(Bed *bed)
{
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        bed_init(bed, fds[0], fds[1]);
}

static int netlink_open(unsigned groups)
{
        const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_USERSOCK);

        if (fd < 0)
                return -errno;
        if (bind(fd, (const struct sockaddr *) &address, sizeof(address)) < 0) {
                int r = -errno;

                close_fd(fd);
                return r;
        }
        return fd;
}

/* With the smallest receive buffer there is. Returns false where netlink cannot be had: to join a
 * group needs CAP_NET_ADMIN, except in that of the uevents. */
static bool bed_init_netlink(Bed *bed)
{
        const int size = 1;
        int sender = netlink_open(0), fd = netlink_open(1U << (GROUP - 1));

        if (fd < 0) {
                close_fd(sender);
                return false;
        }
        assert_true(sender >= 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
        bed_init(bed, sender, fd);
        return true;
}

static void netlink_send(const Bed *bed, const void *message, size_t size)
{
        const struct sockaddr_nl to = {
                .nl_family = AF_NETLINK,
                .nl_groups = 1U << (GROUP - 1),
        };

        /* Once the group has it, it goes to port 0 as well, the kernel's, where nobody listens. */
        assert_int_equal(
                sendto(bed->sender, message, size, 0, (const struct sockaddr *) &to, sizeof(to)),
                -1);
        assert_int_equal(errno, ECONNREFUSED);
}

static void unix_send(const Bed *bed, const void *message, size_t size)
{
        assert_int_equal(send(bed->sender, message, size, 0), size);
}

/* One turn of the loop. Returns how often the handler was called. */
static unsigned bed_run(Bed *bed)
{
        bed->calls = 0;
        bed->look = 0;
        assert_true(sd_event_run(bed->event, 0) >= 0);
        return bed->calls;
}

/* Whether something waits in the socket. */
static bool is_queued(const Bed *bed)
{
        struct pollfd p = { .fd = bed->fd, .events = POLLIN };

        return poll(&p, 1, 0) > 0;
}

static void test_each_subsystem_has_its_flag(void **state)
{
#define ROW(message, queued, look)                                                                 \
        {                                                                                          \
                message, sizeof(message), queued, look                                             \
        }
        static const struct {
                const char *message;
                size_t size;
                bool queued;
                HotplugSubsystem look;
        } table[] = {
                ROW(MESSAGE("add", "/devices/system/cpu/cpu1", "cpu"), true, HOTPLUG_CPU),
                ROW(MESSAGE("bind", "/devices/system/cpu/cpu1", "cpu"), true, HOTPLUG_CPU),
                ROW(MESSAGE("remove", "/devices/system/cpu/cpu1", "cpu"), true, HOTPLUG_CPU),
                ROW(MESSAGE("offline", "/devices/system/cpu/cpu1", "cpu"), true, HOTPLUG_CPU),
                ROW(MESSAGE("add", "/devices/system/memory/memory40", "memory"), true,
                    HOTPLUG_MEMORY),
                ROW(MESSAGE("online", "/devices/system/memory/memory40", "memory"), true,
                    HOTPLUG_MEMORY),
                /* Below the right folder, but something else: seen, and of no interest. */
                ROW(MESSAGE("add", "/devices/system/cpu/cpu1/x", "cpux"), true, 0),
                ROW(MESSAGE("add", "/devices/system/memory/x", "memory_tier"), true, 0),
                /* Never seen. */
                ROW(MESSAGE("add", "/devices/virtual/net/veth0", "net"), false, 0),
                ROW(MESSAGE("move", "/devices/virtual/net/veth0", "net"), false, 0),
                ROW(MESSAGE("remove", "/module/scsi_debug", "module"), false, 0),
                ROW(MESSAGE("offline", "/devices/systemx/cpu/cpu0", "cpu"), false, 0),
                ROW(MESSAGE("add", "/devices/system/node/node1", "node"), false, 0),
                ROW("add@/dev", false, 0),
                /* Whatever this is. */
                ROW("destroy@/devices/system/cpu/cpu1", true, HOTPLUG_ALL),
                ROW("libudev\0\xfe\xed\xca\xfe\0ACTION=add\0SUBSYSTEM=cpu", true, HOTPLUG_CPU),
                ROW("libudev\0\xfe\xed\xca\xfe\0ACTION=add\0SUBSYSTEM=block", true, 0),
                ROW("add@/devices/system/cpu/cpu1\0ACTION=add", true, HOTPLUG_ALL),
        };
        _cleanup_(bed_done) Bed bed = BED_NULL;

        bed_init_unix(&bed);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                unix_send(&bed, table[i].message, table[i].size);
                if (is_queued(&bed) != table[i].queued)
                        fail_msg("row %zu: queued: %d", i, !table[i].queued);
                (void) bed_run(&bed);
                if (bed.look != table[i].look)
                        fail_msg("row %zu: look at %d, not %d", i, bed.look, table[i].look);
                assert_int_equal(bed.calls, table[i].look != 0);
                assert_false(is_queued(&bed));
        }
}

static void test_what_waits_together_is_one_call(void **state)
{
        static const char cpu[] = MESSAGE("add", "/devices/system/cpu/cpu1", "cpu");
        static const char memory[] = MESSAGE("add", "/devices/system/memory/memory9", "memory");
        _cleanup_(bed_done) Bed bed = BED_NULL;

        bed_init_unix(&bed);
        for (unsigned i = 0; i < 4; i++)
                unix_send(&bed, cpu, sizeof(cpu));
        assert_int_equal(bed_run(&bed), 1);
        assert_int_equal(bed.look, HOTPLUG_CPU);
        unix_send(&bed, memory, sizeof(memory));
        unix_send(&bed, cpu, sizeof(cpu));
        assert_int_equal(bed_run(&bed), 1);
        assert_int_equal(bed.look, HOTPLUG_ALL);
        assert_int_equal(bed_run(&bed), 0);
}

static void test_long_messages_are_understood(void **state)
{
        static const char head[] = MESSAGE("add", "/devices/system/cpu/cpu1", "cpu");
        char message[16384] = { 0 };
        _cleanup_(bed_done) Bed bed = BED_NULL;

        memcpy(message, head, sizeof(head));
        bed_init_unix(&bed);
        unix_send(&bed, message, sizeof(message));
        assert_int_equal(bed_run(&bed), 1);
        assert_int_equal(bed.look, HOTPLUG_CPU);
}

static void test_an_overflow_is_a_reason_to_look_everywhere(void **state)
{
        static const char cpu[] = MESSAGE("add", "/devices/system/cpu/cpu1", "cpu");
        _cleanup_(bed_done) Bed bed = BED_NULL;

        if (!bed_init_netlink(&bed))
                skip();
        netlink_send(&bed, cpu, sizeof(cpu));
        assert_int_equal(bed_run(&bed), 1);
        assert_int_equal(bed.look, HOTPLUG_CPU);

        for (unsigned i = 0; i < 5000; i++)
                netlink_send(&bed, cpu, sizeof(cpu));
        assert_int_equal(bed_run(&bed), 1);
        assert_int_equal(bed.look, HOTPLUG_ALL);

        /* It hears again afterwards. */
        assert_int_equal(bed_run(&bed), 0);
        netlink_send(&bed, cpu, sizeof(cpu));
        assert_int_equal(bed_run(&bed), 1);
        assert_int_equal(bed.look, HOTPLUG_CPU);
}

static void test_a_flood_of_other_events_takes_no_room(void **state)
{
        static const char net[] = MESSAGE("add", "/devices/virtual/net/veth0", "net");
        static const char memory[] = MESSAGE("add", "/devices/system/memory/memory9", "memory");
        _cleanup_(bed_done) Bed bed = BED_NULL;

        if (!bed_init_netlink(&bed))
                skip();
        for (unsigned i = 0; i < 5000; i++)
                netlink_send(&bed, net, sizeof(net));
        assert_int_equal(bed_run(&bed), 0);
        netlink_send(&bed, memory, sizeof(memory));
        assert_int_equal(bed_run(&bed), 1);
        assert_int_equal(bed.look, HOTPLUG_MEMORY);
}

static void test_a_broken_socket_ends_with_a_last_call(void **state)
{
        _cleanup_(bed_done) Bed bed = BED_NULL;
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        bed_init(&bed, fds[1], fds[0]);
        assert_int_equal(write(fds[1], "x", 1), 1);
        assert_int_equal(bed_run(&bed), 1);
        assert_int_equal(bed.look, HOTPLUG_ALL);
        assert_true(is_queued(&bed));
        assert_int_equal(bed_run(&bed), 0);
}

static void test_the_kernels_socket_can_be_had(void **state)
{
        _cleanup_(bed_done) Bed bed = BED_NULL;
        int fd = netlink_open(0);

        if (fd < 0)
                skip();
        close_fd(fd);
        assert_int_equal(sd_event_new(&bed.event), 0);
        assert_int_equal(hotplug_new(bed.event, on_change, &bed, &bed.hotplug), 0);
        assert_non_null(bed.hotplug);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_subsystem_has_its_flag),
                cmocka_unit_test(test_what_waits_together_is_one_call),
                cmocka_unit_test(test_long_messages_are_understood),
                cmocka_unit_test(test_an_overflow_is_a_reason_to_look_everywhere),
                cmocka_unit_test(test_a_flood_of_other_events_takes_no_room),
                cmocka_unit_test(test_a_broken_socket_ends_with_a_last_call),
                cmocka_unit_test(test_the_kernels_socket_can_be_had),
        };

        log_setup(LOG_TARGET_STDERR, NULL);
        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
