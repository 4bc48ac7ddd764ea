/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the order of the checks, and those on the configuration itself. */
#include "verify.h"

#include "config.h"
#include "io.h"
#include "log.h"
#include "resolve.h"
#include "state.h"
#include "strv.h"

static void verify_done(Verify *v)
{
        facts_done(&v->facts);
        config_free(v->config);
        plan_free(v->plan);
        needs_done(&v->needs);
        wanted_done(&v->wanted);
        generation_store_done(&v->store);
        verify_report_done(&v->report);
}

static int verify_config(Verify *v)
{
        _cleanup_(config_messages_done) ConfigMessages messages = { 0 };
        int error, r;

        error = config_load(v->root_fd, PATH_CONFIG, PATH_CONFIG_DROPIN_DIR, &v->config, &messages);
        if (error == -ENOMEM)
                return error;
        for (size_t i = 0; i < messages.n_items; i++) {
                const ConfigMessage *message = &messages.items[i];

                r = verify_report_add(&v->report, "configuration",
                                      message->level <= LOG_ERR ? CHECK_FAILED : CHECK_WARNING,
                                      "%s", message->text);
                if (r < 0)
                        return r;
        }
        if (messages.n_items > 0)
                return 0;
        if (error < 0)
                return verify_report_add(&v->report, "configuration", CHECK_FAILED,
                                         "'%s' cannot be read: %s", PATH_CONFIG, strerror(-error));
        return verify_report_add(&v->report, "configuration", CHECK_OK,
                                 "'%s' and its drop-ins are understood.", PATH_CONFIG);
}

static int verify_plan(Verify *v)
{
        _cleanup_strv_ char **warnings = NULL;
        _cleanup_free_ char *message = NULL;
        int error, r;

        if (!v->config)
                return verify_report_add(&v->report, "plan", CHECK_SKIPPED,
                                         "The configuration has errors.");
        error = resolve_plan(v->root_fd, v->config, &v->facts, &v->plan, &v->needs, &warnings,
                             &message);
        if (error == -ENOMEM)
                return error;
        for (char **warning = warnings; warning && *warning; warning++) {
                r = verify_report_add(&v->report, "plan", CHECK_WARNING, "%s", *warning);
                if (r < 0)
                        return r;
        }
        if (error < 0)
                return verify_report_add(&v->report, "plan", CHECK_FAILED, "%s",
                                         message ?: strerror(-error));
        if (warnings)
                return 0;
        return verify_report_add(&v->report, "plan", CHECK_OK,
                                 "All that the configuration names was found.");
}

static int verify_all(Verify *v)
{
        int r;

        r = verify_kernel(v);
        if (r >= 0)
                r = verify_config(v);
        if (r >= 0)
                r = verify_plan(v);
        if (r >= 0)
                r = verify_image(v);
        if (r >= 0)
                r = verify_targets(v);
        if (r >= 0)
                r = verify_service(v);
        return r;
}

static int read_system(Verify *v)
{
        int r;

        r = facts_read(v->root_fd, &v->facts);
        if (r < 0)
                return r;
        v->crash_loaded = facts_crash_loaded(v->root_fd);
        return generation_store_load(v->root_fd, &v->store);
}

int verify_run(int root_fd, VerifyReport *ret)
{
        _cleanup_(verify_done) Verify v = { .root_fd = root_fd };
        uint64_t begin_usec = now_boottime_usec();
        int r;

        r = read_system(&v);
        if (r >= 0)
                r = verify_all(&v);
        if (r < 0)
                return r;
        v.report.kernel_release = TAKE_PTR(v.facts.kernel_release);
        v.report.time_realtime_usec = now_realtime_usec();
        v.report.duration_usec = now_boottime_usec() - begin_usec;
        *ret = v.report;
        v.report = (VerifyReport){ 0 };
        return 0;
}
