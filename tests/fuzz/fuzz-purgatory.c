/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: the purgatory with a hostile block. The input changes what is loaded, and then the
 * block's digest is made right: otherwise nothing behind it would be looked at. */
#include <openssl/sha.h>

#include "elf-headers.h"
#include "fuzz.h"
#include "test-bed.h"

#define MEMORY_BYTES (UINT64_C(1) << 18)
#define PATCHES_MAX 64U
#define PATCH_BYTES 11U /* where, offset, value: 8, 16 and 64 bits */

/* The first byte; or'ed */
#define HOW_LIVE_ELF 1U
#define HOW_WITHOUT_FALLBACK 2U
#define HOW_DAMAGED_HEADER 4U /* its digest is not made right */
#define HOW_WILD_FAULTS 8U    /* what is no memory is an exception */

/* Of a patch */
enum {
        WHERE_BLOCK,    /* 8 bytes of both copies */
        WHERE_HEADER,   /* of the blob */
        WHERE_ELF,      /* of the live headers */
        WHERE_ANYWHERE, /* 4 bytes at offset * 4 are changed */
        WHERE_LEAVES,   /* of both copies; their digest is not made right */
        _WHERE_MAX,
};

static uint64_t get(const uint8_t *at, unsigned bytes)
{
        uint64_t value = 0;

        for (unsigned i = 0; i < bytes; i++)
                value |= (uint64_t) at[i] << 8 * i;
        return value;
}

/* As much of the value as there is room for. */
static void put(void *data, size_t bytes, uint64_t offset, uint64_t value)
{
        uint8_t *at = data;

        for (unsigned i = 0; i < 8 && offset % bytes + i < bytes; i++)
                at[offset % bytes + i] = (uint8_t) (value >> 8 * i);
}

static void bed_load(Bed *bed, unsigned how)
{
        bed_init(bed, MEMORY_BYTES);
        bed_add(bed, PURGATORY_CHUNK_BYTES + 100, 3, true);
        bed_add(bed, 5000, 1, true);
        bed_add(bed, 4096, 1, true);
        bed_add(bed, 300, 2, false);
        if (how & HOW_LIVE_ELF)
                bed_add_live_elf(bed, true);
        for (unsigned i = 0; i < PURGATORY_TARGETS_MAX; i++) {
                bed->block.targets[i].entry = bed->block.extents[0].paddr + 0x200;
                bed->block.targets[i].boot_params = bed->block.extents[2 + i].paddr;
        }
        if (how & HOW_WITHOUT_FALLBACK)
                bed->block.targets[1].entry = 0;
        bed->wild_faults = how & HOW_WILD_FAULTS;
        bed_seal(bed);
}

/* Only of what is not in the block or the header: those are put into memory at the end. */
static void memory_patch(Bed *bed, unsigned where, uint64_t offset, uint64_t value)
{
        const PurgatoryExtent *elf = bed->block.extents + bed->block.n_extents - 1;
        uint64_t i = offset * 4 % (MEMORY_BYTES - 4);

        if (where == WHERE_ELF && elf->flags & PURGATORY_EXTENT_LIVE_ELF)
                put(bed_at(bed, elf->paddr), BED_LIVE_ELF_BYTES, offset, value);
        else if (where == WHERE_LEAVES)
                for (unsigned copy = 0; copy < PURGATORY_COPIES; copy++)
                        put(bed_at(bed, bed->block.leaves_paddr[copy]),
                            bed->block.n_leaves * PURGATORY_DIGEST_BYTES, offset, value);
        else if (where == WHERE_ANYWHERE)
                for (unsigned byte = 0; byte < 4; byte++)
                        bed->memory[i + byte] ^= (uint8_t) (value >> 8 * byte);
}

static void bed_patch(Bed *bed, unsigned how, const uint8_t *data, size_t size)
{
        uint64_t paddr = bed->header_paddr, block_paddr[PURGATORY_COPIES];
        size_t n = MIN(size / PATCH_BYTES, PATCHES_MAX);

        memcpy(block_paddr, bed->header.block_paddr, sizeof(block_paddr));
        for (unsigned pass = 0; pass < 2; pass++)
                for (size_t i = 0; i < n; i++) {
                        const uint8_t *patch = data + i * PATCH_BYTES;
                        unsigned where = patch[0] % _WHERE_MAX;
                        uint64_t offset = get(patch + 1, 2), value = get(patch + 3, 8);

                        if (pass == 0)
                                memory_patch(bed, where, offset, value);
                        else if (where == WHERE_BLOCK)
                                put(&bed->block, offsetof(PurgatoryBlock, digest), offset, value);
                        else if (where == WHERE_HEADER)
                                put(&bed->header, sizeof(bed->header), offset, value);
                }
        SHA256((const uint8_t *) &bed->block, offsetof(PurgatoryBlock, digest), bed->block.digest);
        for (unsigned i = 0; i < PURGATORY_COPIES; i++)
                memcpy(bed_at(bed, block_paddr[i]), &bed->block, sizeof(bed->block));
        if (!(how & HOW_DAMAGED_HEADER))
                SHA256((const uint8_t *) &bed->header, offsetof(PurgatoryHeader, digest),
                       bed->header.digest);
        memcpy(bed_at(bed, paddr), &bed->header, sizeof(bed->header));
}

/* Nothing but the header was changed, that does not claim what is another's, and one address in it
 * is as it was. */
static bool must_start(const PurgatoryHeader *header, const PurgatoryHeader *right, unsigned how,
                       const uint8_t *data, size_t size)
{
        for (size_t i = 0; i < MIN(size / PATCH_BYTES, PATCHES_MAX); i++)
                if (data[i * PATCH_BYTES] % _WHERE_MAX != WHERE_HEADER)
                        return false;
        if (header->bytes > right->bytes && !(how & HOW_DAMAGED_HEADER))
                return false;
        return header->block_paddr[0] == right->block_paddr[0] ||
               header->block_paddr[1] == right->block_paddr[1];
}

/* By other code than the purgatory's: is it what the leaves say? */
static bool extent_fits(Bed *bed, const PurgatoryExtent *extent)
{
        for (uint64_t at = 0, leaf = extent->first_leaf; at < extent->bytes;
             at += PURGATORY_CHUNK_BYTES, leaf++) {
                uint8_t digest[PURGATORY_DIGEST_BYTES];

                SHA256(bed_at(bed, extent->paddr + at),
                       MIN(extent->bytes - at, (uint64_t) PURGATORY_CHUNK_BYTES), digest);
                if (memcmp(digest, bed->purgatory.leaves + leaf * sizeof(digest), sizeof(digest)) !=
                    0)
                        return false;
        }
        return true;
}

static void started_check(Bed *bed)
{
        const PurgatoryBlock *block = bed->purgatory.block;
        unsigned target = bed_status(bed)->started - 1, n = 0;

        FUZZ_CHECK(target < PURGATORY_TARGETS_MAX && block && bed->purgatory.leaves);
        FUZZ_CHECK(memcmp(block, &bed->block, sizeof(*block)) == 0);
        FUZZ_CHECK(bed->entry == block->targets[target].entry);
        FUZZ_CHECK(bed->boot_params == block->targets[target].boot_params);
        for (unsigned i = 0; i < block->n_extents; i++) {
                const PurgatoryExtent *extent = block->extents + i;

                if (!(extent->targets >> target & 1))
                        continue;
                n++;
                FUZZ_CHECK(extent_fits(bed, extent) ||
                           (extent->flags & PURGATORY_EXTENT_LIVE_ELF &&
                            elf_headers_make_sense(bed_at(bed, extent->paddr),
                                                   block->live_elf_max_bytes, block->ram_start,
                                                   block->ram_end)));
        }
        FUZZ_CHECK(n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        PurgatoryHeader as_loaded;
        _cleanup_bed_ Bed bed;

        if (size == 0)
                return 0;
        bed_load(&bed, data[0]);
        as_loaded = bed.header;
        bed_patch(&bed, data[0], data + 1, size - 1);
        /* Waits are not what is of interest. */
        bed.tsc_step = UINT64_C(1) << 40;
        bed.nmi_in_stage = bed.block.provoke_stage;
        bed_run(&bed);

        FUZZ_CHECK(!bed.bad_access);
        FUZZ_CHECK(bed.purgatory.serial_chars <= 400);
        FUZZ_CHECK(bed_status(&bed));
        if (bed.end == BED_JUMPED)
                started_check(&bed);
        else if (must_start(&bed.header, &as_loaded, data[0], data + 1, size - 1))
                FUZZ_CHECK(!"what is good is started");
        else
                FUZZ_CHECK(bed.end == BED_TRIPLE_FAULT && bed_status(&bed)->started == 0);
        return 0;
}
