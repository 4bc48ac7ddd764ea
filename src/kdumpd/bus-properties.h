/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* BusProperties: what the Manager object shows of the daemon. None of these log. */
#pragma once

#include "macro.h"

/* The strings and the list are borrowed from whoever filled this; NULL is shown as "" or as an
 * empty list. */
typedef struct BusProperties {
        const char *state;  /* as arm_state_to_string() */
        const char *reason; /* in words */
        int operational; /* a crash kernel is loaded, whoever loaded it; int, as a D-Bus boolean */
        uint64_t generation;
        uint64_t loaded_since; /* µs of CLOCK_REALTIME; 0: nothing is loaded, or it is not known */
        const char *kernel;    /* release of the crash kernel */
        char **targets;
        const char *base_image;                  /* its id */
        uint64_t gap_last, gap_worst, gap_total; /* µs without a crash kernel, since boot */
        uint64_t loads;                          /* since boot */
        uint64_t crash_size;                     /* bytes; 0: not known */
        const char *last_error;
        uint64_t last_error_time; /* µs of CLOCK_REALTIME */
        const char *last_dump;    /* folder of the newest dump */
        uint64_t last_dump_time;  /* µs of CLOCK_REALTIME */
} BusProperties;

/* The one list of them: ROW(name on the bus, its type there, field). */
#define BUS_PROPERTIES(ROW)                                                                        \
        ROW("State", "s", state)                                                                   \
        ROW("Reason", "s", reason)                                                                 \
        ROW("Operational", "b", operational)                                                       \
        ROW("Generation", "t", generation)                                                         \
        ROW("LoadedSince", "t", loaded_since)                                                      \
        ROW("Kernel", "s", kernel)                                                                 \
        ROW("Targets", "as", targets)                                                              \
        ROW("BaseImage", "s", base_image)                                                          \
        ROW("GapLast", "t", gap_last)                                                              \
        ROW("GapWorst", "t", gap_worst)                                                            \
        ROW("GapTotal", "t", gap_total)                                                            \
        ROW("Loads", "t", loads)                                                                   \
        ROW("CrashSize", "t", crash_size)                                                          \
        ROW("LastError", "s", last_error)                                                          \
        ROW("LastErrorTime", "t", last_error_time)                                                 \
        ROW("LastDump", "s", last_dump)                                                            \
        ROW("LastDumpTime", "t", last_dump_time)

/* Makes a copy that owns its strings. A bus daemon ends the connection of who sends bytes that are
 * not UTF-8, and texts may quote any file's name: such bytes become '?'. Returns 0 or -ENOMEM. */
int bus_properties_copy(const BusProperties *from, BusProperties *ret);

/* Frees what a copy owns. */
void bus_properties_done(BusProperties *copy);

/* The names on the bus of those that differ; NULL if none do. Returns 0 or -ENOMEM. */
int bus_properties_compare(const BusProperties *a, const BusProperties *b, char ***ret_names);
