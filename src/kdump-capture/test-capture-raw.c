/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Saves to a bare device, for which a file stands, that is too small for the vmcore. */
#include "capture.h"
#include "io.h"
#include "kdump-file.h"
#include "paths.h"
#include "test-core.h"
#include "test-raw-bed.h"

#define N_PAGES ((size_t) 1000)

typedef struct Bed {
        RawBed raw;
        TestCore core;
        uint8_t *memory;
        DumpRecord record;
} Bed;

static void bed_init(Bed *bed, uint64_t device_bytes)
{
        *bed = (Bed){};
        raw_bed_init(&bed->raw, device_bytes);
        raw_bed_begin(&bed->raw, "one");
        bed->memory = test_core_of_pattern(&bed->core, N_PAGES);
}

static void bed_done(Bed *bed)
{
        dump_record_done(&bed->record);
        test_core_done(&bed->core);
        raw_bed_done(&bed->raw);
        free(bed->memory);
}

static int bed_save(Bed *bed)
{
        Collector collector = { .compression = COMPRESSION_NONE };

        return capture_save_vmcore(bed->core.path, bed->raw.depot, &collector, NULL, NULL,
                                   &bed->record);
}

/* Returns how many pages are there; those are right. */
static uint64_t count_pages(const Bed *bed)
{
        _cleanup_(kdump_reader_freep) KdumpReader *reader = NULL;
        _cleanup_(kdump_file_closep) KdumpFile *file = NULL;
        _cleanup_free_ char *path = NULL;
        char *message = NULL;
        uint64_t n = 0;

        assert_true(strprintf(&path, "%s/one/" FILE_VMCORE_FLAT, bed->raw.root) >= 0);
        assert_int_equal(kdump_file_open(path, &file, &message), 0);
        assert_false(kdump_file_info(file)->cut_off);
        assert_int_equal(kdump_reader_new(file, &reader), 0);
        for (size_t i = 0; i < N_PAGES; i++) {
                const uint8_t *page;
                int r = kdump_reader_page(reader, TEST_PATTERN_PFN + i, &page);

                if (r == -ENXIO)
                        continue;
                assert_int_equal(r, 0);
                assert_memory_equal(page, bed->memory + i * TEST_PAGE_BYTES, TEST_PAGE_BYTES);
                n++;
        }
        return n;
}

static void test_device_that_is_too_small_has_what_fits(void **state)
{
        static const uint64_t sizes[] = { 1500000, 2 << 20, 3 << 20, 3 * 1000 * 1001, 4 << 20 };

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                const DumpRecord *record;
                uint64_t n_pages;
                Bed bed;

                bed_init(&bed, sizes[i]);
                record = &bed.record;
                assert_int_equal(bed_save(&bed), -ENOSPC);
                assert_int_equal(record->status, DUMP_STATUS_INCOMPLETE);
                assert_int_equal(record->n_pages, N_PAGES);
                assert_int_equal(raw_bed_copy_out(&bed.raw, "one"), 1);
                n_pages = count_pages(&bed);
                assert_int_equal(n_pages, record->n_pages - record->n_pages_missing);
                assert_in_range(n_pages, sizes[i] / TEST_PAGE_BYTES / 10, N_PAGES - 1);
                bed_done(&bed);
        }
}

static void test_device_without_room_for_a_page_has_no_vmcore(void **state)
{
        Bed bed;

        bed_init(&bed, 64 << 10);
        assert_int_equal(bed_save(&bed), -ENOSPC);
        assert_int_equal(bed.record.n_pages, bed.record.n_pages_missing);
        assert_int_equal(raw_bed_copy_out(&bed.raw, "one"), 0);
        bed_done(&bed);
}

static void test_device_that_is_large_enough(void **state)
{
        Bed bed;

        bed_init(&bed, 8 << 20);
        assert_int_equal(bed_save(&bed), 0);
        assert_int_equal(raw_bed_copy_out(&bed.raw, "one"), 1);
        assert_int_equal(count_pages(&bed), N_PAGES);
        bed_done(&bed);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_device_that_is_too_small_has_what_fits),
                cmocka_unit_test(test_device_without_room_for_a_page_has_no_vmcore),
                cmocka_unit_test(test_device_that_is_large_enough),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
