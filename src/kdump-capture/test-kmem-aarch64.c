/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of Kmem with arm64 kernels. */
#include "test-tables-aarch64.h"
#include "test.h"

static const TablesConfig *const config_4k48 = &tables_configs[7];
static const TablesConfig *const config_64k52 = &tables_configs[6];
static const TablesConfig *const config_52_on_48 = &tables_configs[11];

static void test_walk_in_each_configuration(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(tables_configs); i++) {
                uint64_t page_bytes = UINT64_C(1) << tables_configs[i].page_shift, base;
                unsigned n_levels =
                        tables_configs[i].n_levels; /* that have room for what is done here */
                _cleanup_(tables_done) Tables tables;
                char got[16];

                tables_init(&tables, &tables_configs[i], 0);
                base = tables_upper_half(&tables);
                while ((n_levels + 1) * tables_level_bytes(&tables, n_levels - 1) > -base)
                        n_levels--;
                for (unsigned level = 1; level < n_levels; level++)
                        tables_map(&tables, base + (level + 1) * tables_level_bytes(&tables, level),
                                   0, level);
                tables_map(&tables, base + page_bytes, 7 * page_bytes, 0);
                tables_map(&tables, base + 2 * page_bytes, 3 * page_bytes, 0);
                test_memory_put(&tables.memory, 8 * page_bytes - 8, "abcdefgh", 8);
                test_memory_put(&tables.memory, 3 * page_bytes, "ijklmnop", 8);
                assert_int_equal(test_memory_open(&tables.memory), 0);

                test_memory_vtop(&tables.memory, base + page_bytes + 0x123, 7 * page_bytes + 0x123,
                                 page_bytes - 0x123);
                test_memory_vtop_fails(&tables.memory, base, -EFAULT);
                test_memory_vtop_fails(&tables.memory, base + 3 * page_bytes, -EFAULT);
                for (unsigned level = 1; level < n_levels; level++) {
                        uint64_t bytes = tables_level_bytes(&tables, level);
                        uint64_t vaddr = base + (level + 1) * bytes;

                        if (level <= tables_configs[i].block_level_max)
                                test_memory_vtop(&tables.memory, vaddr + 0x12345, 0x12345,
                                                 bytes - 0x12345);
                        else
                                test_memory_vtop_fails(&tables.memory, vaddr + 0x12345, -EFAULT);
                        test_memory_vtop_fails(&tables.memory, vaddr + bytes, -EFAULT);
                }

                /* Over the border of two pages that are not beside each other in memory. */
                assert_int_equal(kmem_read(tables.memory.kmem, base + 2 * page_bytes - 8, got, 16),
                                 0);
                assert_memory_equal(got, "abcdefghijklmnop", 16);
                assert_int_equal(kmem_read(tables.memory.kmem, base + 3 * page_bytes - 8, got, 16),
                                 -EFAULT);
        }
}

/* Pages, blocks and tables in memory that needs all 52 bits. */
static void test_addresses_of_52_bits(void **state)
{
        static const uint64_t highs[] = { UINT64_C(0xa) << 48, UINT64_C(0x5) << 48 };
        unsigned n = 0;

        for (size_t i = 0; i < ELEMENTSOF(tables_configs) * ELEMENTSOF(highs); i++) {
                const TablesConfig *config = &tables_configs[i / ELEMENTSOF(highs)];
                uint64_t high = highs[i % ELEMENTSOF(highs)], base;
                char got[5];

                if (config->paddr_bits < 52)
                        continue;
                n++;

                _cleanup_(tables_done) Tables tables;

                tables_init(&tables, config, high);
                base = tables_upper_half(&tables);
                tables.next_paddr = high + 0x80000;
                tables_map(&tables, base, high + 0x40000, 0);
                tables_map(&tables, base + 2 * tables_level_bytes(&tables, 1), high, 1);
                memcpy(tables.high + 0x40123, "hello", 5);
                assert_int_equal(test_memory_open(&tables.memory), 0);

                assert_int_equal(kmem_read(tables.memory.kmem, base + 0x123, got, 5), 0);
                assert_memory_equal(got, "hello", 5);
                test_memory_vtop(&tables.memory,
                                 base + 2 * tables_level_bytes(&tables, 1) + 0x40123,
                                 high + 0x40123, tables_level_bytes(&tables, 1) - 0x40123);
        }
        assert_int_equal(n, 10);
}

/* Before v5.8 nothing says how many bits there are; 64 KiB pages have them where zeros are. */
static void test_addresses_of_52_bits_without_the_key(void **state)
{
        _cleanup_(tables_done) Tables tables;
        uint64_t high = UINT64_C(0x9) << 48;

        tables_init_bare(&tables, config_64k52, high);
        test_memory_info(&tables.memory, "PAGESIZE=65536");
        test_memory_info(&tables.memory, "NUMBER(VA_BITS)=52");
        test_memory_info(&tables.memory, "NUMBER(TCR_EL1_T1SZ)=0xc");
        test_memory_info(&tables.memory, "NUMBER(kimage_voffset)=0x%llx",
                         (unsigned long long) KIMAGE_VOFFSET);
        test_memory_info(&tables.memory, "SYMBOL(swapper_pg_dir)=%llx",
                         (unsigned long long) (ROOT_PADDR + KIMAGE_VOFFSET));
        test_memory_info(&tables.memory, "SYMBOL(_stext)=ffff800010080000");
        tables_map(&tables, tables_upper_half(&tables), high + 0x10000, 0);
        assert_int_equal(test_memory_open(&tables.memory), 0);
        test_memory_vtop(&tables.memory, tables_upper_half(&tables), high + 0x10000, 0x10000);
}

static void test_linear_map(void **state)
{
        static const struct {
                const TablesConfig *config;
                uint64_t stext, phys_offset, start_vaddr;
        } cases[] = {
                /* v5.4 and later: from the lowest address on; before: from the middle */
                { &tables_configs[7], 0xffff800010080000, 0, 0xffff000000000000 },
                { &tables_configs[7], 0xffff000008080000, 0, 0xffff800000000000 },
                { &tables_configs[2], 0xffffffc010080000, 0, 0xffffff8000000000 },
                { &tables_configs[2], 0xffffff8008080000, 0, 0xffffffc000000000 },
                { &tables_configs[6], 0xffff800010080000, 0, 0xfff0000000000000 },
                /* KASLR may set the start far below zero. */
                { &tables_configs[7], 0xffff800010080000, -UINT64_C(0x3f0040000000),
                  0xffff3f0040000000 },
                /* 52 bits on a processor with 48, as of v5.10, and as of v5.4 */
                { &tables_configs[11], 0xffff800010080000, -UINT64_C(0xf000000000000),
                  0xffff000000000000 },
                { &tables_configs[11], 0xffff800010080000, 0, 0xffff000000000000 },
                { &tables_configs[12], 0xffffc00010080000, -UINT64_C(0xf800000000000),
                  0xffff800000000000 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(tables_done) Tables tables;
                uint64_t start = cases[i].start_vaddr, page_bytes;

                tables_init(&tables, cases[i].config, 0);
                page_bytes = UINT64_C(1) << cases[i].config->page_shift;
                test_memory_info(&tables.memory, "SYMBOL(_stext)=%llx",
                                 (unsigned long long) cases[i].stext);
                test_memory_info(&tables.memory, "NUMBER(PHYS_OFFSET)=0x%llx",
                                 (unsigned long long) cases[i].phys_offset);
                tables_map(&tables, start + 2 * MEMORY_BYTES, 0x10000, 0);
                assert_int_equal(test_memory_open(&tables.memory), 0);

                assert_true(kmem_direct_map_delta(tables.memory.kmem) == start);
                test_memory_vtop(&tables.memory, start, 0, MEMORY_BYTES);
                test_memory_vtop(&tables.memory, start + 0x123456, 0x123456,
                                 MEMORY_BYTES - 0x123456);
                /* What is not in memory there, the page tables may still know. */
                test_memory_vtop_fails(&tables.memory, start + MEMORY_BYTES, -EFAULT);
                test_memory_vtop(&tables.memory, start + 2 * MEMORY_BYTES, 0x10000, page_bytes);
        }
}

/* Since v5.11 the linear map of 52 bits is longer than one half. */
static void test_linear_map_in_the_other_half_is_walked(void **state)
{
        _cleanup_(tables_done) Tables tables;
        uint64_t vaddr = UINT64_C(0xfffc000000000000);

        tables_init(&tables, config_64k52, 0);
        test_memory_info(&tables.memory, "NUMBER(PHYS_OFFSET)=0x%llx",
                         (unsigned long long) -UINT64_C(0xc000000000000));
        tables_map(&tables, vaddr, 0x20000, 0);
        assert_int_equal(test_memory_open(&tables.memory), 0);
        test_memory_vtop(&tables.memory, vaddr + 5, 0x20005, 0x10000 - 5);
}

static void test_pointer_tags_are_ignored(void **state)
{
        _cleanup_(tables_done) Tables tables;
        uint64_t base;

        tables_init(&tables, config_4k48, 0);
        test_memory_info(&tables.memory, "NUMBER(PHYS_OFFSET)=0x0");
        base = tables_upper_half(&tables);
        tables_map(&tables, base, 0x7000, 0);
        assert_int_equal(test_memory_open(&tables.memory), 0);

        for (uint64_t tag = 0; tag < 256; tag++) {
                test_memory_vtop(&tables.memory, (base & ~(UINT64_C(0xff) << 56)) | tag << 56,
                                 0x7000, 4096);
                test_memory_vtop(&tables.memory, UINT64_C(0x00ff000000005000) | tag << 56, 0x5000,
                                 MEMORY_BYTES - 0x5000);
                /* Bit 55 clear: an address of a program. */
                test_memory_vtop_fails(&tables.memory, UINT64_C(0x007f000000005000) | tag << 56,
                                       -EFAULT);
        }
}

static void test_addresses_below_the_kernel(void **state)
{
        static const uint64_t vaddrs[] = { 0,
                                           0x1000,
                                           0x0000ffffffffffff,
                                           0xff7fffffffffffff,
                                           0xfffeffffffffffff,
                                           0xfff0000000000000 };
        _cleanup_(tables_done) Tables tables;

        tables_init(&tables, config_52_on_48, 0);
        test_memory_info(&tables.memory, "NUMBER(PHYS_OFFSET)=0x0");
        for (uint64_t i = 0; i < 512; i++)
                test_memory_put_u64(&tables.memory, ROOT_PADDR + i * 8, ROOT_PADDR | 3);
        assert_int_equal(test_memory_open(&tables.memory), 0);
        for (size_t i = 0; i < ELEMENTSOF(vaddrs); i++)
                test_memory_vtop_fails(&tables.memory, vaddrs[i], -EFAULT);
        test_memory_vtop(&tables.memory, UINT64_MAX, ROOT_PADDR + 0xfff, 1);
}

/* From v5.4 to v5.8 only mem_section tells whether 52 bits are in use. */
static void test_va_bits_before_they_were_exported(void **state)
{
        static const struct {
                uint64_t mem_section;
                const TablesConfig *config;
        } cases[] = {
                { 0xfff0000000123000, &tables_configs[6] },
                { 0xffff000000123000, &tables_configs[14] },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(tables_done) Tables tables;

                tables_init_bare(&tables, cases[i].config, 0);
                test_memory_info(&tables.memory, "PAGESIZE=65536");
                test_memory_info(&tables.memory, "NUMBER(VA_BITS)=52");
                test_memory_info(&tables.memory, "SYMBOL(_stext)=ffff800010080000");
                test_memory_info(&tables.memory, "NUMBER(PHYS_OFFSET)=0x0");
                assert_int_equal(test_memory_open(&tables.memory), -ENODATA);
                test_memory_info(&tables.memory, "SYMBOL(mem_section)=%llx",
                                 (unsigned long long) cases[i].mem_section);
                assert_int_equal(test_memory_open(&tables.memory), 0);
                test_memory_vtop(&tables.memory, cases[i].mem_section, 0x123000,
                                 MEMORY_BYTES - 0x123000);
        }
}

static void test_without_a_key(void **state)
{
        static const char *const lines[] = {
                "PAGESIZE=4096",
                "NUMBER(VA_BITS)=48",
                "SYMBOL(_stext)=ffff800010080000",
                "NUMBER(PHYS_OFFSET)=0x0",
                "NUMBER(kimage_voffset)=0xffff7fffc0000000",
                "SYMBOL(swapper_pg_dir)=ffff7fffc0200000",
        };
        static const struct {
                int error;
                bool linear, walk;
        } expected[] = {
                { -ENODATA, false, false }, { -ENODATA, false, false }, { -ENODATA, false, false },
                { 0, false, true },         { 0, true, false },         { 0, true, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                _cleanup_(tables_done) Tables tables;
                uint64_t base = tables_half_start(47), linear = tables_half_start(48);

                tables_init_bare(&tables, config_4k48, 0);
                for (size_t k = 0; k < ELEMENTSOF(lines); k++)
                        if (k != i)
                                test_memory_info(&tables.memory, "%s", lines[k]);
                tables_map(&tables, base, 0x7000, 0);
                assert_int_equal(test_memory_open(&tables.memory), expected[i].error);
                if (expected[i].error < 0)
                        continue;
                if (expected[i].linear)
                        test_memory_vtop(&tables.memory, linear, 0, MEMORY_BYTES);
                else
                        test_memory_vtop_fails(&tables.memory, linear, -EFAULT);
                if (expected[i].walk)
                        test_memory_vtop(&tables.memory, base, 0x7000, 4096);
                else
                        test_memory_vtop_fails(&tables.memory, base, -EFAULT);
        }
}

static void test_values_without_sense(void **state)
{
        static const char *const lines[] = {
                "PAGESIZE=8192",
                "PAGESIZE=0",
                "PAGESIZE=many",
                "NUMBER(VA_BITS)=35",
                "NUMBER(VA_BITS)=64",
                "NUMBER(VA_BITS)=-1",
                "NUMBER(TCR_EL1_T1SZ)=0x0",
                "NUMBER(TCR_EL1_T1SZ)=0xc",
                "NUMBER(TCR_EL1_T1SZ)=0x3f",
                "NUMBER(TCR_EL1_T1SZ)=0xffffffffffffffff",
                "NUMBER(MAX_PHYSMEM_BITS)=x",
                "NUMBER(PHYS_OFFSET)=x",
                "NUMBER(kimage_voffset)=x",
                "NUMBER(kimage_voffset)=0x0",
                "SYMBOL(swapper_pg_dir)=x",
                "SYMBOL(swapper_pg_dir)=ffff7fffc0200800",
                "SYMBOL(_stext)=x",
        };

        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                _cleanup_(tables_done) Tables tables;

                tables_init(&tables, config_4k48, 0);
                test_memory_info(&tables.memory, "%s", lines[i]);
                assert_int_equal(test_memory_open(&tables.memory), -EBADMSG);
                assert_null(tables.memory.kmem);
        }
}

static void test_tables_that_point_at_themselves(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(tables_configs); i++) {
                uint64_t n = (UINT64_C(1) << tables_configs[i].page_shift) / 8;
                _cleanup_(tables_done) Tables tables;

                tables_init(&tables, &tables_configs[i], 0);
                for (uint64_t k = 0; k < n; k++)
                        test_memory_put_u64(&tables.memory, ROOT_PADDR + k * 8, ROOT_PADDR | 3);
                assert_int_equal(test_memory_open(&tables.memory), 0);
                test_memory_vtop(&tables.memory, tables_upper_half(&tables) + 0x123,
                                 ROOT_PADDR + 0x123, n * 8 - 0x123);
        }
}

static void test_damaged_tables(void **state)
{
        _cleanup_(tables_done) Tables tables;
        uint64_t base, at, bytes;

        tables_init(&tables, config_4k48, 0);
        base = tables_upper_half(&tables);
        bytes = tables_level_bytes(&tables, 3);
        /* A block in the table of pages, one above where blocks can be, a table outside memory. */
        at = tables_map(&tables, base, 0x7000, 0);
        test_memory_put_u64(&tables.memory, at, 0x7000 | 1);
        tables_map(&tables, base + bytes, 0, 3);
        at = tables_map(&tables, base + 2 * bytes, 0, 3);
        test_memory_put_u64(&tables.memory, at, UINT64_C(0xfffffffff000) | 3);
        assert_int_equal(test_memory_open(&tables.memory), 0);
        test_memory_vtop_fails(&tables.memory, base, -EFAULT);
        test_memory_vtop_fails(&tables.memory, base + bytes, -EFAULT);
        test_memory_vtop_fails(&tables.memory, base + 2 * bytes, -ERANGE);
}

static void test_random_tables(void **state)
{
        uint64_t seed = 7;

        for (size_t i = 0; i < ELEMENTSOF(tables_configs); i++) {
                _cleanup_(tables_done) Tables tables;
                unsigned n_found = 0;

                tables_init(&tables, &tables_configs[i], 0);
                /* Most are tables within memory, so that walks get far. */
                for (uint64_t at = 0; at < MEMORY_BYTES; at += 8) {
                        uint64_t value = test_random(&seed);

                        if (value >> 62 != 0)
                                value = (value & (MEMORY_BYTES - 1) & ~UINT64_C(0xff00)) | 3;
                        test_memory_put_u64(&tables.memory, at, value);
                }
                assert_int_equal(test_memory_open(&tables.memory), 0);
                for (unsigned k = 0; k < 2000; k++) {
                        uint64_t vaddr =
                                test_random(&seed) | tables_half_start(tables_configs[i].va_bits);
                        uint64_t paddr, n_bytes;
                        int r;

                        r = kmem_vtop(tables.memory.kmem, vaddr, &paddr, &n_bytes);
                        if (r < 0) {
                                assert_true(r == -EFAULT || r == -ERANGE);
                                continue;
                        }
                        n_found++;
                        assert_true(n_bytes > 0 && paddr >> tables_configs[i].paddr_bits == 0);
                        assert_true(n_bytes <=
                                    tables_level_bytes(&tables, tables_configs[i].block_level_max));
                }
                assert_true(n_found > 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_walk_in_each_configuration),
                cmocka_unit_test(test_addresses_of_52_bits),
                cmocka_unit_test(test_addresses_of_52_bits_without_the_key),
                cmocka_unit_test(test_linear_map),
                cmocka_unit_test(test_linear_map_in_the_other_half_is_walked),
                cmocka_unit_test(test_pointer_tags_are_ignored),
                cmocka_unit_test(test_addresses_below_the_kernel),
                cmocka_unit_test(test_va_bits_before_they_were_exported),
                cmocka_unit_test(test_without_a_key),
                cmocka_unit_test(test_values_without_sense),
                cmocka_unit_test(test_tables_that_point_at_themselves),
                cmocka_unit_test(test_damaged_tables),
                cmocka_unit_test(test_random_tables),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
