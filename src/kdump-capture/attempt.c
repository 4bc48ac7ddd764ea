/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the order of one attempt, and its meta.json. */
#include "attempt.h"

#include <sys/klog.h>
#include <sys/stat.h>

#include "capture.h"
#include "depot-open.h"
#include "folder.h"
#include "io.h"
#include "log.h"
#include "paths.h"

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

static int save_text(Depot *depot, const char *incomplete_name, const char *final_name,
                     const char *text, size_t size)
{
        _cleanup_(sink_freep) Sink *sink = NULL;
        int r;

        r = depot->ops->open(depot, incomplete_name, final_name, size, &sink);
        if (r < 0)
                return r;
        r = sink_write(sink, 0, text, size);
        return r < 0 ? r : sink_commit(sink);
}

/* meta.json is written before the pages and again at the end, so that what an interrupted capture
 * leaves behind tells of itself. */
static void save_record(Depot *depot, const DumpRecord *record)
{
        _cleanup_free_ char *json = NULL;
        int r;

        r = dump_record_to_json(record, &json);
        if (r >= 0)
                r = save_text(depot, FILE_META_INCOMPLETE, FILE_META, json, strlen(json));
        if (r < 0)
                (void) log_warning_errno(r, "cannot write '%s', ignoring: %m", FILE_META);
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
static void save_capture_log(Depot *depot)
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
        r = save_text(depot, FILE_CAPTURE_LOG_INCOMPLETE, FILE_CAPTURE_LOG, log, (size_t) n);
        if (r < 0)
                (void) log_warning_errno(r, "cannot write '%s', ignoring: %m", FILE_CAPTURE_LOG);
}

static CaptureStatus save_log(Depot *depot, uint64_t start_usec, ProgressPipe *pipe,
                              DumpRecord *record)
{
        int r;

        log_info("saving %s", FILE_DMESG);
        progress_report(pipe, PROGRESS_LOG, 0, 0, 0);
        r = capture_save_dmesg(SOURCE, depot, record);
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

static CaptureStatus save_vmcore(Depot *depot, const Plan *plan, const CaptureDeadline *deadline,
                                 CaptureStatus so_far, ProgressPipe *pipe, DumpRecord *record)
{
        bool nothing;
        int r;

        log_info("saving %s", FILE_VMCORE);
        r = capture_save_vmcore(SOURCE, depot, &plan->collector, deadline, pipe, record);
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

/* An old dump is never reused. */
static int begin_folder(Depot *depot, const Plan *plan, const DumpRecord *record, char **ret_where)
{
        int r = -EEXIST;

        for (unsigned try = 0; r == -EEXIST && try < FOLDER_TRIES; try++) {
                _cleanup_free_ char *name = NULL;

                r = folder_name(plan->host, record->start_realtime_usec, try, &name);
                if (r < 0)
                        return r;
                r = depot->ops->begin(depot, name, ret_where);
        }
        return r;
}

static CaptureStatus save_all(const Plan *plan, const Target *target, Depot *depot, bool skip_log,
                              uint64_t start_usec, MemoryPeak *memory, ProgressPipe *pipe,
                              DumpRecord *record)
{
        const CaptureDeadline deadline = { start_usec, target->deadline_usec };
        CaptureStatus status = CAPTURE_NOTHING;
        _cleanup_free_ char *where = NULL;
        int r;

        r = begin_folder(depot, plan, record, &where);
        if (r < 0) {
                (void) log_error_errno(r, "cannot make a folder in '%s' of the target: %m",
                                       target->path);
                return CAPTURE_NOTHING;
        }
        log_info("saving to %s on %s", where, target->what ?: "");
        (void) snprintf(pipe->last.where, sizeof(pipe->last.where), "%s", where);

        if (!skip_log)
                status = save_log(depot, start_usec, pipe, record);
        memory_peak_record(memory, record);
        save_record(depot, record);

        status = save_vmcore(depot, plan, &deadline, status, pipe, record);
        record->dump_usec = now_boottime_usec() - start_usec;
        progress_report(pipe, PROGRESS_SYNC, pipe->last.pages_done, pipe->last.pages_total,
                        record->vmcore_bytes);
        memory_peak_sample(memory, true);
        memory_peak_record(memory, record);
        save_record(depot, record);
        save_capture_log(depot);
        return status;
}

static void host_log(int level, const char *text)
{
        (void) log_full(level, 0, "%s", text);
}

static void host_moved(void *userdata)
{
        progress_moved(userdata);
}

CaptureStatus attempt_run(const Plan *plan, const Target *target, size_t index, bool skip_log,
                          MemoryPeak *memory, ProgressPipe *pipe)
{
        _cleanup_(dump_record_done) DumpRecord record = {};
        _cleanup_(depot_freep) Depot *depot = NULL;
        const DepotHost host = {
                .version = DEPOT_MODULE_VERSION,
                .log = host_log,
                .moved = host_moved,
                .userdata = pipe,
        };
        uint64_t start_usec = now_boottime_usec();
        CaptureStatus status;
        int r;

        (void) umask(0077);
        r = record_begin(&record, plan, target);
        if (r < 0) {
                (void) log_oom();
                return CAPTURE_NOTHING;
        }

        progress_report(pipe, PROGRESS_WAIT_TARGET, 0, 0, 0);
        r = depot_open(target, index, &host, pipe, &depot);
        if (r < 0)
                return CAPTURE_NOTHING;

        status = save_all(plan, target, depot, skip_log, start_usec, memory, pipe, &record);
        progress_report(pipe, PROGRESS_DONE, pipe->last.pages_done, pipe->last.pages_total,
                        record.vmcore_bytes);
        return status;
}
