/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of what is advised to a machine without a reservation. */
#include "test-fixture.h"

#include "strv.h"
#include "verb-check.h"

#define MIB (UINT64_C(1024) * 1024)

static char *advice(const Fixture *root, const Facts *facts)
{
        _cleanup_strv_ char **list = NULL;
        char *text;

        assert_int_equal(check_advice(root->fd, facts, &list), 0);
        if (!list)
                return NULL;
        assert_int_equal(strv_join(list, &text), 0);
        return text;
}

static void test_with_a_reservation_there_is_nothing_to_say(void **state)
{
        static const Facts facts[] = { { .crash_size_bytes = 1 }, { .crash_loaded = true } };
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;

        fixture_init(&root);
        for (size_t i = 0; i < ELEMENTSOF(facts); i++)
                assert_null(advice(&root, &facts[i]));
}

static void test_what_was_asked_for(void **state)
{
        static const struct {
                const char *cmdline;
                bool asked;
        } table[] = {
                { NULL, false },
                { "quiet", false },
                { "crashkernel=1M", true },
                { "quiet crashkernel=1M", true },
                { "nocrashkernel=1", false },
        };
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;

        fixture_init(&root);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                Facts facts = { .kernel_cmdline = (char *) table[i].cmdline,
                                .ram_bytes = 2048 * MIB };
                _cleanup_free_ char *text = advice(&root, &facts);

                assert_int_equal(strstr(text, "asks for it") != NULL, table[i].asked);
                assert_non_null(strstr(text, "2048 MiB suggests crashkernel="));
        }
}

static void test_how_to_set_it(void **state)
{
        static const struct {
                const char *files[2];
                bool known;
        } table[] = {
                { { "/etc/default/grub", "/usr/sbin/update-grub" }, true },
                { { "/etc/default/grub", NULL }, false },
                { { "/usr/sbin/update-grub", NULL }, false },
                { { "/etc/kernel/cmdline", NULL }, true },
                { { "/boot/loader/entries/a.conf", NULL }, true },
                { { "/efi/loader/entries/a.conf", NULL }, true },
                { { "/boot/efi/loader/entries/a.conf", NULL }, true },
                { { "/etc/other", NULL }, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_free_ char *text = NULL;

                fixture_init(&root);
                for (size_t k = 0; k < 2 && table[i].files[k]; k++)
                        fixture_write(&root, table[i].files[k], "");
                text = advice(&root, &(Facts){ .ram_bytes = 2048 * MIB });
                assert_int_equal(strstr(text, "kdumpctl reset-crashkernel") != NULL,
                                 table[i].known);
                assert_int_equal(strstr(text, "to the kernel command line") != NULL,
                                 !table[i].known);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_with_a_reservation_there_is_nothing_to_say),
                cmocka_unit_test(test_what_was_asked_for),
                cmocka_unit_test(test_how_to_set_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
