/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A made-up reserved area into which an image is loaded, and a made-up kernel for it. */
#pragma once

#include "crash-image.h"

#define TEST_KERNEL_FILE_BYTES 400000U
#define TEST_KERNEL_SECTORS_BYTES 2560U /* before the protected-mode part */
#define TEST_BLOB_BYTES 12288U

/* What is the same for all images of a test. */
typedef struct TestFiles {
        uint8_t kernel[TEST_KERNEL_FILE_BYTES];
        uint8_t initrd[300001], fallback[65536];
        uint8_t blob[TEST_BLOB_BYTES];
} TestFiles;

/* The caller calls free(). */
TestFiles *test_files_new(void);

/* With a fallback. */
CrashImageInputs test_files_inputs(const TestFiles *files);

typedef struct TestMemory {
        Range area;
        uint8_t *bytes; /* of the area */
        RangeList written;
} TestMemory;

void test_memory_done(TestMemory *memory);

/* Loads as the loader is told to: all of it, or what is in small segments only. Fails if a byte is
 * written that no segment has, or twice. */
void test_memory_load(TestMemory *memory, const CrashImage *image, bool sparse);

/* Fails if not all of it is in the area and was written. */
const uint8_t *test_memory_at(const TestMemory *memory, uint64_t paddr, uint64_t bytes);
