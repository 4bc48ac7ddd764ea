/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the checks of what the running kernel has, allows, and does when it fails. */
#include "verify.h"

#include <inttypes.h>

#include "cmdline.h"
#include "crashkernel.h"
#include "io.h"
#include "rootdir.h"
#include "strv.h"

#define MIB (UINT64_C(1024) * 1024)
#define PATH_SYSCTL "/proc/sys/kernel/"

static int check_reservation(Verify *v)
{
        uint64_t bytes = v->facts.crash_size_bytes;

        if (v->crash_loaded == -ENOENT)
                return verify_report_add(&v->report, "reservation", CHECK_FAILED,
                                         "This kernel knows no crash kernels (CONFIG_CRASH_DUMP, "
                                         "CONFIG_KEXEC): boot another one.");
        if (bytes > 0)
                return verify_report_add(&v->report, "reservation", CHECK_OK,
                                         "%" PRIu64 " MiB are reserved.", bytes / MIB);
        return verify_report_add(&v->report, "reservation", CHECK_FAILED,
                                 "No memory is reserved for a crash kernel: add 'crashkernel=%s' "
                                 "to the kernel command line, and reboot.",
                                 crashkernel_advice(v->facts.ram_bytes));
}

/* Returns 1 with *ret; 0 if there is no such number. */
static int read_sysctl(const Verify *v, const char *name, int64_t *ret)
{
        _cleanup_free_ char *path = NULL, *line = NULL;
        char *end;
        int64_t value;
        int r;

        r = strprintf(&path, PATH_SYSCTL "%s", name);
        if (r < 0)
                return r;
        r = root_read_line(v->root_fd, path, &line);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return 0;
        errno = 0;
        value = strtoll(line, &end, 10);
        if (end == line || *end != '\0' || errno != 0)
                return 0;
        *ret = value;
        return 1;
}

static int check_load_permitted(Verify *v)
{
        if (!v->facts.load_disabled)
                return verify_report_add(&v->report, "kexec-load", CHECK_OK,
                                         "The kernel lets images be loaded.");
        if (v->crash_loaded > 0)
                return verify_report_add(&v->report, "kexec-load", CHECK_WARNING,
                                         "kernel.kexec_load_disabled is 1: what is armed cannot "
                                         "be replaced before the next boot.");
        return verify_report_add(&v->report, "kexec-load", CHECK_FAILED,
                                 "kernel.kexec_load_disabled is 1: nothing can be armed before "
                                 "the next boot. Set it only after kdump.service has started.");
}

/* Since v6.3; -1: no limit. Each attempt costs one, also one that fails (kexec_load_permitted() in
 * kernel/kexec_core.c). */
static int check_load_limit(Verify *v)
{
        int64_t limit;
        int r;

        r = read_sysctl(v, "kexec_load_limit_panic", &limit);
        if (r < 0)
                return r;
        if (r == 0 || limit < 0)
                return verify_report_add(&v->report, "kexec-load-limit", CHECK_OK,
                                         "The number of loads is not limited.");
        if (limit == 0 && v->crash_loaded <= 0)
                return verify_report_add(&v->report, "kexec-load-limit", CHECK_FAILED,
                                         "kernel.kexec_load_limit_panic is 0: nothing can be "
                                         "armed before the next boot.");
        return verify_report_add(&v->report, "kexec-load-limit", CHECK_WARNING,
                                 "kernel.kexec_load_limit_panic allows %" PRId64
                                 " more loads: then what is armed stays as it is until the next "
                                 "boot.",
                                 limit);
}

/* While an image is loaded there is none for some milliseconds, and it may be refused. */
static int check_panic_timeout(Verify *v)
{
        int64_t value;
        int r;

        r = read_sysctl(v, "panic", &value);
        if (r < 0)
                return r;
        if (r == 0)
                return verify_report_add(&v->report, "panic-timeout", CHECK_SKIPPED,
                                         "kernel.panic cannot be read.");
        if (value != 0)
                return verify_report_add(&v->report, "panic-timeout", CHECK_OK,
                                         "Without a crash kernel the machine reboots %s.",
                                         value > 0 ? "some time after a panic" : "at once");
        return verify_report_add(
                &v->report, "panic-timeout", CHECK_WARNING,
                "kernel.panic is 0: if the crash kernel cannot start, or a panic "
                "comes while one is loaded, the machine hangs. Set kernel.panic=10 "
                "in /etc/sysctl.d, or add panic=10 to the kernel command line.");
}

static int check_panic_on_oops(Verify *v)
{
        int64_t value;
        int r;

        r = read_sysctl(v, "panic_on_oops", &value);
        if (r < 0)
                return r;
        if (r == 0)
                return verify_report_add(&v->report, "panic-on-oops", CHECK_SKIPPED,
                                         "kernel.panic_on_oops cannot be read.");
        if (value != 0)
                return verify_report_add(&v->report, "panic-on-oops", CHECK_OK,
                                         "An oops is a panic.");
        return verify_report_add(&v->report, "panic-on-oops", CHECK_WARNING,
                                 "kernel.panic_on_oops is 0: after an oops the damaged kernel goes "
                                 "on, and nothing is dumped. Set kernel.panic_on_oops=1 in "
                                 "/etc/sysctl.d.");
}

/* A watchdog that is the kernel's own timer ends with it. */
static bool watchdog_is_software(const Verify *v, const char *name)
{
        _cleanup_free_ char *path = NULL, *identity = NULL;

        return strprintf(&path, "/sys/class/watchdog/%s/identity", name) >= 0 &&
               root_read_line(v->root_fd, path, &identity) >= 0 &&
               streq(identity, "Software Watchdog");
}

static int check_watchdog(Verify *v)
{
        _cleanup_strv_ char **names = NULL;
        int r;

        r = root_list(v->root_fd, "/sys/class/watchdog", &names);
        if (r == -ENOMEM)
                return r;
        for (char **name = names; name && *name; name++)
                if (!watchdog_is_software(v, *name))
                        return verify_report_add(&v->report, "watchdog", CHECK_OK,
                                                 "'%s' ends a crash kernel that hangs.", *name);
        return verify_report_add(&v->report, "watchdog", CHECK_WARNING,
                                 "There is no hardware watchdog: a crash kernel that hangs early "
                                 "stays so. If this machine has one, load its module.");
}

int verify_kernel(Verify *v)
{
        static int (*const checks[])(Verify * v) = {
                check_reservation,   check_load_permitted, check_load_limit,
                check_panic_timeout, check_panic_on_oops,  check_watchdog,
        };

        for (size_t i = 0; i < ELEMENTSOF(checks); i++) {
                int r = checks[i](v);

                if (r < 0)
                        return r;
        }
        return 0;
}
