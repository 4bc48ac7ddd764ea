/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the making of a crashed kernel's memory for tests. */
#include "test-memory.h"
#include "test.h"

void test_memory_init(TestMemory *memory, uint64_t n_bytes, uint64_t direct_map_vaddr)
{
        memset(memory, 0, sizeof(*memory));
        test_core_init(&memory->core);
        memory->bytes = calloc(1, n_bytes);
        assert_non_null(memory->bytes);
        memory->n_bytes = n_bytes;
        test_core_add(&memory->core, direct_map_vaddr, 0, n_bytes, n_bytes, memory->bytes);
}

static void memory_close(TestMemory *memory)
{
        memory->kmem = kmem_close(memory->kmem);
        memory->info = vmcoreinfo_free(memory->info);
        memory->vmcore = vmcore_close(memory->vmcore);
        test_core_done(&memory->core);
}

void test_memory_done(TestMemory *memory)
{
        memory_close(memory);
        free(memory->bytes);
}

void test_memory_put(TestMemory *memory, uint64_t paddr, const void *data, size_t size)
{
        assert_true(paddr <= memory->n_bytes && size <= memory->n_bytes - paddr);
        memcpy(memory->bytes + paddr, data, size);
}

void test_memory_put_u16(TestMemory *memory, uint64_t paddr, uint16_t value)
{
        test_memory_put(memory, paddr, &value, sizeof(value));
}

void test_memory_put_u32(TestMemory *memory, uint64_t paddr, uint32_t value)
{
        test_memory_put(memory, paddr, &value, sizeof(value));
}

void test_memory_put_u64(TestMemory *memory, uint64_t paddr, uint64_t value)
{
        test_memory_put(memory, paddr, &value, sizeof(value));
}

void test_memory_info(TestMemory *memory, const char *format, ...)
{
        size_t room = sizeof(memory->info_text) - memory->n_info_text;
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(memory->info_text + memory->n_info_text, room, format, args);
        va_end(args);
        assert_true(n > 0 && (size_t) n + 1 < room);
        memory->n_info_text += (size_t) n;
        memory->info_text[memory->n_info_text++] = '\n';
}

int test_memory_open(TestMemory *memory)
{
        memory_close(memory);
        memory->vmcore = test_core_open(&memory->core);
        assert_int_equal(vmcoreinfo_new(memory->info_text, memory->n_info_text, &memory->info), 0);
        return kmem_open(memory->vmcore, memory->info, &memory->kmem);
}

void test_memory_vtop(TestMemory *memory, uint64_t vaddr, uint64_t paddr, uint64_t bytes)
{
        uint64_t got_paddr, got_bytes;

        assert_int_equal(kmem_vtop(memory->kmem, vaddr, &got_paddr, &got_bytes), 0);
        assert_int_equal(got_paddr, paddr);
        assert_int_equal(got_bytes, bytes);
}

void test_memory_vtop_fails(TestMemory *memory, uint64_t vaddr, int error)
{
        uint64_t paddr;

        assert_int_equal(kmem_vtop(memory->kmem, vaddr, &paddr, NULL), error);
}
