/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of EFI the crash kernel is given: its run-time services stay where the crashed kernel has
 * mapped them. None of these log. */
#pragma once

#include "bzimage.h"
#include "loader-facts.h"

#define EFI_TABLE_DESCRIPTOR_BYTES 40U /* efi_memory_desc_t of include/linux/efi.h */

/* struct efi_setup_data of arch/x86/include/asm/efi.h */
#define EFI_TABLE_SETUP_BYTES 96U

/* Whether @image can take over from a running kernel, and all that it needs is known. If not, it
 * has ACPI by boot_params alone, and no EFI. */
bool efi_table_wanted(const LoaderFacts *facts, const BzImage *image);

uint64_t efi_table_bytes(const LoaderEfi *efi);

/* Writes efi_table_bytes() of descriptors. */
void efi_table_write(const LoaderEfi *efi, uint8_t *ret);

/* Writes EFI_TABLE_SETUP_BYTES: where the tables are that the firmware's own table names no more
 * once it was mapped. */
void efi_table_write_setup(const LoaderEfi *efi, uint8_t *ret);

/* Writes the 32 bytes of struct efi_info for a table at @paddr. */
void efi_table_write_info(const LoaderFacts *facts, uint64_t paddr, uint8_t *ret);
