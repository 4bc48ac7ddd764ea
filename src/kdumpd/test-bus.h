/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TestBus: a bus daemon of our own with our policy, a ManagerBus with an owner that only counts,
 * and a client, all in one event loop. */
#pragma once

#include <systemd/sd-bus.h>

#include "manager-bus.h"
#include "test.h"

typedef struct TestBus {
        char *root;
        pid_t daemon_pid;
        sd_event *event;
        ManagerBus *manager;
        sd_bus *client;

        /* The owner */
        State state;
        BusProperties properties;
        uint64_t reloads, verifies; /* numbers given out */
        int refuse;                 /* what the next requests are refused with */

        /* What the client has seen */
        char *changed; /* names of the last PropertiesChanged, each with a blank behind it */
        unsigned n_changed;
        char *removed; /* "kind result reason" of the last JobRemoved */
        unsigned n_removed;
        unsigned n_owners; /* times that the name has got an owner */
} TestBus;

/* Whether there is a program for the bus. */
bool test_bus_available(void);

/* For cmocka's setup and teardown. */
int test_bus_setup(void **state);
int test_bus_teardown(void **state);

void test_bus_daemon_start(TestBus *t);
void test_bus_daemon_kill(TestBus *t);

/* A client that sees all signals; runs until the manager has its name. */
void test_bus_client_start(TestBus *t);

/* Runs the loop until nothing is left to do at once. */
void test_bus_settle(TestBus *t);

/* Runs it until the process ends; returns its exit status. */
int test_bus_wait_process(TestBus *t, pid_t pid);

/* Sends @message and runs the loop until the reply is there. The caller drops it. */
sd_bus_message *test_bus_exchange(TestBus *t, sd_bus_message *message);

/* A call of the Manager without arguments. */
sd_bus_message *test_bus_call(TestBus *t, const char *method);

/* Ends once all signals that were sent before have come. */
void test_bus_sync(TestBus *t);
