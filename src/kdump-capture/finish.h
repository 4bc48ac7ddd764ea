/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of a capture: the box comes back, or stays as its owner asked, on every path. */
#pragma once

#include "plan.h"
#include "watchdog.h"

/* Does @action and does not return. What is mounted as a target is synced first, for a limited
 * time; there is no sync(2) and no umount(2), as either may hang on a dead disk or server. If
 * reboot(2) does not do it within its time, sysrq-b does. ACTION_SHELL and ACTION_DUMP_TO_ROOTFS
 * act as a reboot here. Logs. */
_Noreturn void finish(Action action, Watchdog *watchdog);

/* A shell on the console, until it is left. Logs. */
void finish_shell(Watchdog *watchdog);
