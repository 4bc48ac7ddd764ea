/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: the headers on a bare device. The input is the device, but the headers' sums are
 * made right: otherwise hardly any of them would be looked at. */
#include <endian.h>
#include <sys/mman.h>
#include <zlib.h>

#include "fuzz.h"
#include "io.h"
#include "raw-store.h"

static void device_write(int fd, const uint8_t *data, size_t size)
{
        FUZZ_CHECK(size == 0 || pwrite_full(fd, data, size, 0) == 0);
        for (size_t i = 0; i < RAW_N_HEADERS && (i + 1) * RAW_BLOCK_BYTES <= size; i++) {
                RawHeader header;

                memcpy(&header, data + i * RAW_BLOCK_BYTES, sizeof(header));
                header.crc = htole32(
                        (uint32_t) crc32(0, (const uint8_t *) &header, offsetof(RawHeader, crc)));
                FUZZ_CHECK(pwrite_full(fd, &header, sizeof(header), i * RAW_BLOCK_BYTES) == 0);
        }
}

static void store_check(const RawStore *store, size_t size)
{
        FUZZ_CHECK(store->device_bytes == size);
        FUZZ_CHECK(store->n_parts <= RAW_PARTS_MAX);
        FUZZ_CHECK(raw_name_is_valid(store->folder));
        for (size_t i = 0; i < store->n_parts; i++) {
                const RawPart *part = store->parts + i;

                FUZZ_CHECK(raw_name_is_valid(part->name));
                FUZZ_CHECK(part->offset_bytes >= RAW_DATA_OFFSET_BYTES);
                FUZZ_CHECK(part->offset_bytes <= size);
                FUZZ_CHECK(part->size_bytes <= size - part->offset_bytes);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_close_ int fd = memfd_create("device", MFD_CLOEXEC);
        RawStore store = {};
        int r;

        FUZZ_CHECK(fd >= 0);
        device_write(fd, data, size);
        r = raw_store_read(fd, &store);
        FUZZ_CHECK(r == 1 || r == 0 || r == -ENODATA || r == -EBADMSG || r == -EOPNOTSUPP);
        if (r == 1)
                store_check(&store, size);
        if (r == 0)
                FUZZ_CHECK(store.n_parts == 0);

        /* Whatever was there, a dump can be begun and is what counts then. */
        if (size <= RAW_DATA_OFFSET_BYTES)
                return 0;
        FUZZ_CHECK(raw_store_begin(fd, "next", &store) == 0);
        FUZZ_CHECK(raw_store_add(&store, "file", RAW_DATA_OFFSET_BYTES, 1, 0) == 0);
        FUZZ_CHECK(raw_store_write(fd, &store) == 0);
        FUZZ_CHECK(raw_store_read(fd, &store) == 1);
        FUZZ_CHECK(store.n_parts == 1 && streq(store.folder, "next"));
        return 0;
}
