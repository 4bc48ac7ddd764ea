/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the answers to the bus: what it asks of the manager, and what it shows of it. */
#include "io.h"
#include "log.h"
#include "manager.h"
#include "resolve-mount.h"
#include "rootdir.h"
#include "store.h"

static const State *bus_state(void *userdata)
{
        const Manager *m = userdata;

        return &m->state;
}

static void bus_properties(void *userdata, BusProperties *ret)
{
        const Manager *m = userdata;
        const State *s = &m->state;
        bool ours = s->generation > 0;
        int loaded = kexec_loaded(m->loader);

        *ret = (BusProperties){
                .state = arm_state_to_string(s->state),
                .reason = s->reason,
                .operational = loaded < 0 ? m->facts.crash_loaded : loaded == 1,
                .generation = s->generation,
                .loaded_since = ours ? s->loaded_realtime_usec : 0,
                .kernel = ours ? s->kernel_release : NULL,
                .targets = ours ? s->targets : NULL,
                .base_image = ours ? s->base_id : NULL,
                .gap_last = s->gap_usec,
                .gap_worst = s->gap_worst_usec,
                .gap_total = s->gap_total_usec,
                .loads = s->loads,
                .crash_size = s->crash_size_bytes,
                .last_error = s->last_error,
                .last_error_time = s->last_error_realtime_usec,
                .last_dump = m->last_dump,
                .last_dump_time = m->last_dump_realtime_usec,
        };
}

static void consider_dump(Manager *m, const char *folder, const DumpEntry *entry)
{
        char *path;

        if (m->last_dump && entry->time_realtime_usec <= m->last_dump_realtime_usec)
                return;
        if (strprintf(&path, "%s/%s", folder, entry->name) < 0)
                return;
        free(m->last_dump);
        m->last_dump = path;
        m->last_dump_realtime_usec = entry->time_realtime_usec;
}

/* A server that does not answer would hold us up for as long. */
static bool is_on_network(const Manager *m, const char *folder)
{
        _cleanup_(mount_place_done) MountPlace place = { 0 };

        return mount_find_name(m->root_fd, folder, &place) > 0;
}

void manager_find_last_dump(Manager *m)
{
        free(TAKE_PTR(m->last_dump));
        m->last_dump_realtime_usec = 0;
        for (char **folder = m->wanted.dump_folders; folder && *folder; folder++) {
                _cleanup_(dump_store_done) DumpStore dumps = { 0 };

                if (!is_on_network(m, *folder) &&
                    dump_store_read(m->root_fd, root_relative(*folder), &dumps) >= 0 &&
                    dumps.n_entries > 0)
                        consider_dump(m, *folder, dumps.entries + dumps.n_entries - 1);
        }
}

static int bus_reload(void *userdata, const char *why, uint64_t *ret_request)
{
        Manager *m = userdata;

        manager_story_begin(m, "%s", why);
        *ret_request = manager_request(m);
        return 0;
}

/* The file is for kdump-build.service, which takes no arguments. */
static int bus_rebuild(void *userdata, const char *why, uint64_t *ret_request)
{
        Manager *m = userdata;
        int r;

        r = file_write_atomic(m->root_fd, root_relative(PATH_REBUILD_REQUEST), "", 0, 0600);
        if (r < 0)
                return log_error_errno(r, "Failed to write '%s': %m", PATH_REBUILD_REQUEST);
        m->rebuild_requested = true;
        manager_story_begin(m, "%s", why);
        *ret_request = manager_request(m);
        return 0;
}

static const BusOwner bus_owner = {
        .state = bus_state,
        .properties = bus_properties,
        .reload = bus_reload,
        .rebuild = bus_rebuild,
        .verify = manager_verify,
};

int manager_requests_start(Manager *m)
{
        return manager_bus_new(m->event, &bus_owner, m, &m->bus);
}
