/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bitmaps as files and PageSource have them: bit (i & 7) of byte i >> 3. */
#pragma once

#include "macro.h"

static inline bool bits_get(const uint8_t *bits, size_t i)
{
        return bits[i / 8] & (1U << (i % 8));
}

/* The first bit from @i on that is set (or not), or @n. */
static inline size_t bits_find(const uint8_t *bits, size_t i, size_t n, bool set)
{
        uint8_t boring = set ? 0 : 0xff;

        while (i < n && bits_get(bits, i) != set)
                i = i % 8 == 0 && bits[i / 8] == boring ? i + 8 : i + 1;
        return MIN(i, n);
}

/* How many bits of @size bytes are set. */
static inline uint64_t bits_count_bytes(const uint8_t *bits, size_t size)
{
        uint64_t n = 0, word;

        for (; size >= sizeof(word); bits += sizeof(word), size -= sizeof(word)) {
                memcpy(&word, bits, sizeof(word));
                n += (unsigned) __builtin_popcountll(word);
        }
        for (size_t i = 0; i < size; i++)
                n += (unsigned) __builtin_popcount(bits[i]);
        return n;
}

/* How many bits of [@start, @end) are set. */
static inline uint64_t bits_count(const uint8_t *bits, size_t start, size_t end)
{
        uint64_t n = 0;

        for (; start < end && start % 8 != 0; start++)
                n += bits_get(bits, start);
        if (start < end) {
                n += bits_count_bytes(bits + start / 8, (end - start) / 8);
                start += (end - start) / 8 * 8;
        }
        for (; start < end; start++)
                n += bits_get(bits, start);
        return n;
}
