/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests what the manager holds to be armed, and what it keeps on disk, however a load ends. */
#include <sys/resource.h>

#include "io.h"
#include "manager.h"
#include "strv.h"
#include "test.h"

#define OVERLAY "an overlay"

/* A kernel made of answers: those of its loads in turn. A failure takes the old image along if this
 * is set. */
static struct {
        int answers[8];
        bool takes_along, always_busy, guarded;
        size_t n_calls;
        bool loaded;
        char initrd[8][1024];
        int slow_answer; /* 0: there is no slow way */
} fake;

static int fake_load(void *userdata, const KexecImage *image, void *ready)
{
        size_t i = fake.n_calls++;

        if (fake.always_busy)
                return -EBUSY;
        assert_true(i < ELEMENTSOF(fake.answers));
        assert_true(pread(image->initrd_fd, fake.initrd[i], sizeof(fake.initrd[i]) - 1, 0) > 0);
        if (fake.answers[i] == 0)
                fake.loaded = true;
        else if (fake.takes_along)
                fake.loaded = false;
        return fake.answers[i];
}

static int fake_load_slowly(void *userdata, const KexecImage *image, void *ready)
{
        return fake.slow_answer ?: -EOPNOTSUPP;
}

static int fake_loaded(void *userdata)
{
        return fake.loaded;
}

static const KexecReport *fake_report(void *userdata)
{
        static const KexecReport ours = { .call = "fake", .guarded = true };

        return fake.guarded ? &ours : NULL;
}

static void fake_pause(void *userdata, uint64_t usec)
{
}

static const KexecLoader fake_loader = {
        .name = "fake",
        .load = fake_load,
        .load_slowly = fake_load_slowly,
        .loaded = fake_loaded,
        .report = fake_report,
        .pause = fake_pause,
};

typedef struct Fixture {
        char *root;
        Manager m;
} Fixture;

static char *hash(const char *text)
{
        char hex[SHA256_HEX_SIZE];

        assert_int_equal(generation_hash(text, strlen(text), hex), 0);
        return strdup(hex);
}

static void fill(Generation *g, uint64_t number, const char *overlay)
{
        *g = (Generation){
                .number = number,
                .kernel_release = strdup("6.1"),
                .kernel_path = strdup("/boot/vmlinuz"),
                .kernel_sha256 = hash("a kernel"),
                .base_id = strdup("6.1-0123456789ab"),
                .base_path = strdup("/boot/base.img"),
                .base_sha256 = hash("a base image"),
                .overlay_sha256 = hash(overlay),
                .overlay_bytes = strlen(overlay),
                .cmdline = strdup("irqpoll nr_cpus=1"),
        };
}

static int setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        memset(&fake, 0, sizeof(fake));
        f->root = test_root_new();
        f->m.root_fd = test_root_open(f->root);
        f->m.loader = &fake_loader;
        f->m.held = HELD_NULL;
        assert_int_equal(mkdir_parents(f->m.root_fd, "boot", 0755), 0);
        test_write_text(f->m.root_fd, "boot/vmlinuz", "a kernel");
        test_write_text(f->m.root_fd, "boot/base.img", "a base image");
        assert_int_equal(generation_store_load(f->m.root_fd, &f->m.store), 0);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        wanted_done(&f->m.wanted);
        manager_look_done(&f->m);
        held_done(&f->m.held);
        generation_store_done(&f->m.store);
        state_done(&f->m.state);
        free(f->m.load_problem);
        close_fd(f->m.root_fd);
        test_root_freep(&f->root);
        free(f);
        return 0;
}

static void want(Manager *m, uint64_t number, const char *overlay)
{
        wanted_done(&m->wanted);
        fill(&m->wanted.generation, number, overlay);
        m->wanted.overlay = (uint8_t *) strdup(overlay);
}

/* Two generations are on disk, and the second is armed. */
static void arm_two(Manager *m)
{
        want(m, 1, "overlay 1");
        manager_load(m);
        want(m, 2, "overlay 2");
        manager_load(m);
        assert_true(m->armed_generation == 2);
        assert_true(m->store.current.number == 2);
        assert_true(m->store.previous.number == 1);
        assert_string_equal(fake.initrd[1] + 512, "overlay 2");
}

static bool on_disk(const Manager *m, const char *number)
{
        _cleanup_free_ char *path = NULL;

        assert_int_equal(strprintf(&path, "var/lib/kdumpd/generation/%s", number), 0);
        return faccessat(m->root_fd, path, F_OK, 0) == 0;
}

static void test_load_adopts(void **state)
{
        Manager *m = &((Fixture *) *state)->m;

        arm_two(m);
        want(m, 3, "overlay 3");
        manager_load(m);
        assert_null(m->load_problem);
        assert_true(m->armed_generation == 3);
        assert_true(m->state.generation == 3);
        assert_true(m->state.overlay_bytes == 9);
        assert_string_equal(m->state.kernel_release, "6.1");
        assert_false(on_disk(m, "1"));
        assert_true(on_disk(m, "2"));
        assert_true(on_disk(m, "3"));
}

static void test_load_failure_restores_previous(void **state)
{
        Manager *m = &((Fixture *) *state)->m;

        arm_two(m);
        fake.answers[2] = -ENOEXEC;
        fake.takes_along = true;
        want(m, 3, "overlay 3");
        manager_load(m);
        assert_non_null(m->load_problem);
        assert_true(fake.loaded);
        assert_true(m->armed_generation == 2);
        assert_string_equal(fake.initrd[3] + 512, "overlay 2");
        assert_true(m->store.current.number == 2);
        assert_true(m->store.previous.number == 1);
        assert_false(on_disk(m, "3"));
        assert_true(on_disk(m, "2"));
}

static void test_refusal_keeps_what_is_armed(void **state)
{
        Manager *m = &((Fixture *) *state)->m;

        arm_two(m);
        fake.answers[2] = -EPERM;
        want(m, 3, "overlay 3");
        manager_load(m);
        assert_int_equal(fake.n_calls, 3);
        assert_true(m->armed_generation == 2);
        assert_false(on_disk(m, "3"));
}

/* What is loaded may be the new image or the old one. */
static void test_load_that_was_given_up_is_not_taken_for_the_old(void **state)
{
        Manager *m = &((Fixture *) *state)->m;

        arm_two(m);
        fake.answers[2] = -ENOEXEC;
        fake.slow_answer = -ETIMEDOUT;
        fake.answers[3] = -EIO;
        want(m, 3, "overlay 3");
        manager_load(m);
        assert_true(fake.loaded);
        assert_int_equal(fake.n_calls, 4);
        assert_true(m->armed_generation == 0);
        assert_non_null(m->load_problem);
}

/* It would be loaded again without end. */
static void test_a_failure_without_words_is_one(void **state)
{
        Manager *m = &((Fixture *) *state)->m;

        arm_two(m);
        fake.answers[2] = -ENOMEM;
        want(m, 3, "overlay 3");
        manager_load(m);
        assert_string_equal(manager_problem(m), m->load_problem);
        free(TAKE_PTR(m->load_problem));
        assert_string_equal(manager_problem(m), strerror(ENOMEM));
        manager_forget_failures(m);
        assert_null(manager_problem(m));
        m->build.failed = true;
        assert_non_null(manager_problem(m));
}

static void test_which_failures_may_pass(void **state)
{
        static const struct {
                int answer;
                bool takes_along, may_pass;
        } cases[] = {
                { -EBUSY, false, true },  { -ENOMEM, true, true }, { -ENOEXEC, true, false },
                { -EPERM, false, false }, { -EIO, true, false },   { -EMFILE, false, true },
        };
        Manager *m = &((Fixture *) *state)->m;

        arm_two(m);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                fake.n_calls = 2;
                for (size_t n = 2; n < ELEMENTSOF(fake.answers); n++)
                        fake.answers[n] = 0;
                fake.answers[2] = cases[i].answer;
                fake.takes_along = cases[i].takes_along;
                m->retry_delay_usec = 7;
                want(m, 3, "overlay 3");
                fake.always_busy = cases[i].answer == -EBUSY;
                manager_load(m);
                fake.always_busy = false;
                assert_true(m->armed_generation == 2);
                assert_int_equal(m->load_may_pass, cases[i].may_pass);
                assert_true(m->retry_delay_usec == 7);
                manager_forget_failures(m);
        }
}

static void test_a_disk_that_takes_nothing_may_pass(void **state)
{
        struct rlimit limit, none;
        Manager *m = &((Fixture *) *state)->m;

        arm_two(m);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        none = (struct rlimit){ .rlim_cur = 0, .rlim_max = limit.rlim_max };
        want(m, 3, "overlay 3");
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        manager_load(m);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_int_equal(m->load_error, -EMFILE);
        assert_true(m->load_may_pass);
        assert_int_equal(fake.n_calls, 2);
        manager_forget_failures(m);
        manager_load(m);
        assert_true(m->armed_generation == 3);
}

static void test_all_that_can_be_is_tried(void **state)
{
        Manager *m = &((Fixture *) *state)->m;

        arm_two(m);
        fake.answers[2] = fake.answers[3] = -ENOMEM;
        fake.takes_along = true;
        want(m, 3, "overlay 3");
        manager_load(m);
        assert_false(fake.loaded);
        assert_true(m->armed_generation == 0);

        assert_non_null(manager_restorable(m, 0));
        assert_true(manager_restorable(m, 0)->number == 1);
        manager_restore(m, true);
        assert_true(fake.loaded);
        assert_true(m->armed_generation == 1);
        assert_string_equal(fake.initrd[4] + 512, "overlay 1");
}

static void test_the_good_one_is_kept_after_a_rollback(void **state)
{
        Manager *m = &((Fixture *) *state)->m;

        arm_two(m);
        fake.loaded = false;
        m->armed_generation = 0;
        fake.answers[2] = -ENOEXEC;
        want(m, 2, "overlay 2");
        manager_load(m);
        assert_true(m->armed_generation == 1);

        /* The next request. */
        manager_forget_failures(m);
        want(m, 3, "overlay 3");
        manager_load(m);
        assert_true(m->armed_generation == 3);
        assert_true(m->store.current.number == 3);
        assert_true(m->store.previous.number == 1);
        assert_true(on_disk(m, "1"));
        assert_false(on_disk(m, "2"));
}

static void test_nothing_is_tried_twice(void **state)
{
        Manager *m = &((Fixture *) *state)->m;

        arm_two(m);
        for (size_t i = 2; i < ELEMENTSOF(fake.answers); i++)
                fake.answers[i] = -ENOMEM;
        fake.takes_along = true;
        want(m, 3, "overlay 3");
        manager_load(m);
        manager_restore(m, true);
        assert_int_equal(fake.n_calls, 5);
        assert_null(manager_restorable(m, 0));
        manager_restore(m, true);
        assert_int_equal(fake.n_calls, 5);
}

static void test_changed_kernel_is_not_loaded(void **state)
{
        Manager *m = &((Fixture *) *state)->m;

        arm_two(m);
        want(m, 3, "overlay 3");
        test_write_text(m->root_fd, "boot/vmlinuz", "another");
        manager_load(m);
        assert_int_equal(fake.n_calls, 2);
        assert_true(fake.loaded);
        assert_true(m->armed_generation == 2);
        assert_non_null(strstr(m->load_problem, "/boot/vmlinuz"));
}

static void test_current_is_loaded_again_after_a_reboot(void **state)
{
        Manager *m = &((Fixture *) *state)->m;

        arm_two(m);
        fake.loaded = false;
        m->armed_generation = 0;
        want(m, 2, "overlay 2");
        manager_load(m);
        assert_true(m->armed_generation == 2);
        assert_true(m->store.previous.number == 1);
        assert_true(on_disk(m, "1"));
}

/* @damage is what becomes of the overlay on disk; NULL: it is removed. */
static void check_repair(Manager *m, const char *damage)
{
        static const char path[] = "var/lib/kdumpd/generation/2/overlay.cpio";
        _cleanup_free_ char *overlay = NULL;

        if (damage)
                test_write_text(m->root_fd, path, damage);
        else
                assert_int_equal(unlinkat(m->root_fd, path, 0), 0);
        fake.loaded = false;
        m->armed_generation = 0;
        want(m, 2, "overlay 2");
        manager_load(m);
        assert_null(m->load_problem);
        assert_true(m->armed_generation == 2);
        assert_string_equal(fake.initrd[fake.n_calls - 1] + 512, "overlay 2");
        assert_int_equal(file_read(m->root_fd, path, 4096, &overlay, NULL), 0);
        assert_string_equal(overlay, "overlay 2");
}

static void test_damaged_current_is_written_again(void **state)
{
        Manager *m = &((Fixture *) *state)->m;

        arm_two(m);
        check_repair(m, "overlay X");
        check_repair(m, "");
        check_repair(m, NULL);
        assert_int_equal(fake.n_calls, 5);
}

static void test_changed_kernel_is_not_repaired(void **state)
{
        Manager *m = &((Fixture *) *state)->m;

        arm_two(m);
        fake.loaded = false;
        m->armed_generation = 0;
        want(m, 2, "overlay 2");
        test_write_text(m->root_fd, "boot/vmlinuz", "another");
        manager_load(m);
        assert_int_equal(fake.n_calls, 2);
        assert_non_null(strstr(m->load_problem, "/boot/vmlinuz"));
}

/* A later change of CPUs or memory must find what is held worth a try again. */
static void test_a_load_makes_good_for_a_failed_reload(void **state)
{
        Manager *m = &((Fixture *) *state)->m;

        arm_two(m);
        fake.takes_along = true;
        fake.answers[2] = fake.answers[3] = -ENOMEM;
        manager_reload(m, "a test");
        assert_int_equal(m->held_error, -ENOMEM);
        assert_true(m->armed_generation == 0);
        want(m, 2, "overlay 2");
        manager_load(m);
        assert_true(m->armed_generation == 2);
        assert_int_equal(m->held_error, 0);
}

static void put_cpus(Manager *m, const char *cpus)
{
        assert_int_equal(mkdir_parents(m->root_fd, "sys/devices/system/cpu", 0755), 0);
        assert_int_equal(mkdir_parents(m->root_fd, "proc", 0755), 0);
        test_write_text(m->root_fd, "sys/devices/system/cpu/present", cpus);
        test_write_text(m->root_fd, "proc/iomem", "00100000-7fffffff : System RAM\n");
}

/* It is what is held in memory, with its headers. The older one would be made anew. */
static void test_previous_comes_back_with_its_headers(void **state)
{
        Manager *m = &((Fixture *) *state)->m;

        fake.guarded = fake.takes_along = true;
        put_cpus(m, "0-3\n");
        arm_two(m);
        put_cpus(m, "0-5\n");
        fake.answers[2] = -ENOEXEC;
        want(m, 3, "overlay 3");
        manager_load(m);
        assert_true(m->armed_generation == 2);
        assert_int_equal(m->state.loaded_n_cpus, 4);
        assert_string_equal(m->stale_headers, "2 CPUs more");

        m->held.number = 0;
        fake.n_calls = 2;
        manager_load(m);
        assert_true(m->armed_generation == 2);
        assert_int_equal(m->state.loaded_n_cpus, 6);
        assert_null(m->stale_headers);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                CASE(test_load_adopts),
                CASE(test_load_failure_restores_previous),
                CASE(test_refusal_keeps_what_is_armed),
                CASE(test_load_that_was_given_up_is_not_taken_for_the_old),
                CASE(test_a_failure_without_words_is_one),
                CASE(test_which_failures_may_pass),
                CASE(test_a_disk_that_takes_nothing_may_pass),
                CASE(test_all_that_can_be_is_tried),
                CASE(test_the_good_one_is_kept_after_a_rollback),
                CASE(test_nothing_is_tried_twice),
                CASE(test_changed_kernel_is_not_loaded),
                CASE(test_current_is_loaded_again_after_a_reboot),
                CASE(test_damaged_current_is_written_again),
                CASE(test_changed_kernel_is_not_repaired),
                CASE(test_a_load_makes_good_for_a_failed_reload),
                CASE(test_previous_comes_back_with_its_headers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
