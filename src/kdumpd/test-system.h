/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A system below a folder that base images can be built on, with a program in the place of dracut.
 * Everything fails the test that it is called from. */
#pragma once

#include "test-fixture.h"

#include "image.h"

#define KERNEL_BYTES 4096

/* The parts that an image is made of in these tests. */
enum {
        PART_CAPTURE = 1 << 0,
        PART_BASE_INFO = 1 << 1,
        PART_OTHER_VERSION = 1 << 2,
        PART_EARLY = 1 << 3, /* a plain archive in front */
        PART_PLAIN = 1 << 4, /* all is plain */
        PART_GOOD = PART_CAPTURE | PART_BASE_INFO,
};
/* Writes an image of these to @path. */
void make_image(const Fixture *root, const char *path, unsigned parts);

/* Where its payload begins: behind 10 bytes of gzip's header each bit counts. */
#define KERNEL_PAYLOAD 3072

/* As much of a bzImage as is checked, of which @size_bytes are there; @fill: what is in it. */
void write_kernel(const Fixture *root, const char *path, uint8_t fill, size_t size_bytes);

/* All that a build for kernel 6.1 looks at, and a dracut that copies /image and runs /during. PATH
 * is changed so that it is found. */
void make_system(Fixture *root);

/* What it has: driver ext4 and /usr/bin/tool. */
extern const BaseRequest test_request;

/* That there is no image for @wanted, because of @why. */
void expect_none(const Fixture *root, const BaseRequest *wanted, const char *why);

/* That image @id serves @wanted, without a warning. */
void expect_found(const Fixture *root, const BaseRequest *wanted, const char *id);
