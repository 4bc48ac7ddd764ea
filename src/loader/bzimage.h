/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* BzImage: what the header of an x86 kernel says (Documentation/arch/x86/boot.rst). */
#pragma once

#include "macro.h"

#define BZIMAGE_HEADER_OFFSET 0x1f1U /* of setup_header, in the file and in boot_params */
#define BZIMAGE_ENTRY_OFFSET 0x200U  /* of the 64-bit entry, from where the kernel is loaded */

typedef struct BzImage {
        const uint8_t *file;      /* the caller's, must stay */
        const uint8_t *kernel;    /* the protected-mode part, inside @file */
        uint64_t kernel_bytes;    /* of it that are to be loaded */
        size_t header_bytes;      /* from BZIMAGE_HEADER_OFFSET on, to copy to boot_params */
        uint64_t init_size_bytes; /* from the load address on, until it has set up its own memory */
        uint64_t alignment, pref_paddr;
        uint64_t cmdline_max_bytes;             /* without the NUL */
        uint64_t payload_offset, payload_bytes; /* from @kernel */
        bool efi_kexec, five_level, above_4g;
} BzImage;

/* Returns 0; -EBADMSG with *reterr_message (the caller frees it) if this is no kernel that we can
 * load anywhere, in 64-bit mode. Does not log. */
int bzimage_parse(const void *file, size_t size, BzImage *ret, char **reterr_message);

/* Whether the payload can be decompressed to an ELF file: tried with gzip, xz and zstd; of other
 * formats only magic and size are looked at. Returns 0; -EOPNOTSUPP if it has no format that we
 * know, -EBADMSG as above, both with *reterr_message; -ENOMEM. Takes as long as decompressing does,
 * and for xz and zstd as much memory as is unpacked. Does not log. */
int bzimage_check_payload(const BzImage *image, char **reterr_message);
