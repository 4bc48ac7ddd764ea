/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests what the manager makes of a load that goes another way than it should: what changes
 * meanwhile, what is damaged, what comes back. */
#include "test-fixture.h"
#include "test-manager.h"

#include "io.h"
#include "messages.h"

#define IOMEM "00100000-7fffffff : System RAM\n"

/* A kernel and a loader made of answers: those of the loads in turn. */
static struct {
        int answers[4];
        size_t n_calls, n_prepared;
        size_t n_damaged; /* so many images are found damaged when they are read back */
        KexecPrepare how; /* as the last new image was prepared */
        bool loaded, takes_along;
        const char *cpus_meanwhile; /* what a load finds changed when it is over */
        const Fixture *root;
        KexecReport report;
} fake;

static int fake_prepare(void *userdata, const KexecImage *image, KexecPrepare how, void **ret_ready,
                        char **reterr_message)
{
        if (how != KEXEC_PREPARE_BACK && fake.n_prepared++ == 0)
                fake.how = how;
        *ret_ready = NULL;
        return 0;
}

static void fake_ready_free(void *ready)
{
}

static void put_cpus(const Fixture *root, const char *cpus)
{
        fixture_write(root, "/sys/devices/system/cpu/present", cpus);
}

static int fake_load(void *userdata, const KexecImage *image, void *ready)
{
        int answer;

        assert_true(fake.n_calls < ELEMENTSOF(fake.answers));
        answer = fake.answers[fake.n_calls++];
        if (fake.cpus_meanwhile)
                put_cpus(fake.root, fake.cpus_meanwhile);
        if (answer == 0)
                fake.loaded = true;
        else if (fake.takes_along)
                fake.loaded = false;
        return answer;
}

static int fake_loaded(void *userdata)
{
        return fake.loaded;
}

static int fake_intact(void *userdata, void *ready)
{
        if (fake.n_damaged == 0)
                return 1;
        fake.n_damaged--;
        return 0;
}

static const KexecReport *fake_report(void *userdata)
{
        return &fake.report;
}

static void fake_pause(void *userdata, uint64_t usec)
{
}

static const KexecLoader fake_loader = {
        .name = "fake",
        .prepare = fake_prepare,
        .ready_free = fake_ready_free,
        .load = fake_load,
        .loaded = fake_loaded,
        .intact = fake_intact,
        .report = fake_report,
        .pause = fake_pause,
};

/* The messages that were sent. */
static struct {
        const char *ids[16];
        char *texts[16];
        size_t n;
} sent;

/* The linker gives the manager this in the place of the one without "__wrap_". */
void __wrap_message_send(const char *message_id, int level, uint64_t generation, uint64_t gap_usec,
                         const char *format, ...) _printf_(5, 6);
void __wrap_message_send(const char *message_id, int level, uint64_t generation, uint64_t gap_usec,
                         const char *format, ...)
{
        va_list ap;

        assert_true(sent.n < ELEMENTSOF(sent.ids));
        va_start(ap, format);
        assert_true(vasprintf(sent.texts + sent.n, format, ap) >= 0);
        va_end(ap);
        sent.ids[sent.n++] = message_id;
}

/* Its words; NULL if it was not sent. */
static const char *message(const char *id)
{
        for (size_t i = 0; i < sent.n; i++)
                if (streq(sent.ids[i], id))
                        return sent.texts[i];
        return NULL;
}

static int on_step(sd_event_source *source, void *userdata)
{
        return 0;
}

typedef struct Bed {
        Fixture root;
        Manager m;
} Bed;

/* Generation 5 is armed and held in memory, and knows four CPUs. */
static int setup(void **state)
{
        Bed *bed = calloc(1, sizeof(*bed));
        Manager *m = &bed->m;

        assert_non_null(bed);
        memset(&fake, 0, sizeof(fake));
        memset(&sent, 0, sizeof(sent));
        fake.root = &bed->root;
        fake.loaded = true;
        fake.report = (KexecReport){ .call = "fake", .guarded = true };
        fixture_init(&bed->root);
        fixture_write(&bed->root, "/proc/iomem", IOMEM);
        put_cpus(&bed->root, "0-3\n");
        m->root_fd = bed->root.fd;
        m->loader = &fake_loader;
        m->held = HELD_NULL;
        m->held.number = 5;
        m->held.image.generation = 5;
        m->started = true;
        m->facts.load_limit = -1;
        m->facts.crash_size_bytes = 1024 * 1024;
        m->facts.crash_loaded = true;
        m->armed_generation = m->state.generation = 5;
        assert_int_equal(sd_event_new(&m->event), 0);
        assert_int_equal(sd_event_add_defer(m->event, &m->step, on_step, NULL), 0);
        assert_int_equal(sd_event_source_set_enabled(m->step, SD_EVENT_OFF), 0);
        assert_int_equal(manager_look_start(m), 0);
        manager_look_topology(m);
        manager_look_loaded(m);
        *state = bed;
        return 0;
}

static int teardown(void **state)
{
        Bed *bed = *state;
        Manager *m = &bed->m;

        for (size_t i = 0; i < sent.n; i++)
                free(sent.texts[i]);
        test_manager_done(m);
        fixture_done(&bed->root);
        free(bed);
        return 0;
}

/* The kernel says that it updates the headers. */
static void put_crash_hotplug(const Bed *bed)
{
        fixture_write(&bed->root, "/sys/devices/system/cpu/crash_hotplug", "1\n");
        fixture_write(&bed->root, "/sys/devices/system/memory/crash_hotplug", "1\n");
}

static void test_what_comes_during_a_load_is_not_taken_for_known(void **state)
{
        for (int by_kernel = 0; by_kernel < 2; by_kernel++) {
                Bed *bed = *state;
                Manager *m = &bed->m;

                if (by_kernel)
                        put_crash_hotplug(bed);
                fake.n_calls = 0;
                fake.cpus_meanwhile = by_kernel ? "0-6\n" : "0-5\n";
                manager_reload(m, "a test");
                assert_int_equal(m->facts.cpu_crash_hotplug, by_kernel);
                assert_non_null(message(MESSAGE_RELOADED));
                /* Not again in the same go, but soon. */
                assert_null(m->stale_headers);
                assert_true(m->look.times.pending);
                settle_cancel(&m->look);

                manager_look_around(m);
                assert_non_null(m->stale_headers);
                assert_true(is_kicked(m));
                fake.cpus_meanwhile = NULL;
                manager_reload(m, "a test");
                assert_null(m->stale_headers);
                assert_false(m->look.times.pending);
                assert_int_equal(m->state.loaded_n_cpus, by_kernel ? 7 : 6);
                manager_look_around(m);
                assert_null(m->stale_headers);
                assert_false(is_kicked(m));
        }
}

/* The next daemon goes by the state file. */
static void test_headers_that_nobody_knows_outlive_the_daemon(void **state)
{
        Bed *bed = *state;
        Manager *m = &bed->m;
        Decision armed = { .state = ARM_STATE_ARMED, .reason = (char[]){ "armed" } };

        put_crash_hotplug(bed);
        fake.cpus_meanwhile = "0-5\n";
        manager_reload(m, "a test");
        manager_publish(m, &armed);
        state_done(&m->state);
        assert_int_equal(state_read(m->root_fd, &m->state), 0);
        manager_look_around(m);
        assert_non_null(m->stale_headers);
        assert_true(is_kicked(m));
}

/* They may be readable later. */
static void test_what_cannot_be_read_after_a_load_is_not_known(void **state)
{
        Bed *bed = *state;
        Manager *m = &bed->m;

        put_crash_hotplug(bed);
        fake.cpus_meanwhile = "not a list of CPUs\n";
        manager_reload(m, "a test");
        settle_cancel(&m->look);
        manager_look_around(m);
        assert_false(is_kicked(m));
        put_cpus(&bed->root, "0-3\n");
        manager_look_around(m);
        assert_non_null(m->stale_headers);
        assert_true(is_kicked(m));
}

/* The kernel frees what is armed before it looks at what is new. */
static void fail_a_reload(Manager *m, int error)
{
        memset(fake.answers, 0, sizeof(fake.answers));
        fake.n_calls = 0;
        fake.answers[0] = error;
        fake.takes_along = true;
        fake.loaded = true;
        manager_reload(m, "a test");
        assert_int_equal(fake.n_calls, 2);
        assert_true(fake.loaded);
        assert_true(m->armed_generation == 5);
}

static void test_image_that_came_back_knows_no_more_than_it_did(void **state)
{
        Bed *bed = *state;
        Manager *m = &bed->m;

        put_cpus(&bed->root, "0-5\n");
        fail_a_reload(m, -ENOEXEC);
        assert_string_equal(m->stale_headers, "2 CPUs more");
        assert_int_equal(m->state.loaded_n_cpus, 4);
        assert_int_equal(m->held_error, -ENOEXEC);
        assert_int_equal(m->state.reloads, 0);
        assert_int_equal(m->state.loads, 1);
        assert_null(message(MESSAGE_RELOADED));
        assert_non_null(strstr(message(MESSAGE_LOAD_FAILED), strerror(ENOEXEC)));
        assert_non_null(strstr(message(MESSAGE_ROLLED_BACK), "5 is armed again as it was"));
        manager_look_around(m);
        assert_false(is_kicked(m));

        put_cpus(&bed->root, "0-6\n");
        manager_look_around(m);
        assert_true(is_kicked(m));
        fake.n_calls = 1;
        manager_reload(m, "a test");
        assert_int_equal(m->held_error, 0);
        assert_int_equal(m->state.loaded_n_cpus, 7);
        assert_int_equal(m->state.reloads, 1);
        assert_null(m->stale_headers);
}

/* What the kernel had written into the headers is gone with the image that it was written to. */
static void test_image_that_came_back_lacks_what_the_kernel_had_added(void **state)
{
        Bed *bed = *state;
        Manager *m = &bed->m;

        put_crash_hotplug(bed);
        manager_reload(m, "a test");
        fail_a_reload(m, -EIO);
        assert_null(m->stale_headers);
        assert_int_equal(m->held_error, 0);

        put_cpus(&bed->root, "0-5\n");
        manager_look_around(m);
        assert_null(m->stale_headers);
        fail_a_reload(m, -EIO);
        assert_non_null(m->stale_headers);
        fake.n_calls = 1;
        manager_reload(m, "a test");
        assert_null(m->stale_headers);

        fake.cpus_meanwhile = "0-6\n";
        fail_a_reload(m, -EIO);
        assert_non_null(m->stale_headers);
}

/* kexec_file_load(2): the headers are the kernel's. */
static void test_image_that_came_back_by_the_other_call_has_new_headers(void **state)
{
        Bed *bed = *state;
        Manager *m = &bed->m;

        fake.report.guarded = false;
        put_cpus(&bed->root, "0-5\n");
        fail_a_reload(m, -ENOEXEC);
        assert_null(m->stale_headers);
        assert_int_equal(m->held_error, 0);
        assert_int_equal(m->state.loaded_n_cpus, 6);
        assert_int_equal(m->state.reloads, 0);
        assert_non_null(message(MESSAGE_ROLLED_BACK));
}

/* @error of a load that did not touch what is armed, or had it come back. */
static void check_next_attempt(Bed *bed, int error, bool comes_back, bool expected)
{
        Manager *m = &bed->m;
        uint64_t delay_usec = m->retry_delay_usec;

        m->retry_boottime_usec = 0;
        if (comes_back)
                fail_a_reload(m, error);
        else {
                fake.takes_along = false;
                fake.n_calls = 0;
                fake.answers[0] = error;
                manager_reload(m, "a test");
        }
        assert_int_equal(m->held_error, error);
        manager_look_around(m);
        assert_int_equal(is_kicked(m), expected);
        assert_int_equal(m->held_error, expected ? 0 : error);
        if (!expected)
                return;
        assert_string_equal(m->story.trigger, "what is armed could not be loaded again");
        assert_true(m->retry_delay_usec > delay_usec);
        m->held_error = error;
        m->load_may_pass = true;
        manager_look_around(m);
        assert_false(is_kicked(m));
}

static void test_reload_without_memory_is_tried_again(void **state)
{
        Bed *bed = *state;
        Manager *m = &bed->m;

        put_cpus(&bed->root, "0-5\n");
        check_next_attempt(bed, -EPERM, false, false);
        check_next_attempt(bed, -ENOEXEC, true, false);
        check_next_attempt(bed, -ENOMEM, false, true);
        check_next_attempt(bed, -EMFILE, false, true);
        check_next_attempt(bed, -ENOMEM, true, true);
        check_next_attempt(bed, -ENOMEM, true, true);

        /* It is done, and nothing is left to try. */
        fake.n_calls = 1;
        manager_reload(m, "a test");
        assert_true(m->retry_delay_usec == 0);
        manager_look_around(m);
        assert_false(is_kicked(m));
}

/* Nothing is left in place of what is not ours, or not whole. */
static void test_what_is_not_whole_is_not_built_upon(void **state)
{
        static const struct {
                const char *damage;
                bool foreign, unknown, few;
                KexecPrepare how;
        } cases[] = {
                { .how = KEXEC_PREPARE_NEXT },
                { .few = true, .how = KEXEC_PREPARE_WHOLE },
                { .damage = "1 chunk is bad", .how = KEXEC_PREPARE_WHOLE },
                { .foreign = true, .how = KEXEC_PREPARE_WHOLE },
                { .unknown = true, .how = KEXEC_PREPARE_WHOLE },
                { .how = KEXEC_PREPARE_NEXT },
        };
        Manager *m = &((Bed *) *state)->m;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                fake.n_calls = fake.n_prepared = 0;
                m->damage = cases[i].damage ? strdup(cases[i].damage) : NULL;
                m->foreign = cases[i].foreign;
                m->facts.load_limit = cases[i].few ? 2 : 3;
                if (cases[i].unknown)
                        m->armed_generation = 0;
                manager_reload(m, "a test");
                assert_int_equal(fake.how, cases[i].how);
                assert_null(m->damage);
                assert_false(m->foreign);
                assert_null(message(MESSAGE_DAMAGED));
        }
}

static void test_damage_that_a_load_finds_is_told(void **state)
{
        Manager *m = &((Bed *) *state)->m;

        fake.n_damaged = 1;
        manager_set_text(&m->state.checked, "all of it is whole");
        m->state.checked_realtime_usec = 1;
        manager_reload(m, "a test");
        assert_int_equal(fake.n_calls, 2);
        assert_non_null(strstr(message(MESSAGE_DAMAGED), "all of it was loaded again"));
        assert_non_null(message(MESSAGE_RELOADED));
        assert_null(m->damage);
        /* Nobody has looked at what is there now. */
        assert_null(m->state.checked);
        assert_true(m->state.checked_realtime_usec == 0);
}

/* What is loaded then is the damaged one. */
static void test_damage_that_stays_is_told(void **state)
{
        Manager *m = &((Bed *) *state)->m;

        fake.n_damaged = 1;
        fake.answers[1] = fake.answers[2] = -EPERM;
        manager_reload(m, "a test");
        assert_non_null(strstr(message(MESSAGE_DAMAGED), strerror(EPERM)));
        assert_non_null(m->damage);
        assert_int_equal(m->held_error, -EPERM);
        assert_true(m->armed_generation == 5);
        assert_null(message(MESSAGE_RELOADED));
        /* It is what was to be loaded, not what was there before. */
        m->armed_generation = 4;
        fake.n_damaged = 1;
        fake.n_calls = 0;
        manager_reload(m, "a test");
        assert_true(m->armed_generation == 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                CASE(test_what_comes_during_a_load_is_not_taken_for_known),
                CASE(test_headers_that_nobody_knows_outlive_the_daemon),
                CASE(test_what_cannot_be_read_after_a_load_is_not_known),
                CASE(test_image_that_came_back_knows_no_more_than_it_did),
                CASE(test_image_that_came_back_lacks_what_the_kernel_had_added),
                CASE(test_image_that_came_back_by_the_other_call_has_new_headers),
                CASE(test_reload_without_memory_is_tried_again),
                CASE(test_what_is_not_whole_is_not_built_upon),
                CASE(test_damage_that_a_load_finds_is_told),
                CASE(test_damage_that_stays_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
