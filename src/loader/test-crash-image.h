/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads back a whole image from the memory that it was loaded into, as purgatory and kernel do. */
#pragma once

#include "test-crash-memory.h"

/* Fails where anything is not as @facts and @inputs say. Of @layout only the entry and what there
 * is to be is believed. */
void test_image_check(const TestMemory *memory, const Layout *layout, const LoaderFacts *facts,
                      const CrashImageInputs *inputs);
