/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of boot_params, read with the kernel's own declaration of it, and of the command line. */
#include "test.h"

#include <asm/bootparam.h>

#include "boot-params.h"
#include "test-machines.h"

#define HEADER_BYTES 0x7b /* up to 0x26c, as v6.1 has it */

static void facts_freep(LoaderFacts *facts)
{
        loader_facts_done(facts);
}
#define _cleanup_facts_ _cleanup_(facts_freep)

/* The first sectors of a kernel, each byte another one. */
static void make_file(uint8_t file[static 1024])
{
        for (size_t i = 0; i < 1024; i++)
                file[i] = (uint8_t) (i * 7 + 1);
}

static uint64_t join(uint32_t low, uint32_t high)
{
        return low | (uint64_t) high << 32;
}

/* All but what a loader fills in is as the file has it. */
static void check_header(const struct boot_params *params, const uint8_t *file)
{
        struct setup_header expected = {};

        memcpy(&expected, file + 0x1f1, HEADER_BYTES);
        expected.type_of_loader = 0xd0;
        expected.loadflags = 0;
        expected.ramdisk_image = params->hdr.ramdisk_image;
        expected.ramdisk_size = params->hdr.ramdisk_size;
        expected.cmd_line_ptr = params->hdr.cmd_line_ptr;
        expected.hardware_subarch = params->hdr.hardware_subarch;
        expected.setup_data = params->hdr.setup_data;
        assert_memory_equal(&params->hdr, &expected, sizeof(expected));
}

static void check_e820(const struct boot_params *params, const E820 *e820)
{
        assert_int_equal(params->e820_entries, MIN(e820->n, (size_t) 128));
        for (size_t i = 0; i < 128; i++) {
                const struct boot_e820_entry *entry = &params->e820_table[i];

                if (i >= e820->n) {
                        assert_true(mem_is_zero(entry, sizeof(*entry)));
                        continue;
                }
                assert_true(entry->addr == e820->ranges[i].range.start);
                assert_true(entry->size == range_bytes(e820->ranges[i].range));
                assert_int_equal(entry->type, e820->ranges[i].kind);
        }
}

static void check_efi(const struct boot_params *params, const LoaderFacts *facts, uint64_t table)
{
        const struct boot_params *running = (const void *) facts->boot_params;
        struct efi_info expected = running->efi_info;

        if (table == 0) {
                assert_true(mem_is_zero(&params->efi_info, sizeof(params->efi_info)));
                assert_int_equal(params->secure_boot, 0);
                return;
        }
        expected.efi_memdesc_size = 40;
        expected.efi_memmap = (uint32_t) table;
        expected.efi_memmap_hi = (uint32_t) (table >> 32);
        expected.efi_memmap_size = (uint32_t) facts->efi.n_ranges * 40;
        assert_memory_equal(&params->efi_info, &expected, sizeof(expected));
        assert_int_equal(params->secure_boot, running->secure_boot);
}

static void check_screen(const struct boot_params *params, const LoaderFacts *facts)
{
        const struct boot_params *running = (const void *) facts->boot_params;
        struct screen_info expected = running->screen_info;

        if (!facts->firmware_framebuffer)
                memset(&expected, 0, sizeof(expected));
        expected.ext_mem_k = 0;
        assert_memory_equal(&params->screen_info, &expected, sizeof(expected));
}

/* What no loader has a use for must be zero. */
static void check_rest(const struct boot_params *params)
{
        struct boot_params rest = *params;

        memset(&rest.screen_info, 0, sizeof(rest.screen_info));
        memset(&rest.efi_info, 0, sizeof(rest.efi_info));
        memset(&rest.hdr, 0, sizeof(rest.hdr));
        memset(rest.e820_table, 0, sizeof(rest.e820_table));
        rest.acpi_rsdp_addr = 0;
        rest.ext_ramdisk_image = rest.ext_ramdisk_size = rest.ext_cmd_line_ptr = 0;
        rest.e820_entries = rest.secure_boot = 0;
        assert_true(mem_is_zero(&rest, sizeof(rest)));
}

static void check(const LoaderFacts *facts, const BootParams *in)
{
        struct boot_params params;

        memset(&params, 0xee, sizeof(params));
        assert_int_equal(boot_params_write(in, facts, (uint8_t *) &params), 0);
        check_header(&params, in->image->file);
        check_e820(&params, in->e820);
        check_efi(&params, facts, in->efi_table_paddr);
        check_screen(&params, facts);
        check_rest(&params);
        assert_int_equal(params.sentinel, 0);
        assert_true(params.acpi_rsdp_addr == facts->acpi_rsdp);
        assert_true(params.hdr.setup_data == in->setup_data_paddr);
        assert_true(join(params.hdr.cmd_line_ptr, params.ext_cmd_line_ptr) == in->cmdline_paddr);
        assert_true(join(params.hdr.ramdisk_image, params.ext_ramdisk_image) == in->initrd_paddr);
        assert_true(join(params.hdr.ramdisk_size, params.ext_ramdisk_size) == in->initrd_bytes);
        assert_int_equal(params.hdr.hardware_subarch, facts->boot_params[0x23c]);
}

static void test_all_machines(void **state)
{
        uint8_t file[1024];
        const BzImage image = { .file = file, .header_bytes = HEADER_BYTES };

        make_file(file);
        for (TestMachine i = 0; i < _TEST_MACHINE_MAX; i++) {
                _cleanup_facts_ LoaderFacts facts = {};
                _cleanup_(e820_done) E820 e820 = {};
                const RangeList holes = {};
                BootParams in = {
                        .image = &image,
                        .e820 = &e820,
                        .cmdline_paddr = 0x123456789ab0,
                        .initrd_paddr = 0x234567890000,
                        .initrd_bytes = 0x112345678,
                        .setup_data_paddr = 0x3456789abcd0,
                        .efi_table_paddr = i == TEST_MACHINE_EFI_2G ? 0x456789abcde0 : 0,
                };

                test_machine_facts(i, &facts);
                facts.boot_params[0x23c] = (uint8_t) i;
                assert_int_equal(e820_build(&facts, &holes, &e820), 0);
                check(&facts, &in);
                in.initrd_paddr = in.initrd_bytes = 0;
                check(&facts, &in);
        }
}

static void test_header_has_an_end(void **state)
{
        static const struct {
                size_t end;
                int r;
        } table[] = { { 0x26c, 0 }, { 0x290, 0 }, { 0x291, -EBADMSG }, { 0x301, -EBADMSG } };
        const E820 none = {};
        const LoaderFacts facts = {};
        uint8_t file[1024], buf[BOOT_PARAMS_BYTES];

        make_file(file);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                const BzImage image = { .file = file, .header_bytes = table[i].end - 0x1f1 };
                const BootParams in = { .image = &image, .e820 = &none };

                assert_int_equal(boot_params_write(&in, &facts, buf), table[i].r);
                if (table[i].r < 0)
                        continue;
                assert_int_equal(buf[table[i].end - 1], file[table[i].end - 1]);
                assert_int_equal(buf[table[i].end], 0);
        }
}

static void test_cmdline(void **state)
{
        static const struct {
                const char *cmdline;
                uint64_t paddr, max_bytes;
                int r;
                const char *expected;
        } table[] = {
                { "a b=c", 0x7cf00000, 2047, 0, "elfcorehdr=0x000000007cf00000 a b=c" },
                { "", 0x7cf00000, 2047, 0, "elfcorehdr=0x000000007cf00000" },
                { "a -- b", 0xfffffffffffff000, 2047, 0, "elfcorehdr=0xfffffffffffff000 a -- b" },
                { "a", 0x1000, 31, 0, "elfcorehdr=0x0000000000001000 a" },
                { "a", 0x1000, 30, -E2BIG },
                { "", 0x1000, 29, 0, "elfcorehdr=0x0000000000001000" },
                { "", 0x1000, 28, -E2BIG },
                { "elfcorehdr=0x1000", 0x1000, 2047, -EINVAL },
                { "a elfcorehdr=0x1000 b", 0x1000, 2047, -EINVAL },
                { "a\telfcorehdr=", 0x1000, 2047, -EINVAL },
                { "a \"elfcorehdr=0x1000\" b", 0x1000, 2047, -EINVAL },
                { "b.elfcorehdr=1 elfcorehdr=1", 0x1000, 2047, -EINVAL },
                { "b.elfcorehdr=1", 0x1000, 2047, 0,
                  "elfcorehdr=0x0000000000001000 b.elfcorehdr=1" },
                { "noelfcorehdr", 0x1000, 2047, 0, "elfcorehdr=0x0000000000001000 noelfcorehdr" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                const BzImage image = { .cmdline_max_bytes = table[i].max_bytes };
                _cleanup_free_ char *line = NULL, *error = NULL;

                assert_int_equal(boot_params_cmdline(table[i].cmdline, &image, table[i].paddr,
                                                     &line, &error),
                                 table[i].r);
                assert_int_equal(error != NULL, table[i].r < 0);
                if (table[i].r < 0) {
                        assert_null(line);
                        continue;
                }
                assert_string_equal(line, table[i].expected);
                assert_int_equal(boot_params_cmdline_bytes(table[i].cmdline), strlen(line) + 1);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_machines),
                cmocka_unit_test(test_header_has_an_end),
                cmocka_unit_test(test_cmdline),
        };

        return cmocka_run_group_tests_name("boot-params", tests, NULL, NULL);
}
