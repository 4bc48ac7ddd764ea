/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the purgatory needs of the machine that it runs on: the real one, or a made-up one that a
 * test has. Freestanding: includes nothing but the ABI. */
#pragma once

#include <stdbool.h>

#include "purgatory-block.h"

typedef struct Machine Machine;

struct Machine {
        void *context; /* the test's */

        /* @bytes of memory at @paddr, for reading and writing. NULL if that is no memory: only a
         * made-up machine can tell. */
        void *(*memory)(Machine *machine, uint64_t paddr, uint64_t bytes);
        uint8_t (*in8)(Machine *machine, uint16_t port);
        void (*out8)(Machine *machine, uint16_t port, uint8_t value);
        uint64_t (*tsc)(Machine *machine);

        /* Raises the exception that a test asks for. */
        void (*provoke)(Machine *machine, PurgatoryProvoke what);

        /* Neither returns on a real machine. */
        void (*triple_fault)(Machine *machine);
        void (*jump)(Machine *machine, uint64_t entry, uint64_t boot_params);

        /* For ever, with interrupts off; does not return on a real machine. */
        void (*halt)(Machine *machine);
};

/* What a real machine was like when the blob was entered. */
typedef struct MachineEntry {
        uint64_t cr0, cr3, cr4, efer;
        uint16_t gdt_limit, idt_limit;
} MachineEntry;

/* Between entry.S and machine-x86.c. Where these return, entry.S makes a triple fault. */
void machine_run(const uint16_t *gdt, const uint16_t *idt); /* as SGDT and SIDT stored them */
void machine_exception(uint64_t vector, uint64_t error, uint64_t rip, uint64_t cr2);
void machine_nmi(void);
__attribute__((noreturn)) void machine_jump(uint64_t entry, uint64_t boot_params);
__attribute__((noreturn)) void machine_triple_fault(void);

/* The first bytes of the blob. */
extern PurgatoryHeader machine_header;
