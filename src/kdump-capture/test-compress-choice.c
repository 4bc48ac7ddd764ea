/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the rule by which a codec is chosen. */
#include "test.h"

#include "compress-choice.h"

#define MB UINT64_C(1000000)

/* 1000 pages each; what a sink does in 1 s. */
static CompressFigures figures_make(unsigned n_threads, unsigned lzo_usec, unsigned lzo_bytes,
                                    unsigned zstd_usec, unsigned zstd_bytes, uint64_t sink_bytes)
{
        return (CompressFigures){
                .n_threads = n_threads,
                .lzo = { 1000, UINT64_C(1000000) * lzo_usec, UINT64_C(1000) * lzo_bytes },
                .zstd = { 1000, UINT64_C(1000000) * zstd_usec, UINT64_C(1000) * zstd_bytes },
                .sink = { sink_bytes, UINT64_C(1000000000) },
        };
}

static void test_sink_and_threads_decide(void **state)
{
        static const struct {
                unsigned n_threads, lzo_usec, lzo_bytes, zstd_usec, zstd_bytes;
                uint64_t sink_bytes;
                Compression expected;
        } cases[] = {
                /* memory: threads are the limit, few or many */
                { 1, 6, 1220, 17, 910, 2000 * MB, COMPRESSION_LZO },
                { 2, 6, 1220, 17, 910, 2000 * MB, COMPRESSION_LZO },
                { 8, 6, 1220, 17, 910, 5000 * MB, COMPRESSION_LZO },
                /* 1 Gbit/s: the sink is */
                { 1, 6, 1220, 17, 700, 10 * MB, COMPRESSION_ZSTD },
                { 2, 6, 1220, 17, 910, 30 * MB, COMPRESSION_ZSTD },
                { 8, 6, 1220, 17, 910, 115 * MB, COMPRESSION_ZSTD },
                /* one thread does not compress while it writes: what zstd saves there it loses */
                { 1, 6, 1220, 17, 910, 115 * MB, COMPRESSION_LZO },
                /* a disk: enough threads make it the limit */
                { 2, 6, 1220, 17, 910, 500 * MB, COMPRESSION_LZO },
                { 32, 6, 1220, 17, 910, 500 * MB, COMPRESSION_ZSTD },
                /* what does not shrink further is not worth it, however slow the sink is */
                { 8, 6, 1220, 17, 1210, 1 * MB, _COMPRESSION_INVALID },
                /* zstd makes it the threads that are the limit, and is still faster */
                { 4, 6, 2000, 17, 900, 200 * MB, COMPRESSION_ZSTD },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CompressFigures figures =
                        figures_make(cases[i].n_threads, cases[i].lzo_usec, cases[i].lzo_bytes,
                                     cases[i].zstd_usec, cases[i].zstd_bytes, cases[i].sink_bytes);

                for (size_t k = 0; k < 2; k++) {
                        Compression now = k == 0 ? COMPRESSION_LZO : COMPRESSION_ZSTD;
                        Compression expected =
                                (int) cases[i].expected < 0 ? now : cases[i].expected;

                        if (compress_choose(&figures, now) != expected)
                                fail_msg("case %zu, from %s", i, compression_to_string(now));
                }
        }
}

/* Between the sinks at which it changes, the codec stays what it is: small errors of measurement
 * do not make it go to and fro. */
static void test_a_small_gain_changes_nothing(void **state)
{
        unsigned n_stay = 0;

        for (uint64_t sink = 10 * MB; sink < 1000 * MB; sink += sink / 50) {
                CompressFigures figures = figures_make(2, 6, 1220, 17, 910, sink);
                Compression from_lzo = compress_choose(&figures, COMPRESSION_LZO);
                Compression from_zstd = compress_choose(&figures, COMPRESSION_ZSTD);

                if (from_lzo == from_zstd)
                        continue;
                assert_int_equal(from_lzo, COMPRESSION_LZO);
                assert_int_equal(from_zstd, COMPRESSION_ZSTD);
                n_stay++;
        }
        assert_in_range(n_stay, 5, 60);
}

static void test_without_figures_it_stays(void **state)
{
        const CompressFigures slow = figures_make(2, 6, 1220, 17, 600, 1 * MB);

        assert_int_equal(compress_choose(&slow, COMPRESSION_LZO), COMPRESSION_ZSTD);
        for (size_t i = 0; i < 5; i++) {
                CompressFigures figures = slow;

                if (i == 0)
                        figures = (CompressFigures){};
                else if (i == 1)
                        figures.zstd = (CodecFigures){};
                else if (i == 2)
                        figures.lzo = (CodecFigures){};
                else if (i == 3)
                        figures.sink = (SinkFigures){};
                else
                        figures.n_threads = 0;
                assert_int_equal(compress_choose(&figures, COMPRESSION_LZO), COMPRESSION_LZO);
                assert_int_equal(compress_choose(&figures, COMPRESSION_ZSTD), COMPRESSION_ZSTD);
        }
}

/* A sink whose clock has not moved takes anything at once. */
static void test_sink_without_time_is_fast(void **state)
{
        CompressFigures figures = figures_make(2, 6, 1220, 17, 600, 1 * MB);

        figures.sink.busy_nsec = 0;
        assert_int_equal(compress_choose(&figures, COMPRESSION_ZSTD), COMPRESSION_LZO);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sink_and_threads_decide),
                cmocka_unit_test(test_a_small_gain_changes_nothing),
                cmocka_unit_test(test_without_figures_it_stays),
                cmocka_unit_test(test_sink_without_time_is_fast),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
