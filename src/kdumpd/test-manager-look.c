/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests what the looks at the machine make of a crash kernel that is not ours, or not there. */
#include "test-fixture.h"
#include "test-manager.h"

#include <elf.h>
#include <endian.h>
#include <fcntl.h>

#include "crash-area.h"
#include "io.h"

#define AREA_PADDR 0x2f000000ULL
#define AREA_BYTES (4ULL * 1024 * 1024)
#define AREA_OFFSET 0x1000

typedef struct Kcore {
        Elf64_Ehdr header;
        Elf64_Phdr segment;
} Kcore;

static int loaded;

static int fake_loaded(void *userdata)
{
        return loaded;
}

static const KexecLoader fake_loader = { .name = "fake", .loaded = fake_loaded };

static int on_step(sd_event_source *source, void *userdata)
{
        return 0;
}

typedef struct Machine {
        Fixture root;
        Manager m;
} Machine;

/* The image that is loaded, in so far as it can be seen. */
static void put_image(const Machine *machine, char content)
{
        _cleanup_free_ char *image = malloc(AREA_BYTES);
        _cleanup_close_ int fd = openat(machine->root.fd, "proc/kcore", O_WRONLY | O_CLOEXEC);

        assert_non_null(image);
        assert_true(fd >= 0);
        memset(image, content, AREA_BYTES);
        assert_int_equal(pwrite_full(fd, image, AREA_BYTES, AREA_OFFSET), 0);
}

static void put_cpus(const Machine *machine, const char *cpus)
{
        fixture_write(&machine->root, "/sys/devices/system/cpu/present", cpus);
}

static void put_kcore(const Machine *machine)
{
        const Kcore kcore = {
                .header = {
                        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
                                     __BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB,
                                     EV_CURRENT },
                        .e_type = ET_CORE,
                        .e_phoff = offsetof(Kcore, segment),
                        .e_phentsize = sizeof(Elf64_Phdr),
                        .e_phnum = 1,
                },
                .segment = {
                        .p_type = PT_LOAD,
                        .p_offset = AREA_OFFSET,
                        .p_paddr = AREA_PADDR,
                        .p_filesz = AREA_BYTES,
                },
        };

        fixture_write_bytes(&machine->root, "/proc/kcore", &kcore, sizeof(kcore));
}

/* Generation 5 is armed, and the daemon has nothing to do. */
static int setup(void **state)
{
        Machine *machine = calloc(1, sizeof(*machine));
        Manager *m = &machine->m;

        assert_non_null(machine);
        fixture_init(&machine->root);
        fixture_write(&machine->root, "/proc/iomem",
                      "00100000-7fffffff : System RAM\n"
                      "  2f000000-2f3fffff : Crash kernel\n");
        put_kcore(machine);
        put_image(machine, 'a');
        put_cpus(machine, "0-3\n");
        m->root_fd = machine->root.fd;
        m->loader = &fake_loader;
        m->held = HELD_NULL;
        m->held.number = 5;
        m->started = true;
        m->facts.load_limit = -1;
        m->facts.crash_size_bytes = AREA_BYTES;
        m->facts.crash_loaded = true;
        m->armed_generation = m->state.generation = 5;
        loaded = 1;
        assert_int_equal(sd_event_new(&m->event), 0);
        assert_int_equal(sd_event_add_defer(m->event, &m->step, on_step, NULL), 0);
        assert_int_equal(sd_event_source_set_enabled(m->step, SD_EVENT_OFF), 0);
        manager_look_topology(m);
        manager_look_loaded(m);
        assert_non_null(m->state.area_sha256);
        *state = machine;
        return 0;
}

static int teardown(void **state)
{
        Machine *machine = *state;
        Manager *m = &machine->m;

        test_manager_done(m);
        fixture_done(&machine->root);
        free(machine);
        return 0;
}

static void test_all_is_well(void **state)
{
        Manager *m = &((Machine *) *state)->m;

        manager_look_around(m);
        assert_false(is_kicked(m));
        assert_false(m->foreign);
}

/* It is written to again by each load, and is none of what a check reads. */
static void test_a_place_that_keeps_nothing_is_loaded_for_ever_more_seldom(void **state)
{
        Machine *machine = *state;
        Manager *m = &machine->m;
        unsigned n_loads = 0;

        for (unsigned i = 0; i < 200; i++) {
                put_image(machine, i % 2 == 0 ? 'b' : 'a');
                manager_look_around(m);
                if (!is_kicked(m))
                        continue;
                n_loads++;
                m->foreign = false;
                manager_look_topology(m);
                manager_look_loaded(m);
                put_image(machine, 'c');
        }
        /* At the looks 0, 2, 6, 14, 30, 62, 123 and 184. */
        assert_int_equal(n_loads, 8);

        /* It was another image each time, and now nobody loads one. */
        put_image(machine, 'a');
        manager_look_loaded(m);
        for (unsigned i = 0; i < 200; i++)
                manager_look_around(m);
        assert_false(is_kicked(m));
        assert_int_equal(m->guard.left_out, 0);
}

/* What was found a short time ago is not found again as something else. */
static void test_a_look_that_is_left_out_finds_no_other_image(void **state)
{
        Machine *machine = *state;
        Manager *m = &machine->m;

        m->guard.leave_out = 2;
        put_image(machine, 'b');
        for (unsigned i = 0; i < 2; i++) {
                manager_look_around(m);
                assert_false(is_kicked(m));
                assert_false(m->foreign);
        }
        manager_look_around(m);
        assert_true(is_kicked(m));
        assert_true(m->foreign);
}

static void test_an_image_in_the_place_of_ours_is_found_while_looks_are_left_out(void **state)
{
        Machine *machine = *state;
        Manager *m = &machine->m;

        m->guard.leave_out = 60;
        m->guard.known = true;
        m->guard.place = (LoadedPlace){
                .block_paddr = { AREA_PADDR, AREA_PADDR + 65536 },
                .purgatory_paddr = AREA_PADDR + 131072,
                .purgatory_bytes = 4096,
        };
        manager_look_around(m);
        assert_true(is_kicked(m));
        assert_true(m->foreign);
}

/* The kernel may have updated the headers of an image that someone else has put there. */
static void test_another_image_is_not_taken_for_ours_when_cpus_come(void **state)
{
        Machine *machine = *state;
        Manager *m = &machine->m;

        m->facts.cpu_crash_hotplug = true;
        put_image(machine, 'b');
        put_cpus(machine, "0-5\n");
        manager_look_around(m);
        assert_null(m->stale_headers);
        assert_true(m->foreign);
        assert_true(is_kicked(m));
}

/* Each attempt is a load, and a line in the journal. */
static void test_what_cannot_be_replaced_is_tried_ever_more_seldom(void **state)
{
        Machine *machine = *state;
        Manager *m = &machine->m;
        uint64_t delay_usec = 60 * USEC_PER_SEC;

        put_image(machine, 'b');
        manager_look_around(m);
        assert_true(m->foreign);
        assert_true(is_kicked(m));
        for (unsigned i = 0; i < 9; i++) {
                m->held_error = -ENOMEM;
                m->retry_boottime_usec = 0;
                manager_look_around(m);
                assert_true(is_kicked(m));
                assert_int_equal(m->held_error, 0);
                assert_true(m->retry_delay_usec == MIN(delay_usec, 3600 * USEC_PER_SEC));
                m->held_error = -ENOMEM;
                manager_look_around(m);
                assert_false(is_kicked(m));
                delay_usec *= 2;
        }
        m->retry_boottime_usec = 0;
        m->facts.load_limit = 3;
        manager_look_around(m);
        assert_false(is_kicked(m));
}

/* No memory for it a minute ago does not mean that there is none now. */
static void test_what_could_not_be_loaded_is_tried_again(void **state)
{
        Manager *m = &((Machine *) *state)->m;

        loaded = 0;
        m->armed_generation = 0;
        m->held_error = -ENOMEM;
        m->load_problem = strdup("it failed");
        m->current_refused = m->previous_refused = true;
        manager_look_around(m);
        assert_true(is_kicked(m));
        assert_null(m->load_problem);
        assert_int_equal(m->held_error, 0);
        assert_false(m->current_refused || m->previous_refused);
        manager_look_around(m);
        assert_false(is_kicked(m));
}

/* An older image is armed, which is no reason to leave it at that. */
static void test_what_may_pass_is_tried_again_ever_more_seldom(void **state)
{
        Manager *m = &((Machine *) *state)->m;
        uint64_t delay_usec = 60 * USEC_PER_SEC;

        m->load_error = -EPERM;
        manager_look_around(m);
        assert_false(is_kicked(m));
        for (unsigned i = 0; i < 8; i++) {
                m->load_error = -EBUSY;
                m->load_may_pass = true;
                m->retry_boottime_usec = 0;
                manager_look_around(m);
                assert_true(is_kicked(m));
                assert_int_equal(m->load_error, 0);
                assert_false(m->load_may_pass);
                assert_true(m->retry_delay_usec == MIN(delay_usec, 3600 * USEC_PER_SEC));
                m->load_may_pass = true;
                manager_look_around(m);
                assert_false(is_kicked(m));
                delay_usec *= 2;
        }
        m->retry_boottime_usec = 0;
        m->facts.load_limit = 3;
        manager_look_around(m);
        assert_false(is_kicked(m));
}

static void test_headers_that_stay_stale_are_told_once(void **state)
{
        Machine *machine = *state;
        Manager *m = &machine->m;

        put_cpus(machine, "0-5\n");
        manager_look_around(m);
        assert_non_null(m->stale_headers);
        assert_true(is_kicked(m));
        assert_string_equal(m->story.trigger, "CPUs or memory came or went");
        manager_look_around(m);
        assert_false(is_kicked(m));
        m->held_error = -EBUSY;
        manager_look_around(m);
        assert_true(is_kicked(m));
        m->held_error = -ENOMEM;
        put_cpus(machine, "0-6\n");
        manager_look_around(m);
        assert_int_equal(m->held_error, 0);
        assert_true(is_kicked(m));
}

/* Also while looks at the image itself are left out. */
static void test_busy_kernel_is_asked_again_for_whatever_is_wrong(void **state)
{
        Manager *m = &((Machine *) *state)->m;

        for (unsigned i = 0; i < 2; i++) {
                free(TAKE_PTR(m->damage));
                if (i == 0)
                        manager_set_text(&m->damage, "1 chunk is damaged");
                m->foreign = i == 1;
                m->guard.leave_out = 60;
                m->retry_boottime_usec = UINT64_MAX;
                m->held_error = -ENOEXEC;
                manager_look_around(m);
                assert_false(is_kicked(m));
                m->held_error = -EBUSY;
                manager_look_around(m);
                assert_true(is_kicked(m));
                assert_int_equal(m->held_error, 0);
        }
}

static void test_headers_that_the_kernel_updates_are_told(void **state)
{
        Machine *machine = *state;
        Manager *m = &machine->m;

        m->facts.cpu_crash_hotplug = m->facts.memory_crash_hotplug = true;
        put_cpus(machine, "0-5\n");
        manager_look_around(m);
        assert_null(m->stale_headers);
        assert_int_equal(m->state.loaded_n_cpus, 6);
        assert_true(is_kicked(m));
        assert_string_equal(m->story.trigger, "CPUs or memory came or went");
        assert_string_equal(m->story.changes[0],
                            "2 CPUs more: the kernel has updated the headers itself");
        assert_int_equal(m->story.action, HISTORY_NOTHING);
        manager_look_around(m);
        assert_false(is_kicked(m));
}

/* What was done without a trigger must not be told as done for the next one. */
static void test_a_story_without_a_beginning_is_forgotten(void **state)
{
        Manager *m = &((Machine *) *state)->m;
        const Decision armed = { .action = DECIDE_NOTHING, .state = ARM_STATE_ARMED };

        manager_story_change(m, "2 CPUs more");
        manager_story_act(m, HISTORY_RELOAD);
        manager_story_end(m, &armed);
        assert_null(m->story.changes);
        assert_int_equal(m->story.action, HISTORY_NOTHING);
}

/* The name is in the folders of dumps. */
static void test_a_request_reads_anew_what_the_kernel_says(void **state)
{
        Machine *machine = *state;
        Manager *m = &machine->m;

        fixture_write(&machine->root, "/proc/sys/kernel/hostname", "localhost\n");
        (void) manager_request(m);
        assert_string_equal(m->facts.hostname, "localhost");
        assert_true(m->facts.crash_size_bytes == AREA_BYTES);
        fixture_write(&machine->root, "/proc/sys/kernel/hostname", "db7\n");
        fixture_write(&machine->root, "/sys/kernel/kexec_crash_size", "2097152\n");
        (void) manager_request(m);
        assert_string_equal(m->facts.hostname, "db7");
        assert_true(m->facts.crash_size_bytes == 2097152);
        fixture_write(&machine->root, "/sys/kernel/kexec_crash_size", "not a number\n");
        (void) manager_request(m);
        assert_true(m->facts.crash_size_bytes == 2097152);
}

/* Not again at once, which would never end. */
static void test_damage_that_comes_back_is_tried_ever_more_seldom(void **state)
{
        const KexecSwap well = { 0 }, swap = { .damaged = true, .still_damaged = true };
        Manager *m = &((Machine *) *state)->m;

        for (unsigned expected = 1; expected <= 7; expected = expected * 2 + 1) {
                manager_armed(m, 5, NULL, &swap, true);
                assert_true(m->armed_generation == 5);
                assert_non_null(strstr(m->damage, "memory is failing"));
                assert_true(m->held_error < 0);
                assert_int_equal(m->guard.leave_out, expected);
                manager_look_around(m);
                assert_false(is_kicked(m));
                assert_non_null(m->damage);
        }
        manager_armed(m, 5, NULL, &well, true);
        assert_null(m->damage);
        assert_int_equal(m->held_error, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                CASE(test_all_is_well),
                CASE(test_a_place_that_keeps_nothing_is_loaded_for_ever_more_seldom),
                CASE(test_a_look_that_is_left_out_finds_no_other_image),
                CASE(test_an_image_in_the_place_of_ours_is_found_while_looks_are_left_out),
                CASE(test_another_image_is_not_taken_for_ours_when_cpus_come),
                CASE(test_what_cannot_be_replaced_is_tried_ever_more_seldom),
                CASE(test_what_could_not_be_loaded_is_tried_again),
                CASE(test_what_may_pass_is_tried_again_ever_more_seldom),
                CASE(test_headers_that_stay_stale_are_told_once),
                CASE(test_busy_kernel_is_asked_again_for_whatever_is_wrong),
                CASE(test_headers_that_the_kernel_updates_are_told),
                CASE(test_a_story_without_a_beginning_is_forgotten),
                CASE(test_a_request_reads_anew_what_the_kernel_says),
                CASE(test_damage_that_comes_back_is_tried_ever_more_seldom),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
