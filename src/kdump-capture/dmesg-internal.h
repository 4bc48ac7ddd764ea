/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the formats of the log share with Dmesg; nobody else includes this. */
#pragma once

#include "dmesg.h"

/* Lengths of messages are u16 in both formats. */
#define DMESG_TEXT_BYTES_MAX UINT64_C(65535)
#define DMESG_MARKER_BYTES_MAX 16
#define DMESG_CHUNK_BYTES (UINT64_C(64) << 10)

/* Numbers that a key of VMCOREINFO brings; larger ones cannot be offsets into these structures. */
#define DMESG_OFFSET_MAX UINT64_C(65536)

/* So many messages in a row that cannot be read: the rest is not to be had either. */
#define DMESG_UNREADABLE_MAX 65536

typedef struct DmesgOutput {
        DmesgEmit emit;
        void *data;
        char *chunk;
        size_t n_chunk;
        char *text; /* DMESG_MARKER_BYTES_MAX + DMESG_TEXT_BYTES_MAX bytes for the formats to read
                       into */
        char *panic_line;
        int panic_rank; /* lower is better */
        uint64_t n_messages;
        bool damaged;
} DmesgOutput;

/* One key of VMCOREINFO that must be there. */
typedef struct DmesgKey {
        const char *name;
        uint64_t *value;
} DmesgKey;

/* Gets OFFSET(name) of each, or SIZE(name) for a name without a dot. Returns 0; -EOPNOTSUPP if one
 * is missing, -EBADMSG if one is not a number that can be. */
int dmesg_keys_get(const Vmcoreinfo *info, const DmesgKey *keys, size_t n_keys);

/* Formats one message of any number of lines. */
int dmesg_output_message(DmesgOutput *output, uint64_t ts_nsec, const char *text, size_t size);

/* The two formats. All errors as dmesg_write(). */
int dmesg_prb_write(Kmem *kmem, const Vmcoreinfo *info, DmesgOutput *output);
int dmesg_records_write(Kmem *kmem, const Vmcoreinfo *info, DmesgOutput *output);
