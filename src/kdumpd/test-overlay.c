/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of overlay.c and cpio.c; cpio(1) is asked as well where there is one. */
#include "overlay.h"

#include "test-fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "cpio.h"
#include "io.h"
#include "process.h"

static Plan *make_plan(void)
{
        Plan *plan = plan_new();

        assert_non_null(plan);
        plan->host = strdup("127.0.0.1");
        plan->kernel_release = strdup("6.1");
        plan->targets = calloc(1, sizeof(Target));
        assert_non_null(plan->targets);
        plan->n_targets = 1;
        plan->targets[0] = (Target){ .type = TARGET_FS,
                                     .what = strdup("UUID=1"),
                                     .fstype = strdup("ext4"),
                                     .path = strdup("/var/crash"),
                                     .timeout_usec = USEC_INFINITY };
        return plan;
}

static char script[] = "/root/.ssh/pre.sh";
static NeededFile files[] = { { script, script, 0755 } };
static const Needs needs = { .files = files, .n_files = 1 };

static void make_root(Fixture *root)
{
        fixture_init(root);
        fixture_write(root, script, "#!/bin/sh\nexit 0\n");
        fixture_mode(root, "/root", 0700);
}

static void test_is_as_cpio_reads_it(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(plan_freep) Plan *plan = make_plan();
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_free_ char *message = NULL, *command = NULL, *names = NULL;
        struct stat st;
        size_t size;
        int status;

        make_root(&root);
        assert_int_equal(overlay_build(root.fd, plan, &needs, &data, &size, &message), 0);
        assert_int_equal(size % 512, 0);
        assert_int_equal(overlay_check(data, size), 0);

        if (access("/usr/bin/cpio", X_OK) < 0)
                return;
        fixture_write_bytes(&root, "/o.cpio", data, size);
        assert_int_equal(strprintf(&command,
                                   "cd %s && cpio -t < o.cpio > names && mkdir out && cd out &&"
                                   " cpio -idm < ../o.cpio",
                                   root.path),
                         0);
        assert_int_equal(
                process_run((char *[]){ (char[]){ "sh" }, (char[]){ "-c" }, command, NULL },
                            PROCESS_QUIET, 10 * USEC_PER_SEC, &status),
                0);
        assert_int_equal(status, 0);
        assert_int_equal(file_read(root.fd, "names", 4096, &names, NULL), 0);
        assert_string_equal(names, "etc\netc/kdump\nroot\nroot/.ssh\netc/kdump/plan.json\n"
                                   "root/.ssh/pre.sh\n");
        assert_int_equal(fstatat(root.fd, "out/root", &st, 0), 0);
        assert_int_equal(st.st_mode, S_IFDIR | 0700);
        assert_int_equal(fstatat(root.fd, "out/etc/kdump/plan.json", &st, 0), 0);
        assert_int_equal(st.st_mode, S_IFREG | 0600);
        assert_int_equal(st.st_mtime, 0);
        assert_int_equal(fstatat(root.fd, "out/root/.ssh/pre.sh", &st, 0), 0);
        assert_int_equal(st.st_mode, S_IFREG | 0755);
        assert_int_equal(st.st_size, strlen("#!/bin/sh\nexit 0\n"));
}

static void test_equal_input_gives_equal_bytes(void **state)
{
        _cleanup_(fixture_done) Fixture a = FIXTURE_NULL, b = FIXTURE_NULL;
        _cleanup_(plan_freep) Plan *plan = make_plan();
        _cleanup_free_ uint8_t *data_a = NULL, *data_b = NULL;
        _cleanup_free_ char *message = NULL;
        size_t size_a, size_b;

        make_root(&a);
        make_root(&b);
        assert_int_equal(overlay_build(a.fd, plan, &needs, &data_a, &size_a, &message), 0);
        assert_int_equal(overlay_build(b.fd, plan, &needs, &data_b, &size_b, &message), 0);
        assert_int_equal(size_a, size_b);
        assert_memory_equal(data_a, data_b, size_a);
}

static void test_kernel_tells_of_its_types(void **state)
{
        /* Without any type. */
        static const uint8_t btf[] = { 0x9f, 0xeb, 1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0,
                                       0,    0,    0, 0, 0,  0, 0, 1, 0, 0, 0, 0 };
        static const char text[] = "OSRELEASE=6.1-test\n";
        _cleanup_(plan_freep) Plan *plan = make_plan();

        for (size_t n = sizeof(btf) - 1; n <= sizeof(btf); n++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_free_ uint8_t *data = NULL;
                _cleanup_free_ char *message = NULL;
                size_t size;

                make_root(&root);
                fixture_write(&root, "/proc/sys/kernel/osrelease", "6.1-test\n");
                fixture_write_bytes(&root, "/sys/kernel/btf/vmlinux", btf, n);
                assert_int_equal(overlay_build(root.fd, plan, &needs, &data, &size, &message), 0);
                assert_int_equal(overlay_check(data, size), 0);
                /* What is broken is left out. */
                assert_int_equal(memmem(data, size, text, strlen(text)) != NULL, n == sizeof(btf));
                assert_int_equal(memmem(data, size, "etc/kdump/kernel.info", 22) != NULL,
                                 n == sizeof(btf));
        }
}

static void test_missing_file_is_named(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(plan_freep) Plan *plan = make_plan();
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_free_ char *message = NULL;
        size_t size;

        fixture_init(&root);
        assert_int_equal(overlay_build(root.fd, plan, &needs, &data, &size, &message), -ENOENT);
        assert_non_null(strstr(message, script));
}

static void test_every_damage_is_seen(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(plan_freep) Plan *plan = make_plan();
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_free_ char *message = NULL;
        size_t size, end;

        make_root(&root);
        assert_int_equal(overlay_build(root.fd, plan, &needs, &data, &size, &message), 0);
        for (end = size; end > 0 && data[end - 1] == 0; end--)
                ;
        for (size_t n = 0; n < end; n++) {
                _cleanup_free_ uint8_t *cut = malloc(MAX(n, (size_t) 1));

                assert_non_null(cut);
                memcpy(cut, data, n);
                assert_int_equal(overlay_check(cut, n), -EBADMSG);
        }
        data[0] = 'x';
        assert_int_equal(overlay_check(data, size), -EBADMSG);
}

static void test_archive_without_plan_is_refused(void **state)
{
        _cleanup_(cpio_writer_done) CpioWriter writer = { 0 };

        assert_int_equal(cpio_add(&writer, "/etc/x", S_IFREG | 0600, "abc", 3), 0);
        assert_int_equal(cpio_add_trailer(&writer), 0);
        assert_int_equal(overlay_check(writer.data, writer.size), -EBADMSG);
        assert_int_equal(cpio_add(&writer, "/", S_IFDIR | 0755, NULL, 0), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_is_as_cpio_reads_it),
                cmocka_unit_test(test_equal_input_gives_equal_bytes),
                cmocka_unit_test(test_kernel_tells_of_its_types),
                cmocka_unit_test(test_missing_file_is_named),
                cmocka_unit_test(test_every_damage_is_seen),
                cmocka_unit_test(test_archive_without_plan_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
