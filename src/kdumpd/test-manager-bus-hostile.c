/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon on the bus, called by who makes no sense: it goes on answering, and nothing grows. */
#include <sys/socket.h>
#include <sys/un.h>

#include "bus-jobs.h"
#include "test-bus.h"

#define N_CALLS 10000
/* A bus daemon lets one connection wait for 128 replies. */
#define N_AT_ONCE 100
#define N_CONNECTIONS 200
#define N_LARGE_BYTES (UINT32_C(1) << 20)

/* xorshift64: the same numbers each time. */
static uint64_t next_random(uint64_t *seed)
{
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        return *seed;
}

static const char *pick(uint64_t *seed, const char *const *list, size_t n)
{
        return list[next_random(seed) % n];
}
#define PICK(seed, list) pick(seed, list, ELEMENTSOF(list))

static const char *const paths[] = {
        BUS_PATH,
        BUS_PATH,
        BUS_PATH,
        BUS_PATH,
        BUS_PATH_JOB,
        BUS_PATH_JOB "/1",
        BUS_PATH_JOB "/0",
        BUS_PATH_JOB "/4294967297",
        BUS_PATH_JOB "/1/2",
        BUS_PATH_JOB "/_01",
        "/",
        "/org/kdumpd",
        "/org/freedesktop/DBus",
        BUS_PATH "/Manager",
};
static const char *const interfaces[] = {
        BUS_INTERFACE_MANAGER,
        BUS_INTERFACE_MANAGER,
        BUS_INTERFACE_JOB,
        "org.freedesktop.DBus.Properties",
        "org.freedesktop.DBus.Properties",
        "org.freedesktop.DBus.Introspectable",
        "org.freedesktop.DBus.Peer",
        "org.freedesktop.DBus.ObjectManager",
        "org.kdumpd.Kdump2.Manager",
        NULL,
};
static const char *const members[] = {
        "Reload",     "Rebuild",   "Verify",
        "ListJobs",   "GetStatus", "Get",
        "Get",        "GetAll",    "Set",
        "Introspect", "Ping",      "GetManagedObjects",
        "JobRemoved", "State",     "PropertiesChanged",
        "reload",     "Reload_",   "A",
};
static const char *const words[] = {
        "",
        BUS_INTERFACE_MANAGER,
        BUS_INTERFACE_JOB,
        "State",
        "Targets",
        "Version",
        "Id",
        "%n%s%s",
        "../../..",
        "org.freedesktop.DBus.Properties",
};

static int append_string(sd_bus_message *m, uint64_t *seed)
{
        _cleanup_free_ char *large = NULL;

        if (next_random(seed) % 1000 > 0)
                return sd_bus_message_append(m, "s", PICK(seed, words));
        large = malloc(N_LARGE_BYTES);
        assert_non_null(large);
        memset(large, 'a' + (int) (next_random(seed) % 26), N_LARGE_BYTES - 1);
        large[N_LARGE_BYTES - 1] = 0;
        return sd_bus_message_append(m, "s", large);
}

static int append_array(sd_bus_message *m, uint64_t *seed)
{
        size_t n = next_random(seed) % 1000 == 0 ? N_LARGE_BYTES : next_random(seed) % 64;
        void *bytes;
        int r;

        r = sd_bus_message_append_array_space(m, 'y', n, &bytes);
        if (r >= 0)
                memset(bytes, (int) (*seed & 0xff), n);
        return r;
}

static int append_argument(sd_bus_message *m, uint64_t *seed)
{
        uint64_t number = next_random(seed);

        switch (next_random(seed) % 10) {
        case 0:
                return sd_bus_message_append(m, "t", number);
        case 1:
                return sd_bus_message_append(m, "i", (int32_t) number);
        case 2:
                return sd_bus_message_append(m, "b", (int) (number & 1));
        case 3:
                return sd_bus_message_append(m, "o", PICK(seed, paths));
        case 4:
                return sd_bus_message_append(m, "g", "a{sa(vvv)}");
        case 5:
                return append_array(m, seed);
        case 6:
                return sd_bus_message_append(m, "v", "(st)", "State", number);
        case 7:
                return sd_bus_message_append(m, "a{sv}", 1, "State", "s", "disarmed");
        case 8:
                return sd_bus_message_append(m, "d", (double) number);
        default:
                return append_string(m, seed);
        }
}

static sd_bus_message *random_call(TestBus *t, uint64_t *seed)
{
        size_t n = next_random(seed) % 3 > 0 ? next_random(seed) % 4 : 0;
        sd_bus_message *m = NULL;

        assert_true(sd_bus_message_new_method_call(t->client, &m, BUS_NAME, PICK(seed, paths),
                                                   PICK(seed, interfaces),
                                                   PICK(seed, members)) >= 0);
        for (size_t i = 0; i < n; i++)
                assert_true(append_argument(m, seed) >= 0);
        return m;
}

typedef struct Replies {
        unsigned n_waiting, n_good, n_refused;
} Replies;

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Replies *replies = userdata;

        replies->n_waiting--;
        if (sd_bus_message_is_method_error(m, NULL))
                replies->n_refused++;
        else
                replies->n_good++;
        /* Nothing took so long that the client gave up. */
        assert_false(sd_bus_message_is_method_error(m, SD_BUS_ERROR_NO_REPLY));
        return 0;
}

/* The manager is well: it answers, has its properties, and no more jobs than it may. */
static void assert_well(TestBus *t)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *list = test_bus_call(t, "ListJobs");
        unsigned n = 0;

        assert_true(sd_bus_message_enter_container(list, 'a', "(uoss)") > 0);
        while (sd_bus_message_skip(list, "(uoss)") > 0)
                n++;
        assert_true(n <= BUS_JOBS_MAX);
        assert_true(t->reloads + t->verifies <= BUS_JOBS_MAX);
        assert_string_equal(t->properties.state, "armed");

        manager_bus_answered(t->manager, t->reloads, false, NULL);
        manager_bus_verified(t->manager, t->verifies, false, NULL);
        test_bus_sync(t);
        assert_int_equal(t->n_removed, n);
}

static void test_calls_that_make_no_sense(void **state)
{
        uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
        Replies replies = { 0 };
        TestBus *t = *state;

        for (unsigned i = 0; i < N_CALLS; i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = random_call(t, &seed);

                assert_true(sd_bus_call_async(t->client, NULL, m, on_reply, &replies, 0) >= 0);
                replies.n_waiting++;
                while (replies.n_waiting > (i + 1 < N_CALLS ? N_AT_ONCE : 0))
                        assert_true(sd_event_run(t->event, UINT64_MAX) >= 0);
        }
        assert_int_equal(replies.n_good + replies.n_refused, N_CALLS);
        /* Both kinds were among them. */
        assert_true(replies.n_good > N_CALLS / 100);
        assert_true(replies.n_refused > N_CALLS / 2);
        assert_well(t);
}

static int connect_socket(const TestBus *t)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_true(snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", t->root) <
                    (int) sizeof(address.sun_path));
        assert_int_equal(connect(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        return fd;
}

/* Returns whether the bus still listens. */
static bool put(int fd, const void *data, size_t size)
{
        return send(fd, data, size, MSG_NOSIGNAL) == (ssize_t) size;
}

/* Beside the manager's connection, before and after one has said who he is. */
static void test_bytes_that_are_no_messages(void **state)
{
        static const char hello[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
        uint64_t seed = UINT64_C(0x2545f4914f6cdd1d);
        TestBus *t = *state;

        for (unsigned i = 0; i < N_CONNECTIONS; i++) {
                _cleanup_close_ int fd = connect_socket(t);
                uint64_t words_[512];
                size_t n = next_random(&seed) % ELEMENTSOF(words_) + 1;

                for (size_t k = 0; k < n; k++)
                        words_[k] = next_random(&seed);
                if (i % 2 && !put(fd, hello, sizeof(hello) - 1))
                        continue;
                (void) put(fd, words_, n * sizeof(words_[0]));
                test_bus_settle(t);
        }
        assert_well(t);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, test_bus_setup, test_bus_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_calls_that_make_no_sense),
                TEST(test_bytes_that_are_no_messages),
        };

        if (!test_bus_available())
                return 77;
        return cmocka_run_group_tests(tests, NULL, NULL) == 0 ? 0 : 1;
}
