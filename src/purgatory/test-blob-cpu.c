/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the CPU of the blob's tests: a traced process, its faults, and what is made of them. */
#include "test-blob-cpu.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "test.h"

#define CODE 0x10U
#define GATE_BYTES 16U
#define INSN_BYTES 16U /* the longest has 15 */
#define MSR_EFER 0xc0000080U
#define FLAG_DIRECTION 0x400U
#define STOPS_MAX 4000000U

/* A present 64-bit code segment that may be read, and a present data segment that may be written */
#define CODE_MASK UINT64_C(0x0060da0000000000)
#define CODE_VALUE UINT64_C(0x00209a0000000000)
#define DATA_MASK UINT64_C(0x00009a0000000000)
#define DATA_VALUE UINT64_C(0x0000920000000000)

/* Intel SDM volume 3, 6.15: those that push an error code */
#define WITH_ERROR (1U << 8 | 0x1fU << 10 | 1U << 17 | 1U << 21 | 1U << 29 | 1U << 30)

typedef struct Insn {
        uint8_t bytes[INSN_BYTES];
        size_t prefix_bytes;
        uint8_t rex;
        const uint8_t *op; /* behind the prefix */
} Insn;

static void cpu_lost(Cpu *cpu, const char *why)
{
        cpu->end = CPU_END_LOST;
        cpu->why = why;
}

static uint64_t cpu_peek(Cpu *cpu, uint64_t paddr)
{
        long word;

        errno = 0;
        word = ptrace(PTRACE_PEEKDATA, cpu->pid, paddr, NULL);
        if (errno != 0)
                cpu_lost(cpu, "reads where no memory is");
        return (uint64_t) word;
}

static void cpu_push(Cpu *cpu, uint64_t word)
{
        cpu->regs.rsp -= sizeof(word);
        if (ptrace(PTRACE_POKEDATA, cpu->pid, cpu->regs.rsp, word) < 0)
                cpu_lost(cpu, "the stack is no memory");
}

static uint64_t cpu_pop(Cpu *cpu)
{
        uint64_t word = cpu_peek(cpu, cpu->regs.rsp);

        cpu->regs.rsp += sizeof(word);
        return word;
}

static bool cpu_has_segment(Cpu *cpu, uint64_t selector, uint64_t mask, uint64_t value)
{
        return cpu->gdt.loaded && (selector & 7) == 0 && selector != 0 &&
               selector + 7 <= cpu->gdt.limit &&
               (cpu_peek(cpu, cpu->gdt.paddr + selector) & mask) == value;
}

/* What the CPU does between an exception and the first instruction of its handler; the selectors on
 * the stack are those of ring 3, for the IRETQ there. */
static void cpu_interrupt(Cpu *cpu, unsigned vector)
{
        uint64_t gate, selector, rsp = cpu->regs.rsp, low, high;

        if (!cpu->idt.loaded || vector * GATE_BYTES + GATE_BYTES - 1 > cpu->idt.limit) {
                cpu->end = CPU_END_TRIPLE_FAULT;
                return;
        }
        gate = cpu->idt.paddr + vector * GATE_BYTES;
        low = cpu_peek(cpu, gate);
        high = cpu_peek(cpu, gate + 8);
        selector = low >> 16 & 0xffff;
        if (selector != CODE || !cpu_has_segment(cpu, selector, CODE_MASK, CODE_VALUE))
                return cpu_lost(cpu, "the gate's segment is none");
        if ((low >> 32 & 0xffff) != 0x8e00 || high >> 32 != 0)
                return cpu_lost(cpu, "this is no interrupt gate");

        cpu->regs.rsp &= ~UINT64_C(15);
        cpu_push(cpu, cpu->regs.ss);
        cpu_push(cpu, rsp);
        cpu_push(cpu, cpu->regs.eflags);
        cpu_push(cpu, cpu->regs.cs);
        cpu_push(cpu, cpu->regs.rip);
        if (WITH_ERROR >> vector & 1)
                cpu_push(cpu, 0);
        cpu->regs.rip = (low & 0xffff) | (low >> 48) << 16 | high << 32;
}

static uint64_t *cpu_register(Cpu *cpu, unsigned number)
{
        struct user_regs_struct *regs = &cpu->regs;
        typeof(&regs->rax) all[] = {
                &regs->rax, &regs->rcx, &regs->rdx, &regs->rbx, &regs->rsp, &regs->rbp,
                &regs->rsi, &regs->rdi, &regs->r8,  &regs->r9,  &regs->r10, &regs->r11,
                &regs->r12, &regs->r13, &regs->r14, &regs->r15,
        };

        return (uint64_t *) all[number & 15];
}

/* 0F 01: the tables, at an address relative to the next instruction. */
static size_t cpu_table(Cpu *cpu, const Insn *insn)
{
        unsigned which = insn->op[2] >> 3 & 7;
        int32_t offset;
        uint64_t paddr, low;
        CpuTable *table = which == 2 ? &cpu->gdt : &cpu->idt;

        if ((insn->op[2] & 0xc7) != 5)
                return 0;
        memcpy(&offset, insn->op + 3, sizeof(offset));
        paddr = cpu->regs.rip + insn->prefix_bytes + 7 + (uint64_t) (int64_t) offset;
        if (which == 0 || which == 1) {
                /* Where the CPU lets ring 3 do it this does not come here. */
                (void) ptrace(PTRACE_POKEDATA, cpu->pid, paddr, 0);
                return 7;
        }
        if (which != 2 && which != 3)
                return 0;
        /* Nothing of what the handlers rely on is the interrupted code's. */
        if (!cpu->interrupts_off || cpu->regs.eflags & FLAG_DIRECTION)
                cpu_lost(cpu, "loads a table with flags as they were found");
        low = cpu_peek(cpu, paddr);
        table->limit = (uint16_t) low;
        table->paddr = cpu_peek(cpu, paddr + 2);
        table->loaded = true;
        return 7;
}

static void cpu_rdmsr(Cpu *cpu)
{
        if ((uint32_t) cpu->regs.rcx != MSR_EFER)
                return cpu_lost(cpu, "reads an unknown MSR");
        cpu->regs.rax = (uint32_t) CPU_EFER;
        cpu->regs.rdx = CPU_EFER >> 32;
}

/* 0F: returns the length of the instruction without its prefix, 0 if it is unknown. */
static size_t cpu_two_bytes(Cpu *cpu, const Insn *insn)
{
        uint64_t crs[8] = { CPU_CR0, 0, cpu->cr2, CPU_CR3, CPU_CR4 };

        switch (insn->op[1]) {
        case 0x01:
                return cpu_table(cpu, insn);
        case 0x20:
                *cpu_register(cpu, (insn->op[2] & 7U) | (insn->rex & 1U) << 3) =
                        crs[insn->op[2] >> 3 & 7];
                return 3;
        case 0x31:
                cpu->tsc += CPU_TSC_STEP;
                cpu->regs.rax = (uint32_t) cpu->tsc;
                cpu->regs.rdx = cpu->tsc >> 32;
                return 2;
        case 0x32:
                cpu_rdmsr(cpu);
                return 2;
        default:
                return 0;
        }
}

static size_t cpu_segment(Cpu *cpu, const Insn *insn)
{
        uint16_t *segments[8] = { &cpu->es, NULL, &cpu->ss, &cpu->ds };
        uint16_t *segment = segments[insn->op[1] >> 3 & 7];
        uint16_t selector = (uint16_t) *cpu_register(cpu, insn->op[1] & 7U);

        if (!segment || insn->op[1] < 0xc0)
                return 0;
        if (!cpu_has_segment(cpu, selector, DATA_MASK, DATA_VALUE))
                cpu_lost(cpu, "loads a data segment that is none");
        *segment = selector;
        return 2;
}

static void cpu_far_return(Cpu *cpu)
{
        cpu->regs.rip = cpu_pop(cpu);
        cpu->cs = (uint16_t) cpu_pop(cpu);
        if (!cpu_has_segment(cpu, cpu->cs, CODE_MASK, CODE_VALUE))
                cpu_lost(cpu, "loads a code segment that is none");
}

/* What a machine answers with a free serial port and a keyboard controller that has nothing to do.
 */
static void cpu_in(Cpu *cpu, uint16_t port)
{
        uint8_t value = port == 0x3fd                                   ? 0x60
                        : port == 0x64 || port == 0xcf9 || port == 0x92 ? 0
                                                                        : 0xff;

        cpu->regs.rax = (cpu->regs.rax & ~UINT64_C(0xff)) | value;
}

static void cpu_out(Cpu *cpu, uint16_t port)
{
        if (cpu->n_outs < CPU_OUTS_MAX)
                cpu->outs[cpu->n_outs++] = (CpuOut){ port, (uint8_t) cpu->regs.rax };
}

/* Returns the length without the prefix, 0 if it is unknown, or has set RIP itself. */
static size_t cpu_one_byte(Cpu *cpu, const Insn *insn)
{
        uint16_t port = insn->op[0] < 0xe8 ? insn->op[1] : (uint16_t) cpu->regs.rdx;
        size_t bytes = insn->op[0] < 0xe8 ? 2 : 1;

        switch (insn->op[0]) {
        case 0x8e:
                return cpu_segment(cpu, insn);
        case 0xe4:
        case 0xec:
                cpu_in(cpu, port);
                return bytes;
        case 0xe6:
        case 0xee:
                cpu_out(cpu, port);
                return bytes;
        case 0xf4:
                cpu->end = CPU_END_HALT;
                return 1;
        case 0xfa:
                cpu->interrupts_off = true;
                return 1;
        default:
                return 0;
        }
}

static bool insn_is_port(const Insn *insn)
{
        uint8_t op = insn->op[0];

        return op == 0xe4 || op == 0xe6 || op == 0xec || op == 0xee;
}

/* Somewhat further on, too: it may be a loop that reads from there on. */
static bool cpu_is_wild(Cpu *cpu)
{
        for (unsigned i = 0; i < 16 && cpu->wild != 0; i++)
                if (*cpu_register(cpu, i) - cpu->wild < 4096)
                        return true;
        return false;
}

static void cpu_privileged(Cpu *cpu)
{
        uint64_t words[INSN_BYTES / 8];
        Insn insn = { 0 };
        size_t bytes;

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                words[i] = cpu_peek(cpu, cpu->regs.rip + 8 * i);
        memcpy(insn.bytes, words, sizeof(words));
        insn.prefix_bytes = insn.bytes[0] >> 4 == 4;
        insn.rex = insn.prefix_bytes > 0 ? insn.bytes[0] : 0;
        insn.op = insn.bytes + insn.prefix_bytes;

        if (insn_is_port(&insn) && ++cpu->n_ports == cpu->nmi_at)
                return cpu_interrupt(cpu, 2);
        if (insn.rex == 0x48 && insn.op[0] == 0xcb)
                return cpu_far_return(cpu);
        bytes = insn.op[0] == 0x0f ? cpu_two_bytes(cpu, &insn) : cpu_one_byte(cpu, &insn);
        if (bytes == 0 && cpu_is_wild(cpu))
                return cpu_interrupt(cpu, 13);
        if (bytes == 0)
                return cpu_lost(cpu, "an instruction that the test does not know");
        if (cpu->end == CPU_END_NONE)
                cpu->regs.rip += insn.prefix_bytes + bytes;
}

static void cpu_stopped(Cpu *cpu, int signal)
{
        siginfo_t info;

        assert_int_equal(ptrace(PTRACE_GETREGS, cpu->pid, NULL, &cpu->regs), 0);
        assert_int_equal(ptrace(PTRACE_GETSIGINFO, cpu->pid, NULL, &info), 0);
        switch (signal) {
        case SIGSEGV:
                if (info.si_code == SI_KERNEL)
                        return cpu_privileged(cpu);
                cpu->cr2 = (uint64_t) (uintptr_t) info.si_addr;
                return cpu_interrupt(cpu, 14);
        case SIGILL:
                return cpu_interrupt(cpu, 6);
        case SIGTRAP:
                return cpu_interrupt(cpu, 3);
        default:
                cpu_lost(cpu, strsignal(signal));
        }
}

/* Never returns: the test takes its registers away while it stands still. */
static void child(void)
{
        struct rlimit limit = { 60, 60 };

        if (setrlimit(RLIMIT_CPU, &limit) == 0 && prctl(PR_SET_TSC, PR_TSC_SIGSEGV) == 0 &&
            ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
                (void) raise(SIGSTOP);
        _exit(EXIT_FAILURE);
}

static void cpu_start(Cpu *cpu, uint64_t entry)
{
        int status;

        cpu->pid = fork();
        assert_true(cpu->pid >= 0);
        if (cpu->pid == 0)
                child();
        assert_int_equal(waitpid(cpu->pid, &status, 0), cpu->pid);
        assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
        assert_int_equal(ptrace(PTRACE_SETOPTIONS, cpu->pid, NULL, PTRACE_O_EXITKILL), 0);
        assert_int_equal(ptrace(PTRACE_GETREGS, cpu->pid, NULL, &cpu->regs), 0);
        for (unsigned i = 0; i < 16; i++)
                *cpu_register(cpu, i) = UINT64_C(0x00badbadbadbad00) + i;
        cpu->regs.orig_rax = (uint64_t) -1; /* no system call is to be begun again */
        cpu->regs.eflags |= FLAG_DIRECTION;
        cpu->regs.rip = entry;
}

void cpu_run(Cpu *cpu, uint64_t entry)
{
        int status;

        cpu_start(cpu, entry);
        for (unsigned i = 0; cpu->end == CPU_END_NONE; i++) {
                assert_int_equal(ptrace(PTRACE_SETREGS, cpu->pid, NULL, &cpu->regs), 0);
                assert_int_equal(ptrace(PTRACE_CONT, cpu->pid, NULL, 0), 0);
                assert_int_equal(waitpid(cpu->pid, &status, 0), cpu->pid);
                assert_true(WIFSTOPPED(status));
                cpu_stopped(cpu, WSTOPSIG(status));
                if (i >= STOPS_MAX)
                        cpu_lost(cpu, "comes to no end");
        }
        assert_int_equal(kill(cpu->pid, SIGKILL), 0);
        assert_int_equal(waitpid(cpu->pid, &status, 0), cpu->pid);
}
