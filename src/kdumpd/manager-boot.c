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

        r = strprintf(&trigger, "a boot before this one ended with generation %" PRIu64 " armed",
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
        case LAST_BOOT_UNWATCHED:
                log_info("A boot before this one %s.", finding->text);
                return;
        case LAST_BOOT_DUMPED:
                log_debug("The machine %s.", finding->text);
                break;
        case LAST_BOOT_LOST:
                message_send(MESSAGE_LOST, LOG_WARNING, finding->generation, 0,
                             "A boot before this one %s. What it was is not known: power was lost, "
                             "the machine was reset or restarted by force, or it panicked and the "
                             "crash kernel did not get as far as a dump. %s",
                             finding->text, finding->hint);
                remember(m, finding);
                break;
        case LAST_BOOT_ELSEWHERE:
                message_send(MESSAGE_LOST, LOG_NOTICE, finding->generation, 0,
                             "A boot before this one %s. If there is none, power was lost, the "
                             "machine was reset or restarted by force, or it panicked and the "
                             "crash kernel did not get as far as a dump. %s",
                             finding->text, finding->hint);
                break;
        default:
                return;
        }
        manager_set_text(&m->state.last_boot, finding->text);
}

/* Not to have a place for it, as before the disk is writable, is no failure. */
static void check_written(int error)
{
        if (error == -EROFS || error == -ENOENT)
                log_debug("The next boot will not know how this one ended: %s", strerror(-error));
        else if (error < 0)
                (void) log_warning_errno(error,
                                         "Failed to write '%s', so that the next boot will not "
                                         "know how this one ended, ignoring: %m",
                                         PATH_LAST_BOOT);
}

/* A file system that is mounted meanwhile leads to a look at once, by what manager-network.c sees
 * of it; this one is the last. Returns false if there is no waiting. */
static bool wait_for_mounts(Manager *m, uint64_t wait_usec)
{
        int r;

        if (m->boot_wait.times.pending)
                return true;
        r = settle_poke(&m->boot_wait, wait_usec, wait_usec);
        if (r < 0) {
                (void) log_warning_errno(r, "Failed to wait for what is not mounted yet, "
                                            "ignoring: %m");
                return false;
        }
        log_info("A boot before this one may not have ended in order, and there is no dump yet. "
                 "File systems may still be mounted: it is told in %" PRIu64 " s.",
                 DIV_ROUND_UP(wait_usec, USEC_PER_SEC));
        return true;
}

/* Whether there will be a daemon: kdump.service is not started again after these. */
static bool may_wait(const Manager *m)
{
        return m->exit_status != EXIT_BUILD_FAILED && m->exit_status != EXIT_CONFIG_ERROR;
}

static void on_wait_over(void *userdata)
{
        manager_kick(userdata);
}

/* What was told is in the state file, which a restarted daemon reads, and which a boot removes: if
 * it cannot be taken out of the other file, it is still told once. */
static void look_back(Manager *m)
{
        _cleanup_(last_boot_finding_done) LastBootFinding finding = { 0 };

        if (m->boot_told || m->state.last_boot) {
                (void) last_boot_told(m->root_fd);
                return;
        }
        if (last_boot_look(m->root_fd, &finding) < 0) {
                (void) log_oom();
                return;
        }
        if (!finding.text)
                return;
        if (finding.wait_usec > 0 && may_wait(m) && wait_for_mounts(m, finding.wait_usec))
                return;
        settle_cancel(&m->boot_wait);
        tell(m, &finding);
        m->boot_told = true;
        check_written(last_boot_told(m->root_fd));
}

/* What is in the folders is listed again when all is looked at, not for each load. */
static int armed(Manager *m)
{
        _cleanup_(last_boot_dumps_done) LastBootDumps dumps = { 0 };
        int r;

        if (!m->boot_listed || m->requested) {
                r = last_boot_list(m->root_fd, &dumps);
                if (r < 0)
                        return r;
                m->boot_listed = true;
        }
        return last_boot_armed(m->root_fd, m->armed_generation, now_realtime_usec(), &dumps);
}

void manager_boot(Manager *m)
{
        look_back(m);
        check_written(m->armed_generation > 0 ? armed(m) : last_boot_clean(m->root_fd));
}

int manager_boot_start(Manager *m)
{
        return settle_init(&m->boot_wait, m->event, on_wait_over, m);
}

void manager_boot_done(Manager *m)
{
        settle_done(&m->boot_wait);
}
