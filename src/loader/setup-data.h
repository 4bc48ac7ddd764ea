/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of struct setup_data that boot_params names (Documentation/arch/x86/boot.rst). None of
 * these log. */
#pragma once

#include "e820.h"

#define SETUP_DATA_HEADER_BYTES 16U
#define SETUP_DATA_SEED_BYTES 32U

/* What the nodes in EXTENT_SETUP_DATA say. */
typedef struct SetupData {
        const LoaderEfi *efi;    /* NULL: no node */
        const uint8_t *seed;     /* SETUP_DATA_SEED_BYTES for the crash kernel's random numbers */
        const MemoryRange *more; /* of e820, what was too much for boot_params */
        size_t n_more;           /* 0: no node */
        uint64_t next_paddr;     /* of the node behind these; 0: none */
} SetupData;

/* The first node is at the start. */
uint64_t setup_data_bytes(const SetupData *setup);

/* Writes setup_data_bytes(), to be loaded at @paddr, which must be a multiple of 8. */
void setup_data_write(const SetupData *setup, uint64_t paddr, uint8_t *ret);

/* Writes the header of the last node, behind which PurgatoryStatus is. */
void setup_data_write_status_header(uint8_t ret[static SETUP_DATA_HEADER_BYTES]);
