/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <sys/resource.h>

#include "capture.h"
#include "compress.h"
#include "depot-folder.h"
#include "io.h"
#include "paths.h"
#include "test-core.h"
#include "test-dump.h"

#define N_PAGES ((size_t) 300)

static const char vmcoreinfo[] = "OSRELEASE=6.1.0-test\nPAGESIZE=4096\nCRASHTIME=1700000000\n";

typedef struct Bed {
        TestCore core;
        uint8_t *memory;
        char path[64]; /* of the core, for other programs too */
        char *root;
        int dir_fd;
        Depot *depot;
        DumpRecord record;
} Bed;

static void bed_init(Bed *bed)
{
        memset(bed, 0, sizeof(*bed));
        bed->memory = calloc(N_PAGES, TEST_PAGE);
        assert_non_null(bed->memory);
        for (size_t i = 0; i < N_PAGES; i++)
                fake_fill_page(bed->memory + i * TEST_PAGE, "0tr1"[i % 4], i);
        bed->root = test_root_new();
        bed->dir_fd = test_root_open(bed->root);
        assert_int_equal(depot_folder_use(bed->dir_fd, &bed->depot), 0);
        test_core_init(&bed->core);
        test_core_add_note(&bed->core, "VMCOREINFO", 0, vmcoreinfo, strlen(vmcoreinfo));
        /* Two runs with a hole between them, the first of them not whole pages. */
        test_core_add(&bed->core, TEST_DIRECT_MAP_VADDR + 0x1000, 0x1000, 10 * TEST_PAGE - 1024,
                      10 * TEST_PAGE - 1024, bed->memory);
        test_core_add(&bed->core, TEST_DIRECT_MAP_VADDR + 0x100000, 0x100000,
                      (N_PAGES - 10) * TEST_PAGE, (N_PAGES - 10) * TEST_PAGE,
                      bed->memory + 10 * TEST_PAGE);
        test_core_write(&bed->core);
        (void) snprintf(bed->path, sizeof(bed->path), "/proc/%d/fd/%d", (int) getpid(),
                        bed->core.fd);
}

static void bed_done(Bed *bed)
{
        test_core_done(&bed->core);
        dump_record_done(&bed->record);
        depot_free(bed->depot);
        close_fd(bed->dir_fd);
        test_root_freep(&bed->root);
        free(bed->memory);
}

static bool bed_has(const Bed *bed, const char *name)
{
        return faccessat(bed->dir_fd, name, F_OK, 0) >= 0;
}

/* The saved file, for the reader of test-dump.h. */
static void bed_read(const Bed *bed, const char *name, MemorySink *ret)
{
        char *data;
        size_t size;

        assert_int_equal(file_read(bed->dir_fd, name, 64 << 20, &data, &size), 0);
        *ret = (MemorySink){ .sink.ops = &memory_ops, .data = (uint8_t *) data, .size = size };
}

static void test_dump_equals_the_memory(void **state)
{
        Collector collector = { .dump_level = 31, .compression = COMPRESSION_LZO };
        ProgressPipe progress = { .fd = -EBADF };
        uint8_t page[TEST_PAGE];
        MemorySink file;
        Bed bed;

        bed_init(&bed);
        assert_int_equal(
                capture_save_vmcore(bed.path, bed.depot, &collector, NULL, &progress, &bed.record),
                0);
        assert_false(bed_has(&bed, FILE_VMCORE_INCOMPLETE));
        bed_read(&bed, FILE_VMCORE, &file);
        assert_int_equal(file_u32(&file, 424), 0x2);
        assert_memory_equal(file.data + file_u64(&file, 4096 + 32), vmcoreinfo, strlen(vmcoreinfo));
        memset(bed.memory + 10 * TEST_PAGE - 1024, 0, 1024);
        for (size_t i = 0; i < N_PAGES; i++) {
                assert_int_equal(file_page(&file, i < 10 ? 1 + i : 0x100 + i - 10, page),
                                 READ_PAGE);
                if (i != 9)
                        assert_memory_equal(page, bed.memory + i * TEST_PAGE, TEST_PAGE);
                else
                        assert_memory_equal(page, bed.memory + i * TEST_PAGE, TEST_PAGE - 1024);
        }
        assert_int_equal(file_page(&file, 0, page), READ_NO_MEMORY);
        assert_int_equal(file_page(&file, 11, page), READ_NO_MEMORY);

        assert_int_equal(bed.record.status, DUMP_STATUS_COMPLETE);
        assert_null(bed.record.reason);
        assert_int_equal(bed.record.n_pages, N_PAGES);
        assert_int_equal(bed.record.n_pages_missing, 0);
        assert_in_range(bed.record.n_pages_zero, N_PAGES / 4, N_PAGES / 4 + 1);
        assert_int_equal(bed.record.vmcore_bytes, file.size);
        assert_int_equal(bed.record.dump_level, 1);
        assert_string_equal(bed.record.compression, "lzo");
        assert_string_equal(bed.record.format, "kdump");
        assert_int_equal(progress.last.phase, PROGRESS_SYNC);
        assert_int_equal(progress.last.pages_total, N_PAGES);
        sink_free(&file.sink);
        bed_done(&bed);
}

static int begin_nothing(Depot *depot, const char *name, char **ret_where)
{
        return -EOPNOTSUPP;
}

typedef struct OrderedDepot {
        Depot depot;
        Depot *inner;
} OrderedDepot;

static int ordered_open(Depot *depot, const char *incomplete_name, const char *final_name,
                        uint64_t size_hint_bytes, Sink **ret)
{
        Depot *inner = ((OrderedDepot *) depot)->inner;

        return inner->ops->open(inner, incomplete_name, final_name, size_hint_bytes, ret);
}

/* One that takes bytes in their order only, and shows its files in the bed's folder. */
static OrderedDepot ordered_depot(Bed *bed)
{
        static const DepotOps ops = {
                .name = "ordered",
                .in_order = true,
                .begin = begin_nothing,
                .open = ordered_open,
        };

        return (OrderedDepot){ .depot.ops = &ops, .inner = bed->depot };
}

static void test_depot_in_order_gets_a_stream(void **state)
{
        static const struct {
                DumpFormat format;
                const char *name, *recorded, *magic;
        } cases[] = {
                { DUMP_FORMAT_KDUMP, FILE_VMCORE_FLAT, "flat", "makedumpfile" },
                { DUMP_FORMAT_FLAT, FILE_VMCORE_FLAT, "flat", "makedumpfile" },
                { DUMP_FORMAT_ELF, FILE_VMCORE, "elf", "\177ELF" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Collector collector = { .format = cases[i].format };
                OrderedDepot ordered;
                MemorySink file;
                Bed bed;

                bed_init(&bed);
                ordered = ordered_depot(&bed);
                assert_int_equal(capture_save_vmcore(bed.path, &ordered.depot, &collector, NULL,
                                                     NULL, &bed.record),
                                 0);
                assert_string_equal(bed.record.format, cases[i].recorded);
                assert_int_equal(bed.record.status, DUMP_STATUS_COMPLETE);
                assert_false(bed_has(&bed, FILE_VMCORE_FLAT_INCOMPLETE));
                bed_read(&bed, cases[i].name, &file);
                assert_memory_equal(file.data, cases[i].magic, strlen(cases[i].magic));
                sink_free(&file.sink);
                bed_done(&bed);
        }
}

static void test_every_codec_is_used_as_asked_for(void **state)
{
        for (Compression i = 0; i < _COMPRESSION_MAX; i++) {
                Collector collector = { .compression = i };
                MemorySink file;
                Bed bed;

                bed_init(&bed);
                assert_int_equal(capture_save_vmcore(bed.path, bed.depot, &collector, NULL, NULL,
                                                     &bed.record),
                                 0);
                assert_string_equal(bed.record.compression, compression_to_string(i));
                bed_read(&bed, FILE_VMCORE, &file);
                assert_int_equal(file_u32(&file, 424), compressor_find(i)->flag);
                sink_free(&file.sink);
                bed_done(&bed);
        }
}

/* The flattened form is for what cannot seek, and a target's file can. */
static void test_form_of_the_file_is_as_asked_for(void **state)
{
        static const struct {
                DumpFormat format;
                const char *recorded, *magic;
        } cases[] = {
                { DUMP_FORMAT_KDUMP, "kdump", "KDUMP   " },
                { DUMP_FORMAT_FLAT, "kdump", "KDUMP   " },
                { DUMP_FORMAT_ELF, "elf", "\177ELF" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Collector collector = { .format = cases[i].format };
                MemorySink file;
                Bed bed;

                bed_init(&bed);
                assert_int_equal(capture_save_vmcore(bed.path, bed.depot, &collector, NULL, NULL,
                                                     &bed.record),
                                 0);
                bed_read(&bed, FILE_VMCORE, &file);
                assert_memory_equal(file.data, cases[i].magic, strlen(cases[i].magic));
                assert_string_equal(bed.record.format, cases[i].recorded);
                assert_string_equal(bed.record.compression, "none");
                assert_int_equal(bed.record.vmcore_bytes, file.size);
                sink_free(&file.sink);
                bed_done(&bed);
        }
}

static void test_unavailable_codec_becomes_lzo(void **state)
{
        Collector collector = { .compression = _COMPRESSION_INVALID };
        Bed bed;

        bed_init(&bed);
        assert_int_equal(
                capture_save_vmcore(bed.path, bed.depot, &collector, NULL, NULL, &bed.record), 0);
        assert_string_equal(bed.record.compression, "lzo");
        assert_int_equal(bed.record.dump_level, 0);
        bed_done(&bed);
}

static void test_unknown_machine_keeps_all_pages(void **state)
{
        static const struct {
                uint16_t machine;
                const char *name;
        } cases[] = { { EM_RISCV, "riscv64" }, { EM_PPC64, "ppc64le" }, { EM_S390, "s390x" } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Collector collector = { .dump_level = 31, .compression = COMPRESSION_LZO };
                MemorySink file;
                Bed bed;

                bed_init(&bed);
                test_core_done(&bed.core);
                test_core_init(&bed.core);
                bed.core.header.e_machine = cases[i].machine;
                test_core_add_note(&bed.core, "VMCOREINFO", 0, vmcoreinfo, strlen(vmcoreinfo));
                test_core_add(&bed.core, 0, 0, N_PAGES * TEST_PAGE, N_PAGES * TEST_PAGE,
                              bed.memory);
                test_core_write(&bed.core);
                (void) snprintf(bed.path, sizeof(bed.path), "/proc/%d/fd/%d", (int) getpid(),
                                bed.core.fd);
                assert_int_equal(capture_save_vmcore(bed.path, bed.depot, &collector, NULL, NULL,
                                                     &bed.record),
                                 0);
                assert_int_equal(bed.record.status, DUMP_STATUS_COMPLETE);
                assert_int_equal(bed.record.n_pages, N_PAGES);
                assert_int_equal(bed.record.dump_level, 1);
                bed_read(&bed, FILE_VMCORE, &file);
                assert_string_equal((const char *) file.data + 12, "Linux");
                assert_string_equal((const char *) file.data + 12 + 2 * 65, "6.1.0-test");
                assert_string_equal((const char *) file.data + 12 + 4 * 65, cases[i].name);
                assert_int_equal(file_u64(&file, 408), 1700000000);
                sink_free(&file.sink);
                bed_done(&bed);
        }
}

static void test_truncated_core_is_incomplete(void **state)
{
        Collector collector = { .compression = COMPRESSION_LZO };
        uint8_t page[TEST_PAGE];
        MemorySink file;
        struct stat st;
        Bed bed;

        bed_init(&bed);
        assert_int_equal(stat(bed.path, &st), 0);
        assert_int_equal(truncate(bed.path, st.st_size - 100 * (off_t) TEST_PAGE), 0);
        assert_int_equal(
                capture_save_vmcore(bed.path, bed.depot, &collector, NULL, NULL, &bed.record), 0);
        assert_int_equal(bed.record.status, DUMP_STATUS_INCOMPLETE);
        assert_in_range(bed.record.n_pages_missing, 99, 101);
        assert_non_null(bed.record.reason);
        bed_read(&bed, FILE_VMCORE, &file);
        assert_int_equal(file_u32(&file, 424), 0x8 | 0x2);
        assert_int_equal(file_page(&file, 0x100, page), READ_PAGE);
        assert_int_equal(file_page(&file, 0x100 + N_PAGES - 11, page), READ_MISSING);
        sink_free(&file.sink);
        bed_done(&bed);
}

static void test_full_target_leaves_what_fits(void **state)
{
        Collector collector = { .compression = COMPRESSION_NONE };
        struct rlimit before, limit;
        MemorySink file;
        Bed bed;
        int r;

        bed_init(&bed);
        (void) signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        limit = (struct rlimit){ .rlim_cur = 300 << 10, .rlim_max = before.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        r = capture_save_vmcore(bed.path, bed.depot, &collector, NULL, NULL, &bed.record);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(r, -EFBIG);
        assert_false(bed_has(&bed, FILE_VMCORE));
        assert_int_equal(bed.record.status, DUMP_STATUS_INCOMPLETE);
        bed_read(&bed, FILE_VMCORE_INCOMPLETE, &file);
        assert_int_equal(file_u32(&file, 424), 0x8);
        sink_free(&file.sink);
        bed_done(&bed);
}

static const CaptureDeadline passed = { .start_usec = 1, .limit_usec = 1500000 };

static void test_deadline_before_the_first_page_saves_nothing(void **state)
{
        for (DumpFormat i = 0; i < _DUMP_FORMAT_MAX; i++) {
                Collector collector = { .format = i };
                Bed bed;

                bed_init(&bed);
                assert_int_equal(capture_save_vmcore(bed.path, bed.depot, &collector, &passed, NULL,
                                                     &bed.record),
                                 -ETIME);
                assert_false(bed_has(&bed, FILE_VMCORE));
                assert_int_equal(bed.record.n_pages, bed.record.n_pages_missing);
                assert_string_equal(bed.record.reason,
                                    "stopped: the deadline of 1500ms has passed");
                bed_done(&bed);
        }
}

static void test_deadline_may_be_none(void **state)
{
        static const CaptureDeadline none[] = {
                { .start_usec = 1, .limit_usec = 0 },
                { .start_usec = 1, .limit_usec = USEC_INFINITY },
                { .start_usec = 1, .limit_usec = USEC_INFINITY - 1 },
        };
        Collector collector = { .compression = COMPRESSION_LZO };

        for (size_t i = 0; i < ELEMENTSOF(none); i++) {
                Bed bed;

                bed_init(&bed);
                assert_int_equal(capture_save_vmcore(bed.path, bed.depot, &collector, &none[i],
                                                     NULL, &bed.record),
                                 0);
                bed_done(&bed);
        }
}

static void test_no_source(void **state)
{
        Collector collector = { .compression = COMPRESSION_LZO };
        Bed bed;

        bed_init(&bed);
        assert_int_equal(
                capture_save_vmcore("/nonexistent", bed.depot, &collector, NULL, NULL, &bed.record),
                -ENOENT);
        assert_int_equal(capture_save_dmesg("/nonexistent", bed.depot, &bed.record), -ENOENT);
        assert_false(bed_has(&bed, FILE_VMCORE_INCOMPLETE));
        assert_false(bed_has(&bed, FILE_DMESG));
        bed_done(&bed);
}

static void test_log_that_cannot_be_found(void **state)
{
        Bed bed;

        bed_init(&bed);
        assert_int_equal(capture_save_dmesg(bed.path, bed.depot, &bed.record), -ENODATA);
        assert_false(bed_has(&bed, FILE_DMESG));
        assert_string_equal(bed.record.kernel_release, "6.1.0-test");
        assert_int_equal(bed.record.crash_realtime_usec, 1700000000 * USEC_PER_SEC);
        bed_done(&bed);
}

static void test_another_collector(void **state)
{
        char *cp[] = { (char *) "cp", (char *) "--", NULL };
        Collector collector = { .argv = cp };
        _cleanup_free_ char *ours = NULL, *theirs = NULL;
        size_t n_ours, n_theirs;
        struct stat st;
        Bed bed;

        bed_init(&bed);
        assert_int_equal(
                capture_save_vmcore(bed.path, bed.depot, &collector, NULL, NULL, &bed.record), 0);
        assert_int_equal(file_read(bed.dir_fd, FILE_VMCORE, 64 << 20, &ours, &n_ours), 0);
        assert_int_equal(file_read(AT_FDCWD, bed.path, 64 << 20, &theirs, &n_theirs), 0);
        assert_int_equal(n_ours, n_theirs);
        assert_memory_equal(ours, theirs, n_ours);
        assert_int_equal(fstatat(bed.dir_fd, FILE_VMCORE, &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(bed.record.vmcore_bytes, n_ours);
        assert_string_equal(bed.record.format, "external: cp");
        bed_done(&bed);
}

static void test_another_collector_fails(void **state)
{
        char *no[] = { (char *) "false", NULL }, *nowhere[] = { (char *) "/nonexistent", NULL };
        char *nothing[] = { (char *) "true", NULL };
        Collector collector = { .argv = no };
        Bed bed;

        bed_init(&bed);
        assert_int_equal(
                capture_save_vmcore(bed.path, bed.depot, &collector, NULL, NULL, &bed.record),
                -EIO);
        collector.argv = nowhere;
        assert_int_equal(
                capture_save_vmcore(bed.path, bed.depot, &collector, NULL, NULL, &bed.record),
                -ENOENT);
        collector.argv = nothing;
        assert_int_equal(
                capture_save_vmcore(bed.path, bed.depot, &collector, NULL, NULL, &bed.record),
                -ENOENT);
        assert_false(bed_has(&bed, FILE_VMCORE));
        bed_done(&bed);
}

static void test_another_collector_is_killed_at_the_deadline(void **state)
{
        char *argv[] = { (char *) "tail", (char *) "-f", NULL };
        Collector collector = { .argv = argv };
        Bed bed;

        bed_init(&bed);
        assert_int_equal(
                capture_save_vmcore(bed.path, bed.depot, &collector, &passed, NULL, &bed.record),
                -ETIME);
        assert_string_equal(bed.record.reason, "stopped: the deadline of 1500ms has passed");
        assert_int_equal(bed.record.n_pages, 0);
        assert_false(bed_has(&bed, FILE_VMCORE));
        bed_done(&bed);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_dump_equals_the_memory),
                cmocka_unit_test(test_depot_in_order_gets_a_stream),
                cmocka_unit_test(test_every_codec_is_used_as_asked_for),
                cmocka_unit_test(test_form_of_the_file_is_as_asked_for),
                cmocka_unit_test(test_unavailable_codec_becomes_lzo),
                cmocka_unit_test(test_unknown_machine_keeps_all_pages),
                cmocka_unit_test(test_truncated_core_is_incomplete),
                cmocka_unit_test(test_full_target_leaves_what_fits),
                cmocka_unit_test(test_deadline_before_the_first_page_saves_nothing),
                cmocka_unit_test(test_deadline_may_be_none),
                cmocka_unit_test(test_no_source),
                cmocka_unit_test(test_log_that_cannot_be_found),
                cmocka_unit_test(test_another_collector),
                cmocka_unit_test(test_another_collector_fails),
                cmocka_unit_test(test_another_collector_is_killed_at_the_deadline),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
