/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loader-facts.h"

#include "test-loader-fixture.h"
#include "test.h"

static void loader_facts_freep(LoaderFacts *facts)
{
        loader_facts_done(facts);
}
#define _cleanup_facts_ _cleanup_(loader_facts_freep)

/* Other tests rely on it. */
static void test_made_up_machines_make_sense(void **state)
{
        for (TestMachine which = 0; which < _TEST_MACHINE_MAX; which++) {
                _cleanup_facts_ LoaderFacts facts = { 0 };

                test_machine_facts(which, &facts);
                assert_true(range_list_contains(&facts.ram, facts.crash));
                assert_true(range_list_contains(&facts.ram, facts.crash_low));
                assert_true(range_list_contains(&facts.ram, facts.kernel));
                assert_false(range_overlaps(facts.crash, facts.kernel));
                assert_true(facts.crash_low.end <= facts.crash.start);
                assert_int_equal(facts.crash.start % (16 << 20), 0);
                assert_null(loader_facts_refusal(&facts));
                for (size_t i = 0; i < facts.n_map; i++) {
                        Range range = facts.map[i].range;

                        assert_true(facts.map[i].kind != MEMORY_RAM);
                        assert_true(range.start < range.end);
                        assert_true(i == 0 || facts.map[i - 1].range.end <= range.start);
                        assert_true(facts.map[i].kind == MEMORY_PMEM ||
                                    !range_list_overlaps(&facts.ram, range));
                }
                for (size_t i = 0; i < facts.n_cpu_notes; i++) {
                        const LoaderNote *note = facts.cpu_notes + i;
                        Range range = { note->paddr, note->paddr + note->bytes };

                        assert_true(range_list_contains(&facts.ram, range));
                        assert_false(range_overlaps(facts.crash, range));
                        assert_true(i == 0 ||
                                    test_machine_cpu(which, i - 1) < test_machine_cpu(which, i));
                }
        }
}

static void assert_lists(const RangeList *a, const RangeList *b)
{
        assert_int_equal(a->n, b->n);
        assert_true(a->n == 0 || memcmp(a->ranges, b->ranges, a->n * sizeof(*a->ranges)) == 0);
}

/* All but what is on the heap */
static void assert_fields(const LoaderFacts *a, const LoaderFacts *b)
{
        assert_memory_equal(&a->crash, &b->crash, sizeof(a->crash));
        assert_memory_equal(&a->crash_low, &b->crash_low, sizeof(a->crash_low));
        assert_memory_equal(&a->kernel, &b->kernel, sizeof(a->kernel));
        assert_int_equal(a->page_offset, b->page_offset);
        assert_int_equal(a->kernel_vaddr, b->kernel_vaddr);
        assert_int_equal(a->vmcoreinfo.paddr, b->vmcoreinfo.paddr);
        assert_int_equal(a->vmcoreinfo.bytes, b->vmcoreinfo.bytes);
        assert_memory_equal(a->boot_params, b->boot_params, sizeof(a->boot_params));
        assert_int_equal(a->acpi_rsdp, b->acpi_rsdp);
        assert_int_equal(a->firmware_framebuffer, b->firmware_framebuffer);
        assert_int_equal(a->mem_total_bytes, b->mem_total_bytes);
        assert_int_equal(a->max_paddr, b->max_paddr);
        assert_int_equal(a->la57, b->la57);
        assert_int_equal(a->gb_pages, b->gb_pages);
        assert_int_equal(a->tsc_khz, b->tsc_khz);
        assert_int_equal(a->serial_port, b->serial_port);
        assert_int_equal(a->fadt_reset_port, b->fadt_reset_port);
        assert_int_equal(a->fadt_reset_value, b->fadt_reset_value);
        assert_int_equal(a->elfcorehdr_room_bytes, b->elfcorehdr_room_bytes);
        assert_memory_equal(a->boot_id, b->boot_id, sizeof(a->boot_id));
        assert_int_equal(a->lockdown, b->lockdown);
        assert_int_equal(a->encrypted_guest, b->encrypted_guest);
        assert_int_equal(a->encrypted_host, b->encrypted_host);
        assert_int_equal(a->xen, b->xen);
        assert_int_equal(a->load_disabled, b->load_disabled);
        assert_int_equal(a->load_limit, b->load_limit);
}

static void assert_facts(const LoaderFacts *a, const LoaderFacts *b)
{
        assert_fields(a, b);
        assert_lists(&a->ram, &b->ram);
        assert_lists(&a->crash_cma, &b->crash_cma);
        assert_lists(&a->gart, &b->gart);
        assert_int_equal(a->n_map, b->n_map);
        for (size_t i = 0; i < a->n_map; i++) {
                assert_int_equal(a->map[i].range.start, b->map[i].range.start);
                assert_int_equal(a->map[i].range.end, b->map[i].range.end);
                assert_int_equal(a->map[i].kind, b->map[i].kind);
        }
        assert_int_equal(a->n_cpu_notes, b->n_cpu_notes);
        assert_memory_equal(a->cpu_notes, b->cpu_notes, a->n_cpu_notes * sizeof(*a->cpu_notes));
        assert_int_equal(a->efi.n_ranges, b->efi.n_ranges);
        for (size_t i = 0; i < a->efi.n_ranges; i++) {
                assert_int_equal(a->efi.ranges[i].type, b->efi.ranges[i].type);
                assert_int_equal(a->efi.ranges[i].paddr, b->efi.ranges[i].paddr);
                assert_int_equal(a->efi.ranges[i].vaddr, b->efi.ranges[i].vaddr);
                assert_int_equal(a->efi.ranges[i].pages, b->efi.ranges[i].pages);
                assert_int_equal(a->efi.ranges[i].attribute, b->efi.ranges[i].attribute);
        }
        assert_int_equal(a->efi.fw_vendor, b->efi.fw_vendor);
        assert_int_equal(a->efi.runtime, b->efi.runtime);
        assert_int_equal(a->efi.config_table, b->efi.config_table);
        assert_int_equal(a->efi.smbios, b->efi.smbios);
}

static void test_each_machine_is_read_as_it_is(void **state)
{
        for (TestMachine which = 0; which < _TEST_MACHINE_MAX; which++) {
                _cleanup_test_root_ char *root = test_root_new();
                _cleanup_close_ int root_fd = test_root_open(root);
                _cleanup_facts_ LoaderFacts facts = { 0 }, expected = { 0 };
                _cleanup_free_ char *message = NULL;

                test_machine_write(root_fd, which);
                test_machine_facts(which, &expected);
                if (loader_facts_read(root_fd, &facts, &message) < 0)
                        fail_msg("machine %d: %s", (int) which, message);
                assert_null(message);
                assert_facts(&facts, &expected);
        }
}

static void test_what_refuses_kexec_load(void **state)
{
        static const struct {
                LoaderFacts facts;
                const char *expected;
        } cases[] = {
                { { .load_limit = -1 }, NULL },
                { { .load_limit = 1 }, NULL },
                { { .load_limit = 0 }, "kernel.kexec_load_limit_panic" },
                { { .load_limit = -1, .load_disabled = true }, "kernel.kexec_load_disabled" },
                { { .load_limit = -1, .lockdown = true }, "locked down" },
                { { .load_limit = -1, .xen = true }, "Xen" },
                { { .load_limit = -1, .encrypted_guest = true }, "encrypted guest" },
                { { .load_limit = -1, .encrypted_host = true }, "encrypted by the host" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const char *refusal = loader_facts_refusal(&cases[i].facts);

                assert_true(!refusal == !cases[i].expected);
                assert_true(!refusal || strstr(refusal, cases[i].expected));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_made_up_machines_make_sense),
                cmocka_unit_test(test_each_machine_is_read_as_it_is),
                cmocka_unit_test(test_what_refuses_kexec_load),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
