/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables: page tables of arm64 kernels, built by hand for tests. */
#pragma once

#include "test-memory.h"

#define MEMORY_BYTES (UINT64_C(8) << 20)
#define KIMAGE_VOFFSET UINT64_C(0xffff7fffc0000000)
#define ROOT_PADDR UINT64_C(0x200000)

/* One way to build a kernel, and what the processor makes of it. */
typedef struct TablesConfig {
        unsigned page_shift, va_bits_config, va_bits, paddr_bits;
        unsigned n_levels;
        unsigned block_level_max;
        unsigned root_bits; /* of the address, that the first table is for */
} TablesConfig;

#define TABLES_N_CONFIGS 16
extern const TablesConfig tables_configs[TABLES_N_CONFIGS];

typedef struct Tables {
        TestMemory memory;
        TablesConfig config;
        uint64_t high_paddr; /* a second piece of memory, 0 if there is none */
        uint8_t *high;
        uint64_t next_paddr;
} Tables;

uint64_t tables_half_start(unsigned bits);
uint64_t tables_upper_half(const Tables *tables);
uint64_t tables_level_bytes(const Tables *tables, unsigned level);
void tables_init_bare(Tables *tables, const TablesConfig *config, uint64_t high_paddr);
void tables_init(Tables *tables, const TablesConfig *config, uint64_t high_paddr);
void tables_done(Tables *tables);
uint64_t tables_map(Tables *tables, uint64_t vaddr, uint64_t paddr, unsigned level);
