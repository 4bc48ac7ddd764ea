/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns SHA-256 (FIPS 180-4), without a call to any library function. */
#include "digest.h"

#define BLOCK_BYTES 64U
#define LENGTH_BYTES 8U /* of the message, in bits, at the end of the last block */

/* FIPS 180-4, 4.2.2 */
static const uint32_t round_constants[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
        0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
        0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
        0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
        0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
        0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
        0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
        0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
        0xc67178f2,
};

static inline uint32_t rotate(uint32_t x, unsigned n)
{
        return x >> n | x << (32 - n);
}

/* One round of FIPS 180-4, 6.2.2. Instead of moving the eight words on by one, the next round names
 * them in another order. */
#define ROUND(a, b, c, d, e, f, g, h, i)                                                           \
        do {                                                                                       \
                uint32_t sum = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +                \
                               (g ^ (e & (f ^ g))) + round_constants[i] + w[i];                    \
                d += sum;                                                                          \
                h = sum + (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +                         \
                    ((a & b) | (c & (a | b)));                                                     \
        } while (0)

static void schedule(const uint8_t *block, uint32_t w[64])
{
        for (unsigned i = 0; i < 16; i++, block += 4)
                w[i] = (uint32_t) block[0] << 24 | (uint32_t) block[1] << 16 |
                       (uint32_t) block[2] << 8 | block[3];
        for (unsigned i = 16; i < 64; i++) {
                uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
                uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;

                w[i] = w[i - 16] + s0 + w[i - 7] + s1;
        }
}

static void block_add(uint32_t hash[8], const uint8_t *block)
{
        uint32_t a = hash[0], b = hash[1], c = hash[2], d = hash[3];
        uint32_t e = hash[4], f = hash[5], g = hash[6], h = hash[7];
        uint32_t w[64];

        schedule(block, w);
        for (unsigned i = 0; i < 64; i += 8) {
                ROUND(a, b, c, d, e, f, g, h, i);
                ROUND(h, a, b, c, d, e, f, g, i + 1);
                ROUND(g, h, a, b, c, d, e, f, i + 2);
                ROUND(f, g, h, a, b, c, d, e, i + 3);
                ROUND(e, f, g, h, a, b, c, d, i + 4);
                ROUND(d, e, f, g, h, a, b, c, i + 5);
                ROUND(c, d, e, f, g, h, a, b, i + 6);
                ROUND(b, c, d, e, f, g, h, a, i + 7);
        }
        hash[0] += a;
        hash[1] += b;
        hash[2] += c;
        hash[3] += d;
        hash[4] += e;
        hash[5] += f;
        hash[6] += g;
        hash[7] += h;
}

/* What is left of the message, a one bit, zeroes, and the length in bits (5.1.1). */
static void tail_add(uint32_t hash[8], const uint8_t *data, unsigned left, uint64_t bytes)
{
        unsigned n = left + 1 + LENGTH_BYTES <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
        uint8_t tail[2 * BLOCK_BYTES];

        for (unsigned i = 0; i < left; i++)
                tail[i] = data[i];
        tail[left] = 0x80;
        for (unsigned i = left + 1; i < n - LENGTH_BYTES; i++)
                tail[i] = 0;
        for (unsigned i = 0; i < LENGTH_BYTES; i++)
                tail[n - 1 - i] = (uint8_t) (bytes * 8 >> 8 * i);
        for (unsigned i = 0; i < n; i += BLOCK_BYTES)
                block_add(hash, tail + i);
}

void digest_sha256(const uint8_t *data, uint64_t bytes, uint8_t ret[PURGATORY_DIGEST_BYTES])
{
        uint64_t left = bytes;
        uint32_t hash[8];

        /* 5.3.3 */
        hash[0] = 0x6a09e667;
        hash[1] = 0xbb67ae85;
        hash[2] = 0x3c6ef372;
        hash[3] = 0xa54ff53a;
        hash[4] = 0x510e527f;
        hash[5] = 0x9b05688c;
        hash[6] = 0x1f83d9ab;
        hash[7] = 0x5be0cd19;

        for (; left >= BLOCK_BYTES; left -= BLOCK_BYTES, data += BLOCK_BYTES)
                block_add(hash, data);
        tail_add(hash, data, (unsigned) left, bytes);
        for (unsigned i = 0; i < PURGATORY_DIGEST_BYTES; i++)
                ret[i] = (uint8_t) (hash[i / 4] >> (24 - 8 * (i % 4)));
}

bool digest_equal(const uint8_t a[PURGATORY_DIGEST_BYTES], const uint8_t b[PURGATORY_DIGEST_BYTES])
{
        uint8_t differing = 0;

        for (unsigned i = 0; i < PURGATORY_DIGEST_BYTES; i++)
                differing |= (uint8_t) (a[i] ^ b[i]);
        return differing == 0;
}

bool digest_fits(const uint8_t *data, uint64_t bytes, const uint8_t digest[PURGATORY_DIGEST_BYTES])
{
        uint8_t is[PURGATORY_DIGEST_BYTES];

        digest_sha256(data, bytes, is);
        return digest_equal(is, digest);
}
