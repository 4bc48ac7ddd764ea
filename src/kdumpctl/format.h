/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Times and sizes as people read them. */
#pragma once

#include "macro.h"

#define FORMAT_TIME_MAX 64
#define FORMAT_BYTES_MAX 32
#define FORMAT_AGE_MAX 48

/* "2025-01-31 09:30:00" in local time; "-" for 0. All return @buf. */
const char *format_time(uint64_t realtime_usec, char buf[FORMAT_TIME_MAX]);

/* "5 min ago", in the largest unit of which two have passed. */
const char *format_age(uint64_t age_usec, char buf[FORMAT_AGE_MAX]);

/* "27.3 MiB" */
const char *format_bytes(uint64_t bytes, char buf[FORMAT_BYTES_MAX]);
