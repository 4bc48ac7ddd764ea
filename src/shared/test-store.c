/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of listing dumps, in folders such as captures and other people leave them. */
#include "test.h"

#include "io.h"
#include "store.h"

static void make(int dir_fd, const char *path, const char *text)
{
        _cleanup_free_ char *folder = strdup(path);

        assert_non_null(folder);
        *strrchr(folder, '/') = '\0';
        assert_int_equal(mkdir_parents(dir_fd, folder, 0700), 0);
        test_write_text(dir_fd, path, text);
}

/* Modification time of a folder, seconds since 1970. */
static void set_time(int dir_fd, const char *path, time_t seconds)
{
        const struct timespec times[] = { { .tv_sec = seconds }, { .tv_sec = seconds } };

        assert_int_equal(utimensat(dir_fd, path, times, 0), 0);
}

static void test_list(void **state)
{
        _cleanup_(dump_store_done) DumpStore store = {};
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);
        const DumpEntry *e;

        make(dir_fd, "c/new/meta.json",
             "{\"status\":\"complete\",\"crash_realtime_usec\":3000000,\"panic\":\"Oops\"}");
        make(dir_fd, "c/new/vmcore", "12345");
        make(dir_fd, "c/new/vmcore-dmesg.txt", "123");
        make(dir_fd, "c/partial/meta.json",
             "{\"status\":\"incomplete\",\"start_realtime_usec\":2000000}");
        make(dir_fd, "c/partial/vmcore", "1");
        make(dir_fd, "c/foreign/vmcore.flat", "1");
        make(dir_fd, "c/foreign/kexec-dmesg.log", "1");
        set_time(dir_fd, "c/foreign", 1);
        make(dir_fd, "c/unfinished/vmcore-incomplete", "1");
        set_time(dir_fd, "c/unfinished", 4);
        make(dir_fd, "c/log/vmcore-dmesg.txt", "1");
        set_time(dir_fd, "c/log", 5);
        make(dir_fd, "c/other/readme.txt", "1");
        make(dir_fd, "c/.hidden/vmcore", "1");
        make(dir_fd, "c/vmcore", "1");

        assert_int_equal(dump_store_read(dir_fd, "c", &store), 0);
        assert_int_equal(store.n_entries, 5);
        assert_false(store.truncated);

        e = &store.entries[0];
        assert_string_equal(e->name, "foreign");
        assert_false(e->has_record || e->bad_record || e->incomplete);
        assert_true(e->time_realtime_usec == 1000000);

        e = &store.entries[1];
        assert_string_equal(e->name, "partial");
        assert_true(e->has_record && e->incomplete);

        e = &store.entries[2];
        assert_string_equal(e->name, "new");
        assert_true(e->has_record && !e->incomplete);
        assert_string_equal(e->record.panic, "Oops");
        assert_int_equal(e->n_files, 3);
        assert_string_equal(e->files[0].name, "meta.json");
        assert_int_equal(dump_entry_file(e, "vmcore")->size_bytes, 5);
        assert_int_equal(e->total_bytes, e->files[0].size_bytes + 8);
        assert_null(dump_entry_file(e, "vmcor"));

        assert_string_equal(store.entries[3].name, "unfinished");
        assert_true(store.entries[3].incomplete);
        assert_string_equal(store.entries[4].name, "log");
        assert_true(store.entries[4].incomplete);
}

static void test_links_are_not_followed(void **state)
{
        _cleanup_(dump_store_done) DumpStore store = {};
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);

        make(dir_fd, "elsewhere/vmcore", "1");
        make(dir_fd, "elsewhere/meta.json", "{\"status\":\"complete\",\"panic\":\"secret\"}");
        make(dir_fd, "c/a/vmcore-dmesg.txt", "1");
        assert_int_equal(symlinkat("../elsewhere", dir_fd, "c/link"), 0);
        assert_int_equal(symlinkat("../../elsewhere/meta.json", dir_fd, "c/a/meta.json"), 0);
        assert_int_equal(symlinkat("../../elsewhere/vmcore", dir_fd, "c/a/vmcore"), 0);

        assert_int_equal(dump_store_read(dir_fd, "c", &store), 0);
        assert_int_equal(store.n_entries, 1);
        assert_true(store.entries[0].bad_record);
        assert_false(store.entries[0].has_record);
        assert_int_equal(store.entries[0].n_files, 1);
        assert_true(store.entries[0].incomplete);
}

static void test_records_that_are_none(void **state)
{
        _cleanup_(dump_store_done) DumpStore store = {};
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);

        make(dir_fd, "c/empty/meta.json", "");
        make(dir_fd, "c/folder/meta.json/x", "");
        make(dir_fd, "c/large/meta.json", "{}");
        {
                _cleanup_close_ int fd = openat(dir_fd, "c/large/meta.json", O_WRONLY | O_CLOEXEC);

                assert_int_equal(ftruncate(fd, (off_t) 1 << 40), 0);
        }
        assert_int_equal(mkdir_parents(dir_fd, "c/fifo", 0700), 0);
        assert_int_equal(mkfifoat(dir_fd, "c/fifo/meta.json", 0600), 0);

        assert_int_equal(dump_store_read(dir_fd, "c", &store), 0);
        assert_int_equal(store.n_entries, 4);
        for (size_t i = 0; i < store.n_entries; i++)
                assert_true(store.entries[i].bad_record && !store.entries[i].has_record &&
                            store.entries[i].incomplete);
}

static void test_many_files_are_bounded(void **state)
{
        _cleanup_(dump_store_done) DumpStore store = {};
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);

        for (unsigned i = 0; i < STORE_FILES_MAX + 10; i++) {
                _cleanup_free_ char *path = NULL;

                assert_int_equal(strprintf(&path, "c/a/vmcore-%u", i), 0);
                make(dir_fd, path, "1");
        }
        assert_int_equal(dump_store_read(dir_fd, "c", &store), 0);
        assert_int_equal(store.n_entries, 1);
        assert_int_equal(store.entries[0].n_files, STORE_FILES_MAX);
}

static void test_nothing_there(void **state)
{
        _cleanup_(dump_store_done) DumpStore store = {};
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int dir_fd = test_root_open(root);

        assert_int_equal(dump_store_read(dir_fd, ".", &store), 0);
        assert_int_equal(store.n_entries, 0);
        assert_int_equal(dump_store_read(dir_fd, "none", &store), -ENOENT);
        test_write_text(dir_fd, "file", "");
        assert_int_equal(dump_store_read(dir_fd, "file", &store), -ENOTDIR);
        dump_store_done(NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_list),
                cmocka_unit_test(test_links_are_not_followed),
                cmocka_unit_test(test_records_that_are_none),
                cmocka_unit_test(test_many_files_are_bounded),
                cmocka_unit_test(test_nothing_there),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
