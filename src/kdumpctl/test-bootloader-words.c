/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of finding and replacing crashkernel= in text. */
#include "bootloader-words.h"

#include "test.h"

static bool line_is_options(const char *line, size_t size, size_t *ret_begin)
{
        *ret_begin = 8;
        return size >= 8 && strncmp(line, "options ", 8) == 0;
}

static void test_find(void **state)
{
        static const struct {
                const char *text, *values;
                unsigned line;
                bool plain;
        } table[] = {
                { "", NULL, 0, true },
                { "quiet", NULL, 0, true },
                { "crashkernel=256M", "256M", 1, true },
                { "crashkernel=", "", 1, true },
                { "a\n\nquiet\tcrashkernel=1G,high crashkernel=72M,low x\n", "1G,high 72M,low", 3,
                  true },
                { "# crashkernel=1M\n  # crashkernel=2M\nX=\"crashkernel=2G-:3M@16M\"\n",
                  "2G-:3M@16M", 3, true },
                { "X='a crashkernel=1M'\r\n", "1M", 1, true },
                { "X=crashkernel=1M\r\n", "1M", 1, true },
                { "nocrashkernel=1M kdump.crashkernel=2M", NULL, 0, true },
                { "X=\"crashkernel=$SIZE\"", "$SIZE", 1, false },
                { "X=\"crashkernel=1M\\\"", "1M\\", 1, false },
                { "crashkernel=1M\ncrashkernel=2M", "1M 2M", 1, true },
                { "A=\"crashkernel=1M\"\nB=\"crashkernel=1M\"", "1M", 1, true },
                { "crashkernel=1M crashkernel=1M crashkernel=1", "1M 1", 1, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(boot_words_done) BootWords words = { 0 };

                assert_int_equal(boot_words_find(table[i].text, strlen(table[i].text),
                                                 boot_line_is_no_comment, &words),
                                 0);
                if (table[i].values)
                        assert_string_equal(words.values, table[i].values);
                else
                        assert_null(words.values);
                assert_int_equal(words.line, table[i].line);
                assert_int_equal(words.plain, table[i].plain);
        }
}

/* A text of another program must lose nothing. */
static void test_set(void **state)
{
        static const struct {
                BootLineHasWords has_words;
                const char *text, *expected;
        } table[] = {
                { boot_line_is_no_comment, "quiet\n", "quiet crashkernel=V\n" },
                { boot_line_is_no_comment, "quiet", "quiet crashkernel=V" },
                { boot_line_is_no_comment, "quiet  \n", "quiet crashkernel=V\n" },
                { boot_line_is_no_comment, "quiet\r\n", "quiet crashkernel=V\r\n" },
                { boot_line_is_no_comment, "", "new crashkernel=V\n" },
                { boot_line_is_no_comment, "# c", "# c\nnew crashkernel=V\n" },
                { boot_line_is_no_comment, "# c\r\n# d", "# c\r\n# d\r\nnew crashkernel=V\r\n" },
                { boot_line_is_no_comment, "\n\n", "\n\nnew crashkernel=V\n" },
                { boot_line_is_no_comment, "a\nb\n# c\n", "a\nb crashkernel=V\n# c\n" },
                { boot_line_is_no_comment, "a crashkernel=1 b", "a crashkernel=V b" },
                { boot_line_is_no_comment, "crashkernel=1", "crashkernel=V" },
                { boot_line_is_no_comment, "crashkernel= x", "crashkernel=V x" },
                { boot_line_is_no_comment, "crashkernel=1,high  crashkernel=2,low x",
                  "crashkernel=V x" },
                { boot_line_is_no_comment, "crashkernel=1 a\tcrashkernel=2\tcrashkernel=3",
                  "crashkernel=V a" },
                { boot_line_is_no_comment, "A=\"a crashkernel=1\"\nB=\"crashkernel=2 b\"\n",
                  "A=\"a crashkernel=V\"\nB=\"crashkernel=V b\"\n" },
                { boot_line_is_no_comment, "A='crashkernel=1' # crashkernel=2\r\n",
                  "A='crashkernel=V' #\r\n" },
                { line_is_options, "title x\noptions a  b\nlinux crashkernel=1\n",
                  "title x\noptions a  b crashkernel=V\nlinux crashkernel=1\n" },
                { line_is_options, "options \nx", "options crashkernel=V\nx" },
                { line_is_options, "options a\noptions b crashkernel=1\n",
                  "options a\noptions b crashkernel=V\n" },
                { line_is_options, "options a\noptions b", "options a\noptions b crashkernel=V" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ char *text = NULL;
                size_t size;

                assert_int_equal(boot_words_set(table[i].text, strlen(table[i].text),
                                                table[i].has_words, "new ", "V", &text, &size),
                                 0);
                assert_string_equal(text, table[i].expected);
                assert_int_equal(size, strlen(table[i].expected));
        }
}

static void test_set_again_changes_nothing(void **state)
{
        static const char *const texts[] = { "", "quiet\r\n", "a\nb",
                                             "x crashkernel=1 crashkernel=2" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_free_ char *once = NULL, *twice = NULL;
                size_t size;

                assert_int_equal(boot_words_set(texts[i], strlen(texts[i]), boot_line_is_no_comment,
                                                "", "V", &once, &size),
                                 0);
                assert_int_equal(
                        boot_words_set(once, size, boot_line_is_no_comment, "", "V", &twice, &size),
                        0);
                assert_string_equal(once, twice);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_find),
                cmocka_unit_test(test_set),
                cmocka_unit_test(test_set_again_changes_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
