/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dump-kdump.h"
#include "test-dump.h"

#define TEST_STATUS 424

static const char notes[] = "0123456789ab OSRELEASE=1.2.3 and more notes";

static KdumpInfo test_info(void)
{
        KdumpInfo info = {
                .timestamp_usec = 1700000000123456,
                .n_cpus = 3,
                .phys_base = 0xfffffffff1000000,
                .dump_level = 1,
                .compress_flags = 0x2,
                .notes = (const uint8_t *) notes,
                .notes_size = sizeof(notes),
                .vmcoreinfo_offset = 13,
                .vmcoreinfo_size = 15,
        };

        memcpy(info.utsname, "Linux", 6);
        memcpy(info.utsname + 4 * 65, "x86_64", 7);
        return info;
}

/* Headers, bitmaps, and the room for the descriptors. */
static void begin(DumpKdump *dump, FakePages *fake)
{
        size_t n = fake->source.end_pfn;
        _cleanup_free_ uint8_t *exists = calloc(1, n / 8 + 1), *dumpable = calloc(1, n / 8 + 1);
        uint64_t n_pages = 0;

        fake_fill_bits(fake, 0, n, exists, fake_exists);
        fake_fill_bits(fake, 0, n, dumpable, fake_dumpable);
        for (size_t i = 0; i < n; i++)
                n_pages += fake_dumpable(fake->kinds[i]);
        assert_int_equal(dump_kdump_begin(dump), 0);
        assert_int_equal(dump_kdump_write_bitmaps(dump, 0, n, exists, dumpable), 0);
        assert_int_equal(dump_kdump_reserve(dump, n_pages), 0);
}

static void test_headers_are_where_readers_look(void **state)
{
        MemorySink file = { .sink.ops = &memory_ops };
        _cleanup_(dump_kdump_freep) DumpKdump *dump = NULL;
        _cleanup_free_ char *kinds = fake_repeat("tt0.x", 40000);
        KdumpInfo info = test_info();
        FakePages fake;

        fake_init(&fake, kinds);
        assert_int_equal(dump_kdump_new(&file.sink, &fake.source, &info, &dump), 0);
        begin(dump, &fake);

        assert_memory_equal(file.data, "KDUMP   ", 8);
        assert_int_equal(file_u32(&file, 8), 6);
        assert_memory_equal(file.data + 12, info.utsname, 390);
        assert_int_equal(file_u64(&file, 408), 1700000000);
        assert_int_equal(file_u64(&file, 416), 123456);
        assert_int_equal(file_u32(&file, TEST_STATUS), 0x8 | 0x2);
        assert_int_equal(file_u32(&file, 428), 4096);
        assert_int_equal(file_u32(&file, 432), 1);
        assert_int_equal(file_u32(&file, 436),
                         4); /* 40000 bits are 5000 bytes: two blocks, twice */
        assert_int_equal(file_u32(&file, 440), 40000);
        assert_int_equal(file_u32(&file, 460), 3);

        assert_int_equal(file_u64(&file, 4096), 0xfffffffff1000000);
        assert_int_equal(file_u32(&file, 4096 + 8), 1);
        assert_int_equal(file_u32(&file, 4096 + 12), 0);
        assert_memory_equal(file.data + file_u64(&file, 4096 + 32), "OSRELEASE=1.2.3", 15);
        assert_int_equal(file_u64(&file, 4096 + 40), 15);
        assert_int_equal(file_u64(&file, 4096 + 48), 4096 + 104);
        assert_int_equal(file_u64(&file, 4096 + 56), sizeof(notes));
        assert_memory_equal(file.data + 4096 + 104, notes, sizeof(notes));
        assert_int_equal(file_u64(&file, 4096 + 96), 40000);

        assert_int_equal(dump_kdump_n_pages(dump), 40000 / 5 * 3);
        for (uint64_t pfn = 0; pfn < 40000; pfn++) {
                assert_int_equal(file_bit(&file, 2 * 4096, pfn), kinds[pfn] != '.');
                assert_int_equal(file_bit(&file, 4 * 4096, pfn),
                                 kinds[pfn] != '.' && kinds[pfn] != 'x');
        }
        sink_free(&file.sink);
        fake_done(&fake);
}

static void test_notes_of_many_blocks_move_the_rest(void **state)
{
        MemorySink file = { .sink.ops = &memory_ops };
        _cleanup_(dump_kdump_freep) DumpKdump *dump = NULL;
        _cleanup_free_ uint8_t *big = malloc(3 * 4096);
        KdumpInfo info = test_info();
        FakePages fake;

        memset(big, 'n', 3 * 4096);
        info.notes = big;
        info.notes_size = 3 * 4096;
        info.vmcoreinfo_offset = 2 * 4096;
        fake_init(&fake, "t.t");
        assert_int_equal(dump_kdump_new(&file.sink, &fake.source, &info, &dump), 0);
        begin(dump, &fake);
        assert_int_equal(file_u32(&file, 432), 4);
        assert_int_equal(file_u64(&file, 4096 + 32), 4096 + 104 + 2 * 4096);
        assert_true(file_bit(&file, 5 * 4096, 0));
        assert_false(file_bit(&file, 5 * 4096, 1));
        sink_free(&file.sink);
        fake_done(&fake);
}

static void write_all(DumpKdump *dump, const FakePages *fake)
{
        _cleanup_free_ uint8_t *page = aligned_alloc(SINK_DATA_ALIGN, TEST_PAGE);
        uint64_t rank = 0;

        for (uint64_t pfn = 0; pfn < fake->source.end_pfn; pfn++) {
                KdumpDesc desc = { .size_bytes = TEST_PAGE };

                if (!fake_dumpable(fake->kinds[pfn]))
                        continue;
                memcpy(page, fake->memory + pfn * TEST_PAGE, TEST_PAGE);
                assert_int_equal(dump_kdump_write_data(dump, page, TEST_PAGE, &desc.offset_bytes),
                                 0);
                assert_int_equal(dump_kdump_write_descs(dump, rank++, &desc, 1), 0);
        }
}

static void test_incomplete_until_all_is_safe(void **state)
{
        MemorySink file = { .sink.ops = &memory_ops };
        _cleanup_(dump_kdump_freep) DumpKdump *dump = NULL;
        KdumpInfo info = test_info();
        FakePages fake;

        fake_init(&fake, "tr..xt0r");
        assert_int_equal(dump_kdump_new(&file.sink, &fake.source, &info, &dump), 0);
        begin(dump, &fake);
        assert_int_equal(file.n_syncs, 1);
        write_all(dump, &fake);
        assert_int_equal(file_u32(&file, TEST_STATUS), 0x8 | 0x2);
        assert_int_equal(dump_kdump_commit(dump, true), 0);
        assert_int_equal(file.n_syncs, 2);
        assert_int_equal(file.status_at_sync, 0x8 | 0x2);
        assert_int_equal(file_u32(&file, TEST_STATUS), 0x2);
        assert_int_equal(dump_kdump_bytes(dump), file.size);
        file_check_pages(&file, &fake);
        sink_free(&file.sink);
        fake_done(&fake);
}

static void test_missing_pages_keep_the_mark(void **state)
{
        MemorySink file = { .sink.ops = &memory_ops };
        _cleanup_(dump_kdump_freep) DumpKdump *dump = NULL;
        KdumpInfo info = test_info();
        FakePages fake;

        fake_init(&fake, "bb");
        assert_int_equal(dump_kdump_new(&file.sink, &fake.source, &info, &dump), 0);
        begin(dump, &fake);
        assert_int_equal(dump_kdump_commit(dump, false), 0);
        assert_int_equal(file_u32(&file, TEST_STATUS), 0x8 | 0x2);
        file_check_pages(&file, &fake);
        sink_free(&file.sink);
        fake_done(&fake);
}

static void test_more_descriptors_than_pages(void **state)
{
        MemorySink file = { .sink.ops = &memory_ops };
        _cleanup_(dump_kdump_freep) DumpKdump *dump = NULL;
        KdumpInfo info = test_info();
        KdumpDesc descs[3] = {};
        FakePages fake;

        fake_init(&fake, "tt");
        assert_int_equal(dump_kdump_new(&file.sink, &fake.source, &info, &dump), 0);
        begin(dump, &fake);
        assert_int_equal(dump_kdump_write_descs(dump, 0, descs, 2), 0);
        assert_int_equal(dump_kdump_write_descs(dump, 2, descs, 0), 0);
        assert_int_equal(dump_kdump_write_descs(dump, 0, descs, 3), -ERANGE);
        assert_int_equal(dump_kdump_write_descs(dump, 2, descs, 1), -ERANGE);
        assert_int_equal(dump_kdump_write_descs(dump, UINT64_MAX, descs, 2), -ERANGE);
        sink_free(&file.sink);
        fake_done(&fake);
}

static void test_bitmaps_in_pieces_leave_holes(void **state)
{
        MemorySink file = { .sink.ops = &memory_ops };
        _cleanup_(dump_kdump_freep) DumpKdump *dump = NULL;
        _cleanup_free_ char *kinds = fake_repeat("t", 100000);
        const uint8_t some[2] = { 0x81, 0x01 }, none[2] = {};
        KdumpInfo info = test_info();
        FakePages fake;

        fake_init(&fake, kinds);
        assert_int_equal(dump_kdump_new(&file.sink, &fake.source, &info, &dump), 0);
        assert_int_equal(dump_kdump_begin(dump), 0);
        assert_int_equal(dump_kdump_write_bitmaps(dump, 99984, 16, none, none), 0);
        assert_true(file.size <= 2 * 4096);
        assert_int_equal(dump_kdump_write_bitmaps(dump, 40000, 16, some, none), 0);
        assert_int_equal(dump_kdump_write_bitmaps(dump, 800, 9, some, some), 0);
        assert_int_equal(dump_kdump_reserve(dump, 3), 0);
        for (uint64_t pfn = 0; pfn < 100000; pfn++) {
                bool second = pfn == 800 || pfn == 807 || pfn == 808;

                assert_int_equal(file_bit(&file, file_bitmap(&file, 1), pfn), second);
                assert_int_equal(file_bit(&file, file_bitmap(&file, 0), pfn),
                                 second || pfn == 40000 || pfn == 40007 || pfn == 40008);
        }
        sink_free(&file.sink);
        fake_done(&fake);
}

static void test_no_room_for_descriptors(void **state)
{
        MemorySink file = { .sink.ops = &memory_ops, .limit = 20 * 4096 };
        _cleanup_(dump_kdump_freep) DumpKdump *dump = NULL;
        _cleanup_free_ char *kinds = fake_repeat("t", 4000);
        KdumpInfo info = test_info();
        FakePages fake;

        fake_init(&fake, kinds);
        assert_int_equal(dump_kdump_new(&file.sink, &fake.source, &info, &dump), 0);
        assert_int_equal(dump_kdump_begin(dump), 0);
        assert_int_equal(dump_kdump_reserve(dump, 4000), -ENOSPC);
        assert_int_equal(dump_kdump_reserve(dump, 4001), -EINVAL);
        assert_int_equal(file_u32(&file, TEST_STATUS), 0x8 | 0x2);
        sink_free(&file.sink);
        fake_done(&fake);
}

static void test_what_does_not_fit_the_format(void **state)
{
        MemorySink file = { .sink.ops = &memory_ops };
        KdumpInfo info = test_info();
        DumpKdump *dump = NULL;
        FakePages fake;

        fake_init(&fake, "t");
        fake.source.page_size_bytes = 4095;
        assert_int_equal(dump_kdump_new(&file.sink, &fake.source, &info, &dump), -EINVAL);
        fake.source.page_size_bytes = 4096;
        fake.source.end_pfn = UINT64_MAX;
        assert_int_equal(dump_kdump_new(&file.sink, &fake.source, &info, &dump), -EINVAL);
        fake.source.end_pfn = 1;
        info.vmcoreinfo_offset = UINT64_MAX;
        assert_int_equal(dump_kdump_new(&file.sink, &fake.source, &info, &dump), -EINVAL);
        assert_null(dump);
        fake_done(&fake);
}

static void test_no_notes_and_no_pages(void **state)
{
        MemorySink file = { .sink.ops = &memory_ops };
        _cleanup_(dump_kdump_freep) DumpKdump *dump = NULL;
        KdumpInfo info = { .n_cpus = 0 };
        FakePages fake;

        fake_init(&fake, "");
        assert_int_equal(dump_kdump_new(&file.sink, &fake.source, &info, &dump), 0);
        begin(dump, &fake);
        assert_int_equal(dump_kdump_n_pages(dump), 0);
        assert_int_equal(dump_kdump_commit(dump, true), 0);
        assert_int_equal(file_u32(&file, 460), 1);
        assert_int_equal(file_u64(&file, 4096 + 48), 0);
        sink_free(&file.sink);
        fake_done(&fake);
}

/* How the last steps of a dump go. */
typedef struct LastFault {
        bool commit_fails;
        unsigned header_fails; /* so many writes of the header fail, after the first one */
        bool header_lands;     /* they are in the file all the same */
        uint32_t status;       /* in the file after it */
} LastFault;

typedef struct LastSink {
        MemorySink file;
        LastFault fault;
        bool began;
} LastSink;

static int last_write(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        LastSink *last = (LastSink *) sink;

        if (offset_bytes != 0 || !last->began || last->fault.header_fails == 0)
                return memory_write(sink, offset_bytes, data, size);
        last->fault.header_fails--;
        if (last->fault.header_lands)
                assert_int_equal(memory_write(sink, offset_bytes, data, size), 0);
        return -EIO;
}

static int last_commit(Sink *sink)
{
        return ((LastSink *) sink)->fault.commit_fails ? -EIO : memory_commit(sink);
}

static void test_end_that_fails_leaves_the_mark(void **state)
{
        static const LastFault cases[] = {
                { .status = 0x2 },
                { .commit_fails = true, .status = 0x8 | 0x2 },
                { .header_fails = 1, .status = 0x8 | 0x2 },
                { .header_fails = 1, .header_lands = true, .status = 0x8 | 0x2 },
                { .header_fails = 2, .status = 0x8 | 0x2 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(dump_kdump_freep) DumpKdump *dump = NULL;
                SinkOps ops = memory_ops;
                LastSink sink = { .file.sink.ops = &ops, .fault = cases[i] };
                bool fails = cases[i].commit_fails || cases[i].header_fails > 0;
                KdumpInfo info = test_info();
                FakePages fake;

                ops.write = last_write;
                ops.commit = last_commit;
                fake_init(&fake, "tr0");
                assert_int_equal(dump_kdump_new(&sink.file.sink, &fake.source, &info, &dump), 0);
                begin(dump, &fake);
                write_all(dump, &fake);
                sink.began = true;
                assert_int_equal(dump_kdump_commit(dump, true), fails ? -EIO : 0);
                assert_int_equal(sink.file.committed, !fails);
                assert_int_equal(file_u32(&sink.file, TEST_STATUS), cases[i].status);
                file_check_pages(&sink.file, &fake);
                sink_free(&sink.file.sink);
                fake_done(&fake);
        }
}

/* A sink that is written once gets every byte once, and says so at the end. */
typedef struct OnceSink {
        Sink sink;
        MemorySink memory;
        uint8_t written[1 << 20];
} OnceSink;

static int once_write(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        OnceSink *once = (OnceSink *) sink;

        assert_true(offset_bytes + size <= sizeof(once->written));
        for (size_t i = 0; i < size; i++)
                assert_int_equal(once->written[offset_bytes + i]++, 0);
        return memory_write(&once->memory.sink, offset_bytes, data, size);
}

static int once_sync(Sink *sink)
{
        return 0;
}

static void test_header_comes_last_where_nothing_can_be_changed(void **state)
{
        static const SinkOps ops = {
                .write_once = true, .write = once_write, .sync = once_sync, .commit = once_sync
        };

        for (unsigned complete = 0; complete <= 1; complete++) {
                _cleanup_free_ OnceSink *once = calloc(1, sizeof(*once));
                _cleanup_(dump_kdump_freep) DumpKdump *dump = NULL;
                KdumpInfo info = test_info();
                FakePages fake;

                once->sink.ops = &ops;
                once->memory.sink.ops = &memory_ops;
                fake_init(&fake, "tx0");
                assert_int_equal(dump_kdump_new(&once->sink, &fake.source, &info, &dump), 0);
                begin(dump, &fake);
                assert_int_equal(once->written[0], 0);
                assert_int_equal(once->written[4096], 1);
                assert_int_equal(dump_kdump_commit(dump, complete), 0);
                assert_memory_equal(once->memory.data, "KDUMP   ", 8);
                assert_int_equal(file_u32(&once->memory, TEST_STATUS), complete ? 0x2 : 0x8 | 0x2);
                sink_free(&once->memory.sink);
                fake_done(&fake);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_headers_are_where_readers_look),
                cmocka_unit_test(test_notes_of_many_blocks_move_the_rest),
                cmocka_unit_test(test_incomplete_until_all_is_safe),
                cmocka_unit_test(test_end_that_fails_leaves_the_mark),
                cmocka_unit_test(test_missing_pages_keep_the_mark),
                cmocka_unit_test(test_more_descriptors_than_pages),
                cmocka_unit_test(test_bitmaps_in_pieces_leave_holes),
                cmocka_unit_test(test_no_room_for_descriptors),
                cmocka_unit_test(test_what_does_not_fit_the_format),
                cmocka_unit_test(test_no_notes_and_no_pages),
                cmocka_unit_test(test_header_comes_last_where_nothing_can_be_changed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
