/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loader-facts.h"

#include "test-machines.h"
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
                cmocka_unit_test(test_what_refuses_kexec_load),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
