/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the reading back of what is loaded, by its own digests. */
#include "loaded-check.h"

#include <inttypes.h>
#include <openssl/evp.h>

#include "text.h"

#define PURGATORY_BYTES_MAX ((uint64_t) 64 * 1024)

/* One check: what is read with, and what was found. */
typedef struct Check {
        const KcoreMap *map;
        uint8_t *buffer; /* a chunk */
        LoadedDamage damage;
} Check;

static int digest(const void *data, size_t size, uint8_t ret[static PURGATORY_DIGEST_BYTES])
{
        return EVP_Digest(data, size, ret, NULL, EVP_sha256(), NULL) == 1 ? 0 : -EOPNOTSUPP;
}

int loaded_place_of(const CrashImage *image, LoadedPlace *ret)
{
        const LayoutExtent *block = image->layout.extents + EXTENT_BLOCK;
        const LayoutExtent *purgatory = image->layout.extents + EXTENT_PURGATORY;
        const LayoutExtent *headers = image->layout.extents + EXTENT_ELFCOREHDR;
        int r;

        *ret = (LoadedPlace){
                .block_paddr = { block->paddr, block->mirror_paddr },
                .purgatory_paddr = purgatory->paddr,
                .purgatory_bytes = purgatory->bytes,
        };
        if (image->layout.live_elfcorehdr)
                ret->live = (Range){ headers->paddr, headers->paddr + headers->room_bytes };
        r = digest(image->content[EXTENT_BLOCK], block->bytes, ret->block_digest);
        if (r < 0)
                return r;
        return digest(image->content[EXTENT_PURGATORY], purgatory->bytes, ret->purgatory_digest);
}

/* Returns 1 if @bytes (a chunk at most) at @paddr have the digest @want, 0 if not. */
static int is_good(Check *check, uint64_t paddr, uint64_t bytes, const uint8_t *want)
{
        uint8_t found[PURGATORY_DIGEST_BYTES];
        int r;

        r = kcore_map_read(check->map, paddr, check->buffer, bytes);
        if (r < 0)
                return r;
        check->damage.checked_bytes += bytes;
        r = digest(check->buffer, bytes, found);
        if (r < 0)
                return r;
        return memcmp(found, want, sizeof(found)) == 0;
}

static void note(Check *check, uint32_t role, uint64_t paddr)
{
        if (check->damage.first_paddr > 0)
                return;
        check->damage.first_paddr = paddr;
        check->damage.first_role = role;
}

/* Returns 1 with *ret, 0 if no copy is as it was. */
static int find_block(Check *check, const LoadedPlace *place, PurgatoryBlock *ret)
{
        bool found = false;

        for (size_t i = 0; i < PURGATORY_COPIES; i++) {
                int r = is_good(check, place->block_paddr[i], sizeof(*ret), place->block_digest);

                if (r < 0)
                        return r;
                if (r > 0) {
                        memcpy(ret, check->buffer, sizeof(*ret));
                        found = true;
                } else {
                        check->damage.copies++;
                        note(check, EXTENT_BLOCK, place->block_paddr[i]);
                }
        }
        check->damage.replaced = !found;
        return found;
}

/* Returns 1 with the table, which the caller frees; 0 if no copy is as it was. */
static int find_leaves(Check *check, const PurgatoryBlock *block, uint8_t **ret)
{
        size_t bytes = (size_t) block->n_leaves * PURGATORY_DIGEST_BYTES;
        _cleanup_free_ uint8_t *leaves = malloc(MAX(bytes, (size_t) 1));
        uint8_t found[PURGATORY_DIGEST_BYTES];
        bool good = false;

        if (!leaves)
                return -ENOMEM;
        for (size_t i = 0; i < PURGATORY_COPIES; i++) {
                int r = kcore_map_read(check->map, block->leaves_paddr[i], leaves, bytes);

                if (r == 0)
                        r = digest(leaves, bytes, found);
                if (r < 0)
                        return r;
                if (memcmp(found, block->leaves_digest, sizeof(found)) != 0) {
                        check->damage.copies++;
                        note(check, EXTENT_LEAVES, block->leaves_paddr[i]);
                } else if (!good) {
                        good = true;
                        *ret = TAKE_PTR(leaves);
                        leaves = malloc(MAX(bytes, (size_t) 1));
                        if (!leaves)
                                return -ENOMEM;
                }
        }
        return good;
}

static int check_chunk(Check *check, const PurgatoryExtent *extent, uint64_t offset,
                       const uint8_t *leaf)
{
        uint64_t bytes = MIN(extent->bytes - offset, (uint64_t) PURGATORY_CHUNK_BYTES);
        bool live = extent->flags & PURGATORY_EXTENT_LIVE_ELF;
        uint64_t mirror_paddr = extent->mirror_paddr + (live ? PURGATORY_ELF_COPY_OFFSET : 0);
        int first, second = 0;

        /* What the kernel rewrites may be anything; the mirror is as it was. */
        first = live ? 1 : is_good(check, extent->paddr + offset, bytes, leaf);
        if (first < 0)
                return first;
        if (first == 0) {
                check->damage.chunks++;
                note(check, extent->role, extent->paddr + offset);
        }
        if (extent->mirror_paddr > 0) {
                second = is_good(check, mirror_paddr + offset, bytes, leaf);
                if (second < 0)
                        return second;
                if (second == 0) {
                        check->damage.mirrors++;
                        note(check, extent->role, mirror_paddr + offset);
                }
        }
        if (first == 0 && second == 0)
                check->damage.lost++;
        return 0;
}

/* The block has its own digest, which was right; the numbers in it are ours. */
static int check_extents(Check *check, const PurgatoryBlock *block, const uint8_t *leaves)
{
        for (uint32_t i = 0; i < MIN(block->n_extents, PURGATORY_EXTENTS_MAX); i++) {
                const PurgatoryExtent *extent = block->extents + i;
                uint64_t leaf = extent->first_leaf;

                for (uint64_t offset = 0; offset < extent->bytes; offset += PURGATORY_CHUNK_BYTES) {
                        int r;

                        if (leaf >= block->n_leaves)
                                return -EBADMSG;
                        r = check_chunk(check, extent, offset,
                                        leaves + leaf++ * PURGATORY_DIGEST_BYTES);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static int check_purgatory(Check *check, const LoadedPlace *place)
{
        int r;

        if (place->purgatory_bytes > PURGATORY_BYTES_MAX)
                return -EINVAL;
        r = is_good(check, place->purgatory_paddr, place->purgatory_bytes, place->purgatory_digest);
        if (r < 0)
                return r;
        if (r == 0) {
                check->damage.purgatory = true;
                note(check, EXTENT_PURGATORY, place->purgatory_paddr);
        }
        return 0;
}

static int check_all(Check *check, const LoadedPlace *place, LoadedScope scope)
{
        _cleanup_free_ uint8_t *leaves = NULL;
        PurgatoryBlock block;
        int r;

        r = check_purgatory(check, place);
        if (r < 0)
                return r;
        r = find_block(check, place, &block);
        if (r <= 0 || scope == LOADED_IDENTITY)
                return r;
        r = find_leaves(check, &block, &leaves);
        check->damage.unreadable = r == 0;
        if (r <= 0)
                return r;
        return check_extents(check, &block, leaves);
}

static bool is_damage(const LoadedDamage *damage)
{
        return damage->replaced || damage->purgatory || damage->copies > 0 || damage->chunks > 0 ||
               damage->mirrors > 0;
}

int loaded_check(const KcoreMap *map, const LoadedPlace *place, LoadedScope scope,
                 LoadedDamage *ret)
{
        _cleanup_free_ uint8_t *buffer = malloc(PURGATORY_CHUNK_BYTES);
        Check check = { .map = map, .buffer = buffer };
        int r;

        if (!buffer)
                return -ENOMEM;
        r = check_all(&check, place, scope);
        if (r < 0)
                return r;
        *ret = check.damage;
        return is_damage(ret);
}

/* Without addresses: everybody may read these words. */
int loaded_damage_describe(const LoadedDamage *d, char **ret)
{
        const char *role = extent_role_to_string((ExtentRole) d->first_role) ?: "image";

        if (d->replaced)
                return strprintf(ret, "another image is loaded, or the block of the purgatory is "
                                      "damaged in both copies");
        if (d->purgatory || d->unreadable)
                return strprintf(ret, "the %s is damaged: nothing would start",
                                 d->purgatory ? "purgatory" : "table of digests");
        if (d->lost > 0)
                return strprintf(ret,
                                 "%u chunks of 64 KiB are damaged beyond repair, the first thing "
                                 "hit is the %s",
                                 d->lost, role);
        if (is_damage(d))
                return strprintf(ret,
                                 "%u chunks of 64 KiB, %u of their mirrors and %u copies of tables "
                                 "are damaged, the first thing hit is the %s; after a panic they "
                                 "would be repaired",
                                 d->chunks, d->mirrors, d->copies, role);
        return strprintf(ret, "%" PRIu64 " MiB read back, all as it was loaded",
                         d->checked_bytes >> 20);
}
