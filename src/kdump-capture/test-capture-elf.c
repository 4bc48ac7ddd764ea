/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of what the headers of an ELF core say, whatever it was made of. */
#include "capture-save.h"
#include "depot-folder.h"
#include "io.h"
#include "paths.h"
#include "test-memory.h"
#include "test.h"

#define MEMORY_BYTES (UINT64_C(8) << 20)
#define DIRECT_MAP UINT64_C(0xffff8c7fc0000000)
#define ROOT_PADDR UINT64_C(0x300000)
#define IMAGE_BYTES UINT64_C(0x200000)
#define PRESENT UINT64_C(3)
#define LARGE UINT64_C(0x80)

/* Entry of the table at level @level, and the address of the next table. */
static void table_put(TestMemory *memory, uint64_t table_paddr, uint64_t vaddr, unsigned level,
                      uint64_t entry)
{
        test_memory_put_u64(memory, table_paddr + ((vaddr >> (12 + 9 * level)) & 511) * 8, entry);
}

/* A core as the kernel makes it, of memory with page tables that say the same. */
static void memory_init(TestMemory *memory)
{
        const uint64_t pud = ROOT_PADDR + 0x1000, image_pud = pud + 0x1000, pmd = pud + 0x2000;

        test_memory_init(memory, MEMORY_BYTES, DIRECT_MAP);
        test_core_add(&memory->core, TEST_KERNEL_MAP_VADDR, TEST_PHYS_BASE, IMAGE_BYTES,
                      IMAGE_BYTES, memory->bytes + TEST_PHYS_BASE);
        for (uint64_t paddr = 0; paddr < MEMORY_BYTES; paddr += TEST_PAGE_BYTES)
                if (paddr / TEST_PAGE_BYTES % 7 != 0)
                        test_memory_put_u64(memory, paddr + 0xff8, paddr);
        table_put(memory, ROOT_PADDR, DIRECT_MAP, 3, pud | PRESENT);
        table_put(memory, pud, DIRECT_MAP, 2, PRESENT | LARGE);
        table_put(memory, ROOT_PADDR, TEST_KERNEL_MAP_VADDR, 3, image_pud | PRESENT);
        table_put(memory, image_pud, TEST_KERNEL_MAP_VADDR, 2, pmd | PRESENT);
        table_put(memory, pmd, TEST_KERNEL_MAP_VADDR, 1, TEST_PHYS_BASE | PRESENT | LARGE);
        test_memory_info(memory, "PAGESIZE=4096");
        test_memory_info(memory, "NUMBER(phys_base)=%llu", (unsigned long long) TEST_PHYS_BASE);
        test_memory_info(
                memory, "SYMBOL(init_top_pgt)=%llx",
                (unsigned long long) (TEST_KERNEL_MAP_VADDR + ROOT_PADDR - TEST_PHYS_BASE));
        test_core_add_note(&memory->core, "VMCOREINFO", 0, memory->info_text, memory->n_info_text);
        test_core_write(&memory->core);
}

static void save(const char *source, int dir_fd, const char *name, DumpFormat format)
{
        _cleanup_(depot_freep) Depot *depot = NULL;
        const Collector collector = { .format = format, .compression = COMPRESSION_ZLIB };
        DumpRecord record = {};
        CaptureJob job = {
                .source = source,
                .incomplete_name = FILE_VMCORE_INCOMPLETE,
                .final_name = name,
                .collector = &collector,
                .record = &record,
                .n_threads = 1,
        };

        assert_int_equal(depot_folder_use(dir_fd, &depot), 0);
        job.depot = depot;
        assert_int_equal(capture_save_file(&job), 0);
        dump_record_done(&record);
}

static void test_core_of_a_saved_dump_says_what_that_of_the_memory_says(void **state)
{
        _cleanup_free_ char *dump = NULL, *direct = NULL, *again = NULL;
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        size_t direct_size, again_size;
        TestMemory memory;
        Elf64_Phdr load;

        memory_init(&memory);
        assert_true(strprintf(&dump, "%s/dump", root) >= 0);
        save(memory.core.path, dir_fd, "direct", DUMP_FORMAT_ELF);
        save(memory.core.path, dir_fd, "dump", DUMP_FORMAT_KDUMP);
        save(dump, dir_fd, "again", DUMP_FORMAT_ELF);
        assert_int_equal(file_read(dir_fd, "direct", 16 << 20, &direct, &direct_size), 0);
        assert_int_equal(file_read(dir_fd, "again", 16 << 20, &again, &again_size), 0);
        assert_int_equal(direct_size, again_size);
        assert_int_equal(memcmp(direct, again, direct_size), 0);

        memcpy(&load, direct + sizeof(Elf64_Ehdr) + sizeof(load), sizeof(load));
        assert_true(load.p_vaddr == TEST_KERNEL_MAP_VADDR);
        assert_true(load.p_paddr == TEST_PHYS_BASE);
        assert_int_equal(load.p_memsz, IMAGE_BYTES);
        memcpy(&load, direct + sizeof(Elf64_Ehdr) + 2 * sizeof(load), sizeof(load));
        assert_true(load.p_vaddr == DIRECT_MAP);
        test_memory_done(&memory);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_core_of_a_saved_dump_says_what_that_of_the_memory_says),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
