/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of hotplug.c with the devices and events of umockdev, which stands between us and the
 * kernel: libumockdev-preload.so.0 must be in LD_PRELOAD. */
#include "test-fixture.h"

#include <umockdev.h>

#include "hotplug.h"

/* The sockets of the bed hold 10 events (net.unix.max_dgram_qlen); it aborts if one is full. */
#define EVENTS 5000
#define EVENTS_AT_ONCE 8

DEFINE_CLEANUP(UMockdevTestbed *, g_object_unref);

/* It can tell only as long as there is a bed. */
static bool is_preloaded(void)
{
        UMockdevTestbed *testbed = umockdev_testbed_new();
        bool preloaded = umockdev_in_mock_environment();

        g_object_unref(testbed);
        return preloaded;
}

typedef struct Seen {
        unsigned calls;
        HotplugSubsystem look;
} Seen;

static void on_change(HotplugSubsystem look, void *userdata)
{
        Seen *seen = userdata;

        seen->calls++;
        seen->look |= look;
}

static char *add_device(UMockdevTestbed *testbed, const char *subsystem, const char *name)
{
        char *path = umockdev_testbed_add_device(testbed, subsystem, name, NULL, NULL, NULL, NULL);

        assert_non_null(path);
        return path;
}

static void run(sd_event *event)
{
        assert_true(sd_event_run(event, 0) >= 0);
}

static void test_events_of_cpus_and_memory_are_noticed(void **state)
{
        _cleanup_(g_object_unrefp) UMockdevTestbed *testbed = umockdev_testbed_new();
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(hotplug_freep) Hotplug *hotplug = NULL;
        _cleanup_free_ char *cpu = NULL, *memory = NULL, *disk = NULL;
        Seen seen = { 0 };

        assert_int_equal(sd_event_new(&event), 0);
        assert_int_equal(hotplug_new(event, on_change, &seen, &hotplug), 0);
        run(event);
        assert_int_equal(seen.calls, 0);

        cpu = add_device(testbed, "cpu", "cpu9");
        run(event);
        assert_int_equal(seen.calls, 1);
        assert_int_equal(seen.look, HOTPLUG_CPU);

        seen = (Seen){ 0 };
        memory = add_device(testbed, "memory", "memory40");
        run(event);
        assert_int_equal(seen.look, HOTPLUG_MEMORY);

        seen = (Seen){ 0 };
        disk = add_device(testbed, "block", "vdz");
        run(event);
        assert_int_equal(seen.calls, 0);

        umockdev_testbed_uevent(testbed, cpu, "offline");
        umockdev_testbed_uevent(testbed, memory, "online");
        umockdev_testbed_uevent(testbed, disk, "change");
        run(event);
        assert_int_equal(seen.calls, 1);
        assert_int_equal(seen.look, HOTPLUG_ALL);
}

static void test_a_storm_is_few_calls(void **state)
{
        _cleanup_(g_object_unrefp) UMockdevTestbed *testbed = umockdev_testbed_new();
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(hotplug_freep) Hotplug *hotplug = NULL;
        _cleanup_free_ char *memory = NULL;
        Seen seen = { 0 };

        memory = add_device(testbed, "memory", "memory40");
        assert_int_equal(sd_event_new(&event), 0);
        assert_int_equal(hotplug_new(event, on_change, &seen, &hotplug), 0);
        for (unsigned i = 0; i < EVENTS; i++) {
                umockdev_testbed_uevent(testbed, memory, i % 2 == 0 ? "online" : "offline");
                if (i % EVENTS_AT_ONCE == EVENTS_AT_ONCE - 1)
                        run(event);
        }
        assert_int_equal(seen.calls, EVENTS / EVENTS_AT_ONCE);
        assert_int_equal(seen.look, HOTPLUG_MEMORY);
        run(event);
        assert_int_equal(seen.calls, EVENTS / EVENTS_AT_ONCE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_events_of_cpus_and_memory_are_noticed),
                cmocka_unit_test(test_a_storm_is_few_calls),
        };

        if (!is_preloaded()) {
                (void) fprintf(stderr, "LD_PRELOAD has no libumockdev-preload.so.0, skipping.\n");
                return 77;
        }
        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
