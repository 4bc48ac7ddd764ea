/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shell-settings.h"

#include "test.h"

#define UNKNOWN NULL

typedef struct Case {
        const char *text;
        const char *value; /* of A; UNKNOWN: set, but not known */
        unsigned line;     /* of A; 0: not set */
        unsigned remark;   /* the line of the first remark; 0: none */
} Case;

static const Case cases[] = {
        { "A=b", "b", 1, 0 },
        { "\n# A=c\n  A=b # A=d\n", "b", 3, 0 },
        { "A=", "", 1, 0 },
        { "A=\"\"", "", 1, 0 },
        { "A=b#c", "b#c", 1, 0 },
        { "A='b c'", "b c", 1, 0 },
        { "A='b\\'\n", "b\\", 1, 0 },
        { "A='b\nc'\nB=d", "b\nc", 1, 0 },
        { "A=\"b 'c' \\\"d\\\" \\$e \\x \\\\ \\`\"", "b 'c' \"d\" $e \\x \\ `", 1, 0 },
        { "A=\"b\\\n c\"", "b c", 1, 0 },
        { "A=b\\\nc", "bc", 1, 0 },
        { "\\\nA=b", "b", 2, 0 },
        { "A=b\\ c", "b c", 1, 0 },
        { "A=b\\", "b\\", 1, 0 },
        { "A=b'c'\"d\"e", "bcde", 1, 0 },
        { "A=b=c", "b=c", 1, 0 },
        { "A=$", "$", 1, 0 },
        { "A=\"$ b$\"", "$ b$", 1, 0 },
        { "A=b;A=c", "c", 1, 0 },
        { "A=b\nA=c\n", "c", 2, 0 },
        { "A=b B=c", "b", 1, 0 },
        { "A=b A=c", "c", 1, 0 },
        { "B=A A=b", "b", 1, 0 },
        { "A=b\r\n", "b\r", 1, 0 },
        { "_a1=c;A=b", "b", 1, 0 },

        /* export and its kin */
        { "export A=b", "b", 1, 0 },
        { "export -x A=b B", "b", 1, 0 },
        { "A=b; export A", "b", 1, 0 },
        { "readonly A=b", "b", 1, 0 },
        { "declare A=b", "b", 1, 0 },
        { "typeset A=b", "b", 1, 0 },

        /* += */
        { "A+=b", "b", 1, 0 },
        { "A=b\nA+=c", "bc", 2, 0 },
        { "A=b A+=c", "bc", 1, 0 },
        { "A=$x\nA+=c", UNKNOWN, 2, 0 },
        { "A=b\nA+=$x", UNKNOWN, 2, 0 },
        { "B=1 A=b C=2 A+=c", "bc", 1, 0 },
        { "A+", NULL, 0, 1 },
        { "A+x=b", NULL, 0, 1 },
        { "A+\"=\"b", NULL, 0, 1 },

        /* What only a shell can tell, and what follows it is read all the same. */
        { "A=$B", UNKNOWN, 1, 0 },
        { "A=\"x$B\"", UNKNOWN, 1, 0 },
        { "A=$1", UNKNOWN, 1, 0 },
        { "A=$?", UNKNOWN, 1, 0 },
        { "A=$_b", UNKNOWN, 1, 0 },
        { "A=${B:-c}", UNKNOWN, 1, 0 },
        { "A=${B:-\"}\"};B=$", UNKNOWN, 1, 0 },
        { "A=\"${B}\"", UNKNOWN, 1, 0 },
        { "A=$(echo \")\" ')' \\) $(x \"$(y)\") (z))", UNKNOWN, 1, 0 },
        { "A=$(a `b` ${c})", UNKNOWN, 1, 0 },
        { "A=$(x\n)\nB=c", UNKNOWN, 1, 0 },
        { "A=`echo '`' b`", UNKNOWN, 1, 0 },
        { "A=\"`echo b`\"", UNKNOWN, 1, 0 },
        { "A=$((1 + 2))", UNKNOWN, 1, 0 },
        { "A=$'b\\n'", UNKNOWN, 1, 0 },
        { "A=$\"b\"", UNKNOWN, 1, 0 },
        { "A=\"$\"", "$", 1, 0 },
        { "A=~/b", UNKNOWN, 1, 0 },
        { "A=b~", "b~", 1, 0 },
        { "A='~'", "~", 1, 0 },
        { "A=(b c)", UNKNOWN, 1, 0 },
        { "A=$(x $y $z) B=\"$(x \"'\")\"", UNKNOWN, 1, 0 },
        { "=(b); A=b", "b", 1, 1 },
        { "A=b; B==(c); C\"=\"(d)", "b", 1, 1 },
        { "A=b # c", "b", 1, 0 },
        { "A=b; \\x", "b", 1, 1 },
        { "B=$(echo); A=b", "b", 1, 0 },
        { "B=(c\nd) A=b", "b", 2, 0 },
        { "$x A=b", NULL, 0, 1 },

        /* Conditions and the like */
        { "A=b\nif x; then A=c; fi", UNKNOWN, 2, 2 },
        { "if A=c\nthen y; fi\nA=b", "b", 3, 2 },
        { "if x; then\ny\nelif z; then\nA=b\nelse\nA=c\nfi", UNKNOWN, 6, 1 },
        { "while x; do A=b; done", UNKNOWN, 1, 1 },
        { "until x\ndo\nA=b\ndone", UNKNOWN, 3, 1 },
        { "for A in b; do B=c; done; A=c", "c", 1, 1 },
        { "for x in y; do A=c; done", UNKNOWN, 1, 1 },
        { "case x in\na) A=b ;;\n(c) A=d ;;\nesac", UNKNOWN, 3, 1 },
        { "case x in\na)\nB=b ;;\nesac\nA=b", "b", 5, 1 },
        { "select x in y; do A=b; done", UNKNOWN, 1, 1 },
        { "f() {\nA=b\n}", UNKNOWN, 2, 1 },
        { "f() {\nB=b\n}\nA=b", "b", 4, 1 },
        { "{ A=b; }", UNKNOWN, 1, 0 },
        { "( A=b )", UNKNOWN, 1, 0 },
        { "(B=c); A=b", "b", 1, 0 },
        { "x && A=b", UNKNOWN, 1, 1 },
        { "x || A=b", UNKNOWN, 1, 1 },
        { "A=b && B=c", "b", 1, 0 },
        { "A=b | B=c", UNKNOWN, 1, 0 },
        { "A=b & B=c", UNKNOWN, 1, 0 },
        { "B=c | A=b", UNKNOWN, 1, 0 },
        { "B=c & A=b", "b", 1, 0 },
        { "x && y\nA=b", "b", 2, 1 },
        { "! A=b", "b", 1, 0 },
        { "fi }; A=b", "b", 1, 0 },
        { "'if' x; A=b", "b", 1, 1 },

        /* Commands */
        { "A=b x", NULL, 0, 1 },
        { "x A=b", NULL, 0, 1 },
        { "A = b", NULL, 0, 1 },
        { ". /etc/x\nA=b", "b", 2, 1 },
        { "[ -f x ] && . x\nA=b\n", "b", 2, 1 },
        { "\"A\"=b", NULL, 0, 1 },
        { "A\\=b", NULL, 0, 1 },
        { "A\"=\"b", NULL, 0, 1 },
        { "1A=b", NULL, 0, 1 },
        { "A-B=c", NULL, 0, 1 },
        { "A[0]=c", NULL, 0, 1 },
        { "=b", NULL, 0, 1 },
        { "x >y 2>&1 <z\nA=b", "b", 2, 1 },
        { "x <<<y\nA=b", "b", 2, 1 },

        /* What cannot be read to its end */
        { "A=b\nB='c", "b", 1, 2 },
        { "A=b\n\nB=\"c\nA=d\n", "b", 1, 3 },
        { "A=b\nB=$(c\nA=d", "b", 1, 2 },
        { "A=b\nB=\"$(c\"\nA=d", "b", 1, 2 },
        { "A=b\nB=\"`c\nA=d", "b", 1, 2 },
        { "A=b\nB=`c\nA=d", "b", 1, 2 },
        { "A=b\nB=(c\nA=d", "b", 1, 2 },
        { "A=b\nB=$('c)\nA=d", "b", 1, 2 },
        { "A=b\ncat <<E\nA=c\nE\n", "b", 1, 2 },
        { "A='b' B='c", NULL, 0, 1 },
        { "", NULL, 0, 0 },
};

static void check_case(const Case *c)
{
        _cleanup_(shell_settings_done) ShellSettings settings = { 0 };
        const ShellSetting *a;

        assert_int_equal(shell_settings_parse(c->text, strlen(c->text), &settings), 0);
        a = shell_settings_find(&settings, "A");
        if ((a ? a->line : 0) != c->line ||
            (settings.n_remarks > 0 ? settings.remarks[0].line : 0) != c->remark ||
            (a && !streq_ptr(a->value, c->value)))
                fail_msg("'%s': A is '%s' (%s) at %u, remark at %u", c->text,
                         a && a->value ? a->value : "-", a && a->why ? a->why : "-",
                         a ? a->line : 0, settings.n_remarks > 0 ? settings.remarks[0].line : 0);
        for (size_t i = 0; i < settings.n_items; i++)
                assert_true(!settings.items[i].value == (settings.items[i].why != NULL));
}

static void test_assignments_are_read_as_a_shell_reads_them(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check_case(&cases[i]);
}

static void test_names_keep_the_order_of_their_first_line(void **state)
{
        static const char text[] = "B=1\nA=2\nB=3\n";
        _cleanup_(shell_settings_done) ShellSettings settings = { 0 };

        assert_int_equal(shell_settings_parse(text, strlen(text), &settings), 0);
        assert_int_equal(settings.n_items, 2);
        assert_string_equal(settings.items[0].name, "B");
        assert_string_equal(settings.items[0].value, "3");
        assert_int_equal(settings.items[0].line, 3);
        assert_null(shell_settings_find(&settings, "C"));
}

static void test_what_is_no_text_is_refused(void **state)
{
        ShellSettings settings = { 0 };
        _cleanup_free_ char *large = malloc(SHELL_SETTINGS_BYTES_MAX + 1);

        assert_non_null(large);
        memset(large, 'x', SHELL_SETTINGS_BYTES_MAX + 1);
        assert_int_equal(shell_settings_parse("A=b\0c", 5, &settings), -EBADMSG);
        assert_int_equal(shell_settings_parse(large, SHELL_SETTINGS_BYTES_MAX + 1, &settings),
                         -EFBIG);
        assert_null(settings.items);
        shell_settings_done(NULL);
}

/* Makes @n times what @one is, with a number in it. */
static char *repeat(const char *one, size_t n, size_t *ret_size)
{
        char *text = NULL;
        FILE *f = open_memstream(&text, ret_size);

        assert_non_null(f);
        for (size_t i = 0; i < n; i++) {
                (void) fprintf(f, "%s", one);
                (void) fprintf(f, "%zu=x\n", i);
        }
        assert_int_equal(fclose(f), 0);
        return text;
}

static void test_settings_and_remarks_are_bounded(void **state)
{
        _cleanup_(shell_settings_done) ShellSettings settings = { 0 };
        _cleanup_free_ char *many = NULL, *remarks = NULL;
        size_t size;

        many = repeat("A", SHELL_SETTINGS_MAX + 1, &size);
        assert_int_equal(shell_settings_parse(many, size, &settings), -EFBIG);
        remarks = repeat("x ", SHELL_REMARKS_MAX + 5, &size);
        assert_int_equal(shell_settings_parse(remarks, size, &settings), 0);
        assert_int_equal(settings.n_remarks, SHELL_REMARKS_MAX);
}

static void test_appended_values_are_bounded(void **state)
{
        ShellSettings settings = { 0 };
        char text[SHELL_VALUE_BYTES_MAX + 64];

        memset(text, 'x', sizeof(text));
        memcpy(text, "A=", 2);
        memcpy(text + SHELL_VALUE_BYTES_MAX / 2, "\nA+=", 4);
        assert_int_equal(shell_settings_parse(text, sizeof(text) - 64, &settings), 0);
        shell_settings_done(&settings);
        assert_int_equal(shell_settings_parse(text, sizeof(text), &settings), -EFBIG);
}

static void test_deep_nesting_stops_the_reading(void **state)
{
        _cleanup_(shell_settings_done) ShellSettings settings = { 0 };
        char text[512] = "A=b\nB=";

        for (size_t i = 0; i < 100; i++)
                strcat(text, "$(");
        assert_int_equal(shell_settings_parse(text, strlen(text), &settings), 0);
        assert_int_equal(settings.n_items, 1);
        assert_int_equal(settings.n_remarks, 1);
        assert_int_equal(settings.remarks[0].line, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_assignments_are_read_as_a_shell_reads_them),
                cmocka_unit_test(test_names_keep_the_order_of_their_first_line),
                cmocka_unit_test(test_what_is_no_text_is_refused),
                cmocka_unit_test(test_settings_and_remarks_are_bounded),
                cmocka_unit_test(test_appended_values_are_bounded),
                cmocka_unit_test(test_deep_nesting_stops_the_reading),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
