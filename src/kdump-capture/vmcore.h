/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Vmcore: physical memory of a kernel, from /proc/vmcore, any ELF64 core file, /proc/kcore, or a
 * saved dump in kdump-compressed form. */
#pragma once

#include "kdump-file.h"

/* One run of physical memory; runs are sorted by address and never overlap. */
typedef struct MemoryRun {
        uint64_t start_paddr, end_paddr; /* bytes, end exclusive, not necessarily page aligned */
        uint64_t file_offset;            /* of start_paddr; 0 in a saved dump */
        uint64_t file_bytes;             /* from there; what lies behind reads as zero */
} MemoryRun;

/* Does not change once it is open: any number of threads may use one. */
typedef struct Vmcore Vmcore;

/* A window into it, for one thread at a time. */
typedef struct VmcoreView VmcoreView;

/* Most that one vmcore_view_show() shows, and that a view maps, in bytes; a multiple of every page
 * size. */
#define VMCORE_WINDOW_BYTES_MAX (UINT64_C(16) << 20)

/* Opens and parses @path. Returns 0; -EBADMSG if it is neither an ELF64 core nor a saved dump;
 * -EOPNOTSUPP for another class, byte order or machine, and as kdump_file_open(); *reterr_message
 * (caller frees) then says why. For errors of open and read it is NULL. Installs the SIGBUS handler
 * of vmcore_guarded(). Does not log. */
int vmcore_open(const char *path, Vmcore **ret, char **reterr_message);
Vmcore *vmcore_close(Vmcore *vmcore); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(Vmcore *, vmcore_close);

const MemoryRun *vmcore_runs(const Vmcore *vmcore, size_t *ret_n_runs);

/* The run that holds @paddr, else the next one behind it, else NULL. */
const MemoryRun *vmcore_run_find(const Vmcore *vmcore, uint64_t paddr);

/* The saved dump that it is, as long as @vmcore lives; NULL: it is an ELF core. */
const KdumpFile *vmcore_saved(const Vmcore *vmcore);

/* How many PT_LOADs were left out because their numbers make no sense: that memory is lost. */
unsigned vmcore_n_bad_segments(const Vmcore *vmcore);

/* The ELF machine (EM_X86_64 …; 0 unknown), the name that uname(1) has for it ("" unknown) and
 * back, and the distance of the direct map: p_vaddr - p_paddr of it, 0 unknown. */
unsigned vmcore_machine(const Vmcore *vmcore);
const char *vmcore_machine_to_string(unsigned machine);
unsigned vmcore_machine_from_string(const char *name);
uint64_t vmcore_direct_map_delta(const Vmcore *vmcore);

/* The same distance for the segments that map the kernel image itself (x86_64 only). Returns 0 or
 * -ENODATA. */
int vmcore_kernel_map_delta(const Vmcore *vmcore, uint64_t *ret_delta);

/* The memory from the first of these segments to the last, whatever is between them, in bytes, end
 * exclusive. Returns 0 or -ENODATA. */
int vmcore_kernel_map_range(const Vmcore *vmcore, uint64_t *ret_start_paddr,
                            uint64_t *ret_end_paddr);

/* All of PT_NOTE as it is in the file (several are joined; of more than 32 MiB the device dumps are
 * left out), and the text of VMCOREINFO with its place among the notes. NULL and 0 when there is
 * none. They live as long as @vmcore. */
const uint8_t *vmcore_notes(const Vmcore *vmcore, size_t *ret_size);
const char *vmcore_vmcoreinfo_text(const Vmcore *vmcore, size_t *ret_size,
                                   uint64_t *ret_notes_offset);
unsigned vmcore_n_prstatus(const Vmcore *vmcore);

/* Read @size bytes at physical address @paddr into @buf. Returns 0; -ERANGE if any of it is in no
 * run, -EFAULT or -EIO if the kernel cannot read it. Of a saved dump -EFAULT also if it is missing
 * there or was left out, though not because it was zero: if the dump's level leaves such pages out,
 * any that is not there reads as zero, as it does in crash(8). Does not log. */
int vmcore_read(const Vmcore *vmcore, uint64_t paddr, void *buf, size_t size);

/* @vmcore stays the caller's and must outlive *ret. Takes next to no memory before the first
 * vmcore_view_show(). Returns 0 or -ENOMEM. Does not log. */
int vmcore_view_new(const Vmcore *vmcore, VmcoreView **ret);
VmcoreView *vmcore_view_free(VmcoreView *view); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(VmcoreView *, vmcore_view_free);

/* What the place and the size of a window are multiples of: the system's page size, or that of a
 * saved dump if it is smaller. */
size_t vmcore_window_align_bytes(const Vmcore *vmcore);

/* Shows @size bytes (at most VMCORE_WINDOW_BYTES_MAX) at @paddr, both multiples of
 * vmcore_window_align_bytes(), through a window that is mapped when possible and read otherwise;
 * more is mapped ahead the longer the calls go upwards. Of a page that runs cover in part, the rest
 * is zero. *ret points into the window and is valid until the next call. Touching it may raise
 * SIGBUS: read it inside vmcore_guarded(). Returns 0, or errors as vmcore_read(), -ENOMEM: after
 * -EFAULT or -EIO ask again page by page, then only the bad ones fail. -ERANGE if any page of it is
 * in no run. Does not log.
 */
int vmcore_view_show(VmcoreView *view, uint64_t paddr, size_t size, const uint8_t **ret);

/* Calls @fn(@data) so that a SIGBUS in it (a poisoned or vanished page of a window) comes back as
 * -EFAULT instead of a signal. @fn must hold nothing that it could not leave behind. A Vmcore must
 * be open. Returns what @fn returns. Does not log. */
int vmcore_guarded(int (*fn)(void *data), void *data);

/* memcpy() inside vmcore_guarded(). Returns 0 or -EFAULT. */
int vmcore_guarded_copy(void *to, const void *from, size_t size);
