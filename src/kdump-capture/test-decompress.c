/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <snappy-c.h>

#include "decompress.h"
#include "kdump-file-format.h"
#include "test-kdump-file.h"

static const char kinds[] = { MADE_ZLIB, MADE_LZO, MADE_SNAPPY, MADE_ZSTD };

/* In a buffer of its own size, so that a sanitizer sees what is behind it. */
static int decode(Decompressor *decompressor, uint32_t flag, const uint8_t *in, size_t size,
                  uint8_t *out, size_t page_bytes)
{
        _cleanup_free_ uint8_t *copy = malloc(MAX(size, (size_t) 1));

        assert_non_null(copy);
        memcpy(copy, in, size);
        return decompressor_page(decompressor, flag, copy, size, out, page_bytes);
}

static void test_pages_come_back_and_only_whole(void **state)
{
        _cleanup_(decompressor_freep) Decompressor *decompressor = NULL;

        assert_int_equal(decompressor_new(&decompressor), 0);
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                uint8_t page[MADE_PAGE], in[2 * MADE_PAGE], out[2 * MADE_PAGE];
                uint32_t flag;
                size_t size;

                made_page(kinds[i], 7, page);
                flag = made_encode(kinds[i], page, in, &size);
                assert_true(decompressor_knows(flag));
                for (size_t n = 0; n < size; n += 1 + n / 50)
                        assert_int_equal(decode(decompressor, flag, in, n, out, MADE_PAGE),
                                         -EBADMSG);
                assert_int_equal(decode(decompressor, flag, in, size, out, MADE_PAGE - 1),
                                 -EBADMSG);
                assert_int_equal(decode(decompressor, flag, in, size, out, MADE_PAGE + 1),
                                 -EBADMSG);
                assert_int_equal(decode(decompressor, flag, in, size, out, MADE_PAGE), 0);
                assert_memory_equal(out, page, MADE_PAGE);
        }
}

static void test_unknown_codec(void **state)
{
        static const uint32_t flags[] = { 0, 3, KDUMP_FILE_INCOMPLETE, 0x40, UINT32_MAX };
        _cleanup_(decompressor_freep) Decompressor *decompressor = NULL;
        uint8_t page[MADE_PAGE] = {};

        assert_int_equal(decompressor_new(&decompressor), 0);
        for (size_t i = 0; i < ELEMENTSOF(flags); i++) {
                assert_false(decompressor_knows(flags[i]));
                assert_int_equal(decode(decompressor, flags[i], page, MADE_PAGE, page, MADE_PAGE),
                                 -EOPNOTSUPP);
        }
}

/* Of each codec: damaged data is refused or gives some page, within bounds. */
static void test_damaged_data_stays_within_bounds(void **state)
{
        _cleanup_(decompressor_freep) Decompressor *decompressor = NULL;
        _cleanup_free_ uint8_t *out = malloc(MADE_PAGE);
        uint64_t x = 1;

        assert_non_null(out);
        assert_int_equal(decompressor_new(&decompressor), 0);
        for (unsigned i = 0; i < 20000; i++) {
                uint8_t page[MADE_PAGE], in[2 * MADE_PAGE];
                uint32_t flag;
                size_t size;
                int r;

                made_page(kinds[i % 4], i % 50, page);
                flag = made_encode(kinds[i % 4], page, in, &size);
                for (unsigned k = 0; k < 1 + i % 3; k++) {
                        x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
                        in[(x >> 33) % MIN(size, (size_t) 1 << (1 + i % 12))] = (uint8_t) (x >> 25);
                }
                r = decode(decompressor, flag, in, size, out, MADE_PAGE);
                assert_true(r == 0 || r == -EBADMSG);
        }
}

/* Our decoder takes what the library takes, and makes the same of it. */
static void test_snappy_agrees_with_the_library(void **state)
{
        unsigned n_good = 0;
        uint64_t x = 1;

        for (unsigned i = 0; i < 30000; i++) {
                uint8_t page[MADE_PAGE], in[2 * MADE_PAGE], ours[MADE_PAGE], theirs[MADE_PAGE];
                size_t size, n = MADE_PAGE;
                bool good;

                made_page(i % 2 ? MADE_RAW : MADE_SNAPPY, i % 50, page);
                memset(page + 500, i % 7, 900);
                (void) made_encode(MADE_SNAPPY, page, in, &size);
                x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
                in[(x >> 33) % size] ^= (uint8_t) (1U << (x >> 20 & 7));
                good = snappy_uncompress((const char *) in, size, (char *) theirs, &n) ==
                               SNAPPY_OK &&
                       n == MADE_PAGE;
                assert_int_equal(decompress_snappy(in, size, ours, MADE_PAGE), good ? 0 : -EBADMSG);
                if (good)
                        assert_memory_equal(ours, theirs, MADE_PAGE);
                n_good += good;
        }
        assert_in_range(n_good, 1000, 29000);
}

/* What the library's encoder never writes. */
static void test_snappy_elements_of_every_form(void **state)
{
        static const struct {
                const char *in;
                size_t size;
                const char *out; /* NULL: refused */
        } cases[] = {
                { "\4\14abcd", 6, "abcd" },
                { "\4\xf0\3abcd", 7, "abcd" },
                { "\4\xf4\3\0abcd", 8, "abcd" },
                { "\4\xf8\3\0\0abcd", 9, "abcd" },
                { "\4\xfc\3\0\0\0abcd", 10, "abcd" },
                { "\4\xfc\3\0\0\1abcd", 10, NULL },
                { "\4\xfc\xff\xff\xff\xff"
                  "abcd",
                  10, NULL },
                { "\6\4ab\1\2", 6, "ababab" },
                { "\6\4ab\16\2\0", 7, "ababab" },
                { "\6\4ab\17\2\0\0\0", 9, "ababab" },
                { "\6\4ab\17\2\0\0\1", 9, NULL },
                { "\6\4ab\17\2\0\0", 8, NULL },
                { "\6\4ab\1\0", 6, NULL },
                { "\6\4ab\1\3", 6, NULL },
                { "\6\4ab\5\2", 6, NULL },
                { "\7\4ab\1\2", 6, NULL },
                { "\6\4ab\1", 5, NULL },
                { "\x84\0\14abcd", 7, "abcd" },
                { "\x84\x80\x80\x80\0\14abcd", 10, "abcd" },
                { "\x84\x80\x80\x80\x10\14abcd", 10, NULL },
                { "\x84\x80\x80\x80\x80\0\14abcd", 11, NULL },
                { "\x84", 1, NULL },
                { "", 0, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                size_t n = cases[i].out ? strlen(cases[i].out) : (size_t) (cases[i].in[0] & 7);
                uint8_t out[8];
                int r = decompress_snappy((const uint8_t *) cases[i].in, cases[i].size, out, n);

                assert_int_equal(r, cases[i].out ? 0 : -EBADMSG);
                if (cases[i].out)
                        assert_memory_equal(out, cases[i].out, n);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pages_come_back_and_only_whole),
                cmocka_unit_test(test_unknown_codec),
                cmocka_unit_test(test_damaged_data_stays_within_bounds),
                cmocka_unit_test(test_snappy_agrees_with_the_library),
                cmocka_unit_test(test_snappy_elements_of_every_form),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
