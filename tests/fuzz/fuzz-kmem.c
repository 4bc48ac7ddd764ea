/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: address translation by page tables. The input is that of FuzzCore; the last words of
 * its memory are the addresses to be translated. */
#include <elf.h>

#include "fuzz-core.h"

#define N_VADDRS 8
#define READ_BYTES 64

/* The lowest address of a kernel with 52 bits, and the longest image of one. */
#define KERNEL_HALF_VADDR_MIN UINT64_C(0xff00000000000000)
#define IMAGE_BYTES_MAX (UINT64_C(1) << 31)

#define X86_64_TEXT "NUMBER(phys_base)=0\nSYMBOL(init_top_pgt)=ffffffff80001000\n"
#define ARM64_TEXT                                                                                 \
        "NUMBER(kimage_voffset)=0xffff800000000000\nSYMBOL(swapper_pg_dir)=ffff800000010000\n"     \
        "SYMBOL(_stext)=ffff800000080000\n"

static const FuzzMode modes[] = {
        { EM_X86_64, X86_64_TEXT },
        { EM_X86_64, X86_64_TEXT "NUMBER(pgtable_l5_enabled)=1\n" },
        { EM_AARCH64, ARM64_TEXT "PAGESIZE=4096\nNUMBER(VA_BITS)=48\nNUMBER(TCR_EL1_T1SZ)=0x10\n"
                                 "NUMBER(MAX_PHYSMEM_BITS)=48\n" },
        { EM_AARCH64, ARM64_TEXT "PAGESIZE=4096\nNUMBER(VA_BITS)=52\nNUMBER(TCR_EL1_T1SZ)=0xc\n"
                                 "NUMBER(MAX_PHYSMEM_BITS)=52\n" },
        { EM_AARCH64, ARM64_TEXT "PAGESIZE=16384\nNUMBER(VA_BITS)=52\nNUMBER(TCR_EL1_T1SZ)=0xc\n"
                                 "NUMBER(MAX_PHYSMEM_BITS)=52\n" },
        { EM_AARCH64, ARM64_TEXT "PAGESIZE=65536\nNUMBER(VA_BITS)=52\nNUMBER(TCR_EL1_T1SZ)=0x10\n"
                                 "NUMBER(MAX_PHYSMEM_BITS)=52\nNUMBER(PHYS_OFFSET)=0x0\n" },
        { EM_AARCH64, "" },
};

static void result_check(int r)
{
        FUZZ_CHECK(r == 0 || r == -EFAULT || r == -ERANGE || r == -EIO);
}

static void vaddr_check(FuzzCore *core, uint64_t vaddr)
{
        uint64_t paddr, bytes, last_paddr;
        uint8_t got[READ_BYTES], expected[READ_BYTES];
        int r;

        r = kmem_vtop(core->kmem, vaddr, &paddr, &bytes);
        result_check(r);
        if (r < 0) {
                FUZZ_CHECK(kmem_read(core->kmem, vaddr, got, 1) < 0);
                return;
        }
        FUZZ_CHECK(bytes > 0);

        /* All of it has to be contiguous. */
        FUZZ_CHECK(kmem_vtop(core->kmem, vaddr + (bytes - 1), &last_paddr, NULL) == 0);
        FUZZ_CHECK(last_paddr == paddr + (bytes - 1));

        r = kmem_read(core->kmem, vaddr, got, sizeof(got));
        result_check(r);
        if (r < 0 || bytes < sizeof(got))
                return;
        FUZZ_CHECK(vmcore_read(core->vmcore, paddr, expected, sizeof(expected)) == 0);
        FUZZ_CHECK(memcmp(got, expected, sizeof(got)) == 0);
}

/* The first bytes of the image and of the direct map are where they are said to be. */
static void maps_check(FuzzCore *core)
{
        uint64_t delta = kmem_direct_map_delta(core->kmem), paddr;
        KmemImage image;
        int r;

        FUZZ_CHECK(delta == 0 || delta >= KERNEL_HALF_VADDR_MIN);
        r = kmem_image(core->kmem, &image);
        FUZZ_CHECK(r == 0 || r == -ENODATA);
        if (r < 0)
                return;
        FUZZ_CHECK(image.start_paddr < image.end_paddr);
        FUZZ_CHECK(image.end_paddr - image.start_paddr <= IMAGE_BYTES_MAX);
        FUZZ_CHECK(kmem_vtop(core->kmem, image.start_paddr + image.delta, &paddr, NULL) == 0);
        FUZZ_CHECK(paddr == image.start_paddr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(fuzz_core_done) FuzzCore core = { .fd = -EBADF };
        uint64_t vaddrs[N_VADDRS];
        char uts[KMEM_UTSNAME_BYTES], many[65536];

        if (!fuzz_core_init(&core, modes, ELEMENTSOF(modes), data, size) || !core.kmem)
                return 0;

        FUZZ_CHECK(vmcore_read(core.vmcore, FUZZ_MEMORY_BYTES - sizeof(vaddrs), vaddrs,
                               sizeof(vaddrs)) == 0);
        for (size_t i = 0; i < N_VADDRS; i++)
                vaddr_check(&core, vaddrs[i]);
        maps_check(&core);
        result_check(kmem_read(core.kmem, vaddrs[0], many, sizeof(many)));
        (void) kmem_read_utsname(core.kmem, core.info, uts);
        return 0;
}
