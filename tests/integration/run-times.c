/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run-times N PROGRAM [ARGUMENT…]: runs a program N times, without its output, and prints the microseconds that each took.
 * Its exit status does not matter; a program that cannot be run does. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXIT_NOT_RUN 127

static long long now_usec(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (long long) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int run(char **argv)
{
        int status;
        pid_t pid = fork();

        if (pid < 0)
                return -1;
        if (pid == 0) {
                int fd = open("/dev/null", O_WRONLY);

                if (fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0)
                        execv(argv[0], argv);
                _exit(EXIT_NOT_RUN);
        }
        if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) == EXIT_NOT_RUN)
                return -1;
        return 0;
}

int main(int argc, char **argv)
{
        if (argc < 3)
                return 2;
        for (int n = atoi(argv[1]); n > 0; n--) {
                long long begin_usec = now_usec();

                if (run(argv + 2) < 0) {
                        fprintf(stderr, "'%s' could not be run\n", argv[2]);
                        return 1;
                }
                printf("%lld\n", now_usec() - begin_usec);
        }
        return 0;
}
