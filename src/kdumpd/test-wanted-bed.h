/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A made-up system with a configuration, and what is wanted of it. */
#pragma once

#include "test-system.h"

#include "wanted.h"

#define MIB (UINT64_C(1024) * 1024)

typedef struct Bed {
        Fixture root;
        Facts facts;
        GenerationStore store;
        Wanted wanted;
} Bed;

void bed_init(Bed *bed);
void bed_done(Bed *bed);

/* Reads what is wanted, anew. */
void bed_read_with(Bed *bed, const char *keep_id);
void bed_read(Bed *bed);

/* The same, and nothing may be missing. */
void bed_expect_whole(Bed *bed);

/* Has a base image built. */
void bed_build(const Bed *bed);
