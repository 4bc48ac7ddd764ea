/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The last resort: the end of the crashed kernel's log on the console and with it in this kernel's
 * own log, which pstore, if there is one, keeps over the reboot. */
#pragma once

#include "hooks.h"

/* Reads in a child with a time limit, as the memory may be in any state. Logs. */
void console_log_show(AliveFunc alive, void *data);
