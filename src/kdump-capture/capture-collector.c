/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the run of an external collector and how its progress is seen. */
#include "capture-collector.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "collector-pipe.h"
#include "depot-folder.h"
#include "io.h"
#include "log.h"
#include "paths.h"
#include "process.h"
#include "sink-file.h"
#include "strv.h"

#define POLL_INTERVAL_MSEC 1000
#define OUTPUT_BYTES ((size_t) 64 << 10)

/* makedumpfile's, of a flattened stream */
#define FLAT_SIGNATURE "makedumpfile"

/* The source, and, unless @dir_fd is negative, the file. The folder is known by its fd only, which
 * is closed in the child: ours is reached through /proc. */
static int collector_argv(const CaptureJob *job, int dir_fd, char ***ret)
{
        _cleanup_strv_ char **argv = NULL;
        int r;

        r = strv_copy(job->collector->argv, &argv);
        if (r >= 0)
                r = strv_extend(&argv, job->source);
        if (r >= 0 && dir_fd >= 0)
                r = strv_extendf(&argv, "/proc/%d/fd/%d/%s", (int) getpid(), dir_fd,
                                 job->incomplete_name);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(argv);
        return 0;
}

/* How far it is can only be told by the growth of its file. Returns 0; -ETIME if the deadline has
 * passed, at which it is killed. */
static int collector_wait(const CaptureJob *job, int dir_fd, pid_t pid, int *ret_status)
{
        const uint64_t deadline_usec = capture_deadline_usec(job->deadline);
        _cleanup_close_ int pid_fd = (int) syscall(SYS_pidfd_open, pid, 0);
        struct pollfd poll_fd = { .fd = pid_fd, .events = POLLIN };
        uint64_t last_bytes = UINT64_MAX;
        int r;

        while (pid_fd >= 0 && !deadline_passed(deadline_usec) &&
               poll(&poll_fd, 1, POLL_INTERVAL_MSEC) <= 0) {
                struct stat st;
                uint64_t bytes;

                if (fstatat(dir_fd, job->incomplete_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                bytes = (uint64_t) st.st_blocks * 512;
                if (bytes == last_bytes)
                        continue; /* silence is what a stuck one is recognised by */
                last_bytes = bytes;
                capture_job_progress(job, PROGRESS_DUMP, 0, 0, bytes);
        }
        if (!deadline_passed(deadline_usec))
                return process_wait(pid, USEC_INFINITY, ret_status);
        r = process_wait(pid, 0, ret_status);
        return r == -ETIMEDOUT ? -ETIME : r;
}

static int collector_start(const CaptureJob *job, int dir_fd, pid_t *ret_pid)
{
        _cleanup_strv_ char **argv = NULL;
        mode_t mask;
        int r;

        r = collector_argv(job, dir_fd, &argv);
        if (r < 0)
                return r;
        /* makedumpfile refuses to write to a file that is there. */
        (void) unlinkat(dir_fd, job->incomplete_name, 0);
        mask = umask(0077);
        r = process_start(argv, PROCESS_GROUP, ret_pid);
        (void) umask(mask);
        return r;
}

static int collector_record(const CaptureJob *job)
{
        DumpRecord *record = job->record;

        free(record->format);
        free(record->compression);
        free(record->reason);
        record->compression = NULL;
        record->reason = NULL;
        record->dump_level = 0;
        record->status = DUMP_STATUS_COMPLETE;
        return strprintf(&record->format, "external: %s", job->collector->argv[0]);
}

/* Whether what it has written can be read, only it could tell. */
static int collector_late(const CaptureJob *job)
{
        DumpRecord *record = job->record;

        free(record->reason);
        record->reason = NULL;
        (void) capture_deadline_reason(job->deadline, -ETIME, &record->reason);
        log_error("The collector '%s' was killed: %s.", job->collector->argv[0],
                  record->reason ?: "");
        return -ETIME;
}

static int collector_failed(const CaptureJob *job, int status)
{
        log_error("The collector '%s' failed with status %d.", job->collector->argv[0], status);
        return -EIO;
}

static int collector_done(const CaptureJob *job, const char *file, uint64_t bytes)
{
        int r;

        r = collector_record(job);
        if (r < 0)
                return log_oom();
        job->record->vmcore_bytes = bytes;
        log_info("The collector '%s' wrote '%s', %llu bytes.", job->collector->argv[0], file,
                 (unsigned long long) bytes);
        return 0;
}

/* By the name that readers expect of it. */
static int open_for_output(const CaptureJob *job, const char *data, size_t size,
                           const char **ret_name, Sink **ret)
{
        bool is_flat = size >= strlen(FLAT_SIGNATURE) &&
                       memcmp(data, FLAT_SIGNATURE, strlen(FLAT_SIGNATURE)) == 0;

        *ret_name = is_flat ? FILE_VMCORE_FLAT : FILE_VMCORE;
        return job->depot->ops->open(job->depot,
                                     is_flat ? FILE_VMCORE_FLAT_INCOMPLETE : FILE_VMCORE_INCOMPLETE,
                                     *ret_name, 0, ret);
}

/* Returns 0 at the end of what it prints; *ret_sink is NULL if that was nothing. */
static int copy_output(const CaptureJob *job, int fd, const char **ret_name, Sink **ret_sink,
                       uint64_t *ret_bytes)
{
        const uint64_t deadline_usec = capture_deadline_usec(job->deadline);
        _cleanup_free_ char *buffer = malloc(OUTPUT_BYTES);
        size_t n;
        int r;

        if (!buffer)
                return -ENOMEM;
        for (;;) {
                r = collector_pipe_read(fd, deadline_usec, buffer, OUTPUT_BYTES, &n);
                if (r < 0 || n == 0)
                        return r;
                if (!*ret_sink)
                        r = open_for_output(job, buffer, n, ret_name, ret_sink);
                if (r >= 0)
                        r = sink_write(*ret_sink, *ret_bytes, buffer, n);
                if (r < 0)
                        return r;
                *ret_bytes += n;
                capture_job_progress(job, PROGRESS_DUMP, 0, 0, *ret_bytes);
        }
}

/* There is no file that it could write: it prints what is to be in it, as collectors do for such
 * targets elsewhere. */
static int collector_stream(const CaptureJob *job)
{
        const char *name = job->collector->argv[0], *file = FILE_VMCORE;
        _cleanup_(sink_freep) Sink *sink = NULL;
        _cleanup_strv_ char **argv = NULL;
        _cleanup_close_ int fd = -EBADF;
        uint64_t bytes = 0;
        int r, status = 0;
        pid_t pid = 0;

        r = collector_argv(job, -EBADF, &argv);
        if (r >= 0)
                r = collector_pipe_start(argv, &fd, &pid);
        if (r < 0)
                return log_error_errno(r, "Cannot start the collector '%s': %m", name);
        r = copy_output(job, fd, &file, &sink, &bytes);
        /* A program that is still at it is killed. */
        if (process_wait(pid, r < 0 ? 0 : USEC_INFINITY, &status) < 0 && r >= 0)
                r = -ECHILD;
        if (r == -ETIME)
                return collector_late(job);
        if (r >= 0 && (status != 0 || !sink))
                return collector_failed(job, status);
        if (r >= 0) {
                capture_job_progress(job, PROGRESS_SYNC, 0, 0, bytes);
                r = sink_commit(sink);
        }
        if (r < 0)
                return log_error_errno(r, "Cannot write '%s' of the collector '%s': %m", file,
                                       name);
        return collector_done(job, file, bytes);
}

int capture_collector_run(const CaptureJob *job)
{
        const char *name = job->collector->argv[0];
        int r, status = 0, dir_fd = depot_folder_fd(job->depot);
        uint64_t bytes = 0;
        pid_t pid = 0;

        if (dir_fd == -EOPNOTSUPP)
                return collector_stream(job);
        r = collector_start(job, dir_fd, &pid);
        if (r < 0)
                return log_error_errno(r, "Cannot start the collector '%s': %m", name);
        r = collector_wait(job, dir_fd, pid, &status);
        if (r == -ETIME)
                return collector_late(job);
        if (r < 0)
                return log_error_errno(r, "Cannot wait for the collector '%s': %m", name);
        if (status != 0)
                return collector_failed(job, status);

        capture_job_progress(job, PROGRESS_SYNC, 0, 0, 0);
        r = sink_file_adopt(dir_fd, job->incomplete_name, job->final_name, &bytes);
        if (r < 0)
                return log_error_errno(r, "Cannot finish '%s' of the collector '%s': %m",
                                       job->final_name, name);
        return collector_done(job, job->final_name, bytes);
}
