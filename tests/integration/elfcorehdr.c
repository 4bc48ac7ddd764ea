/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* elfcorehdr: looks for ELF core headers at the pages of the memory that is reserved for the crash kernel, through /proc/kcore,
 * and prints "header PADDR", then "note PADDR BYTES" and "load PADDR BYTES VADDR" for each of its entries, all in hex. */
#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE_BYTES 4096
#define CHUNK_BYTES (1 << 20)
#define SEGMENTS_MAX 4096

static Elf64_Phdr segments[SEGMENTS_MAX]; /* of /proc/kcore */
static size_t n_segments;

static int read_segments(int fd)
{
        Elf64_Ehdr header;
        size_t size;

        if (pread(fd, &header, sizeof(header), 0) != sizeof(header) || header.e_phnum > SEGMENTS_MAX)
                return -1;
        n_segments = header.e_phnum;
        size = n_segments * sizeof(segments[0]);
        return pread(fd, segments, size, (off_t) header.e_phoff) == (ssize_t) size ? 0 : -1;
}

/* Where a physical address is in the direct map, as the file has it; -1 if nowhere. */
static off_t offset_of(uint64_t paddr)
{
        for (size_t i = 0; i < n_segments; i++) {
                const Elf64_Phdr *s = segments + i;

                /* What is no memory has -1 there (fs/proc/kcore.c, read_kcore()). */
                if (s->p_type == PT_LOAD && s->p_paddr != UINT64_MAX && paddr >= s->p_paddr &&
                    paddr - s->p_paddr < s->p_memsz)
                        return (off_t) (s->p_offset + (paddr - s->p_paddr));
        }
        return -1;
}

static void print_header(int fd, uint64_t paddr, const Elf64_Ehdr *header)
{
        printf("header %" PRIx64 "\n", paddr);
        for (size_t i = 0; i < header->e_phnum; i++) {
                uint64_t at = paddr + header->e_phoff + i * sizeof(Elf64_Phdr);
                Elf64_Phdr entry;

                if (pread(fd, &entry, sizeof(entry), offset_of(at)) != sizeof(entry))
                        return;
                if (entry.p_type == PT_NOTE)
                        printf("note %" PRIx64 " %" PRIx64 "\n", entry.p_paddr, entry.p_memsz);
                else if (entry.p_type == PT_LOAD)
                        printf("load %" PRIx64 " %" PRIx64 " %" PRIx64 "\n", entry.p_paddr, entry.p_memsz,
                               entry.p_vaddr);
        }
}

static void scan(int fd, uint64_t first, uint64_t last)
{
        static char chunk[CHUNK_BYTES];

        for (uint64_t paddr = first; paddr < last; paddr += CHUNK_BYTES) {
                ssize_t n = pread(fd, chunk, sizeof(chunk), offset_of(paddr));

                for (ssize_t i = 0; i + PAGE_BYTES <= n && paddr + (uint64_t) i < last; i += PAGE_BYTES) {
                        const Elf64_Ehdr *header = (const Elf64_Ehdr *) (chunk + i);

                        if (memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 && header->e_type == ET_CORE &&
                            header->e_phentsize == sizeof(Elf64_Phdr))
                                print_header(fd, paddr + (uint64_t) i, header);
                }
        }
}

int main(void)
{
        int fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
        FILE *iomem = fopen("/proc/iomem", "re");
        char line[256];

        if (fd < 0 || !iomem || read_segments(fd) < 0) {
                perror("elfcorehdr");
                return 1;
        }
        while (fgets(line, sizeof(line), iomem)) {
                uint64_t first, last;

                if (strstr(line, " : Crash kernel") && sscanf(line, " %" SCNx64 "-%" SCNx64, &first, &last) == 2)
                        scan(fd, first, last);
        }
        return 0;
}
