/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hotplug: notices that CPUs or memory may have changed. */
#pragma once

#include <systemd/sd-event.h>

#include "macro.h"

/* Where to look. Which CPU or memory block it was, and what became of it, is not told: what is
 * there is read from /proc and /sys. */
typedef enum HotplugSubsystem {
        HOTPLUG_CPU = 1 << 0,
        HOTPLUG_MEMORY = 1 << 1,
        HOTPLUG_ALL = HOTPLUG_CPU | HOTPLUG_MEMORY,
} HotplugSubsystem;

typedef void (*hotplug_handler)(HotplugSubsystem look, void *userdata);

typedef struct Hotplug Hotplug;

/* Listens to the kernel's own uevents, not to those that udevd has passed on: with udevd dead or
 * minutes behind they still come. They need no privilege and are seen from any network namespace of
 * the first user namespace (lib/kobject_uevent.c, v4.18).
 *
 * The handler is called from the event loop, once for all that has come by then. It should let some
 * time pass before it looks: the event of a CPU or memory block that goes away is sent before
 * /sys/devices/system/cpu/present and /proc/iomem change (acpi_processor_remove() of
 * drivers/acpi/acpi_processor.c, try_remove_memory() of mm/memory_hotplug.c).
 *
 * Events that the kernel had no room for cost nothing: it says that some were lost, and that is one
 * more reason to look everywhere. What the handler cannot be called for is a change before
 * hotplug_new() returns, one that shows only after the last look, and one that has no event: who
 * needs to be sure looks once after hotplug_new(), and every now and then.
 *
 * Returns 0 or a negative errno; does not log. If the socket fails later, the handler is called a
 * last time and a warning is logged. */
int hotplug_new(sd_event *event, hotplug_handler handler, void *userdata, Hotplug **ret);
Hotplug *hotplug_free(Hotplug *hotplug); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(Hotplug *, hotplug_free);

/* The same on a datagram socket that does not block, which is the monitor's own on success. */
int hotplug_new_on_socket(sd_event *event, int fd, hotplug_handler handler, void *userdata,
                          Hotplug **ret);
