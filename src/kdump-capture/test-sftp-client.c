/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sftp-client.h"
#include "test-sftp-server.h"
#include "test.h"

#define FILE_BYTES ((size_t) 5 << 20)

static uint8_t byte_at(uint64_t offset)
{
        return (uint8_t) (offset ^ offset >> 8 ^ offset >> 16 ^ 0x5a);
}

static uint8_t *data_new(size_t size)
{
        uint8_t *data = malloc(size);

        assert_non_null(data);
        for (size_t i = 0; i < size; i++)
                data[i] = byte_at(i);
        return data;
}

static SftpClient *client_new(Server *server)
{
        SftpClient *client = NULL;

        assert_int_equal(sftp_client_new(&test_server_ops, server, &client), 0);
        return client;
}

/* In pieces of @piece bytes, the last first if @backwards. */
static int write_all(SftpFile *file, const uint8_t *data, size_t size, size_t piece, bool backwards)
{
        size_t n = DIV_ROUND_UP(size, piece);

        for (size_t i = 0; i < n; i++) {
                size_t at = (backwards ? n - 1 - i : i) * piece;
                int r = sftp_file_write(file, at, data + at, MIN(piece, size - at));

                if (r < 0)
                        return r;
        }
        return 0;
}

/* A file by all the steps of a dump; then the server has it. */
static void save(Server *server, SftpClient *client, size_t size, size_t piece, bool backwards)
{
        _cleanup_free_ uint8_t *data = data_new(size);
        const ServerName *name;
        SftpFile *file = NULL;

        assert_int_equal(sftp_file_create(client, "dump/vmcore-incomplete", &file), 0);
        assert_int_equal(write_all(file, data, size, piece, backwards), 0);
        assert_int_equal(sftp_file_bytes(file), size);
        assert_int_equal(sftp_file_sync(file), 0);
        assert_null(sftp_file_free(file));
        assert_int_equal(sftp_client_rename(client, "dump/vmcore-incomplete", "dump/vmcore", size),
                         0);
        assert_null(test_server_find(server, "dump/vmcore-incomplete"));
        name = test_server_find(server, "dump/vmcore");
        assert_non_null(name);
        assert_int_equal(name->mode, 0600);
        assert_int_equal(name->size, size);
        assert_memory_equal(name->data, data, size);
        assert_int_equal(server->n_sent_twice, 0);
        assert_int_equal(server->n_open, 0);
}

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
                client = client_new(&server);
                save(&server, client, FILE_BYTES - 123, cases[i].piece, cases[i].backwards);
                assert_int_equal(server.n_syncs, 1);
                assert_true(server.n_moved >= server.n_writes);
        }
}

static void test_what_was_made_is_removed(void **state)
{
        _cleanup_server_ Server server;
        _cleanup_(sftp_client_freep) SftpClient *client = NULL;

        test_server_init(&server);
        client = client_new(&server);
        assert_int_equal(sftp_client_mkdir(client, "dump", 0700), 0);
        save(&server, client, 1000, 1000, false);
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
                client = client_new(&server);
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
        client = client_new(&server);
        save(&server, client, FILE_BYTES, 1 << 20, false);
        assert_int_equal(server.n_writes, FILE_BYTES / 32768);
        assert_true(server.most_writes >= 32);
        assert_true(server.most_writes <= SFTP_WRITES_MAX);
}

static void test_small_writes_are_bounded_in_number(void **state)
{
        _cleanup_server_ Server server;
        _cleanup_(sftp_client_freep) SftpClient *client = NULL;

        test_server_init(&server);
        client = client_new(&server);
        save(&server, client, 50000, 24, false);
        assert_int_equal(server.most_writes, SFTP_WRITES_MAX);
}

static void test_a_lost_connection_is_resumed_where_it_was_acknowledged(void **state)
{
        static const struct {
                uint64_t lose_after[4];
                size_t piece;
                bool lose_answer, reversed;
                uint64_t lose_after_answers;
        } cases[] = {
                { { 3 }, 1 << 20 },
                { { 3 }, 1 << 20, true },
                { { 40, 90, 160, 161 }, 1 << 20 },
                { { 40, 90, 160, 161 }, 1 << 20, true },
                { { 40, 60, 80, 100 }, 32768, true, true },
                { { 2, 5, 7, 9 }, 1 << 20, true },
                { { 0 }, 1 << 20, false, false, 23 },
                { { 0 }, 1 << 20, false, true, 23 },
                { { 120 }, 1 << 20, true, true, 65 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_server_ Server server;
                _cleanup_(sftp_client_freep) SftpClient *client = NULL;

                test_server_init(&server);
                memcpy(server.lose_after, cases[i].lose_after, sizeof(server.lose_after));
                server.lose_answer = cases[i].lose_answer;
                server.reversed = cases[i].reversed;
                server.lose_after_answers = cases[i].lose_after_answers;
                client = client_new(&server);
                save(&server, client, FILE_BYTES, cases[i].piece, false);
                assert_true(server.n_lost > 0);
        }
}

/* Whichever request it is: also those that make, sync, close and rename. */
static void test_any_request_may_be_the_last_of_a_connection(void **state)
{
        for (unsigned lose_answer = 0; lose_answer < 2; lose_answer++)
                for (uint64_t at = 2; at < 16; at++) {
                        _cleanup_server_ Server server;
                        _cleanup_(sftp_client_freep) SftpClient *client = NULL;

                        test_server_init(&server);
                        server.lose_after[0] = at;
                        server.lose_answer = lose_answer;
                        client = client_new(&server);
                        assert_int_equal(sftp_client_mkdir(client, "dump", 0700), 0);
                        save(&server, client, 100000, 30000, false);
                        assert_int_equal(sftp_client_sync_folder(client, "dump"), 0);
                        assert_int_equal(server.n_lost, at <= 13 ? 1 : server.n_lost);
                        assert_int_equal(test_server_find(&server, "dump")->mode, 0700);
                }
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
                client = client_new(&server);
                save(&server, client, 100000, 30000, false);
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
                client = client_new(&server);
                save(&server, client, 3000, 1000, false);
                save(&server, client, 5000, 1000, false);
        }
}

static void test_an_incomplete_file_is_replaced(void **state)
{
        _cleanup_server_ Server server;
        _cleanup_(sftp_client_freep) SftpClient *client = NULL;
        SftpFile *file = NULL;

        test_server_init(&server);
        client = client_new(&server);
        assert_int_equal(sftp_file_create(client, "dump/vmcore-incomplete", &file), 0);
        assert_int_equal(sftp_file_write(file, 0, "an earlier one", 14), 0);
        assert_null(sftp_file_free(file));
        save(&server, client, 5, 5, false);
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
        client = client_new(&server);
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
                _cleanup_free_ uint8_t *data = data_new(FILE_BYTES);
                _cleanup_server_ Server server;
                _cleanup_(sftp_client_freep) SftpClient *client = NULL;
                SftpFile *file = NULL;

                test_server_init(&server);
                server.fail_write = 50;
                server.fail_status = cases[i].status;
                server.free_blocks = cases[i].free_blocks;
                server.read_only = cases[i].read_only;
                server.without_extensions = cases[i].without;
                client = client_new(&server);
                assert_int_equal(sftp_file_create(client, "vmcore", &file), 0);
                assert_int_equal(write_all(file, data, FILE_BYTES, 1 << 20, false),
                                 cases[i].result);
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
        client = client_new(&server);
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
        client = client_new(&server);
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

static void test_a_server_that_forgets_is_not_believed(void **state)
{
        _cleanup_free_ uint8_t *data = data_new(FILE_BYTES);
        _cleanup_server_ Server server;
        _cleanup_(sftp_client_freep) SftpClient *client = NULL;
        SftpFile *file = NULL;

        test_server_init(&server);
        server.forgets = true;
        server.lose_after[0] = 150;
        client = client_new(&server);
        assert_int_equal(sftp_file_create(client, "vmcore", &file), 0);
        (void) write_all(file, data, FILE_BYTES, 1 << 20, false);
        assert_int_equal(sftp_file_sync(file), -ESTALE);
        assert_int_equal(server.n_lost, 1);
}

static void test_what_was_synced_cannot_be_forgotten(void **state)
{
        _cleanup_free_ uint8_t *data = data_new(FILE_BYTES);
        _cleanup_server_ Server server;
        _cleanup_(sftp_client_freep) SftpClient *client = NULL;
        SftpFile *file = NULL;

        test_server_init(&server);
        server.forgets = true;
        server.lose_after[0] = 164; /* hello, open, 160 writes, a sync, and one write more */
        client = client_new(&server);
        assert_int_equal(sftp_file_create(client, "vmcore", &file), 0);
        assert_int_equal(write_all(file, data, FILE_BYTES, 1 << 20, false), 0);
        assert_int_equal(sftp_file_sync(file), 0);
        assert_int_equal(sftp_file_write(file, 0, "header", 6), 0);
        assert_int_equal(sftp_file_sync(file), 0);
        assert_int_equal(server.n_lost, 1);
        assert_memory_equal(test_server_find(&server, "vmcore")->data, "header", 6);
}

static void test_no_new_connection_is_the_end(void **state)
{
        _cleanup_free_ uint8_t *data = data_new(FILE_BYTES);
        _cleanup_server_ Server server;
        _cleanup_(sftp_client_freep) SftpClient *client = NULL;
        SftpFile *file = NULL;

        test_server_init(&server);
        server.lose_after[0] = 100;
        server.connections_left = 0;
        client = client_new(&server);
        assert_int_equal(sftp_file_create(client, "vmcore", &file), 0);
        assert_int_equal(write_all(file, data, FILE_BYTES, 1 << 20, false), -ETIMEDOUT);
        server.connections_left = 9;
        assert_int_equal(sftp_file_sync(file), -ETIMEDOUT);
        assert_int_equal(sftp_client_mkdir(client, "dump", 0700), -ETIMEDOUT);
}

/* Else whoever watches would take a connection after the other for progress. */
static void test_a_write_that_no_connection_survives_is_no_progress(void **state)
{
        _cleanup_free_ uint8_t *data = data_new(FILE_BYTES);
        _cleanup_server_ Server server;
        _cleanup_(sftp_client_freep) SftpClient *client = NULL;
        SftpFile *file = NULL;

        test_server_init(&server);
        server.hated_bytes = 100 * 32768;
        server.connections_left = 50;
        client = client_new(&server);
        assert_int_equal(sftp_file_create(client, "vmcore", &file), 0);
        assert_int_equal(write_all(file, data, FILE_BYTES, 1 << 20, false), -ETIMEDOUT);
        assert_true(server.n_moved <= 1 + FILE_BYTES / 32768);
        assert_int_equal(server.n_sent_twice, 0);
}

/* Request 1 is INIT, 2 opens, the rest are writes numbered from 2 on, as INIT has no number. */
static void test_lies_end_the_connection_for_good(void **state)
{
        static const struct {
                uint64_t at;
                const char *bytes;
                size_t size;
                int result;
        } cases[] = {
                { 1, "\0\0\0\5\2\0\0\0\2", 9, -EPROTO },
                { 1, "\0\0\0\5\2\0\0\0\4", 9, -EPROTO },
                { 1,
                  "\0\0\0\x09"
                  "e\0\0\0\0\0\0\0\0",
                  13, -EBADMSG },
                { 1, "Last login: never\n", 18, -EBADMSG },
                { 1, "\xff\xff\xff\xff\2\0\0\0\3", 9, -EBADMSG },
                { 2,
                  "\0\0\0\x09"
                  "e\0\0\0\1\0\0\0\0",
                  13, -EBADMSG }, /* opened, but no handle */
                { 2,
                  "\0\0\0\x09"
                  "e\0\0\0\2\0\0\0\0",
                  13, -EBADMSG }, /* to nothing we asked */
                { 2, "\0\0\0\5\2\0\0\0\3", 9, -EBADMSG },
                { 9,
                  "\0\0\0\x09"
                  "e\0\0\0\2\0\0\0\0",
                  13, -EBADMSG }, /* the same once more */
                { 9,
                  "\0\0\0\x09"
                  "e\0\0\3\xe7\0\0\0\0",
                  13, -EBADMSG }, /* the future */
                { 9,
                  "\0\0\0\x0a"
                  "f\0\0\0\x08\0\0\0\1h",
                  14, -EBADMSG }, /* a handle for a write */
                { 9, "\0\0\x84\xd1", 4, -EBADMSG },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ uint8_t *data = data_new(FILE_BYTES);
                _cleanup_server_ Server server;
                _cleanup_(sftp_client_freep) SftpClient *client = NULL;
                SftpFile *file = NULL;
                int r;

                test_server_init(&server);
                server.lie_at = cases[i].at;
                server.lie_size = cases[i].size;
                memcpy(server.lie, cases[i].bytes, cases[i].size);
                r = sftp_client_new(&test_server_ops, &server, &client);
                if (r >= 0)
                        r = sftp_file_create(client, "vmcore", &file);
                if (r >= 0)
                        r = write_all(file, data, FILE_BYTES, 1 << 20, false);
                if (r >= 0)
                        r = sftp_file_sync(file);
                assert_int_equal(r, cases[i].result);
                assert_int_equal(server.n_connections, 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_file_arrives_whatever_the_pieces),
                cmocka_unit_test(test_what_was_made_is_removed),
                cmocka_unit_test(test_nobody_waits_for_a_server_to_close_a_file),
                cmocka_unit_test(test_many_writes_wait_for_their_answers),
                cmocka_unit_test(test_small_writes_are_bounded_in_number),
                cmocka_unit_test(test_a_lost_connection_is_resumed_where_it_was_acknowledged),
                cmocka_unit_test(test_any_request_may_be_the_last_of_a_connection),
                cmocka_unit_test(test_a_server_without_extensions_takes_files_too),
                cmocka_unit_test(test_a_final_name_is_replaced),
                cmocka_unit_test(test_an_incomplete_file_is_replaced),
                cmocka_unit_test(test_two_files_are_kept_apart),
                cmocka_unit_test(test_failures_are_told_as_the_file_system_looks),
                cmocka_unit_test(test_a_file_system_that_does_not_tell_its_room_is_not_full),
                cmocka_unit_test(test_folders_that_exist_are_told),
                cmocka_unit_test(test_a_server_that_forgets_is_not_believed),
                cmocka_unit_test(test_what_was_synced_cannot_be_forgotten),
                cmocka_unit_test(test_no_new_connection_is_the_end),
                cmocka_unit_test(test_a_write_that_no_connection_survives_is_no_progress),
                cmocka_unit_test(test_lies_end_the_connection_for_good),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
