/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the order of a trial, and its child. */
#include "trial.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "depot-open.h"
#include "folder.h"
#include "io.h"
#include "log.h"
#include "process.h"

#define TRIAL_HOST "kdumpd-verify"
#define TRIAL_FILE "verify.txt"
#define TRIAL_FILE_INCOMPLETE "verify-incomplete.txt"
#define TRIAL_TEXT "kdumpd was here, to see whether a dump could be saved.\n"

static const char *const step_names[_TRIAL_STEP_MAX] = {
        [TRIAL_OPEN] = "open",
        [TRIAL_BEGIN] = "begin",
        [TRIAL_WRITE] = "write",
        [TRIAL_DONE] = "done",
};

const char *trial_step_to_string(TrialStep step)
{
        return step >= 0 && step < _TRIAL_STEP_MAX ? step_names[step] : NULL;
}

static void host_log(int level, const char *text)
{
        (void) log_full(level, 0, "%s", text);
}

static void host_moved(void *userdata)
{
}

/* Always the same for one machine: where files cannot be removed again, as in a store whose key may
 * only write, one is left, and not another one each day. */
static int usual_name(char **ret)
{
        char host[HOST_NAME_MAX + 1];

        if (gethostname(host, sizeof(host)) < 0)
                return -errno;
        host[sizeof(host) - 1] = '\0';
        for (char *p = host; *p; p++)
                if (!isalnum((unsigned char) *p) && *p != '-' && *p != '.')
                        *p = '_';
        return strprintf(ret, TRIAL_HOST "-%s", host);
}

static int trial_begin(Depot *depot, Trial *trial)
{
        int r = -EEXIST;

        for (unsigned try = 0; r == -EEXIST && try < FOLDER_TRIES; try++) {
                _cleanup_free_ char *name = NULL, *where = NULL;

                if (try == 0)
                        r = usual_name(&name);
                else /* left by one that died, or used right now */
                        r = folder_name(TRIAL_HOST, now_realtime_usec(), try - 1, &name);
                if (r < 0)
                        return r;
                r = depot->ops->begin(depot, name, &where);
                (void) snprintf(trial->where, sizeof(trial->where), "%s", where ?: "");
        }
        return r;
}

static int trial_write(Depot *depot)
{
        _cleanup_(sink_freep) Sink *sink = NULL;
        int r;

        r = depot->ops->open(depot, TRIAL_FILE_INCOMPLETE, TRIAL_FILE, strlen(TRIAL_TEXT), &sink);
        if (r >= 0)
                r = sink_write(sink, 0, TRIAL_TEXT, strlen(TRIAL_TEXT));
        return r < 0 ? r : sink_commit(sink);
}

static void trial_room(Depot *depot, Trial *trial)
{
        if (depot->ops->room && depot->ops->room(depot, &trial->room_bytes) >= 0)
                trial->has_room = true;
}

/* A depot that could not be cleaned up is not written to: on a bare device a dump may wait, and
 * nobody wants a new folder each day. */
static int trial_save(Depot *depot, Trial *trial)
{
        int r;

        if (!depot->ops->discard)
                return 0;
        trial->step = TRIAL_BEGIN;
        r = trial_begin(depot, trial);
        if (r < 0)
                return r;
        /* There may be a quota for what is below the target's folder. */
        trial_room(depot, trial);
        trial->step = TRIAL_WRITE;
        r = trial_write(depot);
        trial->left = depot->ops->discard(depot) < 0;
        return r;
}

static void trial_do(const Target *target, size_t index, Trial *trial)
{
        const DepotHost host = {
                .version = DEPOT_MODULE_VERSION,
                .log = host_log,
                .moved = host_moved,
        };
        _cleanup_(depot_freep) Depot *depot = NULL;
        ProgressPipe nowhere = { .fd = -EBADF };

        (void) umask(0077);
        trial->error = depot_open(target, index, &host, &nowhere, &depot);
        if (trial->error < 0)
                return;
        trial_room(depot, trial);
        trial->error = trial_save(depot, trial);
        if (trial->error >= 0)
                trial->step = TRIAL_DONE;
}

/* Mounts are nobody else's, and gone with the process. */
static int own_mounts(void)
{
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return -errno;
        return 0;
}

static void child_run(const Target *target, size_t index, pid_t parent, int fd)
{
        Trial trial = { .step = TRIAL_OPEN };

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(EXIT_FAILURE);
        /* A server that hangs up is an error like others. */
        (void) signal(SIGPIPE, SIG_IGN);
        trial.error = own_mounts();
        if (trial.error < 0)
                (void) log_error_errno(trial.error, "cannot make a mount namespace: %m");
        else
                trial_do(target, index, &trial);
        _exit(write_full(fd, &trial, sizeof(trial)) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static uint64_t limit_usec(const Target *target)
{
        uint64_t usec;

        return __builtin_add_overflow(target->connect_usec, target->timeout_usec, &usec)
                       ? USEC_INFINITY
                       : usec;
}

int trial_run(const Target *target, size_t index, Trial *ret)
{
        _cleanup_close_ int read_fd = -EBADF, write_fd = -EBADF;
        pid_t pid, parent = getpid();
        int fds[2], status = 0, r;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        read_fd = fds[0];
        write_fd = fds[1];
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                child_run(target, index, parent, write_fd);
        write_fd = close_fd(write_fd);
        r = process_wait(pid, limit_usec(target), &status);
        if (r >= 0 && read_full(read_fd, ret, sizeof(*ret)) >= 0)
                return 0;
        if (r >= 0)
                log_error("the trial of '%s' died of signal %d", target->what ?: "", status - 128);
        else
                (void) log_error_errno(r, "the trial of '%s' has not ended: %m",
                                       target->what ?: "");
        *ret = (Trial){ .step = TRIAL_OPEN, .error = r < 0 ? r : -EIO };
        return 0;
}
