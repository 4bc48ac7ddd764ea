/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A CPU in ring 0 for the blob's tests: a process runs the blob, and what it may not do in ring 3
 * is done for it. Memory is that of the test: its shared mappings are where the blob finds them. */
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include "macro.h"

#define CPU_OUTS_MAX 4096U

/* As the control registers are found. */
#define CPU_CR0 UINT64_C(0x80000033)
#define CPU_CR3 UINT64_C(0x12345000)
#define CPU_CR4 UINT64_C(0x20)
#define CPU_EFER UINT64_C(0xd01)

#define CPU_TSC_STEP 1000000U /* by so much the time goes on with each look at it */

typedef enum CpuEnd {
        CPU_END_NONE = 0,
        CPU_END_HALT = 1,         /* an HLT, at regs.rip */
        CPU_END_TRIPLE_FAULT = 2, /* an exception that no gate serves */
        CPU_END_LOST = 3,         /* does what no CPU would do, or nothing any more: see @why */
} CpuEnd;

typedef struct CpuOut {
        uint16_t port;
        uint8_t value;
} CpuOut;

typedef struct CpuTable {
        uint64_t paddr;
        uint16_t limit;
        bool loaded;
} CpuTable;

typedef struct Cpu {
        /* Set by the test: before this access to a port (counted from 1) an NMI comes; 0: none. */
        unsigned nmi_at;
        /* The same: what an instruction has in a register whose general protection fault comes of
         * that, and not of a privilege that it wants; 0: none. Such addresses are not canonical. */
        uint64_t wild;

        pid_t pid;
        struct user_regs_struct regs;
        uint16_t cs, ds, es, ss;
        CpuTable gdt, idt;
        uint64_t cr2, tsc;
        bool interrupts_off;
        unsigned n_ports; /* accesses so far, to any port */
        size_t n_outs;    /* of these are in outs[]; no more than CPU_OUTS_MAX */
        CpuOut outs[CPU_OUTS_MAX];
        CpuEnd end;
        const char *why;
} Cpu;

/* Runs what is at @entry until it ends, with nothing in the registers to rely on. What is in memory
 * then is for the test to look at. */
void cpu_run(Cpu *cpu, uint64_t entry);
