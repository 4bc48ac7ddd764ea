/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns an encoder for snappy: format_description.txt of snappy 1.1.9. The library is C++: it would
 * bring 3 MB of libstdc++ and libm into an image that is 30 MB, and it allocates for each page,
 * which is lost when a fault leaves it in the middle. */
#include "compress.h"

/* Matches are looked for within a block of this size, so that two bytes hold every distance. */
#define BLOCK_BYTES ((size_t) 65536)

#define TABLE_BITS_MIN 8
#define TABLE_BITS_MAX 14

/* No match begins in the last bytes of a block: there all loads and copies may run ahead. */
#define TAIL_BYTES 16

/* After so many positions in a row without a match, every second one is tried, and so on. */
#define SKIP_SHIFT 5

enum {
        TAG_LITERAL = 0,
        TAG_COPY_11 = 1, /* 4 to 11 bytes, from at most 2047 back */
        TAG_COPY_16 = 2, /* 1 to 64 bytes, from at most 65535 back */
};

/* Where in the block the bytes with this hash were seen last. */
typedef struct SnappyTable {
        uint16_t seen[1U << TABLE_BITS_MAX];
} SnappyTable;

/* Once something did not fit, nothing more is written. */
typedef struct SnappyOut {
        uint8_t *next, *end;
        bool full;
} SnappyOut;

static uint32_t load_u32(const uint8_t *p)
{
        uint32_t value;

        memcpy(&value, p, sizeof(value));
        return value;
}

static uint64_t load_u64(const uint8_t *p)
{
        uint64_t value;

        memcpy(&value, p, sizeof(value));
        return value;
}

static bool out_has_room(SnappyOut *out, size_t size)
{
        if ((size_t) (out->end - out->next) < size)
                out->full = true;
        return !out->full;
}

static void emit_size(SnappyOut *out, size_t size)
{
        do {
                if (!out_has_room(out, 1))
                        return;
                *out->next++ = (uint8_t) ((size & 0x7f) | (size > 0x7f ? 0x80 : 0));
                size >>= 7;
        } while (size > 0);
}

/* @n from 1 to BLOCK_BYTES. @ahead: as many bytes as TAIL_BYTES may be read at @from. */
static void emit_literal(SnappyOut *out, const uint8_t *from, size_t n, bool ahead)
{
        size_t rest = n - 1;

        if (!out_has_room(out, n + 3))
                return;
        if (rest < 60) {
                *out->next++ = (uint8_t) (TAG_LITERAL | rest << 2);
        } else if (rest < 256) {
                *out->next++ = TAG_LITERAL | 60 << 2;
                *out->next++ = (uint8_t) rest;
        } else {
                *out->next++ = TAG_LITERAL | 61 << 2;
                *out->next++ = (uint8_t) rest;
                *out->next++ = (uint8_t) (rest >> 8);
        }
        if (ahead && n <= TAIL_BYTES && out->end - out->next >= TAIL_BYTES)
                memcpy(out->next, from, TAIL_BYTES);
        else
                memcpy(out->next, from, n);
        out->next += n;
}

static void emit_copy_16(SnappyOut *out, size_t distance, size_t n)
{
        if (!out_has_room(out, 3))
                return;
        *out->next++ = (uint8_t) (TAG_COPY_16 | (n - 1) << 2);
        *out->next++ = (uint8_t) distance;
        *out->next++ = (uint8_t) (distance >> 8);
}

/* @n from 4 on. */
static void emit_copy(SnappyOut *out, size_t distance, size_t n)
{
        /* What is left for the last one is never below 4. */
        for (; n >= 68 && !out->full; n -= 64)
                emit_copy_16(out, distance, 64);
        if (n > 64) {
                emit_copy_16(out, distance, 60);
                n -= 60;
        }
        if (n >= 12 || distance >= 2048) {
                emit_copy_16(out, distance, n);
                return;
        }
        if (!out_has_room(out, 2))
                return;
        *out->next++ = (uint8_t) (TAG_COPY_11 | (n - 4) << 2 | (distance >> 8) << 5);
        *out->next++ = (uint8_t) distance;
}

/* How many bytes at @a and @b are the same, of those before @end of @b. */
static size_t match_bytes(const uint8_t *a, const uint8_t *b, const uint8_t *end)
{
        const uint8_t *start = b;

        while (end - b >= 8) {
                uint64_t difference = load_u64(a) ^ load_u64(b);

                if (difference != 0) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
                        return (size_t) (b - start) + (size_t) __builtin_ctzll(difference) / 8;
#else
                        return (size_t) (b - start) + (size_t) __builtin_clzll(difference) / 8;
#endif
                }
                a += 8;
                b += 8;
        }
        while (b < end && *a == *b) {
                a++;
                b++;
        }
        return (size_t) (b - start);
}

static unsigned table_clear(SnappyTable *table, size_t n)
{
        unsigned bits = TABLE_BITS_MIN;

        while (bits < TABLE_BITS_MAX && (size_t) 1 << bits < n)
                bits++;
        memset(table->seen, 0, sizeof(table->seen[0]) << bits);
        return bits;
}

/* Where these four bytes were last, and that they are here now. */
static const uint8_t *table_swap(SnappyTable *table, unsigned bits, const uint8_t *block,
                                 const uint8_t *at)
{
        uint32_t hash = load_u32(at) * UINT32_C(0x9e3779b1) >> (32 - bits);
        const uint8_t *seen = block + table->seen[hash];

        table->seen[hash] = (uint16_t) (at - block);
        return seen;
}

static void emit_block(SnappyOut *out, SnappyTable *table, const uint8_t *block, size_t n)
{
        const uint8_t *end = block + n, *limit = end - TAIL_BYTES, *literal = block;
        unsigned bits = table_clear(table, n), skip = 1U << SKIP_SHIFT;

        if (n <= TAIL_BYTES) {
                emit_literal(out, block, n, false);
                return;
        }
        for (const uint8_t *at = block + 1; at < limit && !out->full;) {
                const uint8_t *match = table_swap(table, bits, block, at);
                size_t size;

                if (load_u32(match) != load_u32(at)) {
                        at += skip++ >> SKIP_SHIFT;
                        continue;
                }
                if (at > literal)
                        emit_literal(out, literal, (size_t) (at - literal), true);
                size = 4 + match_bytes(match + 4, at + 4, end);
                emit_copy(out, (size_t) (at - match), size);
                at += size;
                literal = at;
                skip = 1U << SKIP_SHIFT;
                if (at < limit)
                        (void) table_swap(table, bits, block, at - 1);
        }
        if (literal < end)
                emit_literal(out, literal, (size_t) (end - literal), false);
}

static size_t snappy_bound(size_t page_bytes)
{
        return page_bytes;
}

static int snappy_init(void **ret_context)
{
        SnappyTable *table = malloc(sizeof(*table));

        if (!table)
                return -ENOMEM;
        *ret_context = table;
        return 0;
}

static void snappy_done(void *context)
{
        free(context);
}

static size_t snappy_page(void *context, const uint8_t *in, size_t page_bytes, uint8_t *out)
{
        SnappyOut written = { .next = out, .end = out + page_bytes - 1 };

        emit_size(&written, page_bytes);
        for (size_t i = 0; i < page_bytes && !written.full; i += BLOCK_BYTES)
                emit_block(&written, context, in + i, MIN(BLOCK_BYTES, page_bytes - i));
        return written.full ? 0 : (size_t) (written.next - out);
}

const Compressor compressor_snappy = {
        .compression = COMPRESSION_SNAPPY,
        .flag = COMPRESS_FLAG_SNAPPY,
        .bound = snappy_bound,
        .init = snappy_init,
        .done = snappy_done,
        .page = snappy_page,
};
