/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what the running kernel allows, and what it is below. */
#include "loader-facts-internal.h"
#include "parse.h"
#include "rootdir.h"

/* "[none] integrity confidentiality": the one that holds is in brackets (security/lockdown). */
static int read_lockdown(int root_fd, bool *ret)
{
        _cleanup_free_ char *line = NULL;
        int r;

        r = root_read_line(root_fd, "/sys/kernel/security/lockdown", &line);
        if (r < 0)
                return facts_unless_passing(r);
        *ret = strchr(line, '[') && !strstr(line, "[none]");
        return 0;
}

/* Dom0 has its crash image loaded by the hypervisor, and a paravirtual guest cannot have one at all
 * (kexec of arch/x86/xen/enlighten_pv.c). One that has a machine of its own is as any other. */
static int read_xen(int root_fd, bool *ret)
{
        _cleanup_free_ char *capabilities = NULL, *type = NULL, *guest = NULL;
        int r;

        r = root_read_line(root_fd, "/proc/xen/capabilities", &capabilities);
        if (loader_facts_error_passes(r))
                return r;
        if (r >= 0 && strstr(capabilities, "control_d")) {
                *ret = true;
                return 0;
        }
        r = root_read_line(root_fd, "/sys/hypervisor/type", &type);
        if (r < 0)
                return facts_unless_passing(r);
        if (!streq(type, "xen"))
                return 0;
        r = root_read_line(root_fd, "/sys/hypervisor/guest_type", &guest);
        if (loader_facts_error_passes(r))
                return r;
        *ret = r < 0 || !streq(guest, "HVM");
        return 0;
}

/* "-1": as often as one likes (kernel/kexec_core.c, since v6.3). */
static int read_load_limit(int root_fd, int64_t *ret)
{
        _cleanup_free_ char *line = NULL;
        uint64_t limit;
        int r;

        *ret = -1;
        r = root_read_line(root_fd, "/proc/sys/kernel/kexec_load_limit_panic", &line);
        if (r < 0)
                return facts_unless_passing(r);
        if (parse_u64(line, 10, &limit) >= 0 && limit <= INT64_MAX)
                *ret = (int64_t) limit;
        return 0;
}

/* "3b1d7a5c-902e-…": 16 bytes, in the order in which they are written. */
static int read_boot_id(int root_fd, uint8_t ret_id[static 16])
{
        _cleanup_free_ char *line = NULL;
        uint8_t id[16];
        size_t n = 0;
        int r;

        r = root_read_line(root_fd, "/proc/sys/kernel/random/boot_id", &line);
        if (r < 0)
                return facts_unless_passing(r);
        for (const char *p = line; *p && n < sizeof(id); n++) {
                uint64_t byte;
                char hex[3];

                p += *p == '-';
                (void) snprintf(hex, sizeof(hex), "%.2s", p);
                if (strlen(hex) != 2 || parse_u64(hex, 16, &byte) < 0)
                        return 0;
                id[n] = (uint8_t) byte;
                p += 2;
        }
        if (n == sizeof(id))
                memcpy(ret_id, id, sizeof(id));
        return 0;
}

/* How long the headers can become that the kernel rewrites by itself: crash_get_elfcorehdr_size()
 * of arch/x86/kernel/crash.c, since v6.6; kernel/ksysfs.c takes no lock to show it. */
static int read_elfcorehdr_room(int root_fd, uint64_t *ret_bytes)
{
        int r;

        r = facts_read_u64(root_fd, "/sys/kernel/kexec/crash_elfcorehdr_size", 10, ret_bytes);
        if (r < 0 && !loader_facts_error_passes(r))
                r = facts_read_u64(root_fd, "/sys/kernel/crash_elfcorehdr_size", 10, ret_bytes);
        return r < 0 ? facts_unless_passing(r) : 0;
}

static int read_load_disabled(int root_fd, bool *ret)
{
        uint64_t disabled;
        int r;

        r = facts_read_u64(root_fd, "/proc/sys/kernel/kexec_load_disabled", 10, &disabled);
        if (r < 0)
                return facts_unless_passing(r);
        *ret = disabled != 0;
        return 0;
}

int facts_read_policy(int root_fd, LoaderFacts *facts)
{
        int r;

        r = read_lockdown(root_fd, &facts->lockdown);
        if (r < 0)
                return r;
        r = read_xen(root_fd, &facts->xen);
        if (r < 0)
                return r;
        r = read_load_limit(root_fd, &facts->load_limit);
        if (r < 0)
                return r;
        r = read_load_disabled(root_fd, &facts->load_disabled);
        if (r < 0)
                return r;
        r = read_elfcorehdr_room(root_fd, &facts->elfcorehdr_room_bytes);
        if (r < 0)
                return r;
        return read_boot_id(root_fd, facts->boot_id);
}
