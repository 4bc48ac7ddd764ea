/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns showing the crashed kernel's log where somebody, or pstore, may still see it. */
#include "console-log.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "capture-save.h"
#include "io.h"
#include "log.h"
#include "process.h"

/* A serial console at 115200 baud takes six seconds for this much. */
#define TAIL_BYTES (64 * 1024)
#define TIMEOUT_USEC (60 * USEC_PER_SEC)
#define ALIVE_INTERVAL_USEC (USEC_PER_SEC / 4)

typedef struct Tail {
        char bytes[TAIL_BYTES];
        uint64_t total; /* bytes ever put in: the next one goes to total % TAIL_BYTES */
} Tail;

static int tail_put(const char *text, size_t size, void *data)
{
        Tail *tail = data;

        for (size_t i = 0; i < size; i++)
                tail->bytes[tail->total++ % TAIL_BYTES] = text[i];
        return 0;
}

static void tail_show(const Tail *tail)
{
        uint64_t at = tail->total > TAIL_BYTES ? tail->total - TAIL_BYTES : 0;
        char line[512];
        size_t n = 0;

        for (; at < tail->total; at++) {
                char c = tail->bytes[at % TAIL_BYTES];

                if (c != '\n')
                        line[n++] = c;
                if (c == '\n' || n == sizeof(line) - 1) {
                        line[n] = '\0';
                        log_info("| %s", line);
                        n = 0;
                }
        }
}

/* pstore takes the kernel's log at a panic, and with this also at the reboot that is to come
 * (kmsg_dump() in kernel/printk/printk.c). */
static void keep_for_pstore(void)
{
        _cleanup_close_ int fd =
                open("/sys/module/printk/parameters/always_kmsg_dump", O_WRONLY | O_CLOEXEC);

        if (fd >= 0)
                (void) write_full(fd, "Y", 1);
}

static void show(void)
{
        _cleanup_(capture_source_freep) CaptureSource *source = NULL;
        Tail *tail = calloc(1, sizeof(Tail));
        char *panic = NULL;
        int r;

        keep_for_pstore();
        if (!tail)
                _exit(EXIT_FAILURE);
        log_notice("the end of the crashed kernel's log:");
        r = capture_source_open("/proc/vmcore", &source);
        if (r >= 0)
                r = capture_write_log(source, tail_put, tail, &panic);
        if (r < 0)
                (void) log_error_errno(r, "the crashed kernel's log could not be read: %m");
        tail_show(tail);
        _exit(EXIT_SUCCESS);
}

void console_log_show(AliveFunc alive, void *data)
{
        uint64_t start_usec = now_boottime_usec();
        pid_t pid = fork();

        if (pid < 0) {
                (void) log_error_errno(errno, "cannot show the crashed kernel's log: %m");
                return;
        }
        if (pid == 0) {
                process_oom_default();
                show();
        }
        while (waitpid(pid, NULL, WNOHANG) == 0) {
                if (now_boottime_usec() - start_usec > TIMEOUT_USEC) {
                        log_error("showing the log takes too long, giving up");
                        (void) kill(pid, SIGKILL);
                        return;
                }
                alive(data);
                (void) usleep(ALIVE_INTERVAL_USEC);
        }
}
