/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where this system takes its kernel command line from, and how crashkernel= is changed there: each
 * kind of boot loader says which files would hold what, the rest is the same for all. */
#pragma once

#include "bootloader-memory.h"
#include "bootloader-words.h"

typedef struct BootLoader BootLoader;

typedef struct BootRequest {
        int root_fd;
        const char *value;   /* what is to follow crashkernel= */
        const char *kernel;  /* "ALL", "DEFAULT", or the path of an image; NULL: the running one */
        const char *release; /* of the running kernel, or of one that was installed; NULL: all
                                kernels are meant */
        bool force;          /* values of others are replaced as well */
        bool defaults_only;  /* only defaults that we wrote are replaced, and nothing is added:
                                nobody has asked for it now */
        BootOrigin origin;   /* of @value */
} BootRequest;

/* A file that is to be changed, or would be if we might. */
typedef struct BootChange {
        const BootLoader *loader;
        char *path;            /* links followed, absolute as seen from the root */
        char *kernel;          /* of which it is the command line; NULL: of all */
        char *present;         /* what follows crashkernel= there now; NULL: it is not there */
        unsigned line;         /* where */
        bool present_is_ours;  /* the file itself says so */
        bool folder_is_ours;   /* a value that we wrote to another file there counts as ours */
        char *by_hand;         /* why we cannot change it, and what to do; NULL: we can */
        char *old_text, *text; /* NULL old_text: there is no file yet */
        size_t old_size, size;
        bool written; /* by boot_plan_apply() */
} BootChange;

typedef struct BootPlan {
        BootChange *changes;
        size_t n_changes;
} BootPlan;

struct BootLoader {
        const char *name;
        bool (*exists)(int root_fd);

        /* Adds what is to be changed. Returns 0; else with *reterr_message (the caller frees it).
         * Does not log. */
        int (*plan)(const BootRequest *request, BootPlan *plan, char **reterr_message);
        const char *const *after; /* a program to run when a file has changed; NULL: none */

        /* Whether what @after makes is there without @value. NULL: that is not known. */
        bool (*is_stale)(int root_fd, const char *value);
        const char *hint; /* what else is to be done then; NULL: nothing */
};

extern const BootLoader boot_loader_bls, boot_loader_cmdline, boot_loader_grub;

typedef enum BootAction {
        BOOT_KEEP,    /* it is there already */
        BOOT_WRITE,   /* set it */
        BOOT_FOREIGN, /* somebody else's value is there */
        BOOT_BY_HAND, /* not our kind of text */
        BOOT_LEAVE,   /* no default that we wrote, and only these are meant */
        _BOOT_ACTION_MAX,
        _BOOT_ACTION_INVALID = -EINVAL,
} BootAction;

void boot_plan_done(BootPlan *plan);

/* Asks every kind that exists here. Returns how many do; else as BootLoader.plan(). */
int boot_plan_make(const BootRequest *request, BootPlan *ret, char **reterr_message);

/* What is to be done about @change. Pure. */
BootAction boot_change_action(const BootChange *change, const BootMemory *memory,
                              const BootRequest *request);

/* Runs a program, as process_run(): a test has its own. */
typedef int (*BootRun)(const char *const *argv, int *ret_status);

/* Writes all changes that are BOOT_WRITE of a plan that was made for @request, remembers them, and,
 * if @run is given, runs what comes after, also where nothing else is left to do. On failure
 * everything is as it was before. Returns how many were written. Logs. */
int boot_plan_apply(BootPlan *plan, BootMemory *memory, const BootRequest *request, BootRun run);

/* For the kinds: a new change of @loader at the end of @plan, with the text of @path below
 * @root_fd. Returns 0; -ENOENT if there is no such file, -EFBIG, -EBADMSG if it is no text. */
int boot_plan_add(BootPlan *plan, const BootLoader *loader, int root_fd, const char *path,
                  BootChange **ret);

/* For the kinds: takes the last change out of @plan again. */
void boot_plan_drop(BootPlan *plan);

/* For the kinds: fills @change with what is there and what would be. */
int boot_change_set(BootChange *change, BootLineHasWords has_words, const char *new_line,
                    const char *value);

/* For the kinds: whether only the kernel of one image is meant, by its path. */
bool boot_request_is_path(const BootRequest *request);
