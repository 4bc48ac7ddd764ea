/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the connection to the bus and the Manager object on it (sd-bus(3)). */
#include "manager-bus.h"

#include <limits.h>
#include <linux/capability.h>
#include <systemd/sd-bus.h>

#include "bus-jobs.h"
#include "io.h"
#include "log.h"
#include "strv.h"
#include "utf8.h"

/* As sd_bus_open_system(3) has it. */
#define BUS_ADDRESS_ENV "DBUS_SYSTEM_BUS_ADDRESS"
#define BUS_ADDRESS "unix:path=/run/dbus/system_bus_socket"

/* Asking the bus daemon who a caller is, is the one thing that we wait for. */
#define BUS_TIMEOUT_USEC (5 * USEC_PER_SEC)

/* Messages that wait for a bus daemon that does not read; then the connection is given up. */
#define BUS_QUEUED_MAX 1024

#define LOCAL_NAME "org.freedesktop.DBus.Local"
#define LOCAL_PATH "/org/freedesktop/DBus/Local"

/* The answer to RequestName (D-Bus specification, "Message Bus Messages"). */
#define NAME_PRIMARY_OWNER 1

struct ManagerBus {
        sd_event *event;
        const BusOwner *owner;
        void *userdata;
        sd_bus *bus; /* NULL: lost, the next tick connects again */
        sd_bus_slot *name_request;
        bool name_owned;
        bool told; /* of a failure; not again before it has worked */
        const char *version;
        BusProperties published;
        BusJobs jobs;
};

static void bus_drop(ManagerBus *b)
{
        b->name_request = sd_bus_slot_unref(b->name_request);
        b->name_owned = false;
        if (b->bus)
                (void) sd_bus_detach_event(b->bus);
        /* Not flushed: that could wait for ever. What can be written is so when it is sent. */
        b->bus = sd_bus_close_unref(b->bus);
}

static void tell_failure(ManagerBus *b, int error, const char *text)
{
        (void) log_full(b->told ? LOG_DEBUG : LOG_WARNING, error, "%s: %s, ignoring.", text,
                        strerror(abs(error)));
        b->told = true;
}

/* A bus that can take signals now; else they would only pile up. NULL if there is none. */
static sd_bus *bus_ready(ManagerBus *b)
{
        uint64_t n_queued = 0;

        if (!b->bus || sd_bus_is_ready(b->bus) <= 0)
                return NULL;
        if (sd_bus_get_n_queued_write(b->bus, &n_queued) < 0 || n_queued <= BUS_QUEUED_MAX)
                return b->bus;
        log_warning("The bus reads nothing any more; connecting anew within a minute.");
        bus_drop(b);
        return NULL;
}

static int refuse_errno(sd_bus_error *error, int r, const char *method)
{
        if (r == -ENOMEM)
                return r;
        if (r == -EOPNOTSUPP)
                return sd_bus_error_setf(error, BUS_ERROR_NOT_SUPPORTED,
                                         "This kdumpd cannot do '%s'.", method);
        if (r == -EBUSY)
                return sd_bus_error_setf(error, BUS_ERROR_BUSY,
                                         "kdumpd cannot do '%s' now; try again later.", method);
        return sd_bus_error_setf(error, BUS_ERROR_FAILED, "kdumpd could not begin '%s': %s", method,
                                 strerror(-r));
}

static int begin_job(ManagerBus *b, sd_bus_message *message, BusJobKind kind, BusRequest begin,
                     sd_bus_error *error)
{
        const char *method = sd_bus_message_get_member(message);
        _cleanup_free_ char *why = NULL;
        uint64_t request;
        int r;

        if (b->jobs.n_jobs >= BUS_JOBS_MAX)
                return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                         "%d jobs are waiting already; try again later.",
                                         BUS_JOBS_MAX);
        r = strprintf(&why, "%s called %s", sd_bus_message_get_sender(message) ?: "somebody",
                      method);
        if (r < 0)
                return r;
        r = begin ? begin(b->userdata, why, &request) : -EOPNOTSUPP;
        if (r < 0)
                return refuse_errno(error, r, method);
        return sd_bus_reply_method_return(message, "o",
                                          bus_jobs_add(&b->jobs, kind, request)->path);
}

static int method_reload(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        ManagerBus *b = userdata;

        return begin_job(b, message, BUS_JOB_RELOAD, b->owner->reload, error);
}

static int method_rebuild(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        ManagerBus *b = userdata;

        return begin_job(b, message, BUS_JOB_REBUILD, b->owner->rebuild, error);
}

static int method_verify(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        ManagerBus *b = userdata;

        return begin_job(b, message, BUS_JOB_VERIFY, b->owner->verify, error);
}

static int method_list_jobs(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const ManagerBus *b = userdata;
        int r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = bus_jobs_append(&b->jobs, reply);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

static int method_get_status(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const ManagerBus *b = userdata;
        _cleanup_free_ char *json = NULL;
        int r;

        r = state_to_json(b->owner->state(b->userdata), &json);
        if (r < 0)
                return r;
        utf8_clean(json);
        return sd_bus_reply_method_return(message, "s", json);
}

/* Whoever may reboot the machine may do these; sd-bus refuses all others. Of a caller on a bus
 * daemon the capabilities are not known, which leaves root (sd_bus_query_sender_privilege(3)). */
#define PRIVILEGED SD_BUS_VTABLE_CAPABILITY(CAP_SYS_BOOT)

#define ROW(name, type, field)                                                                     \
        SD_BUS_PROPERTY(name, type, NULL, offsetof(ManagerBus, published.field),                   \
                        SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Version", "s", NULL, offsetof(ManagerBus, version),
                        SD_BUS_VTABLE_PROPERTY_CONST),
        /* clang-format off */
        BUS_PROPERTIES(ROW)
        /* clang-format on */
        SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_RESULT("o", job), method_reload,
                                PRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Rebuild", SD_BUS_NO_ARGS, SD_BUS_RESULT("o", job), method_rebuild,
                                PRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Verify", SD_BUS_NO_ARGS, SD_BUS_RESULT("o", job), method_verify,
                                PRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListJobs", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(uoss)", jobs),
                                method_list_jobs, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetStatus", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", json),
                                method_get_status, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("JobRemoved",
                                SD_BUS_ARGS("u", id, "o", job, "s", kind, "s", result, "s", reason),
                                0),
        SD_BUS_VTABLE_END,
};

static int on_name(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        ManagerBus *b = userdata;
        const sd_bus_error *refusal = sd_bus_message_get_error(message);
        uint32_t answer;
        int r;

        b->name_request = sd_bus_slot_unref(b->name_request);
        r = refusal ? -sd_bus_message_get_errno(message)
                    : sd_bus_message_read(message, "u", &answer);
        if (r >= 0 && answer != NAME_PRIMARY_OWNER)
                r = -EEXIST;
        if (r < 0) {
                tell_failure(b, r, "Failed to get the name '" BUS_NAME "' on the bus");
                return 0;
        }
        b->name_owned = true;
        b->told = false;
        log_debug("The bus knows us as '" BUS_NAME "'.");
        return 0;
}

static void request_name(ManagerBus *b)
{
        int r;

        if (b->name_owned || b->name_request)
                return;
        r = sd_bus_request_name_async(b->bus, &b->name_request, BUS_NAME, 0, on_name, b);
        if (r < 0)
                tell_failure(b, r, "Failed to ask for the name '" BUS_NAME "' on the bus");
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        ManagerBus *b = userdata;

        if (b->name_owned)
                log_info("The connection to the bus was lost; it is made again within a minute.");
        bus_drop(b);
        return 0;
}

static int bus_make(const char *address, sd_bus **ret)
{
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r < 0)
                return r;
        r = sd_bus_set_description(bus, "kdumpd");
        if (r < 0)
                return r;
        r = sd_bus_set_address(bus, address);
        if (r < 0)
                return r;
        r = sd_bus_set_bus_client(bus, true);
        if (r < 0)
                return r;
        r = sd_bus_set_watch_bind(bus, true);
        if (r < 0)
                return r;
        /* At the end of the event loop, too, nothing is flushed; and jobs are still to be canceled.
         */
        r = sd_bus_set_close_on_exit(bus, false);
        if (r < 0)
                return r;
        r = sd_bus_set_method_call_timeout(bus, BUS_TIMEOUT_USEC);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

static int bus_start(ManagerBus *b)
{
        int r;

        r = bus_make(secure_getenv(BUS_ADDRESS_ENV) ?: BUS_ADDRESS, &b->bus);
        if (r < 0)
                return r;
        r = sd_bus_add_object_vtable(b->bus, NULL, BUS_PATH, BUS_INTERFACE_MANAGER, manager_vtable,
                                     b);
        if (r < 0)
                return r;
        r = bus_jobs_register(&b->jobs, b->bus);
        if (r < 0)
                return r;
        r = sd_bus_match_signal_async(b->bus, NULL, LOCAL_NAME, LOCAL_PATH, LOCAL_NAME,
                                      "Disconnected", on_disconnected, NULL, b);
        if (r < 0)
                return r;
        r = sd_bus_start(b->bus);
        if (r < 0)
                return r;
        /* What the daemon is there for comes first, however many calls there are. */
        return sd_bus_attach_event(b->bus, b->event, SD_EVENT_PRIORITY_IDLE);
}

void manager_bus_tick(ManagerBus *b)
{
        int r;

        if (!b->bus) {
                r = bus_start(b);
                if (r < 0) {
                        tell_failure(b, r, "Failed to connect to the bus");
                        bus_drop(b);
                        return;
                }
        }
        request_name(b);
}

ManagerBus *manager_bus_free(ManagerBus *b)
{
        if (!b)
                return NULL;
        bus_jobs_end(&b->jobs, bus_ready(b), UINT_MAX, UINT64_MAX, "canceled",
                     "kdumpd was told to end; what is armed stays armed unless it was to stop");
        bus_drop(b);
        bus_properties_done(&b->published);
        sd_event_unref(b->event);
        free(b);
        return NULL;
}

int manager_bus_new(sd_event *event, const BusOwner *owner, void *userdata, ManagerBus **ret)
{
        _cleanup_(manager_bus_freep) ManagerBus *b = calloc(1, sizeof(ManagerBus));

        if (!b)
                return log_oom();
        b->event = sd_event_ref(event);
        b->owner = owner;
        b->userdata = userdata;
        b->version = KDUMPD_VERSION;
        manager_bus_changed(b);
        manager_bus_tick(b);
        *ret = TAKE_PTR(b);
        return 0;
}

void manager_bus_changed(ManagerBus *b)
{
        _cleanup_(bus_properties_done) BusProperties copy = { 0 };
        _cleanup_strv_ char **names = NULL;
        BusProperties now = { 0 };
        sd_bus *bus = bus_ready(b);

        b->owner->properties(b->userdata, &now);
        if (bus_properties_copy(&now, &copy) < 0 ||
            bus_properties_compare(&copy, &b->published, &names) < 0 || !names)
                return;
        now = b->published;
        b->published = copy;
        copy = now;
        if (bus)
                (void) sd_bus_emit_properties_changed_strv(bus, BUS_PATH, BUS_INTERFACE_MANAGER,
                                                           names);
}

void manager_bus_answered(ManagerBus *b, uint64_t request, bool failed, const char *reason)
{
        manager_bus_changed(b);
        bus_jobs_end(&b->jobs, bus_ready(b), 1U << BUS_JOB_RELOAD | 1U << BUS_JOB_REBUILD, request,
                     failed ? "failed" : "done", reason);
}

void manager_bus_verified(ManagerBus *b, uint64_t request, bool failed, const char *reason)
{
        manager_bus_changed(b);
        bus_jobs_end(&b->jobs, bus_ready(b), 1U << BUS_JOB_VERIFY, request,
                     failed ? "failed" : "done", reason);
}
