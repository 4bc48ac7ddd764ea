/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl why`: what changed and what followed, from the history file alone, so that it answers
 * whatever the daemon does. */
#include <fcntl.h>
#include <inttypes.h>

#include "format.h"
#include "history.h"
#include "log.h"
#include "parse.h"
#include "verbs.h"

#define N_ENTRIES_DEFAULT 10

typedef struct WhyOptions {
        bool json;
        uint32_t n_entries;
} WhyOptions;

/* @value: NULL if the line ends before it. */
static int parse_number(const char *value, uint32_t *ret)
{
        uint32_t n;

        if (!value || parse_u32(value, &n) < 0 || n == 0)
                return log_error_errno(-EINVAL, "-n needs a number of entries from 1 on%s%s%s.",
                                       value ? ", not '" : "", value ?: "", value ? "'" : "");
        *ret = n;
        return 0;
}

static int parse_options(int argc, char **argv, WhyOptions *ret)
{
        WhyOptions options = { .n_entries = N_ENTRIES_DEFAULT };
        int r;

        for (int i = 1; i < argc; i++) {
                const char *value = startswith(argv[i], "-n");

                if (streq(argv[i], "--json")) {
                        options.json = true;
                        continue;
                }
                if (!value)
                        return parse_nothing(argc - i + 1, argv + i - 1);
                /* "-n 3" as well as "-n3"; argv ends with NULL. */
                r = parse_number(*value ? value : argv[++i], &options.n_entries);
                if (r < 0)
                        return r;
        }
        *ret = options;
        return 0;
}

static void print_entry(const HistoryEntry *entry)
{
        char time[FORMAT_TIME_MAX], first[FORMAT_TIME_MAX];

        (void) printf("%s  %s", format_time(entry->realtime_usec, time), entry->trigger);
        if (entry->count > 1)
                (void) printf(" (%" PRIu64 " times since %s)", entry->count,
                              format_time(entry->first_realtime_usec, first));
        (void) printf("\n");
        for (char *const *line = entry->changes; line && *line; line++)
                (void) printf("    %s\n", *line);
        (void) printf("  → %s\n", entry->outcome);
}

static int print_history(const History *history, bool json)
{
        _cleanup_free_ char *text = NULL;
        int r;

        if (json) {
                r = history_to_json(history, &text);
                if (r < 0)
                        return log_oom();
                (void) fputs(text, stdout);
                return 0;
        }
        for (size_t i = 0; i < history->n_entries; i++)
                print_entry(&history->entries[i]);
        return 0;
}

static int complain(int error)
{
        if (error == -ENOENT)
                return log_error_errno(error, "Nothing is recorded: kdump.service has not run yet. "
                                              "Start it with 'kdumpctl start'.");
        if (error == -EBADMSG)
                return log_error_errno(
                        error,
                        "Failed to read '%s': it is damaged, and is written anew the "
                        "next time that something happens ('kdumpctl reload').",
                        PATH_HISTORY);
        return log_error_errno(error, "Failed to read '%s': %m", PATH_HISTORY);
}

int verb_why(int argc, char **argv)
{
        _cleanup_close_ int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(history_done) History history = { 0 };
        WhyOptions options = { 0 };
        int r;

        if (parse_options(argc, argv, &options) < 0)
                return EXIT_FAILURE;
        r = root_fd < 0 ? -errno : history_read(root_fd, &history);
        if (r >= 0 && history.n_entries == 0)
                r = -ENOENT;
        if (r < 0) {
                (void) complain(r);
                return EXIT_FAILURE;
        }
        history_keep_newest(&history, options.n_entries);
        return print_history(&history, options.json) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
