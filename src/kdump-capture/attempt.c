/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the order of one attempt, and its meta.json. */
#include "attempt.h"

#include <fcntl.h>
#include <sys/klog.h>
#include <sys/stat.h>

#include "capture.h"
#include "folder.h"
#include "io.h"
#include "log.h"
#include "mount-target.h"
#include "paths.h"
#include "sink.h"

#define SOURCE "/proc/vmcore"
/* What a record says until the capture has ended, one way or the other. */
#define REASON_INTERRUPTED "the capture was interrupted"

/* SYSLOG_ACTION_READ_ALL, SYSLOG_ACTION_SIZE_BUFFER of syslog(2). */
#define KLOG_READ_ALL 3
#define KLOG_SIZE_BUFFER 10

const char *capture_status_to_string(CaptureStatus status)
{
        switch (status) {
        case CAPTURE_COMPLETE:
                return "complete";
        case CAPTURE_LOG_ONLY:
                return "log only";
        case CAPTURE_INCOMPLETE:
                return "incomplete";
        case CAPTURE_FULL:
                return "full";
        case CAPTURE_NOTHING:
                break;
        }
        return "nothing saved";
}

/* meta.json is written before the pages and again at the end, so that what an interrupted capture
 * leaves behind tells of itself. */
static int record_write(int dir_fd, const DumpRecord *record)
{
        _cleanup_free_ char *json = NULL;
        int r;

        r = dump_record_to_json(record, &json);
        if (r < 0)
                return r;
        return file_write_atomic(dir_fd, FILE_META, json, strlen(json), 0600);
}

static int record_reason(DumpRecord *record, const char *reason)
{
        free(record->reason);
        record->reason = reason ? strdup(reason) : NULL;
        return reason && !record->reason ? -ENOMEM : 0;
}

static int record_begin(DumpRecord *record, const Plan *plan, const Target *target)
{
        int r;

        record->status = DUMP_STATUS_LOG_ONLY;
        record->start_realtime_usec = now_realtime_usec();
        record->generation = plan->generation;
        record->n_cpus = (unsigned) sysconf(_SC_NPROCESSORS_ONLN);
        record->hostname = strdup(plan->hostname ?: "");
        record->machine_id = strdup(plan->machine_id ?: "");
        if (!record->hostname || !record->machine_id)
                return -ENOMEM;
        r = target_describe(target, &record->target);
        if (r < 0)
                return r;
        return record_reason(record, REASON_INTERRUPTED);
}

/* The log of the crash kernel itself: what the next person needs when a capture went wrong. */
static void save_capture_log(int dir_fd)
{
        int size = klogctl(KLOG_SIZE_BUFFER, NULL, 0);
        _cleanup_free_ char *log = NULL;
        int n, r;

        if (size <= 0)
                return;
        log = malloc((size_t) size);
        if (!log)
                return;
        n = klogctl(KLOG_READ_ALL, log, size);
        if (n < 0)
                return;
        r = file_write_atomic(dir_fd, FILE_CAPTURE_LOG, log, (size_t) n, 0600);
        if (r < 0)
                (void) log_warning_errno(r, "cannot write '%s', ignoring: %m", FILE_CAPTURE_LOG);
}

static CaptureStatus save_log(int dir_fd, uint64_t start_usec, ProgressPipe *pipe,
                              DumpRecord *record)
{
        int r;

        log_info("saving %s", FILE_DMESG);
        progress_report(pipe, PROGRESS_LOG, 0, 0, 0);
        r = capture_save_dmesg(SOURCE, dir_fd, record);
        if (r < 0) {
                (void) log_warning_errno(r, "saving %s failed, going on with the vmcore: %m",
                                         FILE_DMESG);
                return CAPTURE_NOTHING;
        }
        record->log_usec = now_boottime_usec() - start_usec;
        pipe->last.log_saved = 1;
        log_info("saving %s complete", FILE_DMESG);
        progress_report(pipe, PROGRESS_LOG_SAVED, 0, 0, record->log_bytes);
        return CAPTURE_LOG_ONLY;
}

static CaptureStatus save_vmcore(int dir_fd, const Plan *plan, const CaptureDeadline *deadline,
                                 CaptureStatus so_far, ProgressPipe *pipe, DumpRecord *record)
{
        bool nothing;
        int r;

        log_info("saving %s", FILE_VMCORE);
        r = capture_save_vmcore(SOURCE, dir_fd, &plan->collector, deadline, pipe, record);
        nothing = record->n_pages == record->n_pages_missing;
        /* Another target may have more room, but the time is over. */
        if (r < 0 && (r != -ETIME || nothing)) {
                if (record->status == DUMP_STATUS_COMPLETE || nothing)
                        record->status = DUMP_STATUS_LOG_ONLY;
                if (streq_ptr(record->reason, REASON_INTERRUPTED))
                        (void) record_reason(record, strerror(-r));
                log_error("saving %s failed: %s", FILE_VMCORE, record->reason ?: strerror(-r));
                return sink_error_is_full(r) && !nothing ? CAPTURE_FULL : so_far;
        }
        if (record->status == DUMP_STATUS_INCOMPLETE) {
                log_warning("saving %s: %llu pages are missing%s", FILE_VMCORE,
                            (unsigned long long) record->n_pages_missing,
                            r == -ETIME ? ", target_deadline was too short for them" : "");
                return CAPTURE_INCOMPLETE;
        }
        (void) record_reason(record, NULL);
        log_info("saving %s complete", FILE_VMCORE);
        return CAPTURE_COMPLETE;
}

static CaptureStatus save_all(const Plan *plan, const Target *target, int root_fd, bool skip_log,
                              uint64_t start_usec, MemoryPeak *memory, ProgressPipe *pipe,
                              DumpRecord *record)
{
        _cleanup_close_ int dir_fd = -EBADF;
        _cleanup_free_ char *where = NULL;
        const CaptureDeadline deadline = { start_usec, target->deadline_usec };
        CaptureStatus status = CAPTURE_NOTHING;
        int r;

        r = folder_make(root_fd, target->path, plan->host, record->start_realtime_usec, &where,
                        &dir_fd);
        if (r < 0) {
                (void) log_error_errno(r, "cannot make a folder in '%s' of the target: %m",
                                       target->path);
                return CAPTURE_NOTHING;
        }
        log_info("saving to %s on %s", where, target->what ?: "");
        (void) snprintf(pipe->last.where, sizeof(pipe->last.where), "%s", where);

        if (!skip_log)
                status = save_log(dir_fd, start_usec, pipe, record);
        memory_peak_record(memory, record);
        r = record_write(dir_fd, record);
        if (r < 0)
                (void) log_warning_errno(r, "cannot write '%s', ignoring: %m", FILE_META);

        status = save_vmcore(dir_fd, plan, &deadline, status, pipe, record);
        record->dump_usec = now_boottime_usec() - start_usec;
        progress_report(pipe, PROGRESS_SYNC, pipe->last.pages_done, pipe->last.pages_total,
                        record->vmcore_bytes);
        memory_peak_sample(memory, true);
        memory_peak_record(memory, record);
        r = record_write(dir_fd, record);
        if (r < 0)
                (void) log_warning_errno(r, "cannot write '%s', ignoring: %m", FILE_META);
        save_capture_log(dir_fd);
        return status;
}

CaptureStatus attempt_run(const Plan *plan, const Target *target, size_t index, bool skip_log,
                          MemoryPeak *memory, ProgressPipe *pipe)
{
        _cleanup_(dump_record_done) DumpRecord record = {};
        _cleanup_close_ int root_fd = -EBADF;
        _cleanup_free_ char *mount_point = NULL;
        uint64_t start_usec = now_boottime_usec();
        CaptureStatus status;
        int r;

        (void) umask(0077);
        r = record_begin(&record, plan, target);
        if (r < 0) {
                (void) log_oom();
                return CAPTURE_NOTHING;
        }
        r = strprintf(&mount_point, PATH_CAPTURE_MOUNT "-%zu", index);
        if (r < 0) {
                (void) log_oom();
                return CAPTURE_NOTHING;
        }

        progress_report(pipe, PROGRESS_WAIT_TARGET, 0, 0, 0);
        r = mount_target(target, mount_point, pipe, &root_fd);
        if (r < 0)
                return CAPTURE_NOTHING;

        status = save_all(plan, target, root_fd, skip_log, start_usec, memory, pipe, &record);
        progress_report(pipe, PROGRESS_DONE, pipe->last.pages_done, pipe->last.pages_total,
                        record.vmcore_bytes);
        return status;
}
