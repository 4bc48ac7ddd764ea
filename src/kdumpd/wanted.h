/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the configuration asks for now, worked out in full and checked, but not loaded. */
#pragma once

#include "generation.h"
#include "image.h"

typedef struct Wanted {
        char *problem;      /* why it cannot be had; the rest, up to there, is still valid */
        bool config_error;  /* the problem is one of the configuration */
        char *base_missing; /* why a base image must be built first; then there is no generation yet
                             */
        char *base_outdated;   /* why one is to be built later; the one that is there serves */
        char **changed_inputs; /* paths (strv) of what the newest base image was made of and that is
                                  not as it was */
        char *warning;         /* nothing is in the way, but something is not as it should be */
        char **hosts;          /* names and addresses (strv) of machines that targets are on */
        char **dump_folders;   /* paths (strv) of where dumps are now, as far as one can see */
        char **overlay_inputs; /* paths (strv) of the files that go into the overlay */
        bool force_rebuild, force_no_rebuild;
        Generation
                generation; /* its number is that of the current one if that would load the same */
        uint8_t *overlay;   /* generation.overlay_bytes long */
        uint8_t *fallback;  /* generation.fallback_bytes long; NULL: it has none, or what it has is
                               only on disk, if at all */
        char *fallback_missing; /* why none can be made: one sentence, and no problem */
} Wanted;

void wanted_done(Wanted *wanted);

/* Reads the configuration below @root_fd and goes on as far as it gets. Returns 0 with *ret, also
 * if there is a problem; -ENOMEM. @cache (may be NULL) remembers what was read. Base image
 * @keep_id (may be NULL, or BASE_KEEP_NEWEST) serves although what it was made of has changed, if
 * there is no other. Logs what the configuration and its resolving complain of, unless @quiet. */
int wanted_read(int root_fd, const Facts *facts, const GenerationStore *store,
                FingerprintCache *cache, const char *keep_id, bool quiet, Wanted *ret);
