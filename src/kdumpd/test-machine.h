/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A folder that looks like a machine with one disk, and what a Config is resolved to there. */
#pragma once

#include "resolve.h"
#include "test-fixture.h"

#define DISK "/sys/devices/pci0000:00/0000:00:04.0/virtio1/block/vda"

/* One virtio disk: vda1 ext4 on /, vda2 xfs on /var, vda3 btrfs, vda4 not mounted, vda5 without a
 * UUID. Programs and modules of kdump-capture that remote targets need are not installed. */
void machine_make(Fixture *root);

/* Installs what remote targets need: empty files. */
void machine_add_programs(const Fixture *root);

typedef struct Outcome {
        Plan *plan;
        Needs needs;
        char **warnings;
        char *message;
        int r;
} Outcome;

void outcome_done(Outcome *outcome);

/* @given with what config_load() would add to it: a target if there is none, and sources. */
void machine_resolve(const Fixture *root, const Config *given, Outcome *ret);

/* The same of what kdump.conf would say; it must be fine. */
void machine_resolve_text(const Fixture *root, const char *text, Outcome *ret);

/* The file for @target of the image; the test fails if there is none. */
const NeededFile *outcome_file(const Outcome *outcome, const char *target);

/* Fails the test unless it is refused with a message that has @part. */
void outcome_check_refused(const Outcome *outcome, const char *part);

static inline char *s(const char *text)
{
        return (char *) (uintptr_t) text;
}
