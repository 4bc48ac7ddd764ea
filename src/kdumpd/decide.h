/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What to do next. Pure: facts and what is known go in, one action and its reason in words come
 * out. */
#pragma once

#include "facts.h"
#include "state.h"

typedef enum DecideAction {
        DECIDE_NOTHING, /* as good as it gets: the request is answered */
        DECIDE_BUILD,   /* have a base image built */
        DECIDE_WAIT,    /* until the build that runs is over */
        DECIDE_LOAD,    /* load what the configuration asks for */
        DECIDE_RELOAD,  /* load again, from memory, what was loaded last */
        DECIDE_RESTORE, /* load the last good generation */
        DECIDE_FAIL,    /* nothing is armed and nothing can be: the request is answered */
        _DECIDE_ACTION_MAX,
        _DECIDE_ACTION_INVALID = -EINVAL,
} DecideAction;

/* What is known beside the facts. Strings are borrowed. */
typedef struct Situation {
        const char *problem;      /* why what is asked for cannot be had; NULL: nothing known */
        const char *warning;      /* nothing is in the way, but people should know; NULL: nothing */
        const char *base_missing; /* why a base image must be built; NULL: there is one */
        const char *base_outdated; /* why one is to be built later; NULL: it is up to date */
        const char *build_waits;   /* when that will be, in words; NULL: soon */
        bool force_rebuild, force_no_rebuild;
        bool build_running;
        unsigned builds_done;      /* so many were built for this request */
        bool asked;                /* a person wants it, who may risk what is armed */
        bool wanted_is_armed;      /* what was loaded last, by us, is what is asked for */
        uint64_t armed_generation; /* 0: what is loaded, if anything, is not known to be ours */
        uint64_t restorable; /* a generation that may be tried if nothing is loaded; 0: none */
        uint64_t held;       /* the one that is ready in memory to be loaded again; 0: none */
        const char *stale_headers; /* what of CPUs and memory the armed image does not know, in
                                      words; NULL: nothing */
        bool foreign;              /* what is loaded was put there by someone else */
        const char *damage;        /* what is wrong with what is loaded; NULL: nothing is known */
} Situation;

typedef struct Decision {
        DecideAction action;
        ArmState state; /* from now until the action is done */
        bool failed;    /* the request is not reached, also if something older is armed */
        char *reason;   /* in words, for people */
} Decision;

void decision_done(Decision *decision);

/* Returns 0 or -ENOMEM. Of @facts it looks at crash_loaded, crash_size_bytes, load_disabled and
 * load_limit only. */
int decide(const Facts *facts, const Situation *situation, Decision *ret);

/* Whether the end of the unit is to take the image away: only if someone asked for just that.
 * @job_type is that of the unit's job and NULL if there is none, @system_state that of PID 1; both
 * are NULL if PID 1 could not be asked. *ret_reason is static. */
bool decide_unload(const char *job_type, const char *system_state, const char **ret_reason);
