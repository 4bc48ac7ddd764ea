/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads /sys/kernel/kexec_crash_loaded again and again until SIGTERM, and prints each interval in
 * which no crash kernel was loaded as "gap START USEC UNSURE": from the first 0 to the next 1; the
 * 1 before the first 0 was read UNSURE microseconds earlier. At the end it prints "end SAMPLES
 * LONGEST": the longest time between two samples, which a gap may hide in. */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
        (void) sig;
        stopped = 1;
}

static uint64_t now_usec(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

static void print_gap(uint64_t start, uint64_t end, uint64_t unsure, const char *more)
{
        printf("gap %llu %llu %llu%s\n", (unsigned long long) start,
               (unsigned long long) (end - start), (unsigned long long) unsure, more);
        fflush(stdout);
}

int main(void)
{
        uint64_t before = now_usec(), start = 0, unsure = 0, longest = 0, samples = 0;
        int fd = open("/sys/kernel/kexec_crash_loaded", O_RDONLY | O_CLOEXEC);
        bool loaded = true;

        if (fd < 0 || setpriority(PRIO_PROCESS, 0, -20) < 0) {
                perror("sampler");
                return 1;
        }
        signal(SIGTERM, stop);
        printf("start\n");
        fflush(stdout);
        while (!stopped) {
                uint64_t now;
                char digit;

                if (pread(fd, &digit, 1, 0) != 1) {
                        perror("kexec_crash_loaded");
                        return 1;
                }
                now = now_usec();
                if (now - before > longest)
                        longest = now - before;
                if (loaded && digit == '0') {
                        start = now;
                        unsure = now - before;
                } else if (!loaded && digit != '0') {
                        print_gap(start, now, unsure, "");
                }
                loaded = digit != '0';
                before = now;
                samples++;
        }
        if (!loaded)
                print_gap(start, before, unsure, " open");
        printf("end %llu %llu\n", (unsigned long long) samples, (unsigned long long) longest);
        return 0;
}
