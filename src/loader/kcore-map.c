/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the reading of /proc/kcore: its headers, and memory by its physical address. */
#include "kcore-map.h"

#include <elf.h>
#include <endian.h>
#include <fcntl.h>

#include "io.h"
#include "rootdir.h"

/* p_paddr of what has no physical address (fs/proc/kcore.c, since v4.11; before, all have 0). */
#define NO_PADDR UINT64_MAX

void kcore_map_done(KcoreMap *map)
{
        if (!map)
                return;
        close_fd(map->fd);
        free(map->parts);
        *map = KCORE_MAP_NULL;
}

static void kcore_map_freep(KcoreMap *map)
{
        kcore_map_done(map);
}

static int read_header(int fd, Elf64_Ehdr *ret)
{
        const uint8_t data = __BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB;
        Elf64_Ehdr header;
        int r;

        r = pread_full(fd, &header, sizeof(header), 0);
        if (r < 0)
                return r == -ENODATA ? -EBADMSG : r;
        if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
            header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != data ||
            header.e_type != ET_CORE || header.e_phentsize != sizeof(Elf64_Phdr) ||
            header.e_phoff < sizeof(header) ||
            header.e_phoff > INT64_MAX - UINT16_MAX * sizeof(Elf64_Phdr))
                return -EBADMSG;
        /* The kernel does not put the number elsewhere if it is too large for the field. */
        if (header.e_phnum == 0 || header.e_phnum == PN_XNUM)
                return -EBADMSG;
        *ret = header;
        return 0;
}

static int read_segments(int fd, Elf64_Phdr **ret, size_t *ret_n, uint64_t *ret_end_offset)
{
        _cleanup_free_ Elf64_Phdr *segments = NULL;
        Elf64_Ehdr header;
        int r;

        r = read_header(fd, &header);
        if (r < 0)
                return r;
        segments = calloc(header.e_phnum, sizeof(*segments));
        if (!segments)
                return -ENOMEM;
        r = pread_full(fd, segments, header.e_phnum * sizeof(*segments), header.e_phoff);
        if (r < 0)
                return r == -ENODATA ? -EBADMSG : r;
        *ret = TAKE_PTR(segments);
        *ret_n = header.e_phnum;
        *ret_end_offset = header.e_phoff + header.e_phnum * sizeof(*segments);
        return 0;
}

static int make_part(const Elf64_Phdr *segment, uint64_t headers_end_offset, KcorePart *ret)
{
        uint64_t end;

        if (__builtin_add_overflow(segment->p_paddr, segment->p_filesz, &end) ||
            __builtin_add_overflow(segment->p_vaddr, segment->p_filesz, &end) ||
            __builtin_add_overflow(segment->p_offset, segment->p_filesz, &end) || end > INT64_MAX ||
            segment->p_offset < headers_end_offset)
                return -EBADMSG;
        *ret = (KcorePart){
                .paddr = segment->p_paddr,
                .bytes = segment->p_filesz,
                .offset = segment->p_offset,
                .vaddr = segment->p_vaddr,
        };
        return 0;
}

/* The larger one first, where two begin at the same address. */
static int part_compare(const void *a, const void *b)
{
        const KcorePart *x = a, *y = b;

        if (x->paddr != y->paddr)
                return x->paddr > y->paddr ? 1 : -1;
        return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

static int make_parts(const Elf64_Phdr *segments, size_t n, uint64_t headers_end_offset,
                      KcoreMap *map)
{
        bool any = false, any_paddr = false;
        int r;

        map->parts = calloc(n, sizeof(*map->parts));
        if (!map->parts)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                if (segments[i].p_type != PT_LOAD)
                        continue;
                any = true;
                if (segments[i].p_paddr == NO_PADDR || segments[i].p_filesz == 0)
                        continue;
                r = make_part(segments + i, headers_end_offset, map->parts + map->n_parts);
                if (r < 0)
                        return r;
                any_paddr = any_paddr || segments[i].p_paddr != 0;
                map->n_parts++;
        }
        if (!any)
                return -EBADMSG;
        if (!any_paddr)
                return -EOPNOTSUPP;
        qsort(map->parts, map->n_parts, sizeof(*map->parts), part_compare);
        return 0;
}

int kcore_map_open(int root_fd, KcoreMap *ret)
{
        _cleanup_(kcore_map_freep) KcoreMap map = KCORE_MAP_NULL;
        _cleanup_free_ Elf64_Phdr *segments = NULL;
        uint64_t headers_end_offset;
        size_t n;
        int r;

        map.fd = root_open(root_fd, "/proc/kcore", O_RDONLY | O_NOCTTY);
        if (map.fd < 0)
                return map.fd;
        r = read_segments(map.fd, &segments, &n, &headers_end_offset);
        if (r < 0)
                return r;
        r = make_parts(segments, n, headers_end_offset, &map);
        if (r < 0)
                return r;
        *ret = map;
        map = KCORE_MAP_NULL;
        return 0;
}

const KcorePart *kcore_map_find(const KcoreMap *map, uint64_t paddr)
{
        const KcorePart *found = NULL;

        for (size_t i = 0; i < map->n_parts && map->parts[i].paddr <= paddr; i++) {
                const KcorePart *part = map->parts + i;

                if (paddr - part->paddr < part->bytes && (!found || found->bytes < part->bytes))
                        found = part;
        }
        return found;
}

int kcore_map_read(const KcoreMap *map, uint64_t paddr, void *buf, size_t bytes)
{
        uint8_t *p = buf;
        int r;

        while (bytes > 0) {
                const KcorePart *part = kcore_map_find(map, paddr);
                uint64_t skip, n;

                if (!part)
                        return -ERANGE;
                skip = paddr - part->paddr;
                n = MIN((uint64_t) bytes, part->bytes - skip);
                r = pread_full(map->fd, p, n, part->offset + skip);
                if (r < 0)
                        return r;
                p += n;
                paddr += n;
                bytes -= n;
        }
        return 0;
}
