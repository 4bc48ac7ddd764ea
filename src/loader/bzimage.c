/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the reading of a bzImage's header. The file may be anything: nothing in it is believed. */
#include "bzimage.h"

#include <inttypes.h>

#include "text.h"

/* Offsets in the file (Documentation/arch/x86/boot.rst). */
enum {
        OFFSET_SETUP_SECTS = BZIMAGE_HEADER_OFFSET,
        OFFSET_SYSSIZE = 0x1f4,
        OFFSET_BOOT_FLAG = 0x1fe,
        OFFSET_JUMP = 0x201, /* a short one, to what follows the header */
        OFFSET_MAGIC = 0x202,
        OFFSET_PROTOCOL = 0x206,
        OFFSET_LOADFLAGS = 0x211,
        OFFSET_ALIGNMENT = 0x230,
        OFFSET_RELOCATABLE = 0x234,
        OFFSET_XLOADFLAGS = 0x236,
        OFFSET_CMDLINE_SIZE = 0x238,
        OFFSET_PAYLOAD_OFFSET = 0x248,
        OFFSET_PAYLOAD_LENGTH = 0x24c,
        OFFSET_PREF_ADDRESS = 0x258,
        OFFSET_INIT_SIZE = 0x260,
        HEADER_END_MIN = 0x264, /* what is read here */
        HEADER_END_MAX = 0x290, /* boot_params has other fields from there on */
};

#define SECTOR_BYTES 512
#define SYSSIZE_BYTES 16 /* the unit of syssize */
#define PAGE_BYTES 4096

/* xloadflags came with 2.12 (kernel v3.8). */
#define PROTOCOL_MIN 0x020c

#define LOADED_HIGH 0x01
#define XLF_KERNEL_64 0x01
#define XLF_CAN_BE_LOADED_ABOVE_4G 0x02
#define XLF_EFI_KEXEC 0x10
#define XLF_5LEVEL 0x20

static uint64_t get_le(const uint8_t *file, size_t offset, size_t n_bytes)
{
        uint64_t value = 0;

        for (size_t i = n_bytes; i > 0; i--)
                value = value << 8 | file[offset + i - 1];
        return value;
}

static int bad(char **reterr_message, const char *why)
{
        (void) strprintf(reterr_message, "%s", why);
        return -EBADMSG;
}

static int header_check(const uint8_t *file, size_t size, char **reterr_message)
{
        uint64_t protocol, xloadflags, header_end;

        if (size < HEADER_END_MIN || get_le(file, OFFSET_BOOT_FLAG, 2) != 0xaa55 ||
            memcmp(file + OFFSET_MAGIC, "HdrS", 4) != 0)
                return bad(reterr_message, "it is not a bzImage");
        protocol = get_le(file, OFFSET_PROTOCOL, 2);
        if (protocol < PROTOCOL_MIN) {
                (void) strprintf(reterr_message, "its boot protocol %u.%02u is too old",
                                 (unsigned) protocol >> 8, (unsigned) protocol & 0xff);
                return -EBADMSG;
        }
        header_end = OFFSET_MAGIC + file[OFFSET_JUMP];
        if (header_end < HEADER_END_MIN || header_end > HEADER_END_MAX) {
                (void) strprintf(reterr_message, "its header ends at %#" PRIx64, header_end);
                return -EBADMSG;
        }
        if (!(file[OFFSET_LOADFLAGS] & LOADED_HIGH))
                return bad(reterr_message, "it is a zImage, for the first MiB of memory");
        if (file[OFFSET_RELOCATABLE] != 1)
                return bad(reterr_message,
                           "it cannot run where the memory is reserved: it was built without "
                           "CONFIG_RELOCATABLE");
        xloadflags = get_le(file, OFFSET_XLOADFLAGS, 2);
        if (!(xloadflags & XLF_KERNEL_64))
                return bad(reterr_message, "it has no entry for 64 bits");
        if (!(xloadflags & XLF_CAN_BE_LOADED_ABOVE_4G))
                return bad(reterr_message, "it cannot be loaded above 4 GiB");
        return 0;
}

/* Behind the first sector and those of the setup (0 means 4). The last 16 bytes may be cut, and a
 * signature may follow. */
static int kernel_find(BzImage *image, size_t size, char **reterr_message)
{
        uint64_t n_sectors = image->file[OFFSET_SETUP_SECTS] ?: 4;
        uint64_t start = (n_sectors + 1) * SECTOR_BYTES;
        uint64_t bytes = get_le(image->file, OFFSET_SYSSIZE, 4) * SYSSIZE_BYTES;

        if (bytes <= BZIMAGE_ENTRY_OFFSET) {
                (void) strprintf(reterr_message, "a kernel of %" PRIu64 " bytes has no entry",
                                 bytes);
                return -EBADMSG;
        }
        if (size < start + bytes - (SYSSIZE_BYTES - 1)) {
                (void) strprintf(reterr_message,
                                 "it is cut short: it has %zu bytes, and says it has %" PRIu64,
                                 size, start + bytes);
                return -EBADMSG;
        }
        image->kernel = image->file + start;
        image->kernel_bytes = MIN(bytes, size - start);
        return 0;
}

static int memory_check(const BzImage *image, char **reterr_message)
{
        uint64_t end;

        if (image->alignment < PAGE_BYTES || (image->alignment & (image->alignment - 1)) != 0) {
                (void) strprintf(reterr_message, "it cannot want to be aligned to %#" PRIx64,
                                 image->alignment);
                return -EBADMSG;
        }
        if (image->init_size_bytes < image->kernel_bytes ||
            __builtin_add_overflow(image->pref_paddr, image->init_size_bytes + image->alignment,
                                   &end)) {
                (void) strprintf(reterr_message,
                                 "it cannot run in %" PRIu64 " bytes from %#" PRIx64 " on",
                                 image->init_size_bytes, image->pref_paddr);
                return -EBADMSG;
        }
        if (image->payload_offset > image->kernel_bytes ||
            image->payload_bytes > image->kernel_bytes - image->payload_offset) {
                (void) strprintf(reterr_message,
                                 "its payload of %" PRIu64 " bytes at %" PRIu64
                                 " is not inside of its %" PRIu64 " bytes",
                                 image->payload_bytes, image->payload_offset, image->kernel_bytes);
                return -EBADMSG;
        }
        return 0;
}

int bzimage_parse(const void *data, size_t size, BzImage *ret, char **reterr_message)
{
        const uint8_t *file = data;
        BzImage image = { .file = file };
        uint64_t xloadflags;
        int r;

        r = header_check(file, size, reterr_message);
        if (r < 0)
                return r;
        r = kernel_find(&image, size, reterr_message);
        if (r < 0)
                return r;

        /* The file is longer than any header, as that ends before the kernel. */
        image.header_bytes = OFFSET_MAGIC + file[OFFSET_JUMP] - BZIMAGE_HEADER_OFFSET;
        image.init_size_bytes = get_le(file, OFFSET_INIT_SIZE, 4);
        image.alignment = get_le(file, OFFSET_ALIGNMENT, 4);
        image.pref_paddr = get_le(file, OFFSET_PREF_ADDRESS, 8);
        image.cmdline_max_bytes = get_le(file, OFFSET_CMDLINE_SIZE, 4);
        image.payload_offset = get_le(file, OFFSET_PAYLOAD_OFFSET, 4);
        image.payload_bytes = get_le(file, OFFSET_PAYLOAD_LENGTH, 4);
        xloadflags = get_le(file, OFFSET_XLOADFLAGS, 2);
        image.efi_kexec = xloadflags & XLF_EFI_KEXEC;
        image.five_level = xloadflags & XLF_5LEVEL;
        image.above_4g = xloadflags & XLF_CAN_BE_LOADED_ABOVE_4G;
        r = memory_check(&image, reterr_message);
        if (r < 0)
                return r;
        *ret = image;
        return 0;
}
