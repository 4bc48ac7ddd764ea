/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a client does to the server of the tests: opening it, and saving a file as a dump does. */
#pragma once

#include "test-sftp-server.h"

/* Of test_client_write() */
#define FILE_BYTES ((size_t) 5 << 20)

SftpClient *test_client_new(Server *server);

/* A file of @size bytes by all the steps of a dump, in pieces of @piece bytes, the last first if
 * @backwards; then the server has it as "dump/vmcore". */
void test_client_save(Server *server, SftpClient *client, size_t size, size_t piece,
                      bool backwards);

/* Only writes: FILE_BYTES in large pieces to "vmcore", which stays open as *ret. Returns what the
 * client says. */
int test_client_write(SftpClient *client, SftpFile **ret);
