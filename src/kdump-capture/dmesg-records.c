/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns reading of the log of records (struct printk_log in kernel/printk/printk.c, v3.5 to v5.9).
 */
#include "dmesg-internal.h"

/* LOG_BUF_LEN_MAX in kernel/printk/printk.c */
#define LOG_BUF_BYTES_MAX (UINT64_C(1) << 31)

typedef struct Records {
        uint64_t header_size, ts_nsec, len, text_len;
        uint64_t buffer_vaddr, buffer_bytes;
        uint32_t first_idx, next_idx;
} Records;

/* The struct was named log until v3.11 (commit 62e32ac3505a). */
static int layout_get(const Vmcoreinfo *info, Records *records)
{
        const DmesgKey keys[] = {
                { "printk_log", &records->header_size },
                { "printk_log.ts_nsec", &records->ts_nsec },
                { "printk_log.len", &records->len },
                { "printk_log.text_len", &records->text_len },
        };
        const DmesgKey old_keys[] = {
                { "log", &records->header_size },
                { "log.ts_nsec", &records->ts_nsec },
                { "log.len", &records->len },
                { "log.text_len", &records->text_len },
        };
        int r;

        r = dmesg_keys_get(info, keys, ELEMENTSOF(keys));
        if (r == -EOPNOTSUPP)
                r = dmesg_keys_get(info, old_keys, ELEMENTSOF(old_keys));
        if (r < 0)
                return r;

        if (records->header_size < records->ts_nsec + sizeof(uint64_t) ||
            records->header_size < records->len + sizeof(uint16_t) ||
            records->header_size < records->text_len + sizeof(uint16_t))
                return -EBADMSG;
        return 0;
}

static int symbol_read_u32(Kmem *kmem, const Vmcoreinfo *info, const char *name, uint32_t *ret)
{
        uint64_t vaddr;
        int r;

        r = vmcoreinfo_symbol(info, name, &vaddr);
        if (r < 0)
                return r == -ENODATA ? -EOPNOTSUPP : r;
        return kmem_read_u32(kmem, vaddr, ret);
}

static int records_open(Kmem *kmem, const Vmcoreinfo *info, Records *records)
{
        uint64_t vaddr;
        uint32_t bytes;
        int r;

        r = layout_get(info, records);
        if (r < 0)
                return r;

        r = vmcoreinfo_symbol(info, "log_buf", &vaddr);
        if (r < 0)
                return r;
        r = kmem_read_u64(kmem, vaddr, &records->buffer_vaddr);
        if (r < 0)
                return r;
        r = symbol_read_u32(kmem, info, "log_buf_len", &bytes);
        if (r < 0)
                return r;
        r = symbol_read_u32(kmem, info, "log_first_idx", &records->first_idx);
        if (r < 0)
                return r;
        r = symbol_read_u32(kmem, info, "log_next_idx", &records->next_idx);
        if (r < 0)
                return r;

        if (bytes > LOG_BUF_BYTES_MAX || bytes > kmem_memory_bytes(kmem) ||
            bytes < records->header_size || records->first_idx > bytes - records->header_size ||
            records->next_idx > bytes)
                return -EBADMSG;
        records->buffer_bytes = bytes;
        return 0;
}

/* Returns the length of the record at @idx; 0 if the log goes on at the start of the buffer; errors
 * of kmem_read() and -EBADMSG if that cannot be told. @output->damaged if the length is fine but
 * the text is not to be had. */
static int64_t record_write(Kmem *kmem, const Records *records, uint64_t idx, DmesgOutput *output,
                            bool *ret_sink_failed)
{
        uint64_t vaddr = records->buffer_vaddr + idx, ts_nsec, text_bytes;
        uint16_t len, text_len;
        int r;

        r = kmem_read_u16(kmem, vaddr + records->len, &len);
        if (r < 0)
                return r;
        if (len == 0)
                return 0;
        if (len < records->header_size || len > records->buffer_bytes - idx)
                return -EBADMSG;

        if (kmem_read_u64(kmem, vaddr + records->ts_nsec, &ts_nsec) < 0 ||
            kmem_read_u16(kmem, vaddr + records->text_len, &text_len) < 0) {
                output->damaged = true;
                return len;
        }
        text_bytes = MIN((uint64_t) text_len, len - records->header_size);
        if (kmem_read(kmem, vaddr + records->header_size, output->text, text_bytes) < 0) {
                output->damaged = true;
                return len;
        }
        r = dmesg_output_message(output, ts_nsec, output->text, text_bytes);
        *ret_sink_failed = r < 0;
        return r < 0 ? r : len;
}

/* A record never lies on both sides of the buffer's end: one of length 0, or too little room for
 * any, says that the next is at its start (log_next()). Each step goes forward and the start is
 * gone to once, so this ends. */
int dmesg_records_write(Kmem *kmem, const Vmcoreinfo *info, DmesgOutput *output)
{
        bool wrapped = false;
        Records records;
        uint64_t idx;
        int r;

        r = records_open(kmem, info, &records);
        if (r < 0)
                return r;

        idx = records.first_idx;
        while (idx != records.next_idx) {
                bool sink_failed = false;
                int64_t n = 0;

                if (wrapped && idx > records.next_idx)
                        break;
                if (idx <= records.buffer_bytes - records.header_size)
                        n = record_write(kmem, &records, idx, output, &sink_failed);
                if (sink_failed)
                        return (int) n;
                if (n > 0) {
                        idx += (uint64_t) n;
                        continue;
                }
                if (n < 0)
                        output->damaged =
                                true; /* where the next one begins is lost, up to the end */
                if (wrapped)
                        break;
                wrapped = true;
                idx = 0;
        }
        if (idx != records.next_idx)
                output->damaged = true;
        return 0;
}
