/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of Layout share: a machine, and an image for it. */
#pragma once

#include "layout.h"
#include "test.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define PAGE UINT64_C(4096)

/* A machine of 2 GiB with @area_bytes reserved from @start on. */
static inline LoaderFacts test_facts(uint64_t start, uint64_t area_bytes)
{
        return (LoaderFacts){
                .crash = { start, start + area_bytes },
                .mem_total_bytes = 2 * GIB,
                .max_paddr = 2 * GIB,
                .gb_pages = true,
                .vmcoreinfo = { 0x1000, 0x1024 },
        };
}

/* Sizes as those of Debian's 6.1, with a small initramfs. */
static inline LayoutInputs test_inputs(void)
{
        return (LayoutInputs){
                .kernel_bytes = 8200704,
                .kernel_init_size_bytes = 0x3f97000,
                .kernel_alignment = 2 * MIB,
                .kernel_pref_paddr = 16 * MIB,
                .initrd_bytes = 7156214,
                .fallback_initrd_bytes = 1096489,
                .cmdline_bytes = 211,
                .fallback_cmdline_bytes = 245,
                .setup_data_bytes = 160,
                .efi_table_bytes = 40 * 25,
                .elfcorehdr_bytes = 64 + 56 * 9,
                .purgatory_bytes = 18000,
        };
}

static inline LayoutPolicy test_policy(void)
{
        return (LayoutPolicy){
                .mirror_small = true,
                .mirror_kernel = true,
                .mirror_initrd = true,
        };
}

/* xorshift64; @state is not 0. */
static inline uint64_t test_random(uint64_t *state)
{
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        return *state;
}

static inline uint64_t test_random_up_to(uint64_t *state, uint64_t max)
{
        return test_random(state) % (max + 1);
}
