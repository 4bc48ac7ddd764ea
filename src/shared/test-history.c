/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the history: what is kept, what is counted, and that nothing in the files does harm. */
#include "history.h"

#include <sys/stat.h>

#include "io.h"
#include "json-fields.h"
#include "strv.h"
#include "test.h"

#define RUN_FILE "run/kdumpd/history.json"
#define KEPT_FILE "var/lib/kdumpd/history.json"

static void append(int root_fd, uint64_t usec, const char *trigger, HistoryAction action,
                   const char *outcome)
{
        HistoryEntry entry = {
                .realtime_usec = usec,
                .trigger = (char *) (uintptr_t) trigger,
                .action = action,
                .outcome = (char *) (uintptr_t) outcome,
        };

        assert_int_equal(history_append(root_fd, &entry), 0);
}

static void fill(HistoryEntry *entry)
{
        *entry = (HistoryEntry){
                .realtime_usec = UINT64_C(1760000000000000),
                .trigger = strdup("'/etc/kdump.conf' was written"),
                .action = HISTORY_OVERLAY,
                .outcome = strdup("overlay: generation 5 armed"),
                .generation = 5,
                .gap_usec = 12345,
        };
        assert_int_equal(strv_extend(&entry->changes, "targets[0].path: '/a' → '/b'"), 0);
        assert_int_equal(strv_extend(&entry->changes, "'/root/.ssh/kdump_id_rsa' has changed"), 0);
}

static void test_says_back_what_was_appended(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_(history_entry_done) HistoryEntry entry = { 0 };
        _cleanup_(history_done) History history = { 0 };
        const HistoryEntry *e;
        struct stat st;

        assert_int_equal(history_read(root_fd, &history), -ENOENT);
        fill(&entry);
        (void) umask(022);
        assert_int_equal(history_append(root_fd, &entry), 0);
        assert_int_equal(history_read(root_fd, &history), 0);
        assert_int_equal(history.n_entries, 1);
        e = &history.entries[0];
        assert_true(e->realtime_usec == entry.realtime_usec);
        assert_true(e->first_realtime_usec == entry.realtime_usec);
        assert_int_equal(e->count, 1);
        assert_string_equal(e->trigger, entry.trigger);
        assert_int_equal(strv_length(e->changes), 2);
        assert_string_equal(e->changes[0], entry.changes[0]);
        assert_string_equal(e->changes[1], entry.changes[1]);
        assert_int_equal(e->action, HISTORY_OVERLAY);
        assert_string_equal(e->outcome, entry.outcome);
        assert_int_equal(e->generation, 5);
        assert_int_equal(e->gap_usec, 12345);
        assert_int_equal(fstatat(root_fd, RUN_FILE, &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0644);
}

static void test_outlasts_a_boot(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_(history_done) History history = { 0 }, later = { 0 };

        append(root_fd, 1, "start", HISTORY_BASE, "built");
        append(root_fd, 2, "touch", HISTORY_NOTHING, "nothing to do");
        /* The boot empties /run; what was nothing to do was not worth a write. */
        assert_int_equal(unlinkat(root_fd, RUN_FILE, 0), 0);
        assert_int_equal(history_read(root_fd, &history), 0);
        assert_int_equal(history.n_entries, 1);
        assert_string_equal(history.entries[0].trigger, "start");

        append(root_fd, 3, "touch", HISTORY_NOTHING, "nothing to do");
        assert_int_equal(history_read(root_fd, &later), 0);
        assert_int_equal(later.n_entries, 2);
        assert_string_equal(later.entries[0].trigger, "start");
        assert_int_equal(later.entries[1].realtime_usec, 3);
}

static void test_disk_that_takes_nothing_is_no_error(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_(history_entry_done) HistoryEntry entry = { 0 };
        _cleanup_(history_done) History history = { 0 };

        fill(&entry);
        /* A file where a folder should be; a read-only mount needs root. */
        test_write_text(root_fd, "var", "");
        assert_int_equal(history_append(root_fd, &entry), 1);
        assert_int_equal(history_append(root_fd, &entry), 1);
        assert_int_equal(history_read(root_fd, &history), 0);
        assert_int_equal(history.n_entries, 2);
        entry.action = _HISTORY_ACTION_MAX;
        assert_int_equal(history_append(root_fd, &entry), -EINVAL);
        assert_int_equal(unlinkat(root_fd, RUN_FILE, 0), 0);
        assert_int_equal(unlinkat(root_fd, "run/kdumpd", AT_REMOVEDIR), 0);
        test_write_text(root_fd, "run/kdumpd", "");
        entry.action = HISTORY_OVERLAY;
        assert_true(history_append(root_fd, &entry) < 0);
}

static void test_oldest_goes_when_it_is_full(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_(history_done) History history = { 0 };

        for (uint64_t i = 0; i < HISTORY_ENTRIES_MAX + 3; i++)
                append(root_fd, i, "the same", HISTORY_OVERLAY, "the same");
        assert_int_equal(history_read(root_fd, &history), 0);
        assert_int_equal(history.n_entries, HISTORY_ENTRIES_MAX);
        assert_int_equal(history.entries[0].realtime_usec, 3);
        history_keep_newest(&history, 2);
        assert_int_equal(history.n_entries, 2);
        assert_int_equal(history.entries[0].realtime_usec, HISTORY_ENTRIES_MAX + 1);
        history_keep_newest(&history, 9);
        assert_int_equal(history.n_entries, 2);
        history_keep_newest(&history, 0);
        assert_int_equal(history.n_entries, 0);
}

static void test_nothing_to_do_pushes_nothing_out(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_(history_done) History history = { 0 }, full = { 0 };

        append(root_fd, 1, "start", HISTORY_BASE, "built");
        for (uint64_t i = 0; i < 100; i++) {
                append(root_fd, 100 + 2 * i, "touch a", HISTORY_NOTHING, "nothing to do");
                append(root_fd, 101 + 2 * i, "touch b", HISTORY_NOTHING, "nothing to do");
        }
        assert_int_equal(history_read(root_fd, &history), 0);
        assert_int_equal(history.n_entries, 3);
        assert_int_equal(history.entries[1].count, 100);
        assert_int_equal(history.entries[1].first_realtime_usec, 100);
        assert_int_equal(history.entries[1].realtime_usec, 298);
        assert_string_equal(history.entries[2].trigger, "touch b");

        /* Also if each has a trigger of its own. */
        for (uint64_t i = 0; i < 100; i++) {
                char trigger[32];

                (void) snprintf(trigger, sizeof(trigger), "touch %u", (unsigned) i);
                append(root_fd, 1000 + i, trigger, HISTORY_NOTHING, "nothing to do");
        }
        assert_int_equal(history_read(root_fd, &full), 0);
        assert_int_equal(full.n_entries, HISTORY_ENTRIES_MAX);
        assert_string_equal(full.entries[0].trigger, "start");
        assert_int_equal(full.entries[HISTORY_ENTRIES_MAX - 1].realtime_usec, 1099);
}

static void test_what_is_a_repetition(void **state)
{
        static const struct {
                HistoryAction action;
                const char *trigger, *outcome;
                bool change; /* there is one before, and it is another now */
                size_t expected;
        } rows[] = {
                { HISTORY_NOTHING, "a", "x", false, 1 },  { HISTORY_NOTHING, "b", "x", false, 2 },
                { HISTORY_NOTHING, "a", "y", false, 2 },  { HISTORY_NOTHING, "a", "x", true, 2 },
                { HISTORY_FAILED, "a", "x", false, 1 },   { HISTORY_FAILED, "b", "x", false, 2 },
                { HISTORY_FAILED, "a", "y", false, 2 },   { HISTORY_FAILED, "a", "x", true, 2 },
                { HISTORY_RELOAD, "a", "x", false, 1 },   { HISTORY_RELOAD, "b", "x", false, 2 },
                { HISTORY_RELOAD, "a", "y", false, 1 },   { HISTORY_RELOAD, "a", "x", true, 2 },
                { HISTORY_BASE, "a", "x", false, 2 },     { HISTORY_OVERLAY, "a", "x", false, 2 },
                { HISTORY_RESTORED, "a", "x", false, 2 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_test_root_ char *root = test_root_new();
                _cleanup_close_ int root_fd = test_root_open(root);
                _cleanup_(history_done) History history = { 0 };
                char c[] = "c", d[] = "d";
                char *changes[] = { c, NULL };
                HistoryEntry entry = { .trigger = (char[]){ "a" },
                                       .changes = changes,
                                       .outcome = (char[]){ "x" },
                                       .action = rows[i].action };

                assert_int_equal(history_append(root_fd, &entry), 0);
                entry.trigger = (char *) (uintptr_t) rows[i].trigger;
                entry.outcome = (char *) (uintptr_t) rows[i].outcome;
                if (rows[i].change)
                        changes[0] = d;
                assert_int_equal(history_append(root_fd, &entry), 0);
                assert_int_equal(history_read(root_fd, &history), 0);
                assert_int_equal(history.n_entries, rows[i].expected);
                assert_string_equal(history.entries[history.n_entries - 1].outcome,
                                    rows[i].outcome);
        }
}

static void test_something_else_ends_the_counting(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_(history_done) History history = { 0 };

        append(root_fd, 1, "touch", HISTORY_NOTHING, "nothing to do");
        append(root_fd, 2, "edit", HISTORY_OVERLAY, "done");
        append(root_fd, 3, "touch", HISTORY_NOTHING, "nothing to do");
        assert_int_equal(history_read(root_fd, &history), 0);
        assert_int_equal(history.n_entries, 3);
        assert_int_equal(history.entries[2].count, 1);
}

static void test_counter_does_not_wrap(void **state)
{
        static const char json[] =
                "{\"entries\":[{\"realtime_usec\":1,\"trigger\":\"a\",\"action\":\"nothing\","
                "\"outcome\":\"b\",\"count\":18446744073709551615}]}";
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_(history_done) History history = { 0 };

        assert_int_equal(mkdir_parents(root_fd, "run/kdumpd", 0755), 0);
        test_write_text(root_fd, RUN_FILE, json);
        append(root_fd, 2, "a", HISTORY_NOTHING, "b");
        assert_int_equal(history_read(root_fd, &history), 0);
        assert_true(history.entries[0].count == UINT64_MAX);
        assert_int_equal(history.entries[0].first_realtime_usec, 1);
}

static void test_texts_are_bounded_lines(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_(history_entry_done) HistoryEntry entry = { 0 };
        _cleanup_(history_done) History history = { 0 };
        _cleanup_free_ char *json = NULL;
        char quotes[4096];
        size_t size;

        memset(quotes, '"', sizeof(quotes) - 1);
        quotes[sizeof(quotes) - 1] = '\0';
        entry.trigger = strdup("a\nb\033[31m\xff");
        entry.outcome = strdup(quotes);
        for (size_t i = 0; i < 100; i++)
                assert_int_equal(strv_extend(&entry.changes, quotes), 0);
        entry.action = HISTORY_BASE;
        for (size_t i = 0; i < HISTORY_ENTRIES_MAX + 1; i++)
                assert_int_equal(history_append(root_fd, &entry), 0);
        assert_int_equal(history_read(root_fd, &history), 0);
        assert_int_equal(history.n_entries, HISTORY_ENTRIES_MAX);
        assert_string_equal(history.entries[0].trigger, "a?b?[31m?");
        assert_int_equal(strv_length(history.entries[0].changes), HISTORY_CHANGES_MAX + 1);
        assert_string_equal(history.entries[0].changes[HISTORY_CHANGES_MAX], "and 68 more");
        assert_int_equal(strlen(history.entries[0].outcome), HISTORY_LINE_BYTES_MAX + 3);
        assert_int_equal(file_read(root_fd, RUN_FILE, JSON_BYTES_MAX, &json, &size), 0);
}

static void test_malformed_is_refused(void **state)
{
#define ENTRY "\"realtime_usec\":1,\"trigger\":\"a\",\"action\":\"nothing\",\"outcome\":\"b\""
        static const char *const bad[] = {
                "",
                "{",
                "[]",
                "{}",
                "{\"entries\":{}}",
                "{\"entries\":[1]}",
                "{\"entries\":[null]}",
                "{\"entries\":[{}]}",
                "{\"entries\":[{\"trigger\":\"a\",\"action\":\"nothing\",\"outcome\":\"b\"}]}",
                "{\"entries\":[{" ENTRY "},{\"realtime_usec\":1,\"trigger\":\"a\","
                "\"action\":\"dance\",\"outcome\":\"b\"}]}",
                "{\"entries\":[{" ENTRY ",\"count\":-1}]}",
                "{\"entries\":[{" ENTRY ",\"changes\":\"x\"}]}",
                "{\"entries\":[{" ENTRY ",\"changes\":[\"x\",1]}]}",
                "{\"entries\":[{" ENTRY ",\"generation\":\"5\"}]}",
        };
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);

        assert_int_equal(mkdir_parents(root_fd, "run/kdumpd", 0755), 0);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_(history_done) History history = { 0 }, healed = { 0 };

                test_write_text(root_fd, RUN_FILE, bad[i]);
                assert_int_equal(history_read(root_fd, &history), -EBADMSG);
                append(root_fd, 7, "start", HISTORY_NOTHING, "nothing to do");
                assert_int_equal(history_read(root_fd, &healed), 0);
                assert_int_equal(healed.n_entries, 1);
        }
}

static void test_too_much_is_refused(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_(history_done) History history = { 0 };
        _cleanup_free_ char *text = malloc((size_t) JSON_BYTES_MAX + 2);
        char *p;

        assert_non_null(text);
        p = stpcpy(text, "{\"entries\":[{" ENTRY "}");
        for (size_t i = 0; i < HISTORY_ENTRIES_MAX; i++)
                p = stpcpy(p, ",{" ENTRY "}");
        (void) stpcpy(p, "]}");
        assert_int_equal(mkdir_parents(root_fd, "run/kdumpd", 0755), 0);
        test_write_text(root_fd, RUN_FILE, text);
        assert_int_equal(history_read(root_fd, &history), -EBADMSG);

        memset(text, ' ', (size_t) JSON_BYTES_MAX + 1);
        test_write(root_fd, RUN_FILE, text, (size_t) JSON_BYTES_MAX + 1);
        assert_int_equal(history_read(root_fd, &history), -EBADMSG);
}

static void test_older_form_is_read(void **state)
{
        static const char json[] = "{\"entries\":[{" ENTRY ",\"later\":{}}],\"version\":2}";
        _cleanup_(history_done) History history = { 0 };

        assert_int_equal(history_from_json(json, strlen(json), &history), 0);
        assert_int_equal(history.n_entries, 1);
        assert_int_equal(history.entries[0].count, 0);
        assert_null(history.entries[0].changes);
}

static void test_outcome_in_words(void **state)
{
        static const struct {
                HistoryAction action;
                uint64_t generation;
                const char *problem, *expected;
        } rows[] = {
                { HISTORY_NOTHING, 5, NULL, "nothing to do" },
                { HISTORY_RELOAD, 5, NULL,
                  "loaded again: generation 5 armed, no image for 12.045 ms" },
                { HISTORY_OVERLAY, 5, NULL, "overlay: generation 5 armed, no image for 12.045 ms" },
                { HISTORY_BASE, 6, NULL,
                  "base image built in 35 s: generation 6 armed, no image for 12.045 ms" },
                { HISTORY_RESTORED, 4, NULL,
                  "an older image: generation 4 armed, no image for 12.045 ms" },
                { HISTORY_RESTORED, 4, "bad magic",
                  "bad magic; an older image: generation 4 armed, no image for 12.045 ms" },
                { HISTORY_DISARMED, 0, NULL, "disarmed" },
                { HISTORY_FAILED, 5, "no space", "failed: no space; generation 5 stays armed" },
                { HISTORY_FAILED, 0, "no space", "failed: no space; nothing is armed" },
                { HISTORY_FAILED, 0, NULL, "failed: no reason is known; nothing is armed" },
        };
        const HistoryEntry odd = { .action = _HISTORY_ACTION_INVALID };
        const HistoryEntry base = { .action = HISTORY_BASE, .generation = 6, .gap_usec = 1 };
        _cleanup_free_ char *found = NULL;
        char *none;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const HistoryEntry entry = { .action = rows[i].action,
                                             .generation = rows[i].generation,
                                             .gap_usec = 12045 };
                _cleanup_free_ char *text = NULL;

                assert_int_equal(
                        history_outcome(&entry, 35 * USEC_PER_SEC + 1, rows[i].problem, &text), 0);
                assert_string_equal(text, rows[i].expected);
                assert_non_null(history_action_to_string(rows[i].action));
        }
        assert_int_equal(history_outcome(&base, 0, NULL, &found), 0);
        assert_string_equal(found, "another base image: generation 6 armed, no image for 0.001 ms");
        assert_int_equal(history_outcome(&odd, 0, NULL, &none), -EINVAL);
        assert_null(history_action_to_string(_HISTORY_ACTION_MAX));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_says_back_what_was_appended),
                cmocka_unit_test(test_outlasts_a_boot),
                cmocka_unit_test(test_disk_that_takes_nothing_is_no_error),
                cmocka_unit_test(test_oldest_goes_when_it_is_full),
                cmocka_unit_test(test_nothing_to_do_pushes_nothing_out),
                cmocka_unit_test(test_what_is_a_repetition),
                cmocka_unit_test(test_something_else_ends_the_counting),
                cmocka_unit_test(test_counter_does_not_wrap),
                cmocka_unit_test(test_texts_are_bounded_lines),
                cmocka_unit_test(test_malformed_is_refused),
                cmocka_unit_test(test_too_much_is_refused),
                cmocka_unit_test(test_older_form_is_read),
                cmocka_unit_test(test_outcome_in_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
