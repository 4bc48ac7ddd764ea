/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the list of setup_data. */
#include "setup-data.h"

#include "efi-table.h"
#include "purgatory-block.h"

/* Of <asm/setup_data.h> */
enum {
        TYPE_E820_EXT = 1,
        TYPE_EFI = 4,
        TYPE_RNG_SEED = 9,
};

#define EFI_NODE_BYTES (SETUP_DATA_HEADER_BYTES + EFI_TABLE_SETUP_BYTES)
#define SEED_NODE_BYTES (SETUP_DATA_HEADER_BYTES + SETUP_DATA_SEED_BYTES)

_Static_assert(EFI_NODE_BYTES % 8 == 0 && SEED_NODE_BYTES % 8 == 0, "nodes are aligned");

uint64_t setup_data_bytes(const SetupData *setup)
{
        uint64_t bytes = SEED_NODE_BYTES;

        if (setup->efi)
                bytes += EFI_NODE_BYTES;
        if (setup->n_more > 0)
                bytes += SETUP_DATA_HEADER_BYTES + (uint64_t) setup->n_more * E820_ENTRY_BYTES;
        return bytes;
}

static void write_header(uint8_t *ret, uint64_t next_paddr, uint32_t type, uint32_t len)
{
        memcpy(ret, &next_paddr, 8);
        memcpy(ret + 8, &type, 4);
        memcpy(ret + 12, &len, 4);
}

/* The only node whose length is no multiple of 8 comes last. */
void setup_data_write(const SetupData *setup, uint64_t paddr, uint8_t *ret)
{
        uint64_t next;

        if (setup->efi) {
                paddr += EFI_NODE_BYTES;
                write_header(ret, paddr, TYPE_EFI, EFI_TABLE_SETUP_BYTES);
                efi_table_write_setup(setup->efi, ret + SETUP_DATA_HEADER_BYTES);
                ret += EFI_NODE_BYTES;
        }
        next = setup->n_more > 0 ? paddr + SEED_NODE_BYTES : setup->next_paddr;
        write_header(ret, next, TYPE_RNG_SEED, SETUP_DATA_SEED_BYTES);
        memcpy(ret + SETUP_DATA_HEADER_BYTES, setup->seed, SETUP_DATA_SEED_BYTES);
        ret += SEED_NODE_BYTES;
        if (setup->n_more > 0) {
                write_header(ret, setup->next_paddr, TYPE_E820_EXT,
                             (uint32_t) (setup->n_more * E820_ENTRY_BYTES));
                e820_write(setup->more, setup->n_more, ret + SETUP_DATA_HEADER_BYTES);
        }
}

void setup_data_write_status_header(uint8_t ret[static SETUP_DATA_HEADER_BYTES])
{
        write_header(ret, 0, PURGATORY_SETUP_DATA_TYPE, sizeof(PurgatoryStatus));
}
