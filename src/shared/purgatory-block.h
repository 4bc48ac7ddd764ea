/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the loader writes for the purgatory to read, and what the purgatory leaves for the crash
 * kernel. Fixed layouts, little endian; all addresses are physical, all sizes in bytes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PURGATORY_VERSION 1U
#define PURGATORY_DIGEST_BYTES 32U

/* What one leaf is the SHA-256 of; the last one of an extent may be shorter. */
#define PURGATORY_CHUNK_BYTES 65536U

#define PURGATORY_EXTENTS_MAX 32U
#define PURGATORY_TARGETS_MAX 2U /* 0: the crash kernel; 1: the fallback */
#define PURGATORY_RESETS_MAX 8U
#define PURGATORY_COPIES 2U

/* struct setup_data of our own: a type that no kernel knows is skipped, but shown in
 * /sys/kernel/boot_params/setup_data (arch/x86/kernel/ksysfs.c). Its payload is PurgatoryStatus. */
#define PURGATORY_SETUP_DATA_TYPE 0x6b640001U

#define PURGATORY_HEADER_MAGIC UINT64_C(0x646867727570646b) /* "kdpurghd" */
#define PURGATORY_BLOCK_MAGIC UINT64_C(0x6b636f6c6270646b)  /* "kdpblock" */
#define PURGATORY_STATUS_MAGIC UINT64_C(0x657461747370646b) /* "kdpstate" */

/* One way to reset the machine each; 0 ends the plan. */
typedef enum PurgatoryReset {
        PURGATORY_RESET_END = 0,
        PURGATORY_RESET_FADT = 1,   /* the register that ACPI names, if it is a port */
        PURGATORY_RESET_CF9 = 2,    /* reset control of the chipset */
        PURGATORY_RESET_KBD = 3,    /* 0xfe to the keyboard controller, port 0x64 */
        PURGATORY_RESET_PORT92 = 4, /* fast reset, bit 0 */
        PURGATORY_RESET_TRIPLE = 5, /* triple fault */
} PurgatoryReset;

/* The first bytes of the blob. What is above the line is the blob's own, what is below is written
 * by the loader before it loads the blob, and is used where no block can be trusted. It has no
 * mirror: if the digest does not fit, each address is tried for what it is worth. */
typedef struct PurgatoryHeader {
        uint8_t entry[8]; /* a jump behind this header */
        uint64_t magic;
        uint32_t version;
        uint32_t bytes; /* of the whole blob with its stack; all of it is loaded */
        /* ---- */
        uint64_t block_paddr[PURGATORY_COPIES];
        uint64_t status_paddr; /* of PurgatoryStatus; 0: none */
        uint32_t block_bytes;  /* sizeof(PurgatoryBlock) of the loader */
        uint16_t serial_port;  /* 0: none */
        uint16_t reserved0;
        uint8_t resets[PURGATORY_RESETS_MAX];   /* PurgatoryReset, in turn */
        uint8_t digest[PURGATORY_DIGEST_BYTES]; /* of all that is before it */
} PurgatoryHeader;

/* One range of the crash area that a target needs. */
typedef struct PurgatoryExtent {
        uint64_t paddr;
        uint64_t bytes;
        uint64_t mirror_paddr; /* of a second copy; 0: there is none */
        uint32_t targets;      /* bit i: target i needs it */
        uint32_t first_leaf;   /* index into the leaf table of its first chunk's */
        uint32_t flags;        /* PURGATORY_EXTENT_* */
        uint32_t role;         /* for people: ExtentRole of the loader */
} PurgatoryExtent;

/* ELF headers that the kernel itself rewrites when memory or CPUs come or go: they are checked for
 * sense only. If they make none, they are repaired to what they were at the load, which is what
 * `bytes` and the leaves are of, from the mirror. That begins PURGATORY_ELF_COPY_OFFSET bytes
 * behind mirror_paddr, so that the kernel does not take it for them. */
#define PURGATORY_EXTENT_LIVE_ELF 0x1U
#define PURGATORY_ELF_COPY_OFFSET 64U

typedef struct PurgatoryTarget {
        uint64_t entry; /* of the kernel, 64 bit; 0: no such target */
        uint64_t boot_params;
} PurgatoryTarget;

/* For tests, which set these in the memory of a virtual machine. */
typedef enum PurgatoryStage {
        PURGATORY_STAGE_NONE = 0,
        PURGATORY_STAGE_ENTRY = 1,  /* before a block was read */
        PURGATORY_STAGE_BLOCK = 2,  /* the block is trusted, nothing else was looked at */
        PURGATORY_STAGE_CHECK = 3,  /* in the middle of the chunks of a target */
        PURGATORY_STAGE_REPAIR = 4, /* about to copy a chunk */
        PURGATORY_STAGE_JUMP = 5,   /* all is well, about to leave */
        PURGATORY_STAGE_RESET = 6,  /* nothing can be started */
} PurgatoryStage;

typedef enum PurgatoryProvoke {
        PURGATORY_PROVOKE_NOTHING = 0,
        PURGATORY_PROVOKE_UD = 1,       /* an undefined instruction, while on target 0 */
        PURGATORY_PROVOKE_PF = 2,       /* a read where nothing is mapped, while on target 0 */
        PURGATORY_PROVOKE_NMI_WAIT = 3, /* wait until an NMI came, for some seconds */
} PurgatoryProvoke;

typedef struct PurgatoryBlock {
        uint64_t magic;
        uint32_t version;
        uint32_t bytes; /* sizeof(PurgatoryBlock) */
        uint32_t flags; /* 0 so far */
        uint32_t n_extents;
        uint32_t n_leaves;
        uint32_t tsc_khz; /* 0: unknown; only waits depend on it */
        uint64_t leaves_paddr[PURGATORY_COPIES];
        uint8_t leaves_digest[PURGATORY_DIGEST_BYTES]; /* of all n_leaves * 32 bytes */
        uint64_t ram_start, ram_end;                   /* live ELF headers name nothing outside */
        uint32_t live_elf_max_bytes;                   /* room of the live headers */
        uint16_t serial_port;                          /* 0: none */
        uint8_t fadt_value;
        uint8_t reserved0;
        uint16_t fadt_port; /* 0: none */
        uint8_t reserved1[2];
        uint8_t resets[PURGATORY_RESETS_MAX];
        uint32_t provoke_stage, provoke_action; /* PurgatoryStage, PurgatoryProvoke */
        uint32_t reserved2;
        PurgatoryTarget targets[PURGATORY_TARGETS_MAX];
        PurgatoryExtent extents[PURGATORY_EXTENTS_MAX];
        uint64_t reserved3[8];
        uint8_t digest[PURGATORY_DIGEST_BYTES]; /* of all that is before it */
} PurgatoryBlock;

/* What became of an extent. */
typedef enum PurgatoryResult {
        PURGATORY_RESULT_UNKNOWN = 0, /* was not looked at */
        PURGATORY_RESULT_GOOD = 1,
        PURGATORY_RESULT_REPAIRED = 2,
        PURGATORY_RESULT_LOST = 3,
} PurgatoryResult;

typedef struct PurgatoryException {
        uint64_t vector, error, rip, cr2;
        uint32_t target; /* that was worked on */
        uint32_t stage;
} PurgatoryException;

/* Written while it happens. The part above the line is filled in by the loader. */
typedef struct PurgatoryStatus {
        uint64_t magic;
        uint32_t version;
        uint32_t bytes; /* sizeof(PurgatoryStatus) */
        uint8_t boot_id[16];
        uint64_t generation;
        uint64_t armed_realtime_usec;
        /* ---- */
        uint32_t stage;           /* the last one entered */
        uint32_t started;         /* 1 + the target that was jumped to; 0: none */
        uint32_t block_copy;      /* 1 + the copy of the block that was used; 0: none was good */
        uint32_t leaves_copy;     /* the same of the leaf table */
        uint32_t chunks_checked;  /* of all targets */
        uint32_t chunks_repaired; /* bad, and then made good from the mirror */
        uint32_t chunks_lost;     /* bad in both copies, or without a mirror */
        uint32_t exceptions;
        uint32_t nmis;
        uint32_t resets; /* so many methods were tried */
        PurgatoryException first_exception;
        uint64_t tsc_entry, tsc_leave;
        uint64_t cr0, cr3, cr4, efer;  /* as found */
        uint16_t gdt_limit, idt_limit; /* as found */
        uint32_t reserved0;
        uint8_t results[PURGATORY_EXTENTS_MAX]; /* PurgatoryResult of each extent */
        uint64_t reserved1[37];
} PurgatoryStatus;

_Static_assert(sizeof(PurgatoryHeader) == 96, "the blob's entry jumps that far");
_Static_assert(offsetof(PurgatoryHeader, block_paddr) == 24, "known to the blob");
_Static_assert(offsetof(PurgatoryHeader, digest) == 64, "no padding");
_Static_assert(sizeof(PurgatoryExtent) == 40, "fixed layout");
_Static_assert(offsetof(PurgatoryBlock, leaves_paddr) == 32, "fixed layout");
_Static_assert(offsetof(PurgatoryBlock, targets) == 128, "fixed layout");
_Static_assert(offsetof(PurgatoryBlock, extents) == 160, "fixed layout");
_Static_assert(sizeof(PurgatoryBlock) == 160 + 32 * 40 + 64 + 32, "no padding");
_Static_assert(sizeof(PurgatoryException) == 40, "fixed layout");
_Static_assert(sizeof(PurgatoryStatus) == 512, "fixed layout");
