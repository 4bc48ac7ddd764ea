/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of Config share: fixtures put where config_load() looks. */
#pragma once

#include "config.h"
#include "io.h"
#include "test.h"

/* Copies tests/fixtures/kdump.conf/@name to /etc/kdump.conf below @root_fd. */
static inline void test_config_install(int root_fd, const char *name)
{
        const char *source_root = getenv("KDUMPD_SOURCE_ROOT") ?: ".";
        _cleanup_free_ char *path = NULL, *text = NULL;
        size_t size = 0;

        assert_int_equal(strprintf(&path, "%s/tests/fixtures/kdump.conf/%s", source_root, name), 0);
        assert_int_equal(file_read(AT_FDCWD, path, 1024 * 1024, &text, &size), 0);
        assert_int_equal(mkdir_parents(root_fd, "etc", 0700), 0);
        test_write(root_fd, "etc/kdump.conf", text, size);
}

static inline int test_config_load(int root_fd, Config **ret, ConfigMessages *messages)
{
        return config_load(root_fd, "/etc/kdump.conf", "/etc/kdump.conf.d", ret, messages);
}
