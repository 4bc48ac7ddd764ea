/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of settle.c: its rule by a table, its timer in a loop. */
#include "test-fixture.h"

#include "settle.h"

#define INF USEC_INFINITY

typedef struct Poke {
        uint64_t now, delay, max; /* all zero: no more */
        uint64_t due;             /* afterwards */
} Poke;

static void test_when_a_burst_is_due(void **state)
{
        static const struct {
                const char *what;
                Poke pokes[6];
        } table[] = {
                { "one poke", { { 100, 20, 90, 120 } } },
                { "no delay", { { 100, 0, 90, 100 } } },
                { "the last poke counts", { { 100, 20, 90, 120 }, { 110, 20, 90, 130 } } },
                { "but not for longer than the first one allows",
                  { { 100, 20, 50, 120 },
                    { 119, 20, 50, 139 },
                    { 138, 20, 50, 150 },
                    { 149, 20, 50, 150 } } },
                { "a maximum below the delay", { { 100, 20, 5, 105 }, { 102, 20, 5, 105 } } },
                { "a longer delay does not postpone",
                  { { 100, 20, 900, 120 }, { 110, 300, 900, 120 }, { 115, 20, 900, 135 } } },
                { "nor does it after a shorter one came second",
                  { { 100, 300, 900, 400 }, { 110, 20, 900, 130 }, { 120, 300, 900, 130 } } },
                { "a shorter delay late in a long one is waited for",
                  { { 100, 300, 900, 400 }, { 395, 20, 900, 415 } } },
                { "a shorter maximum holds for all that follow",
                  { { 100, 20, 900, 120 }, { 110, 20, 15, 125 }, { 120, 20, 900, 125 } } },
                { "a longer maximum does not help",
                  { { 100, 20, 30, 120 }, { 115, 20, 900, 130 } } },
                { "a longer delay with a shorter maximum comes by its maximum",
                  { { 100, 20, 900, 120 }, { 110, 300, 5, 115 } } },
                { "never", { { 100, INF, INF, INF }, { 110, 20, INF, 130 } } },
                { "sums do not wrap", { { INF - 1, 20, 90, INF } } },
                { "late: the loop was busy", { { 100, 20, 50, 120 }, { 500, 20, 50, 150 } } },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                SettleTimes times = { 0 };

                for (const Poke *p = table[i].pokes; p->now > 0; p++) {
                        times = settle_next(times, p->now, p->delay, p->max);
                        assert_true(times.pending);
                        if (times.due_usec != p->due)
                                fail_msg("%s: due at %llu, not at %llu", table[i].what,
                                         (unsigned long long) times.due_usec,
                                         (unsigned long long) p->due);
                }
        }
}

typedef struct Bed {
        sd_event *event;
        Settle settle;
        unsigned calls, again; /* @again: pokes that the handler still has to do */
} Bed;

static void on_settled(void *userdata)
{
        Bed *bed = userdata;

        bed->calls++;
        assert_false(bed->settle.times.pending);
        if (bed->again > 0) {
                bed->again--;
                assert_int_equal(settle_poke(&bed->settle, 0, 0), 0);
        }
}

static void bed_init(Bed *bed)
{
        assert_int_equal(sd_event_new(&bed->event), 0);
        assert_int_equal(settle_init(&bed->settle, bed->event, on_settled, bed), 0);
}

static void bed_done(Bed *bed)
{
        settle_done(&bed->settle);
        bed->event = sd_event_unref(bed->event);
}

/* Runs what is due now. Returns whether there was anything. */
static bool bed_run(Bed *bed)
{
        int r = sd_event_run(bed->event, 0);

        assert_true(r >= 0);
        return r > 0;
}

static void test_nothing_comes_without_a_poke(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };

        bed_init(&bed);
        assert_false(bed_run(&bed));
        assert_int_equal(bed.calls, 0);
}

static void test_a_burst_is_one_call(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };

        bed_init(&bed);
        for (unsigned i = 0; i < 1000; i++)
                assert_int_equal(settle_poke(&bed.settle, USEC_PER_MSEC, USEC_PER_SEC), 0);
        while (bed.calls == 0)
                assert_true(sd_event_run(bed.event, USEC_INFINITY) >= 0);
        while (bed_run(&bed))
                ;
        assert_int_equal(bed.calls, 1);
        assert_false(bed.settle.times.pending);
}

static void test_the_handler_may_poke_again(void **state)
{
        _cleanup_(bed_done) Bed bed = { .again = 2 };

        bed_init(&bed);
        assert_int_equal(settle_poke(&bed.settle, 0, 0), 0);
        while (bed.calls < 3)
                assert_true(sd_event_run(bed.event, USEC_INFINITY) >= 0);
        assert_false(bed_run(&bed));
}

static void test_a_later_poke_may_bring_it_forward(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };

        bed_init(&bed);
        assert_int_equal(settle_poke(&bed.settle, USEC_INFINITY, USEC_INFINITY), 0);
        assert_false(bed_run(&bed));
        assert_int_equal(settle_poke(&bed.settle, 0, USEC_INFINITY), 0);
        while (bed.calls == 0)
                assert_true(sd_event_run(bed.event, USEC_INFINITY) >= 0);
}

static void test_cancel_drops_what_is_pending(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };

        bed_init(&bed);
        settle_cancel(&bed.settle);
        assert_int_equal(settle_poke(&bed.settle, 0, 0), 0);
        settle_cancel(&bed.settle);
        assert_false(bed.settle.times.pending);
        assert_false(bed_run(&bed));
        assert_int_equal(settle_poke(&bed.settle, 0, 0), 0);
        while (bed.calls == 0)
                assert_true(sd_event_run(bed.event, USEC_INFINITY) >= 0);
}

static void test_done_drops_what_is_pending(void **state)
{
        _cleanup_(bed_done) Bed bed = { 0 };

        bed_init(&bed);
        assert_int_equal(settle_poke(&bed.settle, 0, 0), 0);
        settle_done(&bed.settle);
        settle_done(&bed.settle);
        assert_false(bed_run(&bed));
        assert_int_equal(bed.calls, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_when_a_burst_is_due),
                cmocka_unit_test(test_nothing_comes_without_a_poke),
                cmocka_unit_test(test_a_burst_is_one_call),
                cmocka_unit_test(test_the_handler_may_poke_again),
                cmocka_unit_test(test_a_later_poke_may_bring_it_forward),
                cmocka_unit_test(test_cancel_drops_what_is_pending),
                cmocka_unit_test(test_done_drops_what_is_pending),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
