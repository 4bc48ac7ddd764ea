/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* State: what kdumpd last said of itself in PATH_STATE_JSON, for whoever wants to know without
 * asking. */
#pragma once

#include "macro.h"
#include "paths.h"

/* While this file is there, kdump-build.service builds a base image although one that would do
 * exists; it removes the file as it begins. */
#define PATH_REBUILD_REQUEST PATH_RUN_DIR "/rebuild"

/* What the last build of a base image says of its size: one sentence. */
#define PATH_IMAGE_SIZES PATH_RUN_DIR "/image-sizes"

typedef enum ArmState {
        ARM_STATE_UNAVAILABLE, /* this machine cannot have a crash kernel: nothing is reserved … */
        ARM_STATE_STALE,       /* an image is armed, a newer one is about to be */
        ARM_STATE_BUILDING,    /* a base image is being built; what was armed before still is */
        ARM_STATE_ARMED,       /* what the configuration asks for is armed */
        ARM_STATE_DEGRADED,    /* an older image is armed, and the reason says why */
        ARM_STATE_DISARMED,    /* nothing is armed */
        _ARM_STATE_MAX,
        _ARM_STATE_INVALID = -EINVAL,
} ArmState;

typedef struct State {
        ArmState state;
        char *reason; /* in words; never NULL once read or published */
        uint64_t pid; /* of the kdumpd that wrote this */
        uint64_t updated_realtime_usec;

        uint64_t generation;  /* that is armed; 0: none, or not one of ours */
        char *kernel_release; /* of the crash kernel, as are the rest of this block */
        char *base_id;
        char **targets; /* texts as of target_describe() */
        uint64_t base_bytes, overlay_bytes;
        uint64_t base_realtime_usec;             /* the base image was built */
        uint64_t generation_realtime_usec;       /* the overlay was written */
        uint64_t loaded_realtime_usec;           /* the image was given to the kernel */
        uint64_t gap_usec;                       /* of the last load: without any crash kernel */
        uint64_t gap_worst_usec, gap_total_usec; /* since boot, of loads over an armed image */
        uint64_t loads, reloads; /* since boot; reloads: of them, of the same image from memory */
        char *loaded_cpus;       /* that the loaded image knows, as in /sys/…/cpu/present */
        uint64_t loaded_n_cpus, loaded_ram_bytes;
        char *loaded_topology_sha256; /* of CPUs and places of the memory */
        char *loader;                 /* the system call that loaded it; NULL: nothing was loaded */
        char *loader_reason; /* why it is guarded by less than it could be; NULL: it is not */
        char *guard;         /* what guards it, in words */
        char *fallback;      /* where its fallback image saves to, in words, or "none: " and why */
        uint64_t sparse_loads; /* since boot; of `loads`, those that left big parts in place */
        char *checked;         /* what came of reading all of it back, in words */
        uint64_t checked_realtime_usec;
        char *check_problem;       /* why it cannot be read back since; NULL: it can, or need not */
        char *area_sha256;         /* of samples of what is loaded; NULL: not to be had */
        uint64_t crash_size_bytes; /* the reservation, as read at start; 0: not known */

        uint64_t request;      /* counts starts and reloads that were answered */
        bool request_failed;   /* the last of them did not reach what it asked for */
        uint64_t request_usec; /* it took this long */
        char *last_error;      /* NULL: none since boot */
        uint64_t last_error_realtime_usec;
        char *last_boot; /* how the one before this ended, if not in order; else NULL */
} State;

void state_done(State *state);

/* The caller frees *ret_json. Returns 0 or -ENOMEM. Does not log. */
int state_to_json(const State *state, char **ret_json);

/* @json: text of @size bytes. Returns 0; -EBADMSG if it is not a State. Does not log. */
int state_from_json(const char *json, size_t size, State *ret);

/* Reads PATH_STATE_JSON below @root_fd. Returns 0; -ENOENT: kdumpd did not run since boot;
 * -EBADMSG. Takes no lock: the file is whole, or there is none. Does not log. */
int state_read(int root_fd, State *ret);

/* Replaces PATH_STATE_JSON below @root_fd, mode 0644; its folder is made if need be. If there
 * is no room for two of them, the old one is emptied first, and counts as none then. Does not log.
 */
int state_write(int root_fd, const State *state);

const char *arm_state_to_string(ArmState state);
ArmState arm_state_from_string(const char *s);
