/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Segments: an image whose every byte in the reserved memory is ours, made of the files of a
 * KexecImage and of what the machine is now. */
#pragma once

#include "kexec.h"
#include "loaded-check.h"
#include "segment-image.h"

/* A file in memory that nobody can change. */
typedef struct SegmentsFile {
        const uint8_t *data; /* NULL: there is none */
        size_t size;
        uint64_t dev, ino; /* tell one from another */
} SegmentsFile;

typedef struct Segments {
        unsigned n_refs;
        SegmentsFile kernel, initrd, fallback;
        char *cmdline, *fallback_cmdline;
        SegmentImage image;
        LoadedPlace place;
} Segments;

/* What one load lists of them. */
typedef struct SegmentsLoad {
        SegmentList list;
        bool upon;   /* the rest has to be there already, in what is armed */
        bool sparse; /* nothing big is listed */
} SegmentsLoad;

Segments *segments_ref(Segments *segments);
Segments *segments_unref(Segments *segments); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(Segments *, segments_unref);

/* Whether @segments was made of the very files of @image. */
bool segments_are_of(const Segments *segments, const KexecImage *image);

/* A load of all of them. */
void segments_load_whole(const Segments *segments, SegmentsLoad *ret);

/* Makes segments of @image, for a load that leaves in place what is the same of @armed (NULL: there
 * is nothing to build upon): all that is big where both have the same files, else pages. @blob: the
 * purgatory, as installed. *ret_load points into *ret. Returns 0; with *reterr_message (the caller
 * frees it), an error that kexec_file_load(2) need not have. Does not log. */
int segments_make(const LoaderFacts *facts, const KexecImage *image, const uint8_t *blob,
                  size_t blob_size, const Segments *armed, Segments **ret, SegmentsLoad *ret_load,
                  char **reterr_message);
