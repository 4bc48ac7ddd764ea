/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what the manager tells of the boot before this one, and what it leaves for the next. */
#include <inttypes.h>

#include "io.h"
#include "last-boot.h"
#include "log.h"
#include "manager.h"
#include "messages.h"

/* For `kdumpctl why`. Not to have told it there is no failure. */
static void remember(Manager *m, const LastBootFinding *finding)
{
        HistoryEntry entry = {
                .realtime_usec = now_realtime_usec(),
                .action = HISTORY_FAILED,
                .outcome = finding->text,
                .generation = finding->generation,
        };
        _cleanup_free_ char *trigger = NULL;
        int r;

        r = strprintf(&trigger, "the boot before this one ended with generation %" PRIu64 " armed",
                      finding->generation);
        if (r >= 0) {
                entry.trigger = trigger;
                r = history_append(m->root_fd, &entry);
        }
        if (r < 0)
                (void) log_warning_errno(r, "Failed to write down how the last boot ended, "
                                            "ignoring: %m");
}

static void tell(Manager *m, const LastBootFinding *finding)
{
        switch (finding->verdict) {
        case LAST_BOOT_DUMPED:
                log_debug("The machine %s.", finding->text);
                break;
        case LAST_BOOT_LOST:
                message_send(MESSAGE_LOST, LOG_WARNING, finding->generation, 0,
                             "The machine %s: it was reset before or by the crash kernel, or lost "
                             "power. %s",
                             finding->text, finding->hint);
                remember(m, finding);
                break;
        case LAST_BOOT_ELSEWHERE:
                message_send(MESSAGE_LOST, LOG_NOTICE, finding->generation, 0,
                             "The machine %s. If there is none, it was reset before or by the "
                             "crash kernel, or lost power. %s",
                             finding->text, finding->hint);
                break;
        default:
                return;
        }
        manager_set_text(&m->state.last_boot, finding->text);
}

/* What was told is in the state file, which a restarted daemon reads, and which a boot removes. */
static void look_back(Manager *m)
{
        _cleanup_(last_boot_finding_done) LastBootFinding finding = { 0 };

        if (m->state.last_boot)
                return;
        if (last_boot_look(m->root_fd, &finding) < 0)
                (void) log_oom();
        else
                tell(m, &finding);
}

void manager_boot(Manager *m)
{
        int r;

        look_back(m);
        if (m->armed_generation > 0)
                r = last_boot_armed(m->root_fd, m->armed_generation, now_realtime_usec());
        else
                r = last_boot_clean(m->root_fd, m->state.last_boot != NULL);
        if (r == -EROFS || r == -ENOENT)
                log_debug("The next boot will not know how this one ended: %s", strerror(-r));
        else if (r < 0)
                (void) log_warning_errno(r,
                                         "Failed to write '%s', so that the next boot will not "
                                         "know how this one ended, ignoring: %m",
                                         PATH_LAST_BOOT);
}
