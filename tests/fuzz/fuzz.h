/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the fuzz targets share: the entry that libFuzzer and replay.c call, and how to complain. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "macro.h"

/* Each target has one. It must be fast and must not leak: an input costs at most 1 s and 64 MiB. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* For what must hold whatever the input is. */
#define FUZZ_CHECK(condition)                                                                      \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        fprintf(stderr, "%s:%d: '%s' does not hold\n", __FILE__, __LINE__,         \
                                #condition);                                                       \
                        abort();                                                                   \
                }                                                                                  \
        } while (0)
