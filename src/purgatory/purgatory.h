/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The purgatory: checks what was loaded, repairs it from its mirrors, and starts the first target
 * all of which is good; if there is none, resets the machine. */
#pragma once

#include "machine.h"

/* The one piece of state, so that an exception can go on where it struck. Zeroed by the caller. */
typedef struct Purgatory {
        Machine *machine;
        const PurgatoryHeader *header;
        bool header_is_whole;    /* its digest fits */
        PurgatoryBlock *block;   /* a trusted copy; NULL: none (yet) */
        PurgatoryStatus *status; /* never NULL once begun: our own if the header names none */
        PurgatoryStatus own_status;
        const uint8_t *leaves; /* a trusted copy of the leaf table; NULL: none (yet) */
        uint32_t next_block;   /* copy to try; an exception in the try does not lead back to it */
        uint32_t next_leaves;  /* the same of the leaf table */
        uint32_t target;       /* that is worked on */
        uint32_t stage;        /* PurgatoryStage */
        uint32_t exceptions;   /* more than a few end in a reset */
        uint16_t serial_port;  /* 0: there is none, or it did not answer in time */
        uint16_t serial_chars; /* written so far; there is a limit to them */
        uint32_t next_reset;   /* index into the plan, so that no method is tried twice */
        bool provoked;         /* what a test asks for was done */
} Purgatory;

/* Does all of it. On a real machine it does not return; on a made-up one when jump(), halt() or
 * triple_fault() does. */
void purgatory_run(Purgatory *purgatory, Machine *machine, const PurgatoryHeader *header,
                   const MachineEntry *entry);

/* An exception (not an NMI) has struck: gives up what was worked on, a copy of the description or a
 * target, and goes on with the next one, on a fresh stack. Returns as purgatory_run() does. */
void purgatory_exception(Purgatory *purgatory, uint64_t vector, uint64_t error, uint64_t rip,
                         uint64_t cr2);

/* An NMI has struck: counts it. Returns at once. */
void purgatory_nmi(Purgatory *purgatory);

/* For the purgatory's own files. */

void purgatory_enter(Purgatory *purgatory, PurgatoryStage stage);

/* Does what a test has asked for at the stage that we are in; once. */
void purgatory_provoke(Purgatory *purgatory);

/* By the TSC if its frequency is known, else about so long; ends even if the TSC stands still. */
void purgatory_wait_msec(Purgatory *purgatory, uint32_t msec);
