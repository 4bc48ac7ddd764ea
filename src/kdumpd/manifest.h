/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Manifest: what a base image was made for and of, as JSON beside it. None of these log. */
#pragma once

#include "fingerprint.h"
#include "image.h"

/* A file that went into the image or had a say in it. An empty hash: it was not there. */
typedef struct ManifestInput {
        char *path;
        char *sha256;
} ManifestInput;

typedef struct Manifest {
        BaseImage base; /* id and the paths are not in the file: they follow from its place */
        uint64_t created_usec; /* CLOCK_REALTIME */
        char *kernel_source;   /* what the kernel is a copy of */
        ManifestInput *inputs;
        size_t n_inputs;
        /* Of modules.dep only what is said of these modules counts. */
        char **modules;
        char *modules_sha256;     /* of that; module_list_hash() */
        char *modules_dep_sha256; /* of the whole file: if it is the same, so is the part */
} Manifest;

/* More are not kept: the file would become too large to be read. */
#define MANIFEST_INPUTS_MAX 4096
#define MANIFEST_BYTES_MAX ((size_t) 1024 * 1024)

void manifest_done(Manifest *manifest);

/* Adds @path with content @sha256, unless it is there already. -ENOBUFS: there are too many. */
int manifest_add_hash(Manifest *manifest, const char *path, const char *sha256);

/* Hashes @path as it is now and adds it. */
int manifest_add_input(int root_fd, Manifest *manifest, const char *path);

/* Compares all inputs but the kernel with what is there now. What is gone, or cannot be read, has
 * not changed: it is still in the image, and a new one could not be made of it. @cache may be NULL.
 * Returns 0 if they are equal; 1 with the paths of those that are not in *ret_changed (strv). */
int manifest_inputs_changed(int root_fd, FingerprintCache *cache, const Manifest *manifest,
                            char ***ret_changed);

/* The paths of all that has a say in whether the image is up to date (strv). */
int manifest_input_paths(const Manifest *manifest, char ***ret);

int manifest_to_json(const Manifest *manifest, char **ret_json);

/* Returns 0; -EBADMSG if it is not a manifest. */
int manifest_from_json(const char *json, size_t size, Manifest *ret);
