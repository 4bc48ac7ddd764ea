/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: the kernel that is to be loaded. The input is a bzImage. */
#include "bzimage.h"
#include "fuzz.h"

#define UNPACKED_BYTES_MAX (UINT64_C(16) << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *message = NULL, *payload_message = NULL;
        BzImage image;
        int r;

        r = bzimage_parse(data, size, &image, &message);
        FUZZ_CHECK(r == 0 || r == -EBADMSG);
        FUZZ_CHECK(!message == (r == 0));
        if (r < 0)
                return 0;
        FUZZ_CHECK(image.kernel > data && image.kernel_bytes > BZIMAGE_ENTRY_OFFSET);
        FUZZ_CHECK(image.kernel + image.kernel_bytes <= data + size);
        FUZZ_CHECK(BZIMAGE_HEADER_OFFSET + image.header_bytes <= 0x290);
        FUZZ_CHECK(image.init_size_bytes >= image.kernel_bytes);
        FUZZ_CHECK(image.payload_offset + image.payload_bytes <= image.kernel_bytes);

        /* What it may unpack, and so how long that takes, is what it asks for. */
        if (image.init_size_bytes > UNPACKED_BYTES_MAX)
                return 0;
        r = bzimage_check_payload(&image, &payload_message);
        FUZZ_CHECK(r == 0 || r == -EBADMSG || r == -EOPNOTSUPP);
        FUZZ_CHECK(!payload_message == (r == 0));
        return 0;
}
