/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the fields of boot_params, and the place of elfcorehdr= in the command line. */
#include "boot-params.h"

#include <inttypes.h>

#include "efi-table.h"
#include "text.h"

/* Offsets in struct boot_params of <asm/bootparam.h> */
enum {
        SCREEN_INFO = 0x000,
        SCREEN_INFO_EXT_MEM_K = 0x002, /* which is memory of the machine, not of the screen */
        SCREEN_INFO_BYTES = 0x040,
        ACPI_RSDP_ADDR = 0x070,
        EXT_RAMDISK_IMAGE = 0x0c0,
        EXT_RAMDISK_SIZE = 0x0c4,
        EXT_CMD_LINE_PTR = 0x0c8,
        EFI_INFO = 0x1c0,
        E820_ENTRIES = 0x1e8,
        SECURE_BOOT = 0x1ec,
        TYPE_OF_LOADER = 0x210,
        LOADFLAGS = 0x211,
        RAMDISK_IMAGE = 0x218,
        RAMDISK_SIZE = 0x21c,
        CMD_LINE_PTR = 0x228,
        HARDWARE_SUBARCH = 0x23c,
        SETUP_DATA = 0x250,
        HEADER_END = 0x290, /* the header may grow up to here */
        E820_TABLE = 0x2d0,
};

#define LOADER_KEXEC 0xd0 /* Documentation/arch/x86/boot.rst: D is kexec-tools */

/* Digits enough for any address, so that the line is as long wherever the headers are. */
#define ELFCOREHDR_FORMAT "elfcorehdr=0x%016" PRIx64
#define ELFCOREHDR_CHARS (sizeof("elfcorehdr=0x") - 1 + 16)

static void put_u32(uint8_t *p, uint64_t value)
{
        uint32_t low = (uint32_t) value;

        memcpy(p, &low, sizeof(low));
}

/* An address or a size whose upper half came later. */
static void put_halves(uint8_t *ret, size_t low, size_t high, uint64_t value)
{
        put_u32(ret + low, value);
        put_u32(ret + high, value >> 32);
}

static void write_screen(const LoaderFacts *facts, uint8_t *ret)
{
        /* A driver may have moved the frame buffer away: no screen is better than writes to what
         * is there now. */
        if (!facts->firmware_framebuffer)
                return;
        memcpy(ret + SCREEN_INFO, facts->boot_params + SCREEN_INFO, SCREEN_INFO_BYTES);
        memset(ret + SCREEN_INFO_EXT_MEM_K, 0, 2);
}

static void write_e820(const E820 *e820, uint8_t *ret)
{
        size_t n = MIN(e820->n, (size_t) E820_ZERO_PAGE_MAX);

        ret[E820_ENTRIES] = (uint8_t) n;
        e820_write(e820->ranges, n, ret + E820_TABLE);
}

/* The sentinel at 0x1ef stays 0: else the kernel takes most of this for rubbish
 * (sanitize_boot_params() of arch/x86/include/asm/bootparam_utils.h). */
int boot_params_write(const BootParams *params, const LoaderFacts *facts,
                      uint8_t ret[static BOOT_PARAMS_BYTES])
{
        const BzImage *image = params->image;

        if (image->header_bytes > HEADER_END - BZIMAGE_HEADER_OFFSET)
                return -EBADMSG;
        memset(ret, 0, BOOT_PARAMS_BYTES);
        memcpy(ret + BZIMAGE_HEADER_OFFSET, image->file + BZIMAGE_HEADER_OFFSET,
               image->header_bytes);
        ret[TYPE_OF_LOADER] = LOADER_KEXEC;
        ret[LOADFLAGS] = 0; /* they speak of code of 16 and 32 bits */
        write_screen(facts, ret);
        memcpy(ret + ACPI_RSDP_ADDR, &facts->acpi_rsdp, 8);
        memcpy(ret + HARDWARE_SUBARCH, facts->boot_params + HARDWARE_SUBARCH, 4);
        put_halves(ret, CMD_LINE_PTR, EXT_CMD_LINE_PTR, params->cmdline_paddr);
        put_halves(ret, RAMDISK_IMAGE, EXT_RAMDISK_IMAGE, params->initrd_paddr);
        put_halves(ret, RAMDISK_SIZE, EXT_RAMDISK_SIZE, params->initrd_bytes);
        memcpy(ret + SETUP_DATA, &params->setup_data_paddr, 8);
        if (params->efi_table_paddr != 0) {
                efi_table_write_info(facts, params->efi_table_paddr, ret + EFI_INFO);
                ret[SECURE_BOOT] = facts->boot_params[SECURE_BOOT];
        }
        write_e820(params->e820, ret);
        return 0;
}

uint64_t boot_params_cmdline_bytes(const char *cmdline)
{
        size_t n = strlen(cmdline);

        return ELFCOREHDR_CHARS + (n > 0 ? 1 + n : 0) + 1;
}

/* The kernel drops quotes around a word (next_arg() of lib/cmdline.c). What is inside of others is
 * refused with the rest: nobody has that. */
static bool has_elfcorehdr(const char *cmdline)
{
        for (const char *p = cmdline; (p = strstr(p, "elfcorehdr=")); p++)
                if (p == cmdline || strchr(" \t\n\v\f\r\"", p[-1]))
                        return true;
        return false;
}

int boot_params_cmdline(const char *cmdline, const BzImage *image, uint64_t elfcorehdr_paddr,
                        char **ret, char **reterr_message)
{
        uint64_t chars = boot_params_cmdline_bytes(cmdline) - 1;

        if (has_elfcorehdr(cmdline)) {
                (void) strprintf(reterr_message,
                                 "the crash kernel's command line has elfcorehdr= already, which "
                                 "only its loader can know");
                return -EINVAL;
        }
        if (chars > image->cmdline_max_bytes) {
                (void) strprintf(reterr_message,
                                 "the crash kernel's command line has %" PRIu64
                                 " bytes with elfcorehdr=, but the kernel takes %" PRIu64 " bytes",
                                 chars, image->cmdline_max_bytes);
                return -E2BIG;
        }
        return strprintf(ret, ELFCOREHDR_FORMAT "%s%s", elfcorehdr_paddr,
                         strempty(cmdline) ? "" : " ", cmdline);
}
