/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TestMemory: a crashed x86_64 kernel for tests: some memory from physical address 0 on, and its
 * VMCOREINFO. */
#pragma once

#include "kmem.h"
#include "test-core.h"

/* Where the kernel image is in physical memory: phys_base is this. */
#define TEST_PHYS_BASE UINT64_C(0x200000)

typedef struct TestMemory {
        TestCore core;
        uint8_t *bytes;
        uint64_t n_bytes;
        char info_text[16384];
        size_t n_info_text;
        Vmcore *vmcore; /* these three: after test_memory_open() */
        Vmcoreinfo *info;
        Kmem *kmem;
} TestMemory;

/* With @direct_map_vaddr 0, only the page tables tell where memory is. */
void test_memory_init(TestMemory *memory, uint64_t n_bytes, uint64_t direct_map_vaddr);
void test_memory_done(TestMemory *memory);

void test_memory_put(TestMemory *memory, uint64_t paddr, const void *data, size_t size);
void test_memory_put_u16(TestMemory *memory, uint64_t paddr, uint16_t value);
void test_memory_put_u32(TestMemory *memory, uint64_t paddr, uint32_t value);
void test_memory_put_u64(TestMemory *memory, uint64_t paddr, uint64_t value);

/* Adds to VMCOREINFO. */
void test_memory_info(TestMemory *memory, const char *format, ...) _printf_(2, 3);

/* Writes the core and opens it; what was open before is closed. Returns what kmem_open() did. */
int test_memory_open(TestMemory *memory);

/* Expects @vaddr to be at @paddr, with @bytes contiguous from there on; or not to be mapped. */
void test_memory_vtop(TestMemory *memory, uint64_t vaddr, uint64_t paddr, uint64_t bytes);
void test_memory_vtop_fails(TestMemory *memory, uint64_t vaddr, int error);
