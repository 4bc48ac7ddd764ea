/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the peak of memory: also as what another process has seen. */
#include "memory-peak.h"

#include <sys/wait.h>

#include "io.h"
#include "test.h"

static void test_least_counts(void **state)
{
        _cleanup_(memory_peak_freep) MemoryPeak *peak = memory_peak_new();
        static const MemoryInfo seen[] = { { 900, 600 }, { 1000, 300 }, { 1000, 500 } };
        DumpRecord record = { 0 };

        assert_non_null(peak);
        memory_peak_record(peak, &record);
        assert_int_equal(record.memory_total_bytes, 0);
        assert_int_equal(record.memory_peak_bytes, 0);
        for (size_t i = 0; i < ELEMENTSOF(seen); i++)
                memory_peak_take(peak, &seen[i]);
        memory_peak_record(peak, &record);
        assert_int_equal(record.memory_total_bytes, 1000);
        assert_int_equal(record.memory_peak_bytes, 700);
        assert_true(record.memory_ram_bytes > 0);

        memory_peak_take(peak, &(MemoryInfo){ 200, 250 });
        memory_peak_record(peak, &record);
        assert_int_equal(record.memory_peak_bytes, 0);
}

static void test_other_process_sees_and_adds(void **state)
{
        _cleanup_(memory_peak_freep) MemoryPeak *peak = memory_peak_new();
        DumpRecord record = { 0 };
        int status;
        pid_t pid;

        assert_non_null(peak);
        memory_peak_take(peak, &(MemoryInfo){ 1000, 300 });
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                memory_peak_record(peak, &record);
                memory_peak_take(peak, &(MemoryInfo){ 1000, 200 });
                _exit(record.memory_peak_bytes == 700 ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        memory_peak_record(peak, &record);
        assert_int_equal(record.memory_peak_bytes, 800);
}

static void test_this_machine_is_looked_at(void **state)
{
        _cleanup_(memory_peak_freep) MemoryPeak *peak = memory_peak_new();

        assert_non_null(peak);
        memory_peak_sample(peak, false);
        assert_true(peak->total_bytes > 0);
        assert_true(peak->least_available_bytes < UINT64_MAX);

        /* Looked at a moment ago, as far as it knows: not again, unless it must be. */
        peak->total_bytes = 1;
        peak->sampled_usec = now_boottime_usec() + 60 * USEC_PER_SEC;
        memory_peak_sample(peak, false);
        assert_int_equal(peak->total_bytes, 1);
        memory_peak_sample(peak, true);
        assert_true(peak->total_bytes > 1);
}

static void test_without_a_page_nothing_is_known(void **state)
{
        DumpRecord record = { 0 };

        memory_peak_sample(NULL, true);
        memory_peak_record(NULL, &record);
        assert_int_equal(record.memory_peak_bytes, 0);
        assert_int_equal(record.memory_total_bytes, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_least_counts),
                cmocka_unit_test(test_other_process_sees_and_adds),
                cmocka_unit_test(test_this_machine_is_looked_at),
                cmocka_unit_test(test_without_a_page_nothing_is_known),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
