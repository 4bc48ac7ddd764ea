/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the crash image needs to bring up a block device, and whether it can. None of these log. */
#pragma once

#include "resolve-context.h"

/* Adds the needs of @device ("vda1", "dm-0"), which is called @what in messages. Returns 0;
 * -EPROTONOSUPPORT with a message if the image cannot bring it up. */
int stack_add(const ResolveContext *c, const char *device, const char *what);

/* The settings of LVM for the volumes of all targets go to the overlay. */
int stack_add_settings(Needs *needs);
