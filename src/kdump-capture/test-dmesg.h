/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of Dmesg share: a crashed kernel to put a log into, and what dmesg_write() gave.
 */
#pragma once

#include "dmesg.h"
#include "test-memory.h"
#include "test.h"

#define MEMORY_BYTES (TEST_PHYS_BASE + UINT64_C(0x10000))
#define IMAGE_VADDR(offset) (TEST_KERNEL_MAP_VADDR + (offset))
#define IMAGE_PADDR(offset) (TEST_PHYS_BASE + (offset))

/* What dmesg_write() gave. */
typedef struct Got {
        char *text;
        size_t n_text, n_chunks;
        size_t fail_after; /* chunks; 0: never */
        char *panic_line;
} Got;

static inline void got_done(Got *got)
{
        free(got->text);
        free(got->panic_line);
}

static inline int got_emit(const char *text, size_t size, void *data)
{
        Got *got = data;

        assert_true(size > 0);
        if (got->fail_after > 0 && got->n_chunks + 1 >= got->fail_after)
                return -ENOSPC;
        got->n_chunks++;
        got->text = realloc(got->text, got->n_text + size + 1);
        assert_non_null(got->text);
        memcpy(got->text + got->n_text, text, size);
        got->n_text += size;
        got->text[got->n_text] = 0;
        return 0;
}

static inline int got_write(Got *got, TestMemory *memory)
{
        got_done(got);
        *got = (Got){ .fail_after = got->fail_after };
        return dmesg_write(memory->kmem, memory->info, got_emit, got, &got->panic_line);
}

static inline void memory_init(TestMemory *memory)
{
        test_memory_init(memory, MEMORY_BYTES, TEST_DIRECT_MAP_VADDR);
        test_memory_info(memory, "NUMBER(phys_base)=%lld", (long long) TEST_PHYS_BASE);
}
