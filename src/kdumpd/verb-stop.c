/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the one unload that there is. ExecStopPost= also runs on restart and after a crash, so PID 1
 * is asked. It is not ExecStop=, which is left out if the unit is stopped while it starts or
 * reloads (service_stop() of systemd 252), and which runs while the daemon could still load again.
 */
#include "verb-stop.h"

#include <fcntl.h>

#include "decide.h"
#include "facts.h"
#include "io.h"
#include "last-boot.h"
#include "loaded.h"
#include "log.h"
#include "manager.h"
#include "messages.h"
#include "pid1.h"
#include "state.h"

/* *ret_going_down: in order, as far as the service manager says so. */
static bool may_unload(const char *pid1_address, const char **ret_reason, bool *ret_going_down)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_free_ char *job_type = NULL, *system_state = NULL;
        int r;

        *ret_going_down = false;
        r = pid1_connect(pid1_address, &bus);
        if (r >= 0)
                r = pid1_job_type(bus, UNIT_DAEMON, &job_type);
        if (r >= 0)
                r = pid1_system_state(bus, &system_state);
        if (r < 0) {
                (void) log_warning_errno(r, "Failed to ask the service manager: %m");
                return decide_unload(NULL, NULL, ret_reason);
        }
        *ret_going_down = streq(system_state, "stopping");
        return decide_unload(job_type, system_state, ret_reason);
}

/* Else the next boot would look for a dump, and tell of one that is missing. Without a daemon
 * nobody is asked when the system goes down later: this runs once for each time that it has ended.
 */
static void leave_word(int root_fd, bool in_order)
{
        int r = in_order ? last_boot_clean(root_fd) : last_boot_unwatched(root_fd);

        if (r < 0 && r != -EROFS && r != -ENOENT)
                (void) log_warning_errno(r, "Failed to write '%s', ignoring: %m", PATH_LAST_BOOT);
}

/* Not to have told is not to have failed. */
static void write_state(int root_fd)
{
        _cleanup_(state_done) State state = { 0 };
        int r;

        (void) state_read(root_fd, &state);
        free(state.reason);
        state.reason = strdup("the service was asked to stop");
        state.state = ARM_STATE_DISARMED;
        state.generation = 0;
        state.updated_realtime_usec = now_realtime_usec();
        r = state_write(root_fd, &state);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to write the state file, ignoring: %m");
}

/* Else the next daemon would look for it in what someone else has loaded. */
static void forget_loaded(int root_fd)
{
        int r = loaded_write(root_fd, NULL);

        if (r < 0)
                (void) log_warning_errno(r, "Failed to remove '%s', ignoring: %m",
                                         PATH_LOADED_JSON);
}

int verb_stop_below(const char *root, const KexecLoader *loader, const char *pid1_address,
                    bool is_explicit)
{
        _cleanup_close_ int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const char *reason = "someone asked for it";
        bool going_down = false;
        int r;

        if (root_fd < 0) {
                (void) log_error_errno(errno, "Failed to open '%s': %m", root);
                return 1;
        }
        if (facts_crash_loaded(root_fd) == 0) {
                leave_word(root_fd, true);
                return 0;
        }
        if (!is_explicit && !may_unload(pid1_address, &reason, &going_down)) {
                log_info("The crash kernel stays armed: %s.", reason);
                leave_word(root_fd, going_down);
                return 0;
        }
        r = kexec_crash_unload(loader);
        if (r < 0) {
                (void) log_error_errno(r, "Failed to unload the crash kernel: %m");
                leave_word(root_fd, going_down);
                return 1;
        }
        message_send(MESSAGE_DISARMED, LOG_NOTICE, 0, 0, "kexec: unloaded kdump kernel: %s.",
                     reason);
        leave_word(root_fd, true);
        forget_loaded(root_fd);
        write_state(root_fd);
        return 0;
}

int verb_stop(bool is_explicit)
{
        return verb_stop_below("/", &kexec_loader_file, NULL, is_explicit);
}
