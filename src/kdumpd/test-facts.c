/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of facts.c on folders that look like /proc and /sys. */
#include "test-fixture.h"

#include "facts.h"

#define CPUINFO                                                                                    \
        "processor\t: 0\nmodel name\t: x\napicid\t\t: 6\ninitial apicid\t: 4\n\n"                  \
        "processor\t: 1\napicid\t\t: 7\ninitial apicid\t: 5\n"

static void test_everything_is_read(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(facts_done) Facts facts = { 0 };

        fixture_init(&root);
        fixture_write(&root, "/proc/sys/kernel/osrelease", "6.1.0-1-amd64\n");
        fixture_write(&root, "/proc/sys/kernel/hostname", "box\n");
        fixture_write(&root, "/proc/sys/kernel/kexec_load_disabled", "1\n");
        fixture_write(&root, "/proc/cmdline", "root=/dev/vda1 quiet\n");
        fixture_write(&root, "/etc/machine-id", "0123\n");
        fixture_write(&root, "/sys/kernel/kexec_crash_loaded", "1\n");
        fixture_write(&root, "/sys/kernel/kexec_crash_size", "268435456\n");
        fixture_write(&root, "/sys/devices/system/cpu/crash_hotplug", "1\n");
        fixture_write(&root, "/sys/devices/system/memory/crash_hotplug", "0\n");
        fixture_write(&root, "/sys/devices/system/cpu/online", "0-3,8,10-11\n");
        fixture_write(&root, "/proc/cpuinfo", CPUINFO);
        fixture_write(&root, "/proc/iomem",
                      "00000000-00000fff : Reserved\n"
                      "00001000-0009ffff : System RAM\n"
                      "00100000-7fffffff : System RAM\n"
                      "  10000000-1fffffff : System RAM (kernel)\n");

        assert_int_equal(facts_read(root.fd, &facts), 0);
        assert_string_equal(facts.kernel_release, "6.1.0-1-amd64");
        assert_string_equal(facts.hostname, "box");
        assert_string_equal(facts.machine_id, "0123");
        assert_string_equal(facts.kernel_cmdline, "root=/dev/vda1 quiet");
        assert_true(facts.crash_loaded);
        assert_true(facts.load_disabled);
        assert_true(facts.cpu_crash_hotplug);
        assert_false(facts.memory_crash_hotplug);
        assert_int_equal(facts.crash_size_bytes, 268435456);
        assert_int_equal(facts.ram_bytes, 0x9f000 + 0x7ff00000);
        assert_int_equal(facts.n_cpus, 7);
        assert_true(facts.boot_apicid_known);
        assert_int_equal(facts.boot_apicid, 4);
}

static void test_nothing_is_there(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(facts_done) Facts facts = { 0 };

        fixture_init(&root);
        assert_int_equal(facts_read(root.fd, &facts), 0);
        assert_null(facts.kernel_release);
        assert_false(facts.crash_loaded);
        assert_int_equal(facts.crash_size_bytes, 0);
        assert_int_equal(facts.ram_bytes, 0);
        assert_false(facts.boot_apicid_known);
        assert_int_equal(facts_crash_loaded(root.fd), -ENOENT);
}

static void test_new_names_go_before_the_older(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(facts_done) Facts facts = { 0 };

        fixture_init(&root);
        fixture_write(&root, "/sys/kernel/kexec/crash_loaded", "0\n");
        fixture_write(&root, "/sys/kernel/kexec/crash_size", "1048576\n");
        fixture_write(&root, "/sys/kernel/kexec_crash_loaded", "1\n");
        fixture_write(&root, "/sys/kernel/kexec_crash_size", "2097152\n");
        assert_int_equal(facts_crash_loaded(root.fd), 0);
        assert_int_equal(facts_read(root.fd, &facts), 0);
        assert_int_equal(facts.crash_size_bytes, 1048576);
}

static void test_hidden_iomem_gives_memtotal(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(facts_done) Facts facts = { 0 };

        fixture_init(&root);
        fixture_write(&root, "/proc/iomem", "00000000-00000000 : System RAM\n");
        fixture_write(&root, "/proc/meminfo", "MemTotal:        2030464 kB\nMemAvailable: 1 kB\n");
        assert_int_equal(facts_read(root.fd, &facts), 0);
        assert_int_equal(facts.ram_bytes, 2030464 * 1024ULL);
}

static void test_memory_that_makes_no_sense_is_not_known(void **state)
{
        static const char *const iomem[] = {
                "0000000000000001-ffffffffffffffff : System RAM\n",
                "0000000000000000-ffffffffffffffff : System RAM\n",
                "0000000000000000-fffffffffffffffe : System RAM\n"
                "0000000000000000-00000000ffffffff : System RAM\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(iomem); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(facts_done) Facts facts = { 0 };

                fixture_init(&root);
                fixture_write(&root, "/proc/iomem", iomem[i]);
                fixture_write(&root, "/proc/meminfo", "MemTotal: 99999999999999999999 kB\n");
                assert_int_equal(facts_read(root.fd, &facts), 0);
                assert_int_equal(facts.ram_bytes, 0);
        }
}

static void test_apicid_alone_will_do(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(facts_done) Facts facts = { 0 };

        fixture_init(&root);
        fixture_write(&root, "/proc/cpuinfo", "processor\t: 0\napicid\t\t: 16\n\nprocessor\t: 1\n");
        assert_int_equal(facts_read(root.fd, &facts), 0);
        assert_true(facts.boot_apicid_known);
        assert_int_equal(facts.boot_apicid, 16);
}

static void test_limit_of_loads(void **state)
{
        static const struct {
                const char *text;
                int r;
                int64_t limit;
        } table[] = {
                { NULL, 0, -1 }, { "-1\n", 0, -1 },     { "0\n", 0, 0 },
                { "7\n", 0, 7 }, { "x\n", -EINVAL, 5 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                Facts facts = { .load_limit = 5 };

                fixture_init(&root);
                if (table[i].text)
                        fixture_write(&root, "/proc/sys/kernel/kexec_load_limit_panic",
                                      table[i].text);
                assert_int_equal(facts_refresh_limits(root.fd, &facts), table[i].r);
                assert_int_equal(facts.load_limit, table[i].limit);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_everything_is_read),
                cmocka_unit_test(test_nothing_is_there),
                cmocka_unit_test(test_new_names_go_before_the_older),
                cmocka_unit_test(test_hidden_iomem_gives_memtotal),
                cmocka_unit_test(test_memory_that_makes_no_sense_is_not_known),
                cmocka_unit_test(test_apicid_alone_will_do),
                cmocka_unit_test(test_limit_of_loads),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
