/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of whole images, for each machine, read back from the memory that they are loaded into. */
#include "test-crash-image.h"

#include "test-machines.h"
#include "test.h"

static void facts_freep(LoaderFacts *facts)
{
        loader_facts_done(facts);
}
#define _cleanup_facts_ _cleanup_(facts_freep)
#define _cleanup_image_ _cleanup_(crash_image_done)
#define _cleanup_memory_ _cleanup_(test_memory_done)

static const LayoutPolicy all = {
        .mirror_small = true,
        .mirror_kernel = true,
        .mirror_initrd = true,
};
static const LayoutPolicy none = {};
static const LayoutPolicy live = {
        .mirror_small = true,
        .live_elfcorehdr = true,
};
static const LayoutPolicy live_alone = { .live_elfcorehdr = true };

static void make(const LoaderFacts *facts, const CrashImageInputs *inputs,
                 const LayoutPolicy *policy, const CrashImage *armed, CrashImage *ret)
{
        _cleanup_free_ char *error = NULL;
        int r;

        r = crash_image_make(facts, inputs, policy, armed, ret, &error);
        if (r < 0)
                fail_msg("%s: %s", strerror(-r), error);
        assert_null(error);
}

static void check(TestMachine machine, const CrashImageInputs *inputs, const LayoutPolicy *policy)
{
        _cleanup_facts_ LoaderFacts facts = {};
        _cleanup_image_ CrashImage image = {};
        _cleanup_memory_ TestMemory memory = {};

        test_machine_facts(machine, &facts);
        make(&facts, inputs, policy, NULL, &image);
        assert_int_equal(image.layout.dropped, 0);
        assert_int_equal(image.layout.live_elfcorehdr,
                         policy->live_elfcorehdr && facts.elfcorehdr_room_bytes > 0);
        test_memory_load(&memory, &image, false);
        test_image_check(&memory, &image.layout, &facts, inputs);
}

static void test_all_machines_can_start_what_was_loaded(void **state)
{
        static const LayoutPolicy *const policies[] = { &all, &none, &live, &live_alone };
        _cleanup_free_ TestFiles *files = test_files_new();

        for (TestMachine i = 0; i < TEST_MACHINE_TINY_AREA; i++)
                for (size_t j = 0; j < ELEMENTSOF(policies); j++) {
                        CrashImageInputs inputs = test_files_inputs(files);

                        if ((unsigned) i % 2 == j % 2)
                                inputs.fallback_initrd = NULL;
                        check(i, &inputs, policies[j]);
                }
}

/* boot_params has room for 128. */
static void test_map_that_fits_boot_params_or_not(void **state)
{
        _cleanup_free_ TestFiles *files = test_files_new();
        const CrashImageInputs inputs = test_files_inputs(files);

        for (size_t n = 110; n < 140; n++) {
                _cleanup_facts_ LoaderFacts facts = {};
                _cleanup_image_ CrashImage image = {};
                _cleanup_memory_ TestMemory memory = {};

                test_machine_facts(TEST_MACHINE_E820_LONG, &facts);
                assert_true(facts.n_map > n);
                facts.n_map = n;
                make(&facts, &inputs, &none, NULL, &image);
                test_memory_load(&memory, &image, false);
                test_image_check(&memory, &image.layout, &facts, &inputs);
        }
}

static void test_kernel_needs_no_initrd(void **state)
{
        _cleanup_free_ TestFiles *files = test_files_new();
        CrashImageInputs inputs = test_files_inputs(files);

        inputs.initrd = NULL;
        inputs.initrd_bytes = 0;
        check(TEST_MACHINE_BIOS_2G, &inputs, &all);
}

static void test_kernel_and_initrds_are_not_copied(void **state)
{
        _cleanup_free_ TestFiles *files = test_files_new();
        const CrashImageInputs inputs = test_files_inputs(files);
        _cleanup_facts_ LoaderFacts facts = {};
        _cleanup_image_ CrashImage image = {};

        test_machine_facts(TEST_MACHINE_BIOS_2G, &facts);
        make(&facts, &inputs, &all, NULL, &image);
        assert_ptr_equal(image.content[EXTENT_KERNEL], files->kernel + TEST_KERNEL_SECTORS_BYTES);
        assert_ptr_equal(image.content[EXTENT_INITRD], files->initrd);
        assert_ptr_equal(image.content[EXTENT_FALLBACK_INITRD], files->fallback);
        for (ExtentRole role = EXTENT_KERNEL; role <= EXTENT_FALLBACK_INITRD; role++)
                assert_null(image.owned[role]);
        crash_image_done(&image);
        assert_null(image.content[EXTENT_KERNEL]);
        crash_image_done(NULL);
}

static void assert_same(const CrashImage *a, const CrashImage *b)
{
        assert_int_equal(a->layout.n_segments, b->layout.n_segments);
        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++) {
                const LayoutExtent *x = &a->layout.extents[role], *y = &b->layout.extents[role];

                assert_int_equal(x->bytes, y->bytes);
                assert_true(x->paddr == y->paddr && x->mirror_paddr == y->mirror_paddr);
                if (x->present)
                        assert_memory_equal(a->content[role], b->content[role], x->bytes);
        }
}

static void test_equal_inputs_give_equal_bytes(void **state)
{
        _cleanup_free_ TestFiles *files = test_files_new(), *more = test_files_new();
        const CrashImageInputs inputs = test_files_inputs(files);
        const CrashImageInputs others = test_files_inputs(more);

        for (TestMachine i = 0; i < TEST_MACHINE_TINY_AREA; i++) {
                _cleanup_facts_ LoaderFacts facts = {}, same = {};
                _cleanup_image_ CrashImage a = {}, b = {}, sparse = {};

                test_machine_facts(i, &facts);
                test_machine_facts(i, &same);
                make(&facts, &inputs, &live, NULL, &a);
                make(&same, &others, &live, NULL, &b);
                assert_same(&a, &b);
                make(&same, &others, &live, &a, &sparse);
                assert_same(&a, &sparse);
        }
}

/* A CPU and memory come, and something reserved goes. */
static void change(LoaderFacts *facts)
{
        const Range more = { 0xc0000000, 0xd0000000 };

        facts->cpu_notes =
                reallocarray(facts->cpu_notes, facts->n_cpu_notes + 1, sizeof(LoaderNote));
        assert_non_null(facts->cpu_notes);
        facts->cpu_notes[facts->n_cpu_notes++] = (LoaderNote){ 0x1f020a00, 368 };
        assert_int_equal(range_list_add(&facts->ram, more.start, more.end), 0);
        facts->max_paddr = MAX(facts->max_paddr, more.end);
        facts->n_map--;
}

static void test_sparse_load_goes_with_what_is_there(void **state)
{
        static const LayoutPolicy *const policies[] = { &all, &none, &live };
        _cleanup_free_ TestFiles *files = test_files_new();

        for (size_t n = 0; n < ELEMENTSOF(policies) * TEST_MACHINE_TINY_AREA; n++) {
                LayoutPolicy policy = *policies[n % ELEMENTSOF(policies)];
                CrashImageInputs inputs = test_files_inputs(files);
                _cleanup_image_ CrashImage full = {}, sparse = {};
                _cleanup_memory_ TestMemory memory = {};
                _cleanup_facts_ LoaderFacts facts = {};

                policy.elfcorehdr_room_bytes = 1 << 20;
                test_machine_facts(n / ELEMENTSOF(policies), &facts);
                make(&facts, &inputs, &policy, NULL, &full);
                test_memory_load(&memory, &full, false);
                change(&facts);
                inputs.generation++;
                inputs.random_seed[7] ^= 1;
                make(&facts, &inputs, &policy, &full, &sparse);
                test_memory_load(&memory, &sparse, true);
                test_image_check(&memory, &sparse.layout, &facts, &inputs);
        }
}

static void test_sparse_load_needs_the_same_files(void **state)
{
        static const struct {
                size_t offset; /* of TestFiles; 0: no change */
                int r;
        } table[] = {
                { 0, 0 },
                { offsetof(TestFiles, kernel) + TEST_KERNEL_SECTORS_BYTES, -ESTALE },
                { offsetof(TestFiles, kernel) + TEST_KERNEL_FILE_BYTES - 17, -ESTALE },
                { offsetof(TestFiles, initrd), -ESTALE },
                { offsetof(TestFiles, initrd) + 300000, -ESTALE },
                { offsetof(TestFiles, fallback) + 1000, -ESTALE },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ TestFiles *files = test_files_new();
                const CrashImageInputs inputs = test_files_inputs(files);
                _cleanup_image_ CrashImage full = {}, sparse = {};
                _cleanup_facts_ LoaderFacts facts = {};
                _cleanup_free_ char *error = NULL;

                test_machine_facts(TEST_MACHINE_BIOS_2G, &facts);
                make(&facts, &inputs, &all, NULL, &full);
                if (table[i].offset > 0)
                        ((uint8_t *) files)[table[i].offset] ^= 0x10;
                assert_int_equal(crash_image_make(&facts, &inputs, &all, &full, &sparse, &error),
                                 table[i].r);
                assert_int_equal(error != NULL, table[i].r < 0);
        }
}

typedef enum Damage {
        DAMAGE_NONE,
        DAMAGE_KERNEL,
        DAMAGE_KERNEL_FOUR_LEVELS,
        DAMAGE_BLOB,
        DAMAGE_RESETS,
        DAMAGE_ELFCOREHDR_GIVEN,
        DAMAGE_FALLBACK_ELFCOREHDR_GIVEN,
        DAMAGE_CMDLINE_LONG,
        DAMAGE_RANGES,
        DAMAGE_NO_SENSE,
} Damage;

static void damage(Damage what, TestFiles *files, CrashImageInputs *inputs, LoaderFacts *facts)
{
        static const uint8_t resets[PURGATORY_RESETS_MAX] = { 9 };
        static const char long_line[4096] = { [0 ... 4094] = 'x' };

        switch (what) {
        case DAMAGE_NONE:
                return;
        case DAMAGE_KERNEL:
                files->kernel[0x1fe] = 0;
                return;
        case DAMAGE_KERNEL_FOUR_LEVELS:
                files->kernel[0x236] = 0x1f;
                return;
        case DAMAGE_BLOB:
                files->blob[9] ^= 1;
                return;
        case DAMAGE_RESETS:
                inputs->resets = resets;
                return;
        case DAMAGE_ELFCOREHDR_GIVEN:
                inputs->cmdline = "quiet elfcorehdr=0x1000";
                return;
        case DAMAGE_FALLBACK_ELFCOREHDR_GIVEN:
                inputs->fallback_cmdline = "elfcorehdr=0x1000";
                return;
        case DAMAGE_CMDLINE_LONG:
                inputs->cmdline = long_line;
                return;
        case DAMAGE_RANGES:
                for (uint64_t i = 0; i < 0x10000; i++)
                        assert_int_equal(range_list_add(&facts->ram, 0x800000000 + i * 0x2000,
                                                        0x800001000 + i * 0x2000),
                                         0);
                return;
        case DAMAGE_NO_SENSE:
                facts->crash_low = (Range){ 0x2000, 0x1000 };
                return;
        }
}

static void test_what_cannot_be_made(void **state)
{
        static const struct {
                TestMachine machine;
                Damage damage;
                int r;
        } table[] = {
                { TEST_MACHINE_BIOS_2G, DAMAGE_NONE, 0 },
                { TEST_MACHINE_TINY_AREA, DAMAGE_NONE, 0 },
                { TEST_MACHINE_BIOS_2G, DAMAGE_KERNEL, -EBADMSG },
                { TEST_MACHINE_BIOS_2G, DAMAGE_KERNEL_FOUR_LEVELS, 0 },
                { TEST_MACHINE_LA57, DAMAGE_KERNEL_FOUR_LEVELS, -EINVAL },
                { TEST_MACHINE_BIOS_2G, DAMAGE_BLOB, -EBADMSG },
                { TEST_MACHINE_BIOS_2G, DAMAGE_RESETS, -EINVAL },
                { TEST_MACHINE_BIOS_2G, DAMAGE_ELFCOREHDR_GIVEN, -EINVAL },
                { TEST_MACHINE_BIOS_2G, DAMAGE_FALLBACK_ELFCOREHDR_GIVEN, -EINVAL },
                { TEST_MACHINE_BIOS_2G, DAMAGE_CMDLINE_LONG, -E2BIG },
                { TEST_MACHINE_BIOS_2G, DAMAGE_RANGES, -E2BIG },
                { TEST_MACHINE_BIOS_2G, DAMAGE_NO_SENSE, -EINVAL },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ TestFiles *files = test_files_new();
                CrashImageInputs inputs = test_files_inputs(files);
                _cleanup_image_ CrashImage image = {};
                _cleanup_facts_ LoaderFacts facts = {};
                _cleanup_free_ char *error = NULL;
                int r;

                test_machine_facts(table[i].machine, &facts);
                damage(table[i].damage, files, &inputs, &facts);
                r = crash_image_make(&facts, &inputs, &all, NULL, &image, &error);
                if (r != table[i].r)
                        fail_msg("row %zu gave %d: %s", i, r, error);
                assert_int_equal(error != NULL, table[i].r < 0);
                assert_int_equal(image.content[EXTENT_KERNEL] != NULL, table[i].r == 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_machines_can_start_what_was_loaded),
                cmocka_unit_test(test_map_that_fits_boot_params_or_not),
                cmocka_unit_test(test_kernel_needs_no_initrd),
                cmocka_unit_test(test_kernel_and_initrds_are_not_copied),
                cmocka_unit_test(test_equal_inputs_give_equal_bytes),
                cmocka_unit_test(test_sparse_load_goes_with_what_is_there),
                cmocka_unit_test(test_sparse_load_needs_the_same_files),
                cmocka_unit_test(test_what_cannot_be_made),
        };

        return cmocka_run_group_tests_name("crash-image", tests, NULL, NULL);
}
