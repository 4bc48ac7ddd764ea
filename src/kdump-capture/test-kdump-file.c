/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-kdump-file.h"

static void test_pages_of_every_codec(void **state)
{
        _cleanup_free_ char *kinds = made_repeat(EVERY_KIND, 9001);
        _cleanup_(kdump_file_closep) KdumpFile *file = NULL;
        _cleanup_(kdump_reader_freep) KdumpReader *forward = NULL, *backward = NULL;
        const uint8_t *page;
        size_t n = strlen(kinds);
        Made made;
        int r;

        made_init(&made, kinds, 6);
        file = made_open(&made, made.size, &r);
        assert_int_equal(r, 0);
        assert_int_equal(kdump_file_info(file)->n_pages, made.n_descs);
        assert_int_equal(kdump_reader_new(file, &forward), 0);
        assert_int_equal(kdump_reader_new(file, &backward), 0);
        for (size_t i = 0; i < n; i++) {
                check_page(forward, &made, i);
                check_page(backward, &made, n - 1 - i);
        }
        assert_int_equal(kdump_reader_page(forward, n, &page), -ERANGE);
        assert_int_equal(kdump_reader_page(forward, UINT64_MAX, &page), -ERANGE);
        made_done(&made);
}

static void test_what_the_headers_say(void **state)
{
        for (uint32_t version = 3; version <= 6; version++) {
                _cleanup_(kdump_file_closep) KdumpFile *file = NULL;
                const KdumpFileInfo *info;
                const char *text;
                const uint8_t *notes;
                size_t size;
                Made made;
                int r;

                made_init(&made, EVERY_KIND, version);
                file = made_open(&made, made.size, &r);
                assert_int_equal(r, 0);
                info = kdump_file_info(file);
                assert_int_equal(info->version, version);
                assert_int_equal(info->status, 0x8 | 0x2);
                assert_int_equal(info->page_size_bytes, 4096);
                assert_int_equal(info->n_cpus, 4);
                assert_int_equal(info->dump_level, 31);
                assert_int_equal(info->phys_base, 0xffff8000);
                assert_int_equal(info->timestamp_usec, 1700000000123456);
                assert_string_equal(info->release, "6.1.0-made");
                assert_string_equal(info->machine, "x86_64");
                assert_int_equal(info->end_pfn, strlen(EVERY_KIND));
                assert_int_equal(info->descs_offset, made.descs);
                assert_int_equal(info->file_bytes, made.size);
                assert_false(info->notes_lost || info->flattened || info->cut_off);
                text = kdump_file_vmcoreinfo_text(file, &size);
                assert_int_equal(size, MADE_VMCOREINFO_SIZE);
                assert_memory_equal(text, "VMCOREINFO=1 OSRELEASE=6.1.0-made\n", size);
                notes = kdump_file_notes(file, &size);
                assert_int_equal(size, version >= 4 ? sizeof(made_notes) : 0);
                if (size > 0)
                        assert_memory_equal(notes, made_notes, size);
                made_done(&made);
        }
}

static void test_reading_by_address(void **state)
{
        _cleanup_(kdump_file_closep) KdumpFile *file = NULL;
        _cleanup_(kdump_reader_freep) KdumpReader *reader = NULL;
        uint8_t pages[2 * MADE_PAGE], got[2 * MADE_PAGE];
        Made made;
        int r;

        made_init(&made, "zr.", 6);
        made_page(MADE_ZLIB, 0, pages);
        made_page(MADE_RAW, 1, pages + MADE_PAGE);
        file = made_open(&made, made.size, &r);
        assert_int_equal(kdump_reader_new(file, &reader), 0);
        assert_int_equal(kdump_reader_read(reader, 5, got, 2 * MADE_PAGE - 5), 0);
        assert_memory_equal(got, pages + 5, 2 * MADE_PAGE - 5);
        assert_int_equal(kdump_reader_read(reader, 5, got, 2 * MADE_PAGE), -ERANGE);
        assert_int_equal(kdump_reader_read(reader, UINT64_MAX - 2, got, 9), -ERANGE);
        assert_int_equal(kdump_reader_read(reader, UINT64_MAX, got, 0), 0);
        made_done(&made);
}

static void test_bitmaps(void **state)
{
        _cleanup_(kdump_file_closep) KdumpFile *file = NULL;
        uint8_t bits[3];
        Made made;
        int r;

        made_init(&made,
                  "....x.rx"
                  "zm0..x.."
                  "rr",
                  6);
        made.data[made.dumpable + 2] |= 0xfc; /* behind the last page */
        file = made_open(&made, made.size, &r);
        assert_int_equal(kdump_file_info(file)->n_pages, 6);
        assert_int_equal(kdump_file_exists(file, 0, 18, bits), 0);
        assert_memory_equal(bits, "\xd0\x27\x03", 3);
        assert_int_equal(kdump_file_dumpable(file, 8, 10, bits), 0);
        assert_memory_equal(bits, "\x07\x03", 2);
        assert_int_equal(kdump_file_dumpable(file, 8, 11, bits), -ERANGE);
        assert_int_equal(kdump_file_dumpable(file, 1, 1, bits), -ERANGE);
        assert_int_equal(kdump_file_dumpable(file, UINT64_MAX - 7, 8, bits), -ERANGE);
        made_done(&made);
}

typedef struct Stretches {
        uint64_t first_pfn[4], end_pfn[4];
        size_t n, stop_at;
} Stretches;

static int stretch_note(void *data, uint64_t first_pfn, uint64_t end_pfn)
{
        Stretches *stretches = data;

        assert_true(stretches->n < 4);
        stretches->first_pfn[stretches->n] = first_pfn;
        stretches->end_pfn[stretches->n++] = end_pfn;
        return stretches->n == stretches->stop_at ? -ECANCELED : 0;
}

static void test_stretches_of_memory(void **state)
{
        _cleanup_(kdump_file_closep) KdumpFile *file = NULL;
        _cleanup_free_ char *kinds = made_repeat("x", 600000);
        Stretches stretches = {}, stopped = { .stop_at = 1 };
        Made made;
        int r;

        /* Over what is read at once, over a stretch of holes, and up to the end. */
        kinds[0] = MADE_HOLE;
        memset(kinds + 100, MADE_HOLE, 30);
        memset(kinds + 530000, MADE_HOLE, 40000);
        made_init(&made, kinds, 6);
        file = made_open(&made, made.size, &r);
        assert_int_equal(kdump_file_stretches(file, stretch_note, &stretches), 0);
        assert_int_equal(stretches.n, 3);
        assert_int_equal(stretches.first_pfn[0], 1);
        assert_int_equal(stretches.end_pfn[0], 100);
        assert_int_equal(stretches.first_pfn[1], 130);
        assert_int_equal(stretches.end_pfn[1], 530000);
        assert_int_equal(stretches.first_pfn[2], 570000);
        assert_int_equal(stretches.end_pfn[2], 600000);
        assert_int_equal(kdump_file_stretches(file, stretch_note, &stopped), -ECANCELED);
        made_done(&made);
}

static void test_part_of_a_split_dump(void **state)
{
        _cleanup_free_ char *kinds = made_repeat("rzlsd0", 60);
        _cleanup_(kdump_file_closep) KdumpFile *file = NULL;
        _cleanup_(kdump_reader_freep) KdumpReader *reader = NULL;
        const uint8_t *page;
        uint8_t bits[8];
        Made made;
        int r;

        made_init(&made, kinds, 6);
        made_split(&made, 20, 40);
        file = made_open(&made, made.size, &r);
        assert_int_equal(r, 0);
        assert_int_equal(kdump_file_info(file)->n_pages, 20);
        assert_int_equal(kdump_reader_new(file, &reader), 0);
        for (size_t pfn = 20; pfn < 40; pfn++)
                check_page(reader, &made, pfn);
        assert_int_equal(kdump_reader_page(reader, 19, &page), -ENXIO);
        assert_int_equal(kdump_reader_page(reader, 40, &page), -ENXIO);
        assert_int_equal(kdump_file_dumpable(file, 0, 60, bits), 0);
        assert_memory_equal(bits, "\xff\xff\xff\xff\xff\xff\xff\x0f", 8);
        made_done(&made);
}

/* One page at each end of 256 TiB; the bitmaps of 8 GiB are holes. */
static void test_sparse_memory_of_many_terabytes(void **state)
{
        const uint64_t end_pfn = UINT64_C(1) << 36, bitmap = end_pfn / 8;
        _cleanup_(kdump_file_closep) KdumpFile *file = NULL;
        _cleanup_(kdump_reader_freep) KdumpReader *reader = NULL;
        _cleanup_free_ char *message = NULL;
        uint64_t descs = 2 * MADE_PAGE + 2 * bitmap;
        const uint8_t bit_first = 1, bit_last = 0x80;
        const uint8_t *page;
        uint8_t data[2][MADE_PAGE];
        Made made;
        int fd;

        made_init(&made, "..", 6);
        made_put_u32(&made, 436, (uint32_t) (2 * bitmap / MADE_PAGE));
        made_put_u64(&made, MADE_PAGE + 96, end_pfn);
        fd = made_fd(&made, 2 * MADE_PAGE);
        for (unsigned i = 0; i < 2; i++) {
                KdumpFileDesc desc = { .offset_bytes = descs + (i + 1) * MADE_PAGE,
                                       .size_bytes = MADE_PAGE };

                memset(data[i], (int) i + 1, MADE_PAGE);
                assert_int_equal(pwrite(fd, &bit_first, 1, (off_t) (2 * MADE_PAGE + i * bitmap)),
                                 1);
                assert_int_equal(
                        pwrite(fd, &bit_last, 1, (off_t) (2 * MADE_PAGE + (i + 1) * bitmap - 1)),
                        1);
                assert_int_equal(pwrite(fd, &desc, 24, (off_t) (descs + 24 * (uint64_t) i)), 24);
                assert_int_equal(pwrite(fd, data[i], MADE_PAGE, (off_t) desc.offset_bytes),
                                 MADE_PAGE);
        }
        assert_int_equal(kdump_file_open_fd(fd, &file, &message), 0);
        assert_int_equal(kdump_file_info(file)->n_pages, 2);
        assert_int_equal(kdump_reader_new(file, &reader), 0);
        assert_int_equal(kdump_reader_page(reader, 0, &page), 0);
        assert_memory_equal(page, data[0], MADE_PAGE);
        assert_int_equal(kdump_reader_page(reader, end_pfn - 1, &page), 0);
        assert_memory_equal(page, data[1], MADE_PAGE);
        assert_int_equal(kdump_reader_page(reader, end_pfn / 2, &page), -ERANGE);
        made_done(&made);
}

/* Pages are right or said not to be: of a file that was cut off nothing else may come. */
static void check_cut(const Made *made, size_t size)
{
        _cleanup_(kdump_file_closep) KdumpFile *file = NULL;
        _cleanup_(kdump_reader_freep) KdumpReader *reader = NULL;
        int r;

        file = made_open(made, size, &r);
        if (size < made->descs) {
                assert_int_equal(r, -EBADMSG);
                return;
        }
        assert_int_equal(r, 0);
        assert_int_equal(kdump_reader_new(file, &reader), 0);
        for (size_t pfn = 0, rank = 0; pfn < strlen(made->kinds); pfn++) {
                const uint8_t *page;
                KdumpFileDesc desc;

                r = kdump_reader_page(reader, pfn, &page);
                if (strchr(".x", made->kinds[pfn])) {
                        assert_int_equal(r, expected_result(made->kinds[pfn]));
                        continue;
                }
                memcpy(&desc, made->data + made->descs + 24 * rank++, sizeof(desc));
                if (made->descs + 24 * rank <= size && desc.offset_bytes + desc.size_bytes <= size)
                        check_page(reader, made, pfn);
                else
                        assert_true(r == -EBADMSG || r == -ENXIO);
        }
}

static void test_file_cut_off_anywhere(void **state)
{
        Made made;

        made_init(&made, EVERY_KIND EVERY_KIND, 6);
        for (size_t size = 0; size < made.size; size += size < 500 ? 1 : 61)
                check_cut(&made, size);
        for (size_t size = made.descs - 2; size < made.descs + 24 * made.n_descs; size++)
                check_cut(&made, size);
        check_cut(&made, made.size - 1);
        check_cut(&made, made.size);
        made_done(&made);
}

static void test_descriptors_that_make_no_sense(void **state)
{
        static const struct {
                uint64_t offset; /* 0: of the page's data */
                uint32_t size;   /* 0: of the page's data */
                uint32_t flags;
                int result;
        } cases[] = {
                { 0, 0, 2, 0 },
                { 0, 4097, 2, -EBADMSG },
                { 0, UINT32_MAX, 2, -EBADMSG },
                { 0, 4095, 0, -EBADMSG },
                { 0, 0, 0, -EBADMSG },
                { 0, 0, 1, -EBADMSG },
                { 0, 0, 4, -EBADMSG },
                { 0, 0, 0x20, -EBADMSG },
                { 0, 0, 3, -EOPNOTSUPP },
                { 0, 0, 8, -EOPNOTSUPP },
                { 0, 0, 0x80000002, -EOPNOTSUPP },
                { 464, 0, 2, -EBADMSG },
                { UINT64_MAX, 0, 2, -EBADMSG },
                { INT64_MAX, 0, 2, -EBADMSG },
                { UINT64_C(1) << 40, 0, 2, -EBADMSG },
        };
        Made made;

        made_init(&made, "lll", 6);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(kdump_file_closep) KdumpFile *file = NULL;
                _cleanup_(kdump_reader_freep) KdumpReader *reader = NULL;
                KdumpFileDesc desc;
                const uint8_t *page;
                int r;

                memcpy(&desc, made.data + made.descs + 24, sizeof(desc));
                made_desc(&made, 1, cases[i].offset ?: desc.offset_bytes,
                          cases[i].size ?: desc.size_bytes, cases[i].flags);
                file = made_open(&made, made.size, &r);
                assert_int_equal(r, 0);
                assert_int_equal(kdump_reader_new(file, &reader), 0);
                assert_int_equal(kdump_reader_page(reader, 1, &page), cases[i].result);
                check_page(reader, &made, 0);
                check_page(reader, &made, 2);
                made_desc(&made, 1, desc.offset_bytes, desc.size_bytes, desc.flags);
        }
        made_done(&made);
}

static void test_headers_that_are_refused(void **state)
{
        static const struct {
                size_t offset, size;
                uint64_t value;
                int result;
        } cases[] = {
                { 0, 1, 'k', -EBADMSG },
                { 8, 4, 2, -EOPNOTSUPP },
                { 8, 4, 7, -EOPNOTSUPP },
                { 428, 4, 0, -EBADMSG },
                { 428, 4, 4095, -EBADMSG },
                { 428, 4, 2048, -EBADMSG },
                { 428, 4, 1 << 19, -EBADMSG },
                { 428, 4, 0x00100000, -EOPNOTSUPP },
                { 432, 4, UINT32_MAX, -EBADMSG },
                { 436, 4, 0, -EBADMSG },
                { 436, 4, UINT32_MAX, -EBADMSG },
                { MADE_PAGE + 96, 8, 0, -EBADMSG },
                { MADE_PAGE + 96, 8, 2 * 4096 * 8 + 1, -EBADMSG },
                { MADE_PAGE + 96, 8, UINT64_MAX, -EBADMSG },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                KdumpFile *file;
                Made made;
                int r;

                made_init(&made, EVERY_KIND, 6);
                made_put(&made, cases[i].offset, &cases[i].value, cases[i].size);
                file = made_open(&made, made.size, &r);
                assert_null(file);
                assert_int_equal(r, cases[i].result);
                made_done(&made);
        }
}

static void test_notes_that_are_not_there_are_left_out(void **state)
{
        static const size_t fields[] = { 32, 40, 48, 56 };

        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                _cleanup_(kdump_file_closep) KdumpFile *file = NULL;
                _cleanup_(kdump_reader_freep) KdumpReader *reader = NULL;
                size_t size;
                Made made;
                int r;

                made_init(&made, EVERY_KIND, 6);
                made_put_u64(&made, MADE_PAGE + fields[i], UINT64_MAX - i);
                file = made_open(&made, made.size, &r);
                assert_int_equal(r, 0);
                assert_true(kdump_file_info(file)->notes_lost);
                (void) kdump_file_vmcoreinfo_text(file, &size);
                assert_int_equal(size, i < 2 ? 0 : MADE_VMCOREINFO_SIZE);
                (void) kdump_file_notes(file, &size);
                assert_int_equal(size, i < 2 ? sizeof(made_notes) : 0);
                assert_int_equal(kdump_reader_new(file, &reader), 0);
                check_page(reader, &made, 1);
                made_done(&made);
        }
}

/* Whatever is in it, opening and reading ends, and stays within bounds. */
static void test_garbage_anywhere_is_survived(void **state)
{
        uint64_t x = 4711;

        for (unsigned i = 0; i < 3000; i++) {
                _cleanup_(kdump_file_closep) KdumpFile *file = NULL;
                _cleanup_(kdump_reader_freep) KdumpReader *reader = NULL;
                size_t from, size;
                Made made;
                int r;

                made_init(&made, EVERY_KIND, 6);
                from = i % 3 == 0 ? 424 : i % 3 == 1 ? MADE_PAGE : made.descs;
                size = i % 3 == 0 ? 40 : i % 3 == 1 ? 104 : made.size - made.descs;
                for (unsigned k = 0; k < 1 + i % 3 / 2 * 30; k++) {
                        x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
                        made.data[from + (x >> 33) % size] = (uint8_t) (x >> 25);
                }
                file = made_open(&made, made.size, &r);
                assert_true(r == 0 || r == -EBADMSG || r == -EOPNOTSUPP);
                if (r == 0) {
                        assert_int_equal(kdump_reader_new(file, &reader), 0);
                        for (size_t pfn = 0; pfn < strlen(EVERY_KIND); pfn++) {
                                const uint8_t *page;

                                r = kdump_reader_page(reader, pfn, &page);
                                assert_true(r == 0 || r == -EBADMSG || r == -EOPNOTSUPP ||
                                            r == -ENXIO || r == -ENODATA || r == -ERANGE);
                        }
                }
                made_done(&made);
        }
}

static void test_what_is_no_file(void **state)
{
        _cleanup_free_ char *message = NULL;
        KdumpFile *file;

        assert_int_equal(kdump_file_open("/nonexistent", &file, &message), -ENOENT);
        assert_null(message);
        assert_int_equal(kdump_file_open("/", &file, &message), -EISDIR);
        assert_null(message);
        assert_int_equal(kdump_file_open("/dev/null", &file, &message), -EOPNOTSUPP);
        assert_non_null(message);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pages_of_every_codec),
                cmocka_unit_test(test_what_the_headers_say),
                cmocka_unit_test(test_reading_by_address),
                cmocka_unit_test(test_bitmaps),
                cmocka_unit_test(test_stretches_of_memory),
                cmocka_unit_test(test_part_of_a_split_dump),
                cmocka_unit_test(test_sparse_memory_of_many_terabytes),
                cmocka_unit_test(test_file_cut_off_anywhere),
                cmocka_unit_test(test_descriptors_that_make_no_sense),
                cmocka_unit_test(test_headers_that_are_refused),
                cmocka_unit_test(test_notes_that_are_not_there_are_left_out),
                cmocka_unit_test(test_garbage_anywhere_is_survived),
                cmocka_unit_test(test_what_is_no_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
