/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kdump-fallback: kdump-capture as /init of the fallback image, where there is no other program: no
 * systemd, no udev, no shell. What those do in the usual image for the capture is done here. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "fallback-prepare.h"
#include "io.h"
#include "log.h"
#include "paths.h"
#include "plan-file.h"
#include "supervisor.h"

/* As the units of the usual image have it: kdump-capture.service, bounded.conf. */
#define SUPERVISOR_SILENCE_USEC (60 * USEC_PER_SEC)

#define LOOK_INTERVAL_MSEC 500

/* Where the supervisor tells that it is alive; see watchdog_pet(). A name that no file has. */
#define NOTIFY_NAME "@kdump-fallback"

static void mount_kernel(void)
{
        static const struct {
                const char *type, *where;
        } mounts[] = { { "devtmpfs", "/dev" }, { "proc", "/proc" }, { "sysfs", "/sys" } };

        for (size_t i = 0; i < ELEMENTSOF(mounts); i++) {
                (void) mkdir(mounts[i].where, 0755);
                if (mount(mounts[i].type, mounts[i].where, mounts[i].type, MS_NOSUID, NULL) < 0 &&
                    errno != EBUSY)
                        (void) log_warning_errno(errno, "cannot mount '%s', ignoring: %m",
                                                 mounts[i].where);
        }
}

/* What is opened later must not be taken for the standard ones. */
static void open_standard_fds(void)
{
        int fd;

        do
                fd = open("/dev/null", O_RDWR);
        while (fd >= 0 && fd <= STDERR_FILENO);
        (void) close_fd(fd);
}

static void write_setting(const char *path, const char *value)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

        if (fd >= 0)
                (void) write_full(fd, value, strlen(value));
}

static void set_up(void)
{
        mount_kernel();
        open_standard_fds();
        /* Else no more than 10 lines in 5 s are taken (devkmsg_write() in kernel/printk/printk.c);
         * as systemd does it. The newline is a part of the word (devkmsg_sysctl_set_loglvl()). */
        write_setting("/proc/sys/kernel/printk_devkmsg", "on\n");
        write_setting("/proc/self/oom_score_adj", "-1000");
        log_setup(LOG_TARGET_KMSG, "kdump-capture");
        log_notice("this is the fallback image, as the usual one is damaged: version %s, %s",
                   KDUMPD_VERSION, PLAN_FALLBACK_MARK_WITH(PLAN_VERSION));
}

/* -EBADF if it cannot be had: then the supervisor is watched for its end only. */
static int listen_for_life(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        memcpy(address.sun_path, NOTIFY_NAME, strlen(NOTIFY_NAME));
        address.sun_path[0] = '\0';
        if (fd < 0 ||
            bind(fd, (struct sockaddr *) &address,
                 (socklen_t) (offsetof(struct sockaddr_un, sun_path) + strlen(NOTIFY_NAME))) < 0 ||
            setenv("NOTIFY_SOCKET", NOTIFY_NAME, 1) < 0) {
                (void) log_warning_errno(errno, "cannot watch the supervisor, ignoring: %m");
                return -EBADF;
        }
        return TAKE_FD(fd);
}

static void prepare(const Plan *plan, AliveFunc alive, void *data)
{
        fallback_prepare(plan, alive, data);
        if (access("/proc/vmcore", F_OK) < 0)
                log_error("there is no /proc/vmcore: this kernel was not started by a crash, or "
                          "not told of the crashed one's memory");
}

static _Noreturn void supervise(void)
{
        _cleanup_(plan_freep) Plan *plan = plan_file_load();

        if (!plan) {
                /* Watchdogs are among them, and showing the log takes its time. */
                (void) fallback_load_start();
                log_error("without a plan no target is known: the crashed kernel's log is shown "
                          "here, and kept if there is a pstore");
                supervisor_failsafe(NULL);
        }
        supervisor_run(plan, prepare);
}

/* Reaps whatever has ended. Returns whether the supervisor is among that. */
static bool reap(pid_t supervisor)
{
        bool found = false;
        pid_t pid;

        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
                found = found || pid == supervisor;
        return found || (pid < 0 && errno == ECHILD);
}

/* Until the supervisor, which is to end with a reboot, has ended otherwise, or hangs. */
static void watch(pid_t supervisor, int life_fd)
{
        uint64_t heard_usec = now_boottime_usec();
        struct pollfd poll_fd = { .fd = life_fd, .events = POLLIN };
        char message[64];

        while (!reap(supervisor)) {
                (void) poll(&poll_fd, 1, LOOK_INTERVAL_MSEC);
                while (life_fd >= 0 && recv(life_fd, message, sizeof(message), 0) > 0)
                        heard_usec = now_boottime_usec();
                if (life_fd < 0 || now_boottime_usec() - heard_usec <= SUPERVISOR_SILENCE_USEC)
                        continue;
                log_error("the supervisor hangs");
                (void) kill(supervisor, SIGKILL);
                return;
        }
}

int main(int argc, char **argv)
{
        _cleanup_close_ int life_fd = -EBADF;
        pid_t supervisor;

        /* All that follows ends in a reboot. */
        if (getpid() != 1 || access(PATH_FALLBACK_MODULES, F_OK) < 0) {
                log_error("This is not /init of kdumpd's fallback image: nothing to do here.");
                return EXIT_FAILURE;
        }
        set_up();
        life_fd = listen_for_life();
        supervisor = fork();
        if (supervisor <= 0)
                supervise(); /* also here, if no memory is left for another process */
        watch(supervisor, life_fd);
        (void) unsetenv("NOTIFY_SOCKET");
        supervisor_failsafe(plan_file_load());
}
