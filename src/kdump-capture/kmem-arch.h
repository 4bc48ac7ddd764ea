/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an architecture brings so that Kmem can translate its addresses. One file arch-*.c each. */
#pragma once

#include "kmem.h"

typedef struct KmemArch {
        unsigned machine; /* EM_… of its ELF cores */

        /* Takes what it needs from @info and @vmcore into *ret_state, to be free()d. Errors as
         * kmem_open(). */
        int (*open)(const Vmcore *vmcore, const Vmcoreinfo *info, void **ret_state);

        /* As kmem_vtop(). Page tables are read with kmem_read_phys(), at most one entry per level.
         */
        int (*vtop)(Kmem *kmem, const void *state, uint64_t vaddr, uint64_t *ret_paddr,
                    uint64_t *ret_bytes);

        /* As kmem_direct_map_delta(), and as kmem_image(), which may be NULL. */
        uint64_t (*direct_map_delta)(Kmem *kmem, const void *state);
        int (*image)(Kmem *kmem, const void *state, KmemImage *ret);
} KmemArch;

extern const KmemArch kmem_arch_aarch64;
extern const KmemArch kmem_arch_x86_64;

/* How many bytes of memory there are from @paddr on, without a hole; 0: none. For use by @vtop. */
uint64_t kmem_bytes_behind(const Kmem *kmem, uint64_t paddr);
