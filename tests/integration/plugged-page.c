/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plugged-page START END: takes pages until one of them is in this range of physical addresses, fills it with a pattern that
 * tells the place of each word in the page, prints its number, and holds it until it is killed. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_BYTES 4096
#define CHUNK_BYTES (1 << 20)
#define CHUNKS_MAX 4096
#define PFN_MASK ((UINT64_C(1) << 55) - 1) /* Documentation/admin-guide/mm/pagemap.rst */
#define PATTERN UINT64_C(0x6b64756d70640000)

static uint64_t pfn_of(int fd, const void *page)
{
        uint64_t entry;

        if (pread(fd, &entry, sizeof(entry), (off_t) ((uintptr_t) page / PAGE_BYTES * sizeof(entry))) !=
            sizeof(entry))
                return 0;
        return entry & PFN_MASK;
}

static uint64_t *find(int fd, uint64_t first_pfn, uint64_t end_pfn)
{
        for (int i = 0; i < CHUNKS_MAX; i++) {
                char *chunk = mmap(NULL, CHUNK_BYTES, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);

                if (chunk == MAP_FAILED)
                        return NULL;
                for (char *page = chunk; page < chunk + CHUNK_BYTES; page += PAGE_BYTES) {
                        uint64_t pfn = pfn_of(fd, page);

                        if (pfn >= first_pfn && pfn < end_pfn)
                                return (uint64_t *) page;
                }
        }
        return NULL;
}

int main(int argc, char **argv)
{
        int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
        uint64_t *words;

        if (argc != 3 || fd < 0)
                return 2;
        words = find(fd, strtoull(argv[1], NULL, 0) / PAGE_BYTES, strtoull(argv[2], NULL, 0) / PAGE_BYTES);
        if (!words) {
                fprintf(stderr, "no page was in the range\n");
                return 1;
        }
        for (uint64_t i = 0; i < PAGE_BYTES / sizeof(*words); i++)
                words[i] = PATTERN | i;
        printf("%llu\n", (unsigned long long) pfn_of(fd, words));
        fflush(stdout);
        for (;;)
                pause();
}
