/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Base images: made by dracut per kernel, kept in PATH_STATE_DIR/base/<id>/, each with its kernel
 * and its manifest. */
#pragma once

#include "fingerprint.h"
#include "paths.h"
#include "resolve.h"

#define PATH_BASES PATH_STATE_DIR "/base"

/* <id>/initrd.img is the image, <id>/vmlinuz a copy of the kernel that it was made for, and
 * <id>/manifest.json says what went into it: nothing that happens to the files it came from can
 * take it away. A base serves every Plan whose drivers and binaries it already holds. <id> = kernel
 * release + "-" + 12 hex of the SHA-256 of the hashes of both files. */
typedef struct BaseImage {
        char *id;
        char *kernel_release;
        unsigned plan_version; /* that its kdump-capture understands */
        char **drivers,
                **binaries; /* what it was asked to hold (builtin and missing modules included) */
        char **dracut_args;
        char *path; /* of initrd.img, absolute */
        char *sha256;
        uint64_t size_bytes;
        uint64_t unpacked_bytes; /* memory that its files take in the crash kernel */
        char *kernel_path;       /* of vmlinuz, absolute */
        char *kernel_sha256;
        uint64_t kernel_bytes;
} BaseImage;

void base_image_done(BaseImage *base);

/* What a base must have. */
typedef struct BaseRequest {
        const char *kernel_release;
        char *const *drivers, *const *binaries, *const *dracut_args;
        const char *machine_id; /* to find the kernel by; may be NULL */
        const char *keep_id;    /* this one will do although its inputs have changed, if there is no
                                   other; may be NULL */
} BaseRequest;

#define BASE_KEEP_NEWEST "*" /* as keep_id: the newest one that is of use */

/* What image_find() finds out beside the image. */
typedef struct ImageFindings {
        char *why;      /* what the newest one lacks, or the one of keep_id, in words */
        char **changed; /* paths (strv) of the newest one's inputs that have changed */
        char *warning;  /* the image serves, but something about what it came from is wrong */
} ImageFindings;

void image_findings_done(ImageFindings *findings);

/* The newest base that satisfies @request, whose inputs have the content that they had (the files
 * that are in the image, kdump-capture, the dracut module and dracut itself, the kernel, and what
 * modules.dep says of the modules in it), and which is whole. What is gone or damaged has not
 * changed. @cache may be NULL: all is read. Returns 1 with *ret, maybe with a warning, and
 * with findings.why if it is one for keep_id; 0 with findings.why ("there is no base image for
 * kernel 6.1", "'/usr/bin/foo' has changed (and 2 more)" …) if one must be built. The findings are
 * set in both cases. Does not log. */
int image_find(int root_fd, FingerprintCache *cache, const BaseRequest *request, BaseImage *ret,
               ImageFindings *ret_findings);

/* The paths (strv) of all that has a say in whether base @base_id is up to date, those that do not
 * exist included. Returns 0; -ENOENT if there is no such base. Does not log. */
int image_inputs(int root_fd, const char *base_id, char ***ret);

/* Whether a base for @kernel_release could be built now: 1; 0 with *ret_why if its modules are not
 * installed, or there is no image of it that could be loaded. Does not log. */
int image_can_build(int root_fd, const BaseRequest *request, char **ret_why);

/* About the room on disk that a build takes: what the newest image took, or an estimate. Does not
 * log. */
int image_build_bytes(int root_fd, uint64_t *ret_bytes);

/* Runs dracut, checks its result (decompresses, the cpio is walked to TRAILER!!!, kdump-capture and
 * PATH_BASE_INFO are in it), and only then gives it its place. Takes minutes; runs in
 * kdump-build.service. Logs. */
int image_build(const BaseRequest *request, BaseImage *ret);

/* The same for a system below folder @root ("" in production): for tests. */
int image_build_below(const char *root, const BaseRequest *request, BaseImage *ret);

/* Removes base images that none of @keep_ids (strv) names, but the newest one of each installed
 * kernel. Logs at debug level. */
int image_prune(int root_fd, char *const *keep_ids);
