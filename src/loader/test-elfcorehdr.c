/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the ELF headers, read back by hand, against the machine that they are of. */
#include "test.h"

#include <elf.h>

#include "elfcorehdr.h"
#include "test-machines.h"

static void facts_freep(LoaderFacts *facts)
{
        loader_facts_done(facts);
}
#define _cleanup_facts_ _cleanup_(facts_freep)

static bool list_has(const RangeList *list, uint64_t paddr)
{
        for (size_t i = 0; i < list->n; i++)
                if (paddr >= list->ranges[i].start && paddr < list->ranges[i].end)
                        return true;
        return false;
}

static bool range_has(Range range, uint64_t paddr)
{
        return paddr >= range.start && paddr < range.end;
}

static bool is_wanted(const LoaderFacts *facts, uint64_t paddr)
{
        return list_has(&facts->ram, paddr) && paddr >= 0x100000 &&
               !range_has(facts->crash, paddr) && !range_has(facts->crash_low, paddr) &&
               !list_has(&facts->crash_cma, paddr) && !list_has(&facts->gart, paddr);
}

/* In how many of the loads behind the kernel's it is. */
static size_t count_loads(const uint8_t *elf, size_t first, uint64_t paddr)
{
        const Elf64_Ehdr *ehdr = (const void *) elf;
        const Elf64_Phdr *phdrs = (const void *) (elf + 64);
        size_t n = 0;

        for (size_t i = first; i < ehdr->e_phnum; i++)
                n += paddr >= phdrs[i].p_offset && paddr < phdrs[i].p_offset + phdrs[i].p_filesz;
        return n;
}

static void check_around(const LoaderFacts *facts, const uint8_t *elf, size_t first, Range range)
{
        const uint64_t paddrs[] = { range.start - 1, range.start, range.end - 1, range.end };

        for (size_t i = 0; i < ELEMENTSOF(paddrs); i++)
                if (count_loads(elf, first, paddrs[i]) != is_wanted(facts, paddrs[i]))
                        fail_msg("%#llx is in %zu loads", (unsigned long long) paddrs[i],
                                 count_loads(elf, first, paddrs[i]));
}

static void check_ram(const LoaderFacts *facts, const uint8_t *elf, size_t first)
{
        const Elf64_Ehdr *ehdr = (const void *) elf;
        const Elf64_Phdr *phdrs = (const void *) (elf + 64);

        for (size_t i = first; i < ehdr->e_phnum; i++) {
                assert_int_equal(phdrs[i].p_type, PT_LOAD);
                assert_int_equal(phdrs[i].p_flags, 7);
                assert_true(phdrs[i].p_memsz > 0);
                assert_true(phdrs[i].p_filesz == phdrs[i].p_memsz);
                assert_true(phdrs[i].p_offset == phdrs[i].p_paddr);
                assert_true(phdrs[i].p_vaddr == facts->page_offset + phdrs[i].p_paddr);
                check_around(facts, elf, first,
                             (Range){ phdrs[i].p_paddr, phdrs[i].p_paddr + phdrs[i].p_memsz });
                if (i > first)
                        assert_true(phdrs[i].p_paddr > phdrs[i - 1].p_paddr);
        }
        for (size_t i = 0; i < facts->ram.n; i++)
                check_around(facts, elf, first, facts->ram.ranges[i]);
        check_around(facts, elf, first, facts->crash);
        check_around(facts, elf, first, (Range){ 1, 0x100000 });
        for (size_t i = 0; i < facts->gart.n; i++)
                check_around(facts, elf, first, facts->gart.ranges[i]);
        for (size_t i = 0; i < facts->crash_cma.n; i++)
                check_around(facts, elf, first, facts->crash_cma.ranges[i]);
}

static void check_note(const Elf64_Phdr *phdr, LoaderNote note)
{
        assert_int_equal(phdr->p_type, PT_NOTE);
        assert_true(phdr->p_offset == note.paddr && phdr->p_paddr == note.paddr);
        assert_true(phdr->p_filesz == note.bytes && phdr->p_memsz == note.bytes);
}

static void check_ehdr(const uint8_t *elf, size_t bytes)
{
        static const uint8_t ident[16] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };
        const Elf64_Ehdr *ehdr = (const void *) elf;

        assert_memory_equal(ehdr->e_ident, ident, sizeof(ident));
        assert_int_equal(ehdr->e_type, ET_CORE);
        assert_int_equal(ehdr->e_machine, EM_X86_64);
        assert_int_equal(ehdr->e_version, 1);
        assert_int_equal(ehdr->e_phoff, 64);
        assert_int_equal(ehdr->e_ehsize, 64);
        assert_int_equal(ehdr->e_phentsize, 56);
        assert_int_equal(ehdr->e_shnum, 0);
        assert_int_equal(64 + ehdr->e_phnum * 56, bytes);
}

static void check_machine(const LoaderFacts *facts, size_t n_ram)
{
        _cleanup_free_ uint8_t *elf = NULL;
        size_t bytes = 0, i;
        const Elf64_Phdr *phdrs;
        uint64_t planned = 0;

        assert_int_equal(elfcorehdr_build(facts, &elf, &bytes), 0);
        assert_int_equal(elfcorehdr_bytes(facts, &planned), 0);
        assert_int_equal(bytes, planned);
        check_ehdr(elf, bytes);
        phdrs = (const void *) (elf + 64);
        for (i = 0; i < facts->n_cpu_notes; i++)
                check_note(&phdrs[i], facts->cpu_notes[i]);
        check_note(&phdrs[i++], facts->vmcoreinfo);
        assert_int_equal(phdrs[i].p_type, PT_LOAD);
        assert_true(phdrs[i].p_paddr == facts->kernel.start);
        assert_true(phdrs[i].p_offset == facts->kernel.start);
        assert_true(phdrs[i].p_memsz == facts->kernel.end - facts->kernel.start);
        assert_true(phdrs[i].p_filesz == phdrs[i].p_memsz);
        assert_true(phdrs[i++].p_vaddr == facts->kernel_vaddr);
        assert_int_equal(((const Elf64_Ehdr *) (const void *) elf)->e_phnum, i + n_ram);
        check_ram(facts, elf, i);
}

static void test_all_machines(void **state)
{
        static const size_t n_ram[_TEST_MACHINE_MAX] = {
                [TEST_MACHINE_BIOS_2G] = 2,   [TEST_MACHINE_BIOS_6G] = 4,
                [TEST_MACHINE_EFI_2G] = 3,    [TEST_MACHINE_DIMM] = 4,
                [TEST_MACHINE_CPU_GAPS] = 2,  [TEST_MACHINE_FRAGMENTS] = 3000,
                [TEST_MACHINE_E820_LONG] = 3, [TEST_MACHINE_LARGE] = 3,
                [TEST_MACHINE_LA57] = 2,      [TEST_MACHINE_TINY_AREA] = 2,
        };

        for (TestMachine i = 0; i < _TEST_MACHINE_MAX; i++) {
                _cleanup_facts_ LoaderFacts facts = {};

                test_machine_facts(i, &facts);
                check_machine(&facts, n_ram[i]);
        }
}

static void test_memory_shared_with_the_crash_kernel_is_left_out(void **state)
{
        _cleanup_facts_ LoaderFacts facts = {};

        test_machine_facts(TEST_MACHINE_BIOS_2G, &facts);
        assert_int_equal(range_list_add(&facts.crash_cma, 0x10000000, 0x14000000), 0);
        assert_int_equal(range_list_add(&facts.crash_cma, 0x7ff00000, 0x7ffdc000), 0);
        check_machine(&facts, 3);
}

static void test_empty_notes_and_an_unknown_kernel_are_not_named(void **state)
{
        _cleanup_facts_ LoaderFacts facts = {};
        _cleanup_free_ uint8_t *elf = NULL;
        const Elf64_Phdr *phdrs;
        LoaderNote second;
        size_t bytes = 0;

        test_machine_facts(TEST_MACHINE_BIOS_2G, &facts);
        second = facts.cpu_notes[1];
        facts.cpu_notes[0].bytes = 0;
        facts.vmcoreinfo.bytes = 0;
        facts.kernel = (Range){};
        assert_int_equal(elfcorehdr_build(&facts, &elf, &bytes), 0);
        assert_int_equal(bytes, 64 + 3 * 56);
        phdrs = (const void *) (elf + 64);
        check_note(&phdrs[0], second);
        check_ram(&facts, elf, 1);
}

static void test_more_ranges_than_elf_can_number(void **state)
{
        static const struct {
                size_t n;
                int r;
        } table[] = { { 0xfffe, 0 }, { 0xffff, -E2BIG }, { 0x10000, -E2BIG } };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_facts_ LoaderFacts facts = {};
                _cleanup_free_ uint8_t *elf = NULL;
                uint64_t planned = 7;
                size_t bytes = 7;

                facts.ram.ranges = calloc(table[i].n, sizeof(Range));
                assert_non_null(facts.ram.ranges);
                for (facts.ram.n = 0; facts.ram.n < table[i].n; facts.ram.n++) {
                        uint64_t start = 0x100000 + facts.ram.n * 0x2000;

                        facts.ram.ranges[facts.ram.n] = (Range){ start, start + 0x1000 };
                }
                assert_int_equal(elfcorehdr_bytes(&facts, &planned), table[i].r);
                assert_int_equal(elfcorehdr_build(&facts, &elf, &bytes), table[i].r);
                if (table[i].r < 0)
                        assert_true(planned == 7 && bytes == 7 && !elf);
                else
                        check_ehdr(elf, bytes);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_machines),
                cmocka_unit_test(test_memory_shared_with_the_crash_kernel_is_left_out),
                cmocka_unit_test(test_empty_notes_and_an_unknown_kernel_are_not_named),
                cmocka_unit_test(test_more_ranges_than_elf_can_number),
        };

        return cmocka_run_group_tests_name("elfcorehdr", tests, NULL, NULL);
}
