/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real x86_64 machine: I/O ports, time, reset, and what entry.S calls. Part of the blob only.
 */
#include "machine.h"

#include "purgatory.h"

#define MSR_EFER 0xc0000080U /* arch/x86/include/asm/msr-index.h */

/* No identity map has it: they are made of the RAM below, and no address of RAM is so high.
 * Canonical with 4 levels of page tables and with 5. */
#define UNMAPPED_PADDR (UINT64_C(1) << 45)

/* More than purgatory_exception() itself bears: whoever comes this far has no code to count with.
 */
#define EXCEPTIONS_MAX 32U

/* What an exception or an NMI needs to find, so it is nobody's argument. */
static struct {
        Purgatory purgatory;
        Machine machine;
        uint32_t exceptions;
} blob;

/* The loader fills in the rest of it before it loads the blob: never const. */
__attribute__((section(".header"), used)) PurgatoryHeader machine_header = {
        .entry = { 0xeb, sizeof(PurgatoryHeader) - 2, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90 },
        .magic = PURGATORY_HEADER_MAGIC,
        .version = PURGATORY_VERSION,
};

/* Compilers may call these two for a copy or a zero of a structure, also without a library. */
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);

void *memcpy(void *to, const void *from, size_t n)
{
        void *at = to;

        __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
        return to;
}

void *memset(void *to, int value, size_t n)
{
        void *at = to;

        __asm__ volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(value) : "memory");
        return to;
}

static void *x86_memory(Machine *machine, uint64_t paddr, uint64_t bytes)
{
        return (void *) (uintptr_t) paddr;
}

static uint8_t x86_in8(Machine *machine, uint16_t port)
{
        uint8_t value;

        __asm__ volatile("inb %1, %0" : "=a"(value) : "d"(port) : "memory");
        return value;
}

static void x86_out8(Machine *machine, uint16_t port, uint8_t value)
{
        __asm__ volatile("outb %0, %1" : : "a"(value), "d"(port) : "memory");
}

static uint64_t x86_tsc(Machine *machine)
{
        uint32_t low, high;

        __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
        return (uint64_t) high << 32 | low;
}

static void x86_provoke(Machine *machine, PurgatoryProvoke what)
{
        if (what == PURGATORY_PROVOKE_UD)
                __asm__ volatile("ud2");
        else if (what == PURGATORY_PROVOKE_PF)
                (void) *(volatile const uint64_t *) UNMAPPED_PADDR;
}

static void x86_triple_fault(Machine *machine)
{
        machine_triple_fault();
}

static void x86_jump(Machine *machine, uint64_t entry, uint64_t boot_params)
{
        machine_jump(entry, boot_params);
}

/* An NMI ends a halt. */
static void x86_halt(Machine *machine)
{
        for (;;)
                __asm__ volatile("cli; hlt" : : : "memory");
}

static uint64_t read_efer(void)
{
        uint32_t low, high;

        __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_EFER));
        return (uint64_t) high << 32 | low;
}

void machine_run(const uint16_t *gdt, const uint16_t *idt)
{
        MachineEntry found = {
                .gdt_limit = *gdt,
                .idt_limit = *idt,
        };

        __asm__ volatile("movq %%cr0, %0" : "=r"(found.cr0));
        __asm__ volatile("movq %%cr3, %0" : "=r"(found.cr3));
        __asm__ volatile("movq %%cr4, %0" : "=r"(found.cr4));
        found.efer = read_efer();

        /* One by one: a table of them would hold addresses, which need relocations. */
        blob.machine.memory = x86_memory;
        blob.machine.in8 = x86_in8;
        blob.machine.out8 = x86_out8;
        blob.machine.tsc = x86_tsc;
        blob.machine.provoke = x86_provoke;
        blob.machine.triple_fault = x86_triple_fault;
        blob.machine.jump = x86_jump;
        blob.machine.halt = x86_halt;
        purgatory_run(&blob.purgatory, &blob.machine, &machine_header, &found);
}

void machine_exception(uint64_t vector, uint64_t error, uint64_t rip, uint64_t cr2)
{
        blob.exceptions++;
        if (blob.exceptions > EXCEPTIONS_MAX || !blob.purgatory.status)
                return;
        purgatory_exception(&blob.purgatory, vector, error, rip, cr2);
}

void machine_nmi(void)
{
        if (blob.purgatory.status)
                purgatory_nmi(&blob.purgatory);
}
