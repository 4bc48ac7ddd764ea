/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* KernelInfo: what a running kernel tells of its types, as lines of VMCOREINFO, for the time when
 * it has crashed and its own VMCOREINFO lacks something. */
#pragma once

#include "vmcoreinfo.h"

#define KERNEL_INFO_BYTES_MAX (UINT32_C(64) << 10)

/* Writes the text from the kernel's BTF. @notes are the bytes of /sys/kernel/notes, for the
 * build-id; may be NULL. The caller frees *ret. Returns 0, or an error of btf_new(). Does not log.
 */
int kernel_info_make(const void *btf, size_t btf_size, const char *release, const void *notes,
                     size_t notes_size, char **ret);

/* The keys of @info, and those of the text @extra that it lacks: *ret_n_added of them. Returns 0;
 * -ESTALE if @extra is of another kernel by OSRELEASE or, where both have it, BUILD-ID; or an
 * error of vmcoreinfo_new(). Does not log. */
int kernel_info_merge(const Vmcoreinfo *info, const char *extra, size_t extra_size,
                      Vmcoreinfo **ret, size_t *ret_n_added);
