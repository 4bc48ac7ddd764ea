/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of collectors whose output goes to what is no file system. */
#include "capture.h"
#include "depot-raw.h"
#include "io.h"
#include "paths.h"
#include "raw-store.h"
#include "test.h"

#define DEVICE_BYTES ((uint64_t) 2 << 20)

typedef struct Bed {
        char *root, *device, *source;
        int root_fd;
        Depot *depot;
        DumpRecord record;
} Bed;

static void bed_init(Bed *bed)
{
        _cleanup_free_ char *where = NULL;
        char *holds = NULL;

        *bed = (Bed){ .root = test_root_new() };
        bed->root_fd = test_root_open(bed->root);
        assert_true(strprintf(&bed->device, "%s/device", bed->root) >= 0);
        assert_true(strprintf(&bed->source, "%s/source", bed->root) >= 0);
        test_write_text(bed->root_fd, "source", "what was in memory");
        test_write_text(bed->root_fd, "device", "");
        assert_int_equal(truncate(bed->device, (off_t) DEVICE_BYTES), 0);
        assert_int_equal(depot_raw_open(bed->device, &bed->depot, &holds), 0);
        assert_int_equal(bed->depot->ops->begin(bed->depot, "dump", &where), 0);
}

static void bed_done(Bed *bed)
{
        depot_free(bed->depot);
        dump_record_done(&bed->record);
        close_fd(bed->root_fd);
        free(bed->device);
        free(bed->source);
        test_root_freep(&bed->root);
}

static int bed_save(Bed *bed, char **argv, const CaptureDeadline *deadline)
{
        const Collector collector = { .argv = argv };

        return capture_save_vmcore(bed->source, bed->depot, &collector, deadline, NULL,
                                   &bed->record);
}

/* What is in the only file on the device. */
static void assert_saved(Bed *bed, const char *name, const char *expected)
{
        _cleanup_close_ int fd = open(bed->device, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *text = NULL;
        RawStore store;

        assert_int_equal(raw_store_read(fd, &store), 1);
        assert_int_equal(store.n_parts, 1);
        assert_string_equal(store.parts[0].name, name);
        assert_int_equal(store.parts[0].size_bytes, strlen(expected));
        text = calloc(1, strlen(expected) + 1);
        assert_non_null(text);
        assert_int_equal(pread_full(fd, text, strlen(expected), store.parts[0].offset_bytes), 0);
        assert_string_equal(text, expected);
}

static void test_what_it_prints_is_saved(void **state)
{
        char *cat[] = { (char *) "cat", NULL };
        Bed bed;

        bed_init(&bed);
        assert_int_equal(bed_save(&bed, cat, NULL), 0);
        assert_saved(&bed, FILE_VMCORE, "what was in memory");
        assert_string_equal(bed.record.format, "external: cat");
        assert_int_equal(bed.record.status, DUMP_STATUS_COMPLETE);
        assert_int_equal(bed.record.vmcore_bytes, strlen("what was in memory"));
        bed_done(&bed);
}

static void test_stream_of_makedumpfile_is_called_so(void **state)
{
        char *echo[] = { (char *) "printf", (char *) "makedumpfile%.0s", NULL };
        Bed bed;

        bed_init(&bed);
        assert_int_equal(bed_save(&bed, echo, NULL), 0);
        assert_saved(&bed, FILE_VMCORE_FLAT, "makedumpfile");
        bed_done(&bed);
}

static void test_failure_saves_nothing(void **state)
{
        static const CaptureDeadline passed = { .start_usec = 0, .limit_usec = 1500000 };
        char *no[] = { (char *) "false", NULL }, *nothing[] = { (char *) "true", NULL };
        char *nowhere[] = { (char *) "/nonexistent", NULL }, *endless[] = { (char *) "yes", NULL };
        char *late[] = { (char *) "tail", (char *) "-f", NULL };
        const struct {
                char **argv;
                const CaptureDeadline *deadline;
                int expected;
        } cases[] = {
                { no, NULL, -EIO },         { nothing, NULL, -EIO },   { nowhere, NULL, -ENOENT },
                { endless, NULL, -ENOSPC }, { late, &passed, -ETIME },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_close_ int fd = -EBADF;
                RawStore store;
                Bed bed;

                bed_init(&bed);
                assert_int_equal(bed_save(&bed, cases[i].argv, cases[i].deadline),
                                 cases[i].expected);
                fd = open(bed.device, O_RDONLY | O_CLOEXEC);
                assert_int_equal(raw_store_read(fd, &store), 1);
                assert_int_equal(store.n_parts, 0);
                bed_done(&bed);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_it_prints_is_saved),
                cmocka_unit_test(test_stream_of_makedumpfile_is_called_so),
                cmocka_unit_test(test_failure_saves_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
