/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of Dmesg with the lockless ring: as the kernel makes it, and damaged. */
#include "test-dmesg.h"

/* Struct layouts of v6.12, 64 bit */

#define PRB_POINTER 0x100
#define PRB 0x1000
#define PRB_DESCS_PADDR UINT64_C(0x10000)
#define PRB_INFOS_PADDR UINT64_C(0x20000)
#define PRB_DATA_PADDR UINT64_C(0x80000)
#define PRB_COUNT_BITS 6
#define PRB_SIZE_BITS 10
#define PRB_COUNT (UINT64_C(1) << PRB_COUNT_BITS)
#define PRB_SIZE (UINT64_C(1) << PRB_SIZE_BITS)
#define PRB_HEAD_ID 24
#define PRB_TAIL_ID 32
#define PRB_DATA_RING 56
#define ID_MASK (~(UINT64_C(3) << 62))

static const char *const prb_keys[] = {
        "SIZE(printk_ringbuffer)=96",
        "OFFSET(printk_ringbuffer.desc_ring)=0",
        "OFFSET(printk_ringbuffer.text_data_ring)=56",
        "SIZE(prb_desc_ring)=56",
        "OFFSET(prb_desc_ring.count_bits)=0",
        "OFFSET(prb_desc_ring.descs)=8",
        "OFFSET(prb_desc_ring.infos)=16",
        "OFFSET(prb_desc_ring.head_id)=24",
        "OFFSET(prb_desc_ring.tail_id)=32",
        "SIZE(prb_desc)=24",
        "OFFSET(prb_desc.state_var)=0",
        "OFFSET(prb_desc.text_blk_lpos)=8",
        "OFFSET(prb_data_blk_lpos.begin)=0",
        "OFFSET(prb_data_blk_lpos.next)=8",
        "SIZE(printk_info)=88",
        "OFFSET(printk_info.ts_nsec)=8",
        "OFFSET(printk_info.text_len)=16",
        "OFFSET(prb_data_ring.size_bits)=0",
        "OFFSET(prb_data_ring.data)=8",
        "OFFSET(atomic_long_t.counter)=0",
};

typedef enum DescState {
        STATE_RESERVED,
        STATE_COMMITTED,
        STATE_FINALIZED,
        STATE_REUSABLE,
} DescState;

typedef struct Ring {
        TestMemory memory;
        uint64_t head_id, tail_id, head_lpos, tail_lpos;
        bool wraps_late; /* as since "don't needlessly wrap data blocks" */
} Ring;

static void ring_init(Ring *ring, bool wraps_late)
{
        TestMemory *memory = &ring->memory;

        memory_init(memory);
        test_memory_info(memory, "SYMBOL(prb)=%llx", (unsigned long long) IMAGE_VADDR(PRB_POINTER));
        for (size_t i = 0; i < ELEMENTSOF(prb_keys); i++)
                test_memory_info(memory, "%s", prb_keys[i]);

        test_memory_put_u64(memory, IMAGE_PADDR(PRB_POINTER), IMAGE_VADDR(PRB));
        test_memory_put_u32(memory, IMAGE_PADDR(PRB), PRB_COUNT_BITS);
        test_memory_put_u64(memory, IMAGE_PADDR(PRB + 8), TEST_DIRECT_MAP_VADDR + PRB_DESCS_PADDR);
        test_memory_put_u64(memory, IMAGE_PADDR(PRB + 16), TEST_DIRECT_MAP_VADDR + PRB_INFOS_PADDR);
        test_memory_put_u32(memory, IMAGE_PADDR(PRB + PRB_DATA_RING), PRB_SIZE_BITS);
        test_memory_put_u64(memory, IMAGE_PADDR(PRB + PRB_DATA_RING + 8),
                            TEST_DIRECT_MAP_VADDR + PRB_DATA_PADDR);

        /* As DEFINE_PRINTKRB(): one descriptor before the first wrap, no data, reusable. */
        ring->wraps_late = wraps_late;
        ring->head_id = ring->tail_id = (-(PRB_COUNT + 1)) & ID_MASK;
        ring->head_lpos = ring->tail_lpos = -PRB_SIZE;
        test_memory_put_u64(memory, PRB_DESCS_PADDR + (PRB_COUNT - 1) * 24,
                            (UINT64_C(3) << 62) | ring->head_id);
        test_memory_put_u64(memory, PRB_DESCS_PADDR + (PRB_COUNT - 1) * 24 + 8, 1);
        test_memory_put_u64(memory, PRB_DESCS_PADDR + (PRB_COUNT - 1) * 24 + 16, 1);
}

static void ring_done(Ring *ring)
{
        test_memory_done(&ring->memory);
}

static uint64_t ring_desc_paddr(uint64_t id)
{
        return PRB_DESCS_PADDR + id % PRB_COUNT * 24;
}

static uint64_t ring_info_paddr(uint64_t id)
{
        return PRB_INFOS_PADDR + id % PRB_COUNT * 88;
}

static void ring_state(Ring *ring, uint64_t id, DescState state)
{
        test_memory_put_u64(&ring->memory, ring_desc_paddr(id), ((uint64_t) state << 62) | id);
}

static uint64_t ring_lpos(const Ring *ring, uint64_t id, unsigned at)
{
        uint64_t value;

        memcpy(&value, ring->memory.bytes + ring_desc_paddr(id) + 8 + at * 8, sizeof(value));
        return value;
}

/* Takes the oldest message away, with its text. */
static void ring_drop(Ring *ring)
{
        uint64_t next = ring_lpos(ring, ring->tail_id, 1);

        ring_state(ring, ring->tail_id, STATE_REUSABLE);
        ring->tail_id = (ring->tail_id + 1) & ID_MASK;
        if (!(next & 1))
                ring->tail_lpos = next;
}

/* Positions as get_next_lpos() has them. */
static uint64_t ring_next_lpos(const Ring *ring, uint64_t begin, uint64_t size)
{
        uint64_t next = begin + size, end = ring->wraps_late ? next - 1 : next;

        if (begin / PRB_SIZE == end / PRB_SIZE)
                return next;
        return next / PRB_SIZE * PRB_SIZE + size;
}

/* Adds a message; @text NULL: dataless, with both positions @lpos. */
static uint64_t ring_add_full(Ring *ring, uint64_t ts_nsec, const char *text, size_t size,
                              DescState state, uint64_t lpos)
{
        uint64_t id = (ring->head_id + 1) & ID_MASK, begin = lpos, next = lpos;
        TestMemory *memory = &ring->memory;

        if (((id - ring->tail_id) & ID_MASK) >= PRB_COUNT)
                ring_drop(ring);
        if (text) {
                uint64_t block = ALIGN_UP(8 + size, 8), data;

                begin = ring->head_lpos;
                next = ring_next_lpos(ring, begin, block);
                while (next - ring->tail_lpos > PRB_SIZE)
                        ring_drop(ring);
                data = (next - 1) / PRB_SIZE != begin / PRB_SIZE ? 0 : begin % PRB_SIZE;
                test_memory_put_u64(memory, PRB_DATA_PADDR + data, id);
                test_memory_put(memory, PRB_DATA_PADDR + data + 8, text, size);
                ring->head_lpos = next;
        }
        ring->head_id = id;
        ring_state(ring, id, state);
        test_memory_put_u64(memory, ring_desc_paddr(id) + 8, begin);
        test_memory_put_u64(memory, ring_desc_paddr(id) + 16, next);
        test_memory_put_u64(memory, ring_info_paddr(id) + 8, ts_nsec);
        test_memory_put_u16(memory, ring_info_paddr(id) + 16, (uint16_t) size);
        return id;
}

static uint64_t ring_add(Ring *ring, uint64_t ts_nsec, const char *text)
{
        return ring_add_full(ring, ts_nsec, text, strlen(text), STATE_FINALIZED, 0);
}

static int ring_write(Ring *ring, Got *got)
{
        test_memory_put_u64(&ring->memory, IMAGE_PADDR(PRB + PRB_HEAD_ID), ring->head_id);
        test_memory_put_u64(&ring->memory, IMAGE_PADDR(PRB + PRB_TAIL_ID), ring->tail_id);
        assert_int_equal(test_memory_open(&ring->memory), 0);
        return got_write(got, &ring->memory);
}

static void test_ring_lines(void **state)
{
        _cleanup_(ring_done) Ring ring;
        _cleanup_(got_done) Got got = {};

        ring_init(&ring, false);
        assert_int_equal(ring_write(&ring, &got), 0);
        assert_int_equal(got.n_text, 0);
        assert_null(got.panic_line);

        ring_add(&ring, 0, "Linux version 6.1.0");
        ring_add(&ring, 1234567890, "two\nlines");
        ring_add(&ring, 123456 * UINT64_C(1000000000) + 999999999, "tab\there, \x1b[1m\xc3\xa4\\");
        ring_add(&ring, 5000, "ends with a newline\n");
        assert_int_equal(ring_write(&ring, &got), 0);
        assert_string_equal(got.text, "[    0.000000] Linux version 6.1.0\n"
                                      "[    1.234567] two\n"
                                      "[    1.234567] lines\n"
                                      "[123456.999999] tab\there, \\x1b[1m\\xc3\\xa4\\\n"
                                      "[    0.000005] ends with a newline\n");
}

static void test_ring_states(void **state)
{
        _cleanup_(ring_done) Ring ring;
        _cleanup_(got_done) Got got = {};

        ring_init(&ring, false);
        ring_add_full(&ring, 1000, "reserved", 8, STATE_RESERVED, 0);
        ring_add_full(&ring, 2000, "committed", 9, STATE_COMMITTED, 0);
        ring_add_full(&ring, 3000, "finalized", 9, STATE_FINALIZED, 0);
        ring_add_full(&ring, 4000, "reusable", 8, STATE_REUSABLE, 0);
        ring_add_full(&ring, 5000, NULL, 0, STATE_FINALIZED, 3); /* an empty line */
        ring_add_full(&ring, 6000, NULL, 7, STATE_FINALIZED, 1); /* there was no room */
        ring_add_full(&ring, 7000, "", 0, STATE_FINALIZED, 0);
        assert_int_equal(ring_write(&ring, &got), 0);
        assert_string_equal(got.text, "[    0.000002] committed\n"
                                      "[    0.000003] finalized\n"
                                      "[    0.000005] \n"
                                      "[    0.000007] \n");
}

/* Messages of many lengths, far more than the ring holds: what is left is its end, without a gap.
 */
static void ring_wrap_check(bool wraps_late, uint64_t seed, size_t n_messages, size_t n_fixed)
{
        _cleanup_(ring_done) Ring ring;
        _cleanup_(got_done) Got got = {};
        _cleanup_free_ char *all = calloc(n_messages + 1, 200);
        char *end = all;
        size_t n_lines = 0;

        assert_non_null(all);
        ring_init(&ring, wraps_late);
        for (size_t i = 0; i < n_messages; i++) {
                size_t n = n_fixed ?: 5 + test_random(&seed) % 120;
                char text[160], letters[128];

                memset(letters, 'a' + (int) (i % 26), sizeof(letters));
                (void) snprintf(text, sizeof(text), "%06zu %.*s", i, (int) sizeof(letters),
                                letters);
                ring_add_full(&ring, i * 1000, text, n, STATE_FINALIZED, 0);
                end += snprintf(end, 200, "[    0.%06zu] %.*s\n", i, (int) n, text);
        }
        assert_int_equal(ring_write(&ring, &got), 0);
        for (const char *at = got.text; (at = strchr(at, '\n')); at++)
                n_lines++;
        assert_int_equal(n_lines, ((ring.head_id - ring.tail_id) & ID_MASK) + 1);
        assert_true(got.n_text <= (size_t) (end - all));
        assert_string_equal(got.text, end - got.n_text);
}

static void test_ring_wraps(void **state)
{
        for (uint64_t seed = 1; seed <= 200; seed++) {
                ring_wrap_check(false, seed, 20 + seed, 0);
                ring_wrap_check(true, seed, 20 + seed, 0);
        }
}

/* Blocks that end exactly where the ring does: a kernel up to v6.18 wraps them, a later one does
 * not. */
static void test_ring_block_ends_at_the_end(void **state)
{
        for (size_t n = 8; n <= 120; n += 56) {
                ring_wrap_check(false, 1, 77, n);
                ring_wrap_check(true, 1, 77, n);
        }
}

static void test_ring_chunks_and_a_full_target(void **state)
{
        _cleanup_(ring_done) Ring ring;
        _cleanup_(got_done) Got got = {};
        char text[900];

        /* Escapes make this longer than one chunk: 4 times 900 a message. */
        ring_init(&ring, false);
        memset(text, 1, sizeof(text));
        for (unsigned i = 0; i < 3; i++)
                ring_add_full(&ring, i, text, sizeof(text), STATE_FINALIZED, 0);
        assert_int_equal(ring_write(&ring, &got), 0);
        assert_int_equal(got.n_text, 15 + 4 * 900 + 1);

        got.fail_after = 1;
        assert_int_equal(ring_write(&ring, &got), -ENOSPC);
        assert_null(got.panic_line);
}

static void test_panic_line(void **state)
{
        static const struct {
                const char *lines[5];
                const char *expected;
        } cases[] = {
                { { "nothing of note", "DEBUG: Oopsie daisy? no", NULL },
                  "DEBUG: Oopsie daisy? no" },
                { { "all is well", "DEBUG: x", NULL }, NULL },
                { { "sysrq: Trigger a crash", "Kernel panic - not syncing: sysrq triggered crash",
                    "CPU: 0 PID: 1", NULL },
                  "Kernel panic - not syncing: sysrq triggered crash" },
                { { "SysRq : Trigger a crash", "CPU: 0", NULL }, "SysRq : Trigger a crash" },
                { { "BUG: kernel NULL pointer dereference, address: 0", "#PF: error",
                    "Oops: 0002 [#1] PREEMPT SMP", NULL },
                  "BUG: kernel NULL pointer dereference, address: 0" },
                { { "BUG: scheduling while atomic", "long after",
                    "BUG: unable to handle page fault", NULL },
                  "BUG: unable to handle page fault" },
                { { "Kernel panic - not syncing: first", "Kernel panic - not syncing: second",
                    "BUG: x", NULL },
                  "Kernel panic - not syncing: first" },
                { { "general protection fault, maybe: 0000 [#1]", "Oops: x", NULL },
                  "general protection fault, maybe: 0000 [#1]" },
                { { "a\nKernel panic - not syncing: \x01\nb", NULL },
                  "Kernel panic - not syncing: \\x01" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(ring_done) Ring ring;
                _cleanup_(got_done) Got got = {};

                ring_init(&ring, false);
                for (size_t k = 0; cases[i].lines[k]; k++)
                        ring_add(&ring, k, cases[i].lines[k]);
                assert_int_equal(ring_write(&ring, &got), 0);
                if (cases[i].expected)
                        assert_string_equal(got.panic_line, cases[i].expected);
                else
                        assert_null(got.panic_line);
        }
}

static void test_ring_damaged_messages_are_left_out(void **state)
{
        _cleanup_(ring_done) Ring ring;
        _cleanup_(got_done) Got got = {};
        uint64_t ids[8], begin;
        TestMemory *memory = &ring.memory;

        ring_init(&ring, false);
        for (unsigned i = 0; i < ELEMENTSOF(ids); i++)
                ids[i] = ring_add(&ring, i * 1000, "message");

        /* Written over: the text, then positions of several kinds; and a length that is too long.
         */
        begin = ring_lpos(&ring, ids[1], 0) % PRB_SIZE;
        test_memory_put_u64(memory, PRB_DATA_PADDR + begin, 0x6161616161616161);
        test_memory_put_u64(memory, ring_desc_paddr(ids[2]) + 16, 2 * PRB_SIZE);
        test_memory_put_u64(memory, ring_desc_paddr(ids[3]) + 16, ring_lpos(&ring, ids[3], 0));
        test_memory_put_u64(memory, ring_desc_paddr(ids[4]) + 8, 4);
        test_memory_put_u64(memory, ring_desc_paddr(ids[5]), 0x1234);
        test_memory_put_u16(memory, ring_info_paddr(ids[6]) + 16, 60000);
        assert_int_equal(ring_write(&ring, &got), 1);
        assert_non_null(strstr(got.text, "[    0.000000] message\n"));
        assert_non_null(strstr(got.text, "[    0.000006] message"));
        assert_non_null(strstr(got.text, "[    0.000007] message\n"));
        assert_non_null(strstr(got.text, "[    0.000001] [damaged] message\n"));
        for (unsigned i = 2; i <= 5; i++) {
                char stamp[16];

                (void) snprintf(stamp, sizeof(stamp), "[    0.00000%u]", i);
                assert_null(strstr(got.text, stamp));
        }
}

static void test_ring_with_a_wrong_end_is_searched(void **state)
{
        for (unsigned which = 0; which < 2; which++) {
                _cleanup_(ring_done) Ring ring;
                _cleanup_(got_done) Got got = {};

                ring_init(&ring, false);
                for (unsigned i = 0; i < 90; i++)
                        ring_add(&ring, i * 1000, "m");
                if (which == 0)
                        ring.head_id = 0x123456789;
                else
                        ring.tail_id = 0x123456789;
                assert_int_equal(ring_write(&ring, &got), 1);
                assert_non_null(strstr(got.text, "[    0.000089] m\n"));
                assert_non_null(strstr(got.text, "[    0.000040] m\n"));
        }
}

static void test_ring_that_cannot_be(void **state)
{
        static const struct {
                uint64_t paddr, value;
                int error;
        } cases[] = {
                { IMAGE_PADDR(PRB_POINTER), 0, -EFAULT },
                { IMAGE_PADDR(PRB_POINTER), UINT64_MAX, -EFAULT },
                { IMAGE_PADDR(PRB), 25, -EBADMSG },
                { IMAGE_PADDR(PRB), UINT32_MAX, -EBADMSG },
                /* These could be, but not in so little memory. */
                { IMAGE_PADDR(PRB), 20, -EBADMSG },
                { IMAGE_PADDR(PRB + PRB_DATA_RING), 24, -EBADMSG },
                { IMAGE_PADDR(PRB + PRB_DATA_RING), 31, -EBADMSG },
                { IMAGE_PADDR(PRB + 8), 0, 1 },
                { IMAGE_PADDR(PRB + 16), UINT64_MAX - 100, 1 },
                { IMAGE_PADDR(PRB + PRB_DATA_RING + 8), TEST_DIRECT_MAP_VADDR + MEMORY_BYTES, 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(ring_done) Ring ring;
                _cleanup_(got_done) Got got = {};

                ring_init(&ring, false);
                ring_add(&ring, 0, "message");
                test_memory_put_u64(&ring.memory, cases[i].paddr, cases[i].value);
                assert_int_equal(ring_write(&ring, &got), cases[i].error);
                assert_int_equal(got.n_text, 0);
        }
}

/* Descriptors that all point to one block would make any amount of text of it. */
static void test_ring_gives_no_more_text_than_it_holds(void **state)
{
        _cleanup_(ring_done) Ring ring;
        _cleanup_(got_done) Got got = {};
        char text[900];
        uint64_t first;

        ring_init(&ring, false);
        memset(text, 'a', sizeof(text));
        first = ring_add_full(&ring, 0, text, sizeof(text), STATE_FINALIZED, 0);
        for (unsigned i = 1; i < PRB_COUNT; i++) {
                uint64_t id = ring_add_full(&ring, 0, NULL, sizeof(text), STATE_FINALIZED, 1);

                for (unsigned at = 0; at < 2; at++)
                        test_memory_put_u64(&ring.memory, ring_desc_paddr(id) + 8 + at * 8,
                                            ring_lpos(&ring, first, at));
        }
        assert_int_equal(ring_write(&ring, &got), 1);
        assert_int_equal(got.n_text, 15 + sizeof(text) + 1);
}

static void test_random_damage_to_the_ring_is_survived(void **state)
{
        _cleanup_(ring_done) Ring ring;
        _cleanup_free_ uint8_t *copy = malloc(MEMORY_BYTES);
        uint64_t seed = 31;

        assert_non_null(copy);
        ring_init(&ring, false);
        for (unsigned i = 0; i < 200; i++)
                ring_add(&ring, i * 1000, "some message of a few words");
        memcpy(copy, ring.memory.bytes, 0x100000);
        memcpy(copy + TEST_PHYS_BASE, ring.memory.bytes + TEST_PHYS_BASE, 0x2000);

        for (unsigned round = 0; round < 300; round++) {
                _cleanup_(got_done) Got got = {};
                static const struct {
                        uint64_t paddr, bytes;
                } places[] = {
                        { PRB_DESCS_PADDR, PRB_COUNT * 24 },
                        { PRB_INFOS_PADDR, PRB_COUNT * 88 },
                        { PRB_DATA_PADDR, PRB_SIZE },
                        { IMAGE_PADDR(PRB), 96 },
                };

                memcpy(ring.memory.bytes, copy, 0x100000);
                memcpy(ring.memory.bytes + TEST_PHYS_BASE, copy + TEST_PHYS_BASE, 0x2000);
                for (unsigned i = 0; i <= round % 40; i++) {
                        /* The ring itself only at times, else little would be left to read. */
                        size_t place = test_random(&seed) % (3 + (i == 39));

                        ring.memory.bytes[places[place].paddr +
                                          test_random(&seed) % places[place].bytes] =
                                (uint8_t) test_random(&seed);
                }
                assert_true(ring_write(&ring, &got) <= 1);
                assert_true(got.n_text < PRB_COUNT * 70000 * 2);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ring_lines),
                cmocka_unit_test(test_ring_states),
                cmocka_unit_test(test_ring_wraps),
                cmocka_unit_test(test_ring_block_ends_at_the_end),
                cmocka_unit_test(test_ring_chunks_and_a_full_target),
                cmocka_unit_test(test_panic_line),
                cmocka_unit_test(test_ring_damaged_messages_are_left_out),
                cmocka_unit_test(test_ring_with_a_wrong_end_is_searched),
                cmocka_unit_test(test_ring_that_cannot_be),
                cmocka_unit_test(test_ring_gives_no_more_text_than_it_holds),
                cmocka_unit_test(test_random_damage_to_the_ring_is_survived),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
