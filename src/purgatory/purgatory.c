/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the order of things between the crash and the crash kernel: what is trusted, which target is
 * started, and what an exception changes. */
#include "purgatory.h"
#include "digest.h"
#include "extent.h"
#include "reset.h"
#include "serial.h"

/* Each costs one thing that there are others of: the status, a copy of the block or the leaves, a
 * target. */
#define EXCEPTIONS_MAX (1U + 2U * PURGATORY_COPIES + PURGATORY_TARGETS_MAX)

/* No CPU has more address lines than that (Intel SDM volume 3, 4.1.4). */
#define PADDR_BITS 52
#define NMI_WAIT_MSEC 10000U
#define NMI_POLL_MSEC 10U

/* Nothing answers here; a read takes about 1 us where it goes out to a bus. */
#define DELAY_PORT 0x80
#define DELAY_READS_PER_MSEC 1000U
/* Where the TSC decides: in case it stands still. Emulated, a read can be much faster. */
#define DELAY_READS_PER_MSEC_MAX 20000U

static void zero(void *data, uint64_t bytes)
{
        for (uint8_t *at = data; bytes > 0; bytes--)
                *at++ = 0;
}

void purgatory_enter(Purgatory *purgatory, PurgatoryStage stage)
{
        purgatory->stage = stage;
        purgatory->status->stage = stage;
}

void purgatory_wait_msec(Purgatory *purgatory, uint32_t msec)
{
        uint32_t tsc_khz = purgatory->block ? purgatory->block->tsc_khz : 0;
        uint64_t ticks = (uint64_t) tsc_khz * msec;
        uint64_t reads =
                (uint64_t) msec * (tsc_khz == 0 ? DELAY_READS_PER_MSEC : DELAY_READS_PER_MSEC_MAX);
        Machine *machine = purgatory->machine;
        uint64_t start = machine->tsc(machine);

        for (; reads > 0; reads--) {
                (void) machine->in8(machine, DELAY_PORT);
                if (tsc_khz != 0 && machine->tsc(machine) - start >= ticks)
                        return;
        }
}

static bool is_in_target(const Purgatory *purgatory)
{
        return purgatory->stage == PURGATORY_STAGE_CHECK ||
               purgatory->stage == PURGATORY_STAGE_REPAIR ||
               purgatory->stage == PURGATORY_STAGE_JUMP;
}

static void nmi_wait(Purgatory *purgatory)
{
        const volatile uint32_t *nmis = &purgatory->status->nmis;
        uint32_t before = *nmis;

        for (uint32_t msec = 0; msec < NMI_WAIT_MSEC && *nmis == before; msec += NMI_POLL_MSEC)
                purgatory_wait_msec(purgatory, NMI_POLL_MSEC);
}

void purgatory_provoke(Purgatory *purgatory)
{
        const PurgatoryBlock *block = purgatory->block;
        Machine *machine = purgatory->machine;

        if (!block || purgatory->provoked || block->provoke_stage != purgatory->stage)
                return;
        if (block->provoke_action == PURGATORY_PROVOKE_NMI_WAIT) {
                purgatory->provoked = true;
                nmi_wait(purgatory);
        } else if ((block->provoke_action == PURGATORY_PROVOKE_UD ||
                    block->provoke_action == PURGATORY_PROVOKE_PF) &&
                   is_in_target(purgatory) && purgatory->target == 0) {
                purgatory->provoked = true;
                machine->provoke(machine, (PurgatoryProvoke) block->provoke_action);
        }
}

/* NULL if it cannot be. On a real machine only then: whatever else is no memory is an exception. */
static void *memory_at(Machine *machine, uint64_t paddr, uint64_t bytes, uint64_t align)
{
        uint64_t end;

        if (paddr == 0 || paddr % align != 0 || __builtin_add_overflow(paddr, bytes, &end) ||
            end >> PADDR_BITS != 0)
                return NULL;
        return machine->memory(machine, paddr, bytes);
}

/* NULL if what is there is not the status: then nothing is written there. */
static PurgatoryStatus *status_find(Machine *machine, const PurgatoryHeader *header)
{
        PurgatoryStatus *status =
                memory_at(machine, header->status_paddr, sizeof(*status), sizeof(uint64_t));

        if (!status || status->magic != PURGATORY_STATUS_MAGIC ||
            status->version != PURGATORY_VERSION || status->bytes != sizeof(*status))
                return NULL;
        return status;
}

/* In our own one: an exception while the other is looked for needs one, too. */
static void status_begin(Purgatory *purgatory, const MachineEntry *entry)
{
        PurgatoryStatus *status = &purgatory->own_status;

        purgatory->status = status;
        status->tsc_entry = purgatory->machine->tsc(purgatory->machine);
        status->cr0 = entry->cr0;
        status->cr3 = entry->cr3;
        status->cr4 = entry->cr4;
        status->efer = entry->efer;
        status->gdt_limit = entry->gdt_limit;
        status->idt_limit = entry->idt_limit;
}

/* Goes on in the one that the header names, if that is there. */
static void status_move(Purgatory *purgatory)
{
        PurgatoryStatus *status = status_find(purgatory->machine, purgatory->header);
        const uint8_t *from = (const uint8_t *) &purgatory->own_status;
        uint8_t *to = (uint8_t *) status;

        if (!status)
                return;
        for (uint64_t i = offsetof(PurgatoryStatus, stage); i < sizeof(*status); i++)
                to[i] = from[i];
        purgatory->status = status;
}

/* NULL if there is none that can be trusted. */
static PurgatoryBlock *block_at(const Purgatory *purgatory, uint64_t paddr)
{
        PurgatoryBlock *block =
                memory_at(purgatory->machine, paddr, sizeof(*block), sizeof(uint64_t));

        if (!block || block->magic != PURGATORY_BLOCK_MAGIC ||
            block->version != PURGATORY_VERSION || block->bytes != sizeof(*block))
                return NULL;
        if (!digest_fits((const uint8_t *) block, offsetof(PurgatoryBlock, digest), block->digest))
                return NULL;
        /* All is as the loader has written it; but it may be that of a later version. */
        if (block->flags != 0 || !extents_make_sense(purgatory, block))
                return NULL;
        return block;
}

static bool block_find(Purgatory *purgatory)
{
        while (!purgatory->block && purgatory->next_block < PURGATORY_COPIES) {
                uint64_t paddr = purgatory->header->block_paddr[purgatory->next_block++];

                purgatory->block = block_at(purgatory, paddr);
        }
        purgatory->status->block_copy = purgatory->block ? purgatory->next_block : 0;
        return purgatory->block;
}

static bool leaves_find(Purgatory *purgatory)
{
        const PurgatoryBlock *block = purgatory->block;
        uint64_t bytes = (uint64_t) block->n_leaves * PURGATORY_DIGEST_BYTES;

        while (purgatory->next_leaves < PURGATORY_COPIES) {
                uint64_t paddr = block->leaves_paddr[purgatory->next_leaves++];
                const uint8_t *leaves = memory_at(purgatory->machine, paddr, bytes, 1);

                if (leaves && digest_fits(leaves, bytes, block->leaves_digest)) {
                        purgatory->leaves = leaves;
                        purgatory->status->leaves_copy = purgatory->next_leaves;
                        return true;
                }
        }
        return false;
}

static void say_target(Purgatory *purgatory, const char *before, const char *after)
{
        serial_text(purgatory, before);
        serial_number(purgatory, purgatory->target);
        serial_text(purgatory, after);
}

static bool target_check(Purgatory *purgatory)
{
        const PurgatoryBlock *block = purgatory->block;
        const PurgatoryTarget *target = block->targets + purgatory->target;

        /* What is jumped to, and what it gets, is among what is checked. */
        if (target->entry == 0 || !extents_have(block, purgatory->target, target->entry) ||
            !extents_have(block, purgatory->target, target->boot_params))
                return false;
        purgatory_enter(purgatory, PURGATORY_STAGE_CHECK);
        for (uint32_t i = 0; i < block->n_extents; i++) {
                if (!(block->extents[i].targets >> purgatory->target & 1))
                        continue;
                if (extent_check(purgatory, i) == PURGATORY_RESULT_LOST) {
                        say_target(purgatory, "kdumpd: target ", " is damaged\r\n");
                        return false;
                }
        }
        return true;
}

static void target_start(Purgatory *purgatory)
{
        const PurgatoryTarget *target = purgatory->block->targets + purgatory->target;
        PurgatoryStatus *status = purgatory->status;
        Machine *machine = purgatory->machine;

        purgatory_enter(purgatory, PURGATORY_STAGE_JUMP);
        say_target(purgatory, "kdumpd: starting target ", ": chunks ");
        serial_number(purgatory, status->chunks_checked);
        serial_text(purgatory, ", repaired ");
        serial_number(purgatory, status->chunks_repaired);
        serial_text(purgatory, ", lost ");
        serial_number(purgatory, status->chunks_lost);
        serial_text(purgatory, "\r\n");
        purgatory_provoke(purgatory);

        status->started = 1 + purgatory->target;
        status->tsc_leave = machine->tsc(machine);
        machine->jump(machine, target->entry, target->boot_params);
}

/* From the one that is worked on on. */
static void targets_try(Purgatory *purgatory)
{
        for (; purgatory->target < PURGATORY_TARGETS_MAX; purgatory->target++)
                if (target_check(purgatory)) {
                        target_start(purgatory);
                        return;
                }
        reset_run(purgatory);
}

static void header_look(Purgatory *purgatory)
{
        const PurgatoryHeader *header = purgatory->header;

        purgatory->header_is_whole = digest_fits((const uint8_t *) header,
                                                 offsetof(PurgatoryHeader, digest), header->digest);
        /* What else may be at a port that is not meant: that of the block will do. */
        if (purgatory->header_is_whole)
                purgatory->serial_port = header->serial_port;
}

static void block_enter(Purgatory *purgatory)
{
        uint16_t port = purgatory->block->serial_port;

        purgatory_enter(purgatory, PURGATORY_STAGE_BLOCK);
        if (!purgatory->header_is_whole) {
                purgatory->serial_port = port;
                serial_text(purgatory,
                            "kdumpd: checking the crash kernel; its header is damaged\r\n");
        } else if (port != purgatory->header->serial_port)
                purgatory->serial_port = port;
        purgatory_provoke(purgatory);
}

/* From the stage on that we are in: what was tried there already is not tried again. */
static void stages_run(Purgatory *purgatory)
{
        if (purgatory->stage == PURGATORY_STAGE_NONE) {
                purgatory_enter(purgatory, PURGATORY_STAGE_ENTRY);
                serial_text(purgatory, "kdumpd: checking the crash kernel\r\n");
        }
        if (!block_find(purgatory)) {
                serial_text(purgatory, "kdumpd: its description is damaged\r\n");
                reset_run(purgatory);
                return;
        }
        if (purgatory->stage == PURGATORY_STAGE_ENTRY)
                block_enter(purgatory);
        if (!purgatory->leaves && !leaves_find(purgatory)) {
                serial_text(purgatory, "kdumpd: its digests are damaged\r\n");
                reset_run(purgatory);
                return;
        }
        targets_try(purgatory);
}

void purgatory_run(Purgatory *purgatory, Machine *machine, const PurgatoryHeader *header,
                   const MachineEntry *entry)
{
        purgatory->machine = machine;
        purgatory->header = header;
        status_begin(purgatory, entry);
        header_look(purgatory);
        status_move(purgatory);
        stages_run(purgatory);
}

static void exception_record(Purgatory *purgatory, uint64_t vector, uint64_t error, uint64_t rip,
                             uint64_t cr2)
{
        PurgatoryStatus *status = purgatory->status;
        PurgatoryException *first = &status->first_exception;

        purgatory->exceptions++;
        status->exceptions = purgatory->exceptions;
        if (purgatory->exceptions > 1)
                return;
        first->vector = vector;
        first->error = error;
        first->rip = rip;
        first->cr2 = cr2;
        first->target = purgatory->target;
        first->stage = purgatory->stage;
}

/* If it struck behind the jump, the kernel may have begun to change what we know of. */
static void target_give_up(Purgatory *purgatory)
{
        PurgatoryStatus *status = purgatory->status;

        say_target(purgatory, "kdumpd: an exception struck target ", "\r\n");
        if (status->started != 0)
                zero(status->results, sizeof(status->results));
        status->started = 0;
        purgatory->target++;
}

void purgatory_exception(Purgatory *purgatory, uint64_t vector, uint64_t error, uint64_t rip,
                         uint64_t cr2)
{
        exception_record(purgatory, vector, error, rip, cr2);
        if (purgatory->stage == PURGATORY_STAGE_RESET || purgatory->exceptions > EXCEPTIONS_MAX) {
                reset_run(purgatory);
                return;
        }
        if (is_in_target(purgatory))
                target_give_up(purgatory);
        else
                serial_text(purgatory, "kdumpd: an exception struck its description\r\n");
        stages_run(purgatory);
}

void purgatory_nmi(Purgatory *purgatory)
{
        if (purgatory->status)
                purgatory->status->nmis++;
}
