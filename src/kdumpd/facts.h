/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Facts: what the kernel says of itself, read fresh before each decision. */
#pragma once

#include "macro.h"

typedef struct Facts {
        char *kernel_release; /* uname -r */
        char *kernel_cmdline; /* /proc/cmdline */
        char *hostname, *machine_id;
        bool crash_loaded; /* an image is armed: /sys/kernel/kexec/crash_loaded or the older name */
        bool cpu_crash_hotplug, memory_crash_hotplug; /* the kernel updates elfcorehdr itself */
        uint64_t crash_size_bytes; /* the reservation; 0: none. Read once per start only (see below)
                                    */
        uint64_t ram_bytes;
        unsigned n_cpus;      /* online */
        uint32_t boot_apicid; /* of the boot CPU, from the "apicid" / "initial apicid" of cpu 0 */
        bool boot_apicid_known;
        bool load_disabled; /* kernel.kexec_load_disabled */
        int64_t load_limit; /* kernel.kexec_load_limit_panic, since v6.3: loads that are still
                               allowed; -1: any number */
} Facts;

void facts_done(Facts *facts);

/* Reads everything below directory fd @root_fd ("/" in production; a fixture in tests). Files that
 * do not exist leave their field at 0/false. crash_size and crash_hotplug are read here only, and
 * this is called for a request, never by a clock: reading them takes the kexec lock
 * (kernel/kexec_core.c, v6.x) and may make a load or a crash at that moment fail. Does not log. */
int facts_read(int root_fd, Facts *ret);

/* Reads load_disabled and load_limit again: they may change at any time. Does not log. */
int facts_refresh_limits(int root_fd, Facts *facts);

/* Reads cpu_crash_hotplug and memory_crash_hotplug again: they tell of the image that is loaded, so
 * they are right only after a load (crash_check_hotplug_support(), v6.6). Takes the kexec lock as
 * facts_read() does: call it once after each load, and at no other time. Does not log. */
int facts_refresh_crash_hotplug(int root_fd, Facts *facts);

/* crash_loaded alone; takes no lock, may be polled. Returns 0/1, or -ENOENT: a kernel without
 * kexec. */
int facts_crash_loaded(int root_fd);

/* Whether another process holds the lock that a load takes. Takes it for a moment. */
bool facts_kexec_busy(int root_fd);
