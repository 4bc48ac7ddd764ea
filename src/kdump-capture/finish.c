/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns reboot(2), what little must precede it, and what follows if it does not work. */
#include "finish.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/wait.h>

#include "io.h"
#include "log.h"
#include "paths.h"
#include "process.h"

#define SYNC_TIMEOUT_USEC (10 * USEC_PER_SEC)
#define REBOOT_TIMEOUT_USEC (30 * USEC_PER_SEC)

/* Runs @fn in a child, so that it cannot hang us, for at most @timeout_usec. */
static int in_child(void (*fn)(int argument), int argument, uint64_t timeout_usec)
{
        int status;
        pid_t pid = fork();

        if (pid < 0)
                return -errno;
        if (pid == 0) {
                fn(argument);
                _exit(EXIT_SUCCESS);
        }
        return process_wait(pid, timeout_usec, &status);
}

static void sync_target(int dir_fd, const char *name)
{
        int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd >= 0)
                (void) syncfs(fd);
        _exit(EXIT_SUCCESS);
}

/* Every file of a dump was fsync()ed by the attempt that wrote it; this is for what hooks have
 * written. Each target has a process of its own, as that of a server which is gone does not come
 * back; and nothing but its name is looked at before. */
static void sync_targets(int unused)
{
        DIR *dir = opendir(PATH_CAPTURE_MOUNT_DIR);
        struct dirent *item;

        while (dir && (item = readdir(dir)))
                if (startswith(item->d_name, CAPTURE_MOUNT_PREFIX) && fork() == 0)
                        sync_target(dirfd(dir), item->d_name);
        while (wait(NULL) > 0)
                continue;
}

static void call_reboot(int how)
{
        (void) reboot(how);
}

static void sysrq(char key)
{
        _cleanup_close_ int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

        if (fd >= 0)
                (void) write_full(fd, &key, 1);
}

/* An int, as reboot(2) takes it, though the constants are unsigned. */
static int reboot_command(Action action)
{
        switch (action) {
        case ACTION_HALT:
                return (int) RB_HALT_SYSTEM;
        case ACTION_POWEROFF:
                return RB_POWER_OFF;
        default:
                return RB_AUTOBOOT;
        }
}

void finish(Action action, Watchdog *watchdog)
{
        int how = reboot_command(action);
        int r;

        log_notice("final action: %s",
                   how == RB_AUTOBOOT ? "reboot" : action_to_string(action) ?: "reboot");
        r = in_child(sync_targets, 0, SYNC_TIMEOUT_USEC);
        if (r < 0)
                (void) log_warning_errno(r, "the target could not be synced, ignoring: %m");

        if (how != RB_AUTOBOOT)
                watchdog_disarm(watchdog);
        r = in_child(call_reboot, how, REBOOT_TIMEOUT_USEC);
        if (how == (int) RB_HALT_SYSTEM)
                for (;;)
                        (void) pause();
        (void) log_error_errno(r, "reboot(2) did not do it, resetting the machine: %m");
        for (;;) {
                sysrq('b');
                (void) sleep(1);
        }
}

static void exec_shell(void)
{
        char *argv[] = { (char *) "/bin/sh", (char *) "-i", NULL };
        int fd;

        process_oom_default();
        (void) setsid();
        fd = open("/dev/console", O_RDWR | O_CLOEXEC);
        if (fd >= 0) {
                (void) ioctl(fd, TIOCSCTTY, 1);
                (void) dup2(fd, STDIN_FILENO);
                (void) dup2(fd, STDOUT_FILENO);
                (void) dup2(fd, STDERR_FILENO);
        }
        execv(argv[0], argv);
        _exit(127);
}

void finish_shell(Watchdog *watchdog)
{
        pid_t pid;

        log_notice("failure action: a shell on the console; leave it to go on");
        pid = fork();
        if (pid < 0) {
                (void) log_error_errno(errno, "cannot start a shell: %m");
                return;
        }
        if (pid == 0)
                exec_shell();
        while (waitpid(pid, NULL, WNOHANG) == 0) {
                watchdog_pet(watchdog);
                (void) sleep(1);
        }
}
