/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the checks of what was loaded, and its repair. */
#include "extent.h"
#include "digest.h"
#include "elf-headers.h"

/* The block, two leaf tables, the status, the blob */
#define OTHERS_MAX (3U + PURGATORY_COPIES)

/* Empty if both are 0. These are addresses as we see them, as the blob and the status may have no
 * others; on a real machine it is all the same. */
typedef struct Span {
        uint64_t start, end;
} Span;

/* What of an extent is compared with its leaves */
typedef struct Chunks {
        uint8_t *data;
        const uint8_t *copy; /* NULL: none */
        const uint8_t *leaves;
        uint64_t bytes;
} Chunks;

static uint64_t chunk_count(uint64_t bytes)
{
        return bytes / PURGATORY_CHUNK_BYTES + (bytes % PURGATORY_CHUNK_BYTES != 0);
}

static bool is_live(const PurgatoryExtent *extent)
{
        return extent->flags & PURGATORY_EXTENT_LIVE_ELF;
}

static bool span_make(const void *data, uint64_t bytes, Span *ret)
{
        uint64_t start = (uint64_t) (uintptr_t) data, end;

        if (__builtin_add_overflow(start, bytes, &end))
                return false;
        ret->start = start;
        ret->end = end;
        return true;
}

static bool span_at(Machine *machine, uint64_t paddr, uint64_t bytes, Span *ret)
{
        const void *data;
        uint64_t end;

        if (__builtin_add_overflow(paddr, bytes, &end))
                return false;
        data = machine->memory(machine, paddr, bytes);
        return data && span_make(data, bytes, ret);
}

static bool spans_meet(const Span *a, const Span *b)
{
        return a->start < b->end && b->start < a->end;
}

static bool extent_spans(Machine *machine, const PurgatoryBlock *block,
                         const PurgatoryExtent *extent, Span *ret, Span *ret_mirror)
{
        uint64_t bytes = is_live(extent) ? block->live_elf_max_bytes : extent->bytes;
        uint64_t before = is_live(extent) ? PURGATORY_ELF_COPY_OFFSET : 0;

        if (!span_at(machine, extent->paddr, bytes, ret))
                return false;
        ret_mirror->start = ret_mirror->end = 0;
        return extent->mirror_paddr == 0 ||
               span_at(machine, extent->mirror_paddr, extent->bytes + before, ret_mirror);
}

static bool extent_makes_sense(const PurgatoryBlock *block, const PurgatoryExtent *extent)
{
        if (extent->targets == 0 || extent->targets >> PURGATORY_TARGETS_MAX)
                return false;
        if (extent->flags & ~PURGATORY_EXTENT_LIVE_ELF)
                return false;
        if (extent->bytes == 0)
                return false;
        if (is_live(extent) && extent->bytes > block->live_elf_max_bytes)
                return false;
        /* With that, the size is bounded, too. */
        return extent->first_leaf + chunk_count(extent->bytes) <= block->n_leaves;
}

/* Returns how many spans were made, or 0 if one of them cannot be. */
static unsigned others_make(const Purgatory *purgatory, const PurgatoryBlock *block, Span *ret)
{
        Machine *machine = purgatory->machine;
        uint64_t leaves_bytes = (uint64_t) block->n_leaves * PURGATORY_DIGEST_BYTES;
        const PurgatoryHeader *header = purgatory->header;
        /* A size that is wrong must not cost a block that is good. */
        uint64_t blob_bytes = purgatory->header_is_whole ? header->bytes : sizeof(*header);
        unsigned n = 0;

        if (!span_make(block, sizeof(*block), ret + n++) ||
            !span_make(purgatory->status, sizeof(*purgatory->status), ret + n++) ||
            !span_make(header, blob_bytes, ret + n++))
                return 0;
        /* A table that is not there is found out later, and the other may do. */
        for (unsigned i = 0; i < PURGATORY_COPIES; i++)
                n += span_at(machine, block->leaves_paddr[i], leaves_bytes, ret + n);
        return n;
}

bool extents_make_sense(const Purgatory *purgatory, const PurgatoryBlock *block)
{
        Span spans[2 * PURGATORY_EXTENTS_MAX + OTHERS_MAX];
        unsigned n = 0, n_others;

        if (block->n_extents == 0 || block->n_extents > PURGATORY_EXTENTS_MAX ||
            block->n_leaves > EXTENT_LEAVES_MAX)
                return false;
        for (unsigned i = 0; i < block->n_extents; i++, n += 2) {
                const PurgatoryExtent *extent = block->extents + i;

                if (!extent_makes_sense(block, extent) ||
                    !extent_spans(purgatory->machine, block, extent, spans + n, spans + n + 1))
                        return false;
        }
        n_others = others_make(purgatory, block, spans + n);
        if (n_others == 0)
                return false;

        for (unsigned i = 0; i < n; i++)
                for (unsigned j = i + 1; j < n + n_others; j++)
                        if (spans_meet(spans + i, spans + j))
                                return false;
        return true;
}

bool extents_have(const PurgatoryBlock *block, uint32_t target, uint64_t paddr)
{
        for (unsigned i = 0; i < block->n_extents; i++) {
                const PurgatoryExtent *extent = block->extents + i;

                if (extent->targets >> target & 1 && paddr >= extent->paddr &&
                    paddr - extent->paddr < extent->bytes)
                        return true;
        }
        return false;
}

/* The CPU may be made to write elsewhere than we read: only what is there afterwards counts. */
static bool chunk_repair(Purgatory *purgatory, uint8_t *data, const uint8_t *copy, uint64_t bytes,
                         const uint8_t *leaf)
{
        purgatory_enter(purgatory, PURGATORY_STAGE_REPAIR);
        purgatory_provoke(purgatory);
        for (uint64_t i = 0; i < bytes; i++)
                data[i] = copy[i];
        purgatory_enter(purgatory, PURGATORY_STAGE_CHECK);
        return digest_fits(data, bytes, leaf);
}

static PurgatoryResult chunk_check(Purgatory *purgatory, const Chunks *chunks, uint64_t number)
{
        uint64_t offset = number * PURGATORY_CHUNK_BYTES, bytes = chunks->bytes - offset;
        const uint8_t *leaf = chunks->leaves + number * PURGATORY_DIGEST_BYTES;
        PurgatoryStatus *status = purgatory->status;

        if (bytes > PURGATORY_CHUNK_BYTES)
                bytes = PURGATORY_CHUNK_BYTES;
        status->chunks_checked++;
        if (digest_fits(chunks->data + offset, bytes, leaf))
                return PURGATORY_RESULT_GOOD;
        if (chunks->copy && digest_fits(chunks->copy + offset, bytes, leaf) &&
            chunk_repair(purgatory, chunks->data + offset, chunks->copy + offset, bytes, leaf)) {
                status->chunks_repaired++;
                return PURGATORY_RESULT_REPAIRED;
        }
        status->chunks_lost++;
        return PURGATORY_RESULT_LOST;
}

static PurgatoryResult chunks_check(Purgatory *purgatory, const Chunks *chunks)
{
        PurgatoryResult worst = PURGATORY_RESULT_GOOD;
        uint64_t n = chunk_count(chunks->bytes);

        for (uint64_t i = 0; i < n; i++) {
                PurgatoryResult result;

                if (i == n / 2)
                        purgatory_provoke(purgatory);
                result = chunk_check(purgatory, chunks, i);
                if (result > worst)
                        worst = result;
        }
        return worst;
}

static bool live_makes_sense(Purgatory *purgatory, const PurgatoryExtent *extent)
{
        const PurgatoryBlock *block = purgatory->block;
        Machine *machine = purgatory->machine;
        const uint8_t *headers = machine->memory(machine, extent->paddr, block->live_elf_max_bytes);

        return elf_headers_make_sense(headers, block->live_elf_max_bytes, block->ram_start,
                                      block->ram_end);
}

PurgatoryResult extent_check(Purgatory *purgatory, uint32_t number)
{
        const PurgatoryExtent *extent = purgatory->block->extents + number;
        uint8_t *kept = purgatory->status->results + number;
        Machine *machine = purgatory->machine;
        Chunks chunks;

        if (*kept != PURGATORY_RESULT_UNKNOWN)
                return *kept;
        if (is_live(extent) && live_makes_sense(purgatory, extent)) {
                *kept = PURGATORY_RESULT_GOOD;
                return *kept;
        }

        chunks.data = machine->memory(machine, extent->paddr, extent->bytes);
        chunks.copy = NULL;
        if (extent->mirror_paddr != 0)
                chunks.copy = machine->memory(
                        machine,
                        extent->mirror_paddr + (is_live(extent) ? PURGATORY_ELF_COPY_OFFSET : 0),
                        extent->bytes);
        chunks.leaves = purgatory->leaves + (uint64_t) extent->first_leaf * PURGATORY_DIGEST_BYTES;
        chunks.bytes = extent->bytes;
        *kept = (uint8_t) chunks_check(purgatory, &chunks);
        return *kept;
}
