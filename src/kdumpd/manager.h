/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Manager: the daemon. One event loop, one request at a time, one act per decision. */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "decide.h"
#include "facts.h"
#include "generation.h"
#include "held.h"
#include "history.h"
#include "hotplug.h"
#include "kexec.h"
#include "manager-bus.h"
#include "net-watch.h"
#include "settle.h"
#include "state.h"
#include "topology.h"
#include "wanted.h"
#include "watch.h"

#define UNIT_DAEMON "kdump.service"
#define UNIT_BUILD "kdump-build.service"
#define UNIT_VERIFY "kdump-verify.service"
#define UNIT_RESOLVE "kdump-resolve.service"

/* A build of the base image, in a unit of its own. */
typedef struct Build {
        bool running;
        bool joined;     /* it ran before we asked: for what, is not known */
        unsigned n_done; /* so many that began in this request ended well */
        char *job;       /* object path of its start job */
        sd_bus *bus;     /* while it runs */
        sd_bus_slot *job_removed;
        sd_event_source *timer;
        uint64_t begin_usec;
        uint64_t took_usec; /* the last one that ended well */
        bool failed;        /* the last one; not tried again in this request */
        char *problem;      /* in words; NULL if there was no memory for them */
} Build;

/* kdump-verify.service, as asked for over the bus. */
typedef struct Verify {
        bool running;
        uint64_t request; /* counts them */
        char *job;
        sd_bus *bus; /* while it runs */
        sd_bus_slot *job_removed;
} Verify;

/* What a test replaces. */
typedef struct ManagerOptions {
        const char *root; /* "/" in production */
        const KexecLoader *loader;
        const char *pid1_address; /* NULL in production */
        uint64_t tick_usec;       /* 0 in production: the usual time between two looks around */
} ManagerOptions;

typedef struct Manager Manager;

/* The looks at what is loaded. */
typedef struct Guard {
        bool known; /* what is loaded can be checked */
        LoadedPlace place;
        unsigned looks;               /* so many were taken */
        unsigned leave_out, left_out; /* so many are left out, after what was found */
} Guard;

typedef enum GuardVerdict {
        GUARD_UNKNOWN,  /* nobody can tell, or nothing of ours is loaded */
        GUARD_WHOLE,    /* as far as was looked */
        GUARD_LEFT_OUT, /* not looked, after damage a short time ago */
        GUARD_DAMAGED,  /* it was told, and is in Manager.damage */
        GUARD_REPLACED, /* something else is loaded */
} GuardVerdict;

/* Files that change, each kind with its own delay: a config edit is not to end the waiting for the
 * end of an upgrade. */
typedef struct Changes {
        Manager *manager;
        Settle settle; /* then what has changed is looked at */
        char *path;    /* the first of them, or one that tells more */
} Changes;

struct Manager {
        ManagerOptions options;
        int root_fd;
        sd_event *event;
        const KexecLoader *loader;
        Facts facts;
        GenerationStore store;
        State state; /* as last published */

        FingerprintCache *fingerprints;
        Wanted wanted;
        bool wanted_stale; /* is to be read again */
        bool wanted_told;  /* its complaints were logged in this request */

        uint64_t armed_generation; /* 0: what is loaded, if anything, is not known to be ours */
        int load_error;            /* of loading what is wanted; it is not tried again for now */
        bool load_may_pass;        /* it, or what held_error is of, may go better in a while */
        char *load_problem;        /* in words; NULL if there was no memory for them, too */
        bool current_refused, previous_refused; /* loading it failed in this request */

        Held held;      /* what was loaded last */
        int held_error; /* loading it again failed; it is not tried again for now */
        bool foreign;   /* what is loaded is not what we loaded */
        uint64_t retry_boottime_usec, retry_delay_usec; /* of what failed; 0: nothing did */
        Topology topology;                              /* as last looked at */
        Guard guard;
        char *damage;         /* what is wrong with the loaded image, in words; NULL: nothing */
        char *stale_headers;  /* what of it the loaded image does not know, in words */
        bool headers_updated; /* by the kernel itself, since the load */

        Build build;

        Verify verify;
        bool rebuild_requested; /* a new base image, whether one is needed or not */

        Settle boot_wait; /* then it is told that a boot left no dump */
        bool boot_told, boot_listed;

        HistoryEntry story; /* what goes on, from its trigger to its outcome */

        ManagerBus *bus;
        char *last_dump; /* its folder; NULL: there is none */
        uint64_t last_dump_realtime_usec;
        Hotplug *hotplug;
        Settle look; /* then the topology is looked at */
        bool look_again;
        NetWatch *net_watch;
        char **hosts_asked;          /* names (strv) that were asked for last */
        uint64_t resolve_next_usec;  /* CLOCK_BOOTTIME: when they are asked for again */
        uint64_t resolve_delay_usec; /* of names that lead to no address; 0: all do */
        char *mounts;                /* what the folders of dumps were on at the last look */
        Watch *watch;
        Changes changes, base_changes; /* of what the overlay is made of, and the base */
        Settle pause;                  /* no new base image for changes before this is over */
        char *pause_text;              /* how long it is, in words */
        Settle ahead;                  /* then images of other kernels are built */
        char **ahead_tried;            /* releases (strv) for which one was started */
        sd_event_source *step, *tick;
        bool started; /* READY=1 was sent */
        bool requested;
        bool asked;            /* by a person, who gets all of it at once */
        bool loaded_something; /* in this request */
        uint64_t request_begin_usec;
        int exit_status;
};

/* What the daemon exits with if nothing could be armed; the unit tells them apart. */
#define EXIT_LOAD_FAILED 1   /* may go better in a while */
#define EXIT_BUILD_FAILED 69 /* EX_UNAVAILABLE: someone has to look */
#define EXIT_CONFIG_ERROR 78 /* EX_CONFIG: someone has to change the configuration */

Manager *manager_free(Manager *manager); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(Manager *, manager_free);

/* What @options points to must stay. Logs. */
int manager_new(const ManagerOptions *options, Manager **ret);

/* Arms, says so, and keeps watch until it is told to end. Returns the exit status. Logs. */
int manager_run(Manager *manager);

/* Runs manager_step() soon. */
void manager_kick(Manager *manager);

/* Makes *text a copy of @value, which may be NULL; without memory it stays. Logs. */
void manager_set_text(char **text, const char *value);

/* Why what is asked for cannot be had, as far as it is known; NULL: nothing is. */
const char *manager_problem(const Manager *manager);

/* Writes the state file and tells PID 1. */
void manager_publish(Manager *manager, const Decision *decision);

/* Everything is looked at anew, and the outcome is counted as an answer. Returns the number that
 * State.request will have then; a request that is under way is answered with this one. */
uint64_t manager_request(Manager *manager);

/* The same for what nobody has asked for: a build that follows from changed files may be put off.
 */
void manager_notice(Manager *manager);

/* manager-history.c: the story that `kdumpctl why` tells. It begins with what made us look; acts
 * and changes are added as they come; its end is written down. One without a beginning is not. */
void manager_story_begin(Manager *manager, const char *format, ...) _printf_(2, 3);
void manager_story_change(Manager *manager, const char *text);
void manager_story_act(Manager *manager, HistoryAction action);
void manager_story_end(Manager *manager, const Decision *decision);

/* Adds why a base image is to be built. */
void manager_story_base(Manager *manager);

/* Adds how what is wanted differs from what is armed. */
void manager_story_compare(Manager *manager);

/* What is asked for now; it is not taken over. Logs nothing of it if @quiet. */
int manager_read_wanted(const Manager *manager, bool quiet, Wanted *ret);

/* manager-boot.c: tells of a boot before this one that did not end in order, once, when all that a
 * dump may be on has had its time to be mounted, and keeps for the next one whether something is
 * armed. Not before something is, as it takes its time. Logs. */
void manager_boot(Manager *manager);
int manager_boot_start(Manager *manager);
void manager_boot_done(Manager *manager);

/* manager-network.c: looks again when the network changes. */
int manager_network_start(Manager *manager);
void manager_network_done(Manager *manager);

/* Has the names of hosts asked for that targets are on, if that was not done lately. */
void manager_network_resolve(Manager *manager);

/* Remembers what the folders of dumps are on. */
void manager_network_mounts(Manager *manager);

/* Once a minute: asks for names that have led to no address yet, and looks again if the folders of
 * dumps are on something else. */
void manager_network_tick(Manager *manager);

/* manager-look.c: what the machine is now, beside what was loaded. */
int manager_look_start(Manager *manager);
void manager_look_done(Manager *manager);

/* Reads the topology anew and compares it with what the loaded image knows. Logs. */
void manager_look_topology(Manager *manager);

/* What was just loaded knows all that manager_look_topology() saw last, just before. If that is not
 * so any more, or cannot be told, it counts as stale from the next look on, which comes soon. Not
 * to be called before the files of the kernel were read that keep it from updating the headers. */
void manager_look_loaded(Manager *manager);

/* What was armed is armed again, with the headers of then: they know no more than they did. */
void manager_look_restored(Manager *manager);

/* Whether what is loaded is still what we loaded, and whether what could not be loaded may be
 * now; to be called now and then. Kicks if there is something to do, but ever more seldom if that
 * does not help. Logs. */
void manager_look_loaded_is_ours(Manager *manager);

/* manager-guard.c: takes over what the daemon before us left of it. Logs. */
void manager_guard_start(Manager *manager);

/* An image was just loaded. Logs. */
void manager_guard_loaded(Manager *manager);

/* What was just loaded is damaged again, as found by reading it back: not now, but ever more
 * seldom, it is loaded again. */
void manager_guard_still_damaged(Manager *manager);

/* What is wanted is known anew: so may be why the loaded image has no fallback image. Logs. */
void manager_guard_answered(Manager *manager);

/* Reads some of the image back, and all of it now and then, or if @other: samples of the reserved
 * memory are not as they were. Logs. */
GuardVerdict manager_guard_look(Manager *manager, bool other);

/* What of the reserved memory the kernel rewrites by itself; empty: nothing. */
Range manager_guard_live(const Manager *manager);

/* All of these, once a minute. Logs. */
void manager_look_around(Manager *manager);

/* manager-build.c: starts or joins a build; what comes of it is in @manager->build, and a kick
 * follows. */
void manager_build_start(Manager *manager);
void build_done(Build *build);
void build_disconnect(Build *build);

/* manager-watch.c: each change of what the image is made of becomes a request. */
int manager_watch_start(Manager *manager);
void manager_watch_inputs(Manager *manager); /* what they are may have changed; logs */
void manager_watch_done(Manager *manager);

/* What files that have changed are to wait for until a base image is built of them, in words; NULL:
 * for nothing. They may still change, or the last build was a short time ago. */
const char *manager_builds_wait(const Manager *manager);

/* A build is over: the next one for changed files waits in proportion. */
void manager_watch_pause(Manager *manager, uint64_t took_usec);

/* manager-ahead.c: base images for kernels that do not run yet. Logs. */
int manager_ahead_start(Manager *manager);
void manager_ahead_later(Manager *manager);
void manager_ahead_forget(Manager *manager); /* what was tried may do better now */
void manager_ahead_done(Manager *manager);

/* manager-requests.c: the bus. */
int manager_requests_start(Manager *manager);

/* Looks for the newest dump. Does not log. */
void manager_find_last_dump(Manager *manager);

/* manager-verify.c: a BusRequest. */
int manager_verify(void *userdata, const char *why, uint64_t *ret_request);
void verify_done(Verify *verify);

/* What the end of the unit's job with @result means, in words; NULL if all is well. Pure. */
const char *verify_problem(const char *result);

/* Whether one that runs is over, should the signal have been missed. Logs. */
void manager_verify_look(Manager *manager);

/* The generation of this number on disk; NULL if there is none. */
const Generation *manager_generation(const Manager *manager, uint64_t number);

/* manager-load.c: each does one load and leaves what came of it in the manager. @failed: the last
 * good one is loaded because something went wrong, not for the time of a build. */
void manager_load(Manager *manager);
void manager_restore(Manager *manager, bool failed);

/* manager-swap.c: has @image in the place of what is loaded, as kexec_crash_swap() does and with
 * its errors; -EIO if nothing is loaded then. Nothing is known of what is armed afterwards. Logs.
 */
int manager_swap(Manager *manager, const KexecImage *image, const KexecImage *fallback,
                 KexecSwap *ret);

/* Whether something is loaded; if nobody can tell, as it was last. It is in @manager->facts then.
 */
bool manager_crash_loaded(Manager *manager);

/* By @swap, the kernel has generation @number now. @generation: the same, NULL if it is only held
 * in memory. @over: there was an image before, so that there was a gap. Logs. */
void manager_armed(Manager *manager, uint64_t number, const Generation *generation,
                   const KexecSwap *swap, bool over);

/* Removes base images that serve nothing any more. Logs. */
void manager_prune(Manager *manager);

/* What failed to be loaded may be tried again. */
void manager_forget_failures(Manager *manager);

/* Loads again what is held in memory. */
void manager_reload(Manager *manager, const char *why);

/* Has what is armed on disk, should it not be there any more, for the next boot. Logs. */
void manager_keep(Manager *manager);

/* Has what is armed in memory, should it not be there: the daemon that loaded it could not leave it
 * with the service manager. */
void manager_hold(Manager *manager);

/* The generation to go back to, other than @but; NULL if there is none. */
const Generation *manager_restorable(const Manager *manager, uint64_t but);
