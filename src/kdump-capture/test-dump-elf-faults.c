/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of ELF cores of which something could not be read or written. */
#include "test-dump-elf.h"

/* Can be read in the first pass only. */
#define PAGE_LOST 'l'

/* So many places in a core that is not written in order can be taken out. */
#define N_LOSSES_MAX 256

/* All memory has been asked for once when the first pass is over. */
static int losing_window(void *data, uint64_t pfn, size_t n_pages, const uint8_t **ret,
                         size_t *ret_n_pages)
{
        FakePages *fake = ((FakeReader *) data)->fake;

        if (fake->n_asked > fake->source.end_pfn && memchr(fake->kinds + pfn, PAGE_LOST, n_pages))
                return -EFAULT;
        return fake_window(data, pfn, n_pages, ret, ret_n_pages);
}

/* The caller frees *ret_kinds. */
static void losing_init(FakePages *fake, const char *kinds, char **ret_kinds)
{
        *ret_kinds = strdup(kinds);
        assert_non_null(*ret_kinds);
        fake_init(fake, *ret_kinds);
        fake->source.window = losing_window;
        for (size_t pfn = 0; kinds[pfn]; pfn++)
                if (kinds[pfn] == PAGE_LOST)
                        fake_fill_page(fake->memory + pfn * TEST_PAGE, PAGE_TEXT, pfn);
}

/* Makes of lost pages in the first @n_places places bad ones, and of others zeros, as they are to
 * be found in the core. Returns how many those are. */
static uint64_t losing_settle(FakePages *fake, char *kinds, size_t n_places)
{
        uint64_t n_zeros = 0;
        size_t n;

        for (char *at = kinds; (at = strchr(at, PAGE_LOST)); at += n) {
                n = strspn(at, (const char[]){ PAGE_LOST, 0 });
                if (n_places > 0) {
                        n_places--;
                        memset(at, PAGE_BAD, n);
                        continue;
                }
                memset(at, PAGE_ZERO, n);
                memset(fake->memory + (size_t) (at - kinds) * TEST_PAGE, 0, n * TEST_PAGE);
                n_zeros += n;
        }
        return n_zeros;
}

/* The segments of the kernel's image have those of its pages that can be had, and no others. */
static void check_kernel(const MemorySink *file, const FakePages *fake, const ElfInfo *info)
{
        uint64_t n_pages = 0, n_expected = 0;

        for (size_t i = 1; i < n_headers_of(file); i++) {
                Elf64_Phdr segment = segment_of(file, i);

                if (segment.p_vaddr < KERNEL_MAP)
                        continue;
                assert_true(segment.p_vaddr - segment.p_paddr == KERNEL_MAP);
                for (uint64_t k = 0; k < segment.p_filesz; k += TEST_PAGE, n_pages++)
                        assert_ptr_equal(file->data + segment.p_offset + k,
                                         page_of(file, (segment.p_paddr + k) / TEST_PAGE));
        }
        for (uint64_t at = info->kernel_map_start_paddr; at < info->kernel_map_end_paddr;
             at += TEST_PAGE)
                n_expected += !strchr(".xb", fake->kinds[at / TEST_PAGE]);
        assert_int_equal(n_pages, n_expected);
}

static void test_pages_lost_between_the_passes_are_in_no_segment(void **state)
{
        static const struct {
                const char *pattern;
                size_t n;
        } cases[] = {
                { "l", 1 },
                { "trtrtltrtr", 10 },
                { "lltrtlltll", 10 },
                { "tl.ltlxltb", 10 },
                { "trlll0000000000000000lt", 2000 },
                { "tl", 2 * N_LOSSES_MAX },
                { "tll", 3 * N_LOSSES_MAX + 300 },
        };

        for (size_t i = 0; i < 2 * ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *pattern = fake_repeat(cases[i / 2].pattern, cases[i / 2].n);
                _cleanup_free_ char *kinds = NULL;
                MemorySink file = { .sink.ops = &memory_ops };
                ElfInfo info = plain_info;
                uint64_t n_missing = 0, n_zeros;
                DumpElfResult result;
                FakePages fake;

                info.kernel_map_end_paddr = cases[i / 2].n * TEST_PAGE;
                info.kernel_map_delta = KERNEL_MAP;
                losing_init(&fake, pattern, &kinds);
                assert_int_equal(run(&file, i % 2, &fake, &info, &result), 0);
                n_zeros = losing_settle(&fake, kinds, i % 2 ? 0 : N_LOSSES_MAX);
                check_pages(&file, &fake, cases[i / 2].n);
                check_kernel(&file, &fake, &info);

                for (const char *at = pattern; *at; at++)
                        n_missing += *at == PAGE_LOST || *at == PAGE_BAD;
                assert_int_equal(result.counts.n_pages, result.n_pages);
                assert_int_equal(result.counts.n_missing, n_missing);
                assert_int_equal(fake.n_missing + fake.n_missing_wrong, n_missing);
                assert_int_equal(result.n_lost_as_zero, n_zeros);
                /* A stream has said before whether it is whole. */
                assert_int_equal(header_of(&file).e_flags,
                                 i % 2 ? strchr(pattern, 'b') != NULL : 1);
                sink_free(&file.sink);
                fake_done(&fake);
        }
}

static void test_lost_pages_can_make_segments_too_many_for_the_header(void **state)
{
        const size_t n_plain = PN_XNUM - 2 - N_LOSSES_MAX, n_pfns = 2 * n_plain + 4 * N_LOSSES_MAX;
        _cleanup_free_ char *pattern = fake_repeat("0.", n_pfns), *kinds = NULL;
        MemorySink file = { .sink.ops = &memory_ops };
        DumpElfResult result;
        Elf64_Phdr segment;
        FakePages fake;

        for (size_t i = 0; i < N_LOSSES_MAX; i++)
                memcpy(pattern + 2 * n_plain + 4 * i, "0l0.", 4);
        losing_init(&fake, pattern, &kinds);
        assert_int_equal(run(&file, false, &fake, &plain_info, &result), 0);
        assert_int_equal(result.n_lost_as_zero, 0);
        assert_int_equal(header_of(&file).e_phnum, PN_XNUM);
        assert_int_equal(header_of(&file).e_shnum, 1);
        assert_int_equal(n_headers_of(&file), 1 + n_plain + 2 * N_LOSSES_MAX);
        segment = segment_of(&file, n_plain + 2 * N_LOSSES_MAX);
        assert_int_equal(segment.p_paddr, (n_pfns - 2) * TEST_PAGE);
        assert_int_equal(segment.p_offset + TEST_PAGE, file.size);
        segment = segment_of(&file, 0);
        assert_memory_equal(file.data + segment.p_offset, notes, sizeof(notes));
        sink_free(&file.sink);
        fake_done(&fake);
}

static void test_full_sink_keeps_what_fitted(void **state)
{
        for (unsigned holes = 0; holes < 2; holes++) {
                MemorySink file = { .sink.ops = &memory_ops, .limit = 3 << 20 };
                _cleanup_free_ char *pattern = fake_repeat("rrtrxrlb", 2000), *kinds = NULL;
                DumpElfResult result;
                FakePages fake;
                Elf64_Phdr last;
                uint64_t end_pfn;

                if (holes)
                        memset(pattern + 400, PAGE_ZERO, 300);
                losing_init(&fake, pattern, &kinds);
                assert_int_equal(run(&file, false, &fake, &plain_info, &result), -ENOSPC);
                assert_int_equal(header_of(&file).e_flags, 1);
                assert_in_range(result.counts.n_pages - result.counts.n_missing, 1, 1500);
                last = segment_of(&file, n_headers_of(&file) - 1);
                end_pfn = (last.p_paddr + last.p_memsz) / TEST_PAGE;
                assert_in_range(end_pfn, 250, 1999);
                assert_int_equal(losing_settle(&fake, kinds, N_LOSSES_MAX), 0);
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
                /* The header is in it, but not safe at first, or never known to be. */
                { .n_good = 1, .n_bad = 1, .opens = true, .n_pages_in = 2000 },
                { .n_good = 1, .n_bad = 9, .opens = true },
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
                }
                assert_int_equal(result.file_bytes, cases[i].n_pages_in > 0 ? file->size : 0);
                sink_free(&sink.file.sink);
                fake_done(&fake);
        }
}

typedef struct LastFault {
        const char *kinds;
        bool commit_fails;
        unsigned flags_fail; /* writes to e_flags that fail, … */
        bool flags_land;     /* … though they are in the file */
        uint32_t flags;      /* in the end */
} LastFault;

typedef struct LastSink {
        MemorySink file;
        LastFault fault;
} LastSink;

static int last_write(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        LastFault *fault = &((LastSink *) sink)->fault;

        if (offset_bytes != offsetof(Elf64_Ehdr, e_flags) || fault->flags_fail == 0)
                return memory_write(sink, offset_bytes, data, size);
        fault->flags_fail--;
        if (fault->flags_land)
                assert_int_equal(memory_write(sink, offset_bytes, data, size), 0);
        return -EIO;
}

static int last_commit(Sink *sink)
{
        return ((LastSink *) sink)->fault.commit_fails ? -EIO : memory_commit(sink);
}

static void test_core_whose_end_fails_does_not_claim_to_be_whole(void **state)
{
        static const LastFault cases[] = {
                { .kinds = "trt0x" },
                { .kinds = "trtb", .flags = 1 },
                { .kinds = "trt0x", .commit_fails = true, .flags = 1 },
                { .kinds = "trtb", .commit_fails = true, .flags = 1 },
                { .kinds = "trt0x", .flags_fail = 1, .flags = 1 },
                { .kinds = "trt0x", .flags_fail = 1, .flags_land = true, .flags = 1 },
                { .kinds = "trt0x", .flags_fail = 2, .flags = 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                SinkOps ops = memory_ops;
                LastSink sink = { .file.sink.ops = &ops, .fault = cases[i] };
                bool fails = cases[i].commit_fails || cases[i].flags_fail > 0;
                DumpElfResult result;
                FakePages fake;

                ops.write = last_write;
                ops.commit = last_commit;
                fake_init(&fake, cases[i].kinds);
                assert_int_equal(run(&sink.file, false, &fake, &plain_info, &result),
                                 fails ? -EIO : 0);
                assert_int_equal(sink.file.committed, !fails);
                assert_int_equal(header_of(&sink.file).e_flags, cases[i].flags);
                check_pages(&sink.file, &fake, strlen(cases[i].kinds));
                sink_free(&sink.file.sink);
                fake_done(&fake);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pages_lost_between_the_passes_are_in_no_segment),
                cmocka_unit_test(test_lost_pages_can_make_segments_too_many_for_the_header),
                cmocka_unit_test(test_full_sink_keeps_what_fitted),
                cmocka_unit_test(test_core_that_failed_opens_or_has_no_pages),
                cmocka_unit_test(test_core_whose_end_fails_does_not_claim_to_be_whole),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
