/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of net-units share. */
#pragma once

#include <stdio.h>

#include "net-units.h"

/* Writes the sections of a .netdev: [NetDev] and that of its kind. */
void net_units_write_netdev(FILE *f, const NetPlanLink *planned);
