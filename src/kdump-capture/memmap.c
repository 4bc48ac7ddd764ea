/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the table of memory sections: where the struct pages of each are. */
#include "memmap.h"

#include <elf.h>
#include <endian.h>

#include "memmap-tables.h"

/* include/linux/mmzone.h: the low bits of section_mem_map, whose upper ones are an address less the
 * section's first page number. All twelve are free, but how many mean something has grown: 5 bits
 * up to v5.13, 6 since v6.15 (SECTION_IS_VMEMMAP_PREINIT). */
#define SECTION_PRESENT_BIT (UINT64_C(1) << 0)
#define SECTION_HAS_MEM_MAP_BIT (UINT64_C(1) << 1)
#define SECTION_IS_ONLINE_BIT (UINT64_C(1) << 2)
#define SECTION_FLAGS_MASK UINT64_C(0xfff)
#define SECTION_USABLE (SECTION_PRESENT_BIT | SECTION_HAS_MEM_MAP_BIT)

/* arch/x86/include/asm/sparsemem.h; exported since v5.13 (commit 4f5aecdff25f). */
#define X86_SECTION_SIZE_BITS 27
#define SECTION_SIZE_BITS_MIN 24
#define SECTION_SIZE_BITS_MAX 34

/* 256 TiB of memory in sections of 128 MiB. What is behind is kept. */
#define N_SECTIONS_MAX (UINT64_C(1) << 21)

#define MEM_SECTION_BYTES_MAX 256

/* Tables for 8 TiB of memory, if each maps one section and none is beside another. Damaged ones
 * could seem to be more than the machine has room for; those that are left out here are kept by
 * what their own struct pages say. */
#define N_PIECES_MAX ((size_t) 1 << 16)

/* What the table keeps of a section: an address, of which at least the lowest three bits are 0, and
 * these. */
#define ENTRY_MAPPED UINT64_C(1)
#define ENTRY_TABLE UINT64_C(2)
#define ENTRY_OFFLINE UINT64_C(4)
#define ENTRY_BITS UINT64_C(7)

/* Sections that follow each other; where there is no memory, there is no span. */
typedef struct Span {
        uint64_t first, end; /* section numbers */
        size_t at;           /* of the first one's entry */
} Span;

typedef struct Piece {
        uint64_t paddr, bytes;
} Piece;

struct Memmap {
        uint64_t vaddr;
        uint64_t pages_per_section;
        uint64_t memmap_bytes; /* of one section */
        uint32_t struct_bytes;
        uint64_t paddr_mask;
        bool distrust_online;

        Span *spans;
        size_t n_spans;
        uint64_t *entries; /* while it is being made: section_mem_map */
        size_t n_entries;
        size_t n_absent;

        Piece *pieces;
        size_t n_pieces;
};

/* struct mem_section and the array of pointers to pages full of it. */
typedef struct Roots {
        uint64_t vaddr;
        uint64_t n_roots, sections_per_root;
        uint64_t section_bytes, map_offset;
        uint32_t page_size_bytes;
        uint8_t *buffer; /* one root */
} Roots;

Memmap *memmap_free(Memmap *memmap)
{
        if (!memmap)
                return NULL;
        free(memmap->pieces);
        free(memmap->entries);
        free(memmap->spans);
        free(memmap);
        return NULL;
}

static int fail(char **reterr_message, int error, const char *text)
{
        *reterr_message = strdup(text);
        return error;
}

/* Appends to the pages that the way to the memmap goes through. */
static int piece_add(Memmap *memmap, uint64_t paddr, uint64_t bytes)
{
        Piece *last = memmap->n_pieces > 0 ? &memmap->pieces[memmap->n_pieces - 1] : NULL;

        if (last && paddr >= last->paddr && paddr - last->paddr <= last->bytes) {
                last->bytes = MAX(last->bytes, paddr - last->paddr + bytes);
                return 0;
        }
        if (memmap->n_pieces == N_PIECES_MAX)
                return 0;
        /* Grows by doubling. */
        if ((memmap->n_pieces & (memmap->n_pieces - 1)) == 0) {
                size_t n = MAX(memmap->n_pieces * 2, (size_t) 1);
                Piece *pieces = reallocarray(memmap->pieces, n, sizeof(Piece));

                if (!pieces)
                        return -ENOMEM;
                memmap->pieces = pieces;
        }
        memmap->pieces[memmap->n_pieces++] = (Piece){ paddr, bytes };
        return 0;
}

/* As piece_add(), of what is at @vaddr, as far as that is contiguous. */
static int piece_add_virtual(Memmap *memmap, Kmem *kmem, uint64_t vaddr, uint64_t bytes)
{
        uint64_t paddr, n;

        if (kmem_vtop(kmem, vaddr, &paddr, &n) < 0)
                return 0;
        return piece_add(memmap, paddr, MIN(bytes, n));
}

static int sections_geometry(Memmap *memmap, const Vmcore *vmcore, const Vmcoreinfo *info,
                             uint32_t page_size_bytes, char **reterr_message)
{
        uint64_t bits;
        int r;

        r = vmcoreinfo_number_u64(info, "SECTION_SIZE_BITS", &bits);
        if (r == -ENODATA && vmcore_machine(vmcore) == EM_X86_64)
                bits = X86_SECTION_SIZE_BITS;
        else if (r < 0)
                return fail(reterr_message, r, "VMCOREINFO does not tell how large sections are");
        if (bits < SECTION_SIZE_BITS_MIN || bits > SECTION_SIZE_BITS_MAX)
                return fail(reterr_message, -EBADMSG, "VMCOREINFO claims an impossible section");

        memmap->pages_per_section = (UINT64_C(1) << bits) / page_size_bytes;
        memmap->memmap_bytes = memmap->pages_per_section * memmap->struct_bytes;

        /* So that one entry of the page tables maps it, or one table. */
        if (page_size_bytes != MEMMAP_PTE_BYTES || memmap->memmap_bytes > MEMMAP_PMD_BYTES ||
            MEMMAP_PMD_BYTES % memmap->memmap_bytes != 0 ||
            memmap->memmap_bytes % MEMMAP_PTE_BYTES != 0)
                return fail(reterr_message, -EOPNOTSUPP,
                            "The struct pages of one section are not mapped as one");
        return 0;
}

static int spans_make(Memmap *memmap, const Vmcore *vmcore, uint32_t page_size_bytes)
{
        uint64_t section_bytes = memmap->pages_per_section * page_size_bytes;
        size_t n_runs, n = 0;
        const MemoryRun *runs = vmcore_runs(vmcore, &n_runs);

        memmap->spans = calloc(n_runs + 1, sizeof(Span));
        if (!memmap->spans)
                return -ENOMEM;

        for (size_t i = 0; i < n_runs && n < N_SECTIONS_MAX; i++) {
                uint64_t first = runs[i].start_paddr / section_bytes;
                uint64_t end = (runs[i].end_paddr - 1) / section_bytes + 1;
                Span *last = memmap->n_spans > 0 ? &memmap->spans[memmap->n_spans - 1] : NULL;

                if (last && first <= last->end) {
                        first = last->end;
                        if (end <= first)
                                continue;
                } else {
                        last = &memmap->spans[memmap->n_spans++];
                        *last = (Span){ .first = first, .at = n };
                }
                end = MIN(end, first + (N_SECTIONS_MAX - n));
                last->end = end;
                n += end - first;
        }
        memmap->entries = calloc(n + 1, sizeof(uint64_t));
        if (!memmap->entries)
                return -ENOMEM;
        memmap->n_entries = n;
        return 0;
}

static int roots_load(Roots *roots, const Vmcoreinfo *info, uint32_t page_size_bytes,
                      char **reterr_message)
{
        if (vmcoreinfo_symbol(info, "mem_section", &roots->vaddr) < 0 ||
            vmcoreinfo_length(info, "mem_section", &roots->n_roots) < 0 ||
            vmcoreinfo_size(info, "mem_section", &roots->section_bytes) < 0 ||
            vmcoreinfo_offset(info, "mem_section.section_mem_map", &roots->map_offset) < 0)
                return fail(reterr_message, -ENODATA,
                            "VMCOREINFO does not tell where the memory sections are");
        if (roots->section_bytes < sizeof(uint64_t) ||
            roots->section_bytes > MEM_SECTION_BYTES_MAX ||
            roots->map_offset > roots->section_bytes - sizeof(uint64_t))
                return fail(reterr_message, -EBADMSG,
                            "VMCOREINFO claims an impossible struct mem_section");

        roots->page_size_bytes = page_size_bytes;
        roots->sections_per_root = page_size_bytes / roots->section_bytes;
        roots->buffer = malloc(page_size_bytes);
        return roots->buffer ? 0 : -ENOMEM;
}

/* Reads section_mem_map of all sections to the entries; 0 where there is none. One page at a time,
 * each once, whatever is in them. */
static void roots_read(Memmap *memmap, const Roots *roots, uint64_t array_vaddr, Kmem *kmem)
{
        uint64_t known = UINT64_MAX; /* the root in the buffer */
        bool usable = false;

        for (size_t i = 0; i < memmap->n_spans; i++) {
                const Span *span = &memmap->spans[i];

                for (uint64_t section = span->first; section < span->end; section++) {
                        uint64_t root = section / roots->sections_per_root, vaddr, map = 0;

                        if (root >= roots->n_roots)
                                return;
                        if (root != known) {
                                known = root;
                                usable = kmem_read_u64(kmem, array_vaddr + root * sizeof(vaddr),
                                                       &vaddr) >= 0 &&
                                         vaddr != 0 &&
                                         kmem_read(kmem, le64toh(vaddr), roots->buffer,
                                                   roots->page_size_bytes) >= 0;
                        }
                        if (usable)
                                memcpy(&map,
                                       roots->buffer +
                                               section % roots->sections_per_root *
                                                       roots->section_bytes +
                                               roots->map_offset,
                                       sizeof(map));
                        memmap->entries[span->at + (section - span->first)] = le64toh(map);
                }
        }
}

/* The address of page 0's struct page, which all sections share: what most of them say (the vote of
 * Boyer and Moore), so that some bad ones do no harm. Returns false if there is no such. */
static bool memmap_vaddr_vote(Memmap *memmap, const Vmcoreinfo *info)
{
        uint64_t vaddr = 0, expected;
        size_t votes = 0, n_present = 0, n_same = 0;

        for (size_t i = 0; i < memmap->n_entries; i++) {
                uint64_t map = memmap->entries[i];

                if ((map & SECTION_USABLE) != SECTION_USABLE)
                        continue;
                map &= ~SECTION_FLAGS_MASK;
                if (votes == 0)
                        vaddr = map;
                votes = vaddr == map ? votes + 1 : votes - 1;
        }
        for (size_t i = 0; i < memmap->n_entries; i++) {
                if ((memmap->entries[i] & SECTION_USABLE) != SECTION_USABLE)
                        continue;
                n_present++;
                n_same += (memmap->entries[i] & ~SECTION_FLAGS_MASK) == vaddr;
        }
        if (n_same == 0 || n_same <= n_present / 2)
                return false;

        /* In the kernel's half, and aligned as vmemmap_base is (to 1 GiB on x86_64). */
        if (!(vaddr >> 63) || vaddr % MEMMAP_PMD_BYTES != 0)
                return false;
        /* Since v6.9: what it is defined as, an address, not a variable. */
        if (vmcoreinfo_symbol(info, "vmemmap", &expected) >= 0 && expected != vaddr)
                return false;

        memmap->vaddr = vaddr;
        return true;
}

/* SYMBOL(mem_section) is the address of the array of roots, which is what the variable holds since
 * v4.15 (VMCOREINFO_SYMBOL_ARRAY, commit a0b1280368d1); without that it is the variable's. */
static int sections_read(Memmap *memmap, Roots *roots, Kmem *kmem, const Vmcoreinfo *info,
                         char **reterr_message)
{
        uint64_t vaddr;

        roots_read(memmap, roots, roots->vaddr, kmem);
        if (memmap_vaddr_vote(memmap, info))
                return 0;

        memset(memmap->entries, 0, memmap->n_entries * sizeof(uint64_t));
        if (kmem_read_u64(kmem, roots->vaddr, &vaddr) >= 0) {
                roots->vaddr = le64toh(vaddr);
                roots_read(memmap, roots, roots->vaddr, kmem);
                if (memmap_vaddr_vote(memmap, info))
                        return 0;
        }
        return fail(reterr_message, -EBADMSG, "The table of memory sections makes no sense");
}

/* Turns section_mem_map of section @section into its entry. */
static int section_resolve(Memmap *memmap, MemmapTables *tables, Kmem *kmem, uint64_t section,
                           uint64_t *entry)
{
        uint64_t map = *entry, paddr;
        bool new_tables;
        int r;

        *entry = 0;
        if ((map & SECTION_USABLE) != SECTION_USABLE ||
            (map & ~SECTION_FLAGS_MASK) != memmap->vaddr)
                return 0;
        if (!(map & SECTION_IS_ONLINE_BIT))
                *entry = ENTRY_OFFLINE;

        r = memmap_tables_find(tables, kmem, memmap->vaddr + section * memmap->memmap_bytes, &paddr,
                               &new_tables);
        if (new_tables)
                for (unsigned i = 0; i < tables->n_tables; i++)
                        if (piece_add(memmap, tables->table_paddr[i], MEMMAP_PTE_BYTES) < 0)
                                return -ENOMEM;
        if (r < 0)
                return 0;
        if (r > 0) {
                *entry |= paddr | ENTRY_MAPPED;
                return 0;
        }
        *entry |= paddr | ENTRY_TABLE;
        return piece_add(memmap, paddr - paddr % MEMMAP_PTE_BYTES, MEMMAP_PTE_BYTES);
}

static int sections_resolve(Memmap *memmap, Vmcore *vmcore, Kmem *kmem, const Vmcoreinfo *info,
                            char **reterr_message)
{
        _cleanup_free_ MemmapTables *tables = malloc(sizeof(*tables));
        int r;

        if (!tables)
                return -ENOMEM;
        r = memmap_tables_init(tables, vmcore, kmem, info);
        if (r < 0)
                return fail(reterr_message, r, "The page tables of the kernel cannot be found");
        memmap->paddr_mask = tables->paddr_mask;

        for (size_t i = 0; i < memmap->n_spans; i++) {
                const Span *span = &memmap->spans[i];

                for (uint64_t section = span->first; section < span->end; section++) {
                        uint64_t *entry = &memmap->entries[span->at + (section - span->first)];

                        r = section_resolve(memmap, tables, kmem, section, entry);
                        if (r < 0)
                                return r;
                        memmap->n_absent += *entry == 0;
                }
        }
        return 0;
}

/* Remembers where the table of sections is. */
static int roots_remember(Memmap *memmap, const Roots *roots, Kmem *kmem)
{
        uint64_t end = memmap->n_spans > 0 ? memmap->spans[memmap->n_spans - 1].end : 0, vaddr;
        uint64_t n_roots = MIN(roots->n_roots, DIV_ROUND_UP(end, roots->sections_per_root));
        uint64_t known = UINT64_MAX;
        int r;

        r = piece_add_virtual(memmap, kmem, roots->vaddr, n_roots * sizeof(vaddr));
        for (size_t i = 0; r >= 0 && i < memmap->n_spans; i++) {
                uint64_t root = memmap->spans[i].first / roots->sections_per_root;

                for (; r >= 0 && root < n_roots &&
                       root * roots->sections_per_root < memmap->spans[i].end;
                     root++) {
                        if (root == known ||
                            kmem_read_u64(kmem, roots->vaddr + root * 8, &vaddr) < 0)
                                continue;
                        known = root;
                        r = piece_add_virtual(memmap, kmem, le64toh(vaddr), roots->page_size_bytes);
                }
        }
        return r;
}

int memmap_new(Vmcore *vmcore, Kmem *kmem, const Vmcoreinfo *info, uint32_t page_size_bytes,
               uint32_t struct_bytes, Memmap **ret, char **reterr_message)
{
        _cleanup_(memmap_freep) Memmap *memmap = NULL;
        _cleanup_free_ uint8_t *buffer = NULL;
        Roots roots = {};
        int r;

        memmap = calloc(1, sizeof(*memmap));
        if (!memmap)
                return -ENOMEM;
        memmap->struct_bytes = struct_bytes;

        r = sections_geometry(memmap, vmcore, info, page_size_bytes, reterr_message);
        if (r < 0)
                return r;
        r = spans_make(memmap, vmcore, page_size_bytes);
        if (r < 0)
                return r;
        r = roots_load(&roots, info, page_size_bytes, reterr_message);
        buffer = roots.buffer;
        if (r < 0)
                return r;
        r = sections_read(memmap, &roots, kmem, info, reterr_message);
        if (r < 0)
                return r;
        r = roots_remember(memmap, &roots, kmem);
        if (r < 0)
                return r;
        r = sections_resolve(memmap, vmcore, kmem, info, reterr_message);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(memmap);
        return 0;
}

/* The entry of @section; 0 if there is none. */
static uint64_t entry_find(const Memmap *memmap, uint64_t section)
{
        size_t low = 0, high = memmap->n_spans;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (memmap->spans[middle].end <= section)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == memmap->n_spans || memmap->spans[low].first > section)
                return 0;
        return memmap->entries[memmap->spans[low].at + (section - memmap->spans[low].first)];
}

MemmapPlace memmap_find(const Memmap *memmap, uint64_t pfn)
{
        uint64_t section = pfn / memmap->pages_per_section;
        uint64_t bytes = pfn % memmap->pages_per_section * memmap->struct_bytes;
        uint64_t entry = entry_find(memmap, section), paddr = entry & ~ENTRY_BITS;
        MemmapPlace place = { .end_pfn = (section + 1) * memmap->pages_per_section };

        if ((entry & ENTRY_OFFLINE) && !memmap->distrust_online)
                place.state = MEMMAP_OFFLINE;
        else if (entry & ENTRY_MAPPED) {
                place.state = MEMMAP_MAPPED;
                place.paddr = paddr + bytes;
        } else if (entry & ENTRY_TABLE) {
                place.state = MEMMAP_TABLE;
                place.paddr = paddr + bytes / MEMMAP_PTE_BYTES * sizeof(uint64_t);
        }
        return place;
}

uint64_t memmap_vaddr(const Memmap *memmap)
{
        return memmap->vaddr;
}

bool memmap_entry(const Memmap *memmap, uint64_t entry, uint64_t *ret_paddr)
{
        return memmap_tables_entry(memmap->paddr_mask, entry, ret_paddr);
}

size_t memmap_n_sections(const Memmap *memmap, size_t *ret_n_absent)
{
        *ret_n_absent = memmap->n_absent;
        return memmap->n_entries;
}

void memmap_distrust_online(Memmap *memmap)
{
        memmap->distrust_online = true;
}

bool memmap_pages(const Memmap *memmap, size_t i, uint64_t *ret_paddr, uint64_t *ret_bytes)
{
        if (i >= memmap->n_pieces)
                return false;
        *ret_paddr = memmap->pieces[i].paddr;
        *ret_bytes = memmap->pieces[i].bytes;
        return true;
}
