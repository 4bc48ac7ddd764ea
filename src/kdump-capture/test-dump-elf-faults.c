/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of ELF cores of which something could not be read or written. */
#include "test-dump-elf.h"

/* Page 5 can be read once only. */
static int failing_window(void *data, uint64_t pfn, size_t n_pages, const uint8_t **ret,
                          size_t *ret_n_pages)
{
        FakePages *fake = ((FakeReader *) data)->fake;

        if (fake->n_windows > 0 && pfn <= 5 && pfn + n_pages > 5) {
                fake->n_windows++;
                return -EFAULT;
        }
        return fake_window(data, pfn, n_pages, ret, ret_n_pages);
}

static void test_page_that_is_lost_between_the_passes(void **state)
{
        for (unsigned in_order = 0; in_order < 2; in_order++) {
                MemorySink file = { .sink.ops = &memory_ops };
                DumpElfResult result;
                FakePages fake;

                fake_init(&fake, "trtrtrtrtr");
                fake.source.window = failing_window;
                assert_int_equal(run(&file, in_order, &fake, &plain_info, &result), 0);
                assert_int_equal(result.n_pages, 10);
                assert_int_equal(result.counts.n_pages, 10);
                assert_int_equal(result.counts.n_missing, 1);
                assert_int_equal(result.counts.first_missing_pfn, 5);
                /* A stream has said before that it is whole. */
                assert_int_equal(header_of(&file).e_flags, !in_order);
                memset(fake.memory + 5 * TEST_PAGE, 0, TEST_PAGE);
                check_pages(&file, &fake, 10);
                sink_free(&file.sink);
                fake_done(&fake);
        }
}

static void test_full_sink_keeps_what_fitted(void **state)
{
        for (unsigned holes = 0; holes < 2; holes++) {
                MemorySink file = { .sink.ops = &memory_ops, .limit = 3 << 20 };
                _cleanup_free_ char *kinds = fake_repeat("rrtrxrrb", 2000);
                DumpElfResult result;
                FakePages fake;
                Elf64_Phdr last;
                uint64_t end_pfn;

                if (holes)
                        memset(kinds + 400, PAGE_ZERO, 300);
                fake_init(&fake, kinds);
                assert_int_equal(run(&file, false, &fake, &plain_info, &result), -ENOSPC);
                assert_int_equal(header_of(&file).e_flags, 1);
                assert_in_range(result.counts.n_pages - result.counts.n_missing, 1, 1500);
                last = segment_of(&file, n_headers_of(&file) - 1);
                end_pfn = (last.p_paddr + last.p_memsz) / TEST_PAGE;
                assert_in_range(end_pfn, 250, 1999);
                check_pages(&file, &fake, end_pfn);
                sink_free(&file.sink);
                fake_done(&fake);
        }
}

typedef struct Breakage {
        uint64_t error_at;   /* 0: nowhere */
        unsigned n_good;     /* syncs, before … */
        unsigned n_bad;      /* … those that fail */
        bool loses_header;   /* the ELF header is never taken */
        bool opens;          /* it is a core all the same */
        uint64_t n_pages_in; /* if it is */
} Breakage;

typedef struct BrokenSink {
        MemorySink file;
        const Breakage *breakage;
} BrokenSink;

static int broken_sync(Sink *sink)
{
        const Breakage *breakage = ((BrokenSink *) sink)->breakage;
        unsigned n = ((BrokenSink *) sink)->file.n_syncs++;

        return n >= breakage->n_good && n < breakage->n_good + breakage->n_bad ? -EIO : 0;
}

static int broken_write(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        if (((BrokenSink *) sink)->breakage->loses_header && offset_bytes == 0)
                return -EIO;
        return memory_write(sink, offset_bytes, data, size);
}

static void test_core_that_failed_opens_or_has_no_pages(void **state)
{
        static const Breakage cases[] = {
                { .error_at = 5 << 20, .opens = true, .n_pages_in = 1024 },
                { .error_at = 1 << 20 }, /* nothing was written before */
                { .error_at = 5 << 20, .n_bad = 1 },
                { .n_bad = 1, .opens = true, .n_pages_in = 2000 },
                { .n_bad = 2 },
                { .n_good = 1, .loses_header = true },
                { .error_at = 5 << 20, .loses_header = true },
        };
        _cleanup_free_ char *kinds = fake_repeat("r", 2000);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                SinkOps ops = memory_ops;
                BrokenSink sink = {
                        .file = { .sink.ops = &ops, .error_at = cases[i].error_at, .error = -EIO },
                        .breakage = &cases[i],
                };
                const MemorySink *file = &sink.file;
                DumpElfResult result;
                FakePages fake;

                ops.sync = broken_sync;
                ops.write = broken_write;
                fake_init(&fake, kinds);
                assert_int_equal(run(&sink.file, false, &fake, &plain_info, &result), -EIO);
                assert_int_equal(result.n_pages, 2000);
                assert_int_equal(memcmp(file->data, ELFMAG, SELFMAG) == 0, cases[i].opens);
                assert_int_equal(result.counts.n_pages - result.counts.n_missing,
                                 cases[i].n_pages_in);
                if (cases[i].opens) {
                        assert_int_equal(header_of(file).e_flags, 1);
                        check_pages(file, &fake, cases[i].n_pages_in);
                        assert_int_equal(result.file_bytes, file->size);
                } else
                        assert_int_equal(result.file_bytes, 0);
                sink_free(&sink.file.sink);
                fake_done(&fake);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_page_that_is_lost_between_the_passes),
                cmocka_unit_test(test_full_sink_keeps_what_fitted),
                cmocka_unit_test(test_core_that_failed_opens_or_has_no_pages),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
