/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns address translation of x86_64 kernels: kernel image, direct map, 4- and 5-level page tables.
 */
#include <elf.h>

#include "kmem-arch.h"

/* arch/x86/include/asm/page_64_types.h: __START_KERNEL_map, and KERNEL_IMAGE_SIZE with KASLR */
#define KERNEL_MAP_VADDR UINT64_C(0xffffffff80000000)
#define KERNEL_IMAGE_BYTES_DEFAULT (UINT64_C(1) << 30)
#define KERNEL_IMAGE_BYTES_MAX (UINT64_C(1) << 31)

/* The lowest address of the kernel's half with 5 levels (Documentation/arch/x86/x86_64/mm.rst), and
 * with 4. */
#define KERNEL_HALF_VADDR UINT64_C(0xff00000000000000)
#define KERNEL_HALF_4_VADDR UINT64_C(0xffff800000000000)

/* The direct map begins at a multiple of what one PUD maps: kernel_randomize_memory()
 * (arch/x86/mm/kaslr.c). */
#define DIRECT_MAP_ALIGN_BYTES (UINT64_C(1) << 30)

/* Of a search, so that it takes no seconds of tables that make no sense. The direct map is the
 * first that is there, and few entries are before it; of the image this is 256 MiB in small pages.
 */
#define WALKS_MAX 65536

/* arch/x86/include/asm/pgtable_types.h */
#define PAGE_PRESENT_BIT (UINT64_C(1) << 0)
#define PAGE_PSE_BIT (UINT64_C(1) << 7)
#define PAGE_PADDR_MASK UINT64_C(0x000ffffffffff000)
#define PAGE_SHIFT 12
#define TABLE_SHIFT 9
#define TABLE_MASK ((UINT64_C(1) << TABLE_SHIFT) - 1)
#define PMD_LEVEL                                                                                  \
        1 /* levels are counted from the PTE, 0, up; PMD and PUD may map pages themselves */
#define PUD_LEVEL 2

typedef struct X86State {
        uint64_t phys_base; /* signed in the kernel; modulo 2^64 it is the same */
        uint64_t kernel_image_bytes;
        uint64_t direct_map_delta; /* 0: unknown, only the page tables tell */
        uint64_t root_paddr;
        bool has_root;
        unsigned n_levels;
        uint64_t paddr_mask; /* of what is in a page table entry, without sme_mask */
} X86State;

static int phys_base_find(const Vmcore *vmcore, const Vmcoreinfo *info, uint64_t *ret)
{
        uint64_t delta;
        int r;

        r = vmcoreinfo_number_u64(info, "phys_base", ret);
        if (r != -ENODATA)
                return r;

        /* Exported since v4.10 only (arch_crash_save_vmcoreinfo()); before, the segment of the
         * kernel image tells. */
        r = vmcore_kernel_map_delta(vmcore, &delta);
        if (r < 0)
                return r;

        *ret = KERNEL_MAP_VADDR - delta;
        return 0;
}

/* The page tables' root: init_top_pgt since v4.13 (commit 65ade2f872b4), init_level4_pgt before. */
static int root_find(const Vmcoreinfo *info, X86State *state)
{
        uint64_t vaddr;
        int r;

        r = vmcoreinfo_symbol(info, "init_top_pgt", &vaddr);
        if (r == -ENODATA)
                r = vmcoreinfo_symbol(info, "init_level4_pgt", &vaddr);
        if (r == -ENODATA)
                return 0;
        if (r < 0)
                return r;
        if (vaddr < KERNEL_MAP_VADDR || vaddr % (UINT64_C(1) << PAGE_SHIFT) != 0)
                return -EBADMSG;

        state->root_paddr = vaddr - KERNEL_MAP_VADDR + state->phys_base;
        state->has_root = true;
        return 0;
}

/* Keeps *ret as it is when there is no such line. */
static int number_get(const Vmcoreinfo *info, const char *name, uint64_t *ret)
{
        int r;

        r = vmcoreinfo_number_u64(info, name, ret);
        return r == -ENODATA ? 0 : r;
}

static int x86_64_open(const Vmcore *vmcore, const Vmcoreinfo *info, void **ret_state)
{
        _cleanup_free_ X86State *state = NULL;
        uint64_t levels5 = 0, sme_mask = 0, delta = vmcore_direct_map_delta(vmcore);
        int r;

        state = calloc(1, sizeof(*state));
        if (!state)
                return -ENOMEM;

        r = phys_base_find(vmcore, info, &state->phys_base);
        if (r < 0)
                return r;
        r = root_find(info, state);
        if (r < 0)
                return r;

        state->kernel_image_bytes = KERNEL_IMAGE_BYTES_DEFAULT;
        r = number_get(info, "KERNEL_IMAGE_SIZE", &state->kernel_image_bytes);
        if (r < 0)
                return r;
        if (state->kernel_image_bytes == 0 || state->kernel_image_bytes > KERNEL_IMAGE_BYTES_MAX)
                state->kernel_image_bytes = KERNEL_IMAGE_BYTES_DEFAULT;

        r = number_get(info, "pgtable_l5_enabled", &levels5);
        if (r < 0)
                return r;
        state->n_levels = levels5 ? 5 : 4;

        /* Memory encryption sets one bit of the address (sme_me_mask,
         * arch/x86/mm/mem_encrypt_identity.c). */
        r = number_get(info, "sme_mask", &sme_mask);
        if (r < 0)
                return r;
        state->paddr_mask = PAGE_PADDR_MASK & ~sme_mask;

        if (delta >= KERNEL_HALF_VADDR && delta % DIRECT_MAP_ALIGN_BYTES == 0)
                state->direct_map_delta = delta;

        *ret_state = TAKE_PTR(state);
        return 0;
}

/* One table is read per level, so that tables which point at each other end all the same. On
 * failure *ret_bytes is how many bytes from @vaddr on fail for the same reason. */
static int table_walk(Kmem *kmem, const X86State *state, uint64_t vaddr, uint64_t *ret_paddr,
                      uint64_t *ret_bytes)
{
        uint64_t table_paddr = state->root_paddr;
        int r;

        if (!state->has_root)
                return -EFAULT;

        for (unsigned level = state->n_levels; level-- > 0;) {
                unsigned shift = PAGE_SHIFT + TABLE_SHIFT * level;
                uint64_t index = (vaddr >> shift) & TABLE_MASK;
                uint64_t page_bytes = UINT64_C(1) << shift, in_page = vaddr & (page_bytes - 1);
                uint64_t entry;

                *ret_bytes = page_bytes - in_page;
                r = kmem_read_phys(kmem, table_paddr + index * sizeof(entry), &entry,
                                   sizeof(entry));
                if (r < 0)
                        return r;
                if (!(entry & PAGE_PRESENT_BIT))
                        return -EFAULT;

                if (level == 0 ||
                    ((level == PMD_LEVEL || level == PUD_LEVEL) && (entry & PAGE_PSE_BIT))) {
                        *ret_paddr = (entry & state->paddr_mask & ~(page_bytes - 1)) | in_page;
                        return 0;
                }
                table_paddr = entry & state->paddr_mask;
        }
        return -EFAULT;
}

static int x86_64_vtop(Kmem *kmem, const void *arch_state, uint64_t vaddr, uint64_t *ret_paddr,
                       uint64_t *ret_bytes)
{
        const X86State *state = arch_state;

        if (vaddr < KERNEL_HALF_VADDR)
                return -EFAULT;

        if (vaddr >= KERNEL_MAP_VADDR && vaddr - KERNEL_MAP_VADDR < state->kernel_image_bytes) {
                *ret_paddr = vaddr - KERNEL_MAP_VADDR + state->phys_base;
                *ret_bytes = state->kernel_image_bytes - (vaddr - KERNEL_MAP_VADDR);
                return 0;
        }

        if (state->direct_map_delta != 0 && vaddr >= state->direct_map_delta &&
            vaddr < KERNEL_MAP_VADDR) {
                uint64_t paddr = vaddr - state->direct_map_delta;
                uint64_t bytes = kmem_bytes_behind(kmem, paddr);

                if (bytes > 0) {
                        *ret_paddr = paddr;
                        *ret_bytes = bytes;
                        return 0;
                }
        }
        return table_walk(kmem, state, vaddr, ret_paddr, ret_bytes);
}

/* Page tables are kernel memory: the direct map must have the root, too. */
static bool is_direct_map(Kmem *kmem, const X86State *state, uint64_t delta)
{
        uint64_t paddr, bytes;

        return delta >= KERNEL_HALF_VADDR && delta % DIRECT_MAP_ALIGN_BYTES == 0 &&
               delta + state->root_paddr >= delta &&
               table_walk(kmem, state, delta + state->root_paddr, &paddr, &bytes) >= 0 &&
               paddr == state->root_paddr;
}

/* Only cores tell it. In the page tables it is the first of what the kernel maps (mm.rst, as
 * above), but for a hypervisor's or user's own. */
static uint64_t x86_64_direct_map_delta(Kmem *kmem, const void *arch_state)
{
        const X86State *state = arch_state;
        uint64_t root_entry_bytes = UINT64_C(1)
                                    << (PAGE_SHIFT + TABLE_SHIFT * (state->n_levels - 1));
        uint64_t vaddr = state->n_levels == 5 ? KERNEL_HALF_VADDR : KERNEL_HALF_4_VADDR;
        uint64_t paddr, bytes;

        if (state->direct_map_delta != 0 || !state->has_root)
                return state->direct_map_delta;

        for (unsigned i = 0; i < WALKS_MAX && vaddr < KERNEL_MAP_VADDR; i++) {
                if (table_walk(kmem, state, vaddr, &paddr, &bytes) >= 0) {
                        if (is_direct_map(kmem, state, vaddr - paddr))
                                return vaddr - paddr;
                        bytes = root_entry_bytes - vaddr % root_entry_bytes;
                }
                if (__builtin_add_overflow(vaddr, bytes, &vaddr))
                        return 0;
        }
        return 0;
}

/* VMCOREINFO does not tell where it ends. cleanup_highmap() (arch/x86/mm/init_64.c) leaves nothing
 * else mapped there, and what was needed at boot only may be unmapped later. */
static int x86_64_image(Kmem *kmem, const void *arch_state, KmemImage *ret)
{
        const X86State *state = arch_state;
        uint64_t start = UINT64_MAX, end = 0, at = 0, paddr, bytes;

        if (!state->has_root)
                return -ENODATA;
        for (unsigned i = 0; i < WALKS_MAX && at < state->kernel_image_bytes; i++, at += bytes) {
                if (table_walk(kmem, state, KERNEL_MAP_VADDR + at, &paddr, &bytes) < 0 ||
                    paddr != at + state->phys_base)
                        continue;
                start = MIN(start, paddr);
                end = MAX(end, paddr + bytes);
        }
        if (start >= end)
                return -ENODATA;
        *ret = (KmemImage){
                .start_paddr = start,
                .end_paddr = end,
                .delta = KERNEL_MAP_VADDR - state->phys_base,
        };
        return 0;
}

const KmemArch kmem_arch_x86_64 = {
        .machine = EM_X86_64,
        .open = x86_64_open,
        .vtop = x86_64_vtop,
        .direct_map_delta = x86_64_direct_map_delta,
        .image = x86_64_image,
};
