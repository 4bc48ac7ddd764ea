/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sftp-message.h"
#include "test.h"

#define BYTES(text) (text), sizeof(text) - 1

static const SftpHandle handle = { .bytes = "ab", .size = 2 };

/* Each message by hand, from the draft's sections 4 to 6 and OpenSSH's PROTOCOL. */
static void test_requests_have_the_bytes_of_the_draft(void **state)
{
        static const struct {
                SftpRequest request;
                const char *bytes;
                size_t size;
        } cases[] = {
                { { .type = SFTP_INIT, .id = 9 }, BYTES("\0\0\0\5\1\0\0\0\3") },
                { { .type = SFTP_OPEN, .id = 7, .path = "x/y", .open_flags = 0x2a, .mode = 0600 },
                  BYTES("\0\0\0\30\3\0\0\0\7\0\0\0\3x/y\0\0\0\x2a\0\0\0\4\0\0\1\x80") },
                { { .type = SFTP_CLOSE, .id = 1, .handle = &handle },
                  BYTES("\0\0\0\x0b\4\0\0\0\1\0\0\0\2ab") },
                { { .type = SFTP_WRITE,
                    .id = 0x01020304,
                    .handle = &handle,
                    .offset_bytes = UINT64_C(0x1122334455667788),
                    .data_bytes = 5 },
                  BYTES("\0\0\0\x1c\6\1\2\3\4\0\0\0\2ab\x11\x22\x33\x44\x55\x66\x77\x88\0\0\0\5") },
                { { .type = SFTP_FSETSTAT, .id = 2, .handle = &handle, .size_bytes = 256 },
                  BYTES("\0\0\0\x17\x0a\0\0\0\2\0\0\0\2ab\0\0\0\1\0\0\0\0\0\0\1\0") },
                { { .type = SFTP_REMOVE, .id = 3, .path = "f" },
                  BYTES("\0\0\0\x0a\x0d\0\0\0\3\0\0\0\1f") },
                { { .type = SFTP_RMDIR, .id = 3, .path = "f" },
                  BYTES("\0\0\0\x0a\x0f\0\0\0\3\0\0\0\1f") },
                { { .type = SFTP_MKDIR, .id = 4, .path = "d", .mode = 0700 },
                  BYTES("\0\0\0\x12\x0e\0\0\0\4\0\0\0\1d\0\0\0\4\0\0\1\xc0") },
                { { .type = SFTP_STAT, .id = 5, .path = "" },
                  BYTES("\0\0\0\x09\x11\0\0\0\5\0\0\0\0") },
                { { .type = SFTP_RENAME, .id = 6, .path = "a", .new_path = "bc" },
                  BYTES("\0\0\0\x10\x12\0\0\0\6\0\0\0\1a\0\0\0\2bc") },
                { { .type = SFTP_EXTENDED,
                    .id = 8,
                    .extension = SFTP_EXTENSION_STATVFS,
                    .path = "/" },
                  BYTES("\0\0\0\x21\xc8\0\0\0\x08\0\0\0\x13statvfs@openssh.com\0\0\0\1/") },
                { { .type = SFTP_EXTENDED,
                    .id = 8,
                    .extension = SFTP_EXTENSION_FSYNC,
                    .handle = &handle },
                  BYTES("\0\0\0\x20\xc8\0\0\0\x08\0\0\0\x11"
                        "fsync@openssh.com\0\0\0\2ab") },
                { { .type = SFTP_EXTENDED,
                    .id = 8,
                    .extension = SFTP_EXTENSION_POSIX_RENAME,
                    .path = "a",
                    .new_path = "b" },
                  BYTES("\0\0\0\x2b\xc8\0\0\0\x08\0\0\0\x18posix-rename@openssh."
                        "com\0\0\0\1a\0\0\0\1b") },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint8_t buffer[256];
                size_t size = 0;

                assert_int_equal(
                        sftp_request_encode(&cases[i].request, buffer, sizeof(buffer), &size), 0);
                assert_int_equal(size, cases[i].size);
                assert_memory_equal(buffer, cases[i].bytes, size);
                /* One byte less is not enough, and none is written behind the end. */
                assert_int_equal(sftp_request_encode(&cases[i].request, buffer, size - 1, &size),
                                 -ENOBUFS);
        }
}

static void test_what_is_no_request_is_refused(void **state)
{
        _cleanup_free_ char *path = malloc(SFTP_PATH_MAX_BYTES + 2);
        uint8_t buffer[16384];
        size_t size = 0;

        assert_non_null(path);
        memset(path, 'x', SFTP_PATH_MAX_BYTES + 1);
        path[SFTP_PATH_MAX_BYTES + 1] = '\0';
        assert_int_equal(sftp_request_encode(&(SftpRequest){ .type = SFTP_STATUS }, buffer,
                                             sizeof(buffer), &size),
                         -EINVAL);
        assert_int_equal(sftp_request_encode(&(SftpRequest){ .type = SFTP_EXTENDED,
                                                             .extension = _SFTP_EXTENSION_MAX },
                                             buffer, sizeof(buffer), &size),
                         -EINVAL);
        assert_int_equal(
                sftp_request_encode(&(SftpRequest){ .type = SFTP_WRITE,
                                                    .handle = &handle,
                                                    .data_bytes = SFTP_WRITE_DATA_MAX_BYTES + 1 },
                                    buffer, sizeof(buffer), &size),
                -EINVAL);
        assert_int_equal(sftp_request_encode(&(SftpRequest){ .type = SFTP_STAT, .path = path },
                                             buffer, sizeof(buffer), &size),
                         -ENAMETOOLONG);
        assert_int_equal(sftp_request_encode(&(SftpRequest){ .type = SFTP_STAT, .path = path + 1 },
                                             buffer, sizeof(buffer), &size),
                         0);
}

static void test_the_longest_write_fits_what_a_server_has_to_take(void **state)
{
        SftpHandle longest = { .size = SFTP_HANDLE_MAX_BYTES };
        const SftpRequest request = { .type = SFTP_WRITE,
                                      .handle = &longest,
                                      .data_bytes = SFTP_WRITE_DATA_MAX_BYTES };
        uint8_t buffer[SFTP_WRITE_HEADER_MAX_BYTES];
        size_t size = 0;

        assert_int_equal(sftp_request_encode(&request, buffer, sizeof(buffer), &size), 0);
        assert_int_equal(size, SFTP_WRITE_HEADER_MAX_BYTES);
}

static void test_lengths_are_bounded(void **state)
{
        static const struct {
                const char *bytes;
                int result;
                size_t length;
        } cases[] = {
                { "\0\0\0\5", 0, 5 },         { "\0\0\x84\xd0", 0, 34000 },
                { "\0\0\x84\xd1", -EBADMSG }, { "\0\0\0\4", -EBADMSG },
                { "\0\0\0\0", -EBADMSG },     { "\xff\xff\xff\xff", -EBADMSG },
                { "Rece", -EBADMSG }, /* a shell that greets */
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                size_t length = 0;

                assert_int_equal(sftp_length_decode(cases[i].bytes, &length), cases[i].result);
                assert_int_equal(length, cases[i].length);
        }
}

static void test_replies_are_understood(void **state)
{
        SftpReply reply;

        assert_int_equal(sftp_reply_decode(BYTES("\2\0\0\0\3"), &reply), 0);
        assert_int_equal(reply.version, 3);
        assert_false(reply.extensions[SFTP_EXTENSION_FSYNC]);

        assert_int_equal(sftp_reply_decode(BYTES("\2\0\0\0\3\0\0\0\x11"
                                                 "fsync@openssh.com\0\0\0\1"
                                                 "1"
                                                 "\0\0\0\x13statvfs@openssh.com\0\0\0\1"
                                                 "1"
                                                 "\0\0\0\1x\0\0\0\0"),
                                           &reply),
                         0);
        assert_true(reply.extensions[SFTP_EXTENSION_FSYNC]);
        assert_false(reply.extensions[SFTP_EXTENSION_STATVFS]); /* another version */
        assert_false(reply.extensions[SFTP_EXTENSION_POSIX_RENAME]);

        assert_int_equal(sftp_reply_decode(BYTES("e\0\0\0\7\0\0\0\4\0\0\0\3no!\0\0\0\2en"), &reply),
                         0);
        assert_int_equal(reply.type, SFTP_STATUS);
        assert_int_equal(reply.id, 7);
        assert_int_equal(reply.status, 4);
        assert_int_equal(reply.text_bytes, 3);
        assert_memory_equal(reply.text, "no!", 3);

        assert_int_equal(sftp_reply_decode(BYTES("e\0\0\0\7\0\0\0\0"), &reply), 0);
        assert_null(reply.text);

        assert_int_equal(sftp_reply_decode(BYTES("f\0\0\1\0\0\0\0\2\0h"), &reply), 0);
        assert_int_equal(reply.id, 256);
        assert_int_equal(reply.handle.size, 2);
        assert_memory_equal(reply.handle.bytes, "\0h", 2);

        assert_int_equal(
                sftp_reply_decode(BYTES("i\0\0\0\1\0\0\0\x0d\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0"
                                        "\0\0\0\0"),
                                  &reply),
                0);
        assert_true(reply.has_size);
        assert_int_equal(reply.size_bytes, UINT64_C(1) << 32);
        assert_int_equal(sftp_reply_decode(BYTES("i\0\0\0\1\0\0\0\0"), &reply), 0);
        assert_false(reply.has_size);
}

static void test_malformed_replies_are_refused(void **state)
{
        static const struct {
                const char *bytes;
                size_t size;
        } cases[] = {
                { BYTES("") },
                { BYTES("\2\0\0\0") },
                { BYTES("\2\0\0\0\3\0\0\0\1") },  /* a name that is cut */
                { BYTES("\2\0\0\0\3\0\0\0\1x") }, /* without its version */
                { BYTES("\2\0\0\0\3\xff\xff\xff\xffxx") },
                { BYTES("e\0\0\0") },
                { BYTES("e\0\0\0\1\0\0\0") },
                { BYTES("e\0\0\0\1\0\0\0\4\0\0\0\4no!") }, /* the text is said to be longer */
                { BYTES("f\0\0\0\1") },
                { BYTES("f\0\0\0\1\0\0\0\3ab") },
                { BYTES("f\0\0\0\1\xff\xff\xff\xff"
                        "ab") },
                { BYTES("i\0\0\0\1\0\0\0\1\0\0\0\0") },
                { BYTES("i\0\0\0\1\0\0\0\2\0\0\0\0") },
                { BYTES("i\0\0\0\1\0\0\0\4\0\0\0") },
                { BYTES("i\0\0\0\1\0\0\0\x08\0\0\0\0") },
                { BYTES("g\0\0\0\1\0\0\0\1x") }, /* data, which nobody asked for */
                { BYTES("\6\0\0\0\1") },         /* a request */
        };
        uint8_t handle_too_long[1 + 4 + 4 + SFTP_HANDLE_MAX_BYTES + 1] = "f\0\0\0\1\0\0\1\1";
        SftpReply reply;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ void *exact = malloc(cases[i].size);

                if (cases[i].size > 0)
                        memcpy(exact, cases[i].bytes, cases[i].size);
                assert_int_equal(sftp_reply_decode(exact, cases[i].size, &reply), -EBADMSG);
        }
        assert_int_equal(sftp_reply_decode(handle_too_long, sizeof(handle_too_long), &reply),
                         -EBADMSG);
        handle_too_long[8] = 0;
        assert_int_equal(sftp_reply_decode(handle_too_long, sizeof(handle_too_long), &reply), 0);
}

/* @words: f_bsize f_frsize f_blocks f_bfree f_bavail f_files f_ffree f_favail f_fsid f_flag
 * f_namemax */
static int room_of(const uint64_t *words, size_t n, SftpRoom *ret)
{
        uint8_t message[5 + 11 * 8] = { SFTP_EXTENDED_REPLY };
        SftpReply reply;

        for (size_t i = 0; i < n; i++)
                for (size_t byte = 0; byte < 8; byte++)
                        message[5 + 8 * i + byte] = (uint8_t) (words[i] >> (56 - 8 * byte));
        assert_int_equal(sftp_reply_decode(message, 5 + 8 * n, &reply), 0);
        return sftp_room_decode(&reply, ret);
}

static void test_room_is_what_the_user_may_take(void **state)
{
        const SftpReply status = { .type = SFTP_STATUS };
        uint64_t words[11] = { 65536, 4096, 1000, 30, 20, 9, 9, 9, 9, 1, 255 };
        SftpRoom room;

        assert_int_equal(room_of(words, 11, &room), 0);
        assert_int_equal(room.free_bytes, 20 * 4096);
        assert_true(room.read_only);
        words[9] = 2;
        words[4] = UINT64_MAX - 3;
        assert_int_equal(room_of(words, 11, &room), 0);
        assert_int_equal(room.free_bytes, 0);
        assert_false(room.read_only);
        words[4] = UINT64_C(1) << 60;
        assert_int_equal(room_of(words, 11, &room), -EBADMSG);
        words[4] = 20;
        assert_int_equal(room_of(words, 10, &room), -EBADMSG);
        assert_int_equal(sftp_room_decode(&status, &room), -EBADMSG);
}

static void test_each_status_is_an_errno(void **state)
{
        static const int errors[] = { 0,       -ENODATA, -ENOENT, -EACCES,    -EIO,
                                      -EINVAL, -EIO,     -EIO,    -EOPNOTSUPP };

        for (uint32_t i = 0; i < ELEMENTSOF(errors); i++)
                assert_int_equal(sftp_status_to_errno(i), errors[i]);
        assert_int_equal(sftp_status_to_errno(11), -EEXIST);
        assert_int_equal(sftp_status_to_errno(14), -ENOSPC);
        assert_int_equal(sftp_status_to_errno(15), -EDQUOT);
        assert_int_equal(sftp_status_to_errno(16), -EIO);
        assert_int_equal(sftp_status_to_errno(UINT32_MAX), -EIO);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_requests_have_the_bytes_of_the_draft),
                cmocka_unit_test(test_what_is_no_request_is_refused),
                cmocka_unit_test(test_the_longest_write_fits_what_a_server_has_to_take),
                cmocka_unit_test(test_lengths_are_bounded),
                cmocka_unit_test(test_replies_are_understood),
                cmocka_unit_test(test_malformed_replies_are_refused),
                cmocka_unit_test(test_room_is_what_the_user_may_take),
                cmocka_unit_test(test_each_status_is_an_errno),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
