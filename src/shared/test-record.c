/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the JSON form of a DumpRecord. */
#include "test.h"

#include "record.h"

static void test_there_and_back(void **state)
{
        DumpRecord record = {
                .status = DUMP_STATUS_INCOMPLETE,
                .hostname = (char *) "host",
                .kernel_release = (char *) "6.1.0-18-amd64",
                .panic = (char *) "Kernel panic - not syncing: \"x\"\t\x01",
                .reason = (char *) "the target is full",
                .dump_level = 31,
                .n_cpus = 2,
                .crash_realtime_usec = UINT64_C(1700000000000000),
                .vmcore_bytes = UINT64_MAX,
                .n_threads = 7,
                .n_pages_memory = 4000,
                .n_pages_missing = 3,
                .n_excluded_user = 4,
                .n_excluded_before = 5,
                .memory_ram_bytes = 6,
                .memory_total_bytes = 7,
                .memory_peak_bytes = 8,
                .purgatory = (char *) "repaired",
                .purgatory_chunks_lost = 9,
                .image = (char *) "fallback",
        };
        _cleanup_(dump_record_done) DumpRecord again = {};
        _cleanup_free_ char *json = NULL;

        assert_int_equal(dump_record_to_json(&record, &json), 0);
        assert_int_equal(dump_record_from_json(json, strlen(json), &again), 0);
        assert_int_equal(again.status, DUMP_STATUS_INCOMPLETE);
        assert_string_equal(again.hostname, "host");
        assert_null(again.machine_id);
        assert_string_equal(again.panic, record.panic);
        assert_string_equal(again.reason, "the target is full");
        assert_int_equal(again.dump_level, 31);
        assert_int_equal(again.n_cpus, 2);
        assert_true(again.crash_realtime_usec == record.crash_realtime_usec);
        assert_true(again.vmcore_bytes == UINT64_MAX);
        assert_int_equal(again.n_threads, 7);
        assert_true(again.n_pages_memory == 4000);
        assert_true(again.n_pages_missing == 3);
        assert_true(again.n_excluded_user == 4);
        assert_true(again.n_excluded_before == 5);
        assert_true(again.memory_ram_bytes == 6);
        assert_true(again.memory_total_bytes == 7);
        assert_true(again.memory_peak_bytes == 8);
        assert_string_equal(again.purgatory, "repaired");
        assert_true(again.purgatory_chunks_lost == 9);
        assert_true(again.generation == 0);
        assert_string_equal(again.image, "fallback");
}

/* Other programs read the file, and JSON is UTF-8. */
static void test_bytes_that_are_not_utf8(void **state)
{
        static const struct {
                const char *panic, *read;
        } cases[] = {
                { "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7",
                  "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7" },
                { "a\xff\xfe", "a??" },
                { "cut \xe2\x82", "cut ??" },
                { "\xc0\xaf overlong", "?? overlong" },
                { "\xed\xa0\x80 surrogate", "??? surrogate" },
                { "\xf4\x90\x80\x80 too high", "???? too high" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                DumpRecord record = { .panic = (char *) cases[i].panic };
                _cleanup_(dump_record_done) DumpRecord again = {};
                _cleanup_free_ char *json = NULL;

                assert_int_equal(dump_record_to_json(&record, &json), 0);
                assert_int_equal(dump_record_from_json(json, strlen(json), &again), 0);
                assert_string_equal(again.panic, cases[i].read);
        }
}

static void test_refused(void **state)
{
        static const char *const cases[] = {
                "",
                "[]",
                "{}",
                "{\"status\":\"fine\"}",
                "{\"status\":1}",
                "{\"status\":\"complete\",\"panic\":[]}",
                "{\"status\":\"complete\",\"n_pages\":-1}",
                "{\"status\":\"complete\",\"n_cpus\":4294967296}",
                "{\"status\":\"complete\"",
                "{\"status\":\"complete\"}}",
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                DumpRecord record = { .n_cpus = 5 };

                assert_int_equal(dump_record_from_json(cases[i], strlen(cases[i]), &record),
                                 -EBADMSG);
                assert_int_equal(record.n_cpus, 5);
        }
}

static void test_status_names(void **state)
{
        for (DumpStatus s = 0; s < _DUMP_STATUS_MAX; s++)
                assert_int_equal(dump_status_from_string(dump_status_to_string(s)), s);
        assert_null(dump_status_to_string(_DUMP_STATUS_MAX));
        assert_null(dump_status_to_string(_DUMP_STATUS_INVALID));
        assert_int_equal(dump_status_from_string("x"), _DUMP_STATUS_INVALID);
        dump_record_done(NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_there_and_back),
                cmocka_unit_test(test_bytes_that_are_not_utf8),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_status_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
