/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>

#include "repair.h"
#include "test-kdump-file.h"

static void flat_record(Made *flat, const Made *made, size_t offset, size_t size)
{
        made_put_u64(flat, flat->size, htobe64(offset));
        made_put_u64(flat, flat->size, htobe64(size));
        made_put(flat, flat->size, made->data + offset, size);
}

/* The pieces of @made from the last to the first; the header is written twice, wrong the first
 * time. */
static void flat_init(Made *flat, Made *made)
{
        const size_t step = 3000;

        *flat = (Made){ .kinds = made->kinds };
        made_put(flat, 0, "makedumpfile", 12);
        made_put_u64(flat, 16, htobe64(1));
        made_put_u64(flat, 24, htobe64(1));
        made_put(flat, 4095, "", 1);
        made->data[424] ^= 0xff;
        flat_record(flat, made, 0, MADE_PAGE);
        made->data[424] ^= 0xff;
        for (size_t at = MADE_PAGE + (made->size - MADE_PAGE - 1) / step * step; at >= MADE_PAGE;
             at -= step)
                flat_record(flat, made, at, MIN(step, made->size - at));
        flat_record(flat, made, 0, 464);
}

static void flat_end(Made *flat)
{
        made_put_u64(flat, flat->size, UINT64_MAX);
        made_put_u64(flat, flat->size, UINT64_MAX);
}

static void test_flattened_file(void **state)
{
        for (unsigned end = 0; end < 2; end++) {
                _cleanup_(kdump_file_closep) KdumpFile *file = NULL;
                _cleanup_(kdump_reader_freep) KdumpReader *reader = NULL;
                Made made, flat;
                int r;

                made_init(&made, EVERY_KIND EVERY_KIND EVERY_KIND, 6);
                flat_init(&flat, &made);
                if (end)
                        flat_end(&flat);
                file = made_open(&flat, flat.size, &r);
                assert_int_equal(r, 0);
                assert_true(kdump_file_info(file)->flattened);
                assert_int_equal(kdump_file_info(file)->cut_off, !end);
                assert_int_equal(kdump_file_info(file)->status, 0x8 | 0x2);
                assert_int_equal(kdump_file_info(file)->file_bytes, made.size);
                assert_int_equal(kdump_reader_new(file, &reader), 0);
                for (size_t pfn = 0; pfn < strlen(made.kinds); pfn++)
                        check_page(reader, &made, pfn);
                made_done(&made);
                made_done(&flat);
        }
}

static void test_flattened_file_is_not_repaired(void **state)
{
        for (unsigned end = 0; end < 2; end++) {
                _cleanup_free_ char *message = NULL;
                _cleanup_free_ uint8_t *after = NULL;
                _cleanup_close_ int fd = -EBADF;
                RepairResult result;
                Made made, flat;
                char path[64];

                made_init(&made, EVERY_KIND, 6);
                flat_init(&flat, &made);
                if (end)
                        flat_end(&flat);
                fd = made_fd(&flat, flat.size);
                (void) snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int) getpid(), fd);
                assert_int_equal(repair_file(path, &result, &message), -EOPNOTSUPP);
                assert_non_null(strstr(message, end ? "makedumpfile -R" : "its end is missing"));
                after = malloc(flat.size + 1);
                assert_non_null(after);
                assert_int_equal(pread(fd, after, flat.size + 1, 0), flat.size);
                assert_memory_equal(after, flat.data, flat.size);
                made_done(&made);
                made_done(&flat);
        }
}

static void test_flattened_file_cut_off_or_damaged_anywhere(void **state)
{
        Made made, flat;

        made_init(&made, EVERY_KIND, 6);
        flat_init(&flat, &made);
        for (size_t i = 0; i < flat.size; i += 37) {
                for (unsigned damaged = 0; damaged < 2; damaged++) {
                        _cleanup_(kdump_file_closep) KdumpFile *file = NULL;
                        _cleanup_(kdump_reader_freep) KdumpReader *reader = NULL;
                        const uint8_t *page;
                        int r;

                        flat.data[i] ^= damaged ? 0xff : 0;
                        file = made_open(&flat, damaged ? flat.size : i, &r);
                        assert_true(r == 0 || r == -EBADMSG || r == -EOPNOTSUPP);
                        if (r == 0)
                                assert_int_equal(kdump_reader_new(file, &reader), 0);
                        for (size_t pfn = 0; r == 0 && pfn < strlen(EVERY_KIND); pfn++)
                                (void) kdump_reader_page(reader, pfn, &page);
                        flat.data[i] ^= damaged ? 0xff : 0;
                }
        }
        made_done(&made);
        made_done(&flat);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_flattened_file),
                cmocka_unit_test(test_flattened_file_is_not_repaired),
                cmocka_unit_test(test_flattened_file_cut_off_or_damaged_anywhere),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
