/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the made-up system of the tests of wanted*.c. */
#include "test-wanted-bed.h"

void bed_init(Bed *bed)
{
        static char release[] = "6.1", cmdline[] = "root=/dev/vda1 ro", hostname[] = "box";

        *bed = (Bed){ 0 };
        make_system(&bed->root);
        fixture_write(&bed->root, "/etc/kdump.conf", "ext4 UUID=1234\n");
        fixture_write(&bed->root, "/proc/self/mountinfo", "");
        bed->facts = (Facts){ .kernel_release = release,
                              .kernel_cmdline = cmdline,
                              .hostname = hostname,
                              .crash_size_bytes = 256 * MIB };
        assert_int_equal(generation_store_load(bed->root.fd, &bed->store), 0);
}

void bed_done(Bed *bed)
{
        wanted_done(&bed->wanted);
        generation_store_done(&bed->store);
        fixture_done(&bed->root);
}

void bed_read_with(Bed *bed, const char *keep_id)
{
        wanted_done(&bed->wanted);
        assert_int_equal(wanted_read(bed->root.fd, &bed->facts, &bed->store, NULL, keep_id, true,
                                     &bed->wanted),
                         0);
}

void bed_read(Bed *bed)
{
        bed_read_with(bed, NULL);
}

void bed_build(const Bed *bed)
{
        static char ext4[] = "ext4", dog[] = "dog", bus[] = "bus", a_b[] = "a_b";
        static char *drivers[] = { a_b, bus, dog, ext4, NULL };
        _cleanup_(base_image_done) BaseImage base = { 0 };

        assert_int_equal(
                image_build_below(bed->root.path,
                                  &(BaseRequest){ .kernel_release = "6.1", .drivers = drivers },
                                  &base),
                0);
}

void bed_expect_whole(Bed *bed)
{
        bed_read(bed);
        if (bed->wanted.problem || bed->wanted.base_missing)
                fail_msg("%s", bed->wanted.problem ?: bed->wanted.base_missing);
        assert_true(bed->wanted.generation.number > 0);
}
