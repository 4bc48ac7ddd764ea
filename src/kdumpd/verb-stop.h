/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpd stop`: ExecStopPost= of kdump.service. */
#pragma once

#include "macro.h"

/* Takes the image away if, and only if, someone asked for the service to stop, and not for a
 * restart or the end of the system. With @is_explicit that is known, and nobody is asked. Returns
 * 0; 1 if the image should have been taken away and could not. Logs. */
int verb_stop(bool is_explicit);
