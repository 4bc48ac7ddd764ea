/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the bare device of tests. */
#include "test-raw-bed.h"

#include "raw-store.h"
#include "text.h"

void raw_bed_init(RawBed *bed, uint64_t device_bytes)
{
        char *holds = NULL;

        *bed = (RawBed){ .root = test_root_new() };
        bed->root_fd = test_root_open(bed->root);
        assert_int_equal(strprintf(&bed->device, "%s/device", bed->root), 0);
        test_write(bed->root_fd, "device", "", 0);
        assert_int_equal(truncate(bed->device, (off_t) device_bytes), 0);
        assert_int_equal(depot_raw_open(bed->device, &bed->depot, &holds), 0);
        assert_null(holds);
}

void raw_bed_begin(RawBed *bed, const char *name)
{
        _cleanup_free_ char *where = NULL;

        assert_int_equal(bed->depot->ops->begin(bed->depot, name, &where), 0);
        assert_non_null(strstr(where, name));
}

void raw_bed_done(RawBed *bed)
{
        depot_free(bed->depot);
        close_fd(bed->root_fd);
        test_root_freep(&bed->root);
        free(bed->device);
}

size_t raw_bed_copy_out(const RawBed *bed, const char *expected_name)
{
        _cleanup_close_ int fd = open(bed->device, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *name = NULL;
        size_t n_damaged = 0;
        RawStore store;

        assert_int_equal(raw_store_read(fd, &store), 1);
        assert_int_equal(raw_store_copy(fd, &store, bed->root_fd, &name, &n_damaged), 0);
        assert_string_equal(name, expected_name);
        assert_int_equal(n_damaged, 0);
        return store.n_parts;
}
