/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of last-boot*.c share. */
#pragma once

#include "last-boot.h"

#include "test-fixture.h"

#include "io.h"
#include "rootdir.h"

#define THIS_BOOT "11111111-2222-3333-4444-555555555555"
#define OTHER_BOOT "99999999-2222-3333-4444-555555555555"
#define MACHINE "0123456789abcdef0123456789abcdef"
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

/* Seconds: the boot before this one began, armed, went down, and this one began. */
#define BEGAN 1000000
#define ARMED 1000030
#define CRASHED 1005000
#define BOOTED 1006000
#define DAY (24 * 3600)

#define STR_(x) #x
#define STR(x) STR_(x)
#define USEC(seconds) ((uint64_t) (seconds) *USEC_PER_SEC)

#define FILE_OF(id, armed, clean)                                                                  \
        "{\"boot_id\":\"" id "\",\"generation\":5,\"armed_realtime_usec\":" STR(                   \
                armed) "000000,\"boot_realtime_usec\":" STR(BEGAN) "000000,\"clean\":" clean "}"
#define ARMED_FILE FILE_OF(OTHER_BOOT, ARMED, "false")

static inline void put_boot(const Fixture *root, const char *boot_id, uint64_t began_seconds)
{
        _cleanup_free_ char *stat = NULL;

        if (boot_id)
                fixture_write(root, BOOT_ID, boot_id);
        assert_int_equal(strprintf(&stat, "cpu  1 2 3\nbtime %llu\nprocesses 9\n",
                                   (unsigned long long) began_seconds),
                         0);
        fixture_write(root, "/proc/stat", stat);
}
