/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the ways to reset a PC, and the order in which they are tried. */
#include "reset.h"
#include "serial.h"

#define WAIT_MSEC 200U

/* Where the firmware looks whether to test the memory: 0x1234 says that this is a warm start. */
#define BIOS_RESET_WORD_PADDR UINT64_C(0x472)

/* Reset control of Intel's chipsets (and others): bit 1 says what kind, bit 2 does it when it
 * becomes 1, bit 3 would cut the power, and so lose the memory. */
#define CF9_PORT 0xcf9
#define CF9_ALL 0x0e
#define CF9_HARD 0x02
#define CF9_DO 0x04

#define KBD_PORT 0x64
#define KBD_BUSY 0x02
#define KBD_RESET 0xfe
#define KBD_TRIES 10U
#define KBD_POLLS_MAX 10000U

#define PORT92 0x92
#define PORT92_RESET 0x01

static void bios_word_write(Machine *machine)
{
        volatile uint8_t *word = machine->memory(machine, BIOS_RESET_WORD_PADDR, 2);

        if (!word)
                return;
        word[0] = 0x34;
        word[1] = 0x12;
}

static void by_cf9(Purgatory *purgatory)
{
        Machine *machine = purgatory->machine;
        uint8_t value = (uint8_t) (machine->in8(machine, CF9_PORT) & ~CF9_ALL) | CF9_HARD;

        machine->out8(machine, CF9_PORT, value);
        purgatory_wait_msec(purgatory, 1);
        machine->out8(machine, CF9_PORT, value | CF9_DO);
}

static void by_kbd(Purgatory *purgatory)
{
        Machine *machine = purgatory->machine;

        for (unsigned i = 0; i < KBD_TRIES; i++) {
                for (unsigned poll = 0; poll < KBD_POLLS_MAX; poll++)
                        if (!(machine->in8(machine, KBD_PORT) & KBD_BUSY))
                                break;
                machine->out8(machine, KBD_PORT, KBD_RESET);
                purgatory_wait_msec(purgatory, WAIT_MSEC / KBD_TRIES);
        }
}

static void by_port92(Machine *machine)
{
        uint8_t value = machine->in8(machine, PORT92);

        /* It is the change to 1 that counts. */
        machine->out8(machine, PORT92, (uint8_t) (value & ~PORT92_RESET));
        machine->out8(machine, PORT92, value | PORT92_RESET);
}

static bool method_exists(const Purgatory *purgatory, uint8_t code)
{
        if (code == PURGATORY_RESET_FADT)
                return purgatory->block && purgatory->block->fadt_port != 0;
        return code > PURGATORY_RESET_FADT && code <= PURGATORY_RESET_TRIPLE;
}

static void method_try(Purgatory *purgatory, uint8_t code)
{
        const PurgatoryBlock *block = purgatory->block;
        Machine *machine = purgatory->machine;

        /* First: who succeeds does not come back. */
        purgatory->status->resets++;
        if (code == PURGATORY_RESET_FADT)
                machine->out8(machine, block->fadt_port, block->fadt_value);
        else if (code == PURGATORY_RESET_CF9)
                by_cf9(purgatory);
        else if (code == PURGATORY_RESET_KBD)
                by_kbd(purgatory);
        else if (code == PURGATORY_RESET_PORT92)
                by_port92(machine);
        else
                machine->triple_fault(machine);
}

static void begin(Purgatory *purgatory)
{
        purgatory_enter(purgatory, PURGATORY_STAGE_RESET);
        serial_text(purgatory, "kdumpd: resetting the machine\r\n");
        purgatory_provoke(purgatory);
        bios_word_write(purgatory->machine);
}

void reset_run(Purgatory *purgatory)
{
        const uint8_t *plan =
                purgatory->block ? purgatory->block->resets : purgatory->header->resets;
        Machine *machine = purgatory->machine;

        if (purgatory->stage != PURGATORY_STAGE_RESET)
                begin(purgatory);
        while (purgatory->next_reset < PURGATORY_RESETS_MAX) {
                uint8_t code = plan[purgatory->next_reset++];

                if (code == PURGATORY_RESET_END)
                        purgatory->next_reset = PURGATORY_RESETS_MAX;
                else if (method_exists(purgatory, code)) {
                        method_try(purgatory, code);
                        purgatory_wait_msec(purgatory, WAIT_MSEC);
                }
        }
        method_try(purgatory, PURGATORY_RESET_TRIPLE);
        machine->halt(machine);
}
