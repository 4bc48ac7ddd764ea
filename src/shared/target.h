/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Target: one place that a dump may go to, as the user wrote it (Config) or resolved (Plan). */
#pragma once

#include "macro.h"

typedef enum TargetType {
        TARGET_PATH,     /* no target line: the file system that holds `path` */
        TARGET_FS,       /* ext4, xfs, btrfs … on a block device */
        TARGET_RAW,      /* a block device without a file system */
        TARGET_NFS,      /* host:/export */
        TARGET_SSH,      /* user@host */
        TARGET_VIRTIOFS, /* a virtiofs tag */
        TARGET_URL,      /* http, https, s3, ftp, ftps */
        _TARGET_TYPE_MAX,
        _TARGET_TYPE_INVALID = -EINVAL,
} TargetType;

typedef struct Target {
        TargetType type;
        char *what;    /* "UUID=…", "LABEL=…", device, host:/export, user@host, tag, URL; NULL:
                          TARGET_PATH */
        char *fstype;  /* TARGET_FS: the directive's name; in a Plan always set for block devices */
        char *options; /* mount options; set by resolving, NULL in a Config */
        char *path; /* Config: as written. Plan: relative to the root of the mounted file system */
        char *sshkey;      /* private key. Plan: absolute path in the image, as all files here */
        char *known_hosts; /* Plan only: file of the host keys that were pinned */
        unsigned port;     /* TARGET_SSH; 0: the usual one */
        char **addresses;  /* Plan only: what the host's name led to when it was armed (strv), to be
                              tried when names cannot be resolved any more */

        /* TARGET_URL */
        char *credentials; /* file, 0600: see kdump.conf(5) */
        char *ca_file;     /* certificates (PEM) that are trusted; NULL: the system's */
        char *client_cert, *client_key; /* PEM; NULL: none */
        char *s3_endpoint;              /* "https://host[:port]"; NULL: Amazon's of the region */
        char *s3_region;                /* NULL: us-east-1 */

        uint64_t connect_usec;  /* until it is reached, it is tried again and again for this long */
        uint64_t timeout_usec;  /* without any progress, the target is given up after this */
        uint64_t deadline_usec; /* from the start of an attempt, it ends with what it has after
                                 * this; 0: never */
} Target;

void target_done(Target *target);
int target_copy(const Target *from, Target *ret);

/* Is it another machine, which may not answer now and do so in a while? */
static inline bool target_is_remote(const Target *target)
{
        return target->type == TARGET_NFS || target->type == TARGET_SSH ||
               target->type == TARGET_URL;
}

/* "nfs", "ssh", … ; TARGET_FS is "fs". NULL or _TARGET_TYPE_INVALID for what is unknown. */
extern const char *const target_type_names[_TARGET_TYPE_MAX];
const char *target_type_to_string(TargetType type);
TargetType target_type_from_string(const char *s);

/* A short text for messages: "ext4 UUID=1234 folder '/var/crash'". The caller frees it. */
int target_describe(const Target *target, char **ret);
