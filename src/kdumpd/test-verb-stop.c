/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests what is left behind by the unload. */
#include "test-fixture.h"

#include "io.h"
#include "loaded.h"
#include "verb-stop.h"

static struct {
        int answer;
        bool loaded;
} fake;

static int fake_unload(void *userdata)
{
        if (fake.answer == 0)
                fake.loaded = false;
        return fake.answer;
}

static int fake_loaded(void *userdata)
{
        return fake.loaded;
}

static void fake_pause(void *userdata, uint64_t usec)
{
}

static const KexecLoader fake_loader = {
        .name = "fake",
        .unload = fake_unload,
        .loaded = fake_loaded,
        .pause = fake_pause,
};

static void test_where_the_image_was_is_forgotten_with_it(void **state)
{
        static const struct {
                int answer, expected;
        } cases[] = { { -EPERM, 0 }, { 0, -ENOENT } };
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        const LoadedPlace place = { .purgatory_paddr = 4096, .purgatory_bytes = 4096 };
        LoadedPlace found;

        fixture_init(&root);
        fixture_write(&root, "/sys/kernel/kexec_crash_loaded", "1\n");
        assert_int_equal(loaded_write(root.fd, &place), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                fake.answer = cases[i].answer;
                fake.loaded = true;
                assert_int_equal(verb_stop_below(root.path, &fake_loader, NULL, true),
                                 cases[i].answer < 0);
                assert_int_equal(loaded_read(root.fd, &found), cases[i].expected);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_where_the_image_was_is_forgotten_with_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
