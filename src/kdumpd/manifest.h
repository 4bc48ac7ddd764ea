/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Manifest: what a base image was made for and of, as JSON beside it. None of these log. */
#pragma once

#include "image.h"

/* A file that went into the image or had a say in it. An empty hash: it was not there. */
typedef struct ManifestInput {
        char *path;
        char *sha256;
} ManifestInput;

typedef struct Manifest {
        BaseImage base;        /* id and path are not in the file: they follow from its place */
        uint64_t created_usec; /* CLOCK_REALTIME */
        ManifestInput *inputs;
        size_t n_inputs;
} Manifest;

void manifest_done(Manifest *manifest);

/* Hashes @path as it is now and adds it. */
int manifest_add_input(int root_fd, Manifest *manifest, const char *path);

/* Compares all inputs with what is there now. Returns 0 if they are equal; 1 with *ret_path (points
 * into the manifest) for the first that is not. */
int manifest_inputs_changed(int root_fd, const Manifest *manifest, const char **ret_path);

int manifest_to_json(const Manifest *manifest, char **ret_json);

/* Returns 0; -EBADMSG if it is not a manifest. */
int manifest_from_json(const char *json, size_t size, Manifest *ret);
