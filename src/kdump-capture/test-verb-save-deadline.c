/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of the command 'save' with a deadline. */
#include <stdatomic.h>

#include "kdump-file.h"
#include "log.h"
#include "test-verb-save.h"

/* In place of the clock: the deadline, where there is one, passes when it has been asked for so
 * many times. */
static atomic_uint n_questions_left;

bool __real_deadline_passed(uint64_t deadline_usec);
bool __wrap_deadline_passed(uint64_t deadline_usec);

bool __wrap_deadline_passed(uint64_t deadline_usec)
{
        if (deadline_usec == USEC_INFINITY)
                return __real_deadline_passed(deadline_usec);
        return n_questions_left == 0 || n_questions_left-- == 0;
}

/* Each page reads back as itself or is missing. Returns how many read back. */
static size_t count_readable(const Bed *bed, const char *path)
{
        _cleanup_(kdump_file_closep) KdumpFile *file = NULL;
        _cleanup_(kdump_reader_freep) KdumpReader *reader = NULL;
        _cleanup_free_ char *message = NULL;
        const uint8_t *page;
        size_t n = 0;

        assert_int_equal(kdump_file_open(path, &file, &message), 0);
        assert_false(kdump_file_info(file)->cut_off);
        assert_true(kdump_file_info(file)->status & KDUMP_FILE_INCOMPLETE);
        assert_int_equal(kdump_reader_new(file, &reader), 0);
        for (uint64_t i = 0; i < N_PAGES; i++) {
                int r = kdump_reader_page(reader, 0x10 + i, &page);

                if (r == -ENXIO)
                        continue;
                assert_int_equal(r, 0);
                assert_memory_equal(page, bed->memory + i * TEST_PAGE_BYTES, TEST_PAGE_BYTES);
                n++;
        }
        return n;
}

static void test_deadline_leaves_what_can_be_read(void **state)
{
        static const struct {
                const char *format, *name;
                unsigned n_questions;
                int result;
        } cases[] = {
                { "--format=kdump", "vmcore-incomplete", 5, 3 },
                { "--format=flat", "vmcore", 5, 3 },
                { "--format=elf", "vmcore-incomplete", 1, 3 },
                /* Before the first page. */
                { "--format=kdump", "vmcore-incomplete", 0, 1 },
                { "--format=kdump", "vmcore-incomplete", 1, 1 },
                { "--format=flat", "vmcore-incomplete", 0, 1 },
                { "--format=flat", "vmcore-incomplete", 1, 1 },
                { "--format=elf", "vmcore-incomplete", 0, 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char *options[] = { (char *) cases[i].format, (char *) "--deadline=24h",
                                    (char *) "--threads=1", (char *) "--json", NULL };
                _cleanup_close_ int output = output_new();
                _cleanup_free_ char *path = NULL, *saved = NULL, *text = NULL;
                size_t size;
                Bed bed;

                bed_init(&bed);
                path = bed_path(&bed, "vmcore");
                saved = bed_path(&bed, cases[i].name);
                n_questions_left = cases[i].n_questions;
                assert_int_equal(run_with(&bed, path, options, output, STDOUT_FILENO),
                                 cases[i].result);
                assert_int_equal(faccessat(AT_FDCWD, saved, F_OK, 0), 0);
                assert_int_equal(lseek(output, 0, SEEK_SET), 0);
                assert_int_equal(fd_read(output, 4096, &text, &size), 0);
                assert_true(!strstr(text, "\"incomplete\"") == (cases[i].result == 1));
                assert_true(!strstr(text, "\"stopped: the deadline of 86400s has passed\"") ==
                            (cases[i].result == 1));
                if (cases[i].result == 3 && !streq(cases[i].format, "--format=elf"))
                        assert_in_range(count_readable(&bed, saved), 16, N_PAGES - 1);
                bed_done(&bed);
        }
}

static void test_core_in_a_pipe_is_lost_at_the_deadline(void **state)
{
        char *options[] = { (char *) "--format=elf", (char *) "--deadline=24h", NULL };
        _cleanup_close_ int output = output_new();
        Bed bed;

        bed_init(&bed);
        n_questions_left = 1;
        assert_int_equal(run_with(&bed, "-", options, output, STDOUT_FILENO), 1);
        bed_done(&bed);
}

static void test_late_command_tells_what_helps(void **state)
{
        static const struct {
                const char *format;
                bool compressed;
        } cases[] = { { "--format=kdump", true },
                      { "--format=flat", true },
                      { "--format=elf", false } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char *options[] = { (char *) cases[i].format, (char *) "--deadline=24h", NULL };
                _cleanup_close_ int output = output_new();
                _cleanup_free_ char *path = NULL, *text = NULL;
                size_t size;
                Bed bed;

                bed_init(&bed);
                path = bed_path(&bed, "vmcore");
                n_questions_left = 0;
                log_set_max_level(LOG_INFO);
                assert_int_equal(run_with(&bed, path, options, output, STDERR_FILENO), 1);
                assert_int_equal(lseek(output, 0, SEEK_SET), 0);
                assert_int_equal(fd_read(output, 4096, &text, &size), 0);
                assert_non_null(strstr(text, "--dump-level="));
                assert_int_equal(strstr(text, "--compress=") != NULL, cases[i].compressed);
                bed_done(&bed);
        }
}

static void test_deadline_is_a_time(void **state)
{
        static const struct {
                const char *option;
                int result;
        } cases[] = {
                { "--deadline=0", 0 },    { "--deadline=infinity", 0 }, { "--deadline=soon", 1 },
                { "--deadline=-5s", 1 },  { "--deadline=5d", 1 },       { "--deadline=", 1 },
                { "--deadline=0.5h", 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_close_ int output = output_new();
                _cleanup_free_ char *path = NULL;
                Bed bed;

                bed_init(&bed);
                path = bed_path(&bed, "vmcore");
                n_questions_left = 0;
                assert_int_equal(run(&bed, path, cases[i].option, output), cases[i].result);
                bed_done(&bed);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_deadline_leaves_what_can_be_read),
                cmocka_unit_test(test_core_in_a_pipe_is_lost_at_the_deadline),
                cmocka_unit_test(test_late_command_tells_what_helps),
                cmocka_unit_test(test_deadline_is_a_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
