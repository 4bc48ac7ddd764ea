/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpd stop`: ExecStopPost= of kdump.service. */
#pragma once

#include "kexec.h"

/* Takes the image away if, and only if, someone asked for the service to stop, and not for a
 * restart or the end of the system. With @is_explicit that is known, and nobody is asked. What
 * the next boot is to know of this is written down: that all is in order, or else that nobody
 * watches what stays armed. Returns 0; 1 if the image should have been taken away and could not.
 * Logs. */
int verb_stop(bool is_explicit);

/* The same below @root, of @loader, for tests. @pid1_address: as of pid1_connect(). */
int verb_stop_below(const char *root, const KexecLoader *loader, const char *pid1_address,
                    bool is_explicit);
