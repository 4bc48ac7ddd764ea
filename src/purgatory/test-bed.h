/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A made-up machine for the purgatory: memory that is an array, ports that are written down, and
 * something loaded that the test lays out, seals and then damages. */
#pragma once

#include <setjmp.h>

#include "macro.h"
#include "purgatory.h"

#define BED_PADDR UINT64_C(0x10000000)   /* of the first byte of memory */
#define BED_RAM_START UINT64_C(0x100000) /* what ELF headers may name */
#define BED_RAM_END UINT64_C(0x80000000) /* partly outside of our array: nobody reads it */
#define BED_BLOB_BYTES 4096U
#define BED_SERIAL_PORT 0x3f8
#define BED_FADT_PORT 0x1234
#define BED_FADT_VALUE 0x5a
#define BED_LIVE_ELF_BYTES 4096U
#define BED_WRITES_MAX 1024U

typedef enum BedEnd {
        BED_NOT_ENDED, /* it has returned, or asked for memory after an exception */
        BED_JUMPED,
        BED_RESET, /* by a port */
        BED_TRIPLE_FAULT,
        BED_HALTED,
        BED_HUNG,
} BedEnd;

typedef struct BedWrite {
        uint16_t port;
        uint8_t value;
} BedWrite;

typedef struct Bed {
        Machine machine;
        Purgatory purgatory;
        uint8_t *memory; /* has exactly its size, so that ASan sees what is read behind it */
        uint8_t *sealed; /* as it was before any damage */
        uint64_t bytes, taken_bytes;

        /* Copies of the test's, put into memory by bed_seal() and bed_seal_block() */
        PurgatoryHeader header;
        PurgatoryBlock block;
        uint64_t header_paddr;

        /* What the machine is like */
        uint8_t bios_word[2];
        bool without_bios_word;
        uint64_t tsc, tsc_step;
        bool serial_is_busy, kbd_is_busy;
        PurgatoryReset works; /* the one method that does reset it */
        bool triple_fault_does_nothing;
        uint64_t nmi_at_call;             /* of any port or the TSC; 0: none comes */
        uint64_t nmi_in_stage;            /* PurgatoryStage; once it waits there; 0: none comes */
        void (*at_nmi)(struct Bed *bed);  /* what happens meanwhile */
        bool wild_faults;                 /* asking for what is no memory raises an exception */
        uint64_t fault_paddr;             /* asking for this raises an exception; 0: none does */
        unsigned fault_skip;              /* so many times it does not */
        uint16_t fault_port;              /* writing to it does */
        void (*at_jump)(struct Bed *bed); /* what the target does before it fails; once */

        /* What has happened */
        BedEnd end;
        uint64_t entry, boot_params;
        char serial[1024];
        size_t n_serial;
        BedWrite writes[BED_WRITES_MAX]; /* but for the serial port */
        size_t n_writes;
        uint64_t n_calls;
        uint64_t n_line_status_reads;
        unsigned n_exceptions;
        bool bad_access; /* memory was asked for in a way that no machine could give */
        jmp_buf done;
} Bed;

/* @bytes of memory, a header, a status and room for two blocks; nothing else. */
void bed_init(Bed *bed, uint64_t bytes);
void bed_done(Bed *bed);
#define _cleanup_bed_ _cleanup_(bed_done)

/* A number that depends only on the ones before; *seed must not be 0. */
uint64_t bed_random(uint64_t *seed);
void bed_fill(Bed *bed, uint64_t paddr, uint64_t bytes, uint64_t seed);

/* So much of memory that nobody has had; where it is. */
uint64_t bed_take(Bed *bed, uint64_t bytes);

/* An extent with some content; returns its number. */
unsigned bed_add(Bed *bed, uint64_t bytes, uint32_t targets, bool mirrored);

/* ELF headers that the kernel may rewrite, which make sense; for both targets. */
unsigned bed_add_live_elf(Bed *bed, bool mirrored);

/* Kernel (0, both targets), initramfs (1) and boot_params (2) of target 0, those of target 1 (3 and
 * 4), all mirrored, and a command line (5, both targets) that is not; ready to run. */
void bed_init_usual(Bed *bed);

/* Makes leaves, both blocks and the header of what there is, and keeps a copy of it all. */
void bed_seal(Bed *bed);

/* The same for a change of the block (or the header) alone: with a digest that fits. */
void bed_seal_block(Bed *bed);

uint8_t *bed_at(Bed *bed, uint64_t paddr);

/* As it is in memory. */
PurgatoryHeader *bed_header(Bed *bed);
void bed_flip(Bed *bed, uint64_t paddr, unsigned bit);

static inline PurgatoryStatus *bed_status(Bed *bed)
{
        return bed->purgatory.status;
}

/* Until it ends in whatever way. */
void bed_run(Bed *bed);

/* Is all that @target needs as it was sealed? Live headers are left out. */
bool bed_is_intact(const Bed *bed, unsigned target);
