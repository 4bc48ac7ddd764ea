/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns a decoder for snappy: format_description.txt of snappy 1.1.9. Why not the library:
 * compress-snappy.c. */
#include "decompress.h"

typedef struct SnappyCursor {
        const uint8_t *in, *in_end;
        uint8_t *start, *out, *out_end;
} SnappyCursor;

/* A little endian number of @n bytes, at most 4. */
static int take_number(SnappyCursor *cursor, size_t n, uint32_t *ret)
{
        uint32_t value = 0;

        if ((size_t) (cursor->in_end - cursor->in) < n)
                return -EBADMSG;
        for (size_t i = 0; i < n; i++)
                value |= (uint32_t) cursor->in[i] << (8 * i);
        cursor->in += n;
        *ret = value;
        return 0;
}

/* Seven bits a byte, the lowest first. */
static int take_total(SnappyCursor *cursor, uint32_t *ret)
{
        uint64_t total = 0;

        for (unsigned shift = 0; shift < 35; shift += 7) {
                uint32_t byte;
                int r;

                r = take_number(cursor, 1, &byte);
                if (r < 0)
                        return r;
                total |= (uint64_t) (byte & 0x7f) << shift;
                if (byte & 0x80)
                        continue;
                if (total > UINT32_MAX)
                        return -EBADMSG;
                *ret = (uint32_t) total;
                return 0;
        }
        return -EBADMSG;
}

static int copy_literal(SnappyCursor *cursor, uint8_t tag)
{
        uint32_t rest = tag >> 2;
        size_t n;
        int r;

        if (rest >= 60) {
                r = take_number(cursor, rest - 59, &rest);
                if (r < 0)
                        return r;
        }
        n = (size_t) rest + 1;
        if (n > (size_t) (cursor->in_end - cursor->in) ||
            n > (size_t) (cursor->out_end - cursor->out))
                return -EBADMSG;
        memcpy(cursor->out, cursor->in, n);
        cursor->in += n;
        cursor->out += n;
        return 0;
}

/* What is copied may overlap with what it is copied to: then it repeats. */
static int copy_back(SnappyCursor *cursor, size_t distance, size_t n)
{
        if (distance == 0 || distance > (size_t) (cursor->out - cursor->start) ||
            n > (size_t) (cursor->out_end - cursor->out))
                return -EBADMSG;
        if (distance >= n)
                memcpy(cursor->out, cursor->out - distance, n);
        else
                for (size_t i = 0; i < n; i++)
                        cursor->out[i] = cursor->out[(ptrdiff_t) i - (ptrdiff_t) distance];
        cursor->out += n;
        return 0;
}

static int copy_element(SnappyCursor *cursor)
{
        uint8_t tag = *cursor->in++;
        uint32_t distance;
        int r;

        switch (tag & 3) {
        case 0:
                return copy_literal(cursor, tag);
        case 1:
                r = take_number(cursor, 1, &distance);
                if (r < 0)
                        return r;
                return copy_back(cursor, distance | (uint32_t) (tag >> 5) << 8,
                                 4 + (size_t) (tag >> 2 & 7));
        default:
                r = take_number(cursor, (tag & 3) == 2 ? 2 : 4, &distance);
                if (r < 0)
                        return r;
                return copy_back(cursor, distance, 1 + (size_t) (tag >> 2));
        }
}

int decompress_snappy(const uint8_t *in, size_t size, uint8_t *out, size_t page_bytes)
{
        SnappyCursor cursor = {
                .in = in, .in_end = in + size, .start = out, .out = out, .out_end = out + page_bytes
        };
        uint32_t total;
        int r;

        r = take_total(&cursor, &total);
        if (r >= 0 && total != page_bytes)
                r = -EBADMSG;
        while (r >= 0 && cursor.in < cursor.in_end)
                r = copy_element(&cursor);
        if (r < 0)
                return r;
        return cursor.out == cursor.out_end ? 0 : -EBADMSG;
}
