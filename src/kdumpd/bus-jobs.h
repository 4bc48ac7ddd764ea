/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* BusJobs: the long requests that came over the bus and have not ended, as objects there. None of
 * these log. */
#pragma once

#include <systemd/sd-bus.h>

#include "macro.h"

/* One more is refused. */
#define BUS_JOBS_MAX 64

typedef enum BusJobKind {
        BUS_JOB_RELOAD,
        BUS_JOB_REBUILD,
        BUS_JOB_VERIFY,
        _BUS_JOB_KIND_MAX,
        _BUS_JOB_KIND_INVALID = -EINVAL,
} BusJobKind;

typedef struct BusJob {
        uint32_t id;
        BusJobKind kind;
        uint64_t request; /* the owner's number of it */
        char path[64];    /* of the object */
} BusJob;

typedef struct BusJobs {
        BusJob jobs[BUS_JOBS_MAX]; /* in the order in which they came */
        size_t n_jobs;
        uint32_t last_id;
} BusJobs;

/* Makes the objects of @jobs, which must stay, known to @bus. Returns 0 or what sd-bus says. */
int bus_jobs_register(BusJobs *jobs, sd_bus *bus);

/* There must be room: BUS_JOBS_MAX. The job is owned by @jobs and moves when one before it ends. */
const BusJob *bus_jobs_add(BusJobs *jobs, BusJobKind kind, uint64_t request);

/* Ends the jobs of @kinds (bits 1 << BusJobKind) up to number @request, with JobRemoved on @bus
 * (NULL: there is nobody to tell). @result: "done", "failed" or "canceled"; @reason: NULL for none.
 */
void bus_jobs_end(BusJobs *jobs, sd_bus *bus, unsigned kinds, uint64_t request, const char *result,
                  const char *reason);

/* Appends all as a(uoss): id, object, kind, state. Returns 0 or what sd-bus says. */
int bus_jobs_append(const BusJobs *jobs, sd_bus_message *reply);
