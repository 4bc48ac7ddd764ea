/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the jobs: their numbers, their objects, and the signal of their end. */
#include "bus-jobs.h"

#include "bus-names.h"
#include "strv.h"
#include "utf8.h"

static const char *const kind_table[_BUS_JOB_KIND_MAX] = {
        [BUS_JOB_RELOAD] = "reload",
        [BUS_JOB_REBUILD] = "rebuild",
        [BUS_JOB_VERIFY] = "verify",
};

static const BusJob *find_path(const BusJobs *jobs, const char *path)
{
        for (size_t i = 0; i < jobs->n_jobs; i++)
                if (streq(jobs->jobs[i].path, path))
                        return &jobs->jobs[i];
        return NULL;
}

static bool id_is_used(const BusJobs *jobs, uint32_t id)
{
        for (size_t i = 0; i < jobs->n_jobs; i++)
                if (jobs->jobs[i].id == id)
                        return true;
        return id == 0;
}

/* Verifications have numbers of their own. */
static bool same_numbers(BusJobKind a, BusJobKind b)
{
        return (a == BUS_JOB_VERIFY) == (b == BUS_JOB_VERIFY);
}

static const char *job_state(const BusJobs *jobs, const BusJob *job)
{
        for (size_t i = 0; i < jobs->n_jobs; i++)
                if (same_numbers(jobs->jobs[i].kind, job->kind) &&
                    jobs->jobs[i].request < job->request)
                        return "waiting";
        return "running";
}

const BusJob *bus_jobs_add(BusJobs *jobs, BusJobKind kind, uint64_t request)
{
        BusJob *job = &jobs->jobs[jobs->n_jobs];

        do
                jobs->last_id++;
        while (id_is_used(jobs, jobs->last_id));
        *job = (BusJob){ .id = jobs->last_id, .kind = kind, .request = request };
        (void) snprintf(job->path, sizeof(job->path), BUS_PATH_JOB "/%u", job->id);
        jobs->n_jobs++;
        return job;
}

void bus_jobs_end(BusJobs *jobs, sd_bus *bus, unsigned kinds, uint64_t request, const char *result,
                  const char *reason)
{
        _cleanup_free_ char *text = reason ? strdup(reason) : NULL;
        size_t n = 0;

        if (text)
                utf8_clean(text);
        for (size_t i = 0; i < jobs->n_jobs; i++) {
                BusJob job = jobs->jobs[i];

                if (!(kinds & (1U << job.kind)) || job.request > request) {
                        jobs->jobs[n++] = job;
                        continue;
                }
                if (bus)
                        (void) sd_bus_emit_signal(bus, BUS_PATH, BUS_INTERFACE_MANAGER,
                                                  "JobRemoved", "uosss", job.id, job.path,
                                                  kind_table[job.kind], result, text);
        }
        jobs->n_jobs = n;
}

int bus_jobs_append(const BusJobs *jobs, sd_bus_message *reply)
{
        int r;

        r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "(uoss)");
        for (size_t i = 0; r >= 0 && i < jobs->n_jobs; i++)
                r = sd_bus_message_append(reply, "(uoss)", jobs->jobs[i].id, jobs->jobs[i].path,
                                          kind_table[jobs->jobs[i].kind],
                                          job_state(jobs, &jobs->jobs[i]));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int on_find(sd_bus *bus, const char *path, const char *interface, void *userdata,
                   void **ret_found, sd_bus_error *error)
{
        if (!find_path(userdata, path))
                return 0;
        *ret_found = userdata;
        return 1;
}

static int on_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                  sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const BusJob *job = find_path(userdata, path);

        if (!job)
                return -ENOENT;
        if (streq(property, "Id"))
                return sd_bus_message_append(reply, "u", job->id);
        if (streq(property, "Kind"))
                return sd_bus_message_append(reply, "s", kind_table[job->kind]);
        return sd_bus_message_append(reply, "s", job_state(userdata, job));
}

static int on_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                        sd_bus_error *error)
{
        const BusJobs *jobs = userdata;
        _cleanup_strv_ char **nodes = NULL;
        int r;

        for (size_t i = 0; i < jobs->n_jobs; i++) {
                r = strv_extend(&nodes, jobs->jobs[i].path);
                if (r < 0)
                        return r;
        }
        *ret_nodes = TAKE_PTR(nodes);
        return 0;
}

static const sd_bus_vtable job_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Id", "u", on_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Kind", "s", on_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("State", "s", on_get, 0, 0),
        SD_BUS_VTABLE_END,
};

int bus_jobs_register(BusJobs *jobs, sd_bus *bus)
{
        int r;

        r = sd_bus_add_fallback_vtable(bus, NULL, BUS_PATH_JOB, BUS_INTERFACE_JOB, job_vtable,
                                       on_find, jobs);
        if (r < 0)
                return r;
        return sd_bus_add_node_enumerator(bus, NULL, BUS_PATH_JOB, on_enumerate, jobs);
}
