/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "memory-map.h"

#include "test.h"

static void memory_map_freep(MemoryMap *map)
{
        memory_map_done(map);
}
#define _cleanup_map_ _cleanup_(memory_map_freep)

/* As it is shown on QEMU's q35 with an area above 4 GiB and one below. */
static const char q35[] = "00000000-00000fff : Reserved\n"
                          "00001000-0009fbff : System RAM\n"
                          "0009fc00-0009ffff : Reserved\n"
                          "000a0000-000bffff : PCI Bus 0000:00\n"
                          "000c0000-000c91ff : Video ROM\n"
                          "000f0000-000fffff : Reserved\n"
                          "  000f0000-000fffff : System ROM\n"
                          "00100000-7ffdbfff : System RAM\n"
                          "  6f000000-7effffff : Crash kernel\n"
                          "7ffdc000-7fffffff : Reserved\n"
                          "80000000-afffffff : PCI Bus 0000:00\n"
                          "b0000000-bfffffff : PCI MMCONFIG 0000 [bus 00-ff]\n"
                          "  b0000000-bfffffff : Reserved\n"
                          "    b0000000-bfffffff : pnp 00:04\n"
                          "00000000-00000000 : PCI Bus 0000:00\n"
                          "c0000000-febfffff : PCI Bus 0000:00\n"
                          "  fd000000-fdffffff : 0000:00:01.0\n"
                          "    fd000000-fdffffff : bochs-drm\n"
                          "fec00000-fec003ff : IOAPIC 0\n"
                          "fed1c000-fed1ffff : Reserved\n"
                          "fee00000-fee00fff : Local APIC\n"
                          "  fee00000-fee00fff : Reserved\n"
                          "100000000-1ffffffff : System RAM\n"
                          "  13c200000-13d1fffff : Kernel code\n"
                          "  13d200000-13d9fefff : Kernel rodata\n"
                          "  13da00000-13dd3b7ff : Kernel data\n"
                          "  13e2ae000-13e5fffff : Kernel bss\n"
                          "  1ef000000-1feffffff : Crash kernel\n"
                          "fd00000000-ffffffffff : Reserved\n";

static void assert_range(Range range, uint64_t start, uint64_t end)
{
        assert_int_equal(range.start, start);
        assert_int_equal(range.end, end);
}

static void parse_ok(const char *text, MemoryMap *ret)
{
        _cleanup_free_ char *message = NULL;

        assert_int_equal(memory_map_parse(text, strlen(text), ret, &message), 0);
        assert_null(message);
}

static void test_a_usual_machine(void **state)
{
        static const Range reserved[] = {
                { 0, 0x1000 },
                { 0x9fc00, 0xa0000 },
                { 0xf0000, 0x100000 },
                { 0x7ffdc000, 0x80000000 },
                { 0xb0000000, 0xc0000000 },
                { 0xfed1c000, 0xfed20000 },
                { 0xfee00000, 0xfee01000 },
                { 0xfd00000000, 0x10000000000 },
        };
        _cleanup_map_ MemoryMap map = { 0 };

        parse_ok(q35, &map);
        assert_int_equal(map.ram.n, 3);
        assert_range(map.ram.ranges[0], 0x1000, 0x9fc00);
        assert_range(map.ram.ranges[1], 0x100000, 0x7ffdc000);
        assert_range(map.ram.ranges[2], 0x100000000, 0x200000000);
        assert_range(map.crash, 0x1ef000000, 0x1ff000000);
        assert_range(map.crash_low, 0x6f000000, 0x7f000000);
        assert_range(map.kernel, 0x13c200000, 0x13e600000);
        assert_int_equal(map.gart.n, 0);
        assert_int_equal(map.n_map, ELEMENTSOF(reserved));
        for (size_t i = 0; i < ELEMENTSOF(reserved); i++) {
                assert_range(map.map[i].range, reserved[i].start, reserved[i].end);
                assert_int_equal(map.map[i].kind, MEMORY_RESERVED);
        }
}

static void test_all_kinds_of_memory(void **state)
{
        static const MemoryRange expected[] = {
                { { 0x0, 0x1000 }, MEMORY_RESERVED },
                { { 0x200000, 0x201000 }, MEMORY_ACPI },
                { { 0x201000, 0x202000 }, MEMORY_NVS },
                { { 0x100000000, 0x110000000 }, MEMORY_PMEM },
                { { 0x110000000, 0x120000000 }, MEMORY_PRAM },
        };
        _cleanup_map_ MemoryMap map = { 0 };

        parse_ok("00000000-00000fff : reserved\n"
                 "00001000-001fffff : System RAM\n"
                 "  00010000-0001ffff : Reserved\n" /* is RAM that someone has */
                 "  00020000-0002ffff : GART\n"
                 "00200000-00200fff : ACPI Tables\n"
                 "00201000-00201fff : ACPI Non-volatile Storage\n"
                 "00300000-00300fff : Reserved by me\n"
                 "00301000-00301fff : RAM buffer\n"
                 "00302000-00302fff : Unusable memory\n"
                 "100000000-10fffffff : Persistent Memory\n"
                 "  100000000-1001fffff : namespace0.0\n"
                 "  100200000-10fffffff : dax0.0\n"
                 "    100200000-10fffffff : System RAM (kmem)\n"
                 "110000000-11fffffff : Persistent Memory (legacy)\n"
                 "120000000-13fffffff : virtio0\n"
                 "  120000000-12fffffff : System RAM (virtio_mem)\n"
                 "  130000000-137ffffff : System RAM (virtio_mem)", /* no newline */
                 &map);
        assert_int_equal(map.ram.n, 3);
        assert_range(map.ram.ranges[0], 0x1000, 0x200000);
        assert_range(map.ram.ranges[1], 0x100200000, 0x110000000);
        assert_range(map.ram.ranges[2], 0x120000000, 0x138000000);
        assert_int_equal(map.gart.n, 1);
        assert_range(map.gart.ranges[0], 0x20000, 0x30000);
        assert_range(map.crash, 0, 0);
        assert_range(map.crash_low, 0, 0);
        assert_range(map.kernel, 0, 0);
        assert_int_equal(map.n_map, ELEMENTSOF(expected));
        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                assert_range(map.map[i].range, expected[i].range.start, expected[i].range.end);
                assert_int_equal(map.map[i].kind, expected[i].kind);
        }
}

/* Lines move while the text is read in pieces. */
static void test_a_line_may_be_there_twice(void **state)
{
        _cleanup_map_ MemoryMap map = { 0 };

        parse_ok("00001000-0009ffff : System RAM\n"
                 "00100000-7fffffff : System RAM\n"
                 "  6f000000-7effffff : Crash kernel\n"
                 "00100000-7fffffff : System RAM\n"
                 "  6f000000-7effffff : Crash kernel\n"
                 "80000000-8fffffff : Reserved\n"
                 "80000000-8fffffff : Reserved\n",
                 &map);
        assert_int_equal(map.ram.n, 2);
        assert_int_equal(map.n_map, 1);
        assert_range(map.crash, 0x6f000000, 0x7f000000);
        assert_range(map.crash_low, 0, 0);
}

#define RAM "00001000-7fffffff : System RAM\n"

static void test_what_makes_no_sense(void **state)
{
        static const struct {
                const char *text;
                int r;
                const char *message;
        } cases[] = {
                { "", -EBADMSG, "no 'System RAM'" },
                { "1000-1fff : Reserved\n", -EBADMSG, "no 'System RAM'" },
                { "00000000-00000000 : Reserved\n00000000-00000000 : System RAM\n", -EACCES,
                  "hides" },
                { RAM "\n", -EBADMSG, "Line 2" },
                { RAM "1000 : System RAM\n", -EBADMSG, "Line 2" },
                { RAM "1000-zz : System RAM\n", -EBADMSG, "Line 2" },
                { RAM "1000-2000: System RAM\n", -EBADMSG, "Line 2" },
                { RAM "-2000 : System RAM\n", -EBADMSG, "Line 2" },
                { RAM "0x1000-0x2000 : System RAM\n", -EBADMSG, "Line 2" },
                { RAM " 1000-1fff : Reserved\n", -EBADMSG, "Line 2" },
                { RAM "                                   1000-1fff : Reserved\n", -EBADMSG,
                  "Line 2" },
                { RAM "100001000-100000fff : System RAM\n", -EBADMSG, "0x100001000" },
                { RAM "80000000-ffffffffffffffff : Reserved\n", -EBADMSG, "ffffffffffffffff" },
                { RAM "80000000-10000000000000000 : Reserved\n", -EBADMSG, "Line 2" },
                { RAM "80000000-8fffffff : Reserved\n88000000-8fffffff : ACPI Tables\n", -EBADMSG,
                  "two kinds" },
                { RAM "80000000-8fffffff : Crash kernel\n", -EBADMSG, "cannot be" },
                { RAM "  70000000-7fffffff : Crash kernel\n7f000000-7fffffff : Reserved\n",
                  -EBADMSG, "cannot be" },
                { RAM "  10000000-1fffffff : Crash kernel\n  18000000-2fffffff : Crash kernel\n",
                  -EBADMSG, "cannot be" },
                { RAM "  10000000-10ffffff : Crash kernel\n  20000000-20ffffff : Crash kernel\n"
                      "  30000000-30ffffff : Crash kernel\n",
                  -EBADMSG, "more than two" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *message = NULL;
                MemoryMap map;

                assert_int_equal(
                        memory_map_parse(cases[i].text, strlen(cases[i].text), &map, &message),
                        cases[i].r);
                assert_non_null(message);
                assert_non_null(strstr(message, cases[i].message));
        }
}

static void test_a_nul_ends_no_line(void **state)
{
        static const char text[] = RAM "80000000-8fffffff\0 : Reserved\n";
        _cleanup_free_ char *message = NULL;
        MemoryMap map;

        assert_int_equal(memory_map_parse(text, sizeof(text) - 1, &map, &message), -EBADMSG);
}

/* From the top down, so that nothing is sorted. */
static void test_as_many_lines_as_may_be(void **state)
{
        _cleanup_free_ char *text = malloc(MEMORY_MAP_LINES_MAX * 40 + 40), *message = NULL;
        _cleanup_map_ MemoryMap map = { 0 };
        size_t size = 0;

        assert_non_null(text);
        for (size_t i = MEMORY_MAP_LINES_MAX; i > 0; i--)
                size += (size_t) snprintf(text + size, 40, "%08zx-%08zx : System RAM\n", i * 0x2000,
                                          i * 0x2000 + 0xfff);
        assert_int_equal(memory_map_parse(text, size, &map, &message), 0);
        assert_int_equal(map.ram.n, MEMORY_MAP_LINES_MAX);
        memory_map_done(&map);
        memcpy(text + size, "0-1 : a\n", 8);
        assert_int_equal(memory_map_parse(text, size + 8, &map, &message), -E2BIG);
        assert_non_null(strstr(message, "65536"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_usual_machine),
                cmocka_unit_test(test_all_kinds_of_memory),
                cmocka_unit_test(test_a_line_may_be_there_twice),
                cmocka_unit_test(test_what_makes_no_sense),
                cmocka_unit_test(test_a_nul_ends_no_line),
                cmocka_unit_test(test_as_many_lines_as_may_be),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
