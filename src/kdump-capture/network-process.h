/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetworkProcess: the child that cares for the network beside all else that is done, as long as
 * that takes: a link may come late, when an attempt has failed already that is made again. */
#pragma once

#include <sys/types.h>

#include "network.h"

typedef struct NetworkProcess {
        const Network *network;
        pid_t pid; /* 0: there is none */
        unsigned n_starts;
        uint64_t due_usec; /* when it starts again; USEC_INFINITY: never */
} NetworkProcess;

/* Starts it, if there is anything to care for. @network outlives it. Logs. */
void network_process_start(NetworkProcess *process, const Network *network);

/* To be called now and then: tells of its end before its time, and starts it again after a while, a
 * few times. Never blocks. Logs. */
void network_process_look(NetworkProcess *process);
