/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of topology.c and iomem.c on folders that look like /proc and /sys. */
#include "test-fixture.h"

#include "io.h"
#include "topology.h"

#define PRESENT "/sys/devices/system/cpu/present"
#define IOMEM "/proc/iomem"
#define RAM "00100000-7fffffff : System RAM\n"

static void read_fixture(const Fixture *root, Topology *ret)
{
        assert_int_equal(topology_read(root->fd, ret), 0);
}

static void test_cpus_have_one_canonical_text(void **state)
{
        static const struct {
                const char *file, *cpus;
                size_t n;
                int r;
        } table[] = {
                { "0\n", "0", 1, 0 },
                { "0-1", "0-1", 2, 0 },
                { "0-3,8\n", "0-3,8", 5, 0 },
                { "8,0,2-3,1\n", "0-3,8", 5, 0 },
                { "0-3,2-5\n", "0-5", 6, 0 },
                { "65535", "65535", 1, 0 },
                { "0-65535", "0-65535", 65536, 0 },
                { "65536", NULL, 0, -EBADMSG },
                { "0-65536", NULL, 0, -EBADMSG },
                { "4294967296", NULL, 0, -EBADMSG },
                { "3-1", NULL, 0, -EBADMSG },
                { "", NULL, 0, -EBADMSG },
                { "0,", NULL, 0, -EBADMSG },
                { "0-", NULL, 0, -EBADMSG },
                { "x", NULL, 0, -EBADMSG },
                { "0-3-5", NULL, 0, -EBADMSG },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(topology_done) Topology topology = { 0 };

                fixture_init(&root);
                fixture_write(&root, PRESENT, table[i].file);
                fixture_write(&root, IOMEM, RAM);
                assert_int_equal(topology_read(root.fd, &topology), table[i].r);
                assert_int_equal(topology.n_cpus, table[i].n);
                assert_true(streq_ptr(topology.cpus, table[i].cpus));
        }
}

static void test_memory_of_all_kinds_counts_once(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(topology_done) Topology topology = { 0 };

        fixture_init(&root);
        fixture_write(&root, PRESENT, "0-1\n");
        fixture_write(&root, IOMEM,
                      "00000000-00000fff : Reserved\n"
                      "00001000-0009ffff : System RAM\n"
                      "00100000-7ffdcfff : System RAM\n"
                      "  01000000-01ffffff : Kernel code\n"
                      "  2f000000-3effffff : Crash kernel\n"
                      "  50000000-5fffffff : System RAM (kernel)\n"
                      "80000000-80ffffff : ACPI Non-volatile Storage\n"
                      "100000000-13fffffff : System RAM\n"
                      "140000000-147ffffff : System RAM\n"
                      "240000000-43fffffff : Persistent Memory\n"
                      "  240000000-33fffffff : dax0.0\n"
                      "    240000000-33fffffff : System RAM (kmem)\n"
                      "500000000-5ffffffff : virtio3\n"
                      "  508000000-50fffffff : System RAM (virtio_mem)\n"
                      "  500000000-507ffffff : System RAM (virtio_mem)\n");
        read_fixture(&root, &topology);
        assert_int_equal(topology.n_ranges, 5);
        assert_int_equal(topology.ranges[0].first_paddr, 0x1000);
        assert_int_equal(topology.ranges[0].last_paddr, 0x9ffff);
        assert_int_equal(topology.ranges[1].last_paddr, 0x7ffdcfff);
        assert_int_equal(topology.ranges[2].first_paddr, 0x100000000);
        assert_int_equal(topology.ranges[2].last_paddr, 0x147ffffff);
        assert_int_equal(topology.ranges[3].first_paddr, 0x240000000);
        assert_int_equal(topology.ranges[4].first_paddr, 0x500000000);
        assert_int_equal(topology.ranges[4].last_paddr, 0x50fffffff);
        assert_int_equal(topology.ram_bytes,
                         0x9f000 + 0x7fedd000ULL + 0x48000000 + 0x100000000 + 0x10000000);
}

static void test_what_is_no_memory_is_refused(void **state)
{
        static const struct {
                const char *iomem;
                int r;
        } table[] = {
                { "", -ENODATA },
                { "00000000-00000fff : Reserved\n", -ENODATA },
                { "00000000-00000000 : Reserved\n  00000000-00000000 : System RAM\n", -EACCES },
                { "00002000-00001fff : System RAM\n", -EBADMSG },
                { "System RAM\n", -EBADMSG },
                { "-00001fff : System RAM\n", -EBADMSG },
                { "00001000 : System RAM\n", -EBADMSG },
                { "00001000- : System RAM\n", -EBADMSG },
                { "00001000-00001fff System RAM\n", -EBADMSG },
                { "0-10000000000000000 : System RAM\n", -EBADMSG },
                { "0-ffffffffffffffff : System RAM\n", -EBADMSG },
                { "1000-ffffffffffffffff : System RAM\nfffffffffffff000-fffffffffffffffe : System "
                  "RAM",
                  0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(topology_done) Topology topology = { 0 };

                fixture_init(&root);
                fixture_write(&root, PRESENT, "0\n");
                fixture_write(&root, IOMEM, table[i].iomem);
                assert_int_equal(topology_read(root.fd, &topology), table[i].r);
                assert_int_equal(topology.ram_bytes, table[i].r == 0 ? -0x1000ULL : 0);
        }
}

static void test_missing_files_are_errors(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(topology_done) Topology topology = { 0 };

        fixture_init(&root);
        assert_int_equal(topology_read(root.fd, &topology), -ENOENT);
        fixture_write(&root, PRESENT, "0\n");
        assert_int_equal(topology_read(root.fd, &topology), -ENOENT);
        assert_null(topology.cpus);
}

/* Ranges of one page with a page between them, written from the last to the first. */
static void write_many_ranges(const Fixture *root, size_t n)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(f);
        for (size_t i = n; i > 0; i--)
                assert_true(fprintf(f, "%zx-%zx : System RAM\n", i * 0x2000, i * 0x2000 + 0xfff) >
                            0);
        assert_int_equal(fclose(f), 0);
        fixture_write(root, PRESENT, "0\n");
        fixture_write(root, IOMEM, text);
}

static void test_many_ranges_work_up_to_a_bound(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(topology_done) Topology topology = { 0 }, none = { 0 };

        fixture_init(&root);
        write_many_ranges(&root, IOMEM_RANGES_MAX);
        read_fixture(&root, &topology);
        assert_int_equal(topology.n_ranges, IOMEM_RANGES_MAX);
        assert_int_equal(topology.ranges[0].first_paddr, 0x2000);
        assert_int_equal(topology.ram_bytes, IOMEM_RANGES_MAX * 0x1000ULL);

        write_many_ranges(&root, IOMEM_RANGES_MAX + 1);
        assert_int_equal(topology_read(root.fd, &none), -E2BIG);
}

static void test_errors_have_words_of_their_own(void **state)
{
        static const int errors[] = { -EACCES, -E2BIG, -EFBIG, -EBADMSG, -ENODATA };

        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                assert_non_null(strstr(topology_error_text(errors[i]), "/proc/iomem"));
        assert_string_equal(topology_error_text(-ENOMEM), strerror(ENOMEM));
}

/* Returns whether both files give the topology that "0-1" and RAM do; the digest must agree. */
static bool is_same(const char *present, const char *iomem)
{
        _cleanup_(fixture_done) Fixture a = FIXTURE_NULL, b = FIXTURE_NULL;
        _cleanup_(topology_done) Topology x = { 0 }, y = { 0 };
        char x_hex[SHA256_HEX_SIZE], y_hex[SHA256_HEX_SIZE];

        fixture_init(&a);
        fixture_write(&a, PRESENT, "0-1\n");
        fixture_write(&a, IOMEM, RAM);
        read_fixture(&a, &x);
        fixture_init(&b);
        fixture_write(&b, PRESENT, present);
        fixture_write(&b, IOMEM, iomem);
        read_fixture(&b, &y);
        assert_int_equal(topology_digest(&x, x_hex), 0);
        assert_int_equal(topology_digest(&y, y_hex), 0);
        assert_int_equal(topology_equal(&x, &y), streq(x_hex, y_hex));
        return topology_equal(&x, &y);
}

static void test_equal_is_what_the_headers_would_say(void **state)
{
        assert_true(is_same("0-1\n", RAM));
        assert_true(is_same("0-1\n", "00000000-00000fff : Reserved\n" RAM));
        assert_true(is_same("0-1\n", "00100000-00100fff : System RAM\n"
                                     "00101000-7fffffff : System RAM\n"));
        assert_false(is_same("0-2\n", RAM));
        assert_false(is_same("0,2\n", RAM));
        assert_false(is_same("0-1\n", "00101000-80000fff : System RAM\n"));
        assert_false(is_same("0-1\n", RAM "100000000-107ffffff : System RAM\n"));
}

static void test_digest_is_of_a_text_that_stays(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(topology_done) Topology topology = { 0 };
        char hex[SHA256_HEX_SIZE], expected[SHA256_HEX_SIZE];

        fixture_init(&root);
        fixture_write(&root, PRESENT, "0-3,8\n");
        fixture_write(&root, IOMEM, RAM "100000000-13fffffff : System RAM\n");
        fixture_write(&root, "/text", "cpus 0-3,8\nram 100000-7fffffff\nram 100000000-13fffffff\n");
        read_fixture(&root, &topology);
        assert_int_equal(topology_digest(&topology, hex), 0);
        assert_int_equal(sha256_file(root.fd, "/text", expected), 0);
        assert_string_equal(hex, expected);
}

static void test_changes_are_told_in_words(void **state)
{
        static const uint64_t MiB = 1024 * 1024, GiB = 1024 * 1024 * 1024;
        const struct {
                size_t from_cpus;
                uint64_t from_bytes;
                size_t to_cpus;
                uint64_t to_bytes;
                const char *text;
        } table[] = {
                { 2, GiB, 4, GiB + 512 * MiB, "2 CPUs and 512 MiB of memory more" },
                { 2, GiB, 1, GiB, "1 CPU fewer" },
                { 2, GiB, 5, GiB, "3 CPUs more" },
                { 2, GiB, 2, 5 * GiB, "4 GiB of memory more" },
                { 2, 5 * GiB, 2, GiB, "4 GiB of memory less" },
                { 2, GiB, 2, GiB + 1536 * MiB, "1536 MiB of memory more" },
                { 2, GiB, 2, GiB + 4096, "4 KiB of memory more" },
                { 2, GiB, 2, GiB + 100, "100 bytes of memory more" },
                { 2, 0, 2, 4096 * GiB, "4 TiB of memory more" },
                { 2, 0, 2, 4096 * GiB * 1024, "4096 TiB of memory more" },
                { 4, 2 * GiB, 3, GiB, "1 CPU fewer and 1 GiB of memory less" },
                { 4, GiB, 3, 2 * GiB, "1 CPU fewer and 1 GiB of memory more" },
                { 3, 2 * GiB, 5, GiB, "2 CPUs more and 1 GiB of memory less" },
                { 2, GiB, 2, GiB, "other CPUs, or memory in other places" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ char *text = NULL;

                assert_int_equal(topology_describe_change(table[i].from_cpus, table[i].from_bytes,
                                                          table[i].to_cpus, table[i].to_bytes,
                                                          &text),
                                 0);
                assert_string_equal(text, table[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cpus_have_one_canonical_text),
                cmocka_unit_test(test_memory_of_all_kinds_counts_once),
                cmocka_unit_test(test_what_is_no_memory_is_refused),
                cmocka_unit_test(test_missing_files_are_errors),
                cmocka_unit_test(test_many_ranges_work_up_to_a_bound),
                cmocka_unit_test(test_errors_have_words_of_their_own),
                cmocka_unit_test(test_equal_is_what_the_headers_would_say),
                cmocka_unit_test(test_digest_is_of_a_text_that_stays),
                cmocka_unit_test(test_changes_are_told_in_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
