/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests the reading of what the purgatory left, from folders that look like /sys. */
#include "test.h"

#include "io.h"
#include "purgatory-status.h"

#define DIR "sys/kernel/boot_params/setup_data/"

static void put(int root_fd, const char *name, const char *type, const void *data, size_t size)
{
        _cleanup_free_ char *dir = NULL, *type_path = NULL, *data_path = NULL;

        assert_int_equal(strprintf(&dir, DIR "%s", name), 0);
        assert_int_equal(strprintf(&type_path, DIR "%s/type", name), 0);
        assert_int_equal(strprintf(&data_path, DIR "%s/data", name), 0);
        assert_int_equal(mkdir_parents(root_fd, dir, 0755), 0);
        test_write_text(root_fd, type_path, type);
        test_write(root_fd, data_path, data, size);
}

static PurgatoryStatus good(void)
{
        return (PurgatoryStatus){
                .magic = PURGATORY_STATUS_MAGIC,
                .version = PURGATORY_VERSION,
                .bytes = sizeof(PurgatoryStatus),
                .started = 1,
                .block_copy = 1,
                .leaves_copy = 1,
                .chunks_checked = 338,
        };
}

static void test_none_after_kexec_file_load(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        PurgatoryStatus status;

        assert_int_equal(purgatory_status_read(root_fd, &status), -ENOENT);
        put(root_fd, "0", "0x9\n", "seed", 4);
        assert_int_equal(purgatory_status_read(root_fd, &status), -ENOENT);
}

static void test_ours_is_found_among_others(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        PurgatoryStatus status = good(), found;
        _cleanup_free_ char *text = NULL;

        put(root_fd, "0", "0x9\n", "seed", 4);
        put(root_fd, "1", "0x6b640001\n", &status, sizeof(status));
        assert_int_equal(purgatory_status_read(root_fd, &found), 0);
        assert_int_equal(found.chunks_checked, 338);
        assert_int_equal(purgatory_status_describe(&found, &text), 0);
        assert_string_equal(text, "before the start: image good, 338 chunks checked, 0 repaired, "
                                  "0 lost, 0 NMIs");
}

static void test_what_makes_no_sense_is_refused(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        PurgatoryStatus status = good(), found;

        put(root_fd, "0", "0x6b640001\n", &status, sizeof(status) - 1);
        assert_int_equal(purgatory_status_read(root_fd, &found), -EBADMSG);
        status.magic++;
        put(root_fd, "0", "0x6b640001\n", &status, sizeof(status));
        assert_int_equal(purgatory_status_read(root_fd, &found), -EBADMSG);
        status = good();
        status.version++;
        put(root_fd, "0", "0x6b640001\n", &status, sizeof(status));
        assert_int_equal(purgatory_status_read(root_fd, &found), -EBADMSG);
}

static void check_record(PurgatoryStatus status, const char *outcome)
{
        _cleanup_(dump_record_done) DumpRecord record = { 0 };

        assert_int_equal(purgatory_status_record(&status, &record), 0);
        assert_string_equal(record.purgatory, outcome);
        assert_int_equal(record.purgatory_chunks_repaired, status.chunks_repaired);
        assert_int_equal(record.purgatory_nmis, status.nmis);
}

static void test_record_says_what_was_started(void **state)
{
        PurgatoryStatus status = good();

        check_record(status, "good");
        status.nmis = 2;
        check_record(status, "good");
        status.chunks_repaired = 1;
        check_record(status, "repaired");
        status.started = 2;
        check_record(status, "fallback");
        status = good();
        status.block_copy = 2;
        check_record(status, "repaired");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_none_after_kexec_file_load),
                cmocka_unit_test(test_ours_is_found_among_others),
                cmocka_unit_test(test_what_makes_no_sense_is_refused),
                cmocka_unit_test(test_record_says_what_was_started),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
