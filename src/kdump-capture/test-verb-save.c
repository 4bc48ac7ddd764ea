/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "io.h"
#include "json-fields.h"
#include "kdump-file.h"
#include "test-verb-save.h"

static void check_kdump(const Bed *bed, const char *path, bool flattened)
{
        _cleanup_(kdump_file_closep) KdumpFile *file = NULL;
        _cleanup_(kdump_reader_freep) KdumpReader *reader = NULL;
        _cleanup_free_ char *message = NULL;
        const KdumpFileInfo *info;
        const uint8_t *page;

        assert_int_equal(kdump_file_open(path, &file, &message), 0);
        info = kdump_file_info(file);
        assert_int_equal(info->flattened, flattened);
        assert_false(info->cut_off);
        assert_int_equal(info->status & KDUMP_FILE_INCOMPLETE, 0);
        assert_int_equal(info->n_pages, N_PAGES);
        assert_int_equal(kdump_reader_new(file, &reader), 0);
        for (uint64_t i = 0; i < N_PAGES; i++) {
                assert_int_equal(kdump_reader_page(reader, 0x10 + i, &page), 0);
                assert_memory_equal(page, bed->memory + i * TEST_PAGE_BYTES, TEST_PAGE_BYTES);
        }
        assert_int_equal(kdump_reader_page(reader, 0x10 + N_PAGES, &page), -ERANGE);
}

static void check_elf(const Bed *bed, const char *path)
{
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        _cleanup_free_ char *message = NULL;
        _cleanup_free_ uint8_t *got = malloc(N_PAGES * TEST_PAGE_BYTES);
        uint64_t delta, offset;
        const char *text;
        size_t size;

        assert_int_equal(vmcore_open(path, &vmcore, &message), 0);
        assert_int_equal(vmcore_read(vmcore, 0x10000, got, N_PAGES * TEST_PAGE_BYTES), 0);
        assert_memory_equal(got, bed->memory, N_PAGES * TEST_PAGE_BYTES);
        assert_int_equal(vmcore_read(vmcore, 0x10000 + N_PAGES * TEST_PAGE_BYTES, got, 1), -ERANGE);
        assert_true(vmcore_direct_map_delta(vmcore) == TEST_DIRECT_MAP_VADDR);
        assert_int_equal(vmcore_kernel_map_delta(vmcore, &delta), 0);
        assert_true(delta == TEST_KERNEL_MAP_VADDR - 0x10000);
        text = vmcore_vmcoreinfo_text(vmcore, &size, &offset);
        assert_int_equal(size, strlen(vmcoreinfo));
        assert_memory_equal(text, vmcoreinfo, size);
}

static void test_elf_core_is_what_it_was_made_of(void **state)
{
        for (unsigned to_stdout = 0; to_stdout < 2; to_stdout++) {
                _cleanup_close_ int output = output_new();
                _cleanup_free_ char *path = NULL;
                char output_path[64];
                Bed bed;

                bed_init(&bed);
                path = bed_path(&bed, "vmcore");
                (void) snprintf(output_path, sizeof(output_path), "/proc/%d/fd/%d", (int) getpid(),
                                output);
                assert_int_equal(run(&bed, to_stdout ? "-" : path, "--format=elf", output), 0);
                check_elf(&bed, to_stdout ? output_path : path);
                bed_done(&bed);
        }
}

static void test_file_is_of_the_form_asked_for(void **state)
{
        static const struct {
                const char *option;
                bool flattened;
        } cases[] = {
                { NULL, false },
                { "--format=kdump", false },
                { "--format=flat", true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_close_ int output = output_new();
                _cleanup_free_ char *path = NULL;
                Bed bed;

                bed_init(&bed);
                path = bed_path(&bed, "vmcore");
                assert_int_equal(run(&bed, path, cases[i].option, output), 0);
                check_kdump(&bed, path, cases[i].flattened);
                assert_int_equal(lseek(output, 0, SEEK_END), 0);
                bed_done(&bed);
        }
}

static void test_standard_output_gets_the_flattened_form(void **state)
{
        static const char *const options[] = { NULL, "--format=flat" };

        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                _cleanup_close_ int output = output_new();
                char path[64];
                Bed bed;

                bed_init(&bed);
                assert_int_equal(run(&bed, "-", options[i], output), 0);
                (void) snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int) getpid(), output);
                check_kdump(&bed, path, true);
                bed_done(&bed);
        }
}

/* Of a flattened file without its end nothing can be read. */
static void test_full_file_is_as_good_as_its_form(void **state)
{
        static const struct {
                const char *option;
                int result;
        } cases[] = {
                { "--format=kdump", 3 },
                { "--format=elf", 3 },
                { "--format=flat", 1 },
        };
        struct rlimit before, limit;

        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        limit = (struct rlimit){ .rlim_cur = 1500 << 10, .rlim_max = before.rlim_max };
        (void) signal(SIGXFSZ, SIG_IGN);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_close_ int output = output_new();
                _cleanup_free_ char *path = NULL;
                int result;
                Bed bed;

                bed_init(&bed);
                path = bed_path(&bed, "vmcore");
                assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
                result = run(&bed, path, cases[i].option, output);
                assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
                assert_int_equal(result, cases[i].result);
                assert_int_equal(faccessat(AT_FDCWD, path, F_OK, 0), -1);
                bed_done(&bed);
        }
}

static void test_kdump_form_needs_a_file(void **state)
{
        _cleanup_close_ int output = output_new();
        Bed bed;

        bed_init(&bed);
        assert_int_equal(run(&bed, "-", "--format=kdump", output), 1);
        assert_int_equal(lseek(output, 0, SEEK_END), 0);
        bed_done(&bed);
}

static void test_terminal_is_not_written_to(void **state)
{
        _cleanup_close_ int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), side = -EBADF;
        int n_waiting = -1;
        Bed bed;

        if (terminal < 0)
                skip();
        assert_int_equal(unlockpt(terminal), 0);
        side = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
        assert_true(side >= 0);
        bed_init(&bed);
        assert_int_equal(run(&bed, "-", NULL, side), 1);
        assert_int_equal(ioctl(terminal, FIONREAD, &n_waiting), 0);
        assert_int_equal(n_waiting, 0);
        bed_done(&bed);
}

static void test_reader_that_ends_is_an_error(void **state)
{
        _cleanup_close_ int output = -EBADF;
        int fds[2];
        Bed bed;

        bed_init(&bed);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        close_fd(fds[0]);
        output = fds[1];
        assert_int_equal(run(&bed, "-", NULL, output), 1);
        bed_done(&bed);
}

static uint64_t number(struct json_object *object, const char *name)
{
        assert_non_null(json_member(object, name));
        return json_object_get_uint64(json_member(object, name));
}

static void check_text(struct json_object *object, const char *name, const char *expected)
{
        assert_non_null(json_member(object, name));
        assert_string_equal(json_object_get_string(json_member(object, name)), expected);
}

static void test_result_as_json(void **state)
{
        char *options[] = { (char *) "--json", (char *) "--threads=1", (char *) "--compress=zlib",
                            NULL };
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_free_ char *path = NULL, *text = NULL, *message = NULL;
        _cleanup_close_ int output = output_new();
        struct stat st;
        size_t size;
        Bed bed;

        bed_init(&bed);
        path = bed_path(&bed, "vmcore");
        assert_int_equal(run_with(&bed, path, options, output, STDOUT_FILENO), 0);
        assert_int_equal(lseek(output, 0, SEEK_SET), 0);
        assert_int_equal(fd_read(output, 4096, &text, &size), 0);
        assert_int_equal(json_object_parse(text, size, &object, &message), 0);
        check_text(object, "status", "complete");
        check_text(object, "kernel_release", "6.1.0-test");
        check_text(object, "format", "kdump");
        check_text(object, "compression", "zlib");
        check_text(object, "target", path);
        assert_null(json_member(object, "reason"));
        assert_int_equal(number(object, "crash_realtime_usec"), 1700000000000000);
        assert_int_equal(number(object, "n_pages_memory"), N_PAGES);
        assert_int_equal(number(object, "n_pages"), N_PAGES);
        assert_int_equal(number(object, "n_pages_zero"), 9);
        assert_int_equal(number(object, "n_pages_missing"), 0);
        assert_int_equal(number(object, "n_threads"), 1);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(number(object, "vmcore_bytes"), st.st_size);
        bed_done(&bed);
}

static void test_json_makes_way_for_the_dump(void **state)
{
        char *options[] = { (char *) "--json", NULL };
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_close_ int output = output_new(), errors = output_new(), saved = -EBADF;
        _cleanup_free_ char *text = NULL, *message = NULL;
        const char *start;
        char path[64];
        size_t size;
        Bed bed;
        int result;

        bed_init(&bed);
        saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        assert_true(saved >= 0 && dup2(errors, STDERR_FILENO) >= 0);
        result = run_with(&bed, "-", options, output, STDOUT_FILENO);
        assert_true(dup2(saved, STDERR_FILENO) >= 0);
        assert_int_equal(result, 0);
        (void) snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int) getpid(), output);
        check_kdump(&bed, path, true);

        assert_int_equal(lseek(errors, 0, SEEK_SET), 0);
        assert_int_equal(fd_read(errors, 4096, &text, &size), 0);
        start = strchr(text, '{'); /* behind the warnings */
        assert_non_null(start);
        assert_int_equal(json_object_parse(start, strlen(start), &object, &message), 0);
        check_text(object, "format", "flat");
        check_text(object, "target", "-");
        bed_done(&bed);
}

static void test_failure_has_no_json(void **state)
{
        char *options[] = { (char *) "--json", NULL };
        _cleanup_close_ int output = output_new();
        Bed bed;

        bed_init(&bed);
        assert_int_equal(run_with(&bed, "/nonexistent/vmcore", options, output, STDOUT_FILENO), 1);
        assert_int_equal(lseek(output, 0, SEEK_END), 0);
        bed_done(&bed);
}

static void test_existing_file_stays(void **state)
{
        _cleanup_close_ int output = output_new();
        _cleanup_free_ char *path = NULL, *text = NULL;
        size_t size;
        Bed bed;

        bed_init(&bed);
        path = bed_path(&bed, "vmcore");
        test_write_text(AT_FDCWD, path, "precious");
        assert_int_equal(run(&bed, path, NULL, output), 1);
        assert_int_equal(file_read(AT_FDCWD, path, 64, &text, &size), 0);
        assert_string_equal(text, "precious");
        bed_done(&bed);
}

static void test_unknown_format_is_an_error(void **state)
{
        _cleanup_close_ int output = output_new();
        _cleanup_free_ char *path = NULL;
        Bed bed;

        bed_init(&bed);
        path = bed_path(&bed, "vmcore");
        assert_int_equal(run(&bed, path, "--format=sadump", output), 1);
        assert_int_equal(faccessat(AT_FDCWD, path, F_OK, 0), -1);
        bed_done(&bed);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_file_is_of_the_form_asked_for),
                cmocka_unit_test(test_elf_core_is_what_it_was_made_of),
                cmocka_unit_test(test_standard_output_gets_the_flattened_form),
                cmocka_unit_test(test_full_file_is_as_good_as_its_form),
                cmocka_unit_test(test_kdump_form_needs_a_file),
                cmocka_unit_test(test_terminal_is_not_written_to),
                cmocka_unit_test(test_reader_that_ends_is_an_error),
                cmocka_unit_test(test_result_as_json),
                cmocka_unit_test(test_json_makes_way_for_the_dump),
                cmocka_unit_test(test_failure_has_no_json),
                cmocka_unit_test(test_existing_file_stays),
                cmocka_unit_test(test_unknown_format_is_an_error),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
