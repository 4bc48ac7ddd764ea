/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <lzo/lzo1x.h>
#include <zlib.h>

#include "compress.h"
#include "test.h"

#define PAGE 4096

static void fill_random(uint8_t *page)
{
        uint64_t x = 88172645463325252U;

        for (size_t i = 0; i < PAGE; i++) {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                page[i] = (uint8_t) (x >> 24);
        }
}

static void fill_text(uint8_t *page, unsigned seed)
{
        for (size_t i = 0; i < PAGE; i++)
                page[i] =
                        (uint8_t) ("kernel memory repeats itself "[i % 29] + (i / 512 * seed) % 7);
}

static void decompress(uint32_t flag, const uint8_t *in, size_t size, uint8_t out[PAGE])
{
        if (flag == COMPRESS_FLAG_LZO) {
                lzo_uint n = PAGE;

                assert_int_equal(lzo1x_decompress_safe(in, size, out, &n, NULL), LZO_E_OK);
                assert_int_equal(n, PAGE);
        } else {
                uLongf n = PAGE;

                assert_int_equal(flag, COMPRESS_FLAG_ZLIB);
                assert_int_equal(uncompress(out, &n, in, size), Z_OK);
                assert_int_equal(n, PAGE);
        }
}

static void test_text_comes_back(void **state)
{
        static const Compression codecs[] = { COMPRESSION_LZO, COMPRESSION_ZLIB };

        for (size_t i = 0; i < ELEMENTSOF(codecs); i++) {
                const Compressor *compressor = compressor_find(codecs[i]);
                _cleanup_free_ uint8_t *out = malloc(compressor->bound(PAGE));
                void *context;

                assert_int_equal(compressor->init(&context), 0);
                for (unsigned seed = 0; seed < 10; seed++) {
                        uint8_t page[PAGE], back[PAGE];
                        size_t size;

                        fill_text(page, seed);
                        size = compressor->page(context, page, PAGE, out);
                        assert_in_range(size, 1, PAGE / 2);
                        decompress(compressor->flag, out, size, back);
                        assert_memory_equal(page, back, PAGE);
                }
                compressor->done(context);
        }
}

static void test_what_does_not_shrink_is_refused_within_bounds(void **state)
{
        for (Compression i = 0; i < _COMPRESSION_MAX; i++) {
                const Compressor *compressor = compressor_find(i);
                _cleanup_free_ uint8_t *out = NULL;
                uint8_t page[PAGE];
                size_t bound;
                void *context;

                if (!compressor)
                        continue;
                bound = compressor->bound(PAGE);
                out = malloc(bound + 16);
                assert_non_null(out);
                memset(out + bound, 0xa5, 16);
                fill_random(page);
                assert_int_equal(compressor->init(&context), 0);
                assert_int_equal(compressor->page(context, page, PAGE, out), 0);
                for (size_t k = 0; k < 16; k++)
                        assert_int_equal(out[bound + k], 0xa5);
                compressor->done(context);
        }
}

static void test_page_after_one_that_did_not_fit(void **state)
{
        const Compressor *compressor = compressor_find(COMPRESSION_ZLIB);
        uint8_t page[PAGE], back[PAGE], out[PAGE];
        void *context;
        size_t size;

        assert_int_equal(compressor->init(&context), 0);
        fill_random(page);
        assert_int_equal(compressor->page(context, page, PAGE, out), 0);
        fill_text(page, 3);
        size = compressor->page(context, page, PAGE, out);
        assert_in_range(size, 1, PAGE - 1);
        decompress(COMPRESS_FLAG_ZLIB, out, size, back);
        assert_memory_equal(page, back, PAGE);
        compressor->done(context);
}

static void test_unknown_codec(void **state)
{
        assert_null(compressor_find(_COMPRESSION_MAX));
        assert_null(compressor_find(_COMPRESSION_INVALID));
}

static void test_done_accepts_null(void **state)
{
        for (Compression i = 0; i < _COMPRESSION_MAX; i++)
                if (compressor_find(i))
                        compressor_find(i)->done(NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text_comes_back),
                cmocka_unit_test(test_what_does_not_shrink_is_refused_within_bounds),
                cmocka_unit_test(test_page_after_one_that_did_not_fit),
                cmocka_unit_test(test_unknown_codec),
                cmocka_unit_test(test_done_accepts_null),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
