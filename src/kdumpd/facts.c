/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the reading of /proc and /sys for what the daemon decides by. */
#include "facts.h"

#include <ctype.h>

#include "io.h"
#include "memory-info.h"
#include "parse.h"
#include "rootdir.h"
#include "strv.h"

/* EBUSY: another process holds the kexec lock, for as long as its load takes. */
#define BUSY_TRIES 50
#define BUSY_WAIT_USEC (20 * USEC_PER_MSEC)

/* The files under /sys/kernel/kexec are of v6.19; the older names stay as links for a time. */
static const char *const crash_loaded_paths[] = {
        "/sys/kernel/kexec/crash_loaded",
        "/sys/kernel/kexec_crash_loaded",
};
static const char *const crash_size_paths[] = {
        "/sys/kernel/kexec/crash_size",
        "/sys/kernel/kexec_crash_size",
};

void facts_done(Facts *facts)
{
        free(facts->kernel_release);
        free(facts->kernel_cmdline);
        free(facts->hostname);
        free(facts->machine_id);
        *facts = (Facts){ 0 };
}

/* A number in a file; 0 if there is no such file. */
static int read_number(int root_fd, const char *path, uint64_t *ret)
{
        _cleanup_free_ char *line = NULL;
        int r;

        r = root_read_line(root_fd, path, &line);
        if (r == -ENOENT) {
                *ret = 0;
                return 0;
        }
        if (r < 0)
                return r;
        return parse_u64(line, 10, ret);
}

static int read_flag(int root_fd, const char *path, bool *ret)
{
        uint64_t value;
        int r;

        r = read_number(root_fd, path, &value);
        if (r < 0)
                return r;
        *ret = value != 0;
        return 0;
}

/* A line of text; NULL if there is no such file. */
static int read_text(int root_fd, const char *path, char **ret)
{
        int r = root_read_line(root_fd, path, ret);

        return r == -ENOENT ? 0 : r;
}

int facts_crash_loaded(int root_fd)
{
        for (size_t i = 0; i < ELEMENTSOF(crash_loaded_paths); i++) {
                _cleanup_free_ char *line = NULL;
                int r;

                r = root_read_line(root_fd, crash_loaded_paths[i], &line);
                if (r == -ENOENT)
                        continue;
                if (r < 0)
                        return r;
                return streq(line, "1");
        }
        return -ENOENT;
}

bool facts_kexec_busy(int root_fd)
{
        for (size_t i = 0; i < ELEMENTSOF(crash_size_paths); i++) {
                uint64_t bytes;

                if (read_number(root_fd, crash_size_paths[i], &bytes) == -EBUSY)
                        return true;
        }
        return false;
}

static int read_crash_size(int root_fd, uint64_t *ret_bytes)
{
        for (size_t i = 0; i < ELEMENTSOF(crash_size_paths); i++) {
                int r = -EBUSY;

                for (unsigned n = 0; r == -EBUSY && n < BUSY_TRIES; n++) {
                        if (n > 0)
                                (void) usleep(BUSY_WAIT_USEC);
                        r = read_number(root_fd, crash_size_paths[i], ret_bytes);
                }
                if (r < 0 || *ret_bytes > 0)
                        return r;
        }
        return 0;
}

/* The value of "key : value" if @line has this key; NULL if not. */
static const char *cpuinfo_value(const char *line, const char *key)
{
        const char *p = startswith(line, key);

        if (!p)
                return NULL;
        while (*p == ' ' || *p == '\t')
                p++;
        if (*p != ':')
                return NULL;
        p++;
        while (*p == ' ' || *p == '\t')
                p++;
        return p;
}

/* disable_cpu_apicid= wants the initial APIC ID; processor 0 is the boot CPU as long as the machine
 * was not started by kexec on another one. */
static int read_boot_apicid(int root_fd, Facts *facts)
{
        _cleanup_free_ char *data = NULL;
        const char *line;
        char *rest;
        bool cpu0 = false;
        int r;

        r = root_read(root_fd, "/proc/cpuinfo", 64 * 1024 * 1024, &data, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        rest = data;
        while ((line = strsep(&rest, "\n"))) {
                const char *value = cpuinfo_value(line, "processor");

                if (value) {
                        if (cpu0)
                                return 0;
                        cpu0 = streq(value, "0");
                        continue;
                }
                if (!cpu0)
                        continue;
                value = cpuinfo_value(line, "initial apicid");
                if (value && parse_u32(value, &facts->boot_apicid) == 0) {
                        facts->boot_apicid_known = true;
                        return 0;
                }
                value = cpuinfo_value(line, "apicid");
                if (value && parse_u32(value, &facts->boot_apicid) == 0)
                        facts->boot_apicid_known = true;
        }
        return 0;
}

/* "0-3,8" are 5 CPUs; at least 1 of whatever this says. */
static unsigned count_cpu_list(const char *list)
{
        unsigned n = 0;

        while (isdigit((unsigned char) *list)) {
                char *end;
                unsigned long first = strtoul(list, &end, 10), last = first;

                if (*end == '-')
                        last = strtoul(end + 1, &end, 10);
                if (last >= first && last - first < UINT16_MAX)
                        n += (unsigned) (last - first) + 1;
                list = *end == ',' ? end + 1 : end;
        }
        return MAX(n, 1U);
}

static int read_n_cpus(int root_fd, unsigned *ret)
{
        _cleanup_free_ char *line = NULL;
        int r;

        r = root_read_line(root_fd, "/sys/devices/system/cpu/online", &line);
        if (r < 0 && r != -ENOENT)
                return r;
        *ret = line ? count_cpu_list(line) : 0;
        return 0;
}

/* Not to know it is no reason not to arm. */
static int read_ram(int root_fd, uint64_t *ret_bytes)
{
        int r = memory_ram_read(root_fd, ret_bytes);

        return r == -ENOENT || r == -EBADMSG ? 0 : r;
}

static int read_names(int root_fd, Facts *facts)
{
        int r;

        r = read_text(root_fd, "/proc/sys/kernel/osrelease", &facts->kernel_release);
        if (r < 0)
                return r;
        r = read_text(root_fd, "/proc/cmdline", &facts->kernel_cmdline);
        if (r < 0)
                return r;
        r = read_text(root_fd, "/proc/sys/kernel/hostname", &facts->hostname);
        if (r < 0)
                return r;
        return read_text(root_fd, "/etc/machine-id", &facts->machine_id);
}

/* No such file: an older kernel, without a limit. */
static int read_load_limit(int root_fd, int64_t *ret)
{
        _cleanup_free_ char *line = NULL;
        uint64_t value;
        int r;

        r = root_read_line(root_fd, "/proc/sys/kernel/kexec_load_limit_panic", &line);
        if (r == -ENOENT || (r >= 0 && *line == '-')) {
                *ret = -1;
                return 0;
        }
        if (r < 0)
                return r;
        r = parse_u64(line, 10, &value);
        if (r < 0)
                return r;
        *ret = (int64_t) MIN(value, (uint64_t) INT64_MAX);
        return 0;
}

int facts_refresh_limits(int root_fd, Facts *facts)
{
        int r;

        r = read_flag(root_fd, "/proc/sys/kernel/kexec_load_disabled", &facts->load_disabled);
        if (r < 0)
                return r;
        return read_load_limit(root_fd, &facts->load_limit);
}

int facts_refresh_crash_hotplug(int root_fd, Facts *facts)
{
        int r;

        r = read_flag(root_fd, "/sys/devices/system/cpu/crash_hotplug", &facts->cpu_crash_hotplug);
        if (r < 0)
                return r;
        return read_flag(root_fd, "/sys/devices/system/memory/crash_hotplug",
                         &facts->memory_crash_hotplug);
}

static int read_kexec(int root_fd, Facts *facts)
{
        int r;

        r = facts_crash_loaded(root_fd);
        if (r < 0 && r != -ENOENT)
                return r;
        facts->crash_loaded = r > 0;
        r = read_crash_size(root_fd, &facts->crash_size_bytes);
        if (r < 0)
                return r;
        r = facts_refresh_crash_hotplug(root_fd, facts);
        if (r < 0)
                return r;
        return facts_refresh_limits(root_fd, facts);
}

int facts_read(int root_fd, Facts *ret)
{
        _cleanup_(facts_done) Facts facts = { 0 };
        int r;

        r = read_names(root_fd, &facts);
        if (r < 0)
                return r;
        r = read_kexec(root_fd, &facts);
        if (r < 0)
                return r;
        r = read_ram(root_fd, &facts.ram_bytes);
        if (r < 0)
                return r;
        r = read_n_cpus(root_fd, &facts.n_cpus);
        if (r < 0)
                return r;
        r = read_boot_apicid(root_fd, &facts);
        if (r < 0)
                return r;

        *ret = facts;
        facts = (Facts){ 0 };
        return 0;
}
