/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TestCore: ELF cores for tests, made from a short description and laid out as /proc/vmcore is. */
#pragma once

#include <elf.h>

#include "vmcore.h"

#define TEST_CORE_SEGMENTS_MAX 64
#define TEST_PAGE_BYTES UINT64_C(4096)
#define TEST_DIRECT_MAP_VADDR UINT64_C(0xffff888000000000)
#define TEST_KERNEL_MAP_VADDR UINT64_C(0xffffffff80000000)

typedef struct TestSegment {
        uint64_t vaddr, paddr, memsz, filesz;
        const void *data; /* filesz bytes; NULL: zeros, as a hole of the file */
        uint64_t offset;  /* set by test_core_write() unless it is not 0 */
} TestSegment;

typedef struct TestCore {
        Elf64_Ehdr header; /* may be changed after test_core_init() */
        bool by_section;   /* the number of segments is in a section header */
        TestSegment segments[TEST_CORE_SEGMENTS_MAX];
        size_t n_segments;
        uint8_t notes[16384];
        size_t notes_size;
        int fd; /* of the file, once it is written */
        char path[64];
} TestCore;

void test_core_init(TestCore *core);
void test_core_done(TestCore *core);
void test_core_add(TestCore *core, uint64_t vaddr, uint64_t paddr, uint64_t memsz, uint64_t filesz,
                   const void *data);
void test_core_add_note(TestCore *core, const char *name, uint32_t type, const void *data,
                        size_t size);

/* Makes the file; @path is then its name. */
void test_core_write(TestCore *core);

/* Writes and opens it; fails the test if that fails. */
Vmcore *test_core_open(TestCore *core);

/* Numbers that look random and are the same each time. */
uint64_t test_random(uint64_t *state);

/* Bytes that look random; the caller frees them. @seed is not 0. */
uint8_t *test_pattern_new(size_t size, uint64_t seed);

/* A whole written core: @n_pages of such bytes from TEST_PATTERN_PFN on, and a VMCOREINFO that says
 * little. The bytes are returned, for the caller to free after test_core_done(). */
#define TEST_PATTERN_PFN UINT64_C(0x10)
uint8_t *test_core_of_pattern(TestCore *core, size_t n_pages);
