/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the advice for a machine without a reservation: which crashkernel=, and how to set it. */
#include "verb-check.h"

#include <fcntl.h>

#include "crashkernel.h"
#include "io.h"
#include "log.h"
#include "rootdir.h"
#include "state.h"
#include "strv.h"

static bool exists(int root_fd, const char *path)
{
        return faccessat(root_fd, root_relative(path), F_OK, 0) == 0;
}

/* Whether the word crashkernel=… is on the command line of this boot. */
static bool is_asked_for(const char *cmdline)
{
        const char *p = cmdline ? strstr(cmdline, "crashkernel=") : NULL;

        return p && (p == cmdline || p[-1] == ' ');
}

/* Places that `kdumpctl reset-crashkernel` knows how to write to. */
static bool boot_loader_is_known(int root_fd)
{
        return (exists(root_fd, "/etc/default/grub") && exists(root_fd, "/usr/sbin/update-grub")) ||
               exists(root_fd, "/boot/loader/entries") || exists(root_fd, "/efi/loader/entries") ||
               exists(root_fd, "/boot/efi/loader/entries") ||
               exists(root_fd, "/etc/kernel/cmdline");
}

static int advise_boot_loader(int root_fd, const char *value, char ***list)
{
        if (boot_loader_is_known(root_fd))
                return strv_extend(list,
                                   "Run 'kdumpctl reset-crashkernel', which sets it in the boot "
                                   "loader's configuration, and reboot.");
        return strv_extendf(list,
                            "Add 'crashkernel=%s' to the kernel command line in the "
                            "configuration of your boot loader, and reboot.",
                            value);
}

int check_advice(int root_fd, const Facts *facts, char ***ret)
{
        _cleanup_strv_ char **list = NULL;
        const char *value = crashkernel_advice(facts->ram_bytes);
        int r;

        if (facts->crash_size_bytes > 0 || facts->crash_loaded) {
                *ret = NULL;
                return 0;
        }
        if (is_asked_for(facts->kernel_cmdline))
                r = strv_extendf(&list,
                                 "The kernel reserved no memory for a crash kernel although "
                                 "crashkernel= asks for it: 'dmesg | grep -i crash' may say why. "
                                 "This machine's memory of %u MiB suggests crashkernel=%s.",
                                 (unsigned) (facts->ram_bytes >> 20), value);
        else
                r = strv_extendf(&list,
                                 "No memory is reserved for a crash kernel. This machine's memory "
                                 "of %u MiB suggests crashkernel=%s.",
                                 (unsigned) (facts->ram_bytes >> 20), value);
        if (r < 0)
                return r;
        r = advise_boot_loader(root_fd, value, &list);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        return 0;
}

/* For `kdumpctl status`: there will be no daemon to say it. */
static void write_state(int root_fd, char *const *advice)
{
        _cleanup_(state_done) State state = { 0 };
        int r;

        (void) state_read(root_fd, &state);
        free(TAKE_PTR(state.reason));
        r = strv_join(advice, &state.reason);
        if (r >= 0) {
                state.state = ARM_STATE_UNAVAILABLE;
                state.generation = 0;
                state.updated_realtime_usec = now_realtime_usec();
                r = state_write(root_fd, &state);
        }
        if (r < 0)
                (void) log_warning_errno(r, "Failed to write the state file, ignoring: %m");
}

int verb_check(void)
{
        _cleanup_(facts_done) Facts facts = { 0 };
        _cleanup_strv_ char **advice = NULL;
        _cleanup_close_ int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r;

        if (root_fd < 0) {
                (void) log_error_errno(errno, "Failed to open '/': %m");
                return 255;
        }
        r = facts_crash_loaded(root_fd);
        if (r == -ENOENT) {
                log_error("This kernel knows no crash kernels (CONFIG_CRASH_DUMP, CONFIG_KEXEC).");
                return 1;
        }
        r = facts_read(root_fd, &facts);
        if (r >= 0)
                r = check_advice(root_fd, &facts, &advice);
        if (r < 0) {
                (void) log_error_errno(r, "Failed to read what the kernel says of itself: %m");
                return 255;
        }
        for (char **line = advice; line && *line; line++)
                log_error("%s", *line);
        if (!advice)
                return 0;
        write_state(root_fd, advice);
        return 1;
}
