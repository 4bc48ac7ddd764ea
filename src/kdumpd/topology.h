/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Topology: the CPUs and the memory that the headers of a crash image must describe. */
#pragma once

#include "iomem.h"
#include "sha256.h"

/* The CPUs are those present, not those online. For each there is a note in elfcorehdr, whether it
 * runs or not (crash_prepare_elf64_headers() of kernel/kexec_file.c up to v6.5; since v6.6, in
 * kernel/crash_core.c, for each that is possible): to take one offline and back changes nothing.
 * The memory is "System RAM" with all its kinds, as walk_system_ram_res() finds it. It is
 * registered when memory is added, before any of it is online (add_memory_resource() of
 * mm/memory_hotplug.c): one load after that holds for every block that is set online later. */
typedef struct Topology {
        char *cpus; /* "0-3,8": ascending, as few words as can be */
        size_t n_cpus;
        IomemRange *ranges; /* sorted; none touches another */
        size_t n_ranges;
        uint64_t ram_bytes;
} Topology;

void topology_done(Topology *topology);

/* Reads /sys/devices/system/cpu/present and /proc/iomem below @root_fd. Takes no lock that a load
 * or a crash could be kept waiting by. A change in the middle of the file may show as a range too
 * many or too few: what is read once more some time after the change is right. Returns 0; -EBADMSG
 * if either is malformed, and as iomem_read() does; topology_error_text() has words for these. Does
 * not log. */
int topology_read(int root_fd, Topology *ret);

/* What went wrong if topology_read() returned @error, as the rest of a sentence. */
const char *topology_error_text(int error);

bool topology_equal(const Topology *a, const Topology *b);

/* The same for equal ones, on each machine and in each version of this program. */
int topology_digest(const Topology *topology, char ret_hex[static SHA256_HEX_SIZE]);

/* What a machine got or lost, "2 CPUs and 512 MiB of memory more", for two topologies that differ.
 * Both are given by their sums only, as one of them may be known by no more than that. The caller
 * frees *ret. Returns 0 or -ENOMEM. Does not log. */
int topology_describe_change(size_t from_cpus, uint64_t from_ram_bytes, size_t to_cpus,
                             uint64_t to_ram_bytes, char **ret);
