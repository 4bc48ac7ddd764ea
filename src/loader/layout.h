/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Layout: what goes where in the reserved area. Pure: the same input gives the same layout. */
#pragma once

#include "loader-facts.h"
#include "purgatory-block.h"

typedef enum ExtentRole {
        EXTENT_KERNEL, /* the protected-mode part of a bzImage */
        EXTENT_INITRD,
        EXTENT_FALLBACK_INITRD,
        EXTENT_BOOT_PARAMS,
        EXTENT_CMDLINE,
        EXTENT_FALLBACK_BOOT_PARAMS,
        EXTENT_FALLBACK_CMDLINE,
        EXTENT_SETUP_DATA, /* nodes that never change: EFI, more of e820, random seed */
        EXTENT_EFI_TABLE,
        EXTENT_ELFCOREHDR,
        EXTENT_STATUS_NODE, /* header of the node with PurgatoryStatus */
        EXTENT_STATUS,      /* its payload, which changes: in no digest, no mirror */
        EXTENT_LEAVES,      /* guarded by the block's digest */
        EXTENT_BLOCK,       /* guarded by its own */
        EXTENT_PURGATORY,   /* nobody guards it */
        _EXTENT_ROLE_MAX,
        _EXTENT_ROLE_INVALID = -EINVAL,
} ExtentRole;

const char *extent_role_to_string(ExtentRole role);

/* All in bytes and physical addresses. */
typedef struct LayoutExtent {
        bool present;
        uint64_t paddr;
        uint64_t bytes;        /* of content; what is loaded and checked */
        uint64_t room_bytes;   /* nothing else is in [paddr, paddr + room_bytes) */
        uint64_t mirror_paddr; /* 0: no mirror. It has the same room */
        uint32_t targets;      /* bit i: target i needs it */
} LayoutExtent;

/* One segment of kexec_load(2): whole pages, with at least one extent or mirror inside. */
typedef struct LayoutSegment {
        Range range;
        bool small; /* is loaded again by each sparse load */
} LayoutSegment;

#define LAYOUT_SEGMENTS_MAX 16 /* KEXEC_SEGMENT_MAX of include/uapi/linux/kexec.h */

/* What is asked for. Sizes in bytes; 0 where there is none. */
typedef struct LayoutInputs {
        uint64_t kernel_bytes; /* of the protected-mode part */
        uint64_t kernel_init_size_bytes, kernel_alignment, kernel_pref_paddr;
        uint64_t initrd_bytes;
        uint64_t fallback_initrd_bytes; /* 0: no fallback */
        uint64_t cmdline_bytes;         /* with the NUL */
        uint64_t fallback_cmdline_bytes;
        uint64_t setup_data_bytes, efi_table_bytes;
        uint64_t elfcorehdr_bytes;
        uint64_t purgatory_bytes;
} LayoutInputs;

typedef struct LayoutPolicy {
        bool mirror_small, mirror_kernel, mirror_initrd;
        bool live_elfcorehdr;           /* the kernel rewrites it: room as it wants, no digest */
        uint64_t elfcorehdr_room_bytes; /* at least; a sparse load keeps that of the full one */
        uint64_t hole_bytes;            /* 0: as many as the kernel can need; else for tests */
} LayoutPolicy;

/* What was dropped as there was no room; bits. In the order in which it is dropped. */
typedef enum LayoutDropped {
        LAYOUT_DROPPED_INITRD_MIRROR = 1,
        LAYOUT_DROPPED_KERNEL_MIRROR = 2,
        LAYOUT_DROPPED_FALLBACK = 4,
} LayoutDropped;

typedef struct Layout {
        Range area;   /* facts' crash area */
        Range hole;   /* at its start: the kernel's control pages go here */
        Range window; /* what the kernel needs to start */
        LayoutExtent extents[_EXTENT_ROLE_MAX];
        LayoutSegment
                segments[LAYOUT_SEGMENTS_MAX]; /* sorted; small ones are also of a full load */
        size_t n_segments;
        uint64_t entry; /* of the purgatory */
        uint32_t n_leaves;
        unsigned dropped; /* LayoutDropped */
        bool live_elfcorehdr;
        uint64_t used_bytes; /* of the area while armed */
} Layout;

/* Rooms are larger than they have to be where nothing is dropped for it: then inputs that differ by
 * a little have what is big at the same addresses. Returns 0; -ENOSPC if even the least does not
 * fit, -EINVAL for inputs that make no sense, with *reterr_message (the caller frees it): what is
 * needed and what there is. Does not log. */
int layout_make(const LoaderFacts *facts, const LayoutInputs *inputs, const LayoutPolicy *policy,
                Layout *ret, char **reterr_message);

/* A layout for new headers whose big extents stay where @armed has them: only what is in small
 * segments may move or change its size. Returns 0; -ESTALE if something big would have to change,
 * so that only a full load will do; else as layout_make(). */
int layout_make_sparse(const LoaderFacts *facts, const LayoutInputs *inputs,
                       const LayoutPolicy *policy, const Layout *armed, Layout *ret,
                       char **reterr_message);

/* How much the kernel can need at the start of the area for its control pages, in bytes:
 * machine_kexec_prepare() of arch/x86/kernel/machine_kexec_64.c. Pure. */
uint64_t layout_hole_bytes(const LoaderFacts *facts);
