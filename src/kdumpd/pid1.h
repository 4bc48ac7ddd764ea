/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions to the service manager, and starting units through it. */
#pragma once

#include <systemd/sd-bus.h>

#include "macro.h"

/* The caller drops *ret with sd_bus_flush_close_unref(). Works without a message bus daemon: PID
 * 1's own socket is tried first. @address: of another socket to be tried alone, for tests; NULL in
 * production. Each call on it takes at most some seconds. Does not log. */
int pid1_connect(const char *address, sd_bus **ret);

/* The type of the job that @unit has now ("start", "stop", "restart" …); NULL if it has none. The
 * caller frees *ret. Does not log. */
int pid1_job_type(sd_bus *bus, const char *unit, char **ret);

/* "starting", "running", "degraded", "stopping" … . The caller frees *ret. Does not log. */
int pid1_system_state(sd_bus *bus, char **ret);

/* "active", "activating", "inactive", "failed" … . The caller frees *ret. Does not log. */
int pid1_active_state(sd_bus *bus, const char *unit, char **ret);

/* Starts @unit, or joins the start that goes on; does not wait for it. The caller frees *ret_job,
 * the object path that JobRemoved will name. Returns 0; the errno of the answer with
 * *reterr_message. */
int pid1_start_unit(sd_bus *bus, const char *unit, char **ret_job, char **reterr_message);

/* Has JobRemoved delivered to @handler (u id, o job, s unit, s result). */
int pid1_match_job_removed(sd_bus *bus, sd_bus_message_handler_t handler, void *userdata,
                           sd_bus_slot **ret);
