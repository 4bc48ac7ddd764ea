/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the flattened form: a head of 4096 bytes, then records of an offset, a size and so many
 * bytes, ended by a record of -1 and -1; numbers are 64 bit big endian (makedumpfile's
 * IMPLEMENTATION). */
#include "kdump-file-flat.h"

#include <endian.h>

#include "io.h"

#define HEAD_BYTES 4096
#define HEAD_TYPE 1
#define HEAD_VERSION 1

/* 96 MiB of index; makedumpfile's records are 64 KiB: 256 GiB of dump. */
#define RECORDS_MAX ((size_t) 1 << 22)

/* makedumpfile writes the header twice; nothing else comes more than once. */
#define REWRITES_MAX 64

typedef struct FlatHead {
        char signature[KDUMP_FLAT_SIGNATURE_BYTES];
        uint64_t type, version;
} FlatHead;

typedef struct FlatRecord {
        uint64_t offset_bytes, size_bytes;
        uint64_t file_offset; /* of its data; a larger one was written later, and wins */
} FlatRecord;

struct KdumpFlat {
        FlatRecord *records; /* by offset, without overlap */
        size_t n_records, n_allocated;
        FlatRecord rewrites[REWRITES_MAX]; /* put on top of them, in this order */
        size_t n_rewrites;
        uint64_t bytes;
        bool has_end;
};

bool kdump_flat_is(const void *start)
{
        static const char signature[KDUMP_FLAT_SIGNATURE_BYTES] = "makedumpfile";

        return memcmp(start, signature, sizeof(signature)) == 0;
}

KdumpFlat *kdump_flat_free(KdumpFlat *flat)
{
        if (!flat)
                return NULL;
        free(flat->records);
        free(flat);
        return NULL;
}

static int flat_add(KdumpFlat *flat, const FlatRecord *record)
{
        if (flat->n_records == flat->n_allocated) {
                size_t n = MAX(flat->n_allocated * 2, (size_t) 1024);
                FlatRecord *records = reallocarray(flat->records, n, sizeof(*records));

                if (!records)
                        return -ENOMEM;
                flat->records = records;
                flat->n_allocated = n;
        }
        flat->records[flat->n_records++] = *record;
        flat->bytes = MAX(flat->bytes, record->offset_bytes + record->size_bytes);
        return 0;
}

/* Of a record that the end of the file cuts, what is there counts. */
static int flat_scan(KdumpFlat *flat, int fd, uint64_t file_bytes, char **reterr_message)
{
        uint64_t at = HEAD_BYTES, end;
        int r;

        while (at < file_bytes && file_bytes - at >= 2 * sizeof(uint64_t)) {
                uint64_t head[2];
                FlatRecord record;

                r = pread_full(fd, head, sizeof(head), at);
                if (r < 0)
                        return r;
                at += sizeof(head);
                if (head[0] == UINT64_MAX && head[1] == UINT64_MAX) {
                        flat->has_end = true;
                        return 0;
                }
                record = (FlatRecord){ .offset_bytes = be64toh(head[0]),
                                       .size_bytes = be64toh(head[1]),
                                       .file_offset = at };
                if (record.size_bytes == 0 ||
                    __builtin_add_overflow(record.offset_bytes, record.size_bytes, &end) ||
                    end > INT64_MAX)
                        return 0;
                record.size_bytes = MIN(record.size_bytes, file_bytes - at);
                if (record.size_bytes == 0)
                        return 0;
                if (flat->n_records >= RECORDS_MAX) {
                        *reterr_message = strdup("it is flattened into too many pieces");
                        return -EOPNOTSUPP;
                }
                r = flat_add(flat, &record);
                if (r < 0)
                        return r;
                at += record.size_bytes;
        }
        return 0;
}

static int record_compare(const void *a, const void *b)
{
        const FlatRecord *x = a, *y = b;

        if (x->offset_bytes != y->offset_bytes)
                return x->offset_bytes < y->offset_bytes ? -1 : 1;
        return (x->file_offset > y->file_offset) - (x->file_offset < y->file_offset);
}

static int rewrite_compare(const void *a, const void *b)
{
        const FlatRecord *x = a, *y = b;

        return (x->file_offset > y->file_offset) - (x->file_offset < y->file_offset);
}

static uint64_t record_end(const FlatRecord *record)
{
        return record->offset_bytes + record->size_bytes;
}

static bool records_overlap(const FlatRecord *a, const FlatRecord *b)
{
        return a->offset_bytes < record_end(b) && b->offset_bytes < record_end(a);
}

/* Of two records that overlap, the later one is put aside. Returns false if that is not enough. */
static bool flat_sort(KdumpFlat *flat)
{
        size_t n = 0;

        if (flat->n_records > 0)
                qsort(flat->records, flat->n_records, sizeof(*flat->records), record_compare);
        for (size_t i = 0; i < flat->n_records; i++) {
                FlatRecord *last = n > 0 ? &flat->records[n - 1] : NULL, next = flat->records[i];

                if (!last || !records_overlap(last, &next)) {
                        flat->records[n++] = next;
                        continue;
                }
                if (flat->n_rewrites == REWRITES_MAX)
                        return false;
                flat->rewrites[flat->n_rewrites++] =
                        next.file_offset > last->file_offset ? next : *last;
                if (next.file_offset < last->file_offset)
                        *last = next;
        }
        flat->n_records = n;
        qsort(flat->rewrites, flat->n_rewrites, sizeof(*flat->rewrites), rewrite_compare);
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < flat->n_rewrites; k++)
                        if (records_overlap(&flat->records[i], &flat->rewrites[k]) &&
                            flat->records[i].file_offset > flat->rewrites[k].file_offset)
                                return false;
        return true;
}

int kdump_flat_load(int fd, uint64_t file_bytes, KdumpFlat **ret, char **reterr_message)
{
        _cleanup_(kdump_flat_freep) KdumpFlat *flat = NULL;
        FlatHead head;
        int r;

        r = pread_full(fd, &head, sizeof(head), 0);
        if (r < 0)
                return r;
        if (be64toh(head.type) != HEAD_TYPE || be64toh(head.version) != HEAD_VERSION) {
                *reterr_message = strdup("it is flattened in an unknown way");
                return -EOPNOTSUPP;
        }
        flat = calloc(1, sizeof(*flat));
        if (!flat)
                return -ENOMEM;
        r = flat_scan(flat, fd, file_bytes, reterr_message);
        if (r < 0)
                return r;
        if (!flat_sort(flat)) {
                *reterr_message = strdup("its flattened pieces overlap");
                return -EOPNOTSUPP;
        }
        *ret = TAKE_PTR(flat);
        return 0;
}

uint64_t kdump_flat_bytes(const KdumpFlat *flat)
{
        return flat->bytes;
}

bool kdump_flat_has_end(const KdumpFlat *flat)
{
        return flat->has_end;
}

/* The part of @record that lies in the @size bytes at @offset_bytes. */
static int record_read(const FlatRecord *record, int fd, uint64_t offset_bytes, uint8_t *buf,
                       size_t size)
{
        uint64_t start = MAX(record->offset_bytes, offset_bytes);
        uint64_t end = MIN(record_end(record), offset_bytes + size);

        if (start >= end)
                return 0;
        return pread_full(fd, buf + (start - offset_bytes), (size_t) (end - start),
                          record->file_offset + (start - record->offset_bytes));
}

/* The first record that ends behind @offset_bytes; n_records if there is none. */
static size_t flat_find(const KdumpFlat *flat, uint64_t offset_bytes)
{
        size_t low = 0, high = flat->n_records;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (record_end(&flat->records[middle]) <= offset_bytes)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

int kdump_flat_read(const KdumpFlat *flat, int fd, uint64_t offset_bytes, void *buf, size_t size)
{
        uint64_t end;
        int r;

        if (__builtin_add_overflow(offset_bytes, (uint64_t) size, &end))
                return -ERANGE;
        memset(buf, 0, size);
        for (size_t i = flat_find(flat, offset_bytes);
             i < flat->n_records && flat->records[i].offset_bytes < end; i++) {
                r = record_read(&flat->records[i], fd, offset_bytes, buf, size);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < flat->n_rewrites; i++) {
                r = record_read(&flat->rewrites[i], fd, offset_bytes, buf, size);
                if (r < 0)
                        return r;
        }
        return 0;
}

uint64_t kdump_flat_next(const KdumpFlat *flat, uint64_t offset_bytes)
{
        size_t i = flat_find(flat, offset_bytes);
        uint64_t next = i < flat->n_records ? flat->records[i].offset_bytes : flat->bytes;

        for (size_t k = 0; k < flat->n_rewrites; k++)
                if (record_end(&flat->rewrites[k]) > offset_bytes)
                        next = MIN(next, flat->rewrites[k].offset_bytes);
        return MAX(next, offset_bytes);
}
