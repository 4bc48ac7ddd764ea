/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns page tables of arm64 kernels in a made-up memory: each size, depth and form of address. */
#include "test-tables-aarch64.h"
#include "test.h"

#define HIGH_BYTES (UINT64_C(1) << 20)
#define TABLES_PADDR UINT64_C(0x300000)

/* AttrIndx, AP[2], AF, GP, PXN and UXN; and SH, whose place LPA2 needs for the address */
#define ATTRIBUTES                                                                                 \
        (UINT64_C(4) | UINT64_C(1) << 7 | UINT64_C(1) << 10 | UINT64_C(1) << 50 | UINT64_C(3) << 53)
#define SHAREABLE (UINT64_C(3) << 8)

const TablesConfig tables_configs[TABLES_N_CONFIGS] = {
        { 14, 36, 36, 48, 2, 1, 36 },
        { 16, 42, 42, 48, 2, 1, 42 },
        { 12, 39, 39, 48, 3, 2, 39 },
        { 14, 47, 47, 48, 3, 1, 47 },
        { 16, 48, 48, 48, 3, 1, 48 },
        { 16, 48, 48, 52, 3, 2, 48 },
        { 16, 52, 52, 52, 3, 2, 52 },
        { 12, 48, 48, 48, 4, 2, 48 },
        { 14, 48, 48, 48, 4, 1, 48 },
        { 14, 52, 52, 52, 4, 2, 52 },
        { 12, 52, 52, 52, 5, 3, 52 },
        /* Kernels for 52 bits on processors that have not so many, and those of v5.0 to v5.3 that
         * had them for programs only. */
        { 12, 52, 48, 48, 4, 2, 48 },
        { 14, 52, 47, 48, 3, 1, 47 },
        { 16, 52, 48, 48, 3, 1, 52 },
        { 16, 52, 48, 52, 3, 2, 52 },
        { 16, 48, 48, 48, 3, 1, 52 },
};

uint64_t tables_half_start(unsigned bits)
{
        return UINT64_MAX << bits;
}

/* Modules, image and vmalloc are in the upper half since v5.4. */
uint64_t tables_upper_half(const Tables *tables)
{
        return tables_half_start(tables->config.va_bits - 1);
}

uint64_t tables_level_bytes(const Tables *tables, unsigned level)
{
        return UINT64_C(1) << (tables->config.page_shift + (tables->config.page_shift - 3) * level);
}

/* All but VMCOREINFO. */
void tables_init_bare(Tables *tables, const TablesConfig *config, uint64_t high_paddr)
{
        memset(tables, 0, sizeof(*tables));
        test_memory_init(&tables->memory, MEMORY_BYTES, 0);
        tables->memory.core.header.e_machine = EM_AARCH64;
        tables->config = *config;
        tables->next_paddr = TABLES_PADDR;
        tables->high_paddr = high_paddr;
        if (high_paddr) {
                tables->high = calloc(1, HIGH_BYTES);
                assert_non_null(tables->high);
                test_core_add(&tables->memory.core, 0, high_paddr, HIGH_BYTES, HIGH_BYTES,
                              tables->high);
        }
}

void tables_init(Tables *tables, const TablesConfig *config, uint64_t high_paddr)
{
        TestMemory *memory = &tables->memory;

        tables_init_bare(tables, config, high_paddr);
        test_memory_info(memory, "PAGESIZE=%u", 1u << config->page_shift);
        test_memory_info(memory, "NUMBER(VA_BITS)=%u", config->va_bits_config);
        test_memory_info(memory, "NUMBER(TCR_EL1_T1SZ)=0x%x", 64 - config->va_bits);
        test_memory_info(memory, "NUMBER(MAX_PHYSMEM_BITS)=%u", config->paddr_bits);
        test_memory_info(memory, "NUMBER(kimage_voffset)=0x%llx",
                         (unsigned long long) KIMAGE_VOFFSET);
        test_memory_info(memory, "SYMBOL(swapper_pg_dir)=%llx",
                         (unsigned long long) (ROOT_PADDR + KIMAGE_VOFFSET));
        test_memory_info(memory, "SYMBOL(_stext)=%llx",
                         (unsigned long long) (tables_half_start(MIN(config->va_bits, 47u) - 1) +
                                               UINT64_C(0x8010000)));
}

void tables_done(Tables *tables)
{
        test_memory_done(&tables->memory);
        free(tables->high);
}

static uint8_t *tables_at(Tables *tables, uint64_t paddr)
{
        if (tables->high_paddr && paddr >= tables->high_paddr)
                return tables->high + (paddr - tables->high_paddr);
        assert_true(paddr < MEMORY_BYTES);
        return tables->memory.bytes + paddr;
}

static uint64_t descriptor(const Tables *tables, uint64_t paddr, uint64_t type)
{
        const TablesConfig *config = &tables->config;

        if (config->paddr_bits < 52)
                return paddr | type | ATTRIBUTES | SHAREABLE;
        if (config->page_shift == 16)
                return (paddr & UINT64_C(0xffffffff0000)) | (paddr >> 48) << 12 | type |
                       ATTRIBUTES | SHAREABLE;
        return (paddr & UINT64_C(0x3ffffffffffff)) | (paddr >> 50) << 8 | type | ATTRIBUTES;
}

static uint64_t descriptor_paddr(const Tables *tables, uint64_t entry)
{
        const TablesConfig *config = &tables->config;
        uint64_t low = entry & tables_half_start(config->page_shift);

        if (config->paddr_bits < 52)
                return low & UINT64_C(0xffffffffffff);
        if (config->page_shift == 16)
                return (low & UINT64_C(0xffffffffffff)) | (entry >> 12 & 0xf) << 48;
        return (low & UINT64_C(0x3ffffffffffff)) | (entry >> 8 & 3) << 50;
}

static uint64_t tables_new_page(Tables *tables)
{
        uint64_t paddr = tables->next_paddr;

        tables->next_paddr += UINT64_C(1) << tables->config.page_shift;
        return paddr;
}

/* Maps @vaddr to @paddr at @level, 0 being that of pages. Returns where that descriptor is. */
uint64_t tables_map(Tables *tables, uint64_t vaddr, uint64_t paddr, unsigned level)
{
        const TablesConfig *config = &tables->config;
        uint64_t table = ROOT_PADDR, at, entry;

        for (unsigned i = config->n_levels - 1;; i--) {
                unsigned shift = config->page_shift + (config->page_shift - 3) * i;
                unsigned end_bit = i == config->n_levels - 1 ? config->root_bits
                                                             : shift + config->page_shift - 3;

                at = table + ((vaddr & ~tables_half_start(end_bit)) >> shift) * 8;
                if (i == level)
                        break;
                memcpy(&entry, tables_at(tables, at), 8);
                if (entry == 0) {
                        entry = descriptor(tables, tables_new_page(tables), 3);
                        memcpy(tables_at(tables, at), &entry, 8);
                }
                table = descriptor_paddr(tables, entry);
        }
        entry = descriptor(tables, paddr, level == 0 ? 3 : 1);
        memcpy(tables_at(tables, at), &entry, 8);
        return at;
}
