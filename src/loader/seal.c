/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the digests, and what is told to the purgatory. */
#include "seal.h"

#include <inttypes.h>
#include <openssl/evp.h>

#include "bzimage.h"
#include "text.h"

/* How far memory can reach that is added later: MAX_PHYSMEM_BITS of
 * arch/x86/include/asm/sparsemem.h */
#define RAM_BITS 46
#define RAM_BITS_LA57 52

/* What the vendor names first, then what most machines have, then what every CPU has. */
static const uint8_t usual_resets[PURGATORY_RESETS_MAX] = {
        PURGATORY_RESET_FADT,   PURGATORY_RESET_CF9,    PURGATORY_RESET_KBD,
        PURGATORY_RESET_PORT92, PURGATORY_RESET_TRIPLE,
};

bool seal_covers(const Layout *layout, ExtentRole role)
{
        if (!layout->extents[role].present)
                return false;
        switch (role) {
        case EXTENT_STATUS:
        case EXTENT_LEAVES:
        case EXTENT_BLOCK:
        case EXTENT_PURGATORY:
                return false;
        default:
                return true;
        }
}

static uint64_t extent_leaves(const LayoutExtent *extent)
{
        return DIV_ROUND_UP(extent->bytes, (uint64_t) PURGATORY_CHUNK_BYTES);
}

uint64_t seal_leaves(const Layout *layout)
{
        uint64_t n = 0;

        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++)
                if (seal_covers(layout, role))
                        n += extent_leaves(&layout->extents[role]);
        return n;
}

static int digest(const void *data, size_t bytes, uint8_t ret[static PURGATORY_DIGEST_BYTES])
{
        return EVP_Digest(data, bytes, ret, NULL, EVP_sha256(), NULL) == 1 ? 0 : -EOPNOTSUPP;
}

int seal_write_leaves(const Layout *layout, const uint8_t *const content[_EXTENT_ROLE_MAX],
                      uint8_t *ret)
{
        int r;

        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++) {
                uint64_t bytes = layout->extents[role].bytes;

                if (!seal_covers(layout, role))
                        continue;
                for (uint64_t i = 0; i < bytes; i += PURGATORY_CHUNK_BYTES) {
                        r = digest(content[role] + i,
                                   MIN(bytes - i, (uint64_t) PURGATORY_CHUNK_BYTES), ret);
                        if (r < 0)
                                return r;
                        ret += PURGATORY_DIGEST_BYTES;
                }
        }
        return 0;
}

/* Where there is a copy of @role; 0: there is none of this number. */
static void copies(const Layout *layout, ExtentRole role, uint64_t ret[static PURGATORY_COPIES])
{
        ret[0] = layout->extents[role].paddr;
        ret[1] = layout->extents[role].mirror_paddr;
}

/* A plan that does not end in a reset that always works is the user's choice; one with an unknown
 * step is a mistake. */
static int copy_resets(const uint8_t *resets, uint8_t ret[static PURGATORY_RESETS_MAX])
{
        if (!resets)
                resets = usual_resets;
        for (size_t i = 0; i < PURGATORY_RESETS_MAX; i++)
                if (resets[i] > PURGATORY_RESET_TRIPLE)
                        return -EINVAL;
        memcpy(ret, resets, PURGATORY_RESETS_MAX);
        return 0;
}

static void add_target(const Layout *layout, ExtentRole boot_params, PurgatoryTarget *ret)
{
        if (!layout->extents[boot_params].present)
                return;
        *ret = (PurgatoryTarget){
                .entry = layout->extents[EXTENT_KERNEL].paddr + BZIMAGE_ENTRY_OFFSET,
                .boot_params = layout->extents[boot_params].paddr,
        };
}

static void add_extent(const Layout *layout, ExtentRole role, PurgatoryBlock *block)
{
        const LayoutExtent *extent = &layout->extents[role];
        bool live = role == EXTENT_ELFCOREHDR && layout->live_elfcorehdr;

        block->extents[block->n_extents++] = (PurgatoryExtent){
                .paddr = extent->paddr,
                .bytes = extent->bytes,
                .mirror_paddr = extent->mirror_paddr,
                .targets = extent->targets,
                .first_leaf = block->n_leaves,
                .flags = live ? PURGATORY_EXTENT_LIVE_ELF : 0,
                .role = (uint32_t) role,
        };
        block->n_leaves += (uint32_t) extent_leaves(extent);
}

static int add_extents(const Layout *layout, PurgatoryBlock *block)
{
        _Static_assert(_EXTENT_ROLE_MAX <= PURGATORY_EXTENTS_MAX, "all have a place");
        const LayoutExtent *elf = &layout->extents[EXTENT_ELFCOREHDR];
        bool live = layout->live_elfcorehdr && elf->present;

        if (seal_leaves(layout) > UINT32_MAX || (live && elf->room_bytes > UINT32_MAX))
                return -EINVAL;
        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++)
                if (seal_covers(layout, role))
                        add_extent(layout, role, block);
        if (live)
                block->live_elf_max_bytes = (uint32_t) elf->room_bytes;
        return 0;
}

int seal_block(const Layout *layout, const LoaderFacts *facts, const uint8_t *resets,
               const uint8_t *leaves, PurgatoryBlock *ret)
{
        PurgatoryBlock block = {
                .magic = PURGATORY_BLOCK_MAGIC,
                .version = PURGATORY_VERSION,
                .bytes = sizeof(PurgatoryBlock),
                .tsc_khz = facts->tsc_khz,
                .ram_end = UINT64_C(1) << (facts->la57 ? RAM_BITS_LA57 : RAM_BITS),
                .serial_port = facts->serial_port,
                .fadt_value = facts->fadt_reset_value,
                .fadt_port = facts->fadt_reset_port,
        };
        int r;

        r = copy_resets(resets, block.resets);
        if (r < 0)
                return r;
        copies(layout, EXTENT_LEAVES, block.leaves_paddr);
        add_target(layout, EXTENT_BOOT_PARAMS, &block.targets[0]);
        add_target(layout, EXTENT_FALLBACK_BOOT_PARAMS, &block.targets[1]);
        r = add_extents(layout, &block);
        if (r < 0)
                return r;
        r = digest(leaves, (size_t) block.n_leaves * PURGATORY_DIGEST_BYTES, block.leaves_digest);
        if (r < 0)
                return r;
        r = digest(&block, offsetof(PurgatoryBlock, digest), block.digest);
        if (r < 0)
                return r;
        *ret = block;
        return 0;
}

void seal_status(const LoaderFacts *facts, uint64_t generation, uint64_t armed_realtime_usec,
                 PurgatoryStatus *ret)
{
        *ret = (PurgatoryStatus){
                .magic = PURGATORY_STATUS_MAGIC,
                .version = PURGATORY_VERSION,
                .bytes = sizeof(PurgatoryStatus),
                .generation = generation,
                .armed_realtime_usec = armed_realtime_usec,
        };
        memcpy(ret->boot_id, facts->boot_id, sizeof(ret->boot_id));
}

static int check_header(const uint8_t *blob, size_t bytes, char **reterr_message)
{
        PurgatoryHeader header;

        if (bytes < sizeof(header)) {
                (void) strprintf(reterr_message, "the purgatory has %zu bytes only", bytes);
                return -EBADMSG;
        }
        memcpy(&header, blob, sizeof(header));
        if (header.magic != PURGATORY_HEADER_MAGIC || header.version != PURGATORY_VERSION) {
                (void) strprintf(reterr_message,
                                 "the purgatory has magic %#" PRIx64 " and version %" PRIu32
                                 ", not version %u",
                                 header.magic, header.version, PURGATORY_VERSION);
                return -EBADMSG;
        }
        if (header.bytes != bytes) {
                (void) strprintf(reterr_message, "the purgatory has %zu bytes, but says %" PRIu32,
                                 bytes, header.bytes);
                return -EBADMSG;
        }
        return 0;
}

int seal_purgatory(const Layout *layout, const LoaderFacts *facts, const uint8_t *resets,
                   const uint8_t *blob, size_t bytes, uint8_t **ret, char **reterr_message)
{
        _cleanup_free_ uint8_t *copy = NULL;
        PurgatoryHeader header;
        int r;

        r = check_header(blob, bytes, reterr_message);
        if (r < 0)
                return r;
        copy = malloc(bytes);
        if (!copy)
                return -ENOMEM;
        memcpy(copy, blob, bytes);
        memcpy(&header, blob, sizeof(header));
        r = copy_resets(resets, header.resets);
        if (r < 0)
                return r;
        copies(layout, EXTENT_BLOCK, header.block_paddr);
        header.status_paddr = layout->extents[EXTENT_STATUS].paddr;
        header.block_bytes = sizeof(PurgatoryBlock);
        header.serial_port = facts->serial_port;
        r = digest(&header, offsetof(PurgatoryHeader, digest), header.digest);
        if (r < 0)
                return r;
        memcpy(copy, &header, sizeof(header));
        *ret = TAKE_PTR(copy);
        return 0;
}
