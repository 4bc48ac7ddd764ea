/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of saving what is a saved dump already. */
#include "capture-save.h"
#include "depot-folder.h"
#include "io.h"
#include "paths.h"
#include "test-dump.h"
#include "test-kdump-file.h"

typedef struct Bed {
        Made made;
        char *root;
        int dir_fd, fd;
        DumpRecord record;
        MemorySink file; /* what was saved */
        unsigned n_looks;
} Bed;

static void bed_init(Bed *bed, const char *kinds, uint32_t status)
{
        memset(bed, 0, sizeof(*bed));
        made_init(&bed->made, kinds, 6);
        made_put_u32(&bed->made, 424, status);
        bed->root = test_root_new();
        bed->dir_fd = test_root_open(bed->root);
}

/* Counts what is told while it is not known yet how many pages there are. */
static void count_looks(void *data, ProgressPhase phase, uint64_t pages_done, uint64_t pages_total,
                        uint64_t bytes_written)
{
        Bed *bed = data;
        uint64_t now_usec = now_boottime_usec();

        bed->n_looks += pages_total == 0;
        while (now_boottime_usec() == now_usec) /* so that it takes time that can be told */
                ;
}

static void bed_save_as(Bed *bed, DumpFormat format, unsigned level)
{
        const Collector collector = {
                .format = format,
                .dump_level = level,
                .compression = COMPRESSION_ZLIB,
        };
        char path[64];
        CaptureJob job = {
                .source = path,
                .incomplete_name = FILE_VMCORE_INCOMPLETE,
                .final_name = FILE_VMCORE,
                .collector = &collector,
                .record = &bed->record,
                .n_threads = 4,
                .progress = count_looks,
                .progress_data = bed,
        };
        char *data;
        size_t size;

        bed->fd = made_fd(&bed->made, bed->made.size);
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", bed->fd);
        assert_int_equal(depot_folder_use(bed->dir_fd, &job.depot), 0);
        assert_int_equal(capture_save_file(&job), 0);
        depot_free(job.depot);
        assert_int_equal(file_read(bed->dir_fd, FILE_VMCORE, 64 << 20, &data, &size), 0);
        bed->file = (MemorySink){ .sink.ops = &memory_ops, .data = (uint8_t *) data, .size = size };
}

static void bed_save(Bed *bed, unsigned level)
{
        bed_save_as(bed, DUMP_FORMAT_KDUMP, level);
}

static void bed_done(Bed *bed)
{
        sink_free(&bed->file.sink);
        close_fd(bed->fd);
        dump_record_done(&bed->record);
        close_fd(bed->dir_fd);
        test_root_freep(&bed->root);
        made_done(&bed->made);
}

static ReadResult kind_result(char kind)
{
        switch (kind) {
        case MADE_HOLE:
                return READ_NO_MEMORY;
        case MADE_EXCLUDED:
                return READ_EXCLUDED;
        case MADE_MISSING:
                return READ_MISSING;
        default:
                return READ_PAGE;
        }
}

static void test_each_page_stays_what_it_is(void **state)
{
        _cleanup_free_ char *kinds = made_repeat(EVERY_KIND, 20000);
        uint8_t page[MADE_PAGE], expected[MADE_PAGE];
        Bed bed;

        bed_init(&bed, kinds, 0x2);
        bed_save(&bed, 0);
        for (size_t pfn = 0; pfn < 100; pfn++) {
                size_t at = pfn < 50 ? pfn : strlen(kinds) - pfn + 49;

                assert_int_equal(file_page(&bed.file, at, page), kind_result(kinds[at]));
                if (kind_result(kinds[at]) != READ_PAGE)
                        continue;
                made_page(kinds[at], at, expected);
                assert_memory_equal(page, expected, MADE_PAGE);
        }
        assert_int_equal(bed.record.n_pages, bed.made.n_descs);
        assert_int_equal(bed.record.n_pages_missing, 20000 / strlen(EVERY_KIND));
        assert_int_equal(bed.record.status, DUMP_STATUS_INCOMPLETE);
        assert_non_null(strstr(bed.record.reason, "could not be read"));
        assert_int_equal(file_u32(&bed.file, 424), 0x8 | 0x1);
        bed_done(&bed);
}

static void test_header_is_of_the_crashed_system(void **state)
{
        Bed bed;

        bed_init(&bed, "rz0", 0x2);
        bed_save(&bed, 0);
        assert_memory_equal(bed.file.data + 12, bed.made.data + 12, 390);
        assert_int_equal(file_u64(&bed.file, 408), 1700000000);
        assert_int_equal(file_u64(&bed.file, 416), 123456);
        assert_int_equal(file_u32(&bed.file, 424), 0x1);
        assert_int_equal(file_u32(&bed.file, 460), 4);
        assert_int_equal(file_u64(&bed.file, MADE_PAGE), 0xffff8000);
        assert_memory_equal(bed.file.data + file_u64(&bed.file, MADE_PAGE + 32),
                            made_notes + MADE_VMCOREINFO_START, MADE_VMCOREINFO_SIZE);
        assert_int_equal(bed.record.status, DUMP_STATUS_COMPLETE);
        assert_null(bed.record.reason);
        bed_done(&bed);
}

static void test_pages_of_other_parts_are_missing(void **state)
{
        _cleanup_free_ char *kinds = made_repeat("rzlsd0", 60);
        uint8_t page[MADE_PAGE];
        Bed bed;

        bed_init(&bed, kinds, 0x2);
        made_split(&bed.made, 20, 40);
        bed_save(&bed, 0);
        for (size_t pfn = 0; pfn < 60; pfn++)
                assert_int_equal(file_page(&bed.file, pfn, page),
                                 pfn >= 20 && pfn < 40 ? READ_PAGE : READ_MISSING);
        assert_int_equal(bed.record.status, DUMP_STATUS_INCOMPLETE);
        assert_int_equal(file_u32(&bed.file, 424), 0x8 | 0x1);
        assert_string_equal(bed.record.reason,
                            "40 pages could not be read: pfn 0x0-0x13, 0x28-0x3b");
        bed_done(&bed);
}

static void test_levels_are_joined(void **state)
{
        static const unsigned cases[][3] = { { 0, 0, 0 },   { 1, 0, 1 },   { 0, 1, 1 },
                                             { 31, 0, 31 }, { 16, 1, 17 }, { 2, 31, 3 } };

        /* There is nothing that tells what pages are used for: of 31, only 1 is applied. */
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Bed bed;

                bed_init(&bed, "rxz", 0x2);
                made_put_u32(&bed.made, MADE_PAGE + 8, cases[i][0]);
                bed_save(&bed, cases[i][1]);
                assert_int_equal(bed.record.dump_level, cases[i][2]);
                assert_int_equal(file_u32(&bed.file, MADE_PAGE + 8), cases[i][2]);
                bed_done(&bed);
        }
}

static void test_incomplete_source_makes_an_incomplete_dump(void **state)
{
        static const struct {
                DumpFormat format;
                uint64_t flags_offset;
                uint32_t whole_flags, incomplete_flags;
        } cases[] = {
                { DUMP_FORMAT_KDUMP, 424, 0x1, 0x8 | 0x1 },
                { DUMP_FORMAT_ELF, 48, 0, 0x1 },
        };

        for (size_t i = 0; i < 2 * ELEMENTSOF(cases); i++) {
                bool whole = i % 2;
                Bed bed;

                bed_init(&bed, "rz0", whole ? 0x2 : 0x2 | 0x8);
                bed_save_as(&bed, cases[i / 2].format, 0);
                assert_int_equal(bed.record.status,
                                 whole ? DUMP_STATUS_COMPLETE : DUMP_STATUS_INCOMPLETE);
                assert_int_equal(bed.record.n_pages_missing, 0);
                if (!whole)
                        assert_non_null(strstr(bed.record.reason, "source is incomplete"));
                assert_int_equal(file_u32(&bed.file, cases[i / 2].flags_offset),
                                 whole ? cases[i / 2].whole_flags : cases[i / 2].incomplete_flags);
                bed_done(&bed);
        }
}

static void test_time_of_the_first_pass_is_recorded(void **state)
{
        Bed bed;

        bed_init(&bed, "rz0", 0x2);
        bed_save_as(&bed, DUMP_FORMAT_ELF, 0);
        assert_int_equal(bed.n_looks, 1);
        assert_true(bed.record.plan_usec > 0);
        bed_done(&bed);
}

static void test_progress_is_told_ten_times_a_second(void **state)
{
        _cleanup_free_ char *kinds = made_repeat("x", 1 << 18);
        uint64_t start_usec;
        Bed bed;

        kinds[0] = MADE_RAW;
        bed_init(&bed, kinds, 0x2);
        start_usec = now_boottime_usec();
        bed_save_as(&bed, DUMP_FORMAT_ELF, 0);
        assert_in_range(bed.n_looks, 1,
                        1 + (now_boottime_usec() - start_usec) / (100 * USEC_PER_MSEC));
        bed_done(&bed);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_page_stays_what_it_is),
                cmocka_unit_test(test_header_is_of_the_crashed_system),
                cmocka_unit_test(test_pages_of_other_parts_are_missing),
                cmocka_unit_test(test_levels_are_joined),
                cmocka_unit_test(test_incomplete_source_makes_an_incomplete_dump),
                cmocka_unit_test(test_time_of_the_first_pass_is_recorded),
                cmocka_unit_test(test_progress_is_told_ten_times_a_second),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
