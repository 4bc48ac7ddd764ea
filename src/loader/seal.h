/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What lets the purgatory trust the rest: digests of all content, and the block that names it.
 * None of these log. */
#pragma once

#include "layout.h"

/* Which extents have leaves. The others change while armed, are guarded otherwise, or by nobody. */
bool seal_covers(const Layout *layout, ExtentRole role);

/* How many leaves that makes. */
uint64_t seal_leaves(const Layout *layout);

/* Writes seal_leaves() digests, extent by extent in the order of their roles. @content has the
 * bytes of each extent that is covered. Returns 0; -EOPNOTSUPP if no provider of SHA-256 is
 * configured. */
int seal_write_leaves(const Layout *layout, const uint8_t *const content[_EXTENT_ROLE_MAX],
                      uint8_t *ret);

/* Fills *ret in, for both copies. @resets: PURGATORY_RESETS_MAX of PurgatoryReset; NULL: the usual
 * ones. Returns 0; -EINVAL if @resets or @layout make no sense, -EOPNOTSUPP as above. */
int seal_block(const Layout *layout, const LoaderFacts *facts, const uint8_t *resets,
               const uint8_t *leaves, PurgatoryBlock *ret);

/* What a crash kernel finds if the purgatory has never run. */
void seal_status(const LoaderFacts *facts, uint64_t generation, uint64_t armed_realtime_usec,
                 PurgatoryStatus *ret);

/* Tells @blob, as it was built, where all is: *ret (the caller's to free) is a copy of @bytes.
 * Returns 0; -EBADMSG with *reterr_message (the caller frees it) if it is no purgatory of ours,
 * -EINVAL as above, -ENOMEM. */
int seal_purgatory(const Layout *layout, const LoaderFacts *facts, const uint8_t *resets,
                   const uint8_t *blob, size_t bytes, uint8_t **ret, char **reterr_message);
