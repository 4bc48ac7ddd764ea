/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of CaptureEstimate: what it says, against the dumps that are then written. */
#include "capture-estimate.h"
#include "capture-save.h"
#include "depot-folder.h"
#include "io.h"
#include "paths.h"
#include "test-filter-bed.h"
#include "test-kdump-file.h"

#define FREE_PFN (3 * TEST_SECTION_PAGES - 1024)
#define CACHE_PFN TEST_SECTION_PAGES
#define CACHE_PAGES 300
#define OFFLINE_PFN (CACHE_PFN + 1)

static const unsigned levels[] = { 31, 0, 2, 15, 7, 16 };

static EstimateRequest request_make(uint64_t sample_bytes)
{
        EstimateRequest request = { .compressor = compressor_find(COMPRESSION_LZO),
                                    .n_levels = ELEMENTSOF(levels),
                                    .sample_bytes = sample_bytes };

        memcpy(request.levels, levels, sizeof(levels));
        return request;
}

/* Memory with something in it, a free block, and single pages of cache. The caller frees *ret_data.
 */
static void memory_make(FilterBed *bed, uint8_t **ret_data)
{
        const TestKernel *kernel = test_kernel_find("6.1");
        const TestPage free = { .mapcount = kernel->buddy, .private = 10 };
        const TestPage cache = { kernel->lru, 0, TEST_MAPPING_FILE, 0, -1, 2 };
        const TestPage offline = { .mapcount = kernel->offline, .refcount = 1 };
        TestMemory *memory = &bed->sections.memory;
        TestSegment *rest;

        bed_init(bed, kernel, TEST_MAPPED_BY_PMD);
        bed_put(bed, FREE_PFN, &free);
        bed_put(bed, OFFLINE_PFN, &offline);
        for (uint64_t i = 0; i < CACHE_PAGES; i++)
                bed_put(bed, CACHE_PFN + 2 * i, &cache);

        rest = &memory->core.segments[1];
        assert_int_equal(rest->paddr + rest->memsz, TEST_SECTIONS_BYTES);
        *ret_data = malloc(rest->memsz);
        assert_non_null(*ret_data);
        for (size_t i = 0; i < rest->memsz / MADE_PAGE; i++)
                made_page("r0zz"[i % 4], i, *ret_data + i * MADE_PAGE);
        rest->data = *ret_data;
        rest->filesz = rest->memsz;
        test_core_add_note(&memory->core, "VMCOREINFO", 0, memory->info_text, memory->n_info_text);
        assert_int_equal(test_memory_open(memory), 0);
}

static uint64_t saved_bytes(const char *path, unsigned level, uint64_t *ret_n_pages)
{
        const Collector collector = { .dump_level = level, .compression = COMPRESSION_LZO };
        _cleanup_(dump_record_done) DumpRecord record = {};
        char *root = test_root_new();
        int dir_fd = test_root_open(root);
        CaptureJob job = {
                .source = path,
                .incomplete_name = FILE_VMCORE_INCOMPLETE,
                .final_name = FILE_VMCORE,
                .collector = &collector,
                .record = &record,
        };

        assert_int_equal(depot_folder_use(dir_fd, &job.depot), 0);
        assert_int_equal(capture_save_file(&job), 0);
        depot_free(job.depot);
        close_fd(dir_fd);
        test_root_freep(&root);
        *ret_n_pages = record.n_pages;
        return record.vmcore_bytes;
}

static void test_estimate_is_what_a_dump_comes_to(void **state)
{
        const EstimateRequest request = request_make(UINT64_C(1) << 30);
        _cleanup_(capture_source_freep) CaptureSource *source = NULL;
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_(bed_done) FilterBed bed;
        CaptureEstimate estimate;
        const char *path;

        memory_make(&bed, &data);
        path = bed.sections.memory.core.path;
        assert_int_equal(capture_source_open(path, &source), 0);
        assert_int_equal(capture_estimate(source, &request, &estimate), 0);
        assert_int_equal(estimate.n_pages, N_PAGES);
        assert_int_equal(estimate.n_pages_sampled, N_PAGES);
        assert_int_equal(estimate.n_pages_unreadable, 0);
        assert_int_equal(estimate.counts.n_excluded[PAGE_FREE], 1024);
        assert_int_equal(estimate.counts.n_excluded[PAGE_CACHE], CACHE_PAGES);
        assert_int_equal(estimate.counts.n_excluded[PAGE_OFFLINE], 1);
        assert_int_equal(estimate.counts.n_before, 0);
        for (size_t i = 0; i < ELEMENTSOF(levels); i++) {
                const EstimateLevel *level = &estimate.levels[i];
                uint64_t n_pages, bytes = saved_bytes(path, levels[i], &n_pages);

                assert_int_equal(level->level, levels[i]);
                assert_int_equal(level->n_pages, n_pages);
                assert_int_equal(level->memory_bytes, n_pages * MADE_PAGE);
                /* Pieces of data are aligned to 4 KiB, and the first ones are of 64 KiB. */
                assert_in_range(level->vmcore_bytes, bytes - bytes / 32, bytes + bytes / 100);
        }
        assert_int_equal(estimate.levels[1].n_pages - estimate.levels[0].n_pages,
                         1024 + CACHE_PAGES);
}

static void test_samples_are_few_and_the_same_each_time(void **state)
{
        const EstimateRequest request = request_make(UINT64_C(4) << 20);
        CaptureEstimate estimates[2];
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_(bed_done) FilterBed bed;
        uint64_t n_pages, bytes;

        memory_make(&bed, &data);
        for (size_t i = 0; i < 2; i++) {
                _cleanup_(capture_source_freep) CaptureSource *source = NULL;

                assert_int_equal(capture_source_open(bed.sections.memory.core.path, &source), 0);
                assert_int_equal(capture_estimate(source, &request, &estimates[i]), 0);
                /* CPU time differs. */
                for (size_t k = 0; k < ELEMENTSOF(levels); k++)
                        estimates[i].levels[k].cpu_usec = 0;
        }
        assert_memory_equal(&estimates[0], &estimates[1], sizeof(estimates[0]));
        assert_in_range(estimates[0].n_pages_sampled, 512, 1024);
        bytes = saved_bytes(bed.sections.memory.core.path, 31, &n_pages);
        assert_int_equal(estimates[0].levels[0].n_pages, n_pages);
        assert_in_range(estimates[0].levels[0].vmcore_bytes, bytes / 10 * 8, bytes / 10 * 12);
}

/* Nothing tells what pages are for, some are left out already, and some cannot be read. */
static void test_saved_dump(void **state)
{
        _cleanup_free_ char *kinds = made_repeat("rx.mz0rz", 8000);
        const EstimateRequest request = request_make(UINT64_C(1) << 30);
        _cleanup_(capture_source_freep) CaptureSource *source = NULL;
        _cleanup_close_ int fd = -EBADF;
        CaptureEstimate estimate;
        char path[64];
        Made made;

        made_init(&made, kinds, 6);
        fd = made_fd(&made, made.size);
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        assert_int_equal(capture_source_open(path, &source), 0);
        assert_int_equal(capture_estimate(source, &request, &estimate), 0);
        assert_int_equal(estimate.n_pages, 6000);
        assert_int_equal(estimate.n_pages_sampled, 5000);
        assert_int_equal(estimate.n_pages_zero, 1000);
        assert_int_equal(estimate.n_pages_unreadable, 1000);
        assert_int_equal(estimate.counts.n_before, 1000);
        for (size_t i = 0; i < ELEMENTSOF(levels); i++)
                assert_int_equal(estimate.levels[i].n_pages, 6000);
        made_done(&made);
}

/* As /proc/kcore: vmalloc and vmemmap have no physical address, and more in them than any file. */
static void test_live_memory(void **state)
{
        static const EstimateRange reserved[] = { { 250, 260 }, { 20, 30 }, { 5000, 6000 } };
        _cleanup_(capture_source_freep) CaptureSource *source = NULL;
        _cleanup_free_ uint8_t *data = test_pattern_new(100 * TEST_PAGE_BYTES, 7);
        _cleanup_(test_core_done) TestCore core;
        EstimateRequest request = request_make(UINT64_C(1) << 30);
        CaptureEstimate estimate;

        request.reserved = reserved;
        request.n_reserved = ELEMENTSOF(reserved);
        test_core_init(&core);
        test_core_add(&core, TEST_KERNEL_MAP_VADDR, 0x100000, 10 * TEST_PAGE_BYTES,
                      10 * TEST_PAGE_BYTES, data);
        test_core_add(&core, UINT64_C(0xffffc90000000000), UINT64_MAX, UINT64_C(1) << 45, 0, NULL);
        core.segments[core.n_segments - 1].offset = UINT64_C(1) << 46;
        test_core_add(&core, UINT64_C(0xffffea0000000000), UINT64_MAX, UINT64_C(1) << 40, 0, NULL);
        core.segments[core.n_segments - 1].offset = UINT64_C(1) << 45;
        test_core_add(&core, TEST_DIRECT_MAP_VADDR + TEST_PAGE_BYTES, TEST_PAGE_BYTES,
                      50 * TEST_PAGE_BYTES, 50 * TEST_PAGE_BYTES, data);
        test_core_add(&core, TEST_DIRECT_MAP_VADDR + 0x100000, 0x100000, 100 * TEST_PAGE_BYTES,
                      100 * TEST_PAGE_BYTES, data);
        test_core_write(&core);
        assert_int_equal(capture_source_open(core.path, &source), 0);
        assert_int_equal(vmcore_direct_map_delta(source->vmcore), TEST_DIRECT_MAP_VADDR);
        assert_int_equal(capture_estimate(source, &request, &estimate), 0);
        assert_int_equal(estimate.n_pages, 50 + 100 - 10 - 4);
        assert_int_equal(estimate.n_pages_unreadable, 0);
        assert_int_equal(estimate.levels[0].n_pages, estimate.n_pages);
}

static void test_reserved_memory(void **state)
{
        char text[] = "00000000-00000fff : Reserved\n"
                      "00001000-0009fbff : System RAM\n"
                      "00100000-7ffdcfff : System RAM\n"
                      "  33000000-3affffff : Crash kernel\n"
                      "  3b000800-3b0027ff : Crash kernel\n"
                      "  Crash kernel\n"
                      "  3d000000-3c000000 : Crash kernel\n"
                      "  zz000000-7effffff : Crash kernel\n"
                      "  00000000-00000000 : Crash kernel\n"
                      "  40000000-4fffffff : Crash kernel image\n"
                      "  ffffffff00000000-ffffffffffffffff : Crash kernel";
        EstimateRange ranges[4];

        assert_int_equal(capture_estimate_reserved(text, 4096, ranges, 4), 3);
        assert_int_equal(ranges[0].first_pfn, 0x33000);
        assert_int_equal(ranges[0].end_pfn, 0x3b000);
        assert_int_equal(ranges[1].first_pfn, 0x3b001);
        assert_int_equal(ranges[1].end_pfn, 0x3b002);
        assert_int_equal(ranges[2].first_pfn, UINT64_C(0xffffffff00000));
        assert_int_equal(ranges[2].end_pfn, UINT64_C(0x10000000000000));
}

static void test_level_that_is_none(void **state)
{
        _cleanup_(capture_source_freep) CaptureSource *source = NULL;
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_(bed_done) FilterBed bed;
        EstimateRequest request = request_make(4096);
        CaptureEstimate estimate;

        memory_make(&bed, &data);
        request.levels[3] = 32;
        assert_int_equal(capture_source_open(bed.sections.memory.core.path, &source), 0);
        assert_int_equal(capture_estimate(source, &request, &estimate), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_estimate_is_what_a_dump_comes_to),
                cmocka_unit_test(test_samples_are_few_and_the_same_each_time),
                cmocka_unit_test(test_saved_dump),
                cmocka_unit_test(test_live_memory),
                cmocka_unit_test(test_reserved_memory),
                cmocka_unit_test(test_level_that_is_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
