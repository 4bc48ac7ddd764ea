/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "elf-headers.h"

#include <elf.h>

#include "test-bed.h"
#include "test.h"

#define START UINT64_C(0x100000)
#define END UINT64_C(0x80000000)
#define N_PHDRS 4U
#define BYTES (sizeof(Elf64_Ehdr) + N_PHDRS * sizeof(Elf64_Phdr))

/* As the kernel would write them: two notes and two PT_LOADs. */
typedef struct Headers {
        Elf64_Ehdr ehdr;
        Elf64_Phdr phdrs[N_PHDRS];
} Headers;

static Elf64_Phdr phdr(uint32_t type, uint64_t paddr, uint64_t bytes)
{
        return (Elf64_Phdr){ .p_type = type,
                             .p_flags = 7,
                             .p_offset = paddr,
                             .p_vaddr = UINT64_C(0xffff888000000000) + paddr,
                             .p_paddr = paddr,
                             .p_filesz = bytes,
                             .p_memsz = bytes };
}

static Headers headers_make(void)
{
        return (Headers){
                .ehdr = {
                        .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
                        .e_type = ET_CORE,
                        .e_machine = EM_X86_64,
                        .e_version = EV_CURRENT,
                        .e_phoff = sizeof(Elf64_Ehdr),
                        .e_ehsize = sizeof(Elf64_Ehdr),
                        .e_phentsize = sizeof(Elf64_Phdr),
                        .e_phnum = N_PHDRS,
                },
                .phdrs = {
                        phdr(PT_NOTE, 0x123450, 0x170),
                        phdr(PT_NOTE, 0x200000, 0x1024),
                        phdr(PT_LOAD, START, 0x1000000),
                        phdr(PT_LOAD, 0x40000000, END - 0x40000000),
                },
        };
}

/* In a buffer of its exact size */
static bool makes_sense(const Headers *headers, size_t max_bytes)
{
        _cleanup_free_ uint8_t *data = calloc(1, max_bytes);

        assert_non_null(data);
        memcpy(data, headers, MIN(max_bytes, sizeof(*headers)));
        return elf_headers_make_sense(data, max_bytes, START, END);
}

typedef struct Row {
        const char *name;
        size_t offset, bytes;
        uint64_t value;
        bool good;
} Row;

#define FIELD(field, v, is_good)                                                                   \
        {                                                                                          \
#field " = " #v, offsetof(Headers, field), sizeof(((Headers *) 0)->field), v,      \
                        is_good                                                                    \
        }

static const Row rows[] = {
        FIELD(ehdr.e_ident[EI_MAG0], 0x7e, false),
        FIELD(ehdr.e_ident[EI_MAG1], 'e', false),
        FIELD(ehdr.e_ident[EI_MAG2], 0, false),
        FIELD(ehdr.e_ident[EI_MAG3], 'G', false),
        FIELD(ehdr.e_ident[EI_CLASS], ELFCLASS32, false),
        FIELD(ehdr.e_ident[EI_DATA], ELFDATA2MSB, false),
        FIELD(ehdr.e_ident[EI_VERSION], 0, false),
        FIELD(ehdr.e_ident[EI_OSABI], ELFOSABI_LINUX, true),
        FIELD(ehdr.e_type, ET_EXEC, false),
        FIELD(ehdr.e_machine, EM_386, false),
        FIELD(ehdr.e_version, 0x101, false),
        FIELD(ehdr.e_ehsize, 52, false),
        FIELD(ehdr.e_phentsize, 32, false),
        FIELD(ehdr.e_phoff, 0, false),
        FIELD(ehdr.e_phoff, 63, false),
        FIELD(ehdr.e_phoff, BYTES, false),
        FIELD(ehdr.e_phoff, 1 + sizeof(Elf64_Ehdr), false),
        FIELD(ehdr.e_phoff, UINT64_MAX, false),
        FIELD(ehdr.e_phoff, UINT64_MAX - 223, false),
        FIELD(ehdr.e_phnum, 0, false),
        FIELD(ehdr.e_phnum, 2, false), /* no PT_LOAD */
        FIELD(ehdr.e_phnum, 3, true),
        FIELD(ehdr.e_phnum, N_PHDRS + 1, false),
        FIELD(ehdr.e_phnum, 0xffff, false),
        FIELD(phdrs[0].p_type, PT_LOAD, true),
        FIELD(phdrs[0].p_type, PT_NULL, false),
        FIELD(phdrs[2].p_type, PT_INTERP, false),
        FIELD(phdrs[2].p_type, PT_LOAD | 1U << 31, false),
        FIELD(phdrs[0].p_memsz, 0, false),
        FIELD(phdrs[0].p_filesz, 0, true),
        FIELD(phdrs[0].p_filesz, 0x171, false),
        FIELD(phdrs[0].p_memsz, (1 << 20), true),
        FIELD(phdrs[0].p_memsz, (1 << 20) + 1, false),
        FIELD(phdrs[0].p_memsz, UINT64_MAX, false),
        FIELD(phdrs[0].p_offset, 0, false),
        FIELD(phdrs[0].p_offset, END - 0x170, true),
        FIELD(phdrs[0].p_offset, END - 0x16f, false),
        FIELD(phdrs[0].p_offset, UINT64_MAX - 15, false),
        FIELD(phdrs[0].p_paddr, 0, true),
        FIELD(phdrs[2].p_memsz, 0, false),
        FIELD(phdrs[2].p_filesz, 0x1000001, false),
        FIELD(phdrs[2].p_memsz, END - START, true),
        FIELD(phdrs[2].p_memsz, END - START + 1, false),
        FIELD(phdrs[2].p_memsz, UINT64_MAX - START + 1, false),
        FIELD(phdrs[2].p_paddr, START - 1, false),
        FIELD(phdrs[2].p_paddr, END - 0x1000000, true),
        FIELD(phdrs[2].p_paddr, END - 0xffffff, false),
        FIELD(phdrs[2].p_paddr, UINT64_MAX - 0xfff, false),
        FIELD(phdrs[2].p_offset, START - 1, false),
        FIELD(phdrs[2].p_offset, END, false),
        FIELD(phdrs[3].p_paddr, 0x40000001, false),
        FIELD(phdrs[3].p_vaddr, 0, true),
};

static void test_each_field(void **state)
{
        Headers headers = headers_make();

        assert_true(makes_sense(&headers, BYTES));
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                print_message("  %s\n", rows[i].name);
                headers = headers_make();
                memcpy((uint8_t *) &headers + rows[i].offset, &rows[i].value, rows[i].bytes);
                assert_int_equal(makes_sense(&headers, BYTES), rows[i].good);
        }
}

static void test_only_notes_or_only_loads_are_no_core(void **state)
{
        Headers headers = headers_make();

        headers.phdrs[0].p_type = headers.phdrs[1].p_type = PT_LOAD;
        assert_false(makes_sense(&headers, BYTES));
        headers = headers_make();
        headers.phdrs[2] = headers.phdrs[3] = headers.phdrs[0];
        assert_false(makes_sense(&headers, BYTES));
}

static void test_nothing_behind_the_room_is_read(void **state)
{
        Headers headers = headers_make();

        for (size_t n = 1; n < BYTES; n++)
                assert_false(makes_sense(&headers, n));
        assert_true(makes_sense(&headers, BYTES + 1));
}

/* 0xffff is no number, but says that it is elsewhere. */
static void test_as_many_as_can_be_numbered(void **state)
{
        size_t bytes = sizeof(Elf64_Ehdr) + 0xffff * sizeof(Elf64_Phdr);
        _cleanup_free_ uint8_t *data = calloc(1, bytes);
        Headers headers = headers_make();

        assert_non_null(data);
        memcpy(data, &headers, sizeof(headers));
        for (size_t i = N_PHDRS; i < 0xffff; i++)
                memcpy(data + sizeof(Elf64_Ehdr) + i * sizeof(Elf64_Phdr), headers.phdrs + 2,
                       sizeof(Elf64_Phdr));
        ((Elf64_Ehdr *) data)->e_phnum = 0xfffe;
        assert_true(elf_headers_make_sense(data, bytes, START, END));
        ((Elf64_Ehdr *) data)->e_phnum = 0xffff;
        assert_false(elf_headers_make_sense(data, bytes, START, END));
}

static void test_no_memory_has_nothing_within(void **state)
{
        Headers headers = headers_make();

        assert_false(elf_headers_make_sense((uint8_t *) &headers, BYTES, END, START));
        assert_false(elf_headers_make_sense((uint8_t *) &headers, BYTES, 0, 0));
        assert_true(elf_headers_make_sense((uint8_t *) &headers, BYTES, 0, UINT64_MAX));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_field),
                cmocka_unit_test(test_only_notes_or_only_loads_are_no_core),
                cmocka_unit_test(test_nothing_behind_the_room_is_read),
                cmocka_unit_test(test_as_many_as_can_be_numbered),
                cmocka_unit_test(test_no_memory_has_nothing_within),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
