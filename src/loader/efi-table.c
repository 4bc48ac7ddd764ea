/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the forms in which EFI is passed on. */
#include "efi-table.h"

/* struct efi_info of <asm/bootparam.h> */
enum {
        INFO_OFFSET = 0x1c0, /* in boot_params */
        INFO_SIGNATURE = 0,
        INFO_DESCRIPTOR_BYTES = 8,
        INFO_DESCRIPTOR_VERSION = 12,
        INFO_MAP = 16,
        INFO_MAP_BYTES = 20,
        INFO_MAP_HIGH = 28,
        INFO_BYTES = 32,
};

#define DESCRIPTOR_VERSION 1U

static uint32_t get_u32(const uint8_t *p)
{
        uint32_t value;

        memcpy(&value, p, sizeof(value));
        return value;
}

static void put_u32(uint8_t *p, uint64_t value)
{
        uint32_t low = (uint32_t) value;

        memcpy(p, &low, sizeof(low));
}

static void put_u64(uint8_t *p, uint64_t value)
{
        memcpy(p, &value, sizeof(value));
}

bool efi_table_wanted(const LoaderFacts *facts, const BzImage *image)
{
        const uint8_t *info = facts->boot_params + INFO_OFFSET;

        /* "EL32" is firmware of 32 bits, whose services a kernel of 64 bits cannot take over. */
        return image->efi_kexec && facts->efi.n_ranges > 0 &&
               facts->efi.n_ranges <= UINT32_MAX / EFI_TABLE_DESCRIPTOR_BYTES &&
               memcmp(info + INFO_SIGNATURE, "EL64", 4) == 0 &&
               get_u32(info + INFO_MAP_BYTES) > 0 &&
               get_u32(info + INFO_DESCRIPTOR_VERSION) == DESCRIPTOR_VERSION;
}

uint64_t efi_table_bytes(const LoaderEfi *efi)
{
        return (uint64_t) efi->n_ranges * EFI_TABLE_DESCRIPTOR_BYTES;
}

void efi_table_write(const LoaderEfi *efi, uint8_t *ret)
{
        memset(ret, 0, efi_table_bytes(efi));
        for (size_t i = 0; i < efi->n_ranges; i++, ret += EFI_TABLE_DESCRIPTOR_BYTES) {
                put_u32(ret, efi->ranges[i].type);
                put_u64(ret + 8, efi->ranges[i].paddr);
                put_u64(ret + 16, efi->ranges[i].vaddr);
                put_u64(ret + 24, efi->ranges[i].pages);
                put_u64(ret + 32, efi->ranges[i].attribute);
        }
}

void efi_table_write_setup(const LoaderEfi *efi, uint8_t *ret)
{
        memset(ret, 0, EFI_TABLE_SETUP_BYTES);
        put_u64(ret, efi->fw_vendor);
        put_u64(ret + 8, efi->runtime); /* not read since v5.7 */
        put_u64(ret + 16, efi->config_table);
        put_u64(ret + 24, efi->smbios);
}

void efi_table_write_info(const LoaderFacts *facts, uint64_t paddr, uint8_t *ret)
{
        memcpy(ret, facts->boot_params + INFO_OFFSET, INFO_BYTES);
        put_u32(ret + INFO_DESCRIPTOR_BYTES, EFI_TABLE_DESCRIPTOR_BYTES);
        put_u32(ret + INFO_MAP, paddr);
        put_u32(ret + INFO_MAP_HIGH, paddr >> 32);
        put_u32(ret + INFO_MAP_BYTES, efi_table_bytes(&facts->efi));
}
