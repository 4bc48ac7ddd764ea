/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the order of attempts, and of how they end. */
#include "paths.h"
#include "test-attempt-bed.h"
#include "test.h"

static void test_one_target(void **state)
{
        Bed bed;

        bed_init(&bed);
        bed_add(&bed, "good");
        assert_int_equal(bed_run(&bed), CAPTURE_COMPLETE);
        assert_dump("good", true, "\"complete\"");
        assert_int_equal(bed_count("good", FILE_VMCORE_INCOMPLETE, NULL), 0);
        bed_done(&bed);
}

static void test_the_record_says_which_image_saved_it(void **state)
{
        Bed bed;

        bed_init(&bed);
        bed.plan->image = strdup(PLAN_IMAGE_FALLBACK);
        bed_add(&bed, "good");
        assert_int_equal(bed_run(&bed), CAPTURE_COMPLETE);
        assert_dump("good", true, "\"image\": \"fallback\"");
        bed_done(&bed);
}

/* A target that is not there, full, or kills its attempt does not keep the next one from it. */
static void test_next_target_takes_over(void **state)
{
        static const struct {
                const char *name;
                bool is_local;
        } cases[] = {
                { "gone", false },        { "gone", true },          { "full", false },
                { "full", true },         { "dies", false },         { "breaks", true },
                { "refuses", true },      { "exits", false },        { "exits", true },
                { "exits-early", false }, { "exits-early", true },   { "segfaults", false },
                { "segfaults", true },    { "full-at-sync", false }, { "breaks-in-commit", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Bed bed;

                bed_init(&bed);
                if (cases[i].is_local)
                        bed_add(&bed, cases[i].name)->type = TARGET_FS;
                else
                        bed_add(&bed, cases[i].name);
                bed_add(&bed, "good");
                assert_int_equal(bed_run(&bed), CAPTURE_COMPLETE);
                assert_int_equal(bed_count(cases[i].name, FILE_VMCORE, NULL), 0);
                assert_dump("good", true, "\"complete\"");
                bed_done(&bed);
        }
}

static void test_all_that_answer_get_a_record(void **state)
{
        Bed bed;

        bed_init(&bed);
        bed_add(&bed, "good");
        bed_add(&bed, "dies")->type = TARGET_FS;
        bed_add(&bed, "hangs-later");
        assert_int_equal(bed_run(&bed), CAPTURE_COMPLETE);
        assert_dump("good", true, "\"complete\"");
        assert_dump("dies", false, "the vmcore is on ssh good");
        assert_dump("hangs-later", false, "the vmcore is on ssh good");
        bed_done(&bed);
}

static void test_first_target_is_waited_for(void **state)
{
        Bed bed;

        bed_init(&bed);
        clock_speed = 10;
        bed_add(&bed, "refuses-twice");
        bed_add(&bed, "good");
        assert_int_equal(bed_run(&bed), CAPTURE_COMPLETE);
        assert_int_equal(bed_count("refuses-twice", FILE_VMCORE, NULL), 1);
        assert_int_equal(bed_count("good", FILE_VMCORE, NULL), 0);
        bed_done(&bed);
}

/* Nothing is waited for for ever. */
static void test_limits(void **state)
{
        static const struct {
                const char *name;
                TargetType type;
                unsigned connect_sec, timeout_sec, deadline_sec;
        } cases[] = {
                { "refuses", TARGET_SSH, 20, LONG_SEC, 0 },
                { "hangs", TARGET_SSH, 20, LONG_SEC, 0 },
                { "hangs", TARGET_FS, LONG_SEC, 20, 0 },
                { "hangs-later", TARGET_SSH, LONG_SEC, 60, 0 },
                { "hangs-later", TARGET_FS, LONG_SEC, 60, 0 },
                { "hangs-later", TARGET_SSH, LONG_SEC, LONG_SEC, 60 },
                { "hangs-in-begin", TARGET_SSH, 20, LONG_SEC, 0 },
                { "hangs-in-begin", TARGET_FS, LONG_SEC, 20, 0 },
                { "hangs-in-open", TARGET_SSH, LONG_SEC, 20, 0 },
                { "hangs-in-sync", TARGET_SSH, LONG_SEC, 20, 0 },
                { "hangs-in-sync", TARGET_FS, LONG_SEC, 20, 0 },
                { "hangs-in-commit", TARGET_SSH, LONG_SEC, 20, 0 },
                { "hangs-in-record", TARGET_SSH, 60, 20, 0 },
                { "stops", TARGET_SSH, LONG_SEC, 20, 0 },
                { "stops", TARGET_FS, LONG_SEC, 20, 0 },
                { "stops-early", TARGET_SSH, 20, LONG_SEC, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Target *target;
                Bed bed;

                bed_init(&bed);
                clock_speed = 50;
                target = bed_add(&bed, cases[i].name);
                target->type = cases[i].type;
                target->connect_usec = cases[i].connect_sec * USEC_PER_SEC;
                target->timeout_usec = cases[i].timeout_sec * USEC_PER_SEC;
                target->deadline_usec = cases[i].deadline_sec * USEC_PER_SEC;
                bed_add(&bed, "good");
                assert_int_equal(bed_run(&bed), CAPTURE_COMPLETE);
                assert_int_equal(bed_count(cases[i].name, FILE_VMCORE, NULL), 0);
                assert_dump("good", true, "\"complete\"");
                bed_done(&bed);
        }
}

/* The dump is safe: whoever has not even been reached by then is not waited for. */
static void test_others_do_not_hold_up_the_end(void **state)
{
        Bed bed;

        bed_init(&bed);
        clock_speed = 10;
        bed_add(&bed, "good");
        bed_add(&bed, "hangs");
        bed_add(&bed, "refuses");
        assert_int_equal(bed_run(&bed), CAPTURE_COMPLETE);
        assert_dump("good", true, "\"complete\"");
        bed_done(&bed);
}

static void test_what_ended_early_is_made_again(void **state)
{
        static const char *const names[] = { "breaks-once", "dies-once" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                Bed bed;

                bed_init(&bed);
                clock_speed = 10;
                bed_add(&bed, names[i]);
                assert_int_equal(bed_run(&bed), CAPTURE_COMPLETE);
                assert_int_equal(bed_count(names[i], FILE_VMCORE, NULL), 1);
                bed_done(&bed);
        }
}

static void test_connection_that_always_breaks_is_given_up(void **state)
{
        Bed bed;

        bed_init(&bed);
        clock_speed = 50;
        bed_add(&bed, "breaks");
        bed_add(&bed, "good");
        assert_int_equal(bed_run(&bed), CAPTURE_COMPLETE);
        assert_int_equal(bed_count("breaks", FILE_META, NULL), 3);
        assert_dump("good", true, "\"complete\"");
        bed_done(&bed);
}

static void test_log_that_kills_its_reader_is_left_out(void **state)
{
        Bed bed;

        bed_init(&bed);
        bed_add(&bed, "dies-of-the-log");
        assert_int_equal(bed_run(&bed), CAPTURE_COMPLETE);
        assert_dump("dies-of-the-log", true, "\"complete\"");
        bed_done(&bed);
}

static void test_nothing_works(void **state)
{
        Bed bed;

        bed_init(&bed);
        bed_add(&bed, "gone");
        assert_int_equal(bed_run(&bed), CAPTURE_NOTHING);
        bed_add(&bed, "full");
        assert_int_equal(bed_run(&bed), CAPTURE_FULL);
        bed_done(&bed);
}

/* Those of several attempts are mixed on the console. */
static void test_each_line_tells_which_of_several_targets(void **state)
{
        _cleanup_free_ char *text = NULL, *one = NULL;
        char *rest = NULL;
        Bed bed;

        bed_init(&bed);
        bed_add(&bed, "dies")->type = TARGET_FS;
        assert_int_equal(bed_run_logged(&bed, &one), CAPTURE_NOTHING);
        assert_non_null(strstr(one, "\nthe attempt was killed by signal 9"));
        assert_non_null(strstr(one, "\nsaving vmcore\n"));
        bed_add(&bed, "good");
        assert_int_equal(bed_run_logged(&bed, &text), CAPTURE_COMPLETE);
        assert_non_null(strstr(text, "\ntarget 1: the attempt was killed by signal 9"));
        assert_non_null(strstr(text, "\ntarget 2: saving vmcore complete\n"));
        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
                assert_true(startswith(line, "target 1: ") || startswith(line, "target 2: "));
        bed_done(&bed);
}

/* What becomes of the attempt after that changes nothing. */
static void test_vmcore_that_is_safe_stays_safe(void **state)
{
        static const struct {
                const char *name;
                TargetType type;
        } cases[] = {
                { "dies-in-free", TARGET_SSH },
                { "dies-in-free", TARGET_FS },
                { "hangs-in-free", TARGET_SSH },
                { "hangs-in-free", TARGET_FS },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Target *target;
                Bed bed;

                bed_init(&bed);
                target = bed_add(&bed, cases[i].name);
                target->type = cases[i].type;
                target->timeout_usec = 20 * USEC_PER_SEC;
                bed_add(&bed, "good");
                assert_int_equal(bed_run(&bed), CAPTURE_COMPLETE);
                assert_dump(cases[i].name, true, "\"complete\"");
                assert_dump("good", false, "the vmcore is on");
                bed_done(&bed);
        }
}

static void test_exit_of_a_library_is_no_success(void **state)
{
        Bed bed;

        bed_init(&bed);
        clock_speed = 50;
        bed_add(&bed, "exits");
        bed_add(&bed, "exits-early")->type = TARGET_FS;
        assert_int_equal(bed_run(&bed), CAPTURE_NOTHING);
        bed_done(&bed);
}

/* However often it begins again. */
static void test_deadline_is_for_all_tries_together(void **state)
{
        Bed bed;

        bed_init(&bed);
        clock_speed = 50;
        bed_add(&bed, "breaks")->deadline_usec = 2 * USEC_PER_SEC; /* each pause takes one */
        bed_add(&bed, "good");
        assert_int_equal(bed_run(&bed), CAPTURE_COMPLETE);
        assert_in_range(bed_count("breaks", FILE_META, NULL), 1, 2);
        assert_dump("good", true, "\"complete\"");
        bed_done(&bed);
}

/* Each write is taken, but far too slowly, while its log is saved. */
static void test_server_that_takes_the_log_for_ever_is_given_up(void **state)
{
        Target *target;
        Bed bed;

        bed_init(&bed);
        clock_speed = 50;
        target = bed_add(&bed, "trickles");
        target->connect_usec = 5 * USEC_PER_SEC;
        target->deadline_usec = 20 * USEC_PER_SEC;
        bed_add(&bed, "good");
        assert_int_equal(bed_run(&bed), CAPTURE_COMPLETE);
        assert_int_equal(bed_count("trickles", FILE_VMCORE, NULL), 0);
        assert_dump("good", true, "\"complete\"");
        bed_done(&bed);
}

static void test_process_that_cannot_be_started_is_tried_again(void **state)
{
        for (unsigned n = 1; n <= 3; n++) {
                Bed bed;

                bed_init(&bed);
                clock_speed = 20;
                fork_failures = n;
                bed_add(&bed, "good")->type = TARGET_FS;
                assert_int_equal(bed_run(&bed), CAPTURE_COMPLETE);
                assert_dump("good", true, "\"complete\"");
                bed_done(&bed);
        }
}

static void test_process_that_can_never_be_started(void **state)
{
        Bed bed;

        bed_init(&bed);
        clock_speed = 50;
        fork_failures = UINT32_MAX;
        bed_add(&bed, "good")->connect_usec = 20 * USEC_PER_SEC;
        assert_int_equal(bed_run(&bed), CAPTURE_NOTHING);
        bed_done(&bed);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_one_target),
                cmocka_unit_test(test_the_record_says_which_image_saved_it),
                cmocka_unit_test(test_next_target_takes_over),
                cmocka_unit_test(test_all_that_answer_get_a_record),
                cmocka_unit_test(test_first_target_is_waited_for),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_others_do_not_hold_up_the_end),
                cmocka_unit_test(test_what_ended_early_is_made_again),
                cmocka_unit_test(test_connection_that_always_breaks_is_given_up),
                cmocka_unit_test(test_log_that_kills_its_reader_is_left_out),
                cmocka_unit_test(test_vmcore_that_is_safe_stays_safe),
                cmocka_unit_test(test_exit_of_a_library_is_no_success),
                cmocka_unit_test(test_deadline_is_for_all_tries_together),
                cmocka_unit_test(test_server_that_takes_the_log_for_ever_is_given_up),
                cmocka_unit_test(test_process_that_cannot_be_started_is_tried_again),
                cmocka_unit_test(test_process_that_can_never_be_started),
                cmocka_unit_test(test_nothing_works),
                cmocka_unit_test(test_each_line_tells_which_of_several_targets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
