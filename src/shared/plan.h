/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plan: all that the capture kernel needs to know, resolved while the system was healthy, as JSON.
 */
#pragma once

#include "network.h"
#include "target.h"

/* Raised whenever a capture program of the version before would misunderstand the Plan. A base
 * image records the one that its kdump-capture understands. */
#define PLAN_VERSION 2

/* So the program of the fallback image says, in its own bytes, which one it understands: this text,
 * and the number behind it. */
#define PLAN_FALLBACK_MARK "kdump-fallback reads plan version "
#define PLAN_TEXT_OF(number) #number
#define PLAN_FALLBACK_MARK_WITH(number) PLAN_FALLBACK_MARK PLAN_TEXT_OF(number)

/* The image that is started when the usual one is damaged */
#define PLAN_IMAGE_FALLBACK "fallback"

typedef enum Action {
        ACTION_REBOOT,
        ACTION_HALT,
        ACTION_POWEROFF,
        ACTION_SHELL,          /* failure_action only */
        ACTION_DUMP_TO_ROOTFS, /* failure_action only; then final_action */
        _ACTION_MAX,
        _ACTION_INVALID = -EINVAL,
} Action;

typedef enum Compression {
        COMPRESSION_NONE,
        COMPRESSION_ZLIB,
        COMPRESSION_LZO,
        COMPRESSION_SNAPPY,
        COMPRESSION_ZSTD,
        COMPRESSION_AUTO, /* lzo or zstd, as it fits the target */
        _COMPRESSION_MAX,
        _COMPRESSION_INVALID = -EINVAL,
} Compression;

typedef enum DumpFormat {
        DUMP_FORMAT_KDUMP,
        DUMP_FORMAT_ELF,
        DUMP_FORMAT_FLAT,
        _DUMP_FORMAT_MAX,
        _DUMP_FORMAT_INVALID = -EINVAL,
} DumpFormat;

/* How pages become a file: our engine's settings, or another program to run. */
typedef struct Collector {
        char **argv;         /* not NULL: run this instead of our engine */
        unsigned dump_level; /* 0 to 31, makedumpfile's bits */
        Compression compression;
        DumpFormat format;
} Collector;

typedef struct Plan {
        unsigned version;
        uint64_t generation;
        char *image; /* for the record: PLAN_IMAGE_FALLBACK, or NULL for the usual image */
        char *host;  /* first part of the name of a dump's folder; "127.0.0.1" for local targets */
        char *hostname; /* of the machine, for the record */
        char *machine_id;
        char *kernel_release;
        Target *targets; /* in the order in which they are tried */
        size_t n_targets;
        Network network; /* the links by which they are reached; none: no target needs any */
        Target *rootfs;  /* for dump_to_rootfs; NULL if that is not asked for */
        Collector collector;
        char *kdump_pre, *kdump_post, *kdump_emergency; /* absolute paths in the image */
        char **pre_d, **post_d, **emergency_d;          /* absolute paths, in order */
        Action failure_action, final_action;
} Plan;

Plan *plan_new(void);
Plan *plan_free(Plan *plan); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(Plan *, plan_free);

/* @json: text of @size bytes. Returns 0; -EBADMSG with *reterr_message (the caller frees it) if it
 * is not a Plan; -EOPNOTSUPP if it is one of another version. Does not log. */
int plan_from_json(const char *json, size_t size, Plan **ret, char **reterr_message);

/* The caller frees *ret_json. */
int plan_to_json(const Plan *plan, char **ret_json);

const char *action_to_string(Action action);
Action action_from_string(const char *s);
const char *compression_to_string(Compression compression);
Compression compression_from_string(const char *s);
const char *dump_format_to_string(DumpFormat format);
DumpFormat dump_format_from_string(const char *s);
