/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connections that get lost, and servers that lie. */
#include "test-sftp-bed.h"

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
                client = test_client_new(&server);
                test_client_save(&server, client, FILE_BYTES, cases[i].piece, false);
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
                        client = test_client_new(&server);
                        assert_int_equal(sftp_client_mkdir(client, "dump", 0700), 0);
                        test_client_save(&server, client, 100000, 30000, false);
                        assert_int_equal(sftp_client_sync_folder(client, "dump"), 0);
                        assert_int_equal(server.n_lost, at <= 13 ? 1 : server.n_lost);
                        assert_int_equal(test_server_find(&server, "dump")->mode, 0700);
                }
}

static void test_a_server_that_forgets_is_not_believed(void **state)
{
        _cleanup_server_ Server server;
        _cleanup_(sftp_client_freep) SftpClient *client = NULL;
        SftpFile *file = NULL;

        test_server_init(&server);
        server.forgets = true;
        server.lose_after[0] = 150;
        client = test_client_new(&server);
        (void) test_client_write(client, &file);
        assert_int_equal(sftp_file_sync(file), -ESTALE);
        assert_int_equal(server.n_lost, 1);
}

static void test_what_was_synced_cannot_be_forgotten(void **state)
{
        _cleanup_server_ Server server;
        _cleanup_(sftp_client_freep) SftpClient *client = NULL;
        SftpFile *file = NULL;

        test_server_init(&server);
        server.forgets = true;
        server.lose_after[0] = 164; /* hello, open, 160 writes, a sync, and one write more */
        client = test_client_new(&server);
        assert_int_equal(test_client_write(client, &file), 0);
        assert_int_equal(sftp_file_sync(file), 0);
        assert_int_equal(sftp_file_write(file, 0, "header", 6), 0);
        assert_int_equal(sftp_file_sync(file), 0);
        assert_int_equal(server.n_lost, 1);
        assert_memory_equal(test_server_find(&server, "vmcore")->data, "header", 6);
}

static void test_no_new_connection_is_the_end(void **state)
{
        _cleanup_server_ Server server;
        _cleanup_(sftp_client_freep) SftpClient *client = NULL;
        SftpFile *file = NULL;

        test_server_init(&server);
        server.lose_after[0] = 100;
        server.connections_left = 0;
        client = test_client_new(&server);
        assert_int_equal(test_client_write(client, &file), -ETIMEDOUT);
        server.connections_left = 9;
        assert_int_equal(sftp_file_sync(file), -ETIMEDOUT);
        assert_int_equal(sftp_client_mkdir(client, "dump", 0700), -ETIMEDOUT);
}

/* Else whoever watches would take a connection after the other for progress. */
static void test_a_write_that_no_connection_survives_is_no_progress(void **state)
{
        _cleanup_server_ Server server;
        _cleanup_(sftp_client_freep) SftpClient *client = NULL;
        SftpFile *file = NULL;

        test_server_init(&server);
        server.hated_bytes = 100 * 32768;
        server.connections_left = 50;
        client = test_client_new(&server);
        assert_int_equal(test_client_write(client, &file), -ETIMEDOUT);
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
                        r = test_client_write(client, &file);
                if (r >= 0)
                        r = sftp_file_sync(file);
                assert_int_equal(r, cases[i].result);
                assert_int_equal(server.n_connections, 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_lost_connection_is_resumed_where_it_was_acknowledged),
                cmocka_unit_test(test_any_request_may_be_the_last_of_a_connection),
                cmocka_unit_test(test_a_server_that_forgets_is_not_believed),
                cmocka_unit_test(test_what_was_synced_cannot_be_forgotten),
                cmocka_unit_test(test_no_new_connection_is_the_end),
                cmocka_unit_test(test_a_write_that_no_connection_survives_is_no_progress),
                cmocka_unit_test(test_lies_end_the_connection_for_good),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
