/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FuzzCore: a crashed kernel whose VMCOREINFO and memory are made of the input of a fuzz target. */
#pragma once

#include "fuzz.h"
#include "kmem.h"

/* Memory at physical address 0. The same is seen once more where 52 bits are needed, and there is
 * some that is all zero because the file does not have it. */
#define FUZZ_MEMORY_BYTES (UINT64_C(256) << 10)
#define FUZZ_HIGH_PADDR (UINT64_C(0xf) << 48)
#define FUZZ_ZERO_PADDR UINT64_C(0x10000000)
#define FUZZ_ZERO_BYTES (UINT64_C(1) << 20)
#define FUZZ_DIRECT_MAP_VADDR UINT64_C(0xffff888000000000)

/* One way to begin: the machine, lines of VMCOREINFO that the input may say otherwise, and, where
 * it takes more than that for anything to happen, memory to begin with. */
typedef struct FuzzMode {
        unsigned machine; /* EM_… */
        const char *text;
        uint64_t memory_bytes;           /* 0: FUZZ_MEMORY_BYTES */
        uint64_t zero_paddr, zero_bytes; /* 0: FUZZ_ZERO_PADDR and FUZZ_ZERO_BYTES */
        void (*fill)(uint8_t *memory);   /* what the words of the input are put over; may be NULL */
} FuzzMode;

typedef struct FuzzCore {
        int fd;
        Vmcore *vmcore;
        Vmcoreinfo *info;
        Kmem *kmem; /* NULL if kmem_open() failed */
} FuzzCore;

/* The input is: a byte that chooses of @modes; how long the text is, in 16 bits, lowest byte first;
 * the text, which is put behind that of the mode; and words of memory, each as 16 bits that say
 * which one and 64 bits of value. What is cut off is left out. Returns false if nothing can be made
 * of it. */
bool fuzz_core_init(FuzzCore *core, const FuzzMode *modes, size_t n_modes, const uint8_t *data,
                    size_t size);
void fuzz_core_done(FuzzCore *core);
