/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Directive: the one table of what kdump.conf may say. */
#pragma once

#include "target.h"

typedef enum Directive {
        /* Settings of a target: before the first target line for all, behind one for that one */
        DIRECTIVE_PATH,
        DIRECTIVE_SSHKEY,
        DIRECTIVE_SSH_PORT,
        DIRECTIVE_CREDENTIALS,
        DIRECTIVE_CA_FILE,
        DIRECTIVE_CLIENT_CERT,
        DIRECTIVE_CLIENT_KEY,
        DIRECTIVE_S3_ENDPOINT,
        DIRECTIVE_S3_REGION,
        DIRECTIVE_TARGET_CONNECT,
        DIRECTIVE_TARGET_TIMEOUT,
        DIRECTIVE_TARGET_DEADLINE,
        _DIRECTIVE_TARGET_SETTING_MAX,

        /* Targets */
        DIRECTIVE_EXT2 = _DIRECTIVE_TARGET_SETTING_MAX,
        DIRECTIVE_EXT3,
        DIRECTIVE_EXT4,
        DIRECTIVE_XFS,
        DIRECTIVE_BTRFS,
        DIRECTIVE_MINIX,
        DIRECTIVE_RAW,
        DIRECTIVE_NFS,
        DIRECTIVE_SSH,
        DIRECTIVE_VIRTIOFS,
        DIRECTIVE_URL,

        /* All else */
        DIRECTIVE_CORE_COLLECTOR,
        DIRECTIVE_KDUMP_PRE,
        DIRECTIVE_KDUMP_POST,
        DIRECTIVE_KDUMP_EMERGENCY,
        DIRECTIVE_FAILURE_ACTION,
        DIRECTIVE_FINAL_ACTION,
        DIRECTIVE_EXTRA_BINS,
        DIRECTIVE_EXTRA_MODULES,
        DIRECTIVE_DRACUT_ARGS,
        DIRECTIVE_FORCE_REBUILD,
        DIRECTIVE_FORCE_NO_REBUILD,
        DIRECTIVE_KERNEL,
        DIRECTIVE_KDUMP_COMMANDLINE,
        DIRECTIVE_KDUMP_COMMANDLINE_REMOVE,
        DIRECTIVE_KDUMP_COMMANDLINE_APPEND,
        DIRECTIVE_NR_CPUS,
        DIRECTIVE_AUTO_RESET_CRASHKERNEL,
        DIRECTIVE_FENCE_KDUMP_NODES,
        DIRECTIVE_FENCE_KDUMP_ARGS,

        /* Names that are warned about */
        DIRECTIVE_DEFAULT,
        DIRECTIVE_OVERRIDE_RESETTABLE,
        DIRECTIVE_NET,
        DIRECTIVE_OPTIONS,
        DIRECTIVE_LINK_DELAY,
        DIRECTIVE_DISK_TIMEOUT,
        DIRECTIVE_DEBUG_MEM_LEVEL,
        DIRECTIVE_BLACKLIST,
        _DIRECTIVE_MAX,
        _DIRECTIVE_INVALID = -EINVAL,
} Directive;

typedef enum DirectiveKind {
        DIRECTIVE_KIND_TARGET_SETTING,
        DIRECTIVE_KIND_TARGET,
        DIRECTIVE_KIND_SETTING,
        DIRECTIVE_KIND_ALIAS,   /* an old name of `canonical` */
        DIRECTIVE_KIND_REMOVED, /* ignored */
        _DIRECTIVE_KIND_MAX,
        _DIRECTIVE_KIND_INVALID = -EINVAL,
} DirectiveKind;

/* How a value is read and written; see config-value.h. */
typedef struct ValueType ValueType;

typedef struct DirectiveInfo {
        const char *name;
        DirectiveKind kind;
        const ValueType *type;  /* NULL: removed */
        size_t offset;          /* of the field, in Config; of a target setting, in Target */
        TargetType target_type; /* of a target */
        unsigned target_types;  /* of a target setting: 1 << TargetType for each that it is for */
        const char *default_value; /* as one would write it; NULL: see default_note */
        const char *default_note;  /* in words, what holds when it is not set */
        const char *instead;       /* what to use instead of an old name */
        Directive canonical;       /* itself, or what it is the old name of */
        bool acted_on;             /* false: understood, but nothing comes of it yet */
} DirectiveInfo;

const DirectiveInfo *directive_info(Directive directive);

/* NULL or _DIRECTIVE_INVALID for what is unknown. */
const char *directive_to_string(Directive directive);
Directive directive_from_string(const char *name);

/* Whether target setting @directive means anything for a target of type @type. */
bool directive_is_for(Directive directive, TargetType type);

/* The known name that @name may be a misspelling of, or _DIRECTIVE_INVALID. */
Directive directive_closest(const char *name);
