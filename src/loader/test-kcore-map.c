/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kcore-map.h"

#include "test-loader-fixture.h"
#include "test.h"

#define DIRECT 0xffff888000000000
#define TEXT 0xffffffff81000000

static void kcore_map_freep(KcoreMap *map)
{
        kcore_map_done(map);
}
#define _cleanup_map_ _cleanup_(kcore_map_freep)

static void write_segments(int root_fd, const Elf64_Phdr *segments, size_t n)
{
        const Elf64_Ehdr header = test_kcore_header(n);

        test_kcore_write(root_fd, &header, segments, n);
}

static void assert_part(const KcorePart *part, uint64_t paddr, uint64_t bytes, uint64_t offset)
{
        assert_non_null(part);
        assert_int_equal(part->paddr, paddr);
        assert_int_equal(part->bytes, bytes);
        assert_int_equal(part->offset, offset);
}

/* As x86 has it: vmalloc, vsyscall, the kernel's text, and the direct map in any order. */
static void write_usual(int root_fd)
{
        const Elf64_Phdr segments[] = {
                { .p_type = PT_NOTE, .p_offset = 0x1000, .p_filesz = 0x100 },
                test_kcore_segment(UINT64_MAX, 0x1fffffffffff, 0x490000003000, 0xffffc90000000000),
                test_kcore_segment(0x2000000, 0x1000, 0x10000, TEXT),
                test_kcore_segment(UINT64_MAX, 0x1000, 0x7fffff603000, 0xffffffffff600000),
                test_kcore_segment(0x100000000, 0x10000, 0x50000, DIRECT + 0x100000000),
                test_kcore_segment(0x1000000, 0x2000000, 0x100000, DIRECT + 0x1000000),
                test_kcore_segment(0, 0x9f000, 0x4000000, DIRECT),
                test_kcore_segment(0x9f000, 0x1000, 0x3000, DIRECT + 0x9f000),
                test_kcore_segment(0x200000000, 0, 0, DIRECT + 0x200000000),
        };

        write_segments(root_fd, segments, ELEMENTSOF(segments));
}

static void test_parts_are_found_by_physical_address(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_map_ KcoreMap map = KCORE_MAP_NULL;

        write_usual(root_fd);
        assert_int_equal(kcore_map_open(root_fd, &map), 0);
        assert_int_equal(map.n_parts, 5);
        for (size_t i = 1; i < map.n_parts; i++)
                assert_true(map.parts[i - 1].paddr <= map.parts[i].paddr);
        assert_part(kcore_map_find(&map, 0), 0, 0x9f000, 0x4000000);
        assert_part(kcore_map_find(&map, 0x9efff), 0, 0x9f000, 0x4000000);
        assert_part(kcore_map_find(&map, 0x9f000), 0x9f000, 0x1000, 0x3000);
        assert_null(kcore_map_find(&map, 0xa0000));
        assert_null(kcore_map_find(&map, 0xffffff));
        /* The text is there twice. */
        assert_part(kcore_map_find(&map, 0x2000000), 0x1000000, 0x2000000, 0x100000);
        assert_part(kcore_map_find(&map, 0x2000fff), 0x1000000, 0x2000000, 0x100000);
        assert_null(kcore_map_find(&map, 0x3000000));
        assert_part(kcore_map_find(&map, 0x10000ffff), 0x100000000, 0x10000, 0x50000);
        assert_null(kcore_map_find(&map, 0x100010000));
        assert_null(kcore_map_find(&map, UINT64_MAX));
}

static void test_memory_is_read_over_the_end_of_a_part(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_map_ KcoreMap map = KCORE_MAP_NULL;
        char buf[8] = "";

        write_usual(root_fd);
        test_kcore_put(root_fd, 0x4000000 + 0x9effc, "abcd", 4);
        test_kcore_put(root_fd, 0x3000, "efgh", 4);
        test_kcore_put(root_fd, 0x3000 + 0xffc, "wxyz", 4);
        assert_int_equal(kcore_map_open(root_fd, &map), 0);
        assert_int_equal(kcore_map_read(&map, 0x9effc, buf, 8), 0);
        assert_memory_equal(buf, "abcdefgh", 8);
        assert_int_equal(kcore_map_read(&map, 0x9fffc, buf, 4), 0);
        assert_memory_equal(buf, "wxyz", 4);
        assert_int_equal(kcore_map_read(&map, 0x9fffc, buf, 5), -ERANGE);
        assert_int_equal(kcore_map_read(&map, 0xa0000, buf, 1), -ERANGE);
        assert_int_equal(kcore_map_read(&map, UINT64_MAX, buf, 2), -ERANGE);
        assert_int_equal(kcore_map_read(&map, 0xa0000, buf, 0), 0);
}

/* Memory that went away meanwhile. */
static void test_an_early_end_is_told(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_map_ KcoreMap map = KCORE_MAP_NULL;
        uint8_t buf[8];

        write_usual(root_fd);
        test_kcore_put(root_fd, 0x50000, "abcd", 4);
        assert_int_equal(kcore_map_open(root_fd, &map), 0);
        assert_int_equal(kcore_map_read(&map, 0x100000000, buf, 8), -ENODATA);
}

static void test_segments_that_make_no_sense(void **state)
{
        const struct {
                Elf64_Phdr segment;
                int r;
        } cases[] = {
                { test_kcore_segment(0x1000, 0x1000, 0x1000, DIRECT), 0 },
                { test_kcore_segment(0x1000, 0x1000, INT64_MAX - 0x1000, DIRECT), 0 },
                { test_kcore_segment(0x1000, 0x1000, INT64_MAX - 0xfff, DIRECT), -EBADMSG },
                { test_kcore_segment(0x1000, 0x1000, UINT64_MAX - 0xfff, DIRECT), -EBADMSG },
                { test_kcore_segment(0x1000, UINT64_MAX - 0xfff, 0x1000, 0), -EBADMSG },
                { test_kcore_segment(UINT64_MAX - 1, 0x1000, 0x1000, DIRECT), -EBADMSG },
                { test_kcore_segment(0x1000, 0x1000, 0x1000, UINT64_MAX), -EBADMSG },
                /* The headers are no memory. */
                { test_kcore_segment(0x1000, 0x1000, 0x40, DIRECT), -EBADMSG },
                { test_kcore_segment(0x1000, 0x1000, 0, DIRECT), -EBADMSG },
                /* Nothing of what is not looked at counts. */
                { test_kcore_segment(UINT64_MAX, 0x1000, UINT64_MAX, UINT64_MAX), 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_test_root_ char *root = test_root_new();
                _cleanup_close_ int root_fd = test_root_open(root);
                _cleanup_map_ KcoreMap map = KCORE_MAP_NULL;
                const Elf64_Phdr segments[] = {
                        test_kcore_segment(0x100000, 0x1000, 0x10000, DIRECT),
                        cases[i].segment,
                };

                write_segments(root_fd, segments, ELEMENTSOF(segments));
                assert_int_equal(kcore_map_open(root_fd, &map), cases[i].r);
        }
}

/* Up to v4.10 all have 0. */
static void test_a_kernel_that_tells_no_addresses(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        const Elf64_Phdr segments[] = {
                test_kcore_segment(0, 0x1000, 0x10000, DIRECT),
                test_kcore_segment(0, 0x1000, 0x20000, TEXT),
        };
        const Elf64_Phdr note = { .p_type = PT_NOTE };
        KcoreMap map;

        assert_int_equal(kcore_map_open(root_fd, &map), -ENOENT);
        write_segments(root_fd, segments, ELEMENTSOF(segments));
        assert_int_equal(kcore_map_open(root_fd, &map), -EOPNOTSUPP);
        write_segments(root_fd, &note, 1);
        assert_int_equal(kcore_map_open(root_fd, &map), -EBADMSG);
}

static void test_headers_that_make_no_sense(void **state)
{
        static const struct {
                size_t offset, size;
                uint64_t value;
        } cases[] = {
                { EI_MAG0, 1, 0 },
                { EI_CLASS, 1, ELFCLASS32 },
                { EI_DATA, 1, ELFDATA2MSB },
                { offsetof(Elf64_Ehdr, e_type), 2, ET_EXEC },
                { offsetof(Elf64_Ehdr, e_phentsize), 2, 55 },
                { offsetof(Elf64_Ehdr, e_phnum), 2, 0 },
                { offsetof(Elf64_Ehdr, e_phnum), 2, 2 },
                { offsetof(Elf64_Ehdr, e_phnum), 2, PN_XNUM - 1 },
                { offsetof(Elf64_Ehdr, e_phnum), 2, PN_XNUM },
                { offsetof(Elf64_Ehdr, e_phoff), 8, 0 },
                { offsetof(Elf64_Ehdr, e_phoff), 8, 65 },
                { offsetof(Elf64_Ehdr, e_phoff), 8, UINT64_MAX },
                { offsetof(Elf64_Ehdr, e_phoff), 8, INT64_MAX - 64 },
        };
        const Elf64_Phdr segment = test_kcore_segment(0x1000, 0x1000, 0x10000, DIRECT);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_test_root_ char *root = test_root_new();
                _cleanup_close_ int root_fd = test_root_open(root);
                KcoreMap map;

                write_segments(root_fd, &segment, 1);
                assert_int_equal(kcore_map_open(root_fd, &map), 0);
                kcore_map_done(&map);
                test_kcore_put(root_fd, cases[i].offset, &cases[i].value, cases[i].size);
                assert_int_equal(kcore_map_open(root_fd, &map), -EBADMSG);
        }
}

/* As many as the header can number. */
static void test_a_great_many_parts(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_free_ Elf64_Phdr *segments = calloc(PN_XNUM - 1, sizeof(*segments));
        _cleanup_map_ KcoreMap map = KCORE_MAP_NULL;
        const uint64_t n = PN_XNUM - 1, offset = 1 << 24;

        assert_non_null(segments);
        for (uint64_t i = 0; i < n; i++)
                segments[i] = test_kcore_segment((n - i) * 0x2000, 0x1000, offset + i * 0x1000,
                                                 DIRECT + (n - i) * 0x2000);
        write_segments(root_fd, segments, n);
        assert_int_equal(kcore_map_open(root_fd, &map), 0);
        assert_int_equal(map.n_parts, n);
        assert_part(kcore_map_find(&map, 0x2fff), 0x2000, 0x1000, offset + (n - 1) * 0x1000);
        assert_part(kcore_map_find(&map, n * 0x2000), n * 0x2000, 0x1000, offset);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parts_are_found_by_physical_address),
                cmocka_unit_test(test_memory_is_read_over_the_end_of_a_part),
                cmocka_unit_test(test_an_early_end_is_told),
                cmocka_unit_test(test_segments_that_make_no_sense),
                cmocka_unit_test(test_a_kernel_that_tells_no_addresses),
                cmocka_unit_test(test_headers_that_make_no_sense),
                cmocka_unit_test(test_a_great_many_parts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
