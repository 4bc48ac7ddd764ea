/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests what is handed to kexec_load(2), and what is read back: a machine whose memory is a file
 * gets what the system call would copy. */
#include "loaded-check.h"
#include "segment-image.h"
#include "test-crash-memory.h"
#include "test-loader-fixture.h"
#include "test.h"

#include "io.h"

static const LayoutPolicy policy = {
        .mirror_small = true,
        .mirror_kernel = true,
        .mirror_initrd = true,
};

/* A machine, what is to be loaded, and where the kernel would put it. */
typedef struct Bed {
        char *root;
        int root_fd;
        TestFiles *files;
        LoaderFacts facts;
        SegmentImage image;
        LoadedPlace place;
        KcoreMap map;
} Bed;

static void make(Bed *bed, const LayoutPolicy *asked, const CrashImage *armed, SegmentImage *ret)
{
        const CrashImageInputs inputs = test_files_inputs(bed->files);
        _cleanup_free_ char *message = NULL;
        CrashImage crash;

        assert_int_equal(crash_image_make(&bed->facts, &inputs, asked, armed, &crash, &message), 0);
        assert_int_equal(loaded_place_of(&crash, &bed->place), 0);
        assert_int_equal(segment_image_make(&crash, &bed->facts, ret, &message), 0);
}

/* As kimage_load_crash_segment() of kernel/kexec_core.c does it. */
static void load(Bed *bed, const SegmentList *list)
{
        for (size_t i = 0; i < list->n; i++) {
                const struct kexec_segment *segment = list->segments + i;
                _cleanup_free_ uint8_t *memory = calloc(1, segment->memsz);

                assert_non_null(memory);
                memcpy(memory, segment->buf, segment->bufsz);
                test_machine_put(bed->root_fd, (uintptr_t) segment->mem, memory, segment->memsz);
        }
}

static void bed_init(Bed *bed, TestMachine machine, const LayoutPolicy *asked)
{
        *bed = (Bed){ .root = test_root_new(), .map = KCORE_MAP_NULL };
        bed->root_fd = test_root_open(bed->root);
        bed->files = test_files_new();
        test_machine_facts(machine, &bed->facts);
        test_machine_write(bed->root_fd, machine);
        make(bed, asked, NULL, &bed->image);
        load(bed, &bed->image.full);
        assert_int_equal(kcore_map_open(bed->root_fd, &bed->map), 0);
}

static void bed_done(Bed *bed)
{
        segment_image_done(&bed->image);
        kcore_map_done(&bed->map);
        loader_facts_done(&bed->facts);
        free(bed->files);
        close_fd(bed->root_fd);
        test_root_freep(&bed->root);
}
#define _cleanup_bed_ _cleanup_(bed_done)

static void flip(Bed *bed, uint64_t paddr)
{
        uint8_t byte;

        assert_int_equal(kcore_map_read(&bed->map, paddr, &byte, 1), 0);
        byte ^= 0x10;
        test_machine_put(bed->root_fd, paddr, &byte, 1);
}

static int verify(const Bed *bed, SegmentScope scope, SegmentDamage *ret)
{
        *ret = (SegmentDamage){ 0 };
        return segment_image_verify(&bed->image, &bed->map, scope, ret);
}

static int check(const Bed *bed, LoadedScope scope, LoadedDamage *ret)
{
        *ret = (LoadedDamage){ 0 };
        return loaded_check(&bed->map, &bed->place, scope, ret);
}

static bool is_small(const Bed *bed, uint64_t paddr)
{
        const Layout *layout = &bed->image.crash.layout;

        for (size_t i = 0; i < layout->n_segments; i++)
                if (paddr >= layout->segments[i].range.start &&
                    paddr < layout->segments[i].range.end)
                        return layout->segments[i].small;
        fail_msg("0x%lx is in no segment", paddr);
        return false;
}

static void test_what_was_loaded_is_found_whole(void **state)
{
        static const TestMachine machines[] = { TEST_MACHINE_BIOS_2G, TEST_MACHINE_BIOS_6G,
                                                TEST_MACHINE_EFI_2G, TEST_MACHINE_LA57 };

        for (size_t i = 0; i < ELEMENTSOF(machines); i++) {
                _cleanup_bed_ Bed bed;
                SegmentDamage damage;
                LoadedDamage found;

                bed_init(&bed, machines[i], &policy);
                assert_true(bed.image.small.n > 0 && bed.image.small.n < bed.image.full.n);
                assert_int_equal(verify(&bed, SEGMENTS_ALL, &damage), 0);
                assert_int_equal(check(&bed, LOADED_ALL, &found), 0);
                assert_true(found.checked_bytes > 2 * sizeof(bed.files->kernel));
        }
}

/* Returns whether the comparison by digests can tell it, too. */
static bool is_digested(ExtentRole role)
{
        return role != EXTENT_STATUS;
}

static void check_one_flip(Bed *bed, ExtentRole role, bool mirror)
{
        const LayoutExtent *extent = bed->image.crash.layout.extents + role;
        uint64_t paddr = (mirror ? extent->mirror_paddr : extent->paddr) + extent->bytes - 1;
        SegmentDamage damage;
        LoadedDamage found;

        flip(bed, paddr);
        assert_int_equal(verify(bed, SEGMENTS_ALL, &damage), 1);
        assert_int_equal(damage.role, role);
        assert_int_equal(damage.mirror, mirror);
        assert_int_equal(damage.paddr, paddr);
        assert_int_equal(verify(bed, SEGMENTS_BIG, &damage), !is_small(bed, paddr));
        assert_int_equal(check(bed, LOADED_ALL, &found), is_digested(role));
        if (is_digested(role))
                assert_int_equal(found.first_role, role);
        assert_int_equal(found.lost, is_digested(role) && extent->mirror_paddr == 0 &&
                                             role != EXTENT_PURGATORY);
        flip(bed, paddr);
        assert_int_equal(check(bed, LOADED_ALL, &found), 0);
}

static void test_one_bit_is_noticed_wherever_it_is(void **state)
{
        _cleanup_bed_ Bed bed;

        bed_init(&bed, TEST_MACHINE_EFI_2G, &policy);
        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++) {
                const LayoutExtent *extent = bed.image.crash.layout.extents + role;

                if (!extent->present)
                        continue;
                check_one_flip(&bed, role, false);
                if (extent->mirror_paddr > 0)
                        check_one_flip(&bed, role, true);
        }
}

static void test_damage_is_counted_and_told(void **state)
{
        const LayoutExtent *kernel, *block;
        _cleanup_free_ char *repairable = NULL, *lost = NULL, *replaced = NULL;
        LoadedDamage found;
        _cleanup_bed_ Bed bed;

        bed_init(&bed, TEST_MACHINE_BIOS_2G, &policy);
        kernel = bed.image.crash.layout.extents + EXTENT_KERNEL;
        block = bed.image.crash.layout.extents + EXTENT_BLOCK;

        flip(&bed, kernel->paddr);
        flip(&bed, kernel->mirror_paddr + PURGATORY_CHUNK_BYTES);
        assert_int_equal(check(&bed, LOADED_ALL, &found), 1);
        assert_int_equal(found.chunks, 1);
        assert_int_equal(found.mirrors, 1);
        assert_int_equal(found.lost, 0);
        assert_int_equal(loaded_damage_describe(&found, &repairable), 0);
        assert_non_null(strstr(repairable, "would be repaired"));

        flip(&bed, kernel->mirror_paddr + 1);
        assert_int_equal(check(&bed, LOADED_ALL, &found), 1);
        assert_int_equal(found.lost, 1);
        assert_false(found.unreadable);
        assert_int_equal(loaded_damage_describe(&found, &lost), 0);
        assert_non_null(strstr(lost, "beyond repair"));
        assert_int_equal(check(&bed, LOADED_IDENTITY, &found), 0);

        flip(&bed, block->paddr);
        assert_int_equal(check(&bed, LOADED_IDENTITY, &found), 1);
        assert_false(found.replaced);
        flip(&bed, block->mirror_paddr);
        assert_int_equal(check(&bed, LOADED_IDENTITY, &found), 1);
        assert_true(found.replaced);
        assert_int_equal(loaded_damage_describe(&found, &replaced), 0);
        assert_non_null(strstr(replaced, "another image"));
}

static void test_nothing_starts_without_digests(void **state)
{
        _cleanup_free_ char *text = NULL;
        const LayoutExtent *leaves;
        LoadedDamage found;
        _cleanup_bed_ Bed bed;

        bed_init(&bed, TEST_MACHINE_BIOS_2G, &policy);
        leaves = bed.image.crash.layout.extents + EXTENT_LEAVES;
        flip(&bed, leaves->paddr);
        assert_int_equal(check(&bed, LOADED_ALL, &found), 1);
        assert_false(found.unreadable);
        flip(&bed, leaves->mirror_paddr);
        assert_int_equal(check(&bed, LOADED_ALL, &found), 1);
        assert_true(found.unreadable);
        assert_int_equal(loaded_damage_describe(&found, &text), 0);
        assert_non_null(strstr(text, "nothing would start"));
}

static void test_sparse_load_leaves_what_is_big(void **state)
{
        SegmentImage next = { 0 };
        SegmentDamage damage;
        LoadedDamage found;
        uint64_t kernel_paddr;
        _cleanup_bed_ Bed bed;

        bed_init(&bed, TEST_MACHINE_BIOS_2G, &policy);
        kernel_paddr = bed.image.crash.layout.extents[EXTENT_KERNEL].paddr;
        /* One CPU more. */
        bed.facts.n_cpu_notes--;
        make(&bed, &policy, &bed.image.crash, &next);
        load(&bed, &next.small);
        segment_image_done(&bed.image);
        bed.image = next;
        assert_int_equal(bed.image.crash.layout.extents[EXTENT_KERNEL].paddr, kernel_paddr);
        assert_int_equal(verify(&bed, SEGMENTS_ALL, &damage), 0);
        assert_int_equal(check(&bed, LOADED_ALL, &found), 0);
}

static void test_live_headers_may_change(void **state)
{
        static const LayoutPolicy live = { .mirror_small = true, .live_elfcorehdr = true };
        const LayoutExtent *headers;
        SegmentDamage damage;
        LoadedDamage found;
        _cleanup_bed_ Bed bed;

        bed_init(&bed, TEST_MACHINE_DIMM, &live);
        headers = bed.image.crash.layout.extents + EXTENT_ELFCOREHDR;
        assert_true(bed.image.crash.layout.live_elfcorehdr);
        flip(&bed, headers->paddr + 60);
        assert_int_equal(verify(&bed, SEGMENTS_ALL, &damage), 0);
        assert_int_equal(check(&bed, LOADED_ALL, &found), 0);
        flip(&bed, headers->mirror_paddr + PURGATORY_ELF_COPY_OFFSET);
        assert_int_equal(verify(&bed, SEGMENTS_ALL, &damage), 1);
        assert_int_equal(damage.role, EXTENT_ELFCOREHDR);
        assert_int_equal(check(&bed, LOADED_ALL, &found), 1);
        assert_true(found.mirrors == 1 && found.chunks == 0 && found.lost == 0);
        assert_int_equal(found.first_role, EXTENT_ELFCOREHDR);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_was_loaded_is_found_whole),
                cmocka_unit_test(test_one_bit_is_noticed_wherever_it_is),
                cmocka_unit_test(test_damage_is_counted_and_told),
                cmocka_unit_test(test_nothing_starts_without_digests),
                cmocka_unit_test(test_sparse_load_leaves_what_is_big),
                cmocka_unit_test(test_live_headers_may_change),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
