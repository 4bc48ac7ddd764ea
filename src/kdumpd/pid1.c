/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the calls to org.freedesktop.systemd1 (org.freedesktop.systemd1(5)). */
#include "pid1.h"

#include "io.h"

#define PID1_SOCKET "unix:path=/run/systemd/private"
#define PID1_NAME "org.freedesktop.systemd1"
#define PID1_PATH "/org/freedesktop/systemd1"
#define PID1_MANAGER "org.freedesktop.systemd1.Manager"
#define PID1_UNIT "org.freedesktop.systemd1.Unit"
#define PID1_JOB "org.freedesktop.systemd1.Job"
#define PID1_TIMEOUT_USEC (10 * USEC_PER_SEC)

static int connect_private(const char *address, sd_bus **ret)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r < 0)
                return r;
        r = sd_bus_set_address(bus, address);
        if (r < 0)
                return r;
        r = sd_bus_start(bus);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

int pid1_connect(const char *address, sd_bus **ret)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = connect_private(address ?: PID1_SOCKET, &bus);
        if (r < 0 && !address)
                r = sd_bus_open_system(&bus);
        if (r < 0)
                return r;
        r = sd_bus_set_method_call_timeout(bus, PID1_TIMEOUT_USEC);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

static int unit_path(const char *unit, char **ret)
{
        return sd_bus_path_encode(PID1_PATH "/unit", unit, ret);
}

static int get_string(sd_bus *bus, const char *path, const char *interface, const char *property,
                      char **ret)
{
        return sd_bus_get_property_string(bus, PID1_NAME, path, interface, property, NULL, ret);
}

int pid1_job_type(sd_bus *bus, const char *unit, char **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ char *path = NULL;
        const char *job;
        uint32_t id;
        int r;

        r = unit_path(unit, &path);
        if (r < 0)
                return r;
        r = sd_bus_get_property(bus, PID1_NAME, path, PID1_UNIT, "Job", NULL, &reply, "(uo)");
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "(uo)", &id, &job);
        if (r < 0)
                return r;
        if (id == 0) {
                *ret = NULL;
                return 0;
        }
        return get_string(bus, job, PID1_JOB, "JobType", ret);
}

int pid1_system_state(sd_bus *bus, char **ret)
{
        return get_string(bus, PID1_PATH, PID1_MANAGER, "SystemState", ret);
}

int pid1_active_state(sd_bus *bus, const char *unit, char **ret)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = unit_path(unit, &path);
        if (r < 0)
                return r;
        return get_string(bus, path, PID1_UNIT, "ActiveState", ret);
}

int pid1_start_unit(sd_bus *bus, const char *unit, char **ret_job, char **reterr_message)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *job;
        char *copy;
        int r;

        r = sd_bus_call_method(bus, PID1_NAME, PID1_PATH, PID1_MANAGER, "StartUnit", &error, &reply,
                               "ss", unit, "replace");
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &job);
        if (r < 0) {
                *reterr_message = strdup(error.message ?: strerror(-r));
                return r;
        }
        copy = strdup(job);
        if (!copy) {
                *reterr_message = NULL;
                return -ENOMEM;
        }
        *ret_job = copy;
        return 0;
}

int pid1_match_job_removed(sd_bus *bus, sd_bus_message_handler_t handler, void *userdata,
                           sd_bus_slot **ret)
{
        int r;

        /* Without a subscriber PID 1 sends no signals to the bus; to its own socket it always does.
         */
        r = sd_bus_call_method(bus, PID1_NAME, PID1_PATH, PID1_MANAGER, "Subscribe", NULL, NULL,
                               NULL);
        if (r < 0 && r != -EEXIST)
                return r;
        return sd_bus_match_signal(bus, ret, NULL, PID1_PATH, PID1_MANAGER, "JobRemoved", handler,
                                   userdata);
}
