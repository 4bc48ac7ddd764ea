/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the socket of the kernel's uevents. */
#include "hotplug.h"

#include <linux/filter.h>
#include <linux/netlink.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "log.h"

/* The group of what the kernel sends; udevd sends to group 2. */
#define KERNEL_GROUP 1

/* More than the kernel puts into one: its variables have 2048 bytes (UEVENT_BUFFER_SIZE of
 * include/linux/kobject.h), and SUBSYSTEM= is the third. */
#define MESSAGE_BYTES 8192

/* Then other sources of the loop have their turn. */
#define MESSAGES_PER_DISPATCH 16384

struct Hotplug {
        int fd;
        sd_event_source *source;
        hotplug_handler handler;
        void *userdata;
};

Hotplug *hotplug_free(Hotplug *hotplug)
{
        if (!hotplug)
                return NULL;
        sd_event_source_disable_unref(hotplug->source);
        close_fd(hotplug->fd);
        free(hotplug);
        return NULL;
}

/* "add@/devices/system/memory/memory40", and after a NUL each: ACTION=, DEVPATH=, SUBSYSTEM= and
 * more. In whatever frame the words are, they are found; a message without them may be anything. */
static HotplugSubsystem message_subsystem(const char *message, size_t size)
{
        /* Each with the NULs before and after it. */
        static const char key[] = "\0SUBSYSTEM=", cpu[] = "\0SUBSYSTEM=cpu",
                          memory[] = "\0SUBSYSTEM=memory";

        if (memmem(message, size, cpu, sizeof(cpu)))
                return HOTPLUG_CPU;
        if (memmem(message, size, memory, sizeof(memory)))
                return HOTPLUG_MEMORY;
        return memmem(message, size, key, sizeof(key) - 1) ? 0 : HOTPLUG_ALL;
}

/* Reads until nothing is left. After an overflow the kernel drops what comes, without saying so
 * again, until the queue was found empty (NETLINK_S_CONGESTED of net/netlink/af_netlink.c): all
 * that was before the handler is called. Returns 0, or the error that ends the monitor. */
static int drain(int fd, HotplugSubsystem *look)
{
        char message[MESSAGE_BYTES];

        for (unsigned i = 0; i < MESSAGES_PER_DISPATCH; i++) {
                ssize_t n = recv(fd, message, sizeof(message), MSG_DONTWAIT);

                if (n >= 0)
                        *look |= message_subsystem(message, (size_t) n);
                else if (errno == EAGAIN)
                        return 0;
                else if (errno == ENOBUFS)
                        *look = HOTPLUG_ALL;
                else if (errno != EINTR)
                        return -errno;
        }
        return 0;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Hotplug *hotplug = userdata;
        HotplugSubsystem look = 0;
        int r;

        r = drain(fd, &look);
        if (r < 0) {
                (void) log_warning_errno(
                        r, "Failed to receive the kernel's events of CPUs and memory, changes are "
                           "now noticed later: %m");
                look = HOTPLUG_ALL;
                /* Else the loop would call us again at once, for ever. */
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
        }
        if (look != 0)
                hotplug->handler(look, hotplug->userdata);
        return 0;
}

#define WORD(a, b, c, d) (((uint32_t) (a) << 24) | ((b) << 16) | ((c) << 8) | (d))

/* Goes on if the four bytes at X + @offset are @word, else past @else_skip instructions. */
#define EXPECT(offset, word, else_skip)                                                            \
        BPF_STMT(BPF_LD | BPF_W | BPF_IND, (offset)),                                              \
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (word), 0, (else_skip))

/* Past @then_skip instructions if the byte at @offset, which is left in X, is '@'. */
#define FIND_AT(offset, then_skip)                                                                 \
        BPF_STMT(BPF_LDX | BPF_IMM, (offset)), BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),              \
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, '@', (then_skip), 0)

/* Has the kernel drop what is surely of no interest before it wakes us up: a machine that starts
 * containers sends thousands of events of network devices. A message begins with an action of
 * 3 (add), 4 (bind, move), 6 (remove, change, online, unbind) or 7 (offline) letters, '@' and the
 * path of the device (kobject_actions[] of lib/kobject_uevent.c); all CPUs are below
 * /devices/system/cpu/, all memory blocks below /devices/system/memory/. What does not look like
 * that passes, and is looked at more closely. */
static void filter_attach(int fd)
{
        static const struct sock_filter filter[] = {
                FIND_AT(3, 10),
                FIND_AT(4, 7),
                FIND_AT(6, 4),
                FIND_AT(7, 1),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
                EXPECT(1, WORD('/', 'd', 'e', 'v'), 9),
                EXPECT(5, WORD('i', 'c', 'e', 's'), 7),
                EXPECT(9, WORD('/', 's', 'y', 's'), 5),
                EXPECT(13, WORD('t', 'e', 'm', '/'), 3),
                BPF_STMT(BPF_LD | BPF_W | BPF_IND, 17),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, WORD('c', 'p', 'u', '/'), 2, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, WORD('m', 'e', 'm', 'o'), 1, 0),
                BPF_STMT(BPF_RET | BPF_K, 0),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        };
        const struct sock_fprog program = {
                .len = ELEMENTSOF(filter),
                .filter = (struct sock_filter *) filter,
        };

        /* Without it we are woken up more often, and that is all. */
        (void) setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

int hotplug_new_on_socket(sd_event *event, int fd, hotplug_handler handler, void *userdata,
                          Hotplug **ret)
{
        _cleanup_(hotplug_freep) Hotplug *hotplug = malloc(sizeof(*hotplug));
        int r;

        if (!hotplug)
                return -ENOMEM;
        *hotplug = (Hotplug){ .fd = -EBADF, .handler = handler, .userdata = userdata };
        filter_attach(fd);
        r = sd_event_add_io(event, &hotplug->source, fd, EPOLLIN, on_readable, hotplug);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(hotplug->source, "hotplug");
        hotplug->fd = fd;
        *ret = TAKE_PTR(hotplug);
        return 0;
}

/* The receive buffer stays as it is: more room would need CAP_NET_ADMIN to be of use, and what does
 * not fit is noticed. */
int hotplug_new(sd_event *event, hotplug_handler handler, void *userdata, Hotplug **ret)
{
        const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP };
        _cleanup_close_ int fd = -EBADF;
        int r;

        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
        if (fd < 0)
                return -errno;
        if (bind(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        r = hotplug_new_on_socket(event, fd, handler, userdata, ret);
        if (r < 0)
                return r;
        (void) TAKE_FD(fd);
        return 0;
}
