/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <lzo/lzo1x.h>
#include <setjmp.h>
#include <signal.h>
#include <snappy-c.h>
#include <sys/mman.h>
#include <zlib.h>
#include <zstd.h>

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

static void decompress(uint32_t flag, const uint8_t *in, size_t size, uint8_t *out, size_t n_out)
{
        lzo_uint n_lzo = n_out;
        uLongf n_zlib = n_out;
        size_t n_snappy = n_out;

        switch (flag) {
        case COMPRESS_FLAG_ZLIB:
                assert_int_equal(uncompress(out, &n_zlib, in, size), Z_OK);
                assert_int_equal(n_zlib, n_out);
                break;
        case COMPRESS_FLAG_LZO:
                assert_int_equal(lzo1x_decompress_safe(in, size, out, &n_lzo, NULL), LZO_E_OK);
                assert_int_equal(n_lzo, n_out);
                break;
        case COMPRESS_FLAG_SNAPPY:
                assert_int_equal(
                        snappy_uncompress((const char *) in, size, (char *) out, &n_snappy),
                        SNAPPY_OK);
                assert_int_equal(n_snappy, n_out);
                break;
        case COMPRESS_FLAG_ZSTD:
                assert_int_equal(ZSTD_decompress(out, n_out, in, size), n_out);
                break;
        default:
                fail_msg("flag 0x%x", flag);
        }
}

static const Compression codecs[] = { COMPRESSION_LZO, COMPRESSION_ZLIB, COMPRESSION_SNAPPY,
                                      COMPRESSION_ZSTD };

/* How large it became; 0: it does not shrink. What shrinks must come back. */
static size_t check_page(const Compressor *compressor, void *context, const uint8_t *page,
                         size_t page_bytes)
{
        _cleanup_free_ uint8_t *out = malloc(compressor->bound(page_bytes));
        _cleanup_free_ uint8_t *back = malloc(page_bytes);
        size_t size;

        assert_non_null(out);
        assert_non_null(back);
        size = compressor->page(context, page, page_bytes, out);
        if (size == 0)
                return 0;
        assert_in_range(size, 1, page_bytes - 1);
        decompress(compressor->flag, out, size, back, page_bytes);
        assert_memory_equal(page, back, page_bytes);
        return size;
}

static void test_text_comes_back(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(codecs); i++) {
                const Compressor *compressor = compressor_find(codecs[i]);
                void *context;

                assert_int_equal(compressor->init(&context), 0);
                for (unsigned seed = 0; seed < 10; seed++) {
                        uint8_t page[PAGE];

                        fill_text(page, seed);
                        assert_in_range(check_page(compressor, context, page, PAGE), 1, PAGE / 2);
                }
                compressor->done(context);
        }
}

/* Runs of bytes, copies from near and far, and noise, in all proportions. */
static void fill_mixed(uint8_t *page, size_t page_bytes, uint64_t *seed)
{
        uint64_t x = *seed;

        for (size_t i = 0; i < page_bytes;) {
                size_t n, distance;

                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                n = MIN((size_t) (1 + (x >> 8) % (x % 5 == 0 ? 400 : 30)), page_bytes - i);
                distance = 1 + (size_t) (x >> 20) % MAX(i, (size_t) 1);
                for (size_t k = 0; k < n; k++, i++)
                        page[i] = x % 3 == 0 || i < distance ? (uint8_t) (x >> (k % 50))
                                                             : page[i - distance];
        }
        *seed = x;
}

static void test_anything_comes_back_at_every_page_size(void **state)
{
        static const size_t sizes[] = { 4096, 16384, 65536, 262144 };

        for (size_t i = 0; i < ELEMENTSOF(codecs) * ELEMENTSOF(sizes); i++) {
                const Compressor *compressor = compressor_find(codecs[i / ELEMENTSOF(sizes)]);
                size_t page_bytes = sizes[i % ELEMENTSOF(sizes)], n_shrunk = 0;
                _cleanup_free_ uint8_t *page = malloc(page_bytes);
                uint64_t seed = 4711;
                void *context;

                assert_non_null(page);
                assert_int_equal(compressor->init(&context), 0);
                for (size_t k = 0; k < 100; k++) {
                        fill_mixed(page, page_bytes, &seed);
                        n_shrunk += check_page(compressor, context, page, page_bytes) > 0;
                }
                assert_in_range(n_shrunk, 90, 100);
                memset(page, 0x5a, page_bytes);
                assert_in_range(check_page(compressor, context, page, page_bytes), 1,
                                page_bytes / 16);
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

                if (!compressor || !compressor->page)
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
        for (size_t i = 0; i < ELEMENTSOF(codecs); i++) {
                const Compressor *compressor = compressor_find(codecs[i]);
                uint8_t page[PAGE];
                void *context;

                assert_int_equal(compressor->init(&context), 0);
                fill_random(page);
                assert_int_equal(check_page(compressor, context, page, PAGE), 0);
                fill_text(page, 3);
                assert_in_range(check_page(compressor, context, page, PAGE), 1, PAGE - 1);
                compressor->done(context);
        }
}

static sigjmp_buf fault_jump;

static void fault(int signal_number)
{
        siglongjmp(fault_jump, 1);
}

/* Whether compressing @in is left in the middle. */
static bool page_faults(const Compressor *compressor, void *context, const uint8_t *in,
                        uint8_t *out)
{
        if (sigsetjmp(fault_jump, 1) != 0)
                return true;
        (void) compressor->page(context, in, PAGE, out);
        return false;
}

/* Of each page more and more is there before the fault. */
static void test_codec_works_after_it_was_left_in_the_middle(void **state)
{
        const struct sigaction action = { .sa_handler = fault };
        struct sigaction segv, bus;
        uint8_t *memory = mmap(NULL, (size_t) 2 * PAGE, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        assert_true(memory != MAP_FAILED);
        fill_text(memory, 5);
        assert_int_equal(mprotect(memory + PAGE, PAGE, PROT_NONE), 0);
        assert_int_equal(sigaction(SIGSEGV, &action, &segv), 0);
        assert_int_equal(sigaction(SIGBUS, &action, &bus), 0);
        for (size_t i = 0; i < ELEMENTSOF(codecs); i++) {
                const Compressor *compressor = compressor_find(codecs[i]);
                _cleanup_free_ uint8_t *out = malloc(compressor->bound(PAGE));
                void *context;

                assert_int_equal(compressor->init(&context), 0);
                for (size_t there = 0; there < PAGE; there += 37) {
                        assert_true(page_faults(compressor, context, memory + PAGE - there, out));
                        assert_in_range(check_page(compressor, context, memory, PAGE), 1, PAGE / 2);
                }
                compressor->done(context);
        }
        assert_int_equal(sigaction(SIGSEGV, &segv, NULL), 0);
        assert_int_equal(sigaction(SIGBUS, &bus, NULL), 0);
        assert_int_equal(munmap(memory, (size_t) 2 * PAGE), 0);
}

/* Every malloc() of the program and its libraries comes past here, but not under a sanitizer, which
 * has its own. */
static size_t n_mallocs;

#if !TEST_WITH_ASAN && !TEST_WITH_TSAN
extern void *__libc_malloc(size_t size); /* glibc's own name */

void *malloc(size_t size)
{
        n_mallocs++;
        return __libc_malloc(size);
}
#endif

static void test_pages_allocate_nothing(void **state)
{
        size_t page_bytes = (size_t) sysconf(_SC_PAGESIZE);
        _cleanup_free_ uint8_t *page = malloc(page_bytes);
        uint64_t seed = 99;

        assert_non_null(page);
        for (size_t i = 0; i < ELEMENTSOF(codecs); i++) {
                const Compressor *compressor = compressor_find(codecs[i]);
                _cleanup_free_ uint8_t *out = malloc(compressor->bound(page_bytes));
                size_t n_before;
                void *context;

                assert_int_equal(compressor->init(&context), 0);
                n_before = n_mallocs;
                for (size_t k = 0; k < 300; k++) {
                        fill_mixed(page, page_bytes, &seed);
                        (void) compressor->page(context, page, page_bytes, out);
                }
                assert_int_equal(n_mallocs, n_before);
                compressor->done(context);
        }
}

static void test_unknown_codec(void **state)
{
        assert_null(compressor_find(_COMPRESSION_MAX));
        assert_null(compressor_find(_COMPRESSION_INVALID));
}

static void test_done_accepts_null(void **state)
{
        for (Compression i = 0; i < _COMPRESSION_MAX; i++)
                if (compressor_find(i) && compressor_find(i)->done)
                        compressor_find(i)->done(NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text_comes_back),
                cmocka_unit_test(test_anything_comes_back_at_every_page_size),
                cmocka_unit_test(test_what_does_not_shrink_is_refused_within_bounds),
                cmocka_unit_test(test_page_after_one_that_did_not_fit),
                cmocka_unit_test(test_codec_works_after_it_was_left_in_the_middle),
                cmocka_unit_test(test_pages_allocate_nothing),
                cmocka_unit_test(test_unknown_codec),
                cmocka_unit_test(test_done_accepts_null),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
