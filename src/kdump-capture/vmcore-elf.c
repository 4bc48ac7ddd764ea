/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the parsing of an ELF64 core: headers, segments, notes. Every number in it may be a lie. */
#include <elf.h>
#include <endian.h>

#include "io.h"
#include "vmcore-internal.h"

/* Above what a kernel writes: crash_prepare_elf64_headers() (kernel/crash_core.c) needs one per
 * possible CPU and per range of memory, and counts them in 16 bits. */
#define N_SEGMENTS_MAX (UINT32_C(1) << 17)
#define N_SEGMENTS_STEP 512

/* Device dumps (fs/proc/vmcore.c, NT_VMCOREDD since v4.18) come first among the notes and may have
 * hundreds of MiB; the crash kernel has not. */
#define NOTES_BYTES_MAX (UINT64_C(32) << 20)
#define NT_VMCOREDD_TYPE 0x700
#define N_DEVICE_DUMPS_MAX 4096

/* x86_64: __START_KERNEL_map (arch/x86/include/asm/page_64_types.h) */
#define X86_64_KERNEL_MAP_VADDR UINT64_C(0xffffffff80000000)

#if __BYTE_ORDER == __LITTLE_ENDIAN
#define ELF_DATA_NATIVE ELFDATA2LSB
#else
#define ELF_DATA_NATIVE ELFDATA2MSB
#endif

typedef struct Segments {
        MemoryRun *items;
        uint64_t *vaddrs; /* p_vaddr of each */
        size_t n_items, n_allocated;
} Segments;

/* What may still be done for notes, of all PT_NOTEs together: a core of many that cannot be read,
 * or are full of device dumps, must not cost more than one that is fine. */
typedef struct NotesBudget {
        uint64_t bytes;
        unsigned n_device_dumps;
} NotesBudget;

static void segments_done(Segments *segments)
{
        free(segments->items);
        free(segments->vaddrs);
}

static int segments_add(Segments *segments, const MemoryRun *run, uint64_t vaddr)
{
        if (segments->n_items == segments->n_allocated) {
                size_t n = MAX(segments->n_allocated * 2, (size_t) 64);
                MemoryRun *items;
                uint64_t *vaddrs;

                items = reallocarray(segments->items, n, sizeof(*items));
                if (!items)
                        return -ENOMEM;
                segments->items = items;

                vaddrs = reallocarray(segments->vaddrs, n, sizeof(*vaddrs));
                if (!vaddrs)
                        return -ENOMEM;
                segments->vaddrs = vaddrs;
                segments->n_allocated = n;
        }
        segments->items[segments->n_items] = *run;
        segments->vaddrs[segments->n_items++] = vaddr;
        return 0;
}

static int complain(char **reterr_message, int error, const char *text)
{
        *reterr_message = strdup(text);
        return error;
}

static int header_check(const Elf64_Ehdr *header, char **reterr_message)
{
        if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
                return complain(reterr_message, -EBADMSG, "not an ELF file");
        if (header->e_ident[EI_CLASS] == ELFCLASS32)
                return complain(reterr_message, -EOPNOTSUPP,
                                "32-bit ELF core; only 64-bit ones are known");
        if (header->e_ident[EI_CLASS] != ELFCLASS64)
                return complain(reterr_message, -EBADMSG, "ELF class is neither 32 nor 64 bit");
        if (header->e_ident[EI_DATA] != ELF_DATA_NATIVE)
                return complain(reterr_message, -EOPNOTSUPP,
                                "byte order is not that of this machine");
        if (header->e_type != ET_CORE)
                return complain(reterr_message, -EBADMSG, "ELF file, but not a core");
        if (header->e_phentsize != sizeof(Elf64_Phdr))
                return complain(reterr_message, -EBADMSG, "program headers of unknown size");

        switch (header->e_machine) {
        case EM_X86_64:
        case EM_AARCH64:
        case EM_RISCV:
        case EM_S390:
        case EM_PPC64:
                return 0;
        default:
                return complain(reterr_message, -EOPNOTSUPP, "core of an unknown machine");
        }
}

/* From PN_XNUM program headers on, their number is in the first section header (gABI, "ELF
 * Header"). */
static int segment_count_read(const Vmcore *vmcore, const Elf64_Ehdr *header, uint32_t *ret_n)
{
        Elf64_Shdr section;
        int r;

        *ret_n = header->e_phnum;
        if (header->e_phnum != PN_XNUM || header->e_shoff == 0)
                return 0;

        if (header->e_shoff > INT64_MAX - sizeof(section))
                return -EBADMSG;
        r = pread_full(vmcore->fd, &section, sizeof(section), header->e_shoff);
        if (r < 0)
                return r == -ENODATA ? -EBADMSG : r;
        if (section.sh_info > N_SEGMENTS_MAX)
                return -EBADMSG;

        *ret_n = section.sh_info;
        return 0;
}

static int load_segment_add(Vmcore *vmcore, const Elf64_Phdr *header, Segments *segments)
{
        MemoryRun run = {
                .start_paddr = header->p_paddr,
                .file_offset = header->p_offset,
                .file_bytes = MIN(header->p_filesz, header->p_memsz),
        };
        uint64_t end_offset;

        /* /proc/kcore has no physical address for vmalloc and vmemmap (fs/proc/kcore.c,
         * read_kcore_iter()). */
        if (header->p_memsz == 0 || header->p_paddr == UINT64_MAX)
                return 0;

        if (__builtin_add_overflow(run.start_paddr, header->p_memsz, &run.end_paddr) ||
            __builtin_add_overflow(run.file_offset, run.file_bytes, &end_offset) ||
            end_offset > INT64_MAX) {
                vmcore->n_bad_segments++;
                return 0;
        }
        return segments_add(segments, &run, header->p_vaddr);
}

/* Leaves out the device dumps in front of notes that are too long to be kept, else their end. */
static void notes_shorten(const Vmcore *vmcore, NotesBudget *budget, uint64_t *offset,
                          uint64_t *size)
{
        while (*size > budget->bytes) {
                Elf64_Nhdr note;
                uint64_t n;

                if (budget->n_device_dumps == 0 ||
                    pread_full(vmcore->fd, &note, sizeof(note), *offset) < 0 ||
                    note.n_type != NT_VMCOREDD_TYPE || note.n_namesz == 0) {
                        *size = budget->bytes;
                        return;
                }
                budget->n_device_dumps--;
                n = sizeof(note) + ALIGN_UP((uint64_t) note.n_namesz, 4) +
                    ALIGN_UP((uint64_t) note.n_descsz, 4);
                n = MIN(n, *size);
                *offset += n;
                *size -= n;
        }
}

/* Appends one PT_NOTE. What cannot be read is left out: a dump without notes is better than none.
 */
static int notes_add(Vmcore *vmcore, const Elf64_Phdr *header, NotesBudget *budget)
{
        uint64_t offset = header->p_offset, size = header->p_filesz;
        size_t old = ALIGN_UP(vmcore->notes_size, 4);
        uint8_t *notes;

        if (offset >= vmcore->file_bytes || budget->bytes == 0)
                return 0;
        size = MIN(size, vmcore->file_bytes - offset);
        notes_shorten(vmcore, budget, &offset, &size);
        if (size == 0)
                return 0;
        budget->bytes -= size;

        notes = realloc(vmcore->notes, old + size);
        if (!notes)
                return -ENOMEM;
        vmcore->notes = notes;

        memset(notes + vmcore->notes_size, 0, old - vmcore->notes_size);
        if (vmcore_file_read(vmcore, notes + old, size, offset) < 0)
                return 0;
        vmcore->notes_size = old + size;
        return 0;
}

static bool note_is(const uint8_t *name, size_t size, const char *what)
{
        size_t n = strlen(what);
        return (size == n || (size == n + 1 && name[n] == 0)) && memcmp(name, what, n) == 0;
}

/* Notes are aligned to 4 bytes in ELF64 cores of Linux, too; an empty name ends the list
 * (fs/proc/vmcore.c, update_note_header_size_elf64()). */
void vmcore_notes_scan(Vmcore *vmcore)
{
        uint64_t at = 0;

        while (vmcore->notes_size - at >= sizeof(Elf64_Nhdr)) {
                uint64_t name_at = at + sizeof(Elf64_Nhdr), text_at, next;
                Elf64_Nhdr note;

                memcpy(&note, vmcore->notes + at, sizeof(note));
                if (note.n_namesz == 0)
                        return;

                text_at = name_at + ALIGN_UP((uint64_t) note.n_namesz, 4);
                next = text_at + ALIGN_UP((uint64_t) note.n_descsz, 4);
                if (text_at > vmcore->notes_size || note.n_descsz > vmcore->notes_size - text_at)
                        return;

                if (note.n_type == NT_PRSTATUS &&
                    note_is(vmcore->notes + name_at, note.n_namesz, "CORE"))
                        vmcore->n_prstatus++;
                if (note.n_type == 0 && vmcore->vmcoreinfo_size == 0 && note.n_descsz > 0 &&
                    note_is(vmcore->notes + name_at, note.n_namesz, "VMCOREINFO")) {
                        vmcore->vmcoreinfo_offset = text_at;
                        vmcore->vmcoreinfo_size = note.n_descsz;
                }
                at = MIN(next, (uint64_t) vmcore->notes_size);
        }
}

static bool is_kernel_map(const Vmcore *vmcore, uint64_t vaddr)
{
        return vmcore->machine == EM_X86_64 && vaddr >= X86_64_KERNEL_MAP_VADDR &&
               vaddr != UINT64_MAX;
}

/* The image is in several segments where pages were left out of it. Of those that are mapped
 * differently, the last counts. */
static void kernel_map_add(Vmcore *vmcore, uint64_t delta, const MemoryRun *segment)
{
        if (!vmcore->has_kernel_map || vmcore->kernel_map_delta != delta) {
                vmcore->kernel_map_start_paddr = segment->start_paddr;
                vmcore->kernel_map_end_paddr = segment->end_paddr;
        }
        vmcore->kernel_map_start_paddr = MIN(vmcore->kernel_map_start_paddr, segment->start_paddr);
        vmcore->kernel_map_end_paddr = MAX(vmcore->kernel_map_end_paddr, segment->end_paddr);
        vmcore->kernel_map_delta = delta;
        vmcore->has_kernel_map = true;
}

/* As makedumpfile, takes the last segment that can be one of the direct map: /proc/kcore of v4.19
 * has remapped entries in front. */
static void deltas_find(Vmcore *vmcore, const Segments *segments)
{
        for (size_t i = 0; i < segments->n_items; i++) {
                uint64_t vaddr = segments->vaddrs[i];
                uint64_t delta = vaddr - segments->items[i].start_paddr;

                if (vaddr == 0 || vaddr == UINT64_MAX)
                        continue;
                if (is_kernel_map(vmcore, vaddr))
                        kernel_map_add(vmcore, delta, &segments->items[i]);
                else
                        vmcore->direct_map_delta = delta;
        }
}

/* Puts the segments of the direct map in front, keeping the order. Returns how many they are. */
static size_t segments_split(const Vmcore *vmcore, const Segments *segments, MemoryRun *ret_items)
{
        size_t n_direct = 0, n = 0;

        for (int direct = 1; direct >= 0; direct--)
                for (size_t i = 0; i < segments->n_items; i++) {
                        uint64_t delta = segments->vaddrs[i] - segments->items[i].start_paddr;
                        bool is_direct = vmcore->direct_map_delta != 0 &&
                                         segments->vaddrs[i] != 0 &&
                                         delta == vmcore->direct_map_delta;

                        if (is_direct != (bool) direct)
                                continue;
                        ret_items[n++] = segments->items[i];
                        n_direct += is_direct;
                }
        return n_direct;
}

static int segments_read(Vmcore *vmcore, uint64_t offset, uint32_t n_headers, Segments *segments)
{
        NotesBudget budget = { .bytes = NOTES_BYTES_MAX, .n_device_dumps = N_DEVICE_DUMPS_MAX };
        int r;

        while (n_headers > 0) {
                Elf64_Phdr headers[N_SEGMENTS_STEP];
                uint32_t n = MIN(n_headers, (uint32_t) N_SEGMENTS_STEP);

                if (offset > INT64_MAX - sizeof(headers))
                        return -EBADMSG;
                r = pread_full(vmcore->fd, headers, n * sizeof(headers[0]), offset);
                if (r < 0)
                        return r == -ENODATA ? -EBADMSG : r;

                for (uint32_t i = 0; i < n; i++) {
                        r = headers[i].p_type == PT_NOTE ? notes_add(vmcore, &headers[i], &budget)
                            : headers[i].p_type == PT_LOAD
                                    ? load_segment_add(vmcore, &headers[i], segments)
                                    : 0;
                        if (r < 0)
                                return r;
                }
                n_headers -= n;
                offset += n * sizeof(headers[0]);
        }
        return 0;
}

int vmcore_elf_load(Vmcore *vmcore, char **reterr_message)
{
        _cleanup_(segments_done) Segments segments = {};
        _cleanup_free_ MemoryRun *items = NULL;
        Elf64_Ehdr header;
        uint32_t n_headers = 0;
        size_t n_direct;
        int r;

        r = pread_full(vmcore->fd, &header, sizeof(header), 0);
        if (r == -ENODATA)
                return complain(reterr_message, -EBADMSG, "shorter than an ELF header");
        if (r < 0)
                return r;

        r = header_check(&header, reterr_message);
        if (r < 0)
                return r;
        vmcore->machine = header.e_machine;

        r = segment_count_read(vmcore, &header, &n_headers);
        if (r >= 0)
                r = segments_read(vmcore, header.e_phoff, n_headers, &segments);
        if (r == -EBADMSG)
                return complain(reterr_message, r, "program headers are cut off or malformed");
        if (r < 0)
                return r;
        if (segments.n_items == 0)
                return complain(reterr_message, -EBADMSG, "no segment of it describes memory");

        vmcore_notes_scan(vmcore);
        deltas_find(vmcore, &segments);

        items = calloc(segments.n_items, sizeof(*items));
        if (!items)
                return -ENOMEM;
        n_direct = segments_split(vmcore, &segments, items);
        return vmcore_runs_build(vmcore, items, n_direct, items + n_direct,
                                 segments.n_items - n_direct);
}
