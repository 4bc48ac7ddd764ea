/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the reading of the crash area through /proc/kcore. */
#include "crash-area.h"

#include <elf.h>
#include <endian.h>
#include <fcntl.h>

#include "generation.h"
#include "io.h"
#include "iomem.h"
#include "rootdir.h"

/* elfcorehdr has 917,616 bytes at most with 8192 CPUs and 8192 ranges of memory. */
#define HEAD_BYTES (1024 * 1024)
#define TAIL_BYTES (128 * 1024)
#define AREA_BYTES_MIN (2 * 1024 * 1024)

#define SAMPLES 960
#define SAMPLE_BYTES 64

#define HEADERS_AT_ONCE 64

/* What is hashed. */
typedef struct Sample {
        IomemRange area;
        uint8_t spread[SAMPLES][SAMPLE_BYTES];
        uint8_t tail[TAIL_BYTES];
} Sample;

/* The image is in the highest one: others are the crash kernel's memory below 4 GiB. */
static int find_area(int root_fd, IomemRange *ret)
{
        _cleanup_free_ IomemRange *ranges = NULL;
        size_t n;
        int r;

        r = iomem_read(root_fd, "Crash kernel", &ranges, &n);
        if (r < 0)
                return r;
        if (ranges[n - 1].last_paddr - ranges[n - 1].first_paddr < AREA_BYTES_MIN - 1)
                return -EOPNOTSUPP;
        *ret = ranges[n - 1];
        return 0;
}

static int open_kcore(int root_fd)
{
        int fd = root_open(root_fd, "/proc/kcore", O_RDONLY | O_NOCTTY);

        if (fd == -EPERM) /* without CAP_SYS_RAWIO, and under lockdown */
                return -EACCES;
        return fd == -ENOENT ? -EOPNOTSUPP : fd;
}

static int read_elf_header(int fd, Elf64_Ehdr *ret)
{
        const uint8_t data = __BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB;
        Elf64_Ehdr header;
        int r;

        r = pread_full(fd, &header, sizeof(header), 0);
        if (r < 0)
                return r == -ENODATA ? -EOPNOTSUPP : r;
        if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
            header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != data ||
            header.e_phentsize != sizeof(Elf64_Phdr) ||
            header.e_phoff > INT64_MAX - UINT16_MAX * sizeof(Elf64_Phdr))
                return -EOPNOTSUPP;
        *ret = header;
        return 0;
}

/* The segments of the direct map have the physical address, those of other mappings -1. Before
 * v4.11 all have 0 (fs/proc/kcore.c), so that 0 is one only if others have -1. */
typedef struct Search {
        IomemRange area;
        bool has_paddr; /* the kernel tells addresses */
        bool found, found_at_zero;
        uint64_t offset_bytes, offset_at_zero_bytes;
} Search;

static void search_segment(Search *search, const Elf64_Phdr *segment)
{
        uint64_t skip, end, offset;

        if (segment->p_type != PT_LOAD)
                return;
        if (segment->p_paddr == UINT64_MAX) {
                search->has_paddr = true;
                return;
        }
        if (segment->p_paddr > search->area.first_paddr ||
            __builtin_add_overflow(segment->p_paddr, segment->p_filesz, &end) ||
            end <= search->area.last_paddr)
                return;
        skip = search->area.first_paddr - segment->p_paddr;
        if (__builtin_add_overflow(segment->p_offset, skip, &offset))
                return;
        if (segment->p_paddr == 0) {
                search->found_at_zero = true;
                search->offset_at_zero_bytes = offset;
        } else {
                search->found = true;
                search->offset_bytes = offset;
        }
}

/* Where in /proc/kcore the area begins. All of it is in one segment, as it is in one range of
 * System RAM. */
static int find_offset(int fd, IomemRange area, uint64_t *ret_bytes)
{
        Search search = { .area = area };
        Elf64_Phdr segments[HEADERS_AT_ONCE];
        Elf64_Ehdr header;
        int r;

        r = read_elf_header(fd, &header);
        if (r < 0)
                return r;
        for (size_t i = 0; i < header.e_phnum; i += HEADERS_AT_ONCE) {
                size_t n = MIN((size_t) header.e_phnum - i, (size_t) HEADERS_AT_ONCE);

                r = pread_full(fd, segments, n * sizeof(*segments),
                               header.e_phoff + i * sizeof(*segments));
                if (r < 0)
                        return r == -ENODATA ? -EOPNOTSUPP : r;
                for (size_t j = 0; j < n; j++)
                        search_segment(&search, segments + j);
        }
        if (search.found)
                *ret_bytes = search.offset_bytes;
        else if (search.found_at_zero && search.has_paddr)
                *ret_bytes = search.offset_at_zero_bytes;
        else
                return -EOPNOTSUPP;
        return 0;
}

/* Of @bytes from @offset on in the area, what is in @live becomes zero. */
static void blank(const Sample *sample, Range live, uint64_t offset, uint8_t *bytes, size_t n)
{
        uint64_t start = sample->area.first_paddr + offset;

        for (size_t i = 0; i < n; i++)
                if (start + i >= live.start && start + i < live.end)
                        bytes[i] = 0;
}

static int read_sample(int fd, uint64_t offset_bytes, Range live, Sample *sample)
{
        uint64_t size_bytes = sample->area.last_paddr - sample->area.first_paddr + 1;
        uint64_t spread_bytes = size_bytes - HEAD_BYTES - TAIL_BYTES, end;
        int r;

        if (__builtin_add_overflow(offset_bytes, size_bytes, &end) || end > INT64_MAX)
                return -EOPNOTSUPP;
        for (size_t i = 0; i < SAMPLES; i++) {
                uint64_t offset = HEAD_BYTES + spread_bytes / SAMPLES * i;

                r = pread_full(fd, sample->spread[i], SAMPLE_BYTES, offset_bytes + offset);
                if (r < 0)
                        return r;
                blank(sample, live, offset, sample->spread[i], SAMPLE_BYTES);
        }
        r = pread_full(fd, sample->tail, TAIL_BYTES, end - TAIL_BYTES);
        if (r < 0)
                return r;
        blank(sample, live, size_bytes - TAIL_BYTES, sample->tail, TAIL_BYTES);
        if (mem_is_zero(sample->spread, sizeof(sample->spread)) &&
            mem_is_zero(sample->tail, sizeof(sample->tail)))
                return -EOPNOTSUPP;
        return 0;
}

int crash_area_sample(int root_fd, Range live, char ret_hex[static SHA256_HEX_SIZE])
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ Sample *sample = calloc(1, sizeof(*sample));
        uint64_t offset_bytes;
        int r;

        if (!sample)
                return -ENOMEM;
        r = find_area(root_fd, &sample->area);
        if (r < 0)
                return r;
        fd = open_kcore(root_fd);
        if (fd < 0)
                return fd;
        r = find_offset(fd, sample->area, &offset_bytes);
        if (r < 0)
                return r;
        r = read_sample(fd, offset_bytes, live, sample);
        if (r < 0)
                return r == -ENODATA ? -EOPNOTSUPP : r;
        return generation_hash(sample, sizeof(*sample), ret_hex);
}
