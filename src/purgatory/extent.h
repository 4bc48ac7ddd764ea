/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ranges that were loaded: whether the block describes them well, and whether they are as they
 * were loaded, chunk by chunk. */
#pragma once

#include "purgatory.h"

/* More leaves than this (for 4 GiB) are no sane block. */
#define EXTENT_LEAVES_MAX 65536U

/* Are all extents of @block memory, with leaves of their own numbers, and apart from each other,
 * the mirrors, the block, the leaf tables, the status and the blob? */
bool extents_make_sense(const Purgatory *purgatory, const PurgatoryBlock *block);

/* Is @paddr in an extent that @target needs? */
bool extents_have(const PurgatoryBlock *block, uint32_t target, uint64_t paddr);

/* Checks an extent of the trusted block, and repairs it from its mirror where it is bad. Looks only
 * once: what has become of it is kept in the status. Counts chunks there, too. */
PurgatoryResult extent_check(Purgatory *purgatory, uint32_t number);
