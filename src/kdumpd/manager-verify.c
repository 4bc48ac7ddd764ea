/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the waiting for kdump-verify.service, which says in its own file what it found. */
#include "log.h"
#include "manager.h"
#include "pid1.h"

void verify_done(Verify *verify)
{
        verify->job_removed = sd_bus_slot_unref(verify->job_removed);
        if (verify->bus)
                (void) sd_bus_detach_event(verify->bus);
        verify->bus = sd_bus_flush_close_unref(verify->bus);
        free(TAKE_PTR(verify->job));
        verify->running = false;
}

/* Results of jobs other than these two (job_result of systemd) end one that did not run, or not to
 * its end. */
const char *verify_problem(const char *result)
{
        static const struct {
                const char *result, *problem;
        } table[] = {
                { "done", NULL },
                { "failed", "some checks failed: 'kdumpctl verify' shows which" },
                { "canceled", "no checks were made: the job of " UNIT_VERIFY " was canceled" },
                { "timeout",
                  "no checks were made: the job of " UNIT_VERIFY " had to wait for too long" },
                { "dependency",
                  "no checks were made: a unit that " UNIT_VERIFY " needs could not be started" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (streq(result, table[i].result))
                        return table[i].problem;
        return "no checks were made: 'systemctl status " UNIT_VERIFY "' says why";
}

static void verify_over(Manager *m, const char *result)
{
        const char *problem = verify_problem(result);

        verify_done(&m->verify);
        manager_bus_verified(m->bus, m->verify.request, problem != NULL, problem);
}

/* The connection must outlive its own callback. */
static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;
        const char *job, *unit, *result;
        uint32_t id;

        if (sd_bus_message_read(message, "uoss", &id, &job, &unit, &result) < 0)
                return 0;
        if (m->verify.job && streq(job, m->verify.job)) {
                sd_bus *bus = sd_bus_ref(m->verify.bus);

                verify_over(m, result);
                sd_bus_unref(bus);
        }
        return 0;
}

static int start(Manager *m)
{
        Verify *v = &m->verify;
        _cleanup_free_ char *message = NULL;
        int r;

        r = pid1_connect(m->options.pid1_address, &v->bus);
        if (r < 0)
                return log_error_errno(r, "Failed to reach the service manager: %m");
        r = sd_bus_attach_event(v->bus, m->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = pid1_match_job_removed(v->bus, on_job_removed, m, &v->job_removed);
        if (r < 0)
                return log_error_errno(r, "Failed to listen to the service manager: %m");
        r = pid1_start_unit(v->bus, UNIT_VERIFY, &v->job, &message);
        if (r < 0)
                return log_error_errno(r, "Failed to start " UNIT_VERIFY ": %s",
                                       message ?: strerror(-r));
        return 0;
}

/* PID 1 closes its connections when it executes itself anew, and with them goes the signal. */
void manager_verify_look(Manager *m)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_free_ char *job = NULL, *state = NULL;
        int r;

        if (!m->verify.running)
                return;
        r = pid1_connect(m->options.pid1_address, &bus);
        if (r >= 0)
                r = pid1_job_type(bus, UNIT_VERIFY, &job);
        if (r >= 0)
                r = pid1_active_state(bus, UNIT_VERIFY, &state);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to look after " UNIT_VERIFY ", ignoring: %m");
        else if (!job && !streq(state, "activating"))
                verify_over(m, streq(state, "failed") ? "failed" : "done");
}

int manager_verify(void *userdata, const char *why, uint64_t *ret_request)
{
        Manager *m = userdata;
        int r;

        /* Whoever asks meanwhile gets the outcome of the one that runs. */
        if (!m->verify.running) {
                r = start(m);
                if (r < 0) {
                        verify_done(&m->verify);
                        return r;
                }
                m->verify.running = true;
                m->verify.request++;
        }
        *ret_request = m->verify.request;
        return 0;
}
