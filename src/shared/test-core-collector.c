/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of core_collector lines, read as makedumpfile would read them. */
#include "test.h"

#include "core-collector.h"
#include "strv.h"

static void test_settings(void **state)
{
        static const struct {
                const char *text;
                unsigned level;
                Compression compression;
                DumpFormat format;
        } cases[] = {
                { "makedumpfile", 0, COMPRESSION_NONE, DUMP_FORMAT_KDUMP },
                { "makedumpfile -l --message-level 7 -d 31", 31, COMPRESSION_LZO },
                { "/usr/sbin/makedumpfile -c -d 1", 1, COMPRESSION_ZLIB },
                { "makedumpfile -p -d 0", 0, COMPRESSION_SNAPPY },
                { "makedumpfile -z -d31 --message-level=7", 31, COMPRESSION_ZSTD },
                { "makedumpfile -cd 17", 17, COMPRESSION_ZLIB },
                { "makedumpfile -lDfd1,31 --num-threads 4", 31, COMPRESSION_LZO },
                { "makedumpfile -d 16,1", 16, COMPRESSION_NONE },
                { "makedumpfile -c -c", 0, COMPRESSION_ZLIB },
                { "makedumpfile -d 1 -d 31", 31, COMPRESSION_NONE },
                { "makedumpfile -E -d 31", 31, COMPRESSION_NONE, DUMP_FORMAT_ELF },
                { "makedumpfile -F -l -d 31", 31, COMPRESSION_LZO, DUMP_FORMAT_FLAT },
                { "makedumpfile -F -E", 0, COMPRESSION_NONE, DUMP_FORMAT_ELF },
                { "makedumpfile --compress=auto -d 31", 31, COMPRESSION_AUTO },
                { "makedumpfile --compress zstd -z", 0, COMPRESSION_ZSTD },
                { "makedumpfile --cyclic-buffer 1024 --non-mmap -b 8", 0, COMPRESSION_NONE },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(collector_done) Collector collector = {}, again = {};
                _cleanup_free_ char *expected = NULL, *text = NULL;

                if (collector_parse(cases[i].text, &collector, &expected) < 0)
                        fail_msg("'%s' was refused: expected %s", cases[i].text, expected);
                assert_null(collector.argv);
                assert_int_equal(collector.dump_level, cases[i].level);
                assert_int_equal(collector.compression, cases[i].compression);
                assert_int_equal(collector.format, cases[i].format);

                assert_int_equal(collector_format(&collector, &text), 0);
                assert_int_equal(collector_parse(text, &again, &expected), 0);
                assert_int_equal(again.dump_level, collector.dump_level);
                assert_int_equal(again.compression, collector.compression);
                assert_int_equal(again.format, collector.format);
        }
}

static void test_programs(void **state)
{
        static const struct {
                const char *text;
                size_t n_words;
                const char *printed;
        } cases[] = {
                { "cp --sparse=always", 2, "cp --sparse=always" },
                { "scp", 1, "scp" },
                { "/opt/save 'a b'", 2, "/opt/save \"a b\"" },
                { "makedumpfile -l -x /boot/vmlinux -d 31", 6,
                  "makedumpfile -l -x /boot/vmlinux -d 31" },
                { "makedumpfile --split -d 31", 4, "makedumpfile --split -d 31" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(collector_done) Collector collector = {};
                _cleanup_free_ char *expected = NULL, *text = NULL;

                assert_int_equal(collector_parse(cases[i].text, &collector, &expected), 0);
                assert_int_equal(strv_length(collector.argv), cases[i].n_words);
                assert_int_equal(collector_format(&collector, &text), 0);
                assert_string_equal(text, cases[i].printed);
        }
}

static void test_refused(void **state)
{
        static const char level[] = "dump levels from 0 to 31 after -d, such as 31 or 1,31";
        static const struct {
                const char *text, *expected;
        } cases[] = {
                { "", "a program" },
                { "''", "a program" },
                { "makedumpfile '-l", "words with every quote closed" },
                { "makedumpfile -d 32", level },
                { "makedumpfile -d -1", level },
                { "makedumpfile -d 1,,31", level },
                { "makedumpfile -d 31,", level },
                { "makedumpfile -d ''", level },
                { "makedumpfile -d 99999999999999999999", level },
                { "makedumpfile -d", "a value after -d" },
                { "makedumpfile --message-level", "a value after --message-level" },
                { "makedumpfile --num-threads=", "a number after --num-threads" },
                { "makedumpfile -c -l", "only one of -c, -l, -p, -z and --compress" },
                { "makedumpfile -l --compress=auto", "only one of -c, -l, -p, -z and --compress" },
                { "makedumpfile --compress=fast",
                  "none, zlib, lzo, snappy, zstd or auto after --compress" },
                { "makedumpfile --compress=auto -x /boot/vmlinux",
                  "-c, -l, -p or -z, not --compress, as makedumpfile itself is run" },
                { "makedumpfile --compress=lzo -E",
                  "-E without compression (-c, -l, -p, -z, --compress)" },
                { "makedumpfile -z -E", "-E without compression (-c, -l, -p, -z, --compress)" },
                { "makedumpfile -",
                  "options of makedumpfile such as -l, -d N or --message-level N, not '-'" },
                { "makedumpfile -lq",
                  "options of makedumpfile such as -l, -d N or --message-level N, not '-lq'" },
                { "makedumpfile --split=1", "options of makedumpfile such as -l, -d N or "
                                            "--message-level N, not '--split=1'" },
                { "makedumpfile /proc/vmcore",
                  "options of makedumpfile such as -l, -d N or --message-level N, not "
                  "'/proc/vmcore'" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Collector collector = { .dump_level = 5 };
                _cleanup_free_ char *expected = NULL;

                assert_int_equal(collector_parse(cases[i].text, &collector, &expected), -EINVAL);
                assert_string_equal(expected, cases[i].expected);
                assert_int_equal(collector.dump_level, 5);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_settings),
                cmocka_unit_test(test_programs),
                cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
