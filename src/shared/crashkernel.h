/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* crashkernel=: how much memory is to be reserved for the crash kernel. None of these log. */
#pragma once

#include "macro.h"

/* The crashkernel= that is advised for this much memory, such as "256M". Static storage. */
const char *crashkernel_advice(uint64_t ram_bytes);
