/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of where the numbers of an estimate come from. */
#include "sizing-facts.h"

#include "io.h"
#include "state.h"
#include "strv.h"
#include "test.h"

#define MIB (UINT64_C(1) << 20)

typedef struct Bed {
        char *root;
        int fd;
        SizingInput input;
} Bed;

static void put_bytes(const Bed *bed, const char *path, const void *data, size_t size)
{
        _cleanup_free_ char *folder = strdup(path);

        assert_non_null(folder);
        *strrchr(folder, '/') = '\0';
        assert_int_equal(mkdir_parents(bed->fd, folder, 0755), 0);
        test_write(bed->fd, path, data, size);
}

static void put(const Bed *bed, const char *path, const char *text)
{
        put_bytes(bed, path, text, strlen(text));
}

static void bed_init(Bed *bed)
{
        *bed = (Bed){ .root = test_root_new() };
        bed->fd = test_root_open(bed->root);
        put(bed, "proc/meminfo", "MemTotal: 2097152 kB\nMemAvailable: 1 kB\n");
        put(bed, "proc/sys/kernel/osrelease", "6.1\n");
}

static void bed_done(Bed *bed)
{
        sizing_input_done(&bed->input);
        bed->fd = close_fd(bed->fd);
        test_root_freep(&bed->root);
}

/* The header of a bzImage that wants 64 MiB. */
static void put_kernel(const Bed *bed, const char *path)
{
        uint8_t header[0x264] = { 0 };

        header[0x1fe] = 0x55;
        header[0x1ff] = 0xaa;
        memcpy(header + 0x202, "HdrS", 4);
        header[0x206] = 0x0f;
        header[0x207] = 0x02;
        header[0x234] = 1;
        header[0x263] = 4;
        put_bytes(bed, path, header, sizeof(header));
}

static void put_base(const Bed *bed, const char *id, const char *rest)
{
        _cleanup_free_ char *path = NULL, *json = NULL;

        assert_int_equal(strprintf(&path, "var/lib/kdumpd/base/%s/manifest.json", id), 0);
        assert_int_equal(strprintf(&json, "{\"size_bytes\":1048576,%s}", rest), 0);
        put(bed, path, json);
}

static void put_dump(const Bed *bed, const char *name, const char *release, unsigned peak)
{
        _cleanup_free_ char *path = NULL, *json = NULL;

        assert_int_equal(strprintf(&path, "var/crash/%s/meta.json", name), 0);
        assert_int_equal(strprintf(&json,
                                   "{\"status\":\"complete\",\"kernel_release\":\"%s\","
                                   "\"crash_realtime_usec\":%u,\"memory_ram_bytes\":2000,"
                                   "\"memory_total_bytes\":1000,\"memory_peak_bytes\":%u}",
                                   release, peak, peak),
                         0);
        put(bed, path, json);
}

static const SizingFacts *read_input(Bed *bed)
{
        _cleanup_strv_ char **folders = NULL;

        assert_int_equal(strv_extend(&folders, "/var/crash"), 0);
        assert_int_equal(strv_extend(&folders, "/none"), 0);
        sizing_input_done(&bed->input);
        assert_int_equal(sizing_input_read(bed->fd, folders, &bed->input), 0);
        return &bed->input.facts;
}

static void test_nothing_was_built(void **state)
{
        _cleanup_(bed_done) Bed bed;
        const SizingFacts *facts;

        bed_init(&bed);
        facts = read_input(&bed);
        assert_int_equal(facts->ram_bytes, 2048 * MIB);
        assert_int_equal(facts->reserved_bytes, 0);
        assert_true(facts->floor_bytes >= 128 * MIB);
        assert_int_equal(facts->packed_bytes, 0);
        assert_int_equal(facts->kernel_bytes, 0);
        assert_int_equal(facts->n_captures, 0);
        assert_null(bed.input.base_id);
        assert_string_equal(bed.input.kernel_release, "6.1");

        put(&bed, "sys/kernel/kexec_crash_size", "268435456\n");
        assert_int_equal(read_input(&bed)->reserved_bytes, 256 * MIB);
}

static void test_newest_base_of_the_running_kernel(void **state)
{
        _cleanup_(bed_done) Bed bed;
        const SizingFacts *facts;

        bed_init(&bed);
        put_base(&bed, "a", "\"kernel_release\":\"6.1\",\"created_usec\":5");
        put_base(&bed, "b", "\"kernel_release\":\"6.1\",\"created_usec\":7,\"unpacked_bytes\":9");
        put_base(&bed, "c", "\"kernel_release\":\"6.1\",\"created_usec\":6");
        put_base(&bed, "d", "\"kernel_release\":\"6.2\",\"created_usec\":8");
        put_base(&bed, "e", "\"created_usec\":9");
        put(&bed, "var/lib/kdumpd/base/f/manifest.json", "{");
        put(&bed, "var/lib/kdumpd/base/g/other", "");
        put_kernel(&bed, "boot/vmlinuz-6.1");
        facts = read_input(&bed);
        assert_string_equal(bed.input.base_id, "b");
        assert_int_equal(facts->packed_bytes, MIB);
        assert_int_equal(facts->unpacked_bytes, 9);
        assert_int_equal(facts->kernel_bytes, 64 * MIB);
}

static void test_armed_base_goes_first(void **state)
{
        State armed = { .state = ARM_STATE_ARMED,
                        .base_id = (char *) "old",
                        .overlay_bytes = 100,
                        .crash_size_bytes = 128 * MIB };
        _cleanup_(bed_done) Bed bed;
        const SizingFacts *facts;

        bed_init(&bed);
        put_base(&bed, "old", "\"kernel_release\":\"6.0\"");
        put_base(&bed, "new", "\"kernel_release\":\"6.1\"");
        put_kernel(&bed, "var/lib/kdumpd/base/old/vmlinuz");
        assert_int_equal(state_write(bed.fd, &armed), 0);
        facts = read_input(&bed);
        assert_string_equal(bed.input.base_id, "old");
        assert_string_equal(bed.input.kernel_release, "6.0");
        assert_int_equal(facts->packed_bytes, MIB + 100);
        assert_int_equal(facts->kernel_bytes, 64 * MIB);
        assert_int_equal(facts->reserved_bytes, 128 * MIB);

        /* It has gone. */
        armed.base_id = (char *) "gone";
        assert_int_equal(state_write(bed.fd, &armed), 0);
        (void) read_input(&bed);
        assert_string_equal(bed.input.base_id, "new");
}

static void test_loaded_modules_count(void **state)
{
        _cleanup_(bed_done) Bed bed;
        const SizingFacts *facts;

        bed_init(&bed);
        put_base(&bed, "a",
                 "\"kernel_release\":\"6.1\",\"drivers\":[\"virtio-blk\",\"xfs\",\"none\","
                 "\"odd\",\"../x\"]");
        put(&bed, "sys/module/virtio_blk/coresize", "1000\n");
        put(&bed, "sys/module/xfs/coresize", "2000000\n");
        put(&bed, "sys/module/odd/coresize", "many\n");
        put(&bed, "sys/x/coresize", "5\n");
        facts = read_input(&bed);
        assert_int_equal(facts->modules_bytes, 2001000);
        assert_int_equal(bed.input.n_large, 1);
        assert_string_equal(bed.input.large[0].name, "xfs");
        assert_int_equal(bed.input.large[0].bytes, 2000000);

        /* With those that they need, if the base tells. */
        put_base(&bed, "a",
                 "\"kernel_release\":\"6.1\",\"drivers\":[\"xfs\"],"
                 "\"modules\":[\"xfs\",\"virtio_blk\"]");
        assert_int_equal(read_input(&bed)->modules_bytes, 2001000);
}

static void test_captures_of_this_kernel(void **state)
{
        _cleanup_(bed_done) Bed bed;
        const SizingFacts *facts;

        bed_init(&bed);
        put_dump(&bed, "older", "6.1", 100);
        put_dump(&bed, "newer", "6.1", 200);
        put_dump(&bed, "other", "6.2", 300);
        put_dump(&bed, "silent", "6.1", 0);
        put(&bed, "var/crash/foreign/vmcore", "");
        facts = read_input(&bed);
        assert_int_equal(facts->n_captures, 2);
        assert_string_equal(facts->captures[0].name, "/var/crash/newer");
        assert_int_equal(facts->captures[0].peak_bytes, 200);
        assert_int_equal(facts->captures[0].total_bytes, 1000);
        assert_int_equal(facts->captures[0].ram_bytes, 2000);
        assert_string_equal(facts->captures[1].name, "/var/crash/older");
}

static void test_only_the_last_captures_count(void **state)
{
        _cleanup_(bed_done) Bed bed;
        const SizingFacts *facts;

        bed_init(&bed);
        for (unsigned i = 1; i <= 12; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "d%u", i);
                put_dump(&bed, name, "6.1", i);
        }
        facts = read_input(&bed);
        assert_int_equal(facts->n_captures, 10);
        assert_int_equal(facts->captures[0].peak_bytes, 12);
        assert_int_equal(facts->captures[9].peak_bytes, 3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nothing_was_built),
                cmocka_unit_test(test_newest_base_of_the_running_kernel),
                cmocka_unit_test(test_armed_base_goes_first),
                cmocka_unit_test(test_loaded_modules_count),
                cmocka_unit_test(test_captures_of_this_kernel),
                cmocka_unit_test(test_only_the_last_captures_count),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
