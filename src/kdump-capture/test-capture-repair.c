/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "io.h"
#include "kdump-file.h"
#include "pipeline.h"
#include "repair.h"
#include "sink-file.h"
#include "test-dump.h"

#define STATUS_OFFSET 424

/* All writes to a dump, in their order. */
typedef struct Write {
        uint64_t offset;
        size_t size;
        uint8_t *data;
} Write;

typedef struct RecordSink {
        Sink sink;
        Write writes[1000];
        size_t n_writes;
} RecordSink;

static int record_write(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        RecordSink *record = (RecordSink *) sink;
        Write *write = &record->writes[record->n_writes++];

        assert_true(record->n_writes <= ELEMENTSOF(record->writes));
        *write = (Write){ .offset = offset_bytes, .size = size, .data = malloc(MAX(size, 1U)) };
        assert_non_null(write->data);
        if (size > 0)
                memcpy(write->data, data, size);
        return 0;
}

static int record_sync(Sink *sink)
{
        return 0;
}

static void record_free(Sink *sink)
{
        RecordSink *record = (RecordSink *) sink;

        for (size_t i = 0; i < record->n_writes; i++)
                free(record->writes[i].data);
}

static const SinkOps record_ops = {
        .name = "record",
        .write = record_write,
        .sync = record_sync,
        .commit = record_sync,
        .free = record_free,
};

/* A dump, how it came to be, and what became of it. */
typedef struct Bed {
        FakePages fake;
        char *kinds;
        RecordSink *record;
        size_t n_begin, n_run; /* writes before the first page, and until the end of the pages */
        uint64_t descs_offset, data_offset;
        int fd;
        char path[64];
} Bed;

static void bed_init(Bed *bed, const char *pattern, size_t n_pages, Compression compression)
{
        const Compressor *compressor = compressor_find(compression);
        _cleanup_(dump_kdump_freep) DumpKdump *dump = NULL;
        KdumpInfo info = { .compress_flags = compressor->flag };
        Pipeline pipeline = { .compressor = compressor };
        PipelineCounts counts;

        *bed = (Bed){ .kinds = fake_repeat(pattern, n_pages),
                      .record = calloc(1, sizeof(RecordSink)),
                      .fd = memfd_create("dump", MFD_CLOEXEC) };
        assert_non_null(bed->record);
        assert_true(bed->fd >= 0);
        bed->record->sink.ops = &record_ops;
        (void) snprintf(bed->path, sizeof(bed->path), "/proc/%d/fd/%d", (int) getpid(), bed->fd);
        fake_init(&bed->fake, bed->kinds);
        pipeline.source = &bed->fake.source;
        assert_int_equal(dump_kdump_new(&bed->record->sink, pipeline.source, &info, &dump), 0);
        assert_int_equal(dump_kdump_begin(dump), 0);
        pipeline.dump = dump;
        assert_int_equal(pipeline_run(&pipeline, &counts), 0);
        bed->descs_offset = 2 * TEST_PAGE + 2 * ALIGN_UP(DIV_ROUND_UP(n_pages, 8), TEST_PAGE);
        bed->data_offset = bed->descs_offset + 24 * dump_kdump_n_pages(dump);
        bed->n_run = bed->record->n_writes;
        /* The page of zeros is the first of the data, and the last that comes before any page. */
        while (bed->record->writes[bed->n_begin].offset < bed->data_offset)
                bed->n_begin++;
        bed->n_begin++;
        assert_int_equal(dump_kdump_commit(dump, counts.n_missing == 0), 0);
}

static void bed_done(Bed *bed)
{
        sink_free(&bed->record->sink);
        free(bed->record);
        fake_done(&bed->fake);
        free(bed->kinds);
        close_fd(bed->fd);
}

static void bed_put(Bed *bed, const Write *write, size_t size)
{
        assert_int_equal(pwrite(bed->fd, write->data, size, (off_t) write->offset), size);
}

/* What is on disk after so many writes, and so many bytes of the next one. */
static void bed_write(Bed *bed, size_t n_writes, size_t n_bytes)
{
        assert_int_equal(ftruncate(bed->fd, 0), 0);
        for (size_t i = 0; i < n_writes; i++)
                bed_put(bed, &bed->record->writes[i], bed->record->writes[i].size);
        if (n_bytes > 0)
                bed_put(bed, &bed->record->writes[n_writes], n_bytes);
}

static uint32_t bed_status(const Bed *bed)
{
        uint32_t status;

        assert_int_equal(pread(bed->fd, &status, sizeof(status), STATUS_OFFSET), sizeof(status));
        return status;
}

static RepairResult bed_repair(Bed *bed)
{
        _cleanup_free_ char *message = NULL;
        RepairResult result;

        assert_int_equal(repair_file(bed->path, &result, &message), 0);
        assert_null(message);
        assert_int_equal(result.n_readable + result.n_missing, result.n_pages);
        assert_true(result.n_withdrawn <= result.n_missing);
        assert_int_equal(result.incomplete, (bed_status(bed) & KDUMP_FILE_INCOMPLETE) != 0);
        assert_true(result.n_missing == 0 || result.incomplete);
        return result;
}

/* Every page reads as what it is, or is said to be missing. Returns how many are there; *ret_n_own:
 * of them with data of their own. */
static uint64_t bed_read(Bed *bed, uint64_t *ret_n_own)
{
        _cleanup_(kdump_file_closep) KdumpFile *file = NULL;
        _cleanup_(kdump_reader_freep) KdumpReader *reader = NULL;
        _cleanup_free_ char *message = NULL;
        uint64_t n = 0;

        *ret_n_own = 0;
        assert_int_equal(kdump_file_open(bed->path, &file, &message), 0);
        assert_true(kdump_file_info(file)->file_bytes >= bed->data_offset);
        assert_int_equal(kdump_reader_new(file, &reader), 0);
        for (uint64_t pfn = 0; pfn < strlen(bed->kinds); pfn++) {
                const uint8_t *page;
                int r = kdump_reader_page(reader, pfn, &page);

                if (strchr(".x", bed->kinds[pfn])) {
                        assert_int_equal(r, bed->kinds[pfn] == '.' ? -ERANGE : -ENODATA);
                        continue;
                }
                if (r < 0) {
                        assert_int_equal(r, -ENXIO);
                        continue;
                }
                assert_memory_equal(page, bed->fake.memory + pfn * TEST_PAGE, TEST_PAGE);
                n++;
                *ret_n_own += bed->kinds[pfn] != PAGE_ZERO;
        }
        return n;
}

/* A second repair finds nothing to do. */
static RepairResult bed_check_repair(Bed *bed, uint64_t *ret_n_own)
{
        RepairResult result = bed_repair(bed), again;

        assert_int_equal(bed_read(bed, ret_n_own), result.n_readable);
        again = bed_repair(bed);
        assert_int_equal(again.n_readable, result.n_readable);
        assert_int_equal(again.n_withdrawn, 0);
        assert_int_equal(again.incomplete, result.incomplete);
        return result;
}

/* How many pages have all of the data of their own in the file, whatever descriptors say now. */
static uint64_t bed_n_arrived(const Bed *bed, size_t n_writes, size_t n_bytes)
{
        const RecordSink *record = bed->record;
        uint64_t n_arrived = 0;

        for (size_t i = bed->n_begin; i < bed->n_run; i++) {
                const Write *descs = &record->writes[i];

                if (descs->offset >= bed->data_offset)
                        continue;
                for (size_t at = 0; at < descs->size; at += sizeof(KdumpDesc)) {
                        KdumpDesc desc;

                        memcpy(&desc, descs->data + at, sizeof(desc));
                        for (size_t k = bed->n_begin; k <= n_writes; k++) {
                                const Write *data = &record->writes[k];
                                size_t size = k < n_writes ? data->size : n_bytes;

                                if (size > 0 && data->offset >= bed->data_offset &&
                                    desc.offset_bytes >= data->offset &&
                                    desc.offset_bytes + desc.size_bytes <= data->offset + size) {
                                        n_arrived++;
                                        break;
                                }
                        }
                }
        }
        return n_arrived;
}

/* Descriptors before the data they point to, instead of behind it. */
static void bed_put_descs_first(Bed *bed)
{
        RecordSink *record = bed->record;

        for (size_t i = bed->n_begin; i + 1 < bed->n_run; i++) {
                Write *data = &record->writes[i], *descs = data + 1, first;

                if (data->offset < bed->data_offset || descs->offset >= bed->data_offset)
                        continue;
                first = *descs;
                *descs = *data;
                *data = first;
                i++;
        }
}

/* A kill stops a write after any page of the cache. */
static void check_killed_at_any_moment(Bed *bed, uint64_t percent_min)
{
        for (size_t n = bed->n_begin; n < bed->record->n_writes; n++)
                for (unsigned part = 0; part < 4; part++) {
                        size_t n_bytes = bed->record->writes[n].size * part / 4;
                        uint64_t n_arrived = bed_n_arrived(bed, n, n_bytes);
                        RepairResult result;
                        uint64_t n_own;

                        bed_write(bed, n, n_bytes);
                        result = bed_check_repair(bed, &n_own);
                        assert_int_equal(result.n_pages,
                                         (bed->data_offset - bed->descs_offset) / 24);
                        assert_true(n_own <= n_arrived);
                        assert_true(n_own * 100 >= n_arrived * percent_min);
                }
}

static void test_killed_at_any_moment(void **state)
{
        Bed bed;

        bed_init(&bed, "rrtr0r1rt.xr", 400, COMPRESSION_LZO);
        assert_in_range(bed.n_run - bed.n_begin, 6, 100);
        check_killed_at_any_moment(&bed, 0);
        bed_done(&bed);
}

/* Then all data that has arrived is found: no page is lost but the one in the middle. */
static void test_killed_with_descriptors_first_loses_nothing(void **state)
{
        static const Compression codecs[] = { COMPRESSION_LZO, COMPRESSION_ZSTD, COMPRESSION_NONE };

        for (size_t i = 0; i < ELEMENTSOF(codecs); i++) {
                Bed bed;

                bed_init(&bed, "rrtr0r1rt.xr", 400, codecs[i]);
                bed_put_descs_first(&bed);
                check_killed_at_any_moment(&bed, 100);
                bed_done(&bed);
        }
}

static void test_killed_before_the_first_page(void **state)
{
        Bed bed;

        bed_init(&bed, "trx.", 400, COMPRESSION_LZO);
        for (size_t n = 0; n < bed.n_begin; n++) {
                _cleanup_free_ char *message = NULL;
                RepairResult result;

                bed_write(&bed, n, bed.record->writes[n].size / 2);
                assert_int_equal(repair_file(bed.path, &result, &message),
                                 n + 1 < bed.n_begin ? -EBADMSG : 0);
        }
        bed_done(&bed);
}

/* Any of the writes since the bitmaps may not have reached the disk; what was not written is a
 * hole. */
static void test_power_loss_of_any_write(void **state)
{
        uint64_t x = 1, n_own;
        Bed bed;

        bed_init(&bed, "rrtr0r1rt.xr", 400, COMPRESSION_LZO);
        for (unsigned i = 0; i < 60; i++) {
                assert_int_equal(ftruncate(bed.fd, 0), 0);
                for (size_t n = 0; n < bed.n_run; n++) {
                        x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
                        if (n < bed.n_begin || (x >> 33) % 3 > 0)
                                bed_put(&bed, &bed.record->writes[n], bed.record->writes[n].size);
                }
                (void) bed_check_repair(&bed, &n_own);
        }
        bed_done(&bed);
}

static void test_all_but_the_mark_was_written(void **state)
{
        RepairResult result;
        uint64_t n_own;
        Bed bed;

        bed_init(&bed, "tr0.x", 700, COMPRESSION_ZLIB);
        bed_write(&bed, bed.n_run, 0);
        assert_int_equal(bed_status(&bed), KDUMP_FILE_INCOMPLETE | KDUMP_FILE_ZLIB);
        result = bed_check_repair(&bed, &n_own);
        assert_int_equal(result.n_missing, 0);
        assert_false(result.incomplete);
        assert_int_equal(bed_status(&bed), KDUMP_FILE_ZLIB);
        bed_done(&bed);
}

static void test_pages_that_could_not_be_read_stay_missing(void **state)
{
        RepairResult result;
        uint64_t n_own;
        Bed bed;

        bed_init(&bed, "trb0", 400, COMPRESSION_SNAPPY);
        bed_write(&bed, bed.record->n_writes, 0);
        result = bed_check_repair(&bed, &n_own);
        assert_int_equal(result.n_missing, 100);
        assert_int_equal(result.n_withdrawn, 0);
        assert_true(result.incomplete);
        bed_done(&bed);
}

static void read_all(const Bed *bed, uint8_t **ret, size_t *ret_size)
{
        struct stat st;

        assert_int_equal(fstat(bed->fd, &st), 0);
        *ret_size = (size_t) st.st_size;
        *ret = malloc(*ret_size);
        assert_non_null(*ret);
        assert_int_equal(pread(bed->fd, *ret, *ret_size, 0), *ret_size);
}

static void test_complete_dump_is_not_touched(void **state)
{
        _cleanup_free_ uint8_t *before = NULL, *after = NULL;
        size_t n_before, n_after;
        RepairResult result;
        uint64_t n_own;
        Bed bed;

        bed_init(&bed, "tr0.x", 700, COMPRESSION_ZSTD);
        bed_write(&bed, bed.record->n_writes, 0);
        read_all(&bed, &before, &n_before);
        result = bed_check_repair(&bed, &n_own);
        read_all(&bed, &after, &n_after);
        assert_false(result.incomplete);
        assert_int_equal(n_before, n_after);
        assert_memory_equal(before, after, n_before);
        bed_done(&bed);
}

/* Also of a dump that claims to be whole; and only these are withdrawn. */
static void test_descriptors_of_garbage_are_withdrawn(void **state)
{
        static const KdumpDesc garbage[] = {
                { .offset_bytes = UINT64_MAX - 5, .size_bytes = 100, .flags = 2 },
                { .offset_bytes = 100000, .size_bytes = 4097, .flags = 2 },
                { .offset_bytes = 4096, .size_bytes = 4096 },
                { .offset_bytes = 100000, .size_bytes = 20, .flags = 0x40 },
                { .offset_bytes = 100000, .size_bytes = 20, .flags = 1 },
                { .size_bytes = 4096 },
        };
        RepairResult result;
        uint64_t n_own;
        Bed bed;

        bed_init(&bed, "t0.x", 700, COMPRESSION_LZO);
        bed_write(&bed, bed.record->n_writes, 0);
        assert_int_equal(bed_status(&bed), KDUMP_FILE_LZO);
        for (size_t i = 0; i < ELEMENTSOF(garbage); i++)
                assert_int_equal(pwrite(bed.fd, &garbage[i], sizeof(garbage[i]),
                                        (off_t) (bed.descs_offset + (20 + 3 * i) * 24)),
                                 sizeof(garbage[i]));
        result = bed_check_repair(&bed, &n_own);
        assert_int_equal(result.n_withdrawn, ELEMENTSOF(garbage));
        assert_int_equal(result.n_missing, ELEMENTSOF(garbage));
        assert_int_equal(bed_status(&bed), KDUMP_FILE_LZO | KDUMP_FILE_INCOMPLETE);
        bed_done(&bed);
}

static void check_refused(Bed *bed, uint64_t offset, const void *data, size_t size, int error)
{
        _cleanup_free_ uint8_t *before = NULL, *after = NULL;
        _cleanup_free_ char *message = NULL;
        size_t n_before, n_after;
        RepairResult result;

        bed_write(bed, bed->n_run, 0);
        assert_int_equal(pwrite(bed->fd, data, size, (off_t) offset), size);
        read_all(bed, &before, &n_before);
        assert_int_equal(repair_file(bed->path, &result, &message), error);
        assert_non_null(message);
        read_all(bed, &after, &n_after);
        assert_int_equal(n_before, n_after);
        assert_memory_equal(before, after, n_before);
}

static void test_what_is_not_ours_is_refused_untouched(void **state)
{
        static const uint8_t flattened[32] = "makedumpfile\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1";
        static const uint32_t unknown = 0x80, version = 9;
        _cleanup_free_ char *message = NULL;
        RepairResult result;
        Bed bed;

        bed_init(&bed, "tr", 100, COMPRESSION_LZO);
        check_refused(&bed, 0, "\177ELF\2\1", 6, -EBADMSG);
        check_refused(&bed, 0, flattened, sizeof(flattened), -EBADMSG);
        check_refused(&bed, STATUS_OFFSET, &unknown, sizeof(unknown), -EOPNOTSUPP);
        check_refused(&bed, 8, &version, sizeof(version), -EOPNOTSUPP);
        assert_int_equal(repair_file("/nonexistent", &result, &message), -ENOENT);
        assert_null(message);
        assert_int_equal(repair_file("/", &result, &message), -EISDIR);
        assert_null(message);
        bed_done(&bed);
}

static void test_file_that_is_being_written_is_refused(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        _cleanup_free_ char *path = NULL, *message = NULL;
        RepairResult result;
        Sink *sink = NULL;
        Bed bed;

        bed_init(&bed, "tr", 100, COMPRESSION_LZO);
        assert_int_equal(strprintf(&path, "%s/a-incomplete", root), 0);
        assert_int_equal(sink_file_open(dir_fd, "a-incomplete", "a", &sink), 0);
        for (size_t i = 0; i < bed.n_run; i++)
                assert_int_equal(sink_write(sink, bed.record->writes[i].offset,
                                            bed.record->writes[i].data, bed.record->writes[i].size),
                                 0);
        assert_int_equal(repair_file(path, &result, &message), -EBUSY);
        assert_non_null(strstr(message, "being written"));
        sink = sink_free(sink);
        free(TAKE_PTR(message));
        assert_int_equal(repair_file(path, &result, &message), 0);
        assert_int_equal(result.n_readable, 100);
        bed_done(&bed);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_killed_at_any_moment),
                cmocka_unit_test(test_killed_with_descriptors_first_loses_nothing),
                cmocka_unit_test(test_killed_before_the_first_page),
                cmocka_unit_test(test_power_loss_of_any_write),
                cmocka_unit_test(test_all_but_the_mark_was_written),
                cmocka_unit_test(test_pages_that_could_not_be_read_stay_missing),
                cmocka_unit_test(test_complete_dump_is_not_touched),
                cmocka_unit_test(test_descriptors_of_garbage_are_withdrawn),
                cmocka_unit_test(test_what_is_not_ours_is_refused_untouched),
                cmocka_unit_test(test_file_that_is_being_written_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
