/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kmem: virtual memory of the crashed kernel, read by the page tables of its architecture. */
#pragma once

#include "vmcore.h"
#include "vmcoreinfo.h"

/* struct new_utsname (include/uapi/linux/utsname.h): six fields of 65 bytes. */
#define KMEM_UTSNAME_BYTES 390
#define KMEM_UTSNAME_FIELD_BYTES 65
#define KMEM_UTSNAME_RELEASE 2 /* which field that is */

typedef struct Kmem Kmem;

/* @vmcore stays the caller's and must live longer; @info (may be NULL) is not kept. Returns 0;
 * -ENODATA without VMCOREINFO or without a key that translation needs, -EBADMSG if one makes no
 * sense, -EOPNOTSUPP for an architecture that is not known. Does not log. */
int kmem_open(Vmcore *vmcore, const Vmcoreinfo *info, Kmem **ret);
Kmem *kmem_close(Kmem *kmem); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(Kmem *, kmem_close);

/* The physical address (bytes) of @vaddr, and how many bytes from there on are sure to be
 * contiguous (at least 1; may be NULL). Returns 0; -EFAULT if @vaddr is not mapped, else as
 * kmem_read_phys(). Does not log. */
int kmem_vtop(Kmem *kmem, uint64_t vaddr, uint64_t *ret_paddr, uint64_t *ret_bytes);

/* The distance of the direct map, as vmcore_direct_map_delta(), also where only VMCOREINFO or the
 * page tables tell; 0: unknown. Does not log. */
uint64_t kmem_direct_map_delta(Kmem *kmem);

/* The kernel's image as the page tables map it (x86_64 only), in bytes, end exclusive: as far as
 * its first and its last page, whatever is between them. */
typedef struct KmemImage {
        uint64_t start_paddr, end_paddr;
        uint64_t delta; /* vaddr - paddr of it */
} KmemImage;

/* Returns 0; -ENODATA if it is not known. Does not log. */
int kmem_image(Kmem *kmem, KmemImage *ret);

/* Reads @size bytes at kernel address @vaddr. Returns 0; -EFAULT if any of it is not mapped,
 * -ERANGE if it is in memory that was not kept, -EIO. What is in @buf is undefined then. Does not
 * log. */
int kmem_read(Kmem *kmem, uint64_t vaddr, void *buf, size_t size);
int kmem_read_u16(Kmem *kmem, uint64_t vaddr, uint16_t *ret);
int kmem_read_u32(Kmem *kmem, uint64_t vaddr, uint32_t *ret);
int kmem_read_u64(Kmem *kmem, uint64_t vaddr, uint64_t *ret);

/* As vmcore_read(), through a small cache: meant for structures, not for the pages of a dump. */
int kmem_read_phys(Kmem *kmem, uint64_t paddr, void *buf, size_t size);

/* How much memory the vmcore has, in bytes: nothing in it can be larger. */
uint64_t kmem_memory_bytes(const Kmem *kmem);

/* The crashed kernel's struct new_utsname; each field ends with a NUL. Returns 0; -ENODATA if
 * VMCOREINFO does not tell where it is and it is not found, else as kmem_read(). Does not log. */
int kmem_read_utsname(Kmem *kmem, const Vmcoreinfo *info, char ret_uts[KMEM_UTSNAME_BYTES]);
