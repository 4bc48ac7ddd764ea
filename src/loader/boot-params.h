/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a kernel is started with: struct boot_params (Documentation/arch/x86/zero-page.rst) and the
 * command line. None of these log. */
#pragma once

#include "bzimage.h"
#include "e820.h"

#define BOOT_PARAMS_BYTES 4096U

/* Physical addresses and bytes; 0 where there is none. */
typedef struct BootParams {
        const BzImage *image;
        const E820 *e820; /* the first E820_ZERO_PAGE_MAX are written */
        uint64_t cmdline_paddr;
        uint64_t initrd_paddr, initrd_bytes;
        uint64_t setup_data_paddr;
        uint64_t efi_table_paddr;
} BootParams;

/* Returns 0; -EBADMSG if the header of the kernel is longer than its place. */
int boot_params_write(const BootParams *params, const LoaderFacts *facts,
                      uint8_t ret[static BOOT_PARAMS_BYTES]);

/* How many bytes boot_params_cmdline() gives, with the NUL: as many for any address. */
uint64_t boot_params_cmdline_bytes(const char *cmdline);

/* *ret (the caller's to free) is @cmdline with elfcorehdr= in front, as kexec_file_load(2) has it:
 * nothing in the line, as "--" or an open quote, can hide it there. Returns 0; -EINVAL if
 * @cmdline has one already, -E2BIG if @image takes no line that long, with *reterr_message (the
 * caller frees it); -ENOMEM. */
int boot_params_cmdline(const char *cmdline, const BzImage *image, uint64_t elfcorehdr_paddr,
                        char **ret, char **reterr_message);
