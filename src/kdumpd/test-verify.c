/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of verify.c, verify-kernel.c and verify-service.c on folders that look like a system. */
#include "verify.h"

#include "test-verify-rows.h"

typedef struct KernelCase {
        const char *path, *text; /* of a file */
        int crash_loaded;
        bool load_disabled;
        uint64_t crash_size_bytes;
        const char *row;
        CheckStatus status;
        const char *says;
} KernelCase;

#define SYSCTL "/proc/sys/kernel/"

static void test_kernel(void **state)
{
        static const KernelCase cases[] = {
                { .crash_size_bytes = 268435456,
                  .row = "reservation",
                  .status = CHECK_OK,
                  .says = "256 MiB" },
                { .row = "reservation", .status = CHECK_FAILED, .says = "crashkernel=" },
                { .crash_loaded = -ENOENT,
                  .row = "reservation",
                  .status = CHECK_FAILED,
                  .says = "CONFIG_CRASH_DUMP" },
                { .row = "kexec-load", .status = CHECK_OK, .says = "" },
                { .crash_loaded = 1,
                  .load_disabled = true,
                  .row = "kexec-load",
                  .status = CHECK_WARNING,
                  .says = "cannot be replaced" },
                { .load_disabled = true,
                  .row = "kexec-load",
                  .status = CHECK_FAILED,
                  .says = "kexec_load_disabled" },
                { .row = "kexec-load-limit", .status = CHECK_OK, .says = "not limited" },
                { .path = SYSCTL "kexec_load_limit_panic",
                  .text = "-1\n",
                  .row = "kexec-load-limit",
                  .status = CHECK_OK,
                  .says = "not limited" },
                { .path = SYSCTL "kexec_load_limit_panic",
                  .text = "3\n",
                  .row = "kexec-load-limit",
                  .status = CHECK_WARNING,
                  .says = "3 more loads" },
                { .path = SYSCTL "kexec_load_limit_panic",
                  .text = "0\n",
                  .crash_loaded = 1,
                  .row = "kexec-load-limit",
                  .status = CHECK_WARNING,
                  .says = "0 more loads" },
                { .path = SYSCTL "kexec_load_limit_panic",
                  .text = "0\n",
                  .row = "kexec-load-limit",
                  .status = CHECK_FAILED,
                  .says = "nothing can be armed" },
                { .path = SYSCTL "panic",
                  .text = "0\n",
                  .row = "panic-timeout",
                  .status = CHECK_WARNING,
                  .says = "panic=10" },
                { .path = SYSCTL "panic",
                  .text = "10\n",
                  .row = "panic-timeout",
                  .status = CHECK_OK,
                  .says = "some time after" },
                { .path = SYSCTL "panic",
                  .text = "-1\n",
                  .row = "panic-timeout",
                  .status = CHECK_OK,
                  .says = "at once" },
                { .path = SYSCTL "panic",
                  .text = "x\n",
                  .row = "panic-timeout",
                  .status = CHECK_SKIPPED,
                  .says = "" },
                { .path = SYSCTL "panic_on_oops",
                  .text = "0\n",
                  .row = "panic-on-oops",
                  .status = CHECK_WARNING,
                  .says = "kernel.panic_on_oops=1" },
                { .path = SYSCTL "panic_on_oops",
                  .text = "1\n",
                  .row = "panic-on-oops",
                  .status = CHECK_OK,
                  .says = "" },
                { .row = "panic-on-oops", .status = CHECK_SKIPPED, .says = "" },
                { .row = "watchdog", .status = CHECK_WARNING, .says = "no hardware watchdog" },
                { .path = "/sys/class/watchdog/watchdog0/identity",
                  .text = "Software Watchdog\n",
                  .row = "watchdog",
                  .status = CHECK_WARNING,
                  .says = "no hardware watchdog" },
                { .path = "/sys/class/watchdog/watchdog0/identity",
                  .text = "i6300ESB timer\n",
                  .row = "watchdog",
                  .status = CHECK_OK,
                  .says = "watchdog0" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(test_verify_done) Verify v = {
                        .crash_loaded = cases[i].crash_loaded,
                        .facts = { .load_disabled = cases[i].load_disabled,
                                   .crash_size_bytes = cases[i].crash_size_bytes },
                };

                fixture_init(&root);
                v.root_fd = root.fd;
                if (cases[i].path)
                        fixture_write(&root, cases[i].path, cases[i].text);
                assert_int_equal(verify_kernel(&v), 0);
                expect_row(&v.report, cases[i].row, cases[i].status, cases[i].says);
        }
}

#define UNITS "/etc/systemd/system/"

static void test_enabled(void **state)
{
        static const struct {
                const char *link, *to;
                CheckStatus status;
                const char *says;
        } cases[] = {
                { NULL, NULL, CHECK_WARNING, "systemctl enable" },
                { UNITS "multi-user.target.wants/kdump.service",
                  "/lib/systemd/system/kdump.service", CHECK_OK, "started at boot" },
                { "/run/systemd/system/x.target.requires/kdump.service", "/x", CHECK_OK, "" },
                { UNITS "multi-user.target.wants/other.service", "/x", CHECK_WARNING, "" },
                { UNITS "wants/kdump.service", "/x", CHECK_WARNING, "" },
                { UNITS "kdump.service.d/kdump.service", "/x", CHECK_WARNING, "" },
                { UNITS "kdump.service", "/dev/null", CHECK_FAILED, "unmask" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(test_verify_done) Verify v = { 0 };

                fixture_init(&root);
                v.root_fd = root.fd;
                if (cases[i].link)
                        fixture_link(&root, cases[i].link, cases[i].to);
                assert_int_equal(verify_service(&v), 0);
                expect_row(&v.report, "service-enabled", cases[i].status, cases[i].says);
        }
}

static void test_daemon(void **state)
{
        static const struct {
                const char *state, *comm;
                CheckStatus status;
        } cases[] = {
                { NULL, "kdumpd\n", CHECK_WARNING },
                { "{\"state\":\"armed\",\"pid\":7}", NULL, CHECK_WARNING },
                { "{\"state\":\"armed\",\"pid\":7}", "bash\n", CHECK_WARNING },
                { "{\"state\":\"armed\",\"pid\":7}", "kdumpd\n", CHECK_OK },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(test_verify_done) Verify v = { 0 };

                fixture_init(&root);
                v.root_fd = root.fd;
                if (cases[i].state)
                        fixture_write(&root, "/run/kdumpd/state.json", cases[i].state);
                if (cases[i].comm)
                        fixture_write(&root, "/proc/7/comm", cases[i].comm);
                assert_int_equal(verify_service(&v), 0);
                expect_row(&v.report, "daemon", cases[i].status, "kdumpd");
        }
}

static void test_hooks(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(test_verify_done) Verify none = { 0 }, good = { 0 }, bad = { 0 };

        fixture_init(&root);
        none.root_fd = good.root_fd = bad.root_fd = root.fd;
        assert_int_equal(verify_service(&none), 0);
        expect_row(&none.report, "hooks", CHECK_SKIPPED, "no plan");

        fixture_write(&root, "/etc/kdump/pre.d/10-x", "#!/bin/sh\n");
        fixture_mode(&root, "/etc/kdump/pre.d/10-x", 0755);
        fixture_write(&root, "/etc/kdump/pre.d/.hidden", "");
        fixture_folder(&root, "/etc/kdump/pre.d/folder");
        good.plan = plan_new();
        assert_non_null(good.plan);
        good.plan->kdump_pre = strdup("/x");
        assert_int_equal(verify_service(&good), 0);
        expect_row(&good.report, "hooks", CHECK_OK, "Hooks: 1;");

        fixture_write(&root, "/etc/kdump/post.d/20-y", "#!/bin/sh\n");
        assert_int_equal(verify_service(&bad), 0);
        expect_row(&bad.report, "hooks", CHECK_WARNING, "'/etc/kdump/post.d/20-y'");
}

static void make_system(Fixture *root)
{
        fixture_init(root);
        fixture_write(root, "/proc/sys/kernel/osrelease", "6.1\n");
        fixture_write(root, "/proc/1/mountinfo", "22 1 254:1 / / rw - ext4 /dev/vda1 rw\n");
        fixture_link(root, "/sys/dev/block/254:1", "../../devices/vda1");
        fixture_folder(root, "/sys/devices/vda1");
        fixture_write(root, "/dev/vda1", "");
        fixture_link(root, "/dev/disk/by-uuid/aaaa", "../../vda1");
        fixture_folder(root, "/var");
        fixture_write(root, "/sys/kernel/kexec_crash_loaded", "0\n");
        fixture_write(root, "/sys/kernel/kexec_crash_size", "268435456\n");
}

static void test_whole_system(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(verify_report_done) VerifyReport report = { 0 };

        make_system(&root);
        assert_int_equal(verify_run(root.fd, &report), 0);
        assert_string_equal(report.kernel_release, "6.1");
        assert_true(report.time_realtime_usec > 0);
        assert_int_equal(report.result, CHECK_FAILED);
        expect_row(&report, "reservation", CHECK_OK, "256 MiB");
        expect_row(&report, "configuration", CHECK_OK, "understood");
        expect_row(&report, "plan", CHECK_OK, "");
        expect_row(&report, "image", CHECK_FAILED, "no base image for kernel 6.1");
        expect_row(&report, "armed", CHECK_FAILED, "No crash kernel is loaded");
        expect_row(&report, "target-device", CHECK_OK, "/dev/vda1");
        expect_row(&report, "service-enabled", CHECK_WARNING, "not enabled");
}

static void test_configuration_and_plan(void **state)
{
        static const struct {
                const char *config, *row;
                CheckStatus status;
                const char *says;
        } cases[] = {
                { "no_such_directive 1\n", "configuration", CHECK_FAILED, "/etc/kdump.conf:1" },
                { "no_such_directive 1\n", "plan", CHECK_SKIPPED, "has errors" },
                { "no_such_directive 1\n", "target-device", CHECK_SKIPPED, "no plan" },
                { "kdump_pre /none\n", "plan", CHECK_FAILED, "/none" },
                { "ext4 UUID=none\n", "plan", CHECK_WARNING, "UUID=none" },
                { "ext4 UUID=none\n", "target-device", CHECK_FAILED, "UUID=none" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(verify_report_done) VerifyReport report = { 0 };

                make_system(&root);
                fixture_write(&root, "/etc/kdump.conf", cases[i].config);
                assert_int_equal(verify_run(root.fd, &report), 0);
                expect_row(&report, cases[i].row, cases[i].status, cases[i].says);
        }
}

static void test_configuration_that_cannot_be_read(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(verify_report_done) VerifyReport report = { 0 };

        make_system(&root);
        fixture_folder(&root, "/etc/kdump.conf");
        assert_int_equal(verify_run(root.fd, &report), 0);
        expect_row(&report, "configuration", CHECK_FAILED, "/etc/kdump.conf");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kernel),
                cmocka_unit_test(test_enabled),
                cmocka_unit_test(test_daemon),
                cmocka_unit_test(test_hooks),
                cmocka_unit_test(test_whole_system),
                cmocka_unit_test(test_configuration_and_plan),
                cmocka_unit_test(test_configuration_that_cannot_be_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
