/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A root folder of files for tests. Everything fails the test that it is called from. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "macro.h"

/* A new empty folder below $TMPDIR or /tmp. fixture_done() removes it with all that is in it. */
typedef struct Fixture {
        char *path;
        int fd;
} Fixture;

void fixture_init(Fixture *fixture);
void fixture_done(Fixture *fixture);

#define FIXTURE_NULL                                                                               \
        (Fixture)                                                                                  \
        {                                                                                          \
                .fd = -EBADF                                                                       \
        }

/* Paths are absolute as seen from the fixture; parents are made. */
void fixture_write(const Fixture *fixture, const char *path, const char *text);
void fixture_write_bytes(const Fixture *fixture, const char *path, const void *data, size_t size);
void fixture_mode(const Fixture *fixture, const char *path, unsigned mode);
void fixture_folder(const Fixture *fixture, const char *path);
void fixture_link(const Fixture *fixture, const char *path, const char *to);
