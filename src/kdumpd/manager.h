/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Manager: the daemon. One event loop, one request at a time, one act per decision. */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "decide.h"
#include "facts.h"
#include "generation.h"
#include "kexec.h"
#include "state.h"
#include "wanted.h"

#define UNIT_DAEMON "kdump.service"
#define UNIT_BUILD "kdump-build.service"

/* A build of the base image, in a unit of its own. */
typedef struct Build {
        bool running;
        bool joined; /* it ran before we asked: for what, is not known */
        bool done;   /* one that began in this request ended well */
        char *job;   /* object path of its start job */
        sd_bus *bus; /* while it runs */
        sd_bus_slot *job_removed;
        sd_event_source *timer;
        uint64_t begin_usec;
        char *problem;
} Build;

typedef struct Manager {
        int root_fd;
        sd_event *event;
        const KexecLoader *loader;
        Facts facts;
        GenerationStore store;
        State state; /* as last published */

        Wanted wanted;
        bool wanted_stale; /* is to be read again */
        bool wanted_fresh; /* all its files were compared with their hashes in this request */
        bool wanted_told;  /* its complaints were logged in this request */

        uint64_t armed_generation; /* 0: what is loaded, if anything, is not known to be ours */
        char *load_problem;
        bool current_refused, previous_refused; /* loading it failed in this request */

        Build build;

        sd_event_source *step, *tick;
        bool started; /* READY=1 was sent */
        bool requested;
        bool loaded_something; /* in this request */
        uint64_t request_begin_usec;
        int exit_status;
} Manager;

/* What the daemon exits with if nothing could be armed; the unit tells them apart. */
#define EXIT_LOAD_FAILED 1   /* may go better in a while */
#define EXIT_BUILD_FAILED 69 /* EX_UNAVAILABLE: someone has to look */
#define EXIT_CONFIG_ERROR 78 /* EX_CONFIG: someone has to change the configuration */

Manager *manager_free(Manager *manager); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(Manager *, manager_free);

/* @loader must stay. Logs. */
int manager_new(const KexecLoader *loader, Manager **ret);

/* Arms, says so, and keeps watch until it is told to end. Returns the exit status. Logs. */
int manager_run(Manager *manager);

/* Runs manager_step() soon. */
void manager_kick(Manager *manager);

/* Writes the state file and tells PID 1. */
void manager_publish(Manager *manager, const Decision *decision);

/* manager-build.c: starts or joins a build; what comes of it is in @manager->build, and a kick
 * follows. */
void manager_build_start(Manager *manager);
void build_done(Build *build);
void build_disconnect(Build *build);

/* manager-load.c: each does one load and leaves what came of it in the manager. @failed: the last
 * good one is loaded because something went wrong, not for the time of a build. */
void manager_load(Manager *manager);
void manager_restore(Manager *manager, bool failed);

/* The generation to go back to, other than @but; NULL if there is none. */
const Generation *manager_restorable(const Manager *manager, uint64_t but);
