/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Made-up machines: what loader_facts_read() is to say of each, without reading anything. */
#pragma once

#include "loader-facts.h"

typedef enum TestMachine {
        TEST_MACHINE_BIOS_2G,   /* q35: two CPUs, an area of 256 MiB below 4 GiB */
        TEST_MACHINE_BIOS_6G,   /* area of 256 MiB above 4 GiB, another one below */
        TEST_MACHINE_EFI_2G,    /* OVMF: runtime map, RSDP of systab, frame buffer */
        TEST_MACHINE_DIMM,      /* 512 MiB added later, persistent memory used as RAM; the kernel
                                 * rewrites headers */
        TEST_MACHINE_CPU_GAPS,  /* CPUs 0, 1, 4, 5 and 12 */
        TEST_MACHINE_FRAGMENTS, /* 3000 ranges of RAM */
        TEST_MACHINE_E820_LONG, /* 300 ranges that are reserved, GART */
        TEST_MACHINE_LARGE,     /* 1 TiB, no pages of 1 GiB, 64 CPUs */
        TEST_MACHINE_LA57,      /* five levels of page tables */
        TEST_MACHINE_TINY_AREA, /* an area of 16 MiB; no ACPI, no UART */
        _TEST_MACHINE_MAX,
        _TEST_MACHINE_INVALID = -EINVAL,
} TestMachine;

/* The caller calls loader_facts_done(). @map has what is not RAM; RAM is in @ram. */
void test_machine_facts(TestMachine which, LoaderFacts *ret);

/* The number of its CPU whose note is cpu_notes[i]. */
unsigned test_machine_cpu(TestMachine which, size_t i);
