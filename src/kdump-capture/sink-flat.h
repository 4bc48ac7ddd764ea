/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SinkFlat: a file with writes at any offset, as makedumpfile's flattened stream of records: what
 * `makedumpfile -R` and crash read. */
#pragma once

#include "sink.h"

/* Takes @inner over, also on failure; it is written in order from 0 on. The record that ends the
 * stream comes with commit(): without it no reader takes it for whole. Returns 0, -ENOMEM or the
 * error of @inner. Does not log. */
int sink_flat_new(Sink *inner, Sink **ret);
