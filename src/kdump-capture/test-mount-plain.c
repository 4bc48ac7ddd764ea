/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the options that mount-plain.c gives to mount(2). */
#include "test.h"

#include <limits.h>
#include <sys/mount.h>

#include "mount-plain.h"

static void test_flags_and_data(void **state)
{
        static const struct {
                const char *options;
                unsigned long flags;
                const char *data;
        } cases[] = {
                { NULL, 0, NULL },
                { "", 0, NULL },
                { "defaults", 0, NULL },
                { "rw,nofail,x-systemd.automount", 0, NULL },
                { "ro", MS_RDONLY, NULL },
                { "noatime,nodev", MS_NOATIME | MS_NODEV, NULL },
                { "subvolid=5", 0, "subvolid=5" },
                { "rw,subvolid=5,degraded", 0, "subvolid=5,degraded" },
                { "nouuid,sync,logdev=/dev/sdb", MS_SYNCHRONOUS, "nouuid,logdev=/dev/sdb" },
                { "rock,robust", 0, "rock,robust" },
                { ",,sb=1,,", 0, "sb=1" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *data = NULL;
                unsigned long flags = ULONG_MAX;

                assert_int_equal(mount_options_split(cases[i].options, &flags, &data), 0);
                assert_true(flags == cases[i].flags);
                if (!streq_ptr(data, cases[i].data))
                        fail_msg("'%s' leaves '%s'", cases[i].options, data ?: "");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_flags_and_data),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
