/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: a saved dump, its flattened form, the codecs, and repair. The input is
 * - a byte of how the file is made, HOW_*;
 * - a byte: the file is made longer by zeros, to 2^n bytes;
 * - a byte: so many patches, each of 16 bits that say which word of the file, with the highest bit
 * of the flattened file, and 64 bits of value;
 * - the pages: a byte of how each is stored, KDUMP_FILE_* or PAGE_*, 16 bits of size, and the data.
 */
#include <endian.h>
#include <sys/mman.h>
#include <zlib.h>

#include "fuzz.h"
#include "io.h"
#include "kdump-file-flat.h"
#include "kdump-file.h"
#include "repair.h"
#include "vmcoreinfo.h"

enum {
        HOW_VERSION_MASK = 3, /* less than 6 by so much */
        HOW_FLAT = 4,
        HOW_FLAT_BACKWARDS = 8, /* the records */
        HOW_FLAT_ENDS = 16,
        HOW_SPLIT = 32,
        HOW_AS_IT_IS = 64, /* what follows is the file */
};

/* Instead of a codec. */
enum {
        PAGE_HOLE = 0x80,
        PAGE_LEFT_OUT = 0x81,
        PAGE_MISSING = 0x82,
};

#define BLOCK ((size_t) 4096)
#define N_PAGES_MAX 32
#define FILE_BYTES_MAX ((size_t) 256 << 10)
#define LENGTH_BITS_MAX 44
#define PATCH_BYTES 10
#define PATCH_FLAT 0x8000

#define EXISTS_OFFSET (2 * BLOCK)
#define DUMPABLE_OFFSET (3 * BLOCK)
#define DESCS_OFFSET (4 * BLOCK)
#define DATA_OFFSET (5 * BLOCK)

#define FLAT_HEAD_BYTES ((size_t) 4096)
#define FLAT_RECORD_BYTES ((size_t) 3000) /* of data, at most */

/* Repair is not asked for more: it is to decode every page, and to count all bits more than once.
 */
#define REPAIR_BYTES_MAX (UINT64_C(4) << 20)
#define REPAIR_PFNS_MAX (UINT64_C(1) << 30)

static const char notes[] = "notes OSRELEASE=6.1.0\nPAGESIZE=4096\nNUMBER(phys_base)=0\n";
#define INFO_START 6

typedef struct Bytes {
        uint8_t data[FILE_BYTES_MAX];
        size_t size;
} Bytes;

static void bytes_clear(Bytes *bytes)
{
        memset(bytes->data, 0, bytes->size);
        bytes->size = 0;
}

static void bytes_put(Bytes *bytes, size_t offset, const void *data, size_t size)
{
        FUZZ_CHECK(offset <= sizeof(bytes->data) && size <= sizeof(bytes->data) - offset);
        memcpy(bytes->data + offset, data, size);
        bytes->size = MAX(bytes->size, offset + size);
}

static void bytes_put_be64(Bytes *bytes, uint64_t value)
{
        value = htobe64(value);
        bytes_put(bytes, bytes->size, &value, sizeof(value));
}

/* The pages, their descriptors and bits. Returns how many pages there are. */
static uint64_t pages_make(Bytes *bytes, const uint8_t *data, size_t size)
{
        size_t at = DATA_OFFSET, n_descs = 0;
        uint64_t pfn = 0;

        for (; size >= 3 && pfn < N_PAGES_MAX; pfn++) {
                uint8_t kind = data[0], bit = (uint8_t) (1U << pfn % 8);
                size_t room = MIN(size - 3, BLOCK),
                       n = MIN((size_t) (data[1] | data[2] << 8), room);
                KdumpFileDesc desc = { .offset_bytes = at, .size_bytes = (uint32_t) n };

                if (kind != PAGE_HOLE)
                        bytes->data[EXISTS_OFFSET + pfn / 8] |= bit;
                if (kind != PAGE_HOLE && kind != PAGE_LEFT_OUT) {
                        bytes->data[DUMPABLE_OFFSET + pfn / 8] |= bit;
                        desc.flags = kind;
                        if (kind == 0)
                                desc.size_bytes = BLOCK;
                        if (kind == PAGE_MISSING)
                                desc = (KdumpFileDesc){};
                        bytes_put(bytes, DESCS_OFFSET + n_descs++ * sizeof(desc), &desc,
                                  sizeof(desc));
                        bytes_put(bytes, at, data + 3, n);
                        at += desc.size_bytes;
                }
                data += 3 + n;
                size -= 3 + n;
        }
        return pfn;
}

static void dump_make(Bytes *bytes, uint8_t how, const uint8_t *data, size_t size)
{
        KdumpFileHeader header = {
                .signature = { 'K', 'D', 'U', 'M', 'P', ' ', ' ', ' ' },
                .version = 6 - (how & HOW_VERSION_MASK),
                .timestamp_sec = 1700000000,
                .status = KDUMP_FILE_ZLIB | KDUMP_FILE_INCOMPLETE,
                .block_bytes = BLOCK,
                .n_sub_header_blocks = 1,
                .n_bitmap_blocks = 2,
                .n_cpus = 1,
        };
        KdumpFileSubHeader sub = {
                .split = (how & HOW_SPLIT) != 0,
                .start_pfn = 3,
                .end_pfn = 9,
                .vmcoreinfo_offset_bytes = BLOCK + sizeof(sub) + INFO_START,
                .vmcoreinfo_size_bytes = sizeof(notes) - INFO_START,
                .notes_offset_bytes = BLOCK + sizeof(sub),
                .notes_size_bytes = sizeof(notes),
                .start_pfn_64 = 3,
                .end_pfn_64 = 9,
        };

        bytes->size = DATA_OFFSET;
        sub.max_mapnr_64 = pages_make(bytes, data, size);
        header.max_mapnr = (uint32_t) sub.max_mapnr_64;
        bytes_put(bytes, 0, &header, sizeof(header));
        bytes_put(bytes, BLOCK, &sub, sizeof(sub));
        bytes_put(bytes, BLOCK + sizeof(sub), notes, sizeof(notes));
}

/* The header comes twice, as makedumpfile writes it. */
static void dump_flatten(const Bytes *dump, uint8_t how, Bytes *flat)
{
        static const char signature[KDUMP_FLAT_SIGNATURE_BYTES] = "makedumpfile";
        const size_t n_records = DIV_ROUND_UP(dump->size, FLAT_RECORD_BYTES);

        bytes_put(flat, 0, signature, sizeof(signature));
        bytes_put_be64(flat, 1);
        bytes_put_be64(flat, 1);
        flat->size = FLAT_HEAD_BYTES;
        for (size_t i = 0; i <= n_records; i++) {
                size_t record = how & HOW_FLAT_BACKWARDS ? n_records - 1 - i : i;
                size_t offset = (i == n_records ? 0 : record) * FLAT_RECORD_BYTES;
                size_t n = MIN(i == n_records ? sizeof(KdumpFileHeader) : FLAT_RECORD_BYTES,
                               dump->size - offset);

                bytes_put_be64(flat, offset);
                bytes_put_be64(flat, n);
                bytes_put(flat, flat->size, dump->data + offset, n);
        }
        if (how & HOW_FLAT_ENDS) {
                bytes_put_be64(flat, UINT64_MAX);
                bytes_put_be64(flat, UINT64_MAX);
        }
}

static void patches_put(Bytes *bytes, const uint8_t *patches, size_t n_patches, bool of_flat)
{
        for (size_t i = 0; i < n_patches; i++, patches += PATCH_BYTES) {
                unsigned index = patches[0] | (unsigned) patches[1] << 8;
                size_t offset = (index & ~PATCH_FLAT) * sizeof(uint64_t);

                if (((index & PATCH_FLAT) != 0) == of_flat && offset < bytes->size)
                        bytes_put(bytes, offset, patches + 2, sizeof(uint64_t));
        }
}

static int file_make(const Bytes *bytes, unsigned length_bits)
{
        int fd = memfd_create("dump", MFD_CLOEXEC);
        uint64_t length = UINT64_C(1) << length_bits % (LENGTH_BITS_MAX + 1);

        FUZZ_CHECK(fd >= 0);
        if (bytes->size > 0)
                FUZZ_CHECK(pwrite_full(fd, bytes->data, bytes->size, 0) == 0);
        if (length > bytes->size)
                FUZZ_CHECK(ftruncate(fd, (off_t) length) == 0);
        return fd;
}

static KdumpFile *file_open(int fd)
{
        _cleanup_free_ char *message = NULL;
        KdumpFile *file = NULL;
        char path[64];
        int r;

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        r = kdump_file_open(path, &file, &message);
        FUZZ_CHECK(r == 0 || r == -EBADMSG || r == -EOPNOTSUPP);
        FUZZ_CHECK((r < 0) == (message != NULL));
        return file;
}

/* What the flattened form says, done as it says: later records over earlier ones. */
static void flat_check(const Bytes *bytes, int fd)
{
        static uint8_t expected[FILE_BYTES_MAX], got[FILE_BYTES_MAX];
        _cleanup_(kdump_flat_freep) KdumpFlat *flat = NULL;
        _cleanup_free_ char *message = NULL;
        uint64_t end = 0;
        size_t at = FLAT_HEAD_BYTES;

        if (bytes->size < FLAT_HEAD_BYTES || !kdump_flat_is(bytes->data) ||
            kdump_flat_load(fd, bytes->size, &flat, &message) < 0)
                return;
        memset(expected, 0, sizeof(expected));
        while (bytes->size - at > 16) {
                uint64_t offset, n;

                memcpy(&offset, bytes->data + at, sizeof(offset));
                memcpy(&n, bytes->data + at + 8, sizeof(n));
                offset = be64toh(offset);
                n = be64toh(n);
                at += 16;
                if (n == 0 || offset > INT64_MAX || n > INT64_MAX - offset)
                        break;
                n = MIN(n, bytes->size - at);
                if (offset < sizeof(expected))
                        memcpy(expected + offset, bytes->data + at,
                               MIN(n, sizeof(expected) - offset));
                end = MAX(end, offset + n);
                at += n;
        }
        FUZZ_CHECK(kdump_flat_bytes(flat) == end);
        FUZZ_CHECK(kdump_flat_read(flat, fd, 0, got, sizeof(got)) == 0);
        FUZZ_CHECK(memcmp(got, expected, sizeof(got)) == 0);
        for (size_t i = 0; i < sizeof(got); i = i * 3 + 1) {
                uint64_t next = kdump_flat_next(flat, i);

                FUZZ_CHECK(next >= i);
                FUZZ_CHECK(next == i || i >= end || expected[i] == 0);
        }
}

static void notes_check(const KdumpFile *file)
{
        _cleanup_(vmcoreinfo_freep) Vmcoreinfo *info = NULL;
        size_t size;
        const char *text = kdump_file_vmcoreinfo_text(file, &size);
        const uint8_t *bytes;

        if (text) {
                FUZZ_CHECK(text[size] == '\0');
                (void) vmcoreinfo_new(text, size, &info);
        }
        bytes = kdump_file_notes(file, &size);
        FUZZ_CHECK(!bytes == (size == 0));
        (void) crc32(0, bytes, (uInt) size);
}

/* How reading a page ended, and a sum of what is in it. */
typedef struct Seen {
        int result;
        uint64_t sum;
        bool zeros;
} Seen;

static Seen page_see(KdumpReader *reader, uint64_t pfn, size_t page_bytes)
{
        const uint8_t *page;
        Seen seen = { .result = kdump_reader_page(reader, pfn, &page) };

        FUZZ_CHECK(seen.result == 0 || seen.result == -ERANGE || seen.result == -ENODATA ||
                   seen.result == -ENXIO || seen.result == -EBADMSG || seen.result == -EOPNOTSUPP);
        if (seen.result == 0) {
                seen.sum = crc32(0, page, (uInt) page_bytes);
                seen.zeros = mem_is_zero(page, page_bytes);
        }
        return seen;
}

/* The first pages and the last ones, which may be all. */
static void pages_see(const KdumpFile *file, Seen seen[2 * N_PAGES_MAX])
{
        _cleanup_(kdump_reader_freep) KdumpReader *reader = NULL;
        const KdumpFileInfo *info = kdump_file_info(file);
        uint8_t exists[N_PAGES_MAX / 8], dumpable[N_PAGES_MAX / 8], some[100];
        size_t n = (size_t) MIN(info->end_pfn, (uint64_t) N_PAGES_MAX);

        FUZZ_CHECK(kdump_reader_new(file, &reader) == 0);
        FUZZ_CHECK(kdump_file_exists(file, 0, n, exists) == 0);
        FUZZ_CHECK(kdump_file_dumpable(file, 0, n, dumpable) == 0);
        for (size_t i = 0; i < n; i++) {
                bool has_desc;

                seen[i] = page_see(reader, i, info->page_size_bytes);
                has_desc = seen[i].result != -ERANGE && seen[i].result != -ENODATA;
                FUZZ_CHECK(has_desc == (dumpable[i / 8] >> i % 8 & 1));
                if (!has_desc)
                        FUZZ_CHECK((seen[i].result == -ENODATA) == (exists[i / 8] >> i % 8 & 1));
                seen[N_PAGES_MAX + i] =
                        page_see(reader, info->end_pfn - 1 - i, info->page_size_bytes);
        }
        FUZZ_CHECK(kdump_reader_page(reader, info->end_pfn, &(const uint8_t *){ NULL }) == -ERANGE);
        (void) kdump_reader_read(reader, info->page_size_bytes - 50, some, sizeof(some));
}

/* What could be read before can be read after: but for zeros, which a loss of power may have made.
 */
static void repair_check(int fd, const KdumpFileInfo *info, const Seen before[2 * N_PAGES_MAX])
{
        _cleanup_(kdump_file_closep) KdumpFile *repaired = NULL;
        _cleanup_free_ char *message = NULL, *other_message = NULL;
        Seen after[2 * N_PAGES_MAX] = {};
        RepairResult result, again;
        char path[64];
        int r;

        if (info->n_pages > REPAIR_BYTES_MAX / info->page_size_bytes ||
            info->end_pfn > REPAIR_PFNS_MAX)
                return;
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        r = repair_file(path, &result, &message);
        FUZZ_CHECK((r < 0) == (message != NULL));
        if (r < 0)
                return;
        FUZZ_CHECK(result.n_pages == info->n_pages);
        FUZZ_CHECK(result.n_readable + result.n_missing == result.n_pages);
        FUZZ_CHECK(result.n_withdrawn <= result.n_missing);
        FUZZ_CHECK(result.incomplete || result.n_missing == 0);

        FUZZ_CHECK(repair_file(path, &again, &other_message) == 0);
        FUZZ_CHECK(again.n_withdrawn == 0 && again.n_missing == result.n_missing);
        FUZZ_CHECK(again.incomplete == result.incomplete);

        repaired = file_open(fd);
        FUZZ_CHECK(repaired);
        pages_see(repaired, after);
        for (size_t i = 0; i < ELEMENTSOF(after); i++) {
                bool taken = before[i].result == 0 && before[i].zeros && after[i].result == -ENXIO;

                FUZZ_CHECK(before[i].result != 0 || taken || after[i].sum == before[i].sum);
                FUZZ_CHECK(after[i].result == 0 || after[i].result == -ERANGE ||
                           after[i].result == -ENODATA || after[i].result == -ENXIO);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static Bytes dump, flat;
        _cleanup_(kdump_file_closep) KdumpFile *file = NULL;
        _cleanup_close_ int fd = -EBADF;
        Seen seen[2 * N_PAGES_MAX] = {};
        Bytes *bytes = &dump;
        KdumpFileInfo info;
        size_t n_patches;
        uint8_t how;

        if (size < 3)
                return 0;
        bytes_clear(&dump);
        bytes_clear(&flat);
        how = data[0];
        n_patches = MIN((size_t) data[2], (size - 3) / PATCH_BYTES);
        if (how & HOW_AS_IT_IS) {
                bytes_put(&dump, 0, data + 3, MIN(size - 3, sizeof(dump.data)));
        } else {
                dump_make(&dump, how, data + 3 + n_patches * PATCH_BYTES,
                          size - 3 - n_patches * PATCH_BYTES);
                patches_put(&dump, data + 3, n_patches, false);
        }
        if (how & HOW_FLAT) {
                dump_flatten(&dump, how, &flat);
                patches_put(&flat, data + 3, n_patches, true);
                bytes = &flat;
        }

        fd = file_make(bytes, data[1]);
        flat_check(bytes, fd);
        file = file_open(fd);
        if (!file)
                return 0;
        notes_check(file);
        pages_see(file, seen);
        info = *kdump_file_info(file);
        file = kdump_file_close(file); /* its notes may be 64 MiB */
        repair_check(fd, &info, seen);
        return 0;
}
