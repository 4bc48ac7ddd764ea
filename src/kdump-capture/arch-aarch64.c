/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns address translation of arm64 kernels: linear map, and page tables of any page size and
 * depth.
 */
#include <elf.h>

#include "kmem-arch.h"

/* The sizes that arch/arm64/Kconfig has for ARM64_VA_BITS lie between these. */
#define VA_BITS_MIN 36
#define VA_BITS_MAX 52
#define VA_BITS_WITHOUT_LVA 48

/* Descriptors (arch/arm64/include/asm/pgtable-hwdef.h): PTE_TYPE_PAGE and PMD_TYPE_TABLE have the
 * same two bits. */
#define DESC_TYPE_MASK UINT64_C(3)
#define DESC_TYPE_BLOCK UINT64_C(1)
#define DESC_TYPE_TABLE UINT64_C(3)
#define DESC_PADDR_MASK UINT64_C(0x0000fffffffff000)

/* Addresses of 52 bits: with pages of 64 KiB (FEAT_LPA) bits 51:48 are in 15:12, which are zero
 * otherwise; with smaller ones (FEAT_LPA2) bits 51:50 are in 9:8, and 49:48 in their place. */
#define DESC_LPA_HIGH_MASK UINT64_C(0xf000)
#define DESC_LPA_HIGH_SHIFT 36
#define DESC_LPA2_PADDR_MASK UINT64_C(0x0003fffffffff000)
#define DESC_LPA2_HIGH_MASK UINT64_C(0x300)
#define DESC_LPA2_HIGH_SHIFT 42

/* Bit 55 says which half of the address space is meant, bits 63:56 may hold a tag of KASAN
 * (arch/arm64/include/asm/uaccess.h, untagged_addr()). */
#define TAG_BITS 8

typedef struct Arm64State {
        unsigned page_shift, n_levels, block_level_max;
        unsigned va_bits; /* in use; a kernel for 52 runs with fewer on older processors */
        bool wide_paddr;  /* descriptors hold 52 bits of address */
        bool flipped;     /* the linear map is the lower half of the kernel's addresses */
        uint64_t root_paddr;
        bool has_root;
        uint64_t linear_delta; /* what is to be added to an address there, modulo 2^64 */
        bool has_linear;
} Arm64State;

/* The lowest of the addresses that @bits give the kernel: _PAGE_OFFSET()
 * (arch/arm64/include/asm/memory.h). */
static uint64_t half_start(unsigned bits)
{
        return -(UINT64_C(1) << bits);
}

static int page_shift_find(const Vmcoreinfo *info, unsigned *ret)
{
        uint64_t bytes;
        int r;

        r = vmcoreinfo_string_u64(info, "PAGESIZE", 10, &bytes);
        if (r < 0)
                return r;
        if (bytes != 4096 && bytes != 16384 && bytes != 65536)
                return -EBADMSG;

        *ret = (unsigned) __builtin_ctzll(bytes);
        return 0;
}

/* How many bits of address are in use. TCR_EL1.T1SZ is exported since v5.9 (commit bbdbc11804ff);
 * kernels for 52 bits are there since v5.4, and their linear map, which holds mem_section, begins
 * at another address if the processor has only 48. */
static int va_bits_find(const Vmcoreinfo *info, uint64_t va_bits_config, unsigned *ret)
{
        uint64_t bits = va_bits_config, value;
        int r;

        r = vmcoreinfo_number_u64(info, "TCR_EL1_T1SZ", &value);
        if (r >= 0)
                bits = 64 - MIN(value, UINT64_C(64));
        else if (r != -ENODATA)
                return r;
        else if (bits == VA_BITS_MAX) {
                r = vmcoreinfo_symbol(info, "mem_section", &value);
                if (r < 0)
                        return r;
                if (value & (UINT64_C(1) << (VA_BITS_MAX - 1)))
                        bits = VA_BITS_WITHOUT_LVA;
        }
        if (bits < VA_BITS_MIN || bits > va_bits_config)
                return -EBADMSG;

        *ret = (unsigned) bits;
        return 0;
}

/* MAX_PHYSMEM_BITS is PHYS_MASK_SHIFT, which for LPA2 is 52 only if the processor has it (v6.9,
 * lpa2_is_enabled()). Where it is not exported, before v5.8, only LPA can be, whose bits are zero
 * if it is not in use. */
static int wide_paddr_find(const Vmcoreinfo *info, Arm64State *state)
{
        uint64_t bits;
        int r;

        r = vmcoreinfo_number_u64(info, "MAX_PHYSMEM_BITS", &bits);
        if (r == -ENODATA)
                state->wide_paddr = state->page_shift == 16;
        else if (r < 0)
                return r;
        else
                state->wide_paddr = bits == 52;

        /* Where a descriptor may map memory itself: Arm ARM, D8.3 "Translation table descriptor
         * formats". Levels are counted from the last, 0, up. */
        state->block_level_max = (state->page_shift == 12 ? 2 : 1) + (state->wide_paddr ? 1 : 0);
        return 0;
}

/* Since v5.4 (commit 14c127c957c1) the linear map is below the kernel image, and above it before.
 */
static int layout_find(const Vmcoreinfo *info, Arm64State *state)
{
        uint64_t va_bits_config, stext_vaddr;
        unsigned least;
        int r;

        r = vmcoreinfo_number_u64(info, "VA_BITS", &va_bits_config);
        if (r < 0)
                return r;
        if (va_bits_config < VA_BITS_MIN || va_bits_config > VA_BITS_MAX)
                return -EBADMSG;
        r = va_bits_find(info, va_bits_config, &state->va_bits);
        if (r < 0)
                return r;
        r = vmcoreinfo_symbol(info, "_stext", &stext_vaddr);
        if (r < 0)
                return r;

        least = MIN((unsigned) va_bits_config, (unsigned) VA_BITS_WITHOUT_LVA);
        state->flipped = stext_vaddr > half_start(least - 1);
        /* ARM64_HW_PGTABLE_LEVELS() in arch/arm64/include/asm/pgtable-hwdef.h */
        state->n_levels = (state->va_bits - 4) / (state->page_shift - 3);
        return 0;
}

/* PHYS_OFFSET is where the linear map's start would be, which may be below zero with KASLR. */
static int linear_find(const Vmcoreinfo *info, Arm64State *state)
{
        uint64_t phys_offset, start;
        int r;

        r = vmcoreinfo_number_u64(info, "PHYS_OFFSET", &phys_offset);
        if (r == -ENODATA)
                return 0;
        if (r < 0)
                return r;

        start = half_start(state->flipped ? state->va_bits : state->va_bits - 1);
        /* A kernel for 52 bits that got fewer counts from the start for 52, far below zero, since
         * v5.10 (commit 7bc1a0f9e176, arm64_memblock_init()). */
        if (state->flipped && state->va_bits < VA_BITS_MAX &&
            (int64_t) phys_offset < -(INT64_C(1) << (VA_BITS_MAX - 1)))
                start = half_start(VA_BITS_MAX);

        state->linear_delta = phys_offset - start;
        state->has_linear = true;
        return 0;
}

static int root_find(const Vmcoreinfo *info, Arm64State *state)
{
        uint64_t vaddr, voffset;
        int r;

        r = vmcoreinfo_symbol(info, "swapper_pg_dir", &vaddr);
        if (r >= 0)
                r = vmcoreinfo_number_u64(info, "kimage_voffset", &voffset);
        if (r == -ENODATA)
                return 0;
        if (r < 0)
                return r;

        state->root_paddr = vaddr - voffset;
        if (state->root_paddr % (UINT64_C(1) << state->page_shift) != 0 ||
            state->root_paddr >> VA_BITS_MAX != 0)
                return -EBADMSG;
        state->has_root = true;
        return 0;
}

static int aarch64_open(const Vmcore *vmcore, const Vmcoreinfo *info, void **ret_state)
{
        _cleanup_free_ Arm64State *state = NULL;
        int r;

        state = calloc(1, sizeof(*state));
        if (!state)
                return -ENOMEM;

        r = page_shift_find(info, &state->page_shift);
        if (r < 0)
                return r;
        r = layout_find(info, state);
        if (r < 0)
                return r;
        r = wide_paddr_find(info, state);
        if (r < 0)
                return r;
        r = linear_find(info, state);
        if (r < 0)
                return r;
        r = root_find(info, state);
        if (r < 0)
                return r;
        if (!state->has_linear && !state->has_root)
                return -ENODATA;

        *ret_state = TAKE_PTR(state);
        return 0;
}

static uint64_t descriptor_paddr(const Arm64State *state, uint64_t descriptor)
{
        uint64_t page_mask = ~((UINT64_C(1) << state->page_shift) - 1);

        if (!state->wide_paddr)
                return descriptor & DESC_PADDR_MASK & page_mask;
        if (state->page_shift == 16)
                return (descriptor & DESC_PADDR_MASK & page_mask) |
                       (descriptor & DESC_LPA_HIGH_MASK) << DESC_LPA_HIGH_SHIFT;
        return (descriptor & DESC_LPA2_PADDR_MASK & page_mask) | (descriptor & DESC_LPA2_HIGH_MASK)
                                                                         << DESC_LPA2_HIGH_SHIFT;
}

static int descriptor_read(Kmem *kmem, uint64_t table_paddr, uint64_t index, uint64_t *ret)
{
        int r;

        r = kmem_read_phys(kmem, table_paddr + index * sizeof(*ret), ret, sizeof(*ret));
        if (r < 0)
                return r;
        return *ret & 1 ? 0 : -EFAULT;
}

/* The first table has as many entries as the address has bits left for it. With pages of 64 KiB and
 * 48 bits it may be one for 52, of which the processor is given the end (offset_ttbr1,
 * arch/arm64/include/asm/assembler.h, since v5.0); what is not in use of either is zero. */
static int root_descriptor_read(Kmem *kmem, const Arm64State *state, uint64_t vaddr, unsigned shift,
                                uint64_t *ret)
{
        uint64_t index = (vaddr & ~half_start(state->va_bits)) >> shift;
        int r;

        r = descriptor_read(kmem, state->root_paddr, index, ret);
        if (r == -EFAULT && state->page_shift == 16 && state->va_bits == VA_BITS_WITHOUT_LVA) {
                index = (vaddr & ~half_start(VA_BITS_MAX)) >> shift;
                r = descriptor_read(kmem, state->root_paddr, index, ret);
        }
        return r;
}

/* One descriptor is read per level, so that tables which point at each other end all the same. */
static int table_walk(Kmem *kmem, const Arm64State *state, uint64_t vaddr, uint64_t *ret_paddr,
                      uint64_t *ret_bytes)
{
        unsigned index_bits = state->page_shift - 3;
        uint64_t table_paddr = state->root_paddr;
        int r;

        if (!state->has_root)
                return -EFAULT;

        for (unsigned level = state->n_levels; level-- > 0;) {
                unsigned shift = state->page_shift + index_bits * level;
                uint64_t bytes = UINT64_C(1) << shift, descriptor, type;

                if (level == state->n_levels - 1)
                        r = root_descriptor_read(kmem, state, vaddr, shift, &descriptor);
                else
                        r = descriptor_read(kmem, table_paddr,
                                            vaddr >> shift & ((UINT64_C(1) << index_bits) - 1),
                                            &descriptor);
                if (r < 0)
                        return r;

                type = descriptor & DESC_TYPE_MASK;
                table_paddr = descriptor_paddr(state, descriptor);
                if (type == (level == 0 ? DESC_TYPE_TABLE : DESC_TYPE_BLOCK)) {
                        if (level > state->block_level_max)
                                return -EFAULT;
                        *ret_paddr = (table_paddr & ~(bytes - 1)) | (vaddr & (bytes - 1));
                        *ret_bytes = bytes - (vaddr & (bytes - 1));
                        return 0;
                }
                if (type != DESC_TYPE_TABLE)
                        return -EFAULT;
        }
        return -EFAULT;
}

/* Whether @vaddr can only be in the linear map. Since v5.11 (commit f4693c2716b3) that of 52 bits
 * reaches into the other half, where the page tables tell. */
static bool is_linear(const Arm64State *state, uint64_t vaddr)
{
        bool upper = vaddr & (UINT64_C(1) << (state->va_bits - 1));

        return state->has_linear && upper != state->flipped;
}

static int aarch64_vtop(Kmem *kmem, const void *arch_state, uint64_t vaddr, uint64_t *ret_paddr,
                        uint64_t *ret_bytes)
{
        const Arm64State *state = arch_state;

        vaddr = (uint64_t) ((int64_t) (vaddr << TAG_BITS) >> TAG_BITS);
        if (vaddr < half_start(state->va_bits))
                return -EFAULT;

        if (is_linear(state, vaddr)) {
                uint64_t paddr = vaddr + state->linear_delta;
                uint64_t bytes = kmem_bytes_behind(kmem, paddr);

                if (bytes > 0) {
                        *ret_paddr = paddr;
                        *ret_bytes = bytes;
                        return 0;
                }
        }
        return table_walk(kmem, state, vaddr, ret_paddr, ret_bytes);
}

static uint64_t aarch64_direct_map_delta(Kmem *kmem, const void *arch_state)
{
        const Arm64State *state = arch_state;

        return state->has_linear ? -state->linear_delta : 0;
}

const KmemArch kmem_arch_aarch64 = {
        .machine = EM_AARCH64,
        .open = aarch64_open,
        .vtop = aarch64_vtop,
        .direct_map_delta = aarch64_direct_map_delta,
};
