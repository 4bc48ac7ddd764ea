/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ways into and out of the purgatory on x86_64: entry, exceptions, NMIs, the jump to a kernel.
 *
 * It is linked to address 0 and runs anywhere without having been relocated, so whatever needs an
 * address (the GDT's pointer, the gates) gets it at run time.
 *
 * The old kernel leaves us in 64-bit mode with interrupts off and RAM mapped where it is, but with a
 * GDT and an IDT that have limit 0, or (KEXEC_DEBUG, since v6.15) with handlers that halt for ever:
 * in the one case an NMI is a triple fault, in the other a hang. So our own IDT is the first thing
 * that is done, before anything is called. */

        .set CODE, 0x10 /* selectors as Documentation/arch/x86/boot.rst wants them */
        .set DATA, 0x18
        .set GATES, 32
        .set GATE_BYTES, 16
        .set STUB_BYTES, 16
        .set INTERRUPT_GATE, 0x8e00 /* present, DPL 0, no IST */

        .section .text.entry, "ax", @progbits
        .globl machine_entry
machine_entry:
        cli
        cld
        leaq    machine_stack_end(%rip), %rsp
        sgdt    found_gdt(%rip)
        sidt    found_idt(%rip)

        leaq    stubs(%rip), %rax
        leaq    gates(%rip), %rdi
        movl    $GATES, %ecx
1:      movw    %ax, (%rdi)
        movl    $(INTERRUPT_GATE << 16 | CODE), 2(%rdi)
        movq    %rax, %rdx
        shrq    $16, %rdx
        movw    %dx, 6(%rdi)
        shrq    $16, %rdx
        movq    %rdx, 8(%rdi)
        addq    $STUB_BYTES, %rax
        addq    $GATE_BYTES, %rdi
        decl    %ecx
        jnz     1b

        leaq    gdt(%rip), %rax
        movq    %rax, gdt_pointer + 2(%rip)
        leaq    gates(%rip), %rax
        movq    %rax, idt_pointer + 2(%rip)
        lgdt    gdt_pointer(%rip)
        lidt    idt_pointer(%rip)

        /* Not by IRETQ: where the panic came from an NMI, that would let the next one in. */
        pushq   $CODE
        leaq    1f(%rip), %rax
        pushq   %rax
        lretq
1:      movl    $DATA, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss

        leaq    found_gdt(%rip), %rdi
        leaq    found_idt(%rip), %rsi
        call    machine_run
        jmp     machine_triple_fault

/* One stub each vector, all of one size: .org does not go back where one is too long. Those without
 * an error code get 0 for one. */
        .macro  stub vector, has_error=0
        .org    stubs + \vector * STUB_BYTES, 0xcc
        .if     \has_error == 0
        pushq   $0
        .endif
        pushq   $\vector
        jmp     exception
        .endm

        .balign STUB_BYTES, 0xcc
stubs:
        stub    0
        stub    1
        .org    stubs + 2 * STUB_BYTES, 0xcc
        jmp     nmi
        stub    3
        stub    4
        stub    5
        stub    6
        stub    7
        stub    8, has_error=1
        stub    9
        stub    10, has_error=1
        stub    11, has_error=1
        stub    12, has_error=1
        stub    13, has_error=1
        stub    14, has_error=1
        stub    15
        stub    16
        stub    17, has_error=1
        stub    18
        stub    19
        stub    20
        stub    21, has_error=1
        stub    22
        stub    23
        stub    24
        stub    25
        stub    26
        stub    27
        stub    28
        stub    29, has_error=1
        stub    30, has_error=1
        stub    31
        .org    stubs + GATES * STUB_BYTES, 0xcc

/* What was under way is given up, and with it all that is on the stack. A stack that is no memory
 * any more makes this a double and then a triple fault, which resets the machine as well. */
exception:
        cld
        popq    %rdi
        popq    %rsi
        movq    (%rsp), %rdx
        movq    %cr2, %rcx
        leaq    machine_stack_end(%rip), %rsp
        call    machine_exception
        jmp     machine_triple_fault

/* The CPU has aligned the stack and pushed 5 words, so that 9 more align it again. */
nmi:
        pushq   %rax
        pushq   %rcx
        pushq   %rdx
        pushq   %rsi
        pushq   %rdi
        pushq   %r8
        pushq   %r9
        pushq   %r10
        pushq   %r11
        cld
        call    machine_nmi
        popq    %r11
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rdi
        popq    %rsi
        popq    %rdx
        popq    %rcx
        popq    %rax
        iretq

/* To the kernel at %rdi with its boot_params at %rsi. The selectors are what boot.rst asks for since
 * machine_entry. Our IDT stays, and a stack for it: it serves until the kernel loads its own. */
        .globl  machine_jump
machine_jump:
        cli
        cld
        leaq    machine_stack_end(%rip), %rsp
        pushq   %rdi
        xorl    %eax, %eax
        xorl    %ebx, %ebx
        xorl    %ecx, %ecx
        xorl    %edx, %edx
        xorl    %edi, %edi
        xorl    %ebp, %ebp
        xorl    %r8d, %r8d
        xorl    %r9d, %r9d
        xorl    %r10d, %r10d
        xorl    %r11d, %r11d
        xorl    %r12d, %r12d
        xorl    %r13d, %r13d
        xorl    %r14d, %r14d
        xorl    %r15d, %r15d
        ret

/* An exception without an IDT stops the CPU, and the chipset (or the hypervisor) resets it. */
        .globl  machine_triple_fault
machine_triple_fault:
        lidt    no_idt(%rip)
        int3
1:      cli
        hlt
        jmp     1b

        .section .data, "aw", @progbits
        .balign 16
gdt:
        .quad   0
        .quad   0
        .quad   0x00af9b000000ffff /* 64 bit code, readable */
        .quad   0x00cf93000000ffff /* data, writable; both are marked as accessed already */
gdt_end:
gdt_pointer:
        .word   gdt_end - gdt - 1
        .quad   0
idt_pointer:
        .word   GATES * GATE_BYTES - 1
        .quad   0
no_idt:
        .word   0
        .quad   0

        .section .bss, "aw", @nobits
        .balign 16
gates:
        .skip   GATES * GATE_BYTES
found_gdt:
        .skip   10
found_idt:
        .skip   10

        .section .note.GNU-stack, "", @progbits
