/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns reading of the crashed kernel's memory by virtual address, with a small cache of pages. */
#include "kmem.h"
#include "kmem-arch.h"

#define CACHE_PAGE_BYTES UINT64_C(4096)
#define N_CACHE_PAGES 32

typedef struct CachePage {
        bool valid;
        uint64_t paddr;
        uint8_t data[CACHE_PAGE_BYTES];
} CachePage;

struct Kmem {
        Vmcore *vmcore;
        const KmemArch *arch;
        void *arch_state;
        CachePage cache[N_CACHE_PAGES]; /* direct mapped, by page frame */
};

static const KmemArch *const architectures[] = {
        &kmem_arch_aarch64,
        &kmem_arch_x86_64,
};

Kmem *kmem_close(Kmem *kmem)
{
        if (!kmem)
                return NULL;

        free(kmem->arch_state);
        free(kmem);
        return NULL;
}

int kmem_open(Vmcore *vmcore, const Vmcoreinfo *info, Kmem **ret)
{
        _cleanup_(kmem_closep) Kmem *kmem = NULL;
        int r;

        if (!info)
                return -ENODATA;

        kmem = calloc(1, sizeof(*kmem));
        if (!kmem)
                return -ENOMEM;

        kmem->vmcore = vmcore;
        for (size_t i = 0; i < ELEMENTSOF(architectures); i++)
                if (architectures[i]->machine == vmcore_machine(vmcore))
                        kmem->arch = architectures[i];
        if (!kmem->arch)
                return -EOPNOTSUPP;

        r = kmem->arch->open(vmcore, info, &kmem->arch_state);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(kmem);
        return 0;
}

uint64_t kmem_bytes_behind(const Kmem *kmem, uint64_t paddr)
{
        const MemoryRun *run = vmcore_run_find(kmem->vmcore, paddr);

        return run && run->start_paddr <= paddr ? run->end_paddr - paddr : 0;
}

uint64_t kmem_memory_bytes(const Kmem *kmem)
{
        const MemoryRun *runs;
        uint64_t bytes = 0;
        size_t n_runs;

        runs = vmcore_runs(kmem->vmcore, &n_runs);
        for (size_t i = 0; i < n_runs; i++)
                bytes += runs[i].end_paddr - runs[i].start_paddr;
        return bytes;
}

int kmem_vtop(Kmem *kmem, uint64_t vaddr, uint64_t *ret_paddr, uint64_t *ret_bytes)
{
        uint64_t paddr, bytes;
        int r;

        r = kmem->arch->vtop(kmem, kmem->arch_state, vaddr, &paddr, &bytes);
        if (r < 0)
                return r;

        *ret_paddr = paddr;
        if (ret_bytes)
                *ret_bytes = bytes;
        return 0;
}

uint64_t kmem_direct_map_delta(Kmem *kmem)
{
        return kmem->arch->direct_map_delta(kmem, kmem->arch_state);
}

int kmem_image(Kmem *kmem, KmemImage *ret)
{
        return kmem->arch->image ? kmem->arch->image(kmem, kmem->arch_state, ret) : -ENODATA;
}

/* The cached page at @paddr, NULL if it cannot be had whole. */
static const uint8_t *cache_get(Kmem *kmem, uint64_t paddr)
{
        CachePage *page = &kmem->cache[paddr / CACHE_PAGE_BYTES % N_CACHE_PAGES];

        if (!page->valid || page->paddr != paddr) {
                page->valid = false;
                if (vmcore_read(kmem->vmcore, paddr, page->data, sizeof(page->data)) < 0)
                        return NULL;
                page->paddr = paddr;
                page->valid = true;
        }
        return page->data;
}

int kmem_read_phys(Kmem *kmem, uint64_t paddr, void *buf, size_t size)
{
        uint8_t *to = buf;
        int r;

        while (size > 0) {
                uint64_t in_page = paddr % CACHE_PAGE_BYTES;
                size_t n = MIN(CACHE_PAGE_BYTES - in_page, (uint64_t) size);
                const uint8_t *page = cache_get(kmem, paddr - in_page);

                if (page)
                        memcpy(to, page + in_page, n);
                else {
                        r = vmcore_read(kmem->vmcore, paddr, to, n);
                        if (r < 0)
                                return r;
                }
                if (__builtin_add_overflow(paddr, n, &paddr) && size > n)
                        return -ERANGE;
                to += n;
                size -= n;
        }
        return 0;
}

int kmem_read(Kmem *kmem, uint64_t vaddr, void *buf, size_t size)
{
        uint8_t *to = buf;
        int r;

        while (size > 0) {
                uint64_t paddr, bytes;
                size_t n;

                r = kmem_vtop(kmem, vaddr, &paddr, &bytes);
                if (r < 0)
                        return r;

                n = MIN(bytes, (uint64_t) size);
                r = kmem_read_phys(kmem, paddr, to, n);
                if (r < 0)
                        return r;

                if (__builtin_add_overflow(vaddr, n, &vaddr) && size > n)
                        return -EFAULT;
                to += n;
                size -= n;
        }
        return 0;
}

int kmem_read_u16(Kmem *kmem, uint64_t vaddr, uint16_t *ret)
{
        return kmem_read(kmem, vaddr, ret, sizeof(*ret));
}

int kmem_read_u32(Kmem *kmem, uint64_t vaddr, uint32_t *ret)
{
        return kmem_read(kmem, vaddr, ret, sizeof(*ret));
}

int kmem_read_u64(Kmem *kmem, uint64_t vaddr, uint64_t *ret)
{
        return kmem_read(kmem, vaddr, ret, sizeof(*ret));
}

/* Reads the names at @vaddr. */
static int utsname_read(Kmem *kmem, uint64_t vaddr, char ret_uts[KMEM_UTSNAME_BYTES])
{
        int r;

        r = kmem_read(kmem, vaddr, ret_uts, KMEM_UTSNAME_BYTES);
        if (r < 0)
                return r;
        for (size_t i = 0; i < KMEM_UTSNAME_BYTES; i += KMEM_UTSNAME_FIELD_BYTES)
                ret_uts[i + KMEM_UTSNAME_FIELD_BYTES - 1] = 0;
        return 0;
}

/* Before v5.11 the names are behind a struct kref (include/linux/utsname.h, struct uts_namespace),
 * and VMCOREINFO does not tell. It does tell one of them. */
static int utsname_find(Kmem *kmem, const Vmcoreinfo *info, uint64_t vaddr,
                        char ret_uts[KMEM_UTSNAME_BYTES])
{
        static const uint64_t offsets[] = { sizeof(uint32_t), 0 };
        const char *release;

        if (vmcoreinfo_string(info, "OSRELEASE", &release) < 0)
                return -ENODATA;
        for (size_t i = 0; i < ELEMENTSOF(offsets); i++)
                if (utsname_read(kmem, vaddr + offsets[i], ret_uts) >= 0 &&
                    streq(ret_uts + KMEM_UTSNAME_RELEASE * KMEM_UTSNAME_FIELD_BYTES, release))
                        return 0;
        return -ENODATA;
}

int kmem_read_utsname(Kmem *kmem, const Vmcoreinfo *info, char ret_uts[KMEM_UTSNAME_BYTES])
{
        char uts[KMEM_UTSNAME_BYTES];
        uint64_t vaddr, offset;
        int r;

        r = vmcoreinfo_symbol(info, "init_uts_ns", &vaddr);
        if (r < 0)
                return r;
        r = vmcoreinfo_offset(info, "uts_namespace.name", &offset);
        if (r == -ENODATA)
                r = utsname_find(kmem, info, vaddr, uts);
        else if (r >= 0 && __builtin_add_overflow(vaddr, offset, &vaddr))
                r = -EBADMSG;
        else if (r >= 0)
                r = utsname_read(kmem, vaddr, uts);
        if (r < 0)
                return r;

        memcpy(ret_uts, uts, sizeof(uts));
        return 0;
}
