/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether what was loaded is still there, whole: read back and compared with the digests that are
 * loaded with it. Needs nothing of what it was made of. */
#pragma once

#include "crash-image.h"
#include "kcore-map.h"

/* By what it is found, and known to be the one that was loaded. */
typedef struct LoadedPlace {
        uint64_t block_paddr[PURGATORY_COPIES];
        uint8_t block_digest[PURGATORY_DIGEST_BYTES]; /* of a whole PurgatoryBlock */
        Range live; /* headers that the kernel rewrites; empty: there are none */
        uint64_t purgatory_paddr, purgatory_bytes;
        uint8_t purgatory_digest[PURGATORY_DIGEST_BYTES];
} LoadedPlace;

/* Where @image will be. Returns 0; -EOPNOTSUPP if SHA-256 is not to be had. Does not log. */
int loaded_place_of(const CrashImage *image, LoadedPlace *ret);

typedef enum LoadedScope {
        LOADED_IDENTITY, /* the purgatory and the block: below 64 KiB */
        LOADED_ALL,
} LoadedScope;

typedef struct LoadedDamage {
        uint64_t checked_bytes;
        bool replaced;        /* neither block is ours: something else is loaded */
        bool unreadable;      /* both tables of digests are damaged: nothing would start */
        bool purgatory;       /* it is not as it was: nothing would start */
        unsigned copies;      /* of the block and of the leaf table that are not as they were */
        unsigned chunks;      /* so many are bad in the first copy, */
        unsigned mirrors;     /* in the mirror, */
        unsigned lost;        /* and in both, or in the only one */
        uint64_t first_paddr; /* of the first bad one */
        uint32_t first_role;  /* ExtentRole */
} LoadedDamage;

/* Returns 0: all is well; 1: *ret says what is not; errors of kcore_map_read(). What the kernel
 * rewrites by itself is left out. Takes as long as hashing it does. Does not log. */
int loaded_check(const KcoreMap *map, const LoadedPlace *place, LoadedScope scope,
                 LoadedDamage *ret);

/* In words, what @damage means. The caller frees *ret. */
int loaded_damage_describe(const LoadedDamage *damage, char **ret);
