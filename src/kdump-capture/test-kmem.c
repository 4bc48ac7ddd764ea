/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of Kmem: hand-built page tables of x86_64. */
#include "test-memory.h"
#include "test.h"

#define PAGE TEST_PAGE_BYTES
#define MEMORY_BYTES (UINT64_C(8) << 20)
#define VMALLOC_VADDR UINT64_C(0xffffc90000000000)
#define VMALLOC5_VADDR UINT64_C(0xffa0000000000000)
#define ROOT_PADDR (TEST_PHYS_BASE + UINT64_C(0x100000))
#define TABLES_PADDR UINT64_C(0x500000)
#define PRESENT UINT64_C(3)
#define PSE UINT64_C(0x80)
#define NX (UINT64_C(1) << 63)

typedef struct Tables {
        TestMemory memory;
        unsigned n_levels;
        uint64_t sme_mask;
        uint64_t next_paddr;
} Tables;

static void tables_init(Tables *tables, unsigned n_levels, uint64_t sme_mask, uint64_t direct_map)
{
        TestMemory *memory = &tables->memory;

        test_memory_init(memory, MEMORY_BYTES, direct_map);
        tables->n_levels = n_levels;
        tables->sme_mask = sme_mask;
        tables->next_paddr = TABLES_PADDR;
        test_memory_info(memory, "NUMBER(phys_base)=%lld", (long long) TEST_PHYS_BASE);
        test_memory_info(
                memory, "SYMBOL(init_top_pgt)=%llx",
                (unsigned long long) (TEST_KERNEL_MAP_VADDR + ROOT_PADDR - TEST_PHYS_BASE));
        test_memory_info(memory, "NUMBER(pgtable_l5_enabled)=%d", n_levels == 5);
        test_memory_info(memory, "NUMBER(sme_mask)=%lld", (long long) sme_mask);
}

static void tables_done(Tables *tables)
{
        test_memory_done(&tables->memory);
}

/* Maps @vaddr to @paddr with an entry at @level (0: 4 KiB, 1: 2 MiB, 2: 1 GiB). Returns where that
 * entry is. */
static uint64_t tables_map(Tables *tables, uint64_t vaddr, uint64_t paddr, unsigned level)
{
        uint64_t table = ROOT_PADDR, at, entry;

        for (unsigned i = tables->n_levels - 1;; i--) {
                at = table + ((vaddr >> (12 + 9 * i)) & 511) * 8;
                if (i == level)
                        break;
                memcpy(&entry, tables->memory.bytes + at, 8);
                if (entry == 0) {
                        entry = tables->next_paddr | PRESENT | tables->sme_mask;
                        tables->next_paddr += PAGE;
                        test_memory_put_u64(&tables->memory, at, entry);
                }
                table = entry & ~tables->sme_mask & UINT64_C(0xffffffffff000);
        }
        entry = paddr | PRESENT | NX | tables->sme_mask | (level > 0 ? PSE : 0);
        test_memory_put_u64(&tables->memory, at, entry);
        return at;
}

static void walk_check(unsigned n_levels, uint64_t sme_mask, uint64_t base)
{
        _cleanup_(tables_done) Tables tables;
        uint64_t paddr;
        char got[16];

        tables_init(&tables, n_levels, sme_mask, 0);
        tables_map(&tables, base, 0x7000, 0);
        tables_map(&tables, base + PAGE, 0x3000, 0);
        tables_map(&tables, base + 0x40000000, 0x400000, 1);
        tables_map(&tables, base + 0x80000000, 0, 2);
        test_memory_put(&tables.memory, 0x8000 - 8, "abcdefgh", 8);
        test_memory_put(&tables.memory, 0x3000, "ijklmnop", 8);
        test_memory_put(&tables.memory, 0x7123, "hello", 5);
        assert_int_equal(test_memory_open(&tables.memory), 0);

        test_memory_vtop(&tables.memory, base + 0x123, 0x7123, PAGE - 0x123);
        test_memory_vtop(&tables.memory, base + PAGE, 0x3000, PAGE);
        test_memory_vtop(&tables.memory, base + 0x40000000 + 0x12345, 0x412345, 0x200000 - 0x12345);
        test_memory_vtop(&tables.memory, base + 0x80000000 + 0x7123, 0x7123, 0x40000000 - 0x7123);

        /* Over the border of two pages that are not beside each other in memory. */
        assert_int_equal(kmem_read(tables.memory.kmem, base + PAGE - 8, got, 16), 0);
        assert_memory_equal(got, "abcdefghijklmnop", 16);
        assert_int_equal(kmem_read(tables.memory.kmem, base + 0x80007123, got, 5), 0);
        assert_memory_equal(got, "hello", 5);

        assert_int_equal(kmem_vtop(tables.memory.kmem, base + 2 * PAGE, &paddr, NULL), -EFAULT);
        assert_int_equal(kmem_vtop(tables.memory.kmem, base + 0x40200000, &paddr, NULL), -EFAULT);
        assert_int_equal(kmem_read(tables.memory.kmem, base + 2 * PAGE - 8, got, 16), -EFAULT);
        /* The 1 GiB page is mapped, but not all of that memory is there. */
        assert_int_equal(kmem_read(tables.memory.kmem, base + 0x80000000 + MEMORY_BYTES, got, 1),
                         -ERANGE);
}

static void test_walk_of_4_levels(void **state)
{
        walk_check(4, 0, VMALLOC_VADDR);
}

static void test_walk_of_5_levels(void **state)
{
        walk_check(5, 0, VMALLOC5_VADDR);
}

static void test_walk_with_memory_encryption(void **state)
{
        walk_check(4, UINT64_C(1) << 47, VMALLOC_VADDR);
        walk_check(5, UINT64_C(1) << 51, VMALLOC5_VADDR);
}

static void test_direct_map_and_kernel_image(void **state)
{
        _cleanup_(tables_done) Tables tables;
        uint64_t paddr;

        tables_init(&tables, 4, 0, TEST_DIRECT_MAP_VADDR);
        tables_map(&tables, VMALLOC_VADDR, 0x7000, 0);
        assert_int_equal(test_memory_open(&tables.memory), 0);

        test_memory_vtop(&tables.memory, TEST_DIRECT_MAP_VADDR + 0x1234, 0x1234,
                         MEMORY_BYTES - 0x1234);
        test_memory_vtop(&tables.memory, TEST_KERNEL_MAP_VADDR + 0x1000, TEST_PHYS_BASE + 0x1000,
                         0x40000000 - 0x1000);
        test_memory_vtop(&tables.memory, VMALLOC_VADDR, 0x7000, PAGE);

        /* Behind the memory, behind the image (modules), and in the user's half. */
        assert_int_equal(
                kmem_vtop(tables.memory.kmem, TEST_DIRECT_MAP_VADDR + MEMORY_BYTES, &paddr, NULL),
                -EFAULT);
        assert_int_equal(
                kmem_vtop(tables.memory.kmem, TEST_KERNEL_MAP_VADDR + 0x40000000, &paddr, NULL),
                -EFAULT);
        assert_int_equal(kmem_vtop(tables.memory.kmem, 0x1000, &paddr, NULL), -EFAULT);
        assert_int_equal(kmem_vtop(tables.memory.kmem, UINT64_MAX, &paddr, NULL), -EFAULT);
}

/* With KASLR, phys_base is often negative: the image is linked higher than it was loaded. */
static void test_negative_phys_base(void **state)
{
        _cleanup_(tables_done) Tables tables;

        tables_init(&tables, 4, 0, TEST_DIRECT_MAP_VADDR);
        test_memory_info(&tables.memory, "NUMBER(phys_base)=%lld", -0x1000000LL);
        test_memory_info(&tables.memory, "NUMBER(KERNEL_IMAGE_SIZE)=%llu", 0x20000000ULL);
        assert_int_equal(test_memory_open(&tables.memory), 0);
        test_memory_vtop(&tables.memory, TEST_KERNEL_MAP_VADDR + 0x1234000, 0x234000,
                         0x20000000 - 0x1234000);
}

static void test_phys_base_from_the_segment(void **state)
{
        _cleanup_(test_memory_done) TestMemory memory;
        uint64_t paddr;

        test_memory_init(&memory, MEMORY_BYTES, TEST_DIRECT_MAP_VADDR);
        test_memory_info(&memory, "OSRELEASE=4.4.0");
        assert_int_equal(test_memory_open(&memory), -ENODATA);

        test_core_add(&memory.core, TEST_KERNEL_MAP_VADDR + 0x1000000, 0x300000, 0x10000, 0, NULL);
        assert_int_equal(test_memory_open(&memory), 0);
        assert_int_equal(kmem_vtop(memory.kmem, TEST_KERNEL_MAP_VADDR + 0x1000123, &paddr, NULL),
                         0);
        assert_int_equal(paddr, 0x300123);
        /* No page tables are known. */
        assert_int_equal(kmem_vtop(memory.kmem, VMALLOC_VADDR, &paddr, NULL), -EFAULT);
}

#define GIB (UINT64_C(1) << 30)

static void test_direct_map_is_found_in_the_page_tables(void **state)
{
        static const struct {
                unsigned n_levels;
                uint64_t segment_vaddr, vaddr, paddr;
                unsigned level;
                uint64_t expected_delta;
        } cases[] = {
                { 4, 0, 0xffff888000000000, 0, 2, 0xffff888000000000 },
                { 4, 0, 0xffff8c7fc0000000, 0, 2, 0xffff8c7fc0000000 },
                { 5, 0, 0xff11000000000000, 0, 2, 0xff11000000000000 },
                { 5, 0, 0xff4a123440000000, 0, 2, 0xff4a123440000000 },
                { 4, 0, 0xffff888000000000 + ROOT_PADDR, ROOT_PADDR, 0, 0xffff888000000000 },
                /* A core says so. */
                { 4, TEST_DIRECT_MAP_VADDR, 0xffff8c7fc0000000, 0, 2, TEST_DIRECT_MAP_VADDR },
                /* Not where one can begin; without the page tables; behind the image. */
                { 4, 0, 0xffff888000200000 + ROOT_PADDR, ROOT_PADDR, 0, 0 },
                { 4, 0, 0xffff888000000000, 0, 1, 0 },
                { 4, 0, TEST_KERNEL_MAP_VADDR + GIB, 0, 2, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(tables_done) Tables tables;

                tables_init(&tables, cases[i].n_levels, 0, cases[i].segment_vaddr);
                tables_map(&tables, cases[i].vaddr, cases[i].paddr, cases[i].level);
                tables_map(&tables, TEST_KERNEL_MAP_VADDR, TEST_PHYS_BASE, 1);
                assert_int_equal(test_memory_open(&tables.memory), 0);
                assert_true(kmem_direct_map_delta(tables.memory.kmem) == cases[i].expected_delta);
        }
}

static void test_direct_map_is_looked_for_behind_what_else_is_mapped(void **state)
{
        for (unsigned n_levels = 4; n_levels <= 5; n_levels++) {
                uint64_t half = n_levels == 5 ? 0xff00000000000000 : 0xffff800000000000;
                uint64_t map = half + (UINT64_C(17) << (n_levels == 5 ? 48 : 39));
                _cleanup_(tables_done) Tables tables;

                tables_init(&tables, n_levels, 0, 0);
                tables_map(&tables, half, 0x3000, 0);
                tables_map(&tables, half + (UINT64_C(16) << (n_levels == 5 ? 48 : 39)), GIB, 2);
                tables_map(&tables, map + 3 * GIB, 0, 2);
                assert_int_equal(test_memory_open(&tables.memory), 0);
                assert_true(kmem_direct_map_delta(tables.memory.kmem) == map + 3 * GIB);
        }
}

/* Tables in which nothing is mapped are as many as there can be. */
static void test_search_for_the_direct_map_ends(void **state)
{
        const uint64_t tables_paddr[] = { ROOT_PADDR, TABLES_PADDR, TABLES_PADDR + PAGE };
        _cleanup_(tables_done) Tables tables;

        tables_init(&tables, 4, 0, 0);
        for (size_t level = 0; level < ELEMENTSOF(tables_paddr); level++)
                for (uint64_t i = 0; i < 512; i++)
                        test_memory_put_u64(&tables.memory, tables_paddr[level] + i * 8,
                                            (TABLES_PADDR + level * PAGE) | PRESENT);
        assert_int_equal(test_memory_open(&tables.memory), 0);
        assert_int_equal(kmem_direct_map_delta(tables.memory.kmem), 0);
}

static void test_image_is_what_is_mapped_of_it(void **state)
{
        const uint64_t map = TEST_KERNEL_MAP_VADDR, base = TEST_PHYS_BASE;
        _cleanup_(tables_done) Tables tables;
        KmemImage image;

        tables_init(&tables, 4, 0, 0);
        assert_int_equal(test_memory_open(&tables.memory), 0);
        assert_int_equal(kmem_image(tables.memory.kmem, &image), -ENODATA);

        /* With a hole; what is mapped elsewhere, or behind where it can end, is not of it. */
        tables_map(&tables, map + 0x200000, base + 0x200000, 1);
        tables_map(&tables, map + 0x605000, base + 0x605000, 0);
        tables_map(&tables, map + 0x606000, 0x1000, 0);
        tables_map(&tables, map, 0x400000, 1);
        tables_map(&tables, map + GIB, base + GIB, 1);
        assert_int_equal(test_memory_open(&tables.memory), 0);
        assert_int_equal(kmem_image(tables.memory.kmem, &image), 0);
        assert_int_equal(image.start_paddr, base + 0x200000);
        assert_int_equal(image.end_paddr, base + 0x606000);
        assert_true(image.delta == map - base);
}

/* With empty tables for all but the last 2 MiB of where it can be. */
static void test_search_for_the_image_ends(void **state)
{
        const uint64_t last = GIB - 0x200000;
        _cleanup_(tables_done) Tables tables;
        uint64_t pmd_paddr, empty_paddr;
        KmemImage image;

        tables_init(&tables, 4, 0, 0);
        pmd_paddr = tables_map(&tables, TEST_KERNEL_MAP_VADDR + last, TEST_PHYS_BASE + last, 1);
        pmd_paddr -= pmd_paddr % PAGE;
        assert_int_equal(test_memory_open(&tables.memory), 0);
        assert_int_equal(kmem_image(tables.memory.kmem, &image), 0);
        assert_int_equal(image.start_paddr, TEST_PHYS_BASE + last);

        empty_paddr = tables.next_paddr;
        for (uint64_t i = 0; i < 511; i++)
                test_memory_put_u64(&tables.memory, pmd_paddr + i * 8, empty_paddr | PRESENT);
        assert_int_equal(test_memory_open(&tables.memory), 0);
        assert_int_equal(kmem_image(tables.memory.kmem, &image), -ENODATA);
}

static void test_tables_that_point_at_themselves(void **state)
{
        for (unsigned n_levels = 4; n_levels <= 5; n_levels++) {
                uint64_t base = n_levels == 5 ? VMALLOC5_VADDR : VMALLOC_VADDR;
                _cleanup_(tables_done) Tables tables;
                uint64_t paddr;

                tables_init(&tables, n_levels, 0, 0);
                for (unsigned i = 0; i < 512; i++)
                        test_memory_put_u64(&tables.memory, ROOT_PADDR + i * 8,
                                            ROOT_PADDR | PRESENT);
                assert_int_equal(test_memory_open(&tables.memory), 0);
                assert_int_equal(kmem_vtop(tables.memory.kmem, base + 0x123, &paddr, NULL), 0);
                assert_int_equal(paddr, ROOT_PADDR + 0x123);
        }
}

static void test_damaged_tables(void **state)
{
        _cleanup_(tables_done) Tables tables;
        uint64_t paddr, at;

        tables_init(&tables, 4, 0, 0);
        /* A table that is not in memory, and PSE where no page can be. */
        at = tables_map(&tables, VMALLOC_VADDR, 0x7000, 0);
        test_memory_put_u64(&tables.memory, ROOT_PADDR + (((VMALLOC_VADDR >> 39) & 511) + 1) * 8,
                            UINT64_C(0xfffffff000) | PRESENT);
        test_memory_put_u64(&tables.memory, ROOT_PADDR + ((VMALLOC_VADDR >> 39) & 511) * 8,
                            TABLES_PADDR | PRESENT | PSE);
        assert_int_equal(test_memory_open(&tables.memory), 0);
        test_memory_vtop(&tables.memory, VMALLOC_VADDR, 0x7000, PAGE);
        assert_int_equal(
                kmem_vtop(tables.memory.kmem, VMALLOC_VADDR + (UINT64_C(1) << 39), &paddr, NULL),
                -ERANGE);
        assert_int_equal(at % 8, 0);
}

static void test_what_cannot_be_opened(void **state)
{
        static const char *const lines[] = {
                "NUMBER(phys_base)=hello",
                "SYMBOL(init_top_pgt)=1000",
                "SYMBOL(init_top_pgt)=ffffffff80001001",
                "NUMBER(pgtable_l5_enabled)=maybe",
        };
        static const unsigned machines[] = { EM_RISCV, EM_S390, EM_PPC64 };
        _cleanup_(tables_done) Tables tables;
        Kmem *kmem = NULL;

        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                _cleanup_(tables_done) Tables bad;

                tables_init(&bad, 4, 0, TEST_DIRECT_MAP_VADDR);
                test_memory_info(&bad.memory, "%s", lines[i]);
                assert_int_equal(test_memory_open(&bad.memory), -EBADMSG);
        }

        tables_init(&tables, 4, 0, TEST_DIRECT_MAP_VADDR);
        assert_int_equal(test_memory_open(&tables.memory), 0);
        assert_int_equal(kmem_open(tables.memory.vmcore, NULL, &kmem), -ENODATA);
        assert_null(kmem);

        for (size_t i = 0; i < ELEMENTSOF(machines); i++) {
                _cleanup_(tables_done) Tables other;

                tables_init(&other, 4, 0, TEST_DIRECT_MAP_VADDR);
                other.memory.core.header.e_machine = (Elf64_Half) machines[i];
                assert_int_equal(test_memory_open(&other.memory), -EOPNOTSUPP);
                assert_null(other.memory.kmem);
        }
        assert_null(kmem_close(NULL));
}

static void test_utsname(void **state)
{
        static const char *const fields[] = { "Linux",  "box",    "6.1.0-18-amd64",
                                              "#1 SMP", "x86_64", "(none)" };
        _cleanup_(tables_done) Tables tables;
        char uts[KMEM_UTSNAME_BYTES];

        tables_init(&tables, 4, 0, TEST_DIRECT_MAP_VADDR);
        assert_int_equal(test_memory_open(&tables.memory), 0);
        assert_int_equal(kmem_read_utsname(tables.memory.kmem, tables.memory.info, uts), -ENODATA);

        test_memory_info(&tables.memory, "SYMBOL(init_uts_ns)=%llx",
                         (unsigned long long) TEST_KERNEL_MAP_VADDR + 0x2ff0);
        test_memory_info(&tables.memory, "OFFSET(uts_namespace.name)=4");
        memset(tables.memory.bytes + TEST_PHYS_BASE + 0x2ff4, 'x', KMEM_UTSNAME_BYTES);
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                test_memory_put(&tables.memory,
                                TEST_PHYS_BASE + 0x2ff4 + i * KMEM_UTSNAME_FIELD_BYTES, fields[i],
                                strlen(fields[i]) + (i != 1));
        assert_int_equal(test_memory_open(&tables.memory), 0);
        assert_int_equal(kmem_read_utsname(tables.memory.kmem, tables.memory.info, uts), 0);
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                const char *got = uts + i * KMEM_UTSNAME_FIELD_BYTES;

                if (i == 1)
                        assert_int_equal(strlen(got), KMEM_UTSNAME_FIELD_BYTES - 1);
                else
                        assert_string_equal(got, fields[i]);
        }
}

/* As before v5.11. */
static void test_utsname_is_found_by_its_release(void **state)
{
        static const char release[] = "5.10.0-32-amd64";
        const uint64_t paddr = TEST_PHYS_BASE + 0x2000;
        _cleanup_(tables_done) Tables tables;
        char uts[KMEM_UTSNAME_BYTES];

        tables_init(&tables, 4, 0, TEST_DIRECT_MAP_VADDR);
        test_memory_info(&tables.memory, "SYMBOL(init_uts_ns)=%llx",
                         (unsigned long long) TEST_KERNEL_MAP_VADDR + 0x2000);
        for (uint64_t offset = 0; offset <= 8; offset += 4) {
                memset(tables.memory.bytes + paddr, 0, KMEM_UTSNAME_BYTES + 8);
                test_memory_put(&tables.memory, paddr + offset, "Linux", sizeof("Linux"));
                test_memory_put(&tables.memory, paddr + offset + 2 * KMEM_UTSNAME_FIELD_BYTES,
                                release, sizeof(release));
                assert_int_equal(test_memory_open(&tables.memory), 0);
                if (offset == 0) {
                        assert_int_equal(
                                kmem_read_utsname(tables.memory.kmem, tables.memory.info, uts),
                                -ENODATA);
                        test_memory_info(&tables.memory, "OSRELEASE=%s", release);
                        assert_int_equal(test_memory_open(&tables.memory), 0);
                }
                assert_int_equal(kmem_read_utsname(tables.memory.kmem, tables.memory.info, uts),
                                 offset > 4 ? -ENODATA : 0);
                if (offset <= 4)
                        assert_string_equal(uts, "Linux");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_walk_of_4_levels),
                cmocka_unit_test(test_walk_of_5_levels),
                cmocka_unit_test(test_walk_with_memory_encryption),
                cmocka_unit_test(test_direct_map_and_kernel_image),
                cmocka_unit_test(test_negative_phys_base),
                cmocka_unit_test(test_phys_base_from_the_segment),
                cmocka_unit_test(test_direct_map_is_found_in_the_page_tables),
                cmocka_unit_test(test_direct_map_is_looked_for_behind_what_else_is_mapped),
                cmocka_unit_test(test_search_for_the_direct_map_ends),
                cmocka_unit_test(test_image_is_what_is_mapped_of_it),
                cmocka_unit_test(test_search_for_the_image_ends),
                cmocka_unit_test(test_tables_that_point_at_themselves),
                cmocka_unit_test(test_damaged_tables),
                cmocka_unit_test(test_what_cannot_be_opened),
                cmocka_unit_test(test_utsname),
                cmocka_unit_test(test_utsname_is_found_by_its_release),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
