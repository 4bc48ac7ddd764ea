/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns reading of the lockless ring of messages (kernel/printk/printk_ringbuffer.[ch], since
 * v5.10). */
#include "dmesg-internal.h"

/* From printk_ringbuffer.h: the upper two bits of a descriptor's state_var are its state, the
 * others its id. */
#define DESC_FLAGS_SHIFT 62
#define DESC_ID_MASK (~(UINT64_C(3) << DESC_FLAGS_SHIFT))
#define DESC_COMMITTED 1
#define DESC_FINALIZED 2

/* BLK_DATALESS(): both positions are odd. EMPTY_LINE_LPOS says that the message has no text;
 * FAILED_LPOS, that there was no room for it. */
#define LPOS_DATALESS_BIT UINT64_C(1)
#define LPOS_EMPTY_LINE UINT64_C(3)

/* The kernel limits log_buf_len= to 2 GiB (LOG_BUF_LEN_MAX), and needs about 32 bytes per message.
 */
#define COUNT_BITS_MAX 24
#define SIZE_BITS_MAX 30

#define DAMAGED_MARKER "[damaged] "

typedef struct PrbLayout {
        uint64_t ring_desc_ring, ring_text_data_ring;
        uint64_t desc_ring_count_bits, desc_ring_descs, desc_ring_infos, desc_ring_head_id,
                desc_ring_tail_id;
        uint64_t desc_size, desc_state_var, desc_text_blk_lpos;
        uint64_t lpos_begin, lpos_next;
        uint64_t info_size, info_ts_nsec, info_text_len;
        uint64_t data_ring_size_bits, data_ring_data;
        uint64_t atomic_counter;
} PrbLayout;

typedef struct Prb {
        PrbLayout layout;
        uint64_t count, size_bytes; /* powers of two */
        uint64_t text_bytes_left;   /* no more than the ring can hold */
        uint64_t descs_vaddr, infos_vaddr, data_vaddr;
        uint64_t head_id, tail_id;
} Prb;

typedef struct PrbDesc {
        uint64_t begin, next;
} PrbDesc;

static int layout_get(const Vmcoreinfo *info, PrbLayout *l)
{
        const DmesgKey keys[] = {
                { "printk_ringbuffer.desc_ring", &l->ring_desc_ring },
                { "printk_ringbuffer.text_data_ring", &l->ring_text_data_ring },
                { "prb_desc_ring.count_bits", &l->desc_ring_count_bits },
                { "prb_desc_ring.descs", &l->desc_ring_descs },
                { "prb_desc_ring.infos", &l->desc_ring_infos },
                { "prb_desc_ring.head_id", &l->desc_ring_head_id },
                { "prb_desc_ring.tail_id", &l->desc_ring_tail_id },
                { "prb_desc", &l->desc_size },
                { "prb_desc.state_var", &l->desc_state_var },
                { "prb_desc.text_blk_lpos", &l->desc_text_blk_lpos },
                { "prb_data_blk_lpos.begin", &l->lpos_begin },
                { "prb_data_blk_lpos.next", &l->lpos_next },
                { "printk_info", &l->info_size },
                { "printk_info.ts_nsec", &l->info_ts_nsec },
                { "printk_info.text_len", &l->info_text_len },
                { "prb_data_ring.size_bits", &l->data_ring_size_bits },
                { "prb_data_ring.data", &l->data_ring_data },
                { "atomic_long_t.counter", &l->atomic_counter },
        };

        int r;

        r = dmesg_keys_get(info, keys, ELEMENTSOF(keys));
        if (r < 0)
                return r;
        if (l->desc_size < l->desc_state_var + l->atomic_counter + sizeof(uint64_t) ||
            l->desc_size < l->desc_text_blk_lpos + l->lpos_begin + sizeof(uint64_t) ||
            l->desc_size < l->desc_text_blk_lpos + l->lpos_next + sizeof(uint64_t) ||
            l->info_size < l->info_ts_nsec + sizeof(uint64_t) ||
            l->info_size < l->info_text_len + sizeof(uint16_t))
                return -EBADMSG;
        return 0;
}

/* Every offset is at most DMESG_OFFSET_MAX and every index at most 2^24, so sums wrap around only
 * when a base does, which gives an address that is not mapped. */
static int prb_open(Kmem *kmem, const Vmcoreinfo *info, Prb *prb)
{
        PrbLayout *l = &prb->layout;
        uint64_t vaddr, desc_ring, data_ring, memory_bytes;
        uint32_t count_bits, size_bits;
        int r;

        r = layout_get(info, l);
        if (r < 0)
                return r;

        r = vmcoreinfo_symbol(info, "prb", &vaddr);
        if (r < 0)
                return r;
        r = kmem_read_u64(kmem, vaddr, &vaddr);
        if (r < 0)
                return r;
        desc_ring = vaddr + l->ring_desc_ring;
        data_ring = vaddr + l->ring_text_data_ring;

        const struct {
                uint64_t vaddr;
                uint64_t *value;
        } words[] = {
                { desc_ring + l->desc_ring_descs, &prb->descs_vaddr },
                { desc_ring + l->desc_ring_infos, &prb->infos_vaddr },
                { desc_ring + l->desc_ring_head_id + l->atomic_counter, &prb->head_id },
                { desc_ring + l->desc_ring_tail_id + l->atomic_counter, &prb->tail_id },
                { data_ring + l->data_ring_data, &prb->data_vaddr },
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                r = kmem_read_u64(kmem, words[i].vaddr, words[i].value);
                if (r < 0)
                        return r;
        }
        r = kmem_read_u32(kmem, desc_ring + l->desc_ring_count_bits, &count_bits);
        if (r < 0)
                return r;
        r = kmem_read_u32(kmem, data_ring + l->data_ring_size_bits, &size_bits);
        if (r < 0)
                return r;
        if (count_bits > COUNT_BITS_MAX || size_bits > SIZE_BITS_MAX)
                return -EBADMSG;

        prb->count = UINT64_C(1) << count_bits;
        prb->size_bytes = UINT64_C(1) << size_bits;
        prb->text_bytes_left = prb->size_bytes;
        /* Page tables that map the same memory again and again could make more of it. */
        memory_bytes = kmem_memory_bytes(kmem);
        if (prb->size_bytes > memory_bytes || prb->count > memory_bytes / l->desc_size ||
            prb->count > memory_bytes / l->info_size)
                return -EBADMSG;
        prb->head_id &= DESC_ID_MASK;
        prb->tail_id &= DESC_ID_MASK;
        return 0;
}

/* Returns 0; 1 if the message @id is not there, which a damaged ring may say of millions: then
 * nothing else is read. */
static int desc_read(Kmem *kmem, const Prb *prb, uint64_t id, PrbDesc *ret)
{
        const PrbLayout *l = &prb->layout;
        uint64_t vaddr = prb->descs_vaddr + (id & (prb->count - 1)) * l->desc_size;
        uint64_t state_var, state;
        int r;

        r = kmem_read_u64(kmem, vaddr + l->desc_state_var + l->atomic_counter, &state_var);
        if (r < 0)
                return r;
        state = state_var >> DESC_FLAGS_SHIFT;
        if ((state_var & DESC_ID_MASK) != id ||
            (state != DESC_COMMITTED && state != DESC_FINALIZED))
                return 1;

        r = kmem_read_u64(kmem, vaddr + l->desc_text_blk_lpos + l->lpos_begin, &ret->begin);
        if (r < 0)
                return r;
        return kmem_read_u64(kmem, vaddr + l->desc_text_blk_lpos + l->lpos_next, &ret->next);
}

/* Where the block of a message is and how long. It never lies on both sides of the ring's end: then
 * it begins at the start of the ring instead (get_data()). That is so if its last byte is in
 * another round than its first; a block that ends exactly at the ring's end has not wrapped. */
static int block_find(const Prb *prb, const PrbDesc *desc, uint64_t *ret_start, uint64_t *ret_bytes)
{
        uint64_t start = desc->begin & (prb->size_bytes - 1), bytes = desc->next - desc->begin;

        if (desc->next == desc->begin || bytes > prb->size_bytes ||
            desc->begin % sizeof(uint64_t) != 0)
                return -EBADMSG;

        if (desc->begin / prb->size_bytes != (desc->next - 1) / prb->size_bytes) {
                start = 0;
                bytes = desc->next & (prb->size_bytes - 1);
        }
        if (bytes < sizeof(uint64_t) || bytes > prb->size_bytes - start)
                return -EBADMSG;

        *ret_start = start;
        *ret_bytes = bytes;
        return 0;
}

/* Returns 0; 1 if the message holds nothing to be shown; -EBADMSG and the errors of kmem_read() if
 * it is damaged; else the error of the sink, with *ret_sink_failed. */
static int message_write(Kmem *kmem, Prb *prb, uint64_t id, DmesgOutput *output,
                         bool *ret_sink_failed)
{
        const PrbLayout *l = &prb->layout;
        uint64_t info_vaddr = prb->infos_vaddr + (id & (prb->count - 1)) * l->info_size;
        uint64_t ts_nsec, start, bytes, block_id;
        size_t marker_bytes = 0;
        uint16_t text_len;
        PrbDesc desc;
        int r;

        r = desc_read(kmem, prb, id, &desc);
        if (r != 0)
                return r;

        r = kmem_read_u64(kmem, info_vaddr + l->info_ts_nsec, &ts_nsec);
        if (r < 0)
                return r;

        if ((desc.begin & LPOS_DATALESS_BIT) && (desc.next & LPOS_DATALESS_BIT)) {
                if (desc.begin != LPOS_EMPTY_LINE || desc.next != LPOS_EMPTY_LINE)
                        return 1;
                r = dmesg_output_message(output, ts_nsec, "", 0);
                *ret_sink_failed = r < 0;
                return r;
        }

        r = kmem_read_u16(kmem, info_vaddr + l->info_text_len, &text_len);
        if (r < 0)
                return r;
        r = block_find(prb, &desc, &start, &bytes);
        if (r < 0)
                return r;
        r = kmem_read_u64(kmem, prb->data_vaddr + start, &block_id);
        if (r < 0)
                return r;

        /* Each block begins with the id of its descriptor. With another one it was written over,
         * but the text may still be there. */
        if (block_id != id) {
                output->damaged = true;
                marker_bytes = strlen(DAMAGED_MARKER);
                memcpy(output->text, DAMAGED_MARKER, marker_bytes);
        }

        /* Blocks do not overlap, unless their positions are damaged. */
        bytes = MIN(bytes - sizeof(block_id), (uint64_t) text_len);
        if (bytes > prb->text_bytes_left)
                return -EBADMSG;
        r = kmem_read(kmem, prb->data_vaddr + start + sizeof(block_id), output->text + marker_bytes,
                      bytes);
        if (r < 0)
                return r;

        prb->text_bytes_left -= bytes;
        r = dmesg_output_message(output, ts_nsec, output->text, marker_bytes + bytes);
        *ret_sink_failed = r < 0;
        return r;
}

/* The messages from @id on, @n of them. */
static int messages_write(Kmem *kmem, Prb *prb, uint64_t id, uint64_t n, DmesgOutput *output)
{
        unsigned n_unreadable = 0;
        int r;

        for (; n > 0; n--, id = (id + 1) & DESC_ID_MASK) {
                bool sink_failed = false;

                r = message_write(kmem, prb, id, output, &sink_failed);
                if (sink_failed)
                        return r;
                if (r >= 0) {
                        n_unreadable = 0;
                        continue;
                }
                output->damaged = true;
                if (r != -EBADMSG && ++n_unreadable >= DMESG_UNREADABLE_MAX)
                        return 0;
        }
        return 0;
}

int dmesg_prb_write(Kmem *kmem, const Vmcoreinfo *info, DmesgOutput *output)
{
        uint64_t n_behind;
        Prb prb;
        int r;

        r = prb_open(kmem, info, &prb);
        if (r < 0)
                return r;

        n_behind = (prb.head_id - prb.tail_id) & DESC_ID_MASK;
        if (n_behind < prb.count)
                return messages_write(kmem, &prb, prb.tail_id, n_behind + 1, output);

        /* One of the two was written over. What carries the wrong id is not shown, so try either.
         */
        output->damaged = true;
        r = messages_write(kmem, &prb, (prb.head_id - prb.count + 1) & DESC_ID_MASK, prb.count,
                           output);
        if (r < 0 || output->n_messages > 0)
                return r;
        return messages_write(kmem, &prb, prb.tail_id, prb.count, output);
}
