/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The limit that tools/bench compares with: bare loops over the pages that a dump keeps. They read,
 * or read and compress, each page once; nothing is written, found, counted or checked.
 *
 * Usage: bench-loops RAW_ELF_CORE VMCORE none|lzo|zlib|zstd|snappy THREADS
 *
 * The pages are those of bitmap2 of the VMCORE (kdump-compressed) that are neither zero nor equal
 * to an earlier one: no dump engine has to compress these. Finding them is not timed. Prints one
 * line of JSON. */

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <lzo/lzo1x.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif
#ifdef HAVE_SNAPPY
#include <snappy-c.h>
#endif

#include "macro.h"

#define PAGE_BYTES 4096U
#define PAGE_WORDS (PAGE_BYTES / sizeof(uint64_t))
#define OUT_BYTES (2 * PAGE_BYTES)
#define BATCH_PAGES 256U
#define THREADS_MAX 64U

/* Where disk_dump_header and kdump_sub_header have what is needed; bytes. */
#define HEADER_BLOCK_SIZE 428U
#define HEADER_SUB_BLOCKS 432U
#define HEADER_BITMAP_BLOCKS 436U

typedef struct File {
        uint8_t *data;
        size_t bytes;
} File;

typedef struct Pages {
        uint64_t *offsets; /* in the raw core */
        size_t count, zero, repeated;
} Pages;

/* What one thread compresses with: made once, used for each page. */
typedef struct Codec {
        const char *name;
        int (*init)(void **ret_context);
        void (*done)(void *context);
        size_t (*page)(void *context, const uint8_t *in, uint8_t *out);
} Codec;

typedef struct Job {
        const Codec *codec;
        const uint8_t *core;
        const Pages *pages;
        atomic_size_t next;
        atomic_uint_fast64_t stored_bytes, sum;
        atomic_int error;
} Job;

static int map_file(const char *path, File *ret)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat st;
        void *data;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        data = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (data == MAP_FAILED)
                return -errno;
        *ret = (File){ data, (size_t) st.st_size };
        return 0;
}

static void unmap_file(File *file)
{
        if (file->data)
                (void) munmap(file->data, file->bytes);
        *file = (File){};
}

/* The part [@offset, + @bytes) of a file; NULL if it has no such part. */
static const uint8_t *file_at(const File *file, uint64_t offset, uint64_t bytes)
{
        uint64_t end;

        if (__builtin_add_overflow(offset, bytes, &end) || end > file->bytes)
                return NULL;
        return file->data + offset;
}

/* --- the pages --- */

static bool page_is_zero(const uint8_t *page)
{
        return page[0] == 0 && memcmp(page, page + 1, PAGE_BYTES - 1) == 0;
}

static uint64_t page_hash(const uint8_t *page)
{
        uint64_t hash = 0, word;

        for (size_t i = 0; i < PAGE_WORDS; i++) {
                memcpy(&word, page + i * sizeof(word), sizeof(word));
                hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
                hash ^= hash >> 29;
        }
        return hash;
}

/* The earlier pages by their hash: open addressing, offsets + 1. */
typedef struct Seen {
        uint64_t *slots;
        size_t mask;
} Seen;

static bool seen_before(Seen *seen, const uint8_t *core, uint64_t offset)
{
        for (size_t i = page_hash(core + offset) & seen->mask;; i = (i + 1) & seen->mask) {
                if (seen->slots[i] == 0) {
                        seen->slots[i] = offset + 1;
                        return false;
                }
                if (memcmp(core + seen->slots[i] - 1, core + offset, PAGE_BYTES) == 0)
                        return true;
        }
}

static void add_page(Pages *pages, Seen *seen, const uint8_t *core, uint64_t offset)
{
        if (page_is_zero(core + offset))
                pages->zero++;
        else if (seen_before(seen, core, offset))
                pages->repeated++;
        else
                pages->offsets[pages->count++] = offset;
}

/* bitmap2 of a dump and its number of bits. */
static int find_bitmap(const File *dump, const uint8_t **ret_bitmap, uint64_t *ret_bits)
{
        uint32_t block_bytes, sub_blocks, bitmap_blocks;
        uint64_t bytes, offset;
        const uint8_t *head = file_at(dump, 0, 464);

        if (!head || memcmp(head, "KDUMP   ", 8) != 0)
                return -EBADMSG;
        memcpy(&block_bytes, head + HEADER_BLOCK_SIZE, sizeof(block_bytes));
        memcpy(&sub_blocks, head + HEADER_SUB_BLOCKS, sizeof(sub_blocks));
        memcpy(&bitmap_blocks, head + HEADER_BITMAP_BLOCKS, sizeof(bitmap_blocks));
        if (block_bytes != PAGE_BYTES)
                return -EOPNOTSUPP;
        bytes = (uint64_t) (bitmap_blocks / 2) * PAGE_BYTES;
        offset = (UINT64_C(1) + sub_blocks + bitmap_blocks / 2) * PAGE_BYTES;
        *ret_bitmap = file_at(dump, offset, bytes);
        *ret_bits = bytes * 8;
        return *ret_bitmap ? 0 : -EBADMSG;
}

/* The program headers of the core. */
static const Elf64_Phdr *find_segments(const File *core, size_t *ret_count)
{
        const Elf64_Ehdr *ehdr = (const void *) file_at(core, 0, sizeof(*ehdr));
        const Elf64_Phdr *segments;

        if (!ehdr || memcmp(ehdr->e_ident, ELFMAG, SELFMAG) != 0 ||
            ehdr->e_ident[EI_CLASS] != ELFCLASS64 || ehdr->e_phoff % sizeof(uint64_t) != 0)
                return NULL;
        segments = (const void *) file_at(core, ehdr->e_phoff, ehdr->e_phnum * sizeof(*segments));
        *ret_count = ehdr->e_phnum;
        return segments;
}

/* The kept pages of one segment, whole pages only. The mapping of the kernel image has no pages of
 * its own. */
static int add_segment(const File *core, const Elf64_Phdr *segment, const uint8_t *bitmap,
                       uint64_t n_bits, Pages *pages, Seen *seen)
{
        uint64_t first = DIV_ROUND_UP(segment->p_paddr, PAGE_BYTES);
        uint64_t end = (segment->p_paddr + segment->p_filesz) / PAGE_BYTES;

        if (segment->p_type != PT_LOAD || segment->p_vaddr >= UINT64_C(0xffffffff80000000))
                return 0;
        if (end > n_bits || !file_at(core, segment->p_offset, segment->p_filesz))
                return -EBADMSG;
        for (uint64_t pfn = first; pfn < end; pfn++)
                if (bitmap[pfn / 8] & 1U << pfn % 8)
                        add_page(pages, seen, core->data,
                                 segment->p_offset + pfn * PAGE_BYTES - segment->p_paddr);
        return 0;
}

static int pages_find(const char *core_path, const char *dump_path, Pages *ret)
{
        _cleanup_(unmap_file) File core = {}, dump = {};
        _cleanup_free_ uint64_t *slots = NULL, *offsets = NULL;
        const Elf64_Phdr *segments;
        const uint8_t *bitmap;
        Pages pages = {};
        Seen seen = { .mask = 1 };
        size_t n_segments;
        uint64_t n_bits;
        int r;

        r = map_file(core_path, &core);
        if (r >= 0)
                r = map_file(dump_path, &dump);
        if (r >= 0)
                r = find_bitmap(&dump, &bitmap, &n_bits);
        if (r < 0)
                return r;
        segments = find_segments(&core, &n_segments);
        if (!segments)
                return -EBADMSG;
        while (seen.mask < core.bytes / PAGE_BYTES * 2)
                seen.mask = 2 * seen.mask + 1;
        seen.slots = slots = calloc(seen.mask + 1, sizeof(uint64_t));
        pages.offsets = offsets = calloc(core.bytes / PAGE_BYTES, sizeof(uint64_t));
        if (!slots || !offsets)
                return -ENOMEM;
        for (size_t i = 0; i < n_segments; i++) {
                r = add_segment(&core, &segments[i], bitmap, n_bits, &pages, &seen);
                if (r < 0)
                        return r;
        }
        *ret = pages;
        TAKE_PTR(offsets);
        return 0;
}

/* --- the codecs --- */

static int nothing_init(void **ret_context)
{
        *ret_context = NULL;
        return 0;
}

static void nothing_done(void *context)
{
}

/* Reads all of a page; the sum keeps the compiler from leaving it out. */
static size_t sum_page(void *context, const uint8_t *in, uint8_t *out)
{
        uint64_t sum = 0, word;

        for (size_t i = 0; i < PAGE_WORDS; i++) {
                memcpy(&word, in + i * sizeof(word), sizeof(word));
                sum += word;
        }
        memcpy(out, &sum, sizeof(sum));
        return PAGE_BYTES;
}

static int lzo_context_init(void **ret_context)
{
        *ret_context = lzo_init() == LZO_E_OK ? malloc(LZO1X_1_MEM_COMPRESS) : NULL;
        return *ret_context ? 0 : -ENOMEM;
}

static size_t lzo_page(void *context, const uint8_t *in, uint8_t *out)
{
        lzo_uint n = 0;

        return lzo1x_1_compress(in, PAGE_BYTES, out, &n, context) == LZO_E_OK ? n : 0;
}

static int zlib_context_init(void **ret_context)
{
        z_stream *stream = calloc(1, sizeof(*stream));

        if (!stream || deflateInit(stream, Z_BEST_SPEED) != Z_OK) {
                free(stream);
                return -ENOMEM;
        }
        *ret_context = stream;
        return 0;
}

static void zlib_context_done(void *context)
{
        (void) deflateEnd(context);
        free(context);
}

static size_t zlib_page(void *context, const uint8_t *in, uint8_t *out)
{
        z_stream *stream = context;

        if (deflateReset(stream) != Z_OK)
                return 0;
        stream->next_in = (uint8_t *) in;
        stream->avail_in = PAGE_BYTES;
        stream->next_out = out;
        stream->avail_out = OUT_BYTES;
        return deflate(stream, Z_FINISH) == Z_STREAM_END ? OUT_BYTES - stream->avail_out : 0;
}

#ifdef HAVE_ZSTD
static int zstd_context_init(void **ret_context)
{
        *ret_context = ZSTD_createCCtx();
        return *ret_context ? 0 : -ENOMEM;
}

static void zstd_context_done(void *context)
{
        (void) ZSTD_freeCCtx(context);
}

static size_t zstd_page(void *context, const uint8_t *in, uint8_t *out)
{
        size_t n = ZSTD_compressCCtx(context, out, OUT_BYTES, in, PAGE_BYTES, 1);

        return ZSTD_isError(n) ? 0 : n;
}
#endif

#ifdef HAVE_SNAPPY
static size_t snappy_page(void *context, const uint8_t *in, uint8_t *out)
{
        size_t n = OUT_BYTES;

        return snappy_compress((const char *) in, PAGE_BYTES, (char *) out, &n) == SNAPPY_OK ? n
                                                                                             : 0;
}
#endif

static const Codec CODECS[] = {
        { "none", nothing_init, nothing_done, sum_page },
        { "lzo", lzo_context_init, free, lzo_page },
        { "zlib", zlib_context_init, zlib_context_done, zlib_page },
#ifdef HAVE_ZSTD
        { "zstd", zstd_context_init, zstd_context_done, zstd_page },
#endif
#ifdef HAVE_SNAPPY
        { "snappy", nothing_init, nothing_done, snappy_page },
#endif
};

static const Codec *codec_find(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(CODECS); i++)
                if (streq(CODECS[i].name, name))
                        return &CODECS[i];
        return NULL;
}

/* --- the loop --- */

static void loop_pages(Job *job, void *context, uint8_t *out)
{
        uint64_t stored_bytes = 0, sum = 0;
        size_t at;

        while ((at = atomic_fetch_add(&job->next, BATCH_PAGES)) < job->pages->count)
                for (size_t i = at; i < MIN(at + BATCH_PAGES, job->pages->count); i++) {
                        size_t n =
                                job->codec->page(context, job->core + job->pages->offsets[i], out);

                        stored_bytes += n == 0 || n > PAGE_BYTES ? PAGE_BYTES : n;
                        sum += out[0];
                }
        atomic_fetch_add(&job->stored_bytes, stored_bytes);
        atomic_fetch_add(&job->sum, sum);
}

static void *loop_thread(void *data)
{
        uint8_t out[OUT_BYTES];
        void *context = NULL;
        Job *job = data;
        int r;

        r = job->codec->init(&context);
        if (r < 0) {
                atomic_store(&job->error, r);
                return NULL;
        }
        loop_pages(job, context, out);
        job->codec->done(context);
        return NULL;
}

static int loop_run(Job *job, unsigned n_threads)
{
        pthread_t threads[THREADS_MAX];
        unsigned started = 1;
        int r = 0;

        while (started < n_threads && r == 0) {
                r = -pthread_create(&threads[started], NULL, loop_thread, job);
                started += r == 0;
        }
        (void) loop_thread(job);
        for (unsigned i = 1; i < started; i++)
                (void) pthread_join(threads[i], NULL);
        return r < 0 ? r : atomic_load(&job->error);
}

static double wall_seconds(void)
{
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static double cpu_seconds(void)
{
        struct rusage usage;

        (void) getrusage(RUSAGE_SELF, &usage);
        return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Times the loop with a fresh mapping: each page is mapped in as it is for a dump engine. */
static int loop_time(const char *core_path, const Codec *codec, const Pages *pages,
                     unsigned n_threads)
{
        _cleanup_(unmap_file) File core = {};
        double wall = wall_seconds(), cpu = cpu_seconds();
        Job job = { .codec = codec, .pages = pages };
        int r;

        r = map_file(core_path, &core);
        if (r < 0)
                return r;
        job.core = core.data;
        r = loop_run(&job, n_threads);
        if (r < 0)
                return r;
        printf("{\"codec\": \"%s\", \"threads\": %u, \"pages\": %zu, \"zero\": %zu, \"repeated\": "
               "%zu, "
               "\"wall\": %.6f, \"cpu\": %.6f, \"bytes\": %llu, \"sum\": %llu}\n",
               codec->name, n_threads, pages->count, pages->zero, pages->repeated,
               wall_seconds() - wall, cpu_seconds() - cpu,
               (unsigned long long) atomic_load(&job.stored_bytes),
               (unsigned long long) atomic_load(&job.sum));
        return 0;
}

int main(int argc, char **argv)
{
        const Codec *codec = argc == 5 ? codec_find(argv[3]) : NULL;
        unsigned long n_threads = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
        Pages pages = {};
        int r;

        if (!codec || n_threads < 1 || n_threads > THREADS_MAX) {
                fprintf(stderr, "Usage: bench-loops RAW_ELF_CORE VMCORE CODEC THREADS\n");
                return 2;
        }
        r = pages_find(argv[1], argv[2], &pages);
        if (r >= 0)
                r = loop_time(argv[1], codec, &pages, (unsigned) n_threads);
        free(pages.offsets);
        if (r < 0)
                fprintf(stderr, "bench-loops: %s\n", strerror(-r));
        return r < 0 ? 1 : 0;
}
