/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of string lists. */
#include "test.h"

#include "strv.h"

static void check_list(char *const *list, const char *const *expected)
{
        size_t n = 0;

        for (; expected[n]; n++) {
                assert_true(n < strv_length(list));
                assert_string_equal(list[n], expected[n]);
        }
        assert_int_equal(strv_length(list), n);
}

static void test_split(void **state)
{
        static const struct {
                const char *text;
                const char *words[5];
        } cases[] = {
                { "", {} },
                { " \t ", {} },
                { "a", { "a" } },
                { "  a\tb  c ", { "a", "b", "c" } },
                { "\"a b\" c", { "a b", "c" } },
                { "--mount='/dev/vda1 /mnt' x", { "--mount=/dev/vda1 /mnt", "x" } },
                { "\"it's\" 'say \"x\"'", { "it's", "say \"x\"" } },
                { "\"\" a ''", { "", "a", "" } },
                { "a\"b\"'c'd", { "abcd" } },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_strv_ char **list = NULL;

                assert_int_equal(strv_split(cases[i].text, &list), 0);
                check_list(list, cases[i].words);
        }
}

static void test_split_refuses_open_quotes(void **state)
{
        char **list = NULL;

        assert_int_equal(strv_split("a \"b", &list), -EINVAL);
        assert_int_equal(strv_split("'", &list), -EINVAL);
        assert_int_equal(strv_split("\"a'", &list), -EINVAL);
        assert_null(list);
}

static void test_join_keeps_every_word(void **state)
{
        static const struct {
                const char *words[4];
                const char *text;
        } cases[] = {
                { { "a", "b" }, "a b" },      { { "a" }, "a" }, { {}, "" }, { { "", "a" }, " a" },
                { { "a", "", "b" }, "a  b" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_strv_ char **list = NULL;
                _cleanup_free_ char *text = NULL;

                for (const char *const *word = cases[i].words; *word; word++)
                        assert_int_equal(strv_extend(&list, *word), 0);
                assert_int_equal(strv_join(list, &text), 0);
                assert_string_equal(text, cases[i].text);
        }
}

static void test_growing(void **state)
{
        static const char *const expected[] = { "a", "n=5", "a", "n=5", NULL };
        _cleanup_strv_ char **list = NULL, **copy = NULL;

        assert_int_equal(strv_length(NULL), 0);
        assert_false(strv_contains(NULL, "a"));
        assert_int_equal(strv_extend(&list, "a"), 0);
        assert_int_equal(strv_extendf(&list, "n=%d", 5), 0);
        assert_int_equal(strv_copy(list, &copy), 0);
        assert_int_equal(strv_extend_strv(&list, copy), 0);
        assert_int_equal(strv_extend_strv(&list, NULL), 0);
        check_list(list, expected);
        assert_true(strv_contains(list, "n=5"));
        assert_false(strv_contains(list, "n="));
        assert_null(strv_free(NULL));
}

static void test_sort(void **state)
{
        static const char *const expected[] = { "10-a", "5-b", "B", "a", NULL };
        _cleanup_strv_ char **list = NULL;

        assert_int_equal(strv_split("a 5-b B 10-a", &list), 0);
        strv_sort(list);
        check_list(list, expected);
        strv_sort(NULL);
}

static void test_equal(void **state)
{
        static const struct {
                const char *a, *b;
                bool equal;
        } cases[] = {
                { "", "", true },      { "a b", "a  b", true },     { "a b", "b a", false },
                { "a b", "a", false }, { "a", "a b", false },       { "", "a", false },
                { "a", "", false },    { "a b c", "a x c", false }, { "'a b'", "a b", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_strv_ char **a = NULL, **b = NULL;

                assert_int_equal(strv_split(cases[i].a, &a), 0);
                assert_int_equal(strv_split(cases[i].b, &b), 0);
                assert_int_equal(strv_equal(a, b), cases[i].equal);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_split),
                cmocka_unit_test(test_split_refuses_open_quotes),
                cmocka_unit_test(test_join_keeps_every_word),
                cmocka_unit_test(test_equal),
                cmocka_unit_test(test_growing),
                cmocka_unit_test(test_sort),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
