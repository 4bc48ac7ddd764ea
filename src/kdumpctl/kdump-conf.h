/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What conf/kdump.conf held when this was built, so that an unchanged one is known. */
#pragma once

#include "macro.h"

extern const size_t kdump_conf_size;
extern const char kdump_conf[];
