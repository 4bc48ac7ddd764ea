/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of what one worker compresses with. */
#include "test.h"

#include "compress-auto.h"

#define PAGE 4096
#define BUFFERS 200

static void test_given_codec_stays(void **state)
{
        Coder coder;

        assert_int_equal(coder_init(&coder, &compressor_zlib, NULL), 0);
        for (size_t i = 0; i < BUFFERS; i++) {
                uint8_t page[PAGE] = { 1, 2, 3 }, out[PAGE];
                uint32_t flag = 0;

                assert_in_range(coder_page(&coder, page, PAGE, out, &flag), 1, PAGE / 2);
                assert_int_equal(flag, COMPRESS_FLAG_ZLIB);
                coder_write_begins(&coder);
                coder_write_ended(&coder, 1 << 20);
        }
        coder_done(&coder);
}

/* Both codecs are tried early, whatever the clock says. */
static void test_auto_begins_with_lzo_and_tries_zstd(void **state)
{
        _cleanup_(compress_auto_freep) CompressAuto *shared = NULL;
        size_t n_zstd = 0;
        Coder coder;

        assert_int_equal(compress_auto_new(1, &shared), 0);
        assert_int_equal(coder_init(&coder, &compressor_auto, shared), 0);
        assert_true(coder_bound(&coder, PAGE) >= compressor_lzo.bound(PAGE));
        assert_true(coder_bound(&coder, PAGE) >= compressor_zstd.bound(PAGE));
        for (size_t i = 0; i < 4; i++) {
                uint8_t page[PAGE] = { 1, 2, 3 }, out[2 * PAGE];
                uint32_t flag = 0;

                assert_in_range(coder_page(&coder, page, PAGE, out, &flag), 1, PAGE / 2);
                assert_true(flag == COMPRESS_FLAG_LZO || flag == COMPRESS_FLAG_ZSTD);
                assert_true(i > 0 || flag == COMPRESS_FLAG_LZO);
                assert_int_equal(flag, coder.compressor->flag);
                n_zstd += flag == COMPRESS_FLAG_ZSTD;
                coder_write_begins(&coder);
                coder_write_ended(&coder, 0);
        }
        /* Nothing was written, so nothing is known of the sink: a try, no change. */
        assert_int_equal(n_zstd, 1);
        coder_done(&coder);
}

static void test_done_accepts_half_built(void **state)
{
        Coder coder = {};

        coder_done(&coder);
        assert_null(compress_auto_free(NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_given_codec_stays),
                cmocka_unit_test(test_auto_begins_with_lzo_and_tries_zstd),
                cmocka_unit_test(test_done_accepts_half_built),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
