/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the list of pages that are kept whatever their struct pages say, if they can be read. */
#include <endian.h>

#include "page-filter-internal.h"
#include "parse.h"

/* The BIOS's data, the trampoline of other processors, and what else is found by fixed addresses.
 * Since v5.13 all of it is reserved (arch/x86/kernel/setup.c); before, the rest is memory like any
 * other. */
#define LOW_BYTES (UINT64_C(1) << 20)

/* The largest KERNEL_IMAGE_SIZE (arch/x86/include/asm/page_64_types.h). */
#define IMAGE_BYTES_MAX (UINT64_C(1) << 30)

/* Flags proper are below the fields that flags also holds: zone, node, and what NUMA balancing
 * keeps there (include/linux/page-flags-layout.h). */
#define PAGE_FLAGS_MASK ((UINT64_C(1) << 26) - 1)

/* Struct pages read at a time. */
#define CHUNK_BYTES 4096

/* Of the ring of messages: see dmesg-prb.c. */
#define COUNT_BITS_MAX 24
#define SIZE_BITS_MAX 30
#define ITEM_BYTES_MAX 4096

static int range_add(PfnRanges *ranges, uint64_t page_size_bytes, uint64_t paddr, uint64_t bytes)
{
        uint64_t end_paddr;

        if (bytes == 0 || __builtin_add_overflow(paddr, bytes - 1, &end_paddr))
                return 0;
        if ((ranges->n & (ranges->n - 1)) == 0) {
                size_t n = MAX(ranges->n * 2, (size_t) 1);
                PfnRange *bigger = reallocarray(ranges->ranges, n, sizeof(PfnRange));

                if (!bigger)
                        return -ENOMEM;
                ranges->ranges = bigger;
        }
        ranges->ranges[ranges->n++] =
                (PfnRange){ paddr / page_size_bytes, end_paddr / page_size_bytes + 1 };
        return 0;
}

static int range_compare(const void *a, const void *b)
{
        const PfnRange *x = a, *y = b;

        return x->first_pfn < y->first_pfn ? -1 : x->first_pfn > y->first_pfn;
}

static void ranges_join(PfnRanges *ranges)
{
        size_t n = 0;

        qsort(ranges->ranges, ranges->n, sizeof(PfnRange), range_compare);
        for (size_t i = 0; i < ranges->n; i++) {
                PfnRange range = ranges->ranges[i];
                PfnRange *last = n > 0 ? &ranges->ranges[n - 1] : NULL;

                if (last && range.first_pfn <= last->end_pfn)
                        last->end_pfn = MAX(last->end_pfn, range.end_pfn);
                else
                        ranges->ranges[n++] = range;
        }
        ranges->n = n;
}

/* The number in "SYMBOL(name)=<hex>\n" at @line. */
static bool symbol_parse(const char *line, uint64_t *ret)
{
        char digits[17];
        const char *value = strchr(line, '=');
        size_t n;

        if (!startswith(line, "SYMBOL(") || !value)
                return false;
        value++;
        n = strcspn(value, "\n");
        if (n == 0 || n >= sizeof(digits))
                return false;
        memcpy(digits, value, n);
        digits[n] = '\0';
        return parse_u64(digits, 16, ret) >= 0;
}

static uint64_t known_flags(const PageLayout *layout)
{
        return layout->lru_mask | layout->private_mask | layout->swap_mask | layout->head_mask |
               layout->hwpoison_mask | layout->slab_mask;
}

/* The flag that all pages have which were not given to the page allocator, as those of the image,
 * PG_reserved. VMCOREINFO does not tell it; pages that are sure to be in use do. Returns 0 if these
 * do not agree. */
static uint64_t reserved_flag(Kmem *kmem, const Vmcoreinfo *info, const PageRules *rules,
                              uint64_t page_size_bytes)
{
        static const char *const symbols[] = { "_stext", "init_uts_ns" };
        uint64_t mask = PAGE_FLAGS_MASK & ~known_flags(&rules->layout);

        for (size_t i = 0; i < ELEMENTSOF(symbols); i++) {
                uint64_t vaddr, paddr, flags;

                if (vmcoreinfo_symbol(info, symbols[i], &vaddr) < 0 ||
                    kmem_vtop(kmem, vaddr, &paddr, NULL) < 0 ||
                    kmem_read_u64(kmem,
                                  rules->memmap_vaddr +
                                          paddr / page_size_bytes * rules->layout.struct_bytes +
                                          rules->layout.flags_offset,
                                  &flags) < 0)
                        return 0;
                mask &= le64toh(flags);
        }
        return (mask & (mask - 1)) == 0 ? mask : 0;
}

/* The pages of [@paddr, + @bytes) that have @flag in their struct pages, and those that have no
 * such; all of them if @flag is 0. */
static int reserved_add(PfnRanges *ranges, Kmem *kmem, const PageRules *rules, uint64_t flag,
                        uint64_t page_size_bytes, uint64_t paddr, uint64_t bytes)
{
        const uint32_t struct_bytes = rules->layout.struct_bytes;
        const uint64_t n_chunk = CHUNK_BYTES / struct_bytes;
        const PfnRange range = { paddr / page_size_bytes,
                                 (paddr + bytes - 1) / page_size_bytes + 1 };
        uint8_t chunk[CHUNK_BYTES];
        int r;

        if (flag == 0)
                return range_add(ranges, page_size_bytes, paddr, bytes);

        for (uint64_t pfn = range.first_pfn; pfn < range.end_pfn; pfn += n_chunk) {
                uint64_t n = MIN(n_chunk, range.end_pfn - pfn), flags;
                bool known = kmem_read(kmem, rules->memmap_vaddr + pfn * struct_bytes, chunk,
                                       n * struct_bytes) >= 0;

                for (uint64_t i = 0; i < n; i++) {
                        memcpy(&flags, chunk + i * struct_bytes + rules->layout.flags_offset,
                               sizeof(flags));
                        if (known && !(le64toh(flags) & flag))
                                continue;
                        r = range_add(ranges, page_size_bytes, (pfn + i) * page_size_bytes,
                                      page_size_bytes);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* From _stext to the last symbol that is mapped the same way. Where the image ends is in no core of
 * a hypervisor, and VMCOREINFO does not tell either. What the image needs at boot only is given
 * away later, and is then memory like any other. */
static int image_add(PfnRanges *ranges, Kmem *kmem, const Vmcoreinfo *info, const PageRules *rules,
                     uint64_t flag, uint64_t page_size_bytes)
{
        uint64_t stext, stext_paddr, bytes = 1;

        if (vmcoreinfo_symbol(info, "_stext", &stext) < 0 ||
            kmem_vtop(kmem, stext, &stext_paddr, NULL) < 0)
                return 0;

        for (const char *line = vmcoreinfo_text(info); line; line = strchr(line, '\n')) {
                uint64_t vaddr, paddr;

                line += *line == '\n';
                if (!symbol_parse(line, &vaddr) || vaddr < stext ||
                    vaddr - stext >= IMAGE_BYTES_MAX)
                        continue;
                if (kmem_vtop(kmem, vaddr, &paddr, NULL) >= 0 &&
                    paddr - stext_paddr == vaddr - stext)
                        bytes = MAX(bytes, vaddr - stext + 1);
        }
        return reserved_add(ranges, kmem, rules, flag, page_size_bytes, stext_paddr, bytes);
}

/* Of the @bytes at @vaddr what is contiguous, which it is all in the direct map. */
static int virtual_add(PfnRanges *ranges, Kmem *kmem, uint64_t page_size_bytes, uint64_t vaddr,
                       uint64_t bytes)
{
        uint64_t paddr, n;

        if (kmem_vtop(kmem, vaddr, &paddr, &n) < 0)
                return 0;
        return range_add(ranges, page_size_bytes, paddr, MIN(bytes, n));
}

/* 2 to the number in the u32 at @vaddr; 0 if it is above @max. */
static uint64_t power_read(Kmem *kmem, uint64_t vaddr, uint32_t max)
{
        uint32_t bits;

        if (kmem_read_u32(kmem, vaddr, &bits) < 0)
                return 0;
        bits = le32toh(bits);
        return bits <= max ? UINT64_C(1) << bits : 0;
}

/* The three arrays of the ring of messages (kernel/printk/printk_ringbuffer.h, since v5.10). */
static int log_add(PfnRanges *ranges, Kmem *kmem, const Vmcoreinfo *info, uint64_t page_size_bytes)
{
        static const struct {
                const char *ring, *array, *size_bits, *item;
                uint32_t bits_max;
        } arrays[] = {
                { "printk_ringbuffer.desc_ring", "prb_desc_ring.descs", "prb_desc_ring.count_bits",
                  "prb_desc", COUNT_BITS_MAX },
                { "printk_ringbuffer.desc_ring", "prb_desc_ring.infos", "prb_desc_ring.count_bits",
                  "printk_info", COUNT_BITS_MAX },
                { "printk_ringbuffer.text_data_ring", "prb_data_ring.data",
                  "prb_data_ring.size_bits", NULL, SIZE_BITS_MAX },
        };
        uint64_t prb;
        int r = 0;

        if (vmcoreinfo_symbol(info, "prb", &prb) < 0 || kmem_read_u64(kmem, prb, &prb) < 0)
                return 0;
        prb = le64toh(prb);

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(arrays); i++) {
                uint64_t ring, array, size_bits, item = 1, vaddr;

                if (vmcoreinfo_offset(info, arrays[i].ring, &ring) < 0 ||
                    vmcoreinfo_offset(info, arrays[i].array, &array) < 0 ||
                    vmcoreinfo_offset(info, arrays[i].size_bits, &size_bits) < 0 ||
                    (arrays[i].item && vmcoreinfo_size(info, arrays[i].item, &item) < 0) ||
                    item > ITEM_BYTES_MAX || kmem_read_u64(kmem, prb + ring + array, &vaddr) < 0)
                        continue;
                r = virtual_add(
                        ranges, kmem, page_size_bytes, le64toh(vaddr),
                        item * power_read(kmem, prb + ring + size_bits, arrays[i].bits_max));
        }
        return r;
}

int page_filter_protect(PfnRanges *ranges, Kmem *kmem, const Vmcoreinfo *info,
                        const PageRules *rules, const Memmap *memmap, uint32_t page_size_bytes)
{
        static const char *const symbols[] = { "swapper_pg_dir", "init_top_pgt", "init_uts_ns" };
        uint64_t paddr, bytes, vaddr, flag;
        int r;

        flag = reserved_flag(kmem, info, rules, page_size_bytes);
        r = reserved_add(ranges, kmem, rules, flag, page_size_bytes, 0, LOW_BYTES);
        if (r < 0)
                return r;
        r = image_add(ranges, kmem, info, rules, flag, page_size_bytes);
        if (r < 0)
                return r;
        r = log_add(ranges, kmem, info, page_size_bytes);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(symbols); i++) {
                if (vmcoreinfo_symbol(info, symbols[i], &vaddr) < 0)
                        continue;
                r = virtual_add(ranges, kmem, page_size_bytes, vaddr, page_size_bytes);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; memmap_pages(memmap, i, &paddr, &bytes); i++) {
                r = range_add(ranges, page_size_bytes, paddr, bytes);
                if (r < 0)
                        return r;
        }
        ranges_join(ranges);
        return 0;
}

size_t pfn_ranges_find(const PfnRanges *ranges, uint64_t pfn)
{
        size_t low = 0, high = ranges->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (ranges->ranges[middle].end_pfn <= pfn)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}
