/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what ELF headers of a core must look like: as crash_prepare_elf64_headers() of
 * kernel/crash_core.c (v6.12) makes them. */
#include "elf-headers.h"

/* System V ABI, "Object Files" and "Program Loading": offsets and values for 64 bits */
#define EHDR_BYTES 64U
#define EHDR_TYPE 16
#define EHDR_MACHINE 18
#define EHDR_VERSION 20
#define EHDR_PHOFF 32
#define EHDR_EHSIZE 52
#define EHDR_PHENTSIZE 54
#define EHDR_PHNUM 56
#define TYPE_CORE 4
#define MACHINE_X86_64 62
#define VERSION_CURRENT 1
#define PHNUM_OTHERWISE 0xffff /* the number is elsewhere */

#define PHDR_BYTES 56U
#define PHDR_TYPE 0
#define PHDR_OFFSET 8
#define PHDR_PADDR 24
#define PHDR_FILESZ 32
#define PHDR_MEMSZ 40
#define TYPE_LOAD 1
#define TYPE_NOTE 4

/* Notes of a CPU have some hundred bytes, VMCOREINFO has a page or a few. */
#define NOTE_BYTES_MAX (UINT64_C(1) << 20)

static uint64_t get(const uint8_t *at, unsigned bytes)
{
        uint64_t value = 0;

        for (unsigned i = 0; i < bytes; i++)
                value |= (uint64_t) at[i] << 8 * i;
        return value;
}

/* Is [@start, @start + @bytes) part of the memory? */
static bool is_within(uint64_t start, uint64_t bytes, uint64_t ram_start, uint64_t ram_end)
{
        return start >= ram_start && start <= ram_end && bytes <= ram_end - start;
}

static bool ident_makes_sense(const uint8_t *headers)
{
        return headers[0] == 0x7f && headers[1] == 'E' && headers[2] == 'L' && headers[3] == 'F' &&
               headers[4] == 2 /* 64 bits */ && headers[5] == 1 /* little endian */ &&
               headers[6] == VERSION_CURRENT;
}

static bool phdr_makes_sense(const uint8_t *phdr, uint64_t ram_start, uint64_t ram_end)
{
        uint64_t type = get(phdr + PHDR_TYPE, 4);
        uint64_t file_bytes = get(phdr + PHDR_FILESZ, 8);
        uint64_t memory_bytes = get(phdr + PHDR_MEMSZ, 8);

        if (type != TYPE_LOAD && type != TYPE_NOTE)
                return false;
        if (memory_bytes == 0 || file_bytes > memory_bytes)
                return false;
        if (type == TYPE_NOTE && memory_bytes > NOTE_BYTES_MAX)
                return false;
        /* The offset is what /proc/vmcore reads, the address is what it is said to be. A note's
         * address is of no use to anyone. */
        return is_within(get(phdr + PHDR_OFFSET, 8), memory_bytes, ram_start, ram_end) &&
               (type == TYPE_NOTE ||
                is_within(get(phdr + PHDR_PADDR, 8), memory_bytes, ram_start, ram_end));
}

bool elf_headers_make_sense(const uint8_t *headers, uint64_t max_bytes, uint64_t ram_start,
                            uint64_t ram_end)
{
        uint64_t phoff, phnum, n_loads = 0;

        if (max_bytes < EHDR_BYTES || !ident_makes_sense(headers))
                return false;
        if (get(headers + EHDR_TYPE, 2) != TYPE_CORE ||
            get(headers + EHDR_MACHINE, 2) != MACHINE_X86_64 ||
            get(headers + EHDR_VERSION, 4) != VERSION_CURRENT ||
            get(headers + EHDR_EHSIZE, 2) != EHDR_BYTES ||
            get(headers + EHDR_PHENTSIZE, 2) != PHDR_BYTES)
                return false;

        phoff = get(headers + EHDR_PHOFF, 8);
        phnum = get(headers + EHDR_PHNUM, 2);
        if (phoff < EHDR_BYTES || phoff > max_bytes || phnum == PHNUM_OTHERWISE ||
            phnum * PHDR_BYTES > max_bytes - phoff)
                return false;

        for (uint64_t i = 0; i < phnum; i++) {
                const uint8_t *phdr = headers + phoff + i * PHDR_BYTES;

                if (!phdr_makes_sense(phdr, ram_start, ram_end))
                        return false;
                n_loads += get(phdr + PHDR_TYPE, 4) == TYPE_LOAD;
        }
        return n_loads > 0 && n_loads < phnum;
}
