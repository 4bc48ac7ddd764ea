/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what /proc/kcore tells of virtual addresses, and through it the kernel's vmcoreinfo. */
#include <elf.h>

#include "kcore-map.h"
#include "loader-facts-internal.h"
#include "vmcoreinfo.h"

/* __START_KERNEL_map of arch/x86/include/asm/page_64_types.h: from here on up, virtual addresses
 * are of the kernel's image. */
#define KERNEL_IMAGE_VADDR UINT64_C(0xffffffff80000000)

/* The lowest kernel address with four levels of page tables: below, addresses are not canonical. */
#define FOUR_LEVELS_VADDR UINT64_C(0xffff800000000000)

static const char note_name[] = "VMCOREINFO";
#define NOTE_NAME_BYTES ALIGN_UP(sizeof(note_name), (size_t) 4)

static void kcore_map_freep(KcoreMap *map)
{
        kcore_map_done(map);
}

static int open_kcore(int root_fd, KcoreMap *ret, char **reterr_message)
{
        int r = kcore_map_open(root_fd, ret);

        if (r == -EPERM || r == -EACCES)
                return facts_fail(reterr_message, -EACCES, "We may not read /proc/kcore");
        if (r == -ENOENT)
                return facts_fail(reterr_message, -EOPNOTSUPP, "There is no /proc/kcore");
        if (r == -EOPNOTSUPP)
                return facts_fail(reterr_message, r, "/proc/kcore has no physical addresses");
        if (r == -EBADMSG)
                return facts_fail(reterr_message, r, "The headers of /proc/kcore make no sense");
        if (r < 0 && r != -ENOMEM)
                return facts_fail(reterr_message, r, "Failed to read /proc/kcore: %s",
                                  strerror(-r));
        return r;
}

/* All of the direct map is at the same distance from physical addresses. */
static int find_page_offset(const KcoreMap *map, LoaderFacts *facts, char **reterr_message)
{
        bool found = false;

        for (size_t i = 0; i < map->n_parts; i++) {
                const KcorePart *part = map->parts + i;
                uint64_t page_offset = part->vaddr - part->paddr;

                if (part->vaddr >= KERNEL_IMAGE_VADDR)
                        continue;
                if (found && page_offset != facts->page_offset)
                        return facts_fail(reterr_message, -EBADMSG,
                                          "/proc/kcore has physical 0 at 0x%" PRIx64
                                          " and at 0x%" PRIx64,
                                          facts->page_offset, page_offset);
                facts->page_offset = page_offset;
                found = true;
        }
        if (!found)
                return facts_fail(reterr_message, -EOPNOTSUPP, "/proc/kcore has no direct map");
        return 0;
}

/* The image ends behind "Kernel bss": its first page tables come from what is behind that
 * (extend_brk() of arch/x86/kernel/setup.c), and the text of /proc/kcore goes to _end, as the
 * headers of the kernel's own loader do (crash_prepare_elf64_headers()). */
static int find_kernel(const KcoreMap *map, LoaderFacts *facts, char **reterr_message)
{
        uint64_t paddr = facts->kernel.start;

        for (size_t i = 0; i < map->n_parts; i++) {
                const KcorePart *part = map->parts + i;

                if (part->vaddr < KERNEL_IMAGE_VADDR || paddr < part->paddr ||
                    paddr - part->paddr >= part->bytes)
                        continue;
                facts->kernel_vaddr = part->vaddr + (paddr - part->paddr);
                facts->kernel.end = MAX(facts->kernel.end, part->paddr + part->bytes);
                return 0;
        }
        return facts_fail(reterr_message, -EOPNOTSUPP,
                          "/proc/kcore does not have the kernel's text, which is at 0x%" PRIx64,
                          paddr);
}

/* What was loaded has to be read back. */
static int check_area(const KcoreMap *map, Range area, char **reterr_message)
{
        if (kcore_map_find(map, area.start) && kcore_map_find(map, area.end - 1))
                return 0;
        return facts_fail(reterr_message, -EOPNOTSUPP,
                          "/proc/kcore does not have the reserved memory at 0x%" PRIx64,
                          area.start);
}

static int no_note(const LoaderNote *note, char **reterr_message)
{
        return facts_fail(reterr_message, -EBADMSG,
                          "/proc/kcore has no note '%s' of %" PRIu64 " bytes at 0x%" PRIx64,
                          note_name, note->bytes, note->paddr);
}

/* Reads it where the crash kernel will. The kernel fills it in when it starts
 * (crash_save_vmcoreinfo_init() of kernel/vmcore_info.c, kernel/crash_core.c before v6.9). */
static int read_vmcoreinfo(const KcoreMap *map, const LoaderNote *note, Vmcoreinfo **ret,
                           char **reterr_message)
{
        _cleanup_free_ char *data = NULL;
        Elf64_Nhdr header;
        const char *name;
        int r;

        if (note->bytes < sizeof(header) + NOTE_NAME_BYTES)
                return no_note(note, reterr_message);
        data = malloc(note->bytes);
        if (!data)
                return -ENOMEM;
        r = kcore_map_read(map, note->paddr, data, note->bytes);
        if (loader_facts_error_passes(r))
                return r;
        if (r < 0)
                return no_note(note, reterr_message);
        memcpy(&header, data, sizeof(header));
        name = data + sizeof(header);
        if (header.n_namesz != sizeof(note_name) ||
            memcmp(name, note_name, sizeof(note_name)) != 0 ||
            header.n_descsz > note->bytes - sizeof(header) - NOTE_NAME_BYTES)
                return no_note(note, reterr_message);
        r = vmcoreinfo_new(name + NOTE_NAME_BYTES, header.n_descsz, ret);
        return r < 0 && r != -ENOMEM ? no_note(note, reterr_message) : r;
}

/* The flag 'la57' of the CPU does not say that the kernel uses it: it may be told not to
 * ('no5lvl'). vmcoreinfo does (arch_crash_save_vmcoreinfo() of arch/x86/kernel/vmcore_info_64.c);
 * and where that should not have it, the direct map does: with five levels it begins at
 * 0xff11000000000000 or, with addresses that are random, in the first third of what is up to
 * 0xfffffe0000000000 (kernel_randomize_memory() of arch/x86/mm/kaslr.c), where four levels cannot
 * reach. */
static bool has_five_levels(const Vmcoreinfo *info, uint64_t page_offset)
{
        int64_t number;

        if (vmcoreinfo_number(info, "pgtable_l5_enabled", &number) >= 0)
                return number != 0;
        return page_offset < FOUR_LEVELS_VADDR;
}

int facts_read_kcore(int root_fd, LoaderFacts *facts, FactsEncryption *encryption,
                     char **reterr_message)
{
        _cleanup_(kcore_map_freep) KcoreMap map = KCORE_MAP_NULL;
        _cleanup_(vmcoreinfo_freep) Vmcoreinfo *info = NULL;
        int r;

        r = open_kcore(root_fd, &map, reterr_message);
        if (r < 0)
                return r;
        r = find_page_offset(&map, facts, reterr_message);
        if (r < 0)
                return r;
        r = find_kernel(&map, facts, reterr_message);
        if (r < 0)
                return r;
        r = check_area(&map, facts->crash, reterr_message);
        if (r < 0)
                return r;
        r = read_vmcoreinfo(&map, &facts->vmcoreinfo, &info, reterr_message);
        if (r < 0)
                return r;
        facts->la57 = has_five_levels(info, facts->page_offset);
        encryption->has_mask = vmcoreinfo_number_u64(info, "sme_mask", &encryption->mask) >= 0;
        return 0;
}
