/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the life of the network's process. */
#include "network-process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "attempt-order.h"
#include "io.h"
#include "log.h"
#include "net-wait.h"
#include "process.h"

#define STARTS_MAX 6

/* How it fares shows by what can be reached. */
static void child_run(const Network *network, pid_t parent)
{
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(EXIT_FAILURE);
        (void) prctl(PR_SET_NAME, "kdump-network");
        process_oom_default();
        _exit(net_wait_links(network, USEC_INFINITY) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void pause_or_end(NetworkProcess *process)
{
        uint64_t pause_usec = attempt_pause_usec(process->n_starts);

        process->due_usec = USEC_INFINITY;
        if (process->n_starts >= STARTS_MAX) {
                log_error("the network is left to itself");
                return;
        }
        process->due_usec = now_boottime_usec() + pause_usec;
        log_info("caring for the network again in %llu s",
                 (unsigned long long) (pause_usec / USEC_PER_SEC));
}

static void start(NetworkProcess *process)
{
        pid_t pid, parent = getpid();

        process->n_starts++;
        process->due_usec = USEC_INFINITY;
        pid = fork();
        if (pid == 0)
                child_run(process->network, parent);
        if (pid > 0) {
                process->pid = pid;
                return;
        }
        (void) log_error_errno(errno, "cannot start a process for the network: %m");
        pause_or_end(process);
}

void network_process_start(NetworkProcess *process, const Network *network)
{
        *process = (NetworkProcess){ .network = network, .due_usec = USEC_INFINITY };
        if (network->n_links > 0)
                start(process);
}

void network_process_look(NetworkProcess *process)
{
        int status;

        if (process->pid <= 0) {
                if (process->network && now_boottime_usec() >= process->due_usec)
                        start(process);
                return;
        }
        if (waitpid(process->pid, &status, WNOHANG) != process->pid)
                return;
        process->pid = 0;
        if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS)
                return; /* all links are ready */
        if (WIFSIGNALED(status))
                log_error("the process that cares for the network was killed by signal %d (%s)",
                          WTERMSIG(status), strsignal(WTERMSIG(status)));
        else
                log_error("the process that cares for the network has failed");
        pause_or_end(process);
}
