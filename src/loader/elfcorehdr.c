/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the ELF headers for /proc/vmcore. */
#include "elfcorehdr.h"

#include <elf.h>

#define LOW_BYTES (UINT64_C(1) << 20)

/* PN_XNUM of <elf.h>: from here on e_phnum is not the number. The crash kernel knows no other. */
#define PHDRS_MAX 0xfffeU

static int subtract_all(RangeList *list, const RangeList *holes)
{
        int r;

        for (size_t i = 0; i < holes->n; i++) {
                r = range_list_subtract(list, holes->ranges[i].start, holes->ranges[i].end);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What of RAM is worth a look after a crash. The first MiB is not: kernels reserve all of it early
 * (reserve_real_mode() and crash_reserve_low_1M() of arch/x86/, since v5.13), and the crash kernel
 * uses it. */
static int elf_ranges(const LoaderFacts *facts, RangeList *ret)
{
        _cleanup_(range_list_done) RangeList list = {};
        int r;

        r = range_list_copy(&facts->ram, &list);
        if (r < 0)
                return r;
        r = range_list_subtract(&list, 0, LOW_BYTES);
        if (r < 0)
                return r;
        r = range_list_subtract(&list, facts->crash.start, facts->crash.end);
        if (r < 0)
                return r;
        r = range_list_subtract(&list, facts->crash_low.start, facts->crash_low.end);
        if (r < 0)
                return r;
        r = subtract_all(&list, &facts->crash_cma);
        if (r < 0)
                return r;
        r = subtract_all(&list, &facts->gart);
        if (r < 0)
                return r;
        *ret = list;
        list = (RangeList){};
        return 0;
}

/* update_note_header_size_elf64() of fs/proc/vmcore.c reads the first note before it looks whether
 * there is any: an empty one must not be named. */
static bool note_is_there(const LoaderNote *note)
{
        return note->bytes > 0;
}

static int count_phdrs(const LoaderFacts *facts, const RangeList *ranges, size_t *ret)
{
        size_t n = ranges->n;

        for (size_t i = 0; i < facts->n_cpu_notes; i++)
                n += note_is_there(&facts->cpu_notes[i]);
        n += note_is_there(&facts->vmcoreinfo);
        n += range_bytes(facts->kernel) > 0;
        if (n > PHDRS_MAX)
                return -E2BIG;
        *ret = n;
        return 0;
}

static size_t bytes_for(size_t n_phdrs)
{
        return sizeof(Elf64_Ehdr) + n_phdrs * sizeof(Elf64_Phdr);
}

int elfcorehdr_bytes(const LoaderFacts *facts, uint64_t *ret)
{
        _cleanup_(range_list_done) RangeList ranges = {};
        size_t n = 0;
        int r;

        r = elf_ranges(facts, &ranges);
        if (r < 0)
                return r;
        r = count_phdrs(facts, &ranges, &n);
        if (r < 0)
                return r;
        *ret = bytes_for(n);
        return 0;
}

static Elf64_Phdr *add_note(Elf64_Phdr *phdr, const LoaderNote *note)
{
        if (!note_is_there(note))
                return phdr;
        *phdr = (Elf64_Phdr){
                .p_type = PT_NOTE,
                .p_offset = note->paddr,
                .p_paddr = note->paddr,
                .p_filesz = note->bytes,
                .p_memsz = note->bytes,
                .p_align = 4,
        };
        return phdr + 1;
}

/* The crash kernel takes p_offset for the physical address. */
static Elf64_Phdr *add_load(Elf64_Phdr *phdr, Range range, uint64_t vaddr)
{
        if (range_bytes(range) == 0)
                return phdr;
        *phdr = (Elf64_Phdr){
                .p_type = PT_LOAD,
                .p_flags = PF_R | PF_W | PF_X,
                .p_offset = range.start,
                .p_vaddr = vaddr,
                .p_paddr = range.start,
                .p_filesz = range_bytes(range),
                .p_memsz = range_bytes(range),
        };
        return phdr + 1;
}

static Elf64_Ehdr make_ehdr(size_t n_phdrs)
{
        return (Elf64_Ehdr){
                .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
                             EV_CURRENT, ELFOSABI_NONE },
                .e_type = ET_CORE,
                .e_machine = EM_X86_64,
                .e_version = EV_CURRENT,
                .e_phoff = sizeof(Elf64_Ehdr),
                .e_ehsize = sizeof(Elf64_Ehdr),
                .e_phentsize = sizeof(Elf64_Phdr),
                .e_phnum = (Elf64_Half) n_phdrs,
        };
}

/* In the order that readers of cores know from kexec: notes of the CPUs, of the kernel, its text,
 * memory. */
int elfcorehdr_build(const LoaderFacts *facts, uint8_t **ret, size_t *ret_bytes)
{
        _cleanup_(range_list_done) RangeList ranges = {};
        _cleanup_free_ Elf64_Ehdr *ehdr = NULL;
        Elf64_Phdr *phdr;
        size_t n = 0;
        int r;

        r = elf_ranges(facts, &ranges);
        if (r < 0)
                return r;
        r = count_phdrs(facts, &ranges, &n);
        if (r < 0)
                return r;
        ehdr = calloc(1, bytes_for(n));
        if (!ehdr)
                return -ENOMEM;
        *ehdr = make_ehdr(n);
        phdr = (Elf64_Phdr *) (ehdr + 1);
        for (size_t i = 0; i < facts->n_cpu_notes; i++)
                phdr = add_note(phdr, &facts->cpu_notes[i]);
        phdr = add_note(phdr, &facts->vmcoreinfo);
        phdr = add_load(phdr, facts->kernel, facts->kernel_vaddr);
        for (size_t i = 0; i < ranges.n; i++)
                phdr = add_load(phdr, ranges.ranges[i],
                                facts->page_offset + ranges.ranges[i].start);
        *ret = (uint8_t *) TAKE_PTR(ehdr);
        *ret_bytes = bytes_for(n);
        return 0;
}
