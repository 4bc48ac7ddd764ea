/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of what the crash kernel is told about EFI. */
#include "test.h"

#include "efi-table.h"
#include "test-machines.h"

static void facts_freep(LoaderFacts *facts)
{
        loader_facts_done(facts);
}
#define _cleanup_facts_ _cleanup_(facts_freep)

static uint64_t get(const uint8_t *p, size_t bytes)
{
        uint64_t value = 0;

        for (size_t i = bytes; i-- > 0;)
                value = value << 8 | p[i];
        return value;
}

static void test_descriptors(void **state)
{
        LoaderEfiRange ranges[] = {
                { 5, 0x7e8ed000, 0xfffffffefe8ed000, 0x100, 0x800000000000000f },
                { 11, 0x1122334455667000, 0x8877665544332000, 0x9988776655443322, 1 },
        };
        const LoaderEfi efi = { .ranges = ranges, .n_ranges = ELEMENTSOF(ranges) };
        uint8_t buf[ELEMENTSOF(ranges) * 40 + 1];

        memset(buf, 0xee, sizeof(buf));
        assert_int_equal(efi_table_bytes(&efi), 80);
        efi_table_write(&efi, buf);
        for (size_t i = 0; i < ELEMENTSOF(ranges); i++) {
                const uint8_t *p = buf + i * 40;

                assert_int_equal(get(p, 4), ranges[i].type);
                assert_int_equal(get(p + 4, 4), 0);
                assert_true(get(p + 8, 8) == ranges[i].paddr);
                assert_true(get(p + 16, 8) == ranges[i].vaddr);
                assert_true(get(p + 24, 8) == ranges[i].pages);
                assert_true(get(p + 32, 8) == ranges[i].attribute);
        }
        assert_int_equal(buf[80], 0xee);
}

static void test_setup_names_the_firmware_tables(void **state)
{
        const LoaderEfi efi = {
                .fw_vendor = 0x1122334455667788,
                .runtime = 0x2122334455667788,
                .config_table = 0x3122334455667788,
                .smbios = 0x4122334455667788,
        };
        uint8_t buf[97];

        memset(buf, 0xee, sizeof(buf));
        efi_table_write_setup(&efi, buf);
        assert_true(get(buf, 8) == efi.fw_vendor);
        assert_true(get(buf + 8, 8) == efi.runtime);
        assert_true(get(buf + 16, 8) == efi.config_table);
        assert_true(get(buf + 24, 8) == efi.smbios);
        assert_true(mem_is_zero(buf + 32, 64));
        assert_int_equal(buf[96], 0xee);
}

static void test_info_is_the_running_one_with_another_map(void **state)
{
        _cleanup_facts_ LoaderFacts facts = {};
        uint8_t info[33];

        test_machine_facts(TEST_MACHINE_EFI_2G, &facts);
        info[32] = 0xee;
        efi_table_write_info(&facts, 0x123456789000, info);
        assert_memory_equal(info, facts.boot_params + 0x1c0, 8);
        assert_int_equal(get(info + 8, 4), 40);
        assert_int_equal(get(info + 12, 4), 1);
        assert_int_equal(get(info + 16, 4), 0x56789000);
        assert_int_equal(get(info + 20, 4), facts.efi.n_ranges * 40);
        assert_memory_equal(info + 24, facts.boot_params + 0x1d8, 4);
        assert_int_equal(get(info + 28, 4), 0x1234);
        assert_int_equal(info[32], 0xee);
}

static void test_who_is_given_efi(void **state)
{
        static const struct {
                TestMachine machine;
                bool efi_kexec, no_ranges;
                size_t offset; /* in boot_params; 0: nothing is changed */
                uint32_t value;
                bool wanted;
        } table[] = {
                { .machine = TEST_MACHINE_EFI_2G, .efi_kexec = true, .wanted = true },
                { .machine = TEST_MACHINE_EFI_2G },
                { .machine = TEST_MACHINE_EFI_2G, .efi_kexec = true, .no_ranges = true },
                /* Firmware of 32 bits; another form of descriptors; no map at all */
                { TEST_MACHINE_EFI_2G, true, false, 0x1c0, 0x32334c45, false },
                { TEST_MACHINE_EFI_2G, true, false, 0x1cc, 2, false },
                { TEST_MACHINE_EFI_2G, true, false, 0x1d4, 0, false },
                { .machine = TEST_MACHINE_BIOS_2G, .efi_kexec = true },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                const BzImage image = { .efi_kexec = table[i].efi_kexec };
                _cleanup_facts_ LoaderFacts facts = {};
                size_t n;

                test_machine_facts(table[i].machine, &facts);
                n = facts.efi.n_ranges;
                if (table[i].no_ranges)
                        facts.efi.n_ranges = 0;
                if (table[i].offset > 0)
                        memcpy(facts.boot_params + table[i].offset, &table[i].value, 4);
                if (efi_table_wanted(&facts, &image) != table[i].wanted)
                        fail_msg("row %zu", i);
                facts.efi.n_ranges = n;
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_descriptors),
                cmocka_unit_test(test_setup_names_the_firmware_tables),
                cmocka_unit_test(test_info_is_the_running_one_with_another_map),
                cmocka_unit_test(test_who_is_given_efi),
        };

        return cmocka_run_group_tests_name("efi-table", tests, NULL, NULL);
}
