/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CrashImage: every byte that is to be in the reserved area, with its layout: the end of all pure
 * work before a load. */
#pragma once

#include "bzimage.h"
#include "layout.h"

/* All of it is the caller's, and must stay as long as the CrashImage. */
typedef struct CrashImageInputs {
        const uint8_t *kernel; /* a whole bzImage */
        size_t kernel_bytes;
        const uint8_t *initrd;
        size_t initrd_bytes;
        const uint8_t *fallback_initrd; /* NULL: no fallback */
        size_t fallback_initrd_bytes;
        const char *cmdline, *fallback_cmdline; /* elfcorehdr= is put in front; NULL: empty */
        const uint8_t *purgatory;               /* the blob as it was built */
        size_t purgatory_bytes;
        uint8_t random_seed[32];
        uint64_t generation, armed_realtime_usec; /* for PurgatoryStatus */
        const uint8_t *resets;                    /* PURGATORY_RESETS_MAX of them; NULL: usual */
} CrashImageInputs;

/* What is loaded where, for each extent that is present: content[role], extents[role].bytes of it,
 * at paddr and, if there is a mirror, the same bytes at mirror_paddr. Both copies of EXTENT_LEAVES
 * and of EXTENT_BLOCK are equal, too.
 *
 * One exception: with layout.live_elfcorehdr the mirror of EXTENT_ELFCOREHDR is at mirror_paddr +
 * PURGATORY_ELF_COPY_OFFSET, behind zeros. The kernel rewrites the last segment that begins with
 * the magic number of ELF (crash_handle_hotplug_event() of kernel/crash_core.c, since
 * v6.6), and must not take the copy for it. */
typedef struct CrashImage {
        Layout layout;
        const uint8_t *content[_EXTENT_ROLE_MAX]; /* NULL where no extent is present */
        uint8_t *owned[_EXTENT_ROLE_MAX];         /* what of it was made here */
} CrashImage;

void crash_image_done(CrashImage *image);

/* Lays out, proves, builds and seals. @armed: the image whose big extents are to stay where they
 * are (a sparse load), with the same kernel and initramfs; NULL: a full load. Of @armed only what
 * it owns and its layout is read. The payload of the kernel is not looked at
 * (bzimage_check_payload()). The same arguments give the same bytes. Returns 0; -ESTALE if only a
 * full load will do; -ENOSPC, -EINVAL, -EBADMSG, -E2BIG, or -EOPNOTSUPP if libcrypto has no
 * SHA-256, with *reterr_message (the caller frees it); -ENOMEM. Does not log. */
int crash_image_make(const LoaderFacts *facts, const CrashImageInputs *inputs,
                     const LayoutPolicy *policy, const CrashImage *armed, CrashImage *ret,
                     char **reterr_message);
