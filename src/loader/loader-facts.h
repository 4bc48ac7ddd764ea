/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LoaderFacts: all that the running kernel says and the loader needs to know, read once before a
 * load. All below a root folder, so that a recorded machine is as good as a real one. */
#pragma once

#include "range-list.h"

#define LOADER_BOOT_PARAMS_BYTES 4096

/* Numbers of the e820 table (arch/x86/include/asm/e820/types.h). */
typedef enum MemoryKind {
        MEMORY_RAM = 1,
        MEMORY_RESERVED = 2,
        MEMORY_ACPI = 3,
        MEMORY_NVS = 4,
        MEMORY_PMEM = 7,
        MEMORY_PRAM = 12,
} MemoryKind;

typedef struct MemoryRange {
        Range range;
        MemoryKind kind;
} MemoryRange;

/* A note that a CPU, or the kernel, leaves for the crash kernel. */
typedef struct LoaderNote {
        uint64_t paddr, bytes;
} LoaderNote;

/* efi_memory_desc_t (include/linux/efi.h). */
typedef struct LoaderEfiRange {
        uint32_t type;
        uint64_t paddr, vaddr, pages, attribute;
} LoaderEfiRange;

/* All zero: the machine was not started by EFI of 64 bits, or does not show what is needed. */
typedef struct LoaderEfi {
        LoaderEfiRange *ranges;
        size_t n_ranges;
        uint64_t fw_vendor, runtime, config_table, smbios; /* physical addresses */
} LoaderEfi;

typedef struct LoaderFacts {
        /* /proc/iomem */
        RangeList ram;    /* "System RAM" of all kinds, at any depth */
        MemoryRange *map; /* what e820 knows that is not RAM, sorted */
        size_t n_map;
        Range crash;         /* the area, the higher one if there are two */
        Range crash_low;     /* the lower one; empty if there is none */
        RangeList crash_cma; /* more memory that the crash kernel may use, since v6.17 */
        RangeList gart;      /* holes in RAM that must not be read */
        Range kernel;        /* from "Kernel code" to _end, behind "Kernel bss" */

        /* /proc/kcore */
        uint64_t page_offset;  /* virtual address of physical 0 */
        uint64_t kernel_vaddr; /* of kernel.start */

        /* /sys/devices/system/cpu, /sys/kernel/vmcoreinfo */
        LoaderNote *cpu_notes; /* in the order of the CPUs' numbers; those that are present */
        size_t n_cpu_notes;
        LoaderNote vmcoreinfo;

        /* /sys/kernel/boot_params/data */
        uint8_t boot_params[LOADER_BOOT_PARAMS_BYTES];
        uint64_t acpi_rsdp;        /* 0: not known, the crash kernel has no ACPI */
        bool firmware_framebuffer; /* the screen is still as boot_params describes it */
        LoaderEfi efi;

        uint64_t mem_total_bytes; /* /proc/meminfo; all pages the kernel has */
        uint64_t max_paddr;       /* end of the highest RAM */
        bool la57;                /* five levels of page tables are in use */
        bool gb_pages;            /* the CPU has pages of 1 GiB, and the kernel uses them */
        uint32_t tsc_khz;         /* about; 0: not known */
        uint16_t serial_port;     /* of a console that is a port UART; 0: there is none */
        uint16_t fadt_reset_port; /* 0: none, or not a port */
        uint8_t fadt_reset_value;

        uint64_t elfcorehdr_room_bytes; /* what the kernel wants to rewrite headers; 0: it cannot */
        uint8_t boot_id[16];

        /* Why kexec_load(2) is not for this machine. */
        bool lockdown;        /* integrity, or more */
        bool encrypted_guest; /* SEV-ES, SEV-SNP or TDX */
        bool encrypted_host;  /* SME is active: /proc/kcore shows other bytes than were loaded */
        bool xen;
        bool load_disabled; /* kernel.kexec_load_disabled */
        int64_t load_limit; /* kernel.kexec_load_limit_panic; -1: none */
} LoaderFacts;

void loader_facts_done(LoaderFacts *facts);

/* Reads all of it below @root_fd. Takes no lock that a load or a crash could be kept waiting by.
 * Returns 0; -ENODATA if no memory is reserved, -EACCES if the kernel hides addresses from us,
 * -EOPNOTSUPP if something is missing without which no image can be made, or for what hides them
 * and refuses segments, too (loader_facts_refusal()); -EBADMSG for what makes
 * no sense; *reterr_message (the caller frees it) says what. Does not log. */
int loader_facts_read(int root_fd, LoaderFacts *ret, char **reterr_message);

/* The same, until two in a row agree upon memory and CPUs: /proc/iomem is read in pieces, and while
 * they come and go it may be senseless, or well-formed and wrong. Returns also -EBUSY: they never
 * agree. */
int loader_facts_read_stable(int root_fd, LoaderFacts *ret, char **reterr_message);

/* Whether @error is one that passes, and says nothing of the machine: a lack of memory or of file
 * descriptors, no two that agree. Pure. */
bool loader_facts_error_passes(int error);

/* Why kexec_load(2) with an image of ours is no way on this machine, in words that fit behind
 * "because "; NULL: it is one. Pure. */
const char *loader_facts_refusal(const LoaderFacts *facts);
