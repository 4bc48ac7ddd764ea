/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Verifying: goes through all that a dump takes, from the reservation to the room on the target,
 * without a crash and without a change. None of these log. */
#pragma once

#include "facts.h"
#include "plan.h"
#include "resolve.h"
#include "verify-report.h"
#include "wanted.h"

/* What the checks look at. Each adds rows to `report`, and returns 0 or -ENOMEM. */
typedef struct Verify {
        int root_fd;
        Facts facts;
        int crash_loaded; /* as facts_crash_loaded() has it: 1, 0, or a negative errno */
        Config *config;   /* NULL: it has errors */
        Plan *plan;       /* NULL: it cannot be resolved */
        Needs needs;      /* of the Plan */
        Wanted wanted;
        GenerationStore store;
        VerifyReport report;
} Verify;

/* All checks on the system below @root_fd. Nameless files are made on targets that are mounted, and
 * are gone at once. Returns 0 with *ret, whatever was found; an errno if the checks could not be
 * made. */
int verify_run(int root_fd, VerifyReport *ret);

/* verify-loaded.c: reads back what is loaded, and compares it with its digests. As verify_run(), but
 * nothing else is looked at. */
int verify_loaded(int root_fd, VerifyReport *ret);

/* verify-kernel.c: the reservation, what the kernel still lets be loaded, and what it does when it
 * panics or hangs. */
int verify_kernel(Verify *v);

/* verify-image.c: kernel, base image and overlay that the configuration asks for, what is armed,
 * and what could be loaded again. The second looks at `wanted` as it is. */
int verify_image(Verify *v);
int verify_wanted(Verify *v);

/* verify-target.c: all targets of the Plan, and what is on them. */
int verify_targets(Verify *v);

/* verify-remote.c: whether @target, called @text, has an address and answers. Returns 1 if so, 0 if
 * not, -ENOMEM. */
int verify_remote(Verify *v, const Target *target, const char *text);

/* Connects to @address (numeric) by TCP, and closes the connection again. *ret_usec is how long
 * that took. Returns 0; -ETIMEDOUT, -ECONNREFUSED …. */
int verify_connect(const char *address, unsigned port, uint64_t timeout_usec, uint64_t *ret_usec);

/* verify-trial.c: has kdump-capture go the way of an attempt, up to a small file that is removed
 * again. Returns 0 or -ENOMEM. */
int verify_trial(Verify *v, const Target *target, const char *text, uint64_t need_bytes);

/* The same by @program, with its files in a new folder in @work_dir. */
int verify_trial_by(Verify *v, const Target *target, const char *text, uint64_t need_bytes,
                    const char *program, const char *work_dir);

/* verify-target.c: adds a row on the room for a dump; @free_bytes may be NULL: not known. */
int verify_add_room(Verify *v, const char *text, uint64_t need_bytes, const uint64_t *free_bytes);

/* verify-service.c: the unit, the daemon, and the hooks' folders. */
int verify_service(Verify *v);

/* How large a dump would be now, at most about, in bytes: what /proc/meminfo says is in use of the
 * kinds that @collector keeps, and half of that if it compresses. 0: not known. */
uint64_t verify_dump_estimate(const char *meminfo, uint64_t ram_bytes, const Collector *collector);

/* Whether a dump of @need_bytes (0: not known) has room where @free_bytes are. */
CheckStatus verify_room(uint64_t need_bytes, uint64_t free_bytes);
