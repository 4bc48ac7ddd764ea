/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Saves to a bare device, for which a file stands, that is too small for the vmcore. */
#include "capture.h"
#include "depot-raw.h"
#include "io.h"
#include "kdump-file.h"
#include "paths.h"
#include "raw-store.h"
#include "test-core.h"
#include "test.h"

#define N_PAGES ((size_t) 1000)
#define FIRST_PFN ((uint64_t) 0x10)
#define PAGE_BYTES ((size_t) 4096)

typedef struct Bed {
        TestCore core;
        uint8_t *memory;
        char *root, *device;
        int root_fd;
        Depot *depot;
        DumpRecord record;
} Bed;

static void bed_init(Bed *bed, uint64_t device_bytes)
{
        static const char vmcoreinfo[] = "OSRELEASE=6.1.0-test\nPAGESIZE=4096\n";
        _cleanup_free_ char *where = NULL;
        char *holds = NULL;

        memset(bed, 0, sizeof(*bed));
        bed->root = test_root_new();
        bed->root_fd = test_root_open(bed->root);
        assert_true(strprintf(&bed->device, "%s/device", bed->root) >= 0);
        test_write(bed->root_fd, "device", "", 0);
        assert_int_equal(truncate(bed->device, (off_t) device_bytes), 0);
        assert_int_equal(depot_raw_open(bed->device, &bed->depot, &holds), 0);
        assert_int_equal(bed->depot->ops->begin(bed->depot, "one", &where), 0);
        bed->memory = test_pattern_new(N_PAGES * PAGE_BYTES, 7);
        test_core_init(&bed->core);
        test_core_add_note(&bed->core, "VMCOREINFO", 0, vmcoreinfo, strlen(vmcoreinfo));
        test_core_add(&bed->core, TEST_DIRECT_MAP_VADDR + FIRST_PFN * PAGE_BYTES,
                      FIRST_PFN * PAGE_BYTES, N_PAGES * PAGE_BYTES, N_PAGES * PAGE_BYTES,
                      bed->memory);
        test_core_write(&bed->core);
}

static void bed_done(Bed *bed)
{
        dump_record_done(&bed->record);
        test_core_done(&bed->core);
        depot_free(bed->depot);
        close_fd(bed->root_fd);
        test_root_freep(&bed->root);
        free(bed->device);
        free(bed->memory);
}

static int bed_save(Bed *bed)
{
        Collector collector = { .compression = COMPRESSION_NONE };
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int) getpid(), bed->core.fd);
        return capture_save_vmcore(path, bed->depot, &collector, NULL, NULL, &bed->record);
}

/* What the next start of the machine finds. Returns the number of its files. */
static size_t copy_out(Bed *bed)
{
        _cleanup_close_ int fd = open(bed->device, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *name = NULL;
        size_t n_damaged = 0;
        RawStore store;

        assert_int_equal(raw_store_read(fd, &store), 1);
        assert_int_equal(raw_store_copy(fd, &store, bed->root_fd, &name, &n_damaged), 0);
        assert_string_equal(name, "one");
        assert_int_equal(n_damaged, 0);
        return store.n_parts;
}

/* Returns how many pages are there; those are right. */
static uint64_t count_pages(const Bed *bed)
{
        _cleanup_(kdump_reader_freep) KdumpReader *reader = NULL;
        _cleanup_(kdump_file_closep) KdumpFile *file = NULL;
        _cleanup_free_ char *path = NULL;
        char *message = NULL;
        uint64_t n = 0;

        assert_true(strprintf(&path, "%s/one/" FILE_VMCORE_FLAT, bed->root) >= 0);
        assert_int_equal(kdump_file_open(path, &file, &message), 0);
        assert_false(kdump_file_info(file)->cut_off);
        assert_int_equal(kdump_reader_new(file, &reader), 0);
        for (size_t i = 0; i < N_PAGES; i++) {
                const uint8_t *page;
                int r = kdump_reader_page(reader, FIRST_PFN + i, &page);

                if (r == -ENXIO)
                        continue;
                assert_int_equal(r, 0);
                assert_memory_equal(page, bed->memory + i * PAGE_BYTES, PAGE_BYTES);
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
                assert_int_equal(copy_out(&bed), 1);
                n_pages = count_pages(&bed);
                assert_int_equal(n_pages, record->n_pages - record->n_pages_missing);
                assert_in_range(n_pages, sizes[i] / PAGE_BYTES / 10, N_PAGES - 1);
                bed_done(&bed);
        }
}

static void test_device_without_room_for_a_page_has_no_vmcore(void **state)
{
        Bed bed;

        bed_init(&bed, 64 << 10);
        assert_int_equal(bed_save(&bed), -ENOSPC);
        assert_int_equal(bed.record.n_pages, bed.record.n_pages_missing);
        assert_int_equal(copy_out(&bed), 0);
        bed_done(&bed);
}

static void test_device_that_is_large_enough(void **state)
{
        Bed bed;

        bed_init(&bed, 8 << 20);
        assert_int_equal(bed_save(&bed), 0);
        assert_int_equal(copy_out(&bed), 1);
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
