/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of verify-image.c. */
#include "verify.h"

#include "test-verify-rows.h"

#include <inttypes.h>
#include <sys/stat.h>

#include "cpio.h"
#include "io.h"
#include "overlay.h"
#include "rootdir.h"
#include "strv.h"

#define MIB (UINT64_C(1024) * 1024)
#define KERNEL "/boot/vmlinuz-6.1"
#define BASE "/var/lib/kdumpd/base/6.1-x/initrd.img"

/* What kexec_file_load(2) takes, as far as the header tells. */
static void write_kernel(const Fixture *root, bool relocatable)
{
        uint8_t header[1024] = { 0 };

        header[0x1fe] = 0x55;
        header[0x1ff] = 0xaa;
        memcpy(header + 0x202, "HdrS", 4);
        header[0x206] = 0x0f;
        header[0x207] = 0x02;
        header[0x234] = relocatable;
        header[0x263] = 3; /* init_size: 48 MiB */
        fixture_write_bytes(root, KERNEL, header, sizeof(header));
}

static void add_file(CpioWriter *writer, const char *path, const char *text)
{
        assert_int_equal(cpio_add(writer, path, S_IFREG | 0755, text, strlen(text)), 0);
}

static void write_base(const Fixture *root, bool with_capture)
{
        _cleanup_(cpio_writer_done) CpioWriter writer = { 0 };
        _cleanup_free_ char *info = NULL;

        assert_int_equal(strprintf(&info, "{\"plan_version\":%d}", PLAN_VERSION), 0);
        add_file(&writer, PATH_BASE_INFO, info);
        if (with_capture)
                add_file(&writer, "/usr/lib/kdumpd/kdump-capture", "\177ELF");
        assert_int_equal(cpio_add_trailer(&writer), 0);
        fixture_write_bytes(root, BASE, writer.data, writer.size);
}

static char *file_hash(const Fixture *root, const char *path)
{
        char hex[SHA256_HEX_SIZE];

        assert_int_equal(sha256_file(root->fd, path, hex), 0);
        return strdup(hex);
}

static void make_overlay(const Fixture *root, Wanted *wanted)
{
        _cleanup_(plan_freep) Plan *plan = plan_new();
        _cleanup_free_ char *message = NULL;
        const Needs needs = { 0 };
        char hex[SHA256_HEX_SIZE];
        size_t size;

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
        assert_int_equal(overlay_build(root->fd, plan, &needs, &wanted->overlay, &size, &message),
                         0);
        wanted->generation.overlay_bytes = size;
        assert_int_equal(generation_hash(wanted->overlay, size, hex), 0);
        wanted->generation.overlay_sha256 = strdup(hex);
}

static void make_fallback(Wanted *wanted)
{
        static const char bytes[] = "a fallback image";
        Generation *g = &wanted->generation;
        char hex[SHA256_HEX_SIZE];

        assert_int_equal(generation_hash(bytes, sizeof(bytes), hex), 0);
        g->fallback_sha256 = strdup(hex);
        g->fallback_cmdline = strdup("nr_cpus=1");
        g->fallback_target = strdup("ext4 UUID=1");
        g->fallback_bytes = sizeof(bytes);
        wanted->fallback = malloc(sizeof(bytes));
        assert_non_null(wanted->fallback);
        memcpy(wanted->fallback, bytes, sizeof(bytes));
}

/* Generation 3 is wanted, armed and on disk. */
static void make_good(Fixture *root, Verify *v)
{
        Generation *g = &v->wanted.generation;

        fixture_init(root);
        v->root_fd = root->fd;
        write_kernel(root, true);
        write_base(root, true);
        fixture_write(root, "/run/kdumpd/state.json", "{\"state\":\"armed\",\"generation\":3}");
        v->crash_loaded = 1;
        v->facts.crash_size_bytes = 256 * MIB;

        g->number = 3;
        g->kernel_release = strdup("6.1");
        g->kernel_path = strdup(KERNEL);
        g->kernel_sha256 = file_hash(root, KERNEL);
        g->base_id = strdup("6.1-x");
        g->base_path = strdup(BASE);
        g->base_sha256 = file_hash(root, BASE);
        g->base_bytes = 20 * MIB;
        g->cmdline = strdup("quiet");
        g->created_realtime_usec = 1;
        assert_int_equal(strv_extend(&g->targets, "ext4 UUID=1"), 0);
        make_overlay(root, &v->wanted);
        make_fallback(&v->wanted);

        assert_int_equal(generation_store_load(root->fd, &v->store), 0);
        v->store.next = 3;
        assert_int_equal(generation_write(&v->store, g, v->wanted.overlay, v->wanted.fallback), 0);
        assert_int_equal(generation_adopt(&v->store, g, false), 0);
}

static void drop(char **s)
{
        free(TAKE_PTR(*s));
}

static void set(char **s, const char *text)
{
        free(*s);
        *s = strdup(text);
        assert_non_null(*s);
}

static void test_all_is_well(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(test_verify_done) Verify v = { 0 };

        make_good(&root, &v);
        assert_int_equal(verify_wanted(&v), 0);
        for (size_t i = 0; i < v.report.n_checks; i++)
                if (v.report.checks[i].status != CHECK_OK)
                        fail_msg("%s: %s", v.report.checks[i].name, v.report.checks[i].text);
        assert_int_equal(v.report.n_checks, 8);
        assert_int_equal(v.report.result, CHECK_OK);
        assert_int_equal(v.report.generation, 3);
}

static void kernel_is_gone(const Fixture *root, Verify *v)
{
        assert_int_equal(unlinkat(root->fd, root_relative(KERNEL), 0), 0);
}

static void kernel_is_unknown(const Fixture *root, Verify *v)
{
        drop(&v->wanted.generation.kernel_path);
}

static void base_has_changed(const Fixture *root, Verify *v)
{
        fixture_write(root, BASE, "x");
}

static void base_is_gone(const Fixture *root, Verify *v)
{
        assert_int_equal(unlinkat(root->fd, root_relative(BASE), 0), 0);
}

static void base_lacks_capture(const Fixture *root, Verify *v)
{
        write_base(root, false);
        free(v->wanted.generation.base_sha256);
        v->wanted.generation.base_sha256 = file_hash(root, BASE);
}

static void base_must_be_built(const Fixture *root, Verify *v)
{
        set(&v->wanted.base_missing, "'/usr/bin/x' has changed");
}

static void base_must_be_built_unarmed(const Fixture *root, Verify *v)
{
        set(&v->wanted.base_missing, "'/usr/bin/x' has changed");
        v->crash_loaded = 0;
}

static void base_is_unknown(const Fixture *root, Verify *v)
{
        drop(&v->wanted.generation.base_path);
}

static void overlay_is_cut(const Fixture *root, Verify *v)
{
        v->wanted.generation.overlay_bytes = 64;
}

static void overlay_was_not_made(const Fixture *root, Verify *v)
{
        free(TAKE_PTR(v->wanted.overlay));
}

static void there_is_a_problem(const Fixture *root, Verify *v)
{
        set(&v->wanted.problem, "it is too long");
}

static void reservation_is_small(const Fixture *root, Verify *v)
{
        v->facts.crash_size_bytes = 90 * MIB;
}

static void reservation_is_tight(const Fixture *root, Verify *v)
{
        v->facts.crash_size_bytes = 120 * MIB;
}

static void reservation_is_unknown(const Fixture *root, Verify *v)
{
        v->facts.crash_size_bytes = 0;
}

static void base_is_endless(const Fixture *root, Verify *v)
{
        v->wanted.generation.base_bytes = UINT64_MAX;
}

static void nothing_is_loaded(const Fixture *root, Verify *v)
{
        v->crash_loaded = 0;
}

static void state_is_gone(const Fixture *root, Verify *v)
{
        assert_int_equal(unlinkat(root->fd, "run/kdumpd/state.json", 0), 0);
}

static void loaded_by_others(const Fixture *root, Verify *v)
{
        fixture_write(root, "/run/kdumpd/state.json", "{\"state\":\"disarmed\",\"generation\":0}");
}

static void degraded(const Fixture *root, Verify *v)
{
        fixture_write(root, "/run/kdumpd/state.json",
                      "{\"state\":\"degraded\",\"generation\":2,\"reason\":\"dracut failed\"}");
}

static void another_is_wanted(const Fixture *root, Verify *v)
{
        v->wanted.generation.number = 4;
}

static void none_can_be_had(const Fixture *root, Verify *v)
{
        v->wanted.generation.number = 0;
}

static void overlay_on_disk_has_changed(const Fixture *root, Verify *v)
{
        fixture_write(root, "/var/lib/kdumpd/generation/3/overlay.cpio", "x");
}

static void fallback_on_disk_has_changed(const Fixture *root, Verify *v)
{
        fixture_write(root, "/var/lib/kdumpd/generation/3/fallback.img", "another");
}

static void fallback_cannot_be_made(const Fixture *root, Verify *v)
{
        generation_drop_fallback(&v->wanted.generation);
        set(&v->wanted.fallback_missing, "no target is simple enough");
}

static void nothing_was_armed_before(const Fixture *root, Verify *v)
{
        v->store.current.number = 0;
}

static void test_what_is_wrong_is_told(void **state)
{
        static const struct {
                void (*change)(const Fixture *root, Verify *v);
                const char *row;
                CheckStatus status;
                const char *says;
        } cases[] = {
                { kernel_is_gone, "kernel", CHECK_FAILED, KERNEL },
                { kernel_is_unknown, "kernel", CHECK_SKIPPED, "No kernel" },
                { kernel_is_unknown, "reserved-room", CHECK_SKIPPED, "not all known" },
                { base_has_changed, "base-image", CHECK_FAILED, "hash" },
                { base_is_gone, "base-image", CHECK_FAILED, "No such file" },
                { base_lacks_capture, "base-image", CHECK_FAILED, "kdump-capture" },
                { base_must_be_built, "base-image", CHECK_WARNING, "'/usr/bin/x' has changed" },
                { base_must_be_built_unarmed, "base-image", CHECK_FAILED, "must be built" },
                { base_is_unknown, "base-image", CHECK_SKIPPED, "" },
                { overlay_is_cut, "overlay", CHECK_FAILED, "cannot be read" },
                { overlay_was_not_made, "overlay", CHECK_SKIPPED, "not made" },
                { there_is_a_problem, "image", CHECK_FAILED, "it is too long" },
                { reservation_is_small, "reserved-room", CHECK_FAILED, "no room" },
                { reservation_is_tight, "reserved-room", CHECK_WARNING, "may be too small" },
                { reservation_is_unknown, "reserved-room", CHECK_SKIPPED, "not all known" },
                { base_is_endless, "reserved-room", CHECK_FAILED, "no room" },
                { nothing_is_loaded, "armed", CHECK_FAILED, "kdumpctl start" },
                { state_is_gone, "armed", CHECK_WARNING, "not loaded by kdumpd" },
                { loaded_by_others, "armed", CHECK_WARNING, "not loaded by kdumpd" },
                { degraded, "armed", CHECK_WARNING, "dracut failed" },
                { another_is_wanted, "armed", CHECK_WARNING, "kdumpctl reload" },
                { none_can_be_had, "armed", CHECK_OK, "Generation 3 is armed." },
                { overlay_on_disk_has_changed, "restorable", CHECK_WARNING, "overlay.cpio" },
                { fallback_on_disk_has_changed, "restorable", CHECK_WARNING, "fallback.img" },
                { fallback_cannot_be_made, "fallback", CHECK_SKIPPED, "simple enough" },
                { nothing_was_armed_before, "restorable", CHECK_SKIPPED, "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(test_verify_done) Verify v = { 0 };

                make_good(&root, &v);
                cases[i].change(&root, &v);
                assert_int_equal(verify_wanted(&v), 0);
                expect_row(&v.report, cases[i].row, cases[i].status, cases[i].says);
        }
}

#if defined(__x86_64__)
static void test_kernel_that_cannot_be_loaded(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(test_verify_done) Verify v = { 0 };

        make_good(&root, &v);
        write_kernel(&root, false);
        assert_int_equal(verify_wanted(&v), 0);
        expect_row(&v.report, "kernel", CHECK_FAILED, "CONFIG_RELOCATABLE");
}
#endif

static void test_missing_base_is_no_second_problem(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(test_verify_done) Verify v = { 0 };

        make_good(&root, &v);
        base_must_be_built(&root, &v);
        assert_int_equal(verify_wanted(&v), 0);
        expect_no_row(&v.report, "image");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_is_well),
                cmocka_unit_test(test_what_is_wrong_is_told),
#if defined(__x86_64__)
                cmocka_unit_test(test_kernel_that_cannot_be_loaded),
#endif
                cmocka_unit_test(test_missing_base_is_no_second_problem),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
