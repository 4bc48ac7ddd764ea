/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RawBed: a depot on a bare device, for which a file stands, and what the next start of the machine
 * finds there. */
#pragma once

#include "depot-raw.h"
#include "test.h"

typedef struct RawBed {
        char *root, *device;
        int root_fd;
        Depot *depot;
} RawBed;

void raw_bed_init(RawBed *bed, uint64_t device_bytes);
void raw_bed_begin(RawBed *bed, const char *name);
void raw_bed_done(RawBed *bed);

/* Copies the dump to a folder in the root, which is then called @expected_name; nothing of it is
 * damaged. Returns the number of its files. */
size_t raw_bed_copy_out(const RawBed *bed, const char *expected_name);
