/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of Vmcore with more notes than it keeps. */
#include "io.h"
#include "test-core.h"
#include "test.h"

#define PAGE TEST_PAGE_BYTES

/* Puts notes of @n device dumps of @bytes each, with @name, and behind them VMCOREINFO, where there
 * is room for them: far behind the core. */
static void device_dumps_write(TestCore *core, size_t n, uint32_t bytes, const char *name)
{
        const Elf64_Nhdr dump = {
                .n_namesz = name ? (Elf64_Word) strlen(name) + 1 : 0,
                .n_descsz = bytes,
                .n_type = 0x700,
        };
        uint64_t start = UINT64_C(1) << 30, at = start;
        uint64_t dump_bytes = sizeof(dump) + ALIGN_UP(dump.n_namesz, 4) + bytes;
        Elf64_Phdr header;

        for (size_t i = 0; i < n; i++) {
                assert_int_equal(pwrite_full(core->fd, &dump, sizeof(dump), at), 0);
                if (name)
                        assert_int_equal(
                                pwrite_full(core->fd, name, dump.n_namesz, at + sizeof(dump)), 0);
                at += dump_bytes;
        }
        assert_int_equal(pwrite_full(core->fd, core->notes, core->notes_size, at), 0);
        at += core->notes_size;

        assert_int_equal(pread_full(core->fd, &header, sizeof(header), sizeof(Elf64_Ehdr)), 0);
        assert_int_equal(header.p_type, PT_NOTE);
        header.p_offset = start;
        header.p_filesz = header.p_memsz = at - start;
        assert_int_equal(pwrite_full(core->fd, &header, sizeof(header), sizeof(Elf64_Ehdr)), 0);
}

/* Device dumps that the crash kernel has no room for are skipped, but not for ever: these headers
 * may be any bytes, in a file as long as the memory of the machine. */
static void test_device_dumps(void **state)
{
        static const struct {
                size_t n;
                uint32_t bytes;
                const char *name;
                bool found;
                size_t notes_size_max;
        } cases[] = {
                { 2, 1 << 20, "LINUX", true, 3 << 20 },
                { 5, 16 << 20, "LINUX", true, 32 << 20 },
                { 4000, 16 << 10, "LINUX", true, 32 << 20 },
                { 9000, 16 << 10, "LINUX", false, 32 << 20 },
                { 5, 16 << 20, NULL, false, 32 << 20 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(test_core_done) TestCore core;
                _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
                _cleanup_free_ char *message = NULL;
                uint64_t offset;
                size_t size;

                test_core_init(&core);
                test_core_add(&core, TEST_DIRECT_MAP_VADDR, 0, PAGE, PAGE, NULL);
                test_core_add_note(&core, "VMCOREINFO", 0, "A=1\n", 4);
                test_core_write(&core);
                device_dumps_write(&core, cases[i].n, cases[i].bytes, cases[i].name);
                assert_int_equal(vmcore_open(core.path, &vmcore, &message), 0);
                assert_int_equal(!!vmcore_vmcoreinfo_text(vmcore, &size, &offset), cases[i].found);
                (void) vmcore_notes(vmcore, &size);
                assert_true(size > 0 && size <= cases[i].notes_size_max);
        }
}

/* All PT_NOTEs together have one limit, also if none of them can be read. */
static void test_many_large_notes(void **state)
{
        _cleanup_(test_core_done) TestCore core;
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        _cleanup_free_ char *message = NULL;
        Elf64_Phdr header;
        size_t size;

        test_core_init(&core);
        for (size_t i = 0; i < TEST_CORE_SEGMENTS_MAX; i++)
                test_core_add(&core, TEST_DIRECT_MAP_VADDR, i * PAGE, PAGE, PAGE, NULL);
        test_core_write(&core);
        assert_int_equal(ftruncate(core.fd, 64 << 20), 0);
        for (size_t i = 1; i < TEST_CORE_SEGMENTS_MAX; i++) {
                uint64_t at = sizeof(Elf64_Ehdr) + i * sizeof(header);

                assert_int_equal(pread_full(core.fd, &header, sizeof(header), at), 0);
                header.p_type = PT_NOTE;
                header.p_filesz = 15 << 20;
                assert_int_equal(pwrite_full(core.fd, &header, sizeof(header), at), 0);
        }
        assert_int_equal(vmcore_open(core.path, &vmcore, &message), 0);
        (void) vmcore_notes(vmcore, &size);
        assert_int_equal(size, 32 << 20);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_device_dumps),
                cmocka_unit_test(test_many_large_notes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
