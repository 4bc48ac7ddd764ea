/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A few lines of text to a serial port that the first kernel has set up. */
#pragma once

#include "purgatory.h"

/* Both do nothing without a port, once it has not answered in time, and when enough was said. */
void serial_text(Purgatory *purgatory, const char *text);
void serial_number(Purgatory *purgatory, uint32_t number);
