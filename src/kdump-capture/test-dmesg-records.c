/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of Dmesg with the log of records, and with logs that are not known. */
#include "test-dmesg.h"

/* struct printk_log of v4.19 */

#define LOG_POINTER 0x200
#define LOG_LENGTH 0x208
#define LOG_FIRST 0x20c
#define LOG_NEXT 0x210
#define LOG_PADDR UINT64_C(0x40000)
#define LOG_BYTES 512
#define LOG_HEADER_BYTES 16

static void log_init(TestMemory *memory, const char *name)
{
        memory_init(memory);
        test_memory_info(memory, "SYMBOL(log_buf)=%llx",
                         (unsigned long long) IMAGE_VADDR(LOG_POINTER));
        test_memory_info(memory, "SYMBOL(log_buf_len)=%llx",
                         (unsigned long long) IMAGE_VADDR(LOG_LENGTH));
        test_memory_info(memory, "SYMBOL(log_first_idx)=%llx",
                         (unsigned long long) IMAGE_VADDR(LOG_FIRST));
        test_memory_info(memory, "SYMBOL(log_next_idx)=%llx",
                         (unsigned long long) IMAGE_VADDR(LOG_NEXT));
        test_memory_info(memory, "SIZE(%s)=%d", name, LOG_HEADER_BYTES);
        test_memory_info(memory, "OFFSET(%s.ts_nsec)=0", name);
        test_memory_info(memory, "OFFSET(%s.len)=8", name);
        test_memory_info(memory, "OFFSET(%s.text_len)=10", name);
        test_memory_info(memory, "OFFSET(%s.dict_len)=12", name);
        test_memory_put_u64(memory, IMAGE_PADDR(LOG_POINTER), TEST_DIRECT_MAP_VADDR + LOG_PADDR);
        test_memory_put_u32(memory, IMAGE_PADDR(LOG_LENGTH), LOG_BYTES);
}

/* Returns the index behind the record. */
static uint32_t log_put(TestMemory *memory, uint32_t idx, uint64_t ts_nsec, const char *text)
{
        uint16_t text_len = (uint16_t) strlen(text);
        uint16_t len = (uint16_t) ALIGN_UP(LOG_HEADER_BYTES + text_len + 3, 4); /* a dict of 3 */

        test_memory_put_u64(memory, LOG_PADDR + idx, ts_nsec);
        test_memory_put_u16(memory, LOG_PADDR + idx + 8, len);
        test_memory_put_u16(memory, LOG_PADDR + idx + 10, text_len);
        test_memory_put_u16(memory, LOG_PADDR + idx + 12, 3);
        test_memory_put(memory, LOG_PADDR + idx + LOG_HEADER_BYTES, text, text_len);
        return idx + len;
}

static int log_write(TestMemory *memory, uint32_t first, uint32_t next, Got *got)
{
        test_memory_put_u32(memory, IMAGE_PADDR(LOG_FIRST), first);
        test_memory_put_u32(memory, IMAGE_PADDR(LOG_NEXT), next);
        assert_int_equal(test_memory_open(memory), 0);
        return got_write(got, memory);
}

static void test_records(void **state)
{
        static const char *const names[] = { "printk_log", "log" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_(test_memory_done) TestMemory memory;
                _cleanup_(got_done) Got got = {};
                uint32_t idx;

                log_init(&memory, names[i]);
                assert_int_equal(log_write(&memory, 0, 0, &got), 0);
                assert_int_equal(got.n_text, 0);

                idx = log_put(&memory, 0, 0, "Linux version 4.19.0");
                idx = log_put(&memory, idx, 1500000000, "");
                idx = log_put(&memory, idx, 2000000000, "Kernel panic - not syncing: x\nmore");
                assert_int_equal(log_write(&memory, 0, idx, &got), 0);
                assert_string_equal(got.text, "[    0.000000] Linux version 4.19.0\n"
                                              "[    1.500000] \n"
                                              "[    2.000000] Kernel panic - not syncing: x\n"
                                              "[    2.000000] more\n");
                assert_string_equal(got.panic_line, "Kernel panic - not syncing: x");
        }
}

static void test_records_wrap(void **state)
{
        _cleanup_(test_memory_done) TestMemory memory;
        _cleanup_(got_done) Got got = {};
        uint32_t first = 400, idx, next;

        /* The old end: one record, then one of length 0; then the start of the buffer. */
        log_init(&memory, "printk_log");
        idx = log_put(&memory, first, 1000, "old");
        test_memory_put_u64(&memory, LOG_PADDR + idx + 8, 0);
        next = log_put(&memory, 0, 2000, "new");
        next = log_put(&memory, next, 3000, "newer");
        assert_int_equal(log_write(&memory, first, next, &got), 0);
        assert_string_equal(got.text, "[    0.000001] old\n"
                                      "[    0.000002] new\n"
                                      "[    0.000003] newer\n");

        /* The last record ends with the buffer. */
        first = LOG_BYTES - 32;
        (void) log_put(&memory, first, 1000, "0123456789abc");
        assert_int_equal(log_write(&memory, first, next, &got), 0);
        assert_non_null(strstr(got.text, "abc\n[    0.000002] new\n"));
}

static void test_damaged_records_end(void **state)
{
        _cleanup_(test_memory_done) TestMemory memory;
        _cleanup_(got_done) Got got = {};
        uint32_t idx, next;

        /* A length that is too short or too long: what was before stays, what is at the start is
         * found. */
        log_init(&memory, "printk_log");
        idx = log_put(&memory, 0, 1000, "one");
        next = log_put(&memory, idx, 2000, "two");
        test_memory_put_u16(&memory, LOG_PADDR + idx + 8, 4);
        assert_int_equal(log_write(&memory, 0, next, &got), 1);
        assert_non_null(strstr(got.text, "[    0.000001] one\n"));
        test_memory_put_u16(&memory, LOG_PADDR + idx + 8, 60000);
        assert_int_equal(log_write(&memory, 0, next, &got), 1);
        assert_non_null(strstr(got.text, "[    0.000001] one\n"));

        /* The next index is in the middle of a record: it is never met. */
        (void) log_put(&memory, idx, 2000, "two");
        assert_int_equal(log_write(&memory, 0, idx + 2, &got), 1);

        assert_int_equal(log_write(&memory, LOG_BYTES, 0, &got), -EBADMSG);
        assert_int_equal(log_write(&memory, 0, LOG_BYTES + 4, &got), -EBADMSG);
        assert_int_equal(log_write(&memory, UINT32_MAX, 0, &got), -EBADMSG);
}

static void test_records_that_cannot_be(void **state)
{
        static const char *const lines[] = { "SIZE(printk_log)=0", "SIZE(printk_log)=11",
                                             "OFFSET(printk_log.ts_nsec)=9" };
        _cleanup_(test_memory_done) TestMemory large;
        _cleanup_(got_done) Got got = {};

        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                _cleanup_(test_memory_done) TestMemory memory;

                log_init(&memory, "printk_log");
                test_memory_info(&memory, "%s", lines[i]);
                assert_int_equal(log_write(&memory, 0, 0, &got), -EBADMSG);
        }

        /* Larger than all memory. */
        log_init(&large, "printk_log");
        test_memory_put_u32(&large, IMAGE_PADDR(LOG_LENGTH), MEMORY_BYTES + 1);
        assert_int_equal(log_write(&large, 0, 0, &got), -EBADMSG);
}

static void test_random_damage_to_records_is_survived(void **state)
{
        _cleanup_(test_memory_done) TestMemory memory;
        uint64_t seed = 41;

        log_init(&memory, "printk_log");
        for (unsigned round = 0; round < 300; round++) {
                _cleanup_(got_done) Got got = {};
                uint32_t idx = 0;

                while (idx < LOG_BYTES - 64)
                        idx = log_put(&memory, idx, idx, "some words");
                for (unsigned i = 0; i <= round % 20; i++)
                        memory.bytes[LOG_PADDR + test_random(&seed) % LOG_BYTES] =
                                (uint8_t) test_random(&seed);
                assert_true(log_write(&memory, (uint32_t) (test_random(&seed) % LOG_BYTES),
                                      (uint32_t) (test_random(&seed) % LOG_BYTES), &got) <= 1);
                assert_true(got.n_text < 8 * LOG_BYTES);
        }
}

static void test_unknown_logs(void **state)
{
        _cleanup_(test_memory_done) TestMemory none, old, half;
        _cleanup_(got_done) Got got = {};

        memory_init(&none);
        assert_int_equal(test_memory_open(&none), 0);
        assert_int_equal(got_write(&got, &none), -ENODATA);
        assert_int_equal(dmesg_write(none.kmem, NULL, got_emit, &got, NULL), -ENODATA);

        /* Before v3.5: a buffer of plain text. */
        memory_init(&old);
        test_memory_info(&old, "SYMBOL(log_buf)=%llx", (unsigned long long) IMAGE_VADDR(0));
        test_memory_info(&old, "SYMBOL(log_end)=%llx", (unsigned long long) IMAGE_VADDR(8));
        assert_int_equal(test_memory_open(&old), 0);
        assert_int_equal(got_write(&got, &old), -EOPNOTSUPP);

        /* A ring of some later kernel with other names. */
        memory_init(&half);
        test_memory_info(&half, "SYMBOL(prb)=%llx", (unsigned long long) IMAGE_VADDR(0));
        assert_int_equal(test_memory_open(&half), 0);
        assert_int_equal(got_write(&got, &half), -EOPNOTSUPP);
}

/* The offsets of the ring's structures are checked before anything of it is read. */
static void test_structures_that_are_too_small(void **state)
{
        static const char *const keys[] = {
                "printk_ringbuffer.desc_ring", "printk_ringbuffer.text_data_ring",
                "prb_desc_ring.count_bits",    "prb_desc_ring.descs",
                "prb_desc_ring.infos",         "prb_desc_ring.head_id",
                "prb_desc_ring.tail_id",       "prb_desc.state_var",
                "prb_desc.text_blk_lpos",      "prb_data_blk_lpos.begin",
                "prb_data_blk_lpos.next",      "printk_info.ts_nsec",
                "printk_info.text_len",        "prb_data_ring.size_bits",
                "prb_data_ring.data",          "atomic_long_t.counter",
        };
        static const struct {
                unsigned desc_bytes, info_bytes;
                int error;
        } cases[] = { { 16, 16, -EFAULT }, { 7, 16, -EBADMSG }, { 16, 7, -EBADMSG } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(test_memory_done) TestMemory memory;
                _cleanup_(got_done) Got got = {};

                memory_init(&memory);
                test_memory_info(&memory, "SYMBOL(prb)=0");
                for (size_t k = 0; k < ELEMENTSOF(keys); k++)
                        test_memory_info(&memory, "OFFSET(%s)=0", keys[k]);
                test_memory_info(&memory, "SIZE(prb_desc)=%u", cases[i].desc_bytes);
                test_memory_info(&memory, "SIZE(printk_info)=%u", cases[i].info_bytes);
                assert_int_equal(test_memory_open(&memory), 0);
                assert_int_equal(got_write(&got, &memory), cases[i].error);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_records),
                cmocka_unit_test(test_records_wrap),
                cmocka_unit_test(test_damaged_records_end),
                cmocka_unit_test(test_records_that_cannot_be),
                cmocka_unit_test(test_random_damage_to_records_is_survived),
                cmocka_unit_test(test_unknown_logs),
                cmocka_unit_test(test_structures_that_are_too_small),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
