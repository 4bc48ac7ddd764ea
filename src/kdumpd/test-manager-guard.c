/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests what is told of the fallback image of what is loaded, that it is loaded, that nothing is
 * without a way back, and what is told if nothing can be read back. */
#include <elf.h>
#include <endian.h>
#include <sys/resource.h>

#include "io.h"
#include "manager.h"
#include "test.h"

#define OVERLAY "an overlay"
#define FALLBACK "a fallback image"

/* A kernel that takes all, and what is told of it. */
static struct {
        bool loaded, reported;
        unsigned n_loads;
        int load_error, loaded_error; /* 0: it goes well */
        KexecReport report;
        char fallback[64]; /* of the last load; "": there was none */
        char cmdline[64];
} fake;

static int fake_load(void *userdata, const KexecImage *image, void *ready)
{
        if (fake.load_error < 0)
                return fake.load_error;
        memset(fake.fallback, 0, sizeof(fake.fallback));
        if (image->fallback_fd >= 0)
                assert_true(pread(image->fallback_fd, fake.fallback, sizeof(fake.fallback) - 1, 0) >
                            0);
        (void) snprintf(fake.cmdline, sizeof(fake.cmdline), "%s", image->fallback_cmdline ?: "");
        fake.loaded = true;
        fake.n_loads++;
        return 0;
}

static int fake_loaded(void *userdata)
{
        return fake.loaded_error ?: fake.loaded;
}

static const KexecReport *fake_report(void *userdata)
{
        return fake.reported ? &fake.report : NULL;
}

static const KexecLoader fake_loader = {
        .name = "fake",
        .load = fake_load,
        .loaded = fake_loaded,
        .report = fake_report,
};

typedef struct Fixture {
        char *root;
        Manager m;
} Fixture;

static int setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        memset(&fake, 0, sizeof(fake));
        fake.reported = true;
        fake.report.call = "fake";
        fake.report.guarded = true;
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

static char *hash(const char *text)
{
        char hex[SHA256_HEX_SIZE];

        assert_int_equal(generation_hash(text, strlen(text), hex), 0);
        return strdup(hex);
}

static void want(Manager *m, uint64_t number, bool with_fallback, const char *missing)
{
        Generation *g = &m->wanted.generation;

        wanted_done(&m->wanted);
        *g = (Generation){
                .number = number,
                .kernel_release = strdup("6.1"),
                .kernel_path = strdup("/boot/vmlinuz"),
                .kernel_sha256 = hash("a kernel"),
                .base_id = strdup("6.1-0123456789ab"),
                .base_path = strdup("/boot/base.img"),
                .base_sha256 = hash("a base image"),
                .overlay_sha256 = hash(OVERLAY),
                .overlay_bytes = strlen(OVERLAY),
                .cmdline = strdup("irqpoll nr_cpus=4"),
        };
        m->wanted.overlay = (uint8_t *) strdup(OVERLAY);
        m->wanted.fallback_missing = missing ? strdup(missing) : NULL;
        if (!with_fallback)
                return;
        g->fallback_sha256 = hash(FALLBACK);
        g->fallback_bytes = strlen(FALLBACK);
        g->fallback_cmdline = strdup("nr_cpus=1");
        g->fallback_target = strdup("ext4 UUID=1");
        m->wanted.fallback = (uint8_t *) strdup(FALLBACK);
}

static void test_where_the_fallback_image_saves_to(void **state)
{
        static const struct {
                bool reported, guarded, loaded, made;
                const char *missing, *expected;
        } cases[] = {
                { true, true, true, true, NULL, "ext4 UUID=1" },
                /* One that is kept although no other could be made. */
                { true, true, true, true, "no program", "ext4 UUID=1" },
                { true, true, false, true, NULL, "none: it is damaged on disk, or the reserved" },
                { true, true, false, false, "no target is simple", "none: no target is simple" },
                { true, true, false, false, NULL, "none: the image was made without one" },
                { true, false, false, true, NULL, "none: only an image that is checked" },
                { false, false, false, true, NULL, "none: only an image that is checked" },
        };
        Manager *m = &((Fixture *) *state)->m;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                fake.reported = cases[i].reported;
                fake.report.guarded = cases[i].guarded;
                fake.report.fallback = cases[i].loaded;
                want(m, i + 1, cases[i].made, cases[i].missing);
                manager_load(m);
                assert_true(m->armed_generation == i + 1);
                if (!startswith(m->state.fallback, cases[i].expected))
                        fail_msg("case %zu: '%s'", i, m->state.fallback);
        }
}

static void test_what_has_no_mirror_is_told(void **state)
{
        static const struct {
                bool kernel, initrd;
                const char *words;
        } cases[] = {
                { true, true, "mirrors of all of it, no" },
                { true, false, "mirrors of all but the initramfs, as there is no room" },
                { false, false, "mirrors of small parts only, as there is no room" },
        };
        Manager *m = &((Fixture *) *state)->m;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                fake.report.kernel_mirror = cases[i].kernel;
                fake.report.initrd_mirror = cases[i].initrd;
                manager_guard_loaded(m);
                assert_non_null(strstr(m->state.guard, cases[i].words));
        }
}

static void test_the_reason_is_that_of_now(void **state)
{
        Manager *m = &((Fixture *) *state)->m;

        want(m, 1, false, "there is no program");
        manager_load(m);
        assert_string_equal(m->state.fallback, "none: there is no program");
        want(m, 1, false, "no target is simple");
        manager_guard_answered(m);
        assert_string_equal(m->state.fallback, "none: no target is simple");
        /* What is wanted is not what is armed. */
        want(m, 2, false, "no modules");
        manager_guard_answered(m);
        assert_string_equal(m->state.fallback, "none: no target is simple");
}

static void test_fallback_image_is_loaded_and_held(void **state)
{
        Manager *m = &((Fixture *) *state)->m;

        want(m, 1, true, NULL);
        manager_load(m);
        assert_string_equal(fake.fallback, FALLBACK);
        assert_string_equal(fake.cmdline, "nr_cpus=1");
        assert_true(m->held.image.fallback_fd >= 0);
        assert_true(m->held.image.generation == 1);
        want(m, 2, false, "no program");
        manager_load(m);
        assert_string_equal(fake.fallback, "");
        assert_string_equal(fake.cmdline, "");
        assert_true(m->held.image.fallback_fd < 0);
}

/* What is wanted has just been made, with the same bytes. */
static void test_damaged_fallback_image_is_written_again_first(void **state)
{
        static const char path[] = "var/lib/kdumpd/generation/1/fallback.img";
        Manager *m = &((Fixture *) *state)->m;

        want(m, 1, true, NULL);
        manager_load(m);
        test_write_text(m->root_fd, path, "x");
        want(m, 1, true, NULL);
        manager_load(m);
        assert_null(m->load_problem);
        assert_string_equal(fake.fallback, FALLBACK);

        /* It cannot be: all else is loaded. */
        test_write_text(m->root_fd, path, "x");
        free(TAKE_PTR(m->wanted.fallback));
        manager_load(m);
        assert_null(m->load_problem);
        assert_true(m->armed_generation == 1);
        assert_string_equal(fake.fallback, "");
}

static void load_with_files(Manager *m, rlim_t n_files)
{
        struct rlimit limit, few;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        few = (struct rlimit){ .rlim_cur = n_files, .rlim_max = limit.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        manager_load(m);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* With ever more files that may be open, the image can be had, then also the way back. */
static void test_nothing_is_loaded_while_the_way_back_is_short(void **state)
{
        Manager *m = &((Fixture *) *state)->m;
        unsigned n_short = 0;

        want(m, 1, false, NULL);
        manager_load(m);
        held_done(&m->held);
        m->held = HELD_NULL;
        want(m, 2, false, NULL);
        for (rlim_t n_files = 3; n_files < 256 && fake.n_loads == 1; n_files++) {
                manager_forget_failures(m);
                load_with_files(m, n_files);
                if (!m->load_problem || !startswith(m->load_problem, "generation 1 could not"))
                        continue;
                n_short++;
                assert_int_equal(fake.n_loads, 1);
                assert_int_equal(m->load_error, -EMFILE);
                assert_true(m->load_may_pass);
                assert_false(m->current_refused);
                assert_true(m->armed_generation == 1);
        }
        assert_true(n_short > 0);
        assert_true(m->armed_generation == 2);
        assert_false(m->current_refused || m->previous_refused);
}

static void test_not_to_know_is_not_to_have_nothing_loaded(void **state)
{
        Manager *m = &((Fixture *) *state)->m;

        assert_false(manager_crash_loaded(m));
        fake.loaded_error = -ENFILE;
        want(m, 1, false, NULL);
        manager_load(m);
        assert_null(m->load_problem);
        assert_true(m->armed_generation == 1);
        assert_true(manager_crash_loaded(m));

        fake.load_error = -EPERM;
        manager_reload(m, "a test");
        assert_int_equal(m->held_error, -EPERM);
        assert_true(m->armed_generation == 1);
        assert_true(manager_crash_loaded(m));

        fake.loaded_error = 0;
        fake.loaded = false;
        assert_false(manager_crash_loaded(m));
}

#define KCORE_PADDR 0x10000000
#define KCORE_BYTES (1024 * 1024)

/* Memory in which there is nothing of ours. */
static void put_kcore(const Manager *m)
{
        const struct {
                Elf64_Ehdr header;
                Elf64_Phdr segment;
        } kcore = {
                .header = {
                        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
                                     __BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB,
                                     EV_CURRENT },
                        .e_type = ET_CORE,
                        .e_phoff = sizeof(Elf64_Ehdr),
                        .e_phentsize = sizeof(Elf64_Phdr),
                        .e_phnum = 1,
                },
                .segment = {
                        .p_type = PT_LOAD,
                        .p_offset = 4096,
                        .p_paddr = KCORE_PADDR,
                        .p_filesz = KCORE_BYTES,
                },
        };
        _cleanup_close_ int fd = -EBADF;

        assert_int_equal(mkdir_parents(m->root_fd, "proc", 0755), 0);
        fd = openat(m->root_fd, "proc/kcore", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write_full(fd, &kcore, sizeof(kcore)), 0);
        assert_int_equal(ftruncate(fd, 4096 + KCORE_BYTES), 0);
}

static void assert_published(const Manager *m, const char *check_problem)
{
        _cleanup_(state_done) State state = { 0 };

        assert_int_equal(state_read(m->root_fd, &state), 0);
        if (check_problem)
                assert_string_equal(state.check_problem, check_problem);
        else
                assert_null(state.check_problem);
        assert_string_equal(state.checked, "all of it is whole");
        assert_true(state.checked_realtime_usec == 1);
}

static void test_what_cannot_be_read_back_any_more_is_told(void **state)
{
        Manager *m = &((Fixture *) *state)->m;

        fake.report.place = (LoadedPlace){
                .block_paddr = { KCORE_PADDR, KCORE_PADDR + 65536 },
                .purgatory_paddr = KCORE_PADDR + 131072,
                .purgatory_bytes = 4096,
        };
        want(m, 1, false, NULL);
        manager_load(m);
        m->started = true;
        manager_set_text(&m->state.checked, "all of it is whole");
        m->state.checked_realtime_usec = 1;
        assert_int_equal(manager_guard_look(m, false), GUARD_UNKNOWN);
        assert_published(m, "'/proc/kcore': No such file or directory");

        assert_int_equal(mkdir_parents(m->root_fd, "proc/kcore", 0755), 0);
        assert_int_equal(manager_guard_look(m, false), GUARD_UNKNOWN);
        assert_published(m, "'/proc/kcore': Is a directory");

        assert_int_equal(unlinkat(m->root_fd, "proc/kcore", AT_REMOVEDIR), 0);
        put_kcore(m);
        assert_int_equal(manager_guard_look(m, false), GUARD_REPLACED);
        assert_published(m, NULL);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                CASE(test_where_the_fallback_image_saves_to),
                CASE(test_what_has_no_mirror_is_told),
                CASE(test_the_reason_is_that_of_now),
                CASE(test_fallback_image_is_loaded_and_held),
                CASE(test_damaged_fallback_image_is_written_again_first),
                CASE(test_nothing_is_loaded_while_the_way_back_is_short),
                CASE(test_not_to_know_is_not_to_have_nothing_loaded),
                CASE(test_what_cannot_be_read_back_any_more_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
