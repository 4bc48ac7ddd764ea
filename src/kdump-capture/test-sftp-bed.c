/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what the tests of the client have in common. */
#include "test-sftp-bed.h"

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

SftpClient *test_client_new(Server *server)
{
        SftpClient *client = NULL;

        assert_int_equal(sftp_client_new(&test_server_ops, server, &client), 0);
        return client;
}

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

void test_client_save(Server *server, SftpClient *client, size_t size, size_t piece, bool backwards)
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

int test_client_write(SftpClient *client, SftpFile **ret)
{
        _cleanup_free_ uint8_t *data = data_new(FILE_BYTES);
        int r;

        r = sftp_file_create(client, "vmcore", ret);
        return r < 0 ? r : write_all(*ret, data, FILE_BYTES, 1 << 20, false);
}
