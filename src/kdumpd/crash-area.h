/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The area that crashkernel= reserves: notices when another image was loaded into it. */
#pragma once

#include "range-list.h"
#include "sha256.h"

/* A hash of some of what is loaded, for comparison with an earlier one. crash_loaded stays 1 when
 * someone else loads an image over ours (kexec -p); this is what can tell. It takes no lock that a
 * load or a crash could be kept waiting by, and reads less than 200 KiB.
 *
 * Equal hashes mean that what was loaded with kexec_file_load(2) on x86 is still there: the kernel
 * puts the purgatory, which has a hash of all the rest, and the command line at the end of the
 * area, and all of that end is read (bzImage64_load() of arch/x86/kernel/kexec-bzimage64.c). Of
 * what other loaders or architectures place elsewhere, samples from all over the area are read.
 * Each load of even the same image has another hash since v6.0, as a random seed is beside the
 * command line (setup_rng_seed()): take one after each load.
 *
 * The first MiB is left out. The kernel puts elfcorehdr at its start, and changes it by itself when
 * memory is hotplugged (crash_load_segments() and arch_crash_handle_hotplug_event() of
 * arch/x86/kernel/crash.c, v6.6).
 *
 * What kexec_load(2) has loaded is found by the same samples: an image that someone else loads need
 * not touch any of ours, as the kernel leaves alone what no segment names, but it is seen where
 * ours is not. @live (empty: nowhere) counts as zeros: what the kernel rewrites by itself.
 *
 * Returns 0; -ENODATA if nothing is reserved; -EACCES if we may not read kernel memory (privileges,
 * or lockdown); -EOPNOTSUPP if this kernel cannot show it: no /proc/kcore, no physical addresses in
 * its headers (before v4.11), or an area that is not mapped while an image is loaded (arm64), which
 * reads as zeros; and as iomem_read() does. Does not log. */
int crash_area_sample(int root_fd, Range live, char ret_hex[static SHA256_HEX_SIZE]);
