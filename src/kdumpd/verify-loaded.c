/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the check of what is in the reserved memory now. */
#include <inttypes.h>

#include "facts.h"
#include "io.h"
#include "loaded.h"
#include "state.h"
#include "verify.h"

#define CHECK "loaded"

/* Why there is nothing to compare with. */
static int add_unknown(VerifyReport *report, int root_fd)
{
        _cleanup_(state_done) State state = { 0 };

        if (state_read(root_fd, &state) >= 0 && state.loader && state.loader_reason)
                return verify_report_add(report, CHECK, CHECK_SKIPPED,
                                         "The image was loaded by %s, which leaves nothing to "
                                         "check it by: %s.",
                                         state.loader, state.loader_reason);
        return verify_report_add(report, CHECK, CHECK_SKIPPED,
                                 "What is loaded was not loaded by this kdumpd with a check of its "
                                 "own: load it with 'kdumpctl reload'.");
}

static int add_outcome(VerifyReport *report, int error, const LoadedDamage *damage)
{
        _cleanup_free_ char *words = NULL;
        int r;

        if (error < 0)
                return verify_report_add(report, CHECK, CHECK_SKIPPED,
                                         "The reserved memory cannot be read through /proc/kcore: "
                                         "%s.",
                                         strerror(-error));
        r = loaded_damage_describe(damage, &words);
        if (r < 0)
                return r;
        if (error == 0)
                return verify_report_add(report, CHECK, CHECK_OK, "%s.", words);
        return verify_report_add(report, CHECK,
                                 damage->replaced || damage->purgatory || damage->unreadable ||
                                                 damage->lost > 0
                                         ? CHECK_FAILED
                                         : CHECK_WARNING,
                                 "%s. Load it again with 'kdumpctl restart'.", words);
}

static int check_loaded(int root_fd, VerifyReport *report)
{
        _cleanup_(kcore_map_done) KcoreMap map = KCORE_MAP_NULL;
        LoadedDamage damage = { 0 };
        LoadedPlace place;
        int r;

        if (facts_crash_loaded(root_fd) != 1)
                return verify_report_add(report, CHECK, CHECK_FAILED,
                                         "No crash kernel is loaded: 'kdumpctl status' says why.");
        r = loaded_read(root_fd, &place);
        if (r < 0)
                return add_unknown(report, root_fd);
        r = kcore_map_open(root_fd, &map);
        if (r >= 0)
                r = loaded_check(&map, &place, LOADED_ALL, &damage);
        return add_outcome(report, r, &damage);
}

int verify_loaded(int root_fd, VerifyReport *ret)
{
        _cleanup_(verify_report_done) VerifyReport report = { 0 };
        uint64_t begin_usec = now_boottime_usec();
        int r;

        r = check_loaded(root_fd, &report);
        if (r < 0)
                return r;
        report.time_realtime_usec = now_realtime_usec();
        report.duration_usec = now_boottime_usec() - begin_usec;
        *ret = report;
        report = (VerifyReport){ 0 };
        return 0;
}
