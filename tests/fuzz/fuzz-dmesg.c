/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: the kernel log, as lockless ring and as log of records. The input is that of
 * FuzzCore. */
#include <elf.h>

#include "dmesg.h"
#include "fuzz-core.h"

/* The image is at physical address 0; what is read there first is at 0x100 and 0x1000. */
#define PLACE_TEXT "NUMBER(phys_base)=0\n"
#define RING_TEXT                                                                                  \
        PLACE_TEXT "SYMBOL(prb)=ffffffff80000100\n"                                                \
                   "OFFSET(printk_ringbuffer.desc_ring)=0\n"                                       \
                   "OFFSET(printk_ringbuffer.text_data_ring)=56\n"                                 \
                   "OFFSET(prb_desc_ring.count_bits)=0\n"                                          \
                   "OFFSET(prb_desc_ring.descs)=8\n"                                               \
                   "OFFSET(prb_desc_ring.infos)=16\n"                                              \
                   "OFFSET(prb_desc_ring.head_id)=24\n"                                            \
                   "OFFSET(prb_desc_ring.tail_id)=32\n"                                            \
                   "SIZE(prb_desc)=24\n"                                                           \
                   "OFFSET(prb_desc.state_var)=0\n"                                                \
                   "OFFSET(prb_desc.text_blk_lpos)=8\n"                                            \
                   "OFFSET(prb_data_blk_lpos.begin)=0\n"                                           \
                   "OFFSET(prb_data_blk_lpos.next)=8\n"                                            \
                   "SIZE(printk_info)=88\n"                                                        \
                   "OFFSET(printk_info.ts_nsec)=8\n"                                               \
                   "OFFSET(printk_info.text_len)=16\n"                                             \
                   "OFFSET(prb_data_ring.size_bits)=0\n"                                           \
                   "OFFSET(prb_data_ring.data)=8\n"                                                \
                   "OFFSET(atomic_long_t.counter)=0\n"
#define RECORDS_TEXT                                                                               \
        PLACE_TEXT "SYMBOL(log_buf)=ffffffff80000100\nSYMBOL(log_buf_len)=ffffffff80000108\n"      \
                   "SYMBOL(log_first_idx)=ffffffff8000010c\n"                                      \
                   "SYMBOL(log_next_idx)=ffffffff80000110\nSIZE(printk_log)=16\n"                  \
                   "OFFSET(printk_log.ts_nsec)=0\nOFFSET(printk_log.len)=8\n"                      \
                   "OFFSET(printk_log.text_len)=10\n"

/* The most that comes of a byte of the log: a line for itself, "[    1.234567] " and a newline. */
#define OUTPUT_PER_BYTE_MAX 64

static const FuzzMode modes[] = {
        { EM_X86_64, RING_TEXT },
        { EM_X86_64, RECORDS_TEXT },
        { EM_X86_64, PLACE_TEXT },
};

typedef struct Output {
        uint64_t n_bytes;
        char last;
} Output;

static int output_emit(const char *text, size_t size, void *data)
{
        Output *output = data;

        FUZZ_CHECK(size > 0);
        for (size_t i = 0; i < size; i++)
                FUZZ_CHECK((text[i] >= ' ' && text[i] < 0x7f) || text[i] == '\n' ||
                           text[i] == '\t');
        output->n_bytes += size;
        output->last = text[size - 1];
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(fuzz_core_done) FuzzCore core = { .fd = -EBADF };
        _cleanup_free_ char *panic_line = NULL;
        Output output = { .last = '\n' };
        int r;

        if (!fuzz_core_init(&core, modes, ELEMENTSOF(modes), data, size) || !core.kmem)
                return 0;

        r = dmesg_write(core.kmem, core.info, output_emit, &output, &panic_line);
        FUZZ_CHECK(r <= 1);
        FUZZ_CHECK(!panic_line || (r >= 0 && output.n_bytes > 0));
        FUZZ_CHECK(r < 0 || output.last == '\n');
        FUZZ_CHECK(output.n_bytes <= OUTPUT_PER_BYTE_MAX * FUZZ_MEMORY_BYTES);
        return 0;
}
