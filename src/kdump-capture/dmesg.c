/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the text form of the kernel log: which format it has, time stamps, escapes, the panic line.
 */
#include "dmesg.h"
#include "dmesg-internal.h"

/* What tells of the end, best first. A panic is final: the first such line counts. The others a
 * kernel may have survived before, so the last one counts: with panic_on_oops, oops_end()
 * (arch/x86/kernel/dumpstack.c) starts the crash kernel before panic() prints its line. */
static const char *const panic_marks[] = {
        "Kernel panic - not syncing", "BUG:", "Unable to handle kernel",
        "general protection fault",   "Oops", "Trigger a crash",
};

static void output_done(DmesgOutput *output)
{
        free(output->chunk);
        free(output->text);
        free(output->panic_line);
}

static int output_flush(DmesgOutput *output)
{
        size_t n = output->n_chunk;

        output->n_chunk = 0;
        return n > 0 ? output->emit(output->chunk, n, output->data) : 0;
}

static int output_put(DmesgOutput *output, const char *text, size_t size)
{
        int r;

        if (size > DMESG_CHUNK_BYTES - output->n_chunk) {
                r = output_flush(output);
                if (r < 0)
                        return r;
        }
        memcpy(output->chunk + output->n_chunk, text, size);
        output->n_chunk += size;
        return 0;
}

/* Whether @mark stands in @text as a word of its own: "DEBUG: x" is no "BUG:". */
static bool text_has_mark(const char *text, size_t size, const char *mark)
{
        size_t n = strlen(mark);

        for (const char *at = text; (size_t) (text + size - at) >= n; at++) {
                at = memmem(at, (size_t) (text + size - at), mark, n);
                if (!at)
                        return false;
                if (at == text ||
                    !((at[-1] >= 'A' && at[-1] <= 'Z') || (at[-1] >= 'a' && at[-1] <= 'z')))
                        return true;
        }
        return false;
}

/* Keeps @line (already escaped, without a NUL) if it tells more of the panic than the one kept
 * before. */
static int panic_line_consider(DmesgOutput *output, const char *line, size_t size)
{
        for (int rank = 0; rank < (int) ELEMENTSOF(panic_marks); rank++) {
                char *copy;

                if (output->panic_line &&
                    (rank > output->panic_rank || (rank == 0 && output->panic_rank == 0)))
                        return 0;
                if (!text_has_mark(line, size, panic_marks[rank]))
                        continue;

                copy = strndup(line, size);
                if (!copy)
                        return -ENOMEM;
                free(output->panic_line);
                output->panic_line = copy;
                output->panic_rank = rank;
                return 0;
        }
        return 0;
}

/* The log may hold any byte; what is neither printable ASCII nor a blank is written as the kernel
 * does it for readers of /dev/kmsg (msg_add_ext_text(), kernel/printk/printk.c). Returns the
 * length. */
static size_t text_escape(const char *text, size_t size, char *to)
{
        static const char digits[] = "0123456789abcdef";
        size_t n = 0;

        for (size_t i = 0; i < size; i++) {
                uint8_t c = (uint8_t) text[i];

                if ((c >= ' ' && c < 0x7f) || c == '\t') {
                        to[n++] = text[i];
                        continue;
                }
                to[n++] = '\\';
                to[n++] = 'x';
                to[n++] = digits[c >> 4];
                to[n++] = digits[c & 15];
        }
        return n;
}

static int output_line(DmesgOutput *output, uint64_t ts_nsec, const char *text, size_t size)
{
        char prefix[64], piece[4096];
        int r, n;

        n = snprintf(prefix, sizeof(prefix), "[%5llu.%06llu] ",
                     (unsigned long long) (ts_nsec / 1000000000),
                     (unsigned long long) (ts_nsec % 1000000000 / 1000));
        r = output_put(output, prefix, (size_t) n);
        if (r < 0)
                return r;

        for (size_t at = 0; at < size;) {
                size_t n_from = MIN(size - at, sizeof(piece) / 4);
                size_t n_to = text_escape(text + at, n_from, piece);

                /* Marks are looked for in the first piece only; lines of printk have at most 1 KiB.
                 */
                if (at == 0) {
                        r = panic_line_consider(output, piece, n_to);
                        if (r < 0)
                                return r;
                }
                r = output_put(output, piece, n_to);
                if (r < 0)
                        return r;
                at += n_from;
        }
        return output_put(output, "\n", 1);
}

/* As the console does it, each line of a message gets the time stamp (record_print_text()). */
int dmesg_output_message(DmesgOutput *output, uint64_t ts_nsec, const char *text, size_t size)
{
        int r;

        output->n_messages++;

        do {
                const char *end = size > 0 ? memchr(text, '\n', size) : NULL;
                size_t n = end ? (size_t) (end - text) : size;

                r = output_line(output, ts_nsec, text, n);
                if (r < 0)
                        return r;
                if (!end)
                        return 0;
                text += n + 1;
                size -= n + 1;
        } while (size > 0); /* a newline at the end begins no line */
        return 0;
}

int dmesg_keys_get(const Vmcoreinfo *info, const DmesgKey *keys, size_t n_keys)
{
        int r;

        for (size_t i = 0; i < n_keys; i++) {
                if (strchr(keys[i].name, '.'))
                        r = vmcoreinfo_offset(info, keys[i].name, keys[i].value);
                else
                        r = vmcoreinfo_size(info, keys[i].name, keys[i].value);
                if (r < 0)
                        return r == -ENODATA ? -EOPNOTSUPP : r;
                if (*keys[i].value > DMESG_OFFSET_MAX)
                        return -EBADMSG;
        }
        return 0;
}

static int log_write(Kmem *kmem, const Vmcoreinfo *info, DmesgOutput *output)
{
        uint64_t vaddr;

        /* The lockless ring is there since v5.10 (commit 896fbe20b4e2); the log of records was from
         * v3.5 on (commit 7ff9554bb578), and before it a buffer of plain text with log_end. */
        if (vmcoreinfo_symbol(info, "prb", &vaddr) >= 0)
                return dmesg_prb_write(kmem, info, output);
        if (vmcoreinfo_symbol(info, "log_buf", &vaddr) < 0)
                return -ENODATA;
        if (vmcoreinfo_symbol(info, "log_first_idx", &vaddr) < 0)
                return -EOPNOTSUPP;
        return dmesg_records_write(kmem, info, output);
}

int dmesg_write(Kmem *kmem, const Vmcoreinfo *info, DmesgEmit emit, void *data,
                char **ret_panic_line)
{
        _cleanup_(output_done) DmesgOutput output = { .emit = emit, .data = data };
        int r;

        if (!info)
                return -ENODATA;

        output.chunk = malloc(DMESG_CHUNK_BYTES);
        output.text = malloc(DMESG_MARKER_BYTES_MAX + DMESG_TEXT_BYTES_MAX);
        if (!output.chunk || !output.text)
                return -ENOMEM;

        r = log_write(kmem, info, &output);
        if (r < 0)
                return r;
        r = output_flush(&output);
        if (r < 0)
                return r;

        if (ret_panic_line)
                *ret_panic_line = TAKE_PTR(output.panic_line);
        return output.damaged ? 1 : 0;
}
