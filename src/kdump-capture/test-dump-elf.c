/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-dump-elf.h"
#include "dump-segments.h"

static void test_pages_are_where_the_segments_say(void **state)
{
        static const char *const patterns[] = {
                "t",
                "0",
                "tr0.x1",
                "0000000000000000000000000000000000000000t",
                "t0000000000000000000000000000000000000000",
                "..xx",
                "rbt",
                "tfr",
                "tttttffffbbbbxx0",
                "x0",
        };

        for (size_t i = 0; i < 2 * ELEMENTSOF(patterns); i++) {
                MemorySink file = { .sink.ops = &memory_ops };
                _cleanup_free_ char *kinds = fake_repeat(patterns[i / 2], 1000);
                uint64_t n_pages = 0, n_missing = 0;
                DumpElfResult result;
                FakePages fake;

                fake_init(&fake, kinds);
                fake.shown_max = i % 3 * 5;
                assert_int_equal(run(&file, i % 2, &fake, &plain_info, &result), 0);
                assert_memory_equal(file.data, ELFMAG, SELFMAG);
                check_pages(&file, &fake, 1000);
                for (size_t k = 0; k < 1000; k++) {
                        n_pages += fake_dumpable(kinds[k]);
                        n_missing += kinds[k] == PAGE_BAD || kinds[k] == PAGE_FAULT;
                }
                assert_int_equal(result.n_pages, n_pages);
                assert_int_equal(result.counts.n_pages, n_pages);
                assert_int_equal(result.counts.n_missing, n_missing);
                assert_int_equal(result.gap_pages, 1);
                assert_int_equal(header_of(&file).e_flags, n_missing > 0);
                sink_free(&file.sink);
                fake_done(&fake);
        }
}

static void test_headers_are_what_readers_expect(void **state)
{
        MemorySink file = { .sink.ops = &memory_ops };
        ElfInfo info = plain_info;
        DumpElfResult result;
        FakePages fake;
        Elf64_Ehdr header;
        Elf64_Phdr segment;

        info.kernel_map_start_paddr = 2 * TEST_PAGE;
        info.kernel_map_end_paddr = 5 * TEST_PAGE - 100;
        info.kernel_map_delta = KERNEL_MAP;
        fake_init(&fake, ".ttt0xt");
        assert_int_equal(run(&file, false, &fake, &info, &result), 0);
        header = header_of(&file);
        assert_int_equal(header.e_ident[EI_CLASS], ELFCLASS64);
        assert_int_equal(header.e_type, ET_CORE);
        assert_int_equal(header.e_machine, EM_X86_64);
        assert_int_equal(header.e_phoff, 64);
        assert_int_equal(header.e_phentsize, 56);
        assert_int_equal(header.e_phnum, 4);

        segment = segment_of(&file, 0);
        assert_int_equal(segment.p_type, PT_NOTE);
        assert_int_equal(segment.p_filesz, sizeof(notes));
        assert_memory_equal(file.data + segment.p_offset, notes, sizeof(notes));

        /* The image lies in the same bytes as the memory. */
        segment = segment_of(&file, 1);
        assert_true(segment.p_vaddr == KERNEL_MAP + 2 * TEST_PAGE);
        assert_int_equal(segment.p_paddr, 2 * TEST_PAGE);
        assert_int_equal(segment.p_memsz, 3 * TEST_PAGE);
        assert_int_equal(segment.p_align, 0);
        assert_int_equal(segment.p_offset, segment_of(&file, 2).p_offset + TEST_PAGE);
        check_pages(&file, &fake, 7);
        assert_int_equal(result.counts.n_zero, 1);
        assert_int_equal(result.file_bytes, file.size);
        sink_free(&file.sink);
        fake_done(&fake);
}

/* Until all is safe it must not look like a core, … */
static int unclaimed_sync(Sink *sink)
{
        MemorySink *file = (MemorySink *) sink;

        if (file->n_syncs++ == 0)
                assert_int_equal(file->data[0], 0);
        else
                assert_int_equal(header_of(file).e_flags, 1);
        return 0;
}

/* … and until that is safe, not like a whole one. */
static int claimed_commit(Sink *sink)
{
        MemorySink *file = (MemorySink *) sink;

        assert_int_equal(file->n_syncs, 2);
        assert_memory_equal(file->data, ELFMAG, SELFMAG);
        assert_int_equal(header_of(file).e_flags, 0);
        return memory_commit(sink);
}

static void test_file_claims_to_be_a_whole_core_last(void **state)
{
        SinkOps ops = memory_ops;
        MemorySink file = { .sink.ops = &ops };
        DumpElfResult result;
        FakePages fake;

        ops.sync = unclaimed_sync;
        ops.commit = claimed_commit;
        fake_init(&fake, "trt");
        assert_int_equal(run(&file, false, &fake, &plain_info, &result), 0);
        assert_true(file.committed);
        sink_free(&file.sink);
        fake_done(&fake);
}

static bool is_incomplete(void *data)
{
        return *(const bool *) data;
}

static void test_core_of_an_incomplete_source_tells(void **state)
{
        for (size_t i = 0; i < 4; i++) {
                MemorySink file = { .sink.ops = &memory_ops };
                OrderedSink ordered = { .sink.ops = &ordered_ops, .memory = &file };
                bool incomplete = i / 2;
                DumpElfResult result;
                FakePages fake;
                DumpElf dump = {
                        .sink = i % 2 ? &ordered.sink : &file.sink,
                        .source = &fake.source,
                        .info = &plain_info,
                        .incomplete = is_incomplete,
                        .incomplete_data = &incomplete,
                };

                fake_init(&fake, "trx0");
                assert_int_equal(write_core(&dump, &result), 0);
                assert_int_equal(result.counts.n_missing, 0);
                assert_int_equal(header_of(&file).e_flags, incomplete);
                sink_free(&file.sink);
                fake_done(&fake);
        }
}

static void test_more_segments_than_the_header_can_count(void **state)
{
        for (unsigned in_order = 0; in_order < 2; in_order++) {
                MemorySink file = { .sink.ops = &memory_ops };
                _cleanup_free_ char *kinds = fake_repeat("0.", 2 * 66000);
                DumpElfResult result;
                FakePages fake;
                Elf64_Phdr segment;

                fake_init(&fake, kinds);
                assert_int_equal(run(&file, in_order, &fake, &plain_info, &result), 0);
                assert_int_equal(header_of(&file).e_phnum, PN_XNUM);
                assert_int_equal(header_of(&file).e_shnum, 1);
                assert_int_equal(n_headers_of(&file), 1 + 66000);
                segment = segment_of(&file, 66000);
                assert_int_equal(segment.p_paddr, (2 * 66000 - 2) * TEST_PAGE);
                assert_int_equal(segment.p_offset + TEST_PAGE, file.size);
                segment = segment_of(&file, 0);
                assert_memory_equal(file.data + segment.p_offset, notes, sizeof(notes));
                sink_free(&file.sink);
                fake_done(&fake);
        }
}

typedef struct Segmented {
        const char *pattern;
        size_t n_pfns, n_max;
        size_t n_segments;
        uint64_t gap_pages, n_missing;
} Segmented;

static int count_visited(void *data, uint64_t n_pages)
{
        uint64_t *n_visited = data;

        assert_true(n_pages >= *n_visited);
        *n_visited = n_pages;
        return 0;
}

static void test_segments_are_bounded(void **state)
{
        static const Segmented cases[] = {
                /* Small gaps are closed when there are many of them, … */
                { "0x", 2 * 8000, 100000, 8000, 1, 0 },
                { "0x", 2 * 9000, 100000, 1, 2, 0 },
                { "0xxx", 4 * 9000, 100000, 1, 4, 0 },
                { "0x0xxx", 6 * 5000, 100000, 5000, 2, 0 },
                /* … but never across what is no memory or cannot be read. */
                { "0b", 2 * 9000, 100000, 9000, 256, 9000 },
                { "0.", 2 * 9000, 100000, 9000, 256, 0 },
                { "0.", 2 * 10, 4, 4, 32, 6 },
                { "0x", 2 * 10, 4, 1, 2, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const Segmented *c = &cases[i];
                _cleanup_free_ char *kinds = fake_repeat(c->pattern, c->n_pfns);
                _cleanup_(dump_segments_done) DumpSegments segments = {};
                uint64_t n_visited = 0;
                DumpSegmentsProgress progress = { .fn = count_visited, .data = &n_visited };
                void *reader = NULL;
                FakePages fake;

                fake_init(&fake, kinds);
                assert_int_equal(fake.source.reader_new(fake.source.data, &reader), 0);
                assert_int_equal(
                        dump_segments_find(&fake.source, reader, c->n_max, &progress, &segments),
                        0);
                assert_int_equal(n_visited,
                                 strchr(c->pattern, PAGE_HOLE) ? c->n_pfns / 2 : c->n_pfns);
                assert_int_equal(segments.n_items, c->n_segments);
                assert_int_equal(segments.gap_pages, c->gap_pages);
                assert_int_equal(segments.n_missing, c->n_missing);
                fake.source.reader_free(reader);
                fake_done(&fake);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pages_are_where_the_segments_say),
                cmocka_unit_test(test_headers_are_what_readers_expect),
                cmocka_unit_test(test_file_claims_to_be_a_whole_core_last),
                cmocka_unit_test(test_core_of_an_incomplete_source_tells),
                cmocka_unit_test(test_more_segments_than_the_header_can_count),
                cmocka_unit_test(test_segments_are_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
