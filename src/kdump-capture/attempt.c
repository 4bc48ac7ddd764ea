/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the order of one attempt, and its meta.json. */
#include "attempt.h"

#include <fcntl.h>
#include <sys/klog.h>
#include <sys/stat.h>

#include "capture.h"
#include "depot-open.h"
#include "folder.h"
#include "io.h"
#include "log.h"
#include "paths.h"
#include "purgatory-status.h"

/* What a record says until the capture has ended, one way or the other. */
#define REASON_INTERRUPTED "the capture was interrupted"

/* SYSLOG_ACTION_READ_ALL, SYSLOG_ACTION_SIZE_BUFFER of syslog(2). */
#define KLOG_READ_ALL 3
#define KLOG_SIZE_BUFFER 10

/* What saving it needs and brings. */
typedef struct Attempt {
        const AttemptJob *job;
        Depot *depot;
        DumpRecord record;
        CaptureStatus status; /* so far */
        uint64_t start_usec;
        uint64_t waited_usec; /* for the order */
} Attempt;

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
        case CAPTURE_AGAIN:
                break;
        }
        return "nothing saved";
}

/* What a network or a server that comes back makes good. */
static bool error_may_pass(const Target *target, int error)
{
        static const int errors[] = {
                EHOSTUNREACH,  ENETUNREACH,  EHOSTDOWN,  ENETDOWN,     ENETRESET,
                EADDRNOTAVAIL, ECONNREFUSED, ECONNRESET, ECONNABORTED, ETIMEDOUT,
                ENOTCONN,      EPIPE,        EAGAIN,
        };

        /* So the kernel names an NFS server that does not answer: call_timeout() in
         * net/sunrpc/clnt.c. */
        if (target->type == TARGET_NFS && error == -EIO)
                return true;
        for (size_t i = 0; target_is_remote(target) && i < ELEMENTSOF(errors); i++)
                if (error == -errors[i])
                        return true;
        return false;
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

/* That it is not there, or makes no sense, is no reason not to save. */
static int record_purgatory(DumpRecord *record)
{
        _cleanup_close_ int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        PurgatoryStatus status;

        if (root_fd < 0 || purgatory_status_read(root_fd, &status) < 0)
                return 0;
        return purgatory_status_record(&status, record);
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
        record->image = plan->image ? strdup(plan->image) : NULL;
        if (!record->hostname || !record->machine_id || (plan->image && !record->image))
                return -ENOMEM;
        r = target_describe(target, &record->target);
        if (r < 0)
                return r;
        r = record_purgatory(record);
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

static void save_log(Attempt *attempt)
{
        ProgressPipe *pipe = attempt->job->pipe;
        DumpRecord *record = &attempt->record;
        int r;

        log_info("saving %s", FILE_DMESG);
        progress_report(pipe, PROGRESS_LOG, 0, 0, 0);
        r = capture_save_dmesg(attempt->job->source, attempt->depot, record);
        if (r < 0) {
                (void) log_warning_errno(r, "saving %s failed, going on with the vmcore: %m",
                                         FILE_DMESG);
                return;
        }
        record->log_usec = now_boottime_usec() - attempt->start_usec;
        attempt->status = CAPTURE_LOG_ONLY;
        pipe->last.log_saved = 1;
        log_info("saving %s complete", FILE_DMESG);
        progress_report(pipe, PROGRESS_LOG_SAVED, 0, 0, record->log_bytes);
}

/* @error: why there is none, or not all of it that fits elsewhere. */
static CaptureStatus vmcore_failed(Attempt *attempt, int error)
{
        DumpRecord *record = &attempt->record;
        bool nothing = record->n_pages == record->n_pages_missing;

        if (record->status == DUMP_STATUS_COMPLETE || nothing)
                record->status = DUMP_STATUS_LOG_ONLY;
        if (streq_ptr(record->reason, REASON_INTERRUPTED))
                (void) record_reason(record, strerror(-error));
        log_error("saving %s failed: %s", FILE_VMCORE, record->reason ?: strerror(-error));
        if (sink_error_is_full(error) && !nothing)
                return CAPTURE_FULL;
        return error_may_pass(attempt->job->target, error) ? CAPTURE_AGAIN : attempt->status;
}

static CaptureStatus save_vmcore(Attempt *attempt)
{
        const AttemptJob *job = attempt->job;
        const CaptureDeadline deadline = {
                .start_usec = job->begin_usec + attempt->waited_usec,
                .limit_usec = job->target->deadline_usec,
        };
        DumpRecord *record = &attempt->record;
        int r;

        log_info("saving %s", FILE_VMCORE);
        r = capture_save_vmcore(job->source, attempt->depot, &job->plan->collector, &deadline,
                                job->pipe, record);
        /* Another target may have more room, but the time is over. */
        if (r < 0 && (r != -ETIME || record->n_pages == record->n_pages_missing))
                return vmcore_failed(attempt, r);
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
static int begin_folder(Attempt *attempt, char **ret_where)
{
        const char *host = attempt->job->plan->host;
        int r = -EEXIST;

        for (unsigned try = 0; r == -EEXIST && try < FOLDER_TRIES; try++) {
                _cleanup_free_ char *name = NULL;

                r = folder_name(host, attempt->record.start_realtime_usec, try, &name);
                if (r < 0)
                        return r;
                r = attempt->depot->ops->begin(attempt->depot, name, ret_where);
        }
        return r;
}

static int begin(Attempt *attempt)
{
        const Target *target = attempt->job->target;
        ProgressPipe *pipe = attempt->job->pipe;
        _cleanup_free_ char *where = NULL;
        int r;

        r = begin_folder(attempt, &where);
        if (r < 0)
                return log_error_errno(r, "cannot make a folder in '%s' of the target: %m",
                                       target->path ?: "/");
        log_info("saving to %s on %s", where, target->what ?: "");
        (void) snprintf(pipe->last.where, sizeof(pipe->last.where), "%s", where);
        return 0;
}

/* Returns whether the vmcore is to be saved here. */
static bool wait_for_order(Attempt *attempt)
{
        uint64_t ready_usec = now_boottime_usec();
        AttemptOrder order;
        int r;

        progress_report(attempt->job->pipe, PROGRESS_READY, 0, 0, attempt->record.log_bytes);
        r = read_full(attempt->job->order_fd, &order, sizeof(order));
        attempt->waited_usec = now_boottime_usec() - ready_usec;
        if (r < 0)
                return false; /* the supervisor is gone */
        order.why[sizeof(order.why) - 1] = '\0';
        if (!order.go)
                (void) record_reason(&attempt->record, order.why);
        return order.go;
}

static CaptureStatus save_all(Attempt *attempt)
{
        const AttemptJob *job = attempt->job;
        DumpRecord *record = &attempt->record;

        if (!job->skip_log)
                save_log(attempt);
        memory_peak_record(job->memory, record);
        save_record(attempt->depot, record);

        if (wait_for_order(attempt)) {
                attempt->status = save_vmcore(attempt);
                if (attempt->status == CAPTURE_COMPLETE)
                        job->pipe->last.vmcore_saved = 1;
                else if (attempt->status == CAPTURE_INCOMPLETE)
                        job->pipe->last.vmcore_saved = 2;
                record->dump_usec = now_boottime_usec() - attempt->start_usec;
        }
        if (attempt->status == CAPTURE_AGAIN)
                return CAPTURE_AGAIN; /* what cannot be reached takes no record either */
        progress_report(job->pipe, PROGRESS_SYNC, job->pipe->last.pages_done,
                        job->pipe->last.pages_total, record->vmcore_bytes);
        memory_peak_sample(job->memory, true);
        memory_peak_record(job->memory, record);
        save_record(attempt->depot, record);
        save_capture_log(attempt->depot);
        return attempt->status;
}

static void host_log(int level, const char *text)
{
        (void) log_full(level, 0, "%s", text);
}

static void host_moved(void *userdata)
{
        progress_moved(userdata);
}

static CaptureStatus open_and_save(Attempt *attempt)
{
        const AttemptJob *job = attempt->job;
        _cleanup_(depot_freep) Depot *depot = NULL;
        const DepotHost host = {
                .version = DEPOT_MODULE_VERSION,
                .log = host_log,
                .moved = host_moved,
                .userdata = job->pipe,
        };
        int r;

        progress_report(job->pipe, PROGRESS_WAIT_TARGET, 0, 0, 0);
        r = depot_open(job->target, job->index, &host, job->pipe, &depot);
        if (r >= 0) {
                attempt->depot = depot;
                r = begin(attempt);
        }
        if (r < 0)
                return error_may_pass(job->target, r) ? CAPTURE_AGAIN : CAPTURE_NOTHING;
        return save_all(attempt);
}

CaptureStatus attempt_run(const AttemptJob *job)
{
        Attempt attempt = {
                .job = job,
                .status = CAPTURE_NOTHING,
                .start_usec = now_boottime_usec(),
        };
        CaptureStatus status = CAPTURE_NOTHING;

        (void) umask(0077);
        if (record_begin(&attempt.record, job->plan, job->target) >= 0)
                status = open_and_save(&attempt);
        else
                (void) log_oom();
        progress_report(job->pipe, PROGRESS_DONE, job->pipe->last.pages_done,
                        job->pipe->last.pages_total, attempt.record.vmcore_bytes);
        dump_record_done(&attempt.record);
        return status;
}
