/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-sftp-bed.h"

static void test_a_file_arrives_whatever_the_pieces(void **state)
{
        static const struct {
                size_t piece, read_piece;
                bool backwards, reversed;
        } cases[] = {
                { 1 << 20, 0 },       { 1 << 20, 0, false, true }, { 32768, 1, false, true },
                { 1 << 20, 7, true }, { 100000, 33, true, true },  { FILE_BYTES, 0 },
                { 1000, 5 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_server_ Server server;
                _cleanup_(sftp_client_freep) SftpClient *client = NULL;

                test_server_init(&server);
                server.piece = cases[i].read_piece;
                server.reversed = cases[i].reversed;
                client = test_client_new(&server);
                test_client_save(&server, client, FILE_BYTES - 123, cases[i].piece,
                                 cases[i].backwards);
                assert_int_equal(server.n_syncs, 1);
                assert_true(server.n_moved >= server.n_writes);
        }
}

static void test_what_was_made_is_removed(void **state)
{
        _cleanup_server_ Server server;
        _cleanup_(sftp_client_freep) SftpClient *client = NULL;

        test_server_init(&server);
        client = test_client_new(&server);
        assert_int_equal(sftp_client_mkdir(client, "dump", 0700), 0);
        test_client_save(&server, client, 1000, 1000, false);
        assert_int_equal(sftp_client_rmdir(client, "dump/vmcore"), -EIO);
        assert_int_equal(sftp_client_remove(client, "dump"), -EIO);
        assert_int_equal(sftp_client_remove(client, "dump/vmcore-incomplete"), 0);
        assert_int_equal(sftp_client_remove(client, "dump/vmcore"), 0);
        assert_int_equal(sftp_client_rmdir(client, "dump"), 0);
        assert_null(test_server_find(&server, "dump/vmcore"));
        assert_null(test_server_find(&server, "dump"));
        assert_int_equal(sftp_client_rmdir(client, "dump"), 0);
}

static void test_nobody_waits_for_a_server_to_close_a_file(void **state)
{
        static const uint8_t data[1000];

        for (unsigned acknowledged = 0; acknowledged < 2; acknowledged++) {
                _cleanup_server_ Server server;
                SftpClient *client = NULL;
                SftpFile *file = NULL;

                test_server_init(&server);
                client = test_client_new(&server);
                assert_int_equal(sftp_file_create(client, "vmcore", &file), 0);
                assert_int_equal(sftp_file_write(file, 0, data, sizeof(data)), 0);
                if (acknowledged)
                        assert_int_equal(sftp_file_sync(file), 0);
                server.frozen = true;
                assert_null(sftp_file_free(file));
                assert_null(sftp_client_free(client));
        }
}

static void test_many_writes_wait_for_their_answers(void **state)
{
        _cleanup_server_ Server server;
        _cleanup_(sftp_client_freep) SftpClient *client = NULL;

        test_server_init(&server);
        client = test_client_new(&server);
        test_client_save(&server, client, FILE_BYTES, 1 << 20, false);
        assert_int_equal(server.n_writes, FILE_BYTES / 32768);
        assert_true(server.most_writes >= 32);
        assert_true(server.most_writes <= SFTP_WRITES_MAX);
}

static void test_small_writes_are_bounded_in_number(void **state)
{
        _cleanup_server_ Server server;
        _cleanup_(sftp_client_freep) SftpClient *client = NULL;

        test_server_init(&server);
        client = test_client_new(&server);
        test_client_save(&server, client, 50000, 24, false);
        assert_int_equal(server.most_writes, SFTP_WRITES_MAX);
}

static void test_a_server_without_extensions_takes_files_too(void **state)
{
        for (uint64_t at = 2; at < 14; at++) {
                _cleanup_server_ Server server;
                _cleanup_(sftp_client_freep) SftpClient *client = NULL;
                uint64_t bytes;

                test_server_init(&server);
                server.without_extensions = true;
                server.lose_after[0] = at;
                server.lose_answer = true;
                client = test_client_new(&server);
                test_client_save(&server, client, 100000, 30000, false);
                assert_int_equal(sftp_client_sync_folder(client, "dump"), 0);
                assert_int_equal(sftp_client_room(client, "dump", &bytes), -EOPNOTSUPP);
        }
}

static void test_a_final_name_is_replaced(void **state)
{
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_server_ Server server;
                _cleanup_(sftp_client_freep) SftpClient *client = NULL;

                test_server_init(&server);
                server.without_extensions = i == 1;
                client = test_client_new(&server);
                test_client_save(&server, client, 3000, 1000, false);
                test_client_save(&server, client, 5000, 1000, false);
        }
}

static void test_an_incomplete_file_is_replaced(void **state)
{
        _cleanup_server_ Server server;
        _cleanup_(sftp_client_freep) SftpClient *client = NULL;
        SftpFile *file = NULL;

        test_server_init(&server);
        client = test_client_new(&server);
        assert_int_equal(sftp_file_create(client, "dump/vmcore-incomplete", &file), 0);
        assert_int_equal(sftp_file_write(file, 0, "an earlier one", 14), 0);
        assert_null(sftp_file_free(file));
        test_client_save(&server, client, 5, 5, false);
}

static void test_two_files_are_kept_apart(void **state)
{
        _cleanup_server_ Server server;
        _cleanup_(sftp_client_freep) SftpClient *client = NULL;
        SftpFile *a = NULL, *b = NULL;

        test_server_init(&server);
        server.lose_after[0] = 6;
        server.fail_write = 3;
        server.fail_status = 3;
        client = test_client_new(&server);
        assert_int_equal(sftp_file_create(client, "a", &a), 0);
        assert_int_equal(sftp_file_create(client, "b", &b), 0);
        assert_int_equal(sftp_file_write(a, 0, "1", 1), 0);
        assert_int_equal(sftp_file_write(b, 0, "2", 1), 0);
        assert_int_equal(sftp_file_write(a, 1, "3", 1), 0);
        assert_int_equal(sftp_file_write(b, 1, "4", 1), 0);
        assert_int_equal(sftp_file_sync(b), 0);
        assert_int_equal(sftp_file_sync(a), -EACCES);
        assert_int_equal(sftp_file_write(a, 2, "5", 1), -EACCES);
        assert_int_equal(sftp_file_write(b, 2, "6", 1), 0);
        a = sftp_file_free(a);
        assert_int_equal(sftp_file_sync(b), 0);
        assert_memory_equal(test_server_find(&server, "b")->data, "246", 3);
        assert_int_equal(server.n_lost, 1);
        /* The other is closed with the client. */
}

static void test_failures_are_told_as_the_file_system_looks(void **state)
{
        static const struct {
                uint32_t status;
                uint64_t free_blocks;
                bool read_only, without;
                int result;
        } cases[] = {
                { 4, 0, false, false, -ENOSPC },     { 4, 255, false, false, -ENOSPC },
                { 4, 10000, false, false, -EDQUOT }, { 4, 10000, true, false, -EROFS },
                { 4, 0, false, true, -EIO },         { 3, 0, false, false, -EACCES },
                { 14, 9999, false, true, -ENOSPC },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_server_ Server server;
                _cleanup_(sftp_client_freep) SftpClient *client = NULL;
                SftpFile *file = NULL;

                test_server_init(&server);
                server.fail_write = 50;
                server.fail_status = cases[i].status;
                server.free_blocks = cases[i].free_blocks;
                server.read_only = cases[i].read_only;
                server.without_extensions = cases[i].without;
                client = test_client_new(&server);
                assert_int_equal(test_client_write(client, &file), cases[i].result);
                assert_int_equal(sftp_file_write(file, 0, "x", 1), cases[i].result);
                assert_int_equal(sftp_file_sync(file), cases[i].result);
        }
}

static void test_a_file_system_that_does_not_tell_its_room_is_not_full(void **state)
{
        _cleanup_server_ Server server;
        _cleanup_(sftp_client_freep) SftpClient *client = NULL;
        SftpFile *file = NULL;
        uint64_t bytes;

        test_server_init(&server);
        server.blocks = server.free_blocks = 0;
        server.fail_write = 1;
        server.fail_status = SERVER_FAILURE;
        client = test_client_new(&server);
        assert_int_equal(sftp_client_room(client, ".", &bytes), -EOPNOTSUPP);
        assert_int_equal(sftp_file_create(client, "vmcore", &file), 0);
        assert_int_equal(sftp_file_write(file, 0, "x", 1), 0);
        assert_int_equal(sftp_file_sync(file), -EIO);
}

static void test_folders_that_exist_are_told(void **state)
{
        _cleanup_server_ Server server;
        _cleanup_(sftp_client_freep) SftpClient *client = NULL;
        SftpFile *file = NULL;
        uint64_t bytes = 0;

        test_server_init(&server);
        client = test_client_new(&server);
        assert_int_equal(sftp_client_mkdir(client, "dump", 0700), 0);
        assert_int_equal(sftp_client_mkdir(client, "dump", 0700), -EEXIST);
        assert_int_equal(sftp_client_stat(client, "dump", &bytes), 0);
        assert_int_equal(sftp_client_stat(client, "other", &bytes), -ENOENT);
        assert_int_equal(sftp_client_rename(client, "other", "one", 0), -ENOENT);
        assert_int_equal(sftp_client_sync_folder(client, "other"), -ENOENT);
        assert_int_equal(sftp_client_room(client, "dump", &bytes), 0);
        assert_int_equal(bytes, UINT64_C(4096) << 20);
        assert_int_equal(sftp_file_create(client, "dump/file", &file), 0);
        assert_int_equal(sftp_file_extend(file, 3000), 0);
        assert_int_equal(sftp_file_extend(file, 2000), 0);
        assert_int_equal(sftp_file_bytes(file), 3000);
        assert_int_equal(test_server_find(&server, "dump/file")->size, 3000);
        assert_int_equal(sftp_file_write(file, INT64_MAX, "x", 1), -EFBIG);
        assert_int_equal(sftp_file_write(file, UINT64_MAX, "x", 1), -EFBIG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_file_arrives_whatever_the_pieces),
                cmocka_unit_test(test_what_was_made_is_removed),
                cmocka_unit_test(test_nobody_waits_for_a_server_to_close_a_file),
                cmocka_unit_test(test_many_writes_wait_for_their_answers),
                cmocka_unit_test(test_small_writes_are_bounded_in_number),
                cmocka_unit_test(test_a_server_without_extensions_takes_files_too),
                cmocka_unit_test(test_a_final_name_is_replaced),
                cmocka_unit_test(test_an_incomplete_file_is_replaced),
                cmocka_unit_test(test_two_files_are_kept_apart),
                cmocka_unit_test(test_failures_are_told_as_the_file_system_looks),
                cmocka_unit_test(test_a_file_system_that_does_not_tell_its_room_is_not_full),
                cmocka_unit_test(test_folders_that_exist_are_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
