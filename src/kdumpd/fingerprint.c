/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the memory of what files held, and the rule by which it is believed. */
#include "fingerprint.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <time.h>

#include "io.h"
#include "rootdir.h"

/* Far more than a few images are made of. A full memory is emptied: that costs one reading. */
#define ENTRIES_MAX 16384

/* A file that was written to less than this before it was read may be written to once more without
 * another time or size: a file system's clock moves in steps of a jiffy, and some (vfat) keep times
 * of 2 s. */
#define SETTLED_NSEC (3 * NSEC_PER_SEC)

typedef struct Fingerprint {
        uint64_t device, inode;
        int64_t size_bytes;
        struct timespec mtime, ctime;
        char hex[SHA256_HEX_SIZE];
} Fingerprint;

struct FingerprintCache {
        Fingerprint *items; /* by device and inode */
        size_t n_items, n_allocated;
        uint64_t reads, saved_reads; /* in all, and when it was written to disk */
};

FingerprintCache *fingerprint_cache_new(void)
{
        return calloc(1, sizeof(FingerprintCache));
}

FingerprintCache *fingerprint_cache_free(FingerprintCache *cache)
{
        if (!cache)
                return NULL;
        free(cache->items);
        free(cache);
        return NULL;
}

uint64_t fingerprint_cache_reads(const FingerprintCache *cache)
{
        return cache->reads;
}

static Fingerprint fingerprint_of(const struct stat *st)
{
        return (Fingerprint){
                .device = (uint64_t) st->st_dev,
                .inode = (uint64_t) st->st_ino,
                .size_bytes = (int64_t) st->st_size,
                .mtime = st->st_mtim,
                .ctime = st->st_ctim,
        };
}

static int place_compare(const Fingerprint *a, const Fingerprint *b)
{
        if (a->device != b->device)
                return a->device < b->device ? -1 : 1;
        return (a->inode > b->inode) - (a->inode < b->inode);
}

static bool time_equal(const struct timespec *a, const struct timespec *b)
{
        return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_same(const Fingerprint *a, const Fingerprint *b)
{
        return place_compare(a, b) == 0 && a->size_bytes == b->size_bytes &&
               time_equal(&a->mtime, &b->mtime) && time_equal(&a->ctime, &b->ctime);
}

/* The index of the first entry that is not before @wanted. */
static size_t cache_place(const FingerprintCache *cache, const Fingerprint *wanted)
{
        size_t low = 0, high = cache->n_items;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (place_compare(cache->items + middle, wanted) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static const Fingerprint *cache_find(const FingerprintCache *cache, const Fingerprint *wanted)
{
        size_t place = cache_place(cache, wanted);

        return place < cache->n_items && is_same(cache->items + place, wanted)
                       ? cache->items + place
                       : NULL;
}

static bool cache_grow(FingerprintCache *cache)
{
        size_t n = cache->n_allocated > 0 ? cache->n_allocated * 2 : 256;
        Fingerprint *bigger;

        if (cache->n_items == ENTRIES_MAX)
                cache->n_items = 0;
        if (cache->n_items < cache->n_allocated)
                return true;
        bigger = reallocarray(cache->items, n, sizeof(*bigger));
        if (!bigger)
                return false;
        cache->items = bigger;
        cache->n_allocated = n;
        return true;
}

/* Without memory for it the file is read again. */
static void cache_put(FingerprintCache *cache, const Fingerprint *fingerprint)
{
        size_t place = cache_place(cache, fingerprint);

        if (place < cache->n_items && place_compare(cache->items + place, fingerprint) == 0) {
                cache->items[place] = *fingerprint;
                return;
        }
        if (!cache_grow(cache))
                return;
        place = cache_place(cache, fingerprint);
        memmove(cache->items + place + 1, cache->items + place,
                (cache->n_items - place) * sizeof(*cache->items));
        cache->items[place] = *fingerprint;
        cache->n_items++;
}

static bool time_settled(const struct timespec *time, uint64_t now_nsec)
{
        uint64_t nsec;

        if (time->tv_sec < 0)
                return true;
        return !__builtin_mul_overflow((uint64_t) time->tv_sec, NSEC_PER_SEC, &nsec) &&
               !__builtin_add_overflow(nsec, (uint64_t) time->tv_nsec + SETTLED_NSEC, &nsec) &&
               nsec < now_nsec;
}

static bool is_settled(const Fingerprint *fingerprint, uint64_t now_nsec)
{
        return time_settled(&fingerprint->mtime, now_nsec) &&
               time_settled(&fingerprint->ctime, now_nsec);
}

/* O_PATH first: opening a device or a pipe may do something, or wait. */
static int look(int root_fd, const char *path, Fingerprint *ret)
{
        _cleanup_close_ int fd = root_open(root_fd, path, O_PATH);
        struct stat st;

        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
        *ret = fingerprint_of(&st);
        return 0;
}

/* *ret_steady: nobody wrote while we read. */
static int read_file(int root_fd, const char *path, Fingerprint *ret, bool *ret_steady)
{
        _cleanup_close_ int fd =
                root_open(root_fd, path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_NOATIME);
        Fingerprint before, after;
        struct stat st;
        int r;

        /* O_NOATIME is for the owner and root only. */
        if (fd == -EPERM)
                fd = root_open(root_fd, path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        before = fingerprint_of(&st);
        r = sha256_fd(fd, before.hex);
        if (r < 0)
                return r;
        if (fstat(fd, &st) < 0)
                return -errno;
        after = fingerprint_of(&st);
        *ret = before;
        *ret_steady = is_same(&before, &after);
        return 0;
}

int fingerprint_file_at(FingerprintCache *cache, int root_fd, const char *path, uint64_t now_nsec,
                        char ret_hex[static SHA256_HEX_SIZE])
{
        const Fingerprint *known;
        Fingerprint now;
        bool steady = false;
        int r;

        r = look(root_fd, path, &now);
        if (r < 0)
                return r;
        known = cache ? cache_find(cache, &now) : NULL;
        if (known) {
                memcpy(ret_hex, known->hex, SHA256_HEX_SIZE);
                return 0;
        }
        r = read_file(root_fd, path, &now, &steady);
        if (r < 0)
                return r;
        if (cache) {
                cache->reads++;
                if (steady && is_settled(&now, now_nsec))
                        cache_put(cache, &now);
        }
        memcpy(ret_hex, now.hex, SHA256_HEX_SIZE);
        return 0;
}

int fingerprint_file(FingerprintCache *cache, int root_fd, const char *path,
                     char ret_hex[static SHA256_HEX_SIZE])
{
        return fingerprint_file_at(cache, root_fd, path, clock_nsec(CLOCK_REALTIME), ret_hex);
}

#define FILE_HEADER "kdumpd fingerprints 1"
#define FILE_BYTES_MAX ((size_t) 8 * 1024 * 1024)

/* "device inode size mtime ctime hash", numbers in decimal, times as seconds.nanoseconds. */
static bool entry_from_line(const char *line, Fingerprint *ret)
{
        Fingerprint f = { 0 };
        int64_t mtime, ctime;
        int end = 0;

        if (sscanf(line,
                   "%" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNd64 ".%ld %" SCNd64
                   ".%ld %64[0-9a-f]%n",
                   &f.device, &f.inode, &f.size_bytes, &mtime, &f.mtime.tv_nsec, &ctime,
                   &f.ctime.tv_nsec, f.hex, &end) != 8 ||
            line[end] || strlen(f.hex) != SHA256_HEX_SIZE - 1)
                return false;
        f.mtime.tv_sec = (time_t) mtime;
        f.ctime.tv_sec = (time_t) ctime;
        *ret = f;
        return true;
}

/* A line that is no entry spoils all of them: what wrote it was not this program. */
void fingerprint_cache_load(FingerprintCache *cache, int root_fd, const char *path)
{
        _cleanup_free_ char *text = NULL;
        const char *line;
        char *rest;

        cache->n_items = 0;
        if (root_read(root_fd, path, FILE_BYTES_MAX, &text, NULL) < 0)
                return;
        rest = text;
        line = strsep(&rest, "\n");
        if (!streq(line, FILE_HEADER))
                return;
        while ((line = strsep(&rest, "\n")) && *line) {
                Fingerprint fingerprint;

                if (!entry_from_line(line, &fingerprint)) {
                        cache->n_items = 0;
                        return;
                }
                cache_put(cache, &fingerprint);
        }
}

static int cache_format(const FingerprintCache *cache, char **ret, size_t *ret_size)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return -ENOMEM;
        (void) fprintf(f, FILE_HEADER "\n");
        for (size_t i = 0; i < cache->n_items; i++) {
                const Fingerprint *p = cache->items + i;

                (void) fprintf(
                        f,
                        "%" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 ".%ld %" PRId64 ".%ld %s\n",
                        p->device, p->inode, p->size_bytes, (int64_t) p->mtime.tv_sec,
                        p->mtime.tv_nsec, (int64_t) p->ctime.tv_sec, p->ctime.tv_nsec, p->hex);
        }
        if (fclose(f) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        *ret_size = size;
        return 0;
}

int fingerprint_cache_save(FingerprintCache *cache, int root_fd, const char *path)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        if (cache->reads == cache->saved_reads)
                return 0;
        r = cache_format(cache, &text, &size);
        if (r < 0)
                return r;
        r = file_write_atomic(root_fd, root_relative(path), text, size, 0600);
        if (r >= 0)
                cache->saved_reads = cache->reads;
        return r;
}
