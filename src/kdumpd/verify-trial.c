/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the trial of a target by kdump-capture, which knows how it is reached: what that is given,
 * and what it says. See "try" in kdump-capture(8). */
#include "verify.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "io.h"
#include "json-fields.h"
#include "process.h"
#include "rootdir.h"

#define OUTPUT_BYTES_MAX 65536

/* Beside what a target may take to be reached and to stall. */
#define TRIAL_EXTRA_USEC (30 * USEC_PER_SEC)

/* One line of it. */
typedef struct TrialResult {
        char *step, *error, *where;
        uint64_t room_bytes;
        bool has_room, left;
} TrialResult;

static void trial_result_done(TrialResult *result)
{
        free(result->step);
        free(result->error);
        free(result->where);
}

static int read_result(const char *output, TrialResult *ret)
{
        static const JsonField fields[] = {
                { .name = "step",
                  .type = JSON_FIELD_STRING,
                  .offset = offsetof(TrialResult, step),
                  .required = true },
                { .name = "error",
                  .type = JSON_FIELD_STRING,
                  .offset = offsetof(TrialResult, error) },
                { .name = "where",
                  .type = JSON_FIELD_STRING,
                  .offset = offsetof(TrialResult, where) },
                { .name = "room_bytes",
                  .type = JSON_FIELD_U64,
                  .offset = offsetof(TrialResult, room_bytes) },
        };
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_free_ char *message = NULL;
        int r;

        r = json_object_parse(output, strcspn(output, "\n"), &object, &message);
        if (r < 0)
                return r;
        r = json_fields_read(fields, ELEMENTSOF(fields), object, "", ret, &message);
        if (r < 0)
                return r;
        ret->has_room = json_member(object, "room_bytes") != NULL;
        ret->left = json_object_get_boolean(json_member(object, "left"));
        return 0;
}

/* The file that the overlay would have at @target of the image; NULL: it is one of this system. */
static const char *overlay_text(const Needs *needs, const char *target)
{
        for (size_t i = 0; target && i < needs->n_files; i++)
                if (needs->files[i].text && streq(needs->files[i].target, target))
                        return needs->files[i].text;
        return NULL;
}

/* Writes a Plan of this one target to @folder, with what it names that is on no disk. */
static int write_plan(const Verify *v, const Target *target, int folder_fd, const char *folder)
{
        _cleanup_free_ char *json = NULL, *known_hosts = NULL;
        const char *text = overlay_text(&v->needs, target->known_hosts);
        Target only = *target;
        Plan plan = *v->plan;
        int r;

        if (text) {
                r = file_write_atomic(folder_fd, "known_hosts", text, strlen(text), 0600);
                if (r >= 0)
                        r = strprintf(&known_hosts, "%s/known_hosts", folder);
                if (r < 0)
                        return r;
                only.known_hosts = known_hosts;
        }
        plan.targets = &only;
        plan.n_targets = 1;
        plan.rootfs = NULL;
        r = plan_to_json(&plan, &json);
        return r < 0 ? r : file_write_atomic(folder_fd, "plan.json", json, strlen(json), 0600);
}

/* Returns 0 with what the program says; -EBADMSG if it says nothing that can be understood. */
static int run_trial(const Verify *v, const Target *target, const char *program, const char *folder,
                     TrialResult *ret, int *ret_status)
{
        _cleanup_close_ int folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ char *output = NULL, *plan = NULL, *name = strdup(program);
        uint64_t limit_usec;
        int r;

        if (folder_fd < 0)
                return -errno;
        r = write_plan(v, target, folder_fd, folder);
        if (r >= 0)
                r = strprintf(&plan, "%s/plan.json", folder);
        if (r < 0 || !name)
                return r < 0 ? r : -ENOMEM;
        if (__builtin_add_overflow(target->connect_usec, target->timeout_usec, &limit_usec) ||
            __builtin_add_overflow(limit_usec, TRIAL_EXTRA_USEC, &limit_usec))
                return -ERANGE;
        r = process_run_output((char *[]){ name, (char[]){ "try" }, plan, NULL }, PROCESS_GROUP,
                               limit_usec, OUTPUT_BYTES_MAX, &output, ret_status);
        return r < 0 ? r : read_result(output, ret);
}

static int add_rows(Verify *v, const char *text, uint64_t need_bytes, const TrialResult *result)
{
        static const struct {
                const char *step, *problem;
        } problems[] = {
                { "open", "it cannot be used" },
                { "begin", "no folder can be made there" },
                { "write", "no file can be written there" },
        };
        const char *problem = "it does not take a file";
        int r;

        for (size_t i = 0; i < ELEMENTSOF(problems); i++)
                if (streq(result->step, problems[i].step))
                        problem = problems[i].problem;
        if (!streq(result->step, "done"))
                return verify_report_add(&v->report, "target-write", CHECK_FAILED,
                                         "%s: %s: %s. 'journalctl -u kdump-verify' says more.",
                                         text, problem, result->error ?: "it does not say why");
        if (result->left)
                r = verify_report_add(&v->report, "target-write", CHECK_WARNING,
                                      "%s: it takes files, but '%s' could not be removed again.",
                                      text, result->where ?: "a file");
        else if (strempty(result->where))
                r = verify_report_add(&v->report, "target-write", CHECK_OK,
                                      "%s: it lets us in. No file was written, as none could be "
                                      "removed again.",
                                      text);
        else
                r = verify_report_add(&v->report, "target-write", CHECK_OK,
                                      "%s: it takes files, and lets them be removed.", text);
        if (r < 0)
                return r;
        return verify_add_room(v, text, need_bytes, result->has_room ? &result->room_bytes : NULL);
}

int verify_trial_by(Verify *v, const Target *target, const char *text, uint64_t need_bytes,
                    const char *program, const char *work_dir)
{
        _cleanup_(trial_result_done) TrialResult result = { 0 };
        _cleanup_free_ char *folder = NULL;
        int status = 0, r;

        r = strprintf(&folder, "%s/verify.XXXXXX", work_dir);
        if (r < 0)
                return r;
        if (!mkdtemp(folder))
                return verify_report_add(&v->report, "target-write", CHECK_SKIPPED,
                                         "%s: it was not tried: no folder can be made in '%s': %s",
                                         text, work_dir, strerror(errno));
        r = run_trial(v, target, program, folder, &result, &status);
        (void) root_remove_tree(AT_FDCWD, folder);
        if (r == -ENOMEM)
                return r;
        if (r == -ETIMEDOUT)
                return verify_report_add(&v->report, "target-write", CHECK_FAILED,
                                         "%s: it did not take a file in the time that it has.",
                                         text);
        if (r < 0)
                return verify_report_add(&v->report, "target-write", CHECK_SKIPPED,
                                         "%s: it could not be tried by '%s': %s (exit status %d)",
                                         text, program, strerror(-r), status);
        return add_rows(v, text, need_bytes, &result);
}

int verify_trial(Verify *v, const Target *target, const char *text, uint64_t need_bytes)
{
        if (!root_is_ours(v->root_fd))
                return verify_report_add(&v->report, "target-write", CHECK_SKIPPED,
                                         "%s: another system's targets are not tried.", text);
        return verify_trial_by(v, target, text, need_bytes, PATH_HELPER_DIR "/kdump-capture",
                               PATH_RUN_DIR);
}
