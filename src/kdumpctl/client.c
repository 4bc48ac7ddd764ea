/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the waiting for a job of kdumpd (org.kdumpd.Kdump1.Manager). */
#include "client.h"

#include <signal.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "bus-names.h"
#include "log.h"
#include "state.h"

/* kdumpd does one thing at a time: it may be loading an image when we call. PID 1 kills it if it
 * does nothing for WatchdogSec=. */
#define CALL_TIMEOUT_USEC (200 * USEC_PER_SEC)

#define MATCH_OWNER                                                                                \
        "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"            \
        "member='NameOwnerChanged',arg0='" BUS_NAME "'"

typedef struct Client {
        sd_event *event;
        sd_bus *bus;
        char *job;
        char *owner; /* the kdumpd that knows the job, by its unique name */
        bool building_told;
        int status; /* as client_run_job() returns it */
        char *reason;
} Client;

static void client_done(Client *c)
{
        c->bus = sd_bus_flush_close_unref(c->bus);
        c->event = sd_event_unref(c->event);
        free(c->job);
        free(c->owner);
        free(c->reason);
}

static int client_end(Client *c, int status, const char *reason)
{
        free(c->reason);
        c->reason = strempty(reason) ? NULL : strdup(reason);
        c->status = status;
        return sd_event_exit(c->event, 0);
}

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *job, *kind, *result, *reason;
        Client *c = userdata;
        uint32_t id;
        int r;

        r = sd_bus_message_read(message, "uosss", &id, &job, &kind, &result, &reason);
        if (r < 0 || !streq(job, c->job) ||
            !streq_ptr(sd_bus_message_get_sender(message), c->owner))
                return 0;
        return client_end(c, streq(result, "done") ? EXIT_SUCCESS : EXIT_FAILURE, reason);
}

static void tell_state(Client *c, const char *state, const char *reason)
{
        if (c->building_told || !streq_ptr(state, arm_state_to_string(ARM_STATE_BUILDING)))
                return;
        c->building_told = true;
        log_info("%s; this may take minutes.",
                 strempty(reason) ? "a base image is being built" : reason);
}

/* PropertiesChanged(s interface, a{sv} changed, as invalidated). */
static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *name, *value, *state = NULL, *reason = NULL;
        int r;

        if (sd_bus_message_skip(message, "s") < 0 ||
            sd_bus_message_enter_container(message, SD_BUS_TYPE_ARRAY, "{sv}") < 0)
                return 0;
        while (sd_bus_message_enter_container(message, SD_BUS_TYPE_DICT_ENTRY, "sv") > 0) {
                r = sd_bus_message_read(message, "s", &name);
                if (r < 0)
                        return 0;
                if (!streq(name, "State") && !streq(name, "Reason"))
                        r = sd_bus_message_skip(message, "v");
                else {
                        r = sd_bus_message_read(message, "v", "s", &value);
                        *(streq(name, "State") ? &state : &reason) = value;
                }
                if (r < 0 || sd_bus_message_exit_container(message) < 0)
                        return 0;
        }
        tell_state(userdata, state, reason);
        return 0;
}

static int client_lose(Client *c)
{
        return client_end(
                c, EXIT_FAILURE,
                "kdumpd ended before it answered; 'kdumpctl status' shows what is armed.");
}

/* NameOwnerChanged(s name, s before, s after). Whoever else has the name knows nothing of our job.
 */
static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *name, *before, *after;
        Client *c = userdata;

        if (sd_bus_message_read(message, "sss", &name, &before, &after) < 0 ||
            streq_ptr(after, c->owner))
                return 0;
        return client_lose(c);
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return client_lose(userdata);
}

/* What kdumpd says of jobs and states is seen from here on. */
static int client_connect(Client *c)
{
        int r;

        r = sd_event_new(&c->event);
        if (r < 0)
                return r;
        r = sd_bus_open_system(&c->bus);
        if (r < 0)
                return r;
        r = sd_bus_match_signal(c->bus, NULL, BUS_NAME, BUS_PATH, BUS_INTERFACE_MANAGER,
                                "JobRemoved", on_job_removed, c);
        if (r < 0)
                return r;
        r = sd_bus_match_signal(c->bus, NULL, BUS_NAME, BUS_PATH, "org.freedesktop.DBus.Properties",
                                "PropertiesChanged", on_changed, c);
        if (r < 0)
                return r;
        r = sd_bus_add_match(c->bus, NULL, MATCH_OWNER, on_owner_changed, c);
        if (r < 0)
                return r;
        r = sd_bus_match_signal(c->bus, NULL, "org.freedesktop.DBus.Local",
                                "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                "Disconnected", on_disconnected, c);
        if (r < 0)
                return r;
        return sd_bus_attach_event(c->bus, c->event, SD_EVENT_PRIORITY_NORMAL);
}

/* Errors after which the ways without the bus are still open. */
static bool is_unreachable(const sd_bus_error *error)
{
        static const char *const names[] = {
                SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                SD_BUS_ERROR_ACCESS_DENIED,   SD_BUS_ERROR_UNKNOWN_METHOD,
                SD_BUS_ERROR_UNKNOWN_OBJECT,  SD_BUS_ERROR_UNKNOWN_INTERFACE,
                SD_BUS_ERROR_DISCONNECTED,    BUS_ERROR_NOT_SUPPORTED,
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (sd_bus_error_has_name(error, names[i]))
                        return true;
        return false;
}

/* Returns 0 with the job; 1 if it was refused, with the reason; -EHOSTUNREACH. */
static int client_call(Client *c, const char *method)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *job;
        int r;

        r = sd_bus_message_new_method_call(c->bus, &call, BUS_NAME, BUS_PATH, BUS_INTERFACE_MANAGER,
                                           method);
        if (r < 0)
                return -EHOSTUNREACH;
        /* A service that was stopped stays so. */
        r = sd_bus_message_set_auto_start(call, false);
        if (r < 0)
                return -EHOSTUNREACH;
        r = sd_bus_call(c->bus, call, CALL_TIMEOUT_USEC, &error, &reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &job);
        if (r < 0 && is_unreachable(&error))
                return -EHOSTUNREACH;
        if (r < 0) {
                c->reason = strdup(error.message ?: strerror(-r));
                return 1;
        }
        c->job = strdup(job);
        c->owner = strdup(sd_bus_message_get_sender(reply) ?: "");
        return c->job && c->owner ? 0 : -ENOMEM;
}

/* The state when we came; changes are signalled. */
static void look_at_state(Client *c)
{
        _cleanup_free_ char *state = NULL, *reason = NULL;

        if (sd_bus_get_property_string(c->bus, BUS_NAME, BUS_PATH, BUS_INTERFACE_MANAGER, "State",
                                       NULL, &state) < 0 ||
            sd_bus_get_property_string(c->bus, BUS_NAME, BUS_PATH, BUS_INTERFACE_MANAGER, "Reason",
                                       NULL, &reason) < 0)
                return;
        tell_state(c, state, reason);
}

static int on_interrupt(sd_event_source *source, const struct signalfd_siginfo *info,
                        void *userdata)
{
        log_info("Interrupted; kdumpd carries on, and 'kdumpctl status' tells what comes of it.");
        return client_end(userdata, -EINTR, NULL);
}

static int client_wait(Client *c)
{
        sigset_t mask;
        int r;

        sigemptyset(&mask);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGTERM);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        r = sd_event_add_signal(c->event, NULL, SIGINT, on_interrupt, c);
        if (r < 0)
                return r;
        r = sd_event_add_signal(c->event, NULL, SIGTERM, on_interrupt, c);
        if (r < 0)
                return r;
        look_at_state(c);
        return sd_event_loop(c->event);
}

int client_run_job(const char *method, char **ret_reason)
{
        _cleanup_(client_done) Client c = { 0 };
        int r;

        if (client_connect(&c) < 0)
                return -EHOSTUNREACH;
        r = client_call(&c, method);
        if (r == -EHOSTUNREACH)
                return r;
        if (r == 0)
                r = client_wait(&c);
        else if (r > 0)
                c.status = EXIT_FAILURE;
        if (r < 0) {
                (void) log_error_errno(r, "Failed to wait for kdumpd: %m");
                c.status = EXIT_FAILURE;
        }
        *ret_reason = TAKE_PTR(c.reason);
        return c.status;
}
