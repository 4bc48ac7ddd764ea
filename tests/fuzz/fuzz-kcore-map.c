/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: the headers of /proc/kcore, and reading memory through them. The input is the file;
 * e_ident[15], padding that nobody reads, makes it longer by zeros, to 2^n bytes. */
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "io.h"
#include "kcore-map.h"

#define LENGTH_BITS_MAX 32

/* So many parts are looked at in detail. */
#define N_PARTS_LOOKED_AT 64

static void kcore_map_freep(KcoreMap *map)
{
        kcore_map_done(map);
}

static void kcore_write(int root_fd, const uint8_t *data, size_t size)
{
        _cleanup_close_ int fd = -EBADF;
        uint64_t length = 0;

        FUZZ_CHECK(mkdirat(root_fd, "proc", 0700) == 0);
        fd = openat(root_fd, "proc/kcore", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        FUZZ_CHECK(fd >= 0);
        if (size > 0)
                FUZZ_CHECK(pwrite_full(fd, data, size, 0) == 0);
        if (size >= EI_NIDENT)
                length = UINT64_C(1) << data[EI_NIDENT - 1] % (LENGTH_BITS_MAX + 1);
        if (length > size)
                FUZZ_CHECK(ftruncate(fd, (off_t) length) == 0);
}

static bool part_has(const KcorePart *part, uint64_t paddr)
{
        return paddr >= part->paddr && paddr - part->paddr < part->bytes;
}

/* It is the largest that has it. */
static void find_check(const KcoreMap *map, uint64_t paddr)
{
        const KcorePart *found = kcore_map_find(map, paddr);

        FUZZ_CHECK(!found || part_has(found, paddr));
        for (size_t i = 0; i < map->n_parts; i++)
                FUZZ_CHECK(!part_has(map->parts + i, paddr) ||
                           (found && found->bytes >= map->parts[i].bytes));
}

static void read_check(const KcoreMap *map, uint64_t paddr)
{
        const KcorePart *part = kcore_map_find(map, paddr);
        uint8_t buf[64], byte;
        int r;

        r = kcore_map_read(map, paddr, buf, sizeof(buf));
        FUZZ_CHECK(r == 0 || r == -ERANGE || r == -ENODATA);
        FUZZ_CHECK(part || r == -ERANGE);
        if (r < 0)
                return;
        FUZZ_CHECK(pread_full(map->fd, &byte, 1, part->offset + (paddr - part->paddr)) == 0);
        FUZZ_CHECK(buf[0] == byte);
}

static void map_check(const KcoreMap *map)
{
        uint64_t end;

        FUZZ_CHECK(map->n_parts > 0);
        for (size_t i = 0; i < map->n_parts; i++) {
                const KcorePart *part = map->parts + i;

                FUZZ_CHECK(part->bytes > 0);
                FUZZ_CHECK(!__builtin_add_overflow(part->paddr, part->bytes, &end));
                FUZZ_CHECK(!__builtin_add_overflow(part->vaddr, part->bytes, &end));
                FUZZ_CHECK(!__builtin_add_overflow(part->offset, part->bytes, &end) &&
                           end <= INT64_MAX);
                FUZZ_CHECK(i == 0 || part[-1].paddr <= part->paddr);
        }
        for (size_t i = 0; i < MIN(map->n_parts, (size_t) N_PARTS_LOOKED_AT); i++) {
                const KcorePart *part = map->parts + i;
                uint64_t places[] = { part->paddr, part->paddr + part->bytes - 1,
                                      part->paddr + part->bytes, part->paddr - 1 };

                for (size_t j = 0; j < ELEMENTSOF(places); j++) {
                        find_check(map, places[j]);
                        read_check(map, places[j]);
                }
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(kcore_map_freep) KcoreMap map = KCORE_MAP_NULL;
        _cleanup_close_ int root_fd = -EBADF;
        char root[] = "/tmp/fuzz-kcore-map-XXXXXX";
        int r;

        FUZZ_CHECK(mkdtemp(root));
        root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        FUZZ_CHECK(root_fd >= 0);
        kcore_write(root_fd, data, size);
        r = kcore_map_open(root_fd, &map);
        FUZZ_CHECK(unlinkat(root_fd, "proc/kcore", 0) == 0);
        FUZZ_CHECK(unlinkat(root_fd, "proc", AT_REMOVEDIR) == 0 && rmdir(root) == 0);
        FUZZ_CHECK(r == 0 || r == -EBADMSG || r == -EOPNOTSUPP);
        if (r == 0)
                map_check(&map);
        return 0;
}
