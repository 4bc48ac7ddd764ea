/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Base images: made by dracut per kernel, kept in PATH_STATE_DIR/base/<id>/, each with its
 * manifest. */
#pragma once

#include "resolve.h"

/* <id>/initrd.img is the image and <id>/manifest.json says what went into it. A base serves every
 * Plan whose drivers and binaries it already holds. <id> = kernel release + "-" + 12 hex of the
 * image's SHA-256. */
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
} BaseImage;

void base_image_done(BaseImage *base);

/* What a base must have. */
typedef struct BaseRequest {
        const char *kernel_release;
        char *const *drivers, *const *binaries, *const *dracut_args;
} BaseRequest;

/* The newest base that satisfies @request and whose inputs (content hashes in the manifest:
 * kdump-capture, the dracut module and dracut itself, each binary, the kernel's modules.dep) are
 * unchanged and whose image has the size and hash of the manifest. Returns 1 with *ret; 0 with
 * *ret_why (caller frees: "no base image for kernel 6.1", "'/usr/bin/foo' has changed" …) if one
 * must be built. Does not log. */
int image_find(int root_fd, const BaseRequest *request, BaseImage *ret, char **ret_why);

/* Runs dracut, checks its result (decompresses, the cpio is walked to TRAILER!!!, kdump-capture and
 * PATH_BASE_INFO are in it), and only then gives it its place. Takes minutes; runs in
 * kdump-build.service. Logs. */
int image_build(const BaseRequest *request, BaseImage *ret);

/* The same for a system below folder @root ("" in production): for tests. */
int image_build_below(const char *root, const BaseRequest *request, BaseImage *ret);

/* Removes base images that none of @keep_ids (strv) names. Logs at debug level. */
int image_prune(int root_fd, char *const *keep_ids);
