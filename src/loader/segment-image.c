/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the memory that segments are loaded from. */
#include "segment-image.h"

#include <inttypes.h>
#include <sys/mman.h>

#include "layout-check.h"
#include "text.h"

#define PAGE_BYTES UINT64_C(4096)

/* At once, of /proc/kcore. */
#define VERIFY_BYTES ((size_t) 256 * 1024)

void segment_image_done(SegmentImage *image)
{
        if (!image)
                return;
        if (image->arena)
                (void) munmap(image->arena, image->arena_bytes);
        crash_image_done(&image->crash);
        *image = (SegmentImage){ 0 };
}

uint64_t segment_list_bytes(const SegmentList *list)
{
        uint64_t bytes = 0;

        for (size_t i = 0; i < list->n; i++)
                bytes += list->segments[i].memsz;
        return bytes;
}

/* One copy of an extent: its content is @bytes from @paddr on. */
typedef struct Copy {
        ExtentRole role;
        bool mirror;
        uint64_t paddr, bytes;
        const uint8_t *content;
} Copy;

typedef struct CopyList {
        Copy copies[2 * _EXTENT_ROLE_MAX];
        size_t n;
} CopyList;

static void list_copies(const CrashImage *crash, CopyList *ret)
{
        *ret = (CopyList){ 0 };
        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++) {
                const LayoutExtent *e = crash->layout.extents + role;
                uint64_t skip = role == EXTENT_ELFCOREHDR && crash->layout.live_elfcorehdr
                                        ? PURGATORY_ELF_COPY_OFFSET
                                        : 0;

                if (!e->present)
                        continue;
                ret->copies[ret->n++] =
                        (Copy){ role, false, e->paddr, e->bytes, crash->content[role] };
                if (e->mirror_paddr > 0)
                        ret->copies[ret->n++] = (Copy){ role, true, e->mirror_paddr + skip,
                                                        e->bytes, crash->content[role] };
        }
}

static bool is_inside(const Copy *copy, Range range)
{
        return copy->paddr >= range.start && copy->paddr < range.end;
}

/* A big segment is one copy of one extent, from its first byte on. */
static int make_big(const CopyList *list, const LayoutSegment *segment, struct kexec_segment *ret,
                    char **reterr_message)
{
        const Copy *found = NULL;

        for (size_t i = 0; i < list->n; i++) {
                if (!is_inside(list->copies + i, segment->range))
                        continue;
                if (found)
                        return fail_text(-EINVAL, reterr_message,
                                         "the segment at 0x%" PRIx64 " holds two extents",
                                         segment->range.start);
                found = list->copies + i;
        }
        if (!found || found->paddr != segment->range.start ||
            found->bytes > range_bytes(segment->range))
                return fail_text(-EINVAL, reterr_message,
                                 "the segment at 0x%" PRIx64 " is not one extent",
                                 segment->range.start);
        *ret = (struct kexec_segment){
                .buf = found->content,
                .bufsz = found->bytes,
                .mem = (void *) (uintptr_t) segment->range.start,
                .memsz = range_bytes(segment->range),
        };
        return 0;
}

/* The content of all that is inside, from @buffer on. */
static int make_small(const CopyList *list, const LayoutSegment *segment, uint8_t *buffer,
                      struct kexec_segment *ret, char **reterr_message)
{
        uint64_t used = 0;

        for (size_t i = 0; i < list->n; i++) {
                const Copy *copy = list->copies + i;
                uint64_t offset = copy->paddr - segment->range.start;

                if (!is_inside(copy, segment->range))
                        continue;
                if (copy->bytes > range_bytes(segment->range) - offset)
                        return fail_text(-EINVAL, reterr_message,
                                         "the %s leaves its segment at 0x%" PRIx64,
                                         extent_role_to_string(copy->role), segment->range.start);
                memcpy(buffer + offset, copy->content, copy->bytes);
                used = MAX(used, offset + copy->bytes);
        }
        *ret = (struct kexec_segment){
                .buf = buffer,
                .bufsz = used,
                .mem = (void *) (uintptr_t) segment->range.start,
                .memsz = range_bytes(segment->range),
        };
        return 0;
}

static int arena_new(SegmentImage *image)
{
        const Layout *layout = &image->crash.layout;
        uint64_t bytes = 0;

        for (size_t i = 0; i < layout->n_segments; i++)
                if (layout->segments[i].small)
                        bytes += range_bytes(layout->segments[i].range);
        image->arena = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (image->arena == MAP_FAILED) {
                image->arena = NULL;
                return -errno;
        }
        image->arena_bytes = bytes;
        /* A page that has to come back from swap would come in the gap. What is not allowed to be
         * locked is loaded all the same. */
        (void) mlock(image->arena, image->arena_bytes);
        return 0;
}

static int make_segments(SegmentImage *image, char **reterr_message)
{
        const Layout *layout = &image->crash.layout;
        uint64_t offset = 0;
        CopyList list;
        int r;

        list_copies(&image->crash, &list);
        for (size_t i = 0; i < layout->n_segments; i++) {
                const LayoutSegment *segment = layout->segments + i;
                struct kexec_segment *full = image->full.segments + image->full.n;

                if (segment->small)
                        r = make_small(&list, segment, image->arena + offset, full, reterr_message);
                else
                        r = make_big(&list, segment, full, reterr_message);
                if (r < 0)
                        return r;
                image->full.n++;
                if (!segment->small)
                        continue;
                offset += range_bytes(segment->range);
                image->small.segments[image->small.n++] = *full;
        }
        return 0;
}

typedef int (*LayoutCheck)(const Layout *layout, const LoaderFacts *facts,
                           const LayoutCheckSegment *segments, size_t n, uint64_t entry,
                           char **reterr_message);

static int check_list(const SegmentImage *image, const LoaderFacts *facts, const SegmentList *list,
                      LayoutCheck check, char **reterr_message)
{
        LayoutCheckSegment checked[LAYOUT_SEGMENTS_MAX];

        for (size_t i = 0; i < list->n; i++) {
                const struct kexec_segment *segment = list->segments + i;
                uint64_t start = (uintptr_t) segment->mem;

                checked[i] = (LayoutCheckSegment){
                        .range = { start, start + segment->memsz },
                        .buffer_bytes = segment->bufsz,
                };
        }
        return check(&image->crash.layout, facts, checked, list->n, image->crash.layout.entry,
                     reterr_message);
}

int segment_image_check_parts(const SegmentImage *image, const LoaderFacts *facts,
                              const SegmentList *list, char **reterr_message)
{
        return check_list(image, facts, list, layout_check_parts, reterr_message);
}

int segment_image_make(CrashImage *crash, const LoaderFacts *facts, SegmentImage *ret,
                       char **reterr_message)
{
        _cleanup_(segment_image_done) SegmentImage image = { 0 };
        int r;

        image.crash = *crash;
        *crash = (CrashImage){ 0 };
        r = arena_new(&image);
        if (r < 0)
                return r;
        r = make_segments(&image, reterr_message);
        if (r < 0)
                return r;
        r = check_list(&image, facts, &image.full, layout_check_segments, reterr_message);
        if (r < 0)
                return r;
        r = check_list(&image, facts, &image.small, layout_check_segments, reterr_message);
        if (r < 0)
                return r;
        *ret = image;
        image = (SegmentImage){ 0 };
        return 0;
}

/* Returns 1 with *ret_offset of the first byte that differs. */
static int compare(const Copy *copy, const KcoreMap *map, uint8_t *buffer, uint64_t *ret_offset)
{
        for (uint64_t offset = 0; offset < copy->bytes;) {
                size_t n = MIN(copy->bytes - offset, VERIFY_BYTES);
                int r = kcore_map_read(map, copy->paddr + offset, buffer, n);

                if (r < 0)
                        return r;
                if (memcmp(buffer, copy->content + offset, n) != 0) {
                        for (size_t i = 0; i < n && buffer[i] == copy->content[offset]; i++)
                                offset++;
                        *ret_offset = offset;
                        return 1;
                }
                offset += n;
        }
        return 0;
}

/* What the kernel itself rewrites is as it should be, whatever it is. */
static bool is_compared(const SegmentImage *image, const Copy *copy, SegmentScope scope)
{
        const Layout *layout = &image->crash.layout;

        if (copy->role == EXTENT_ELFCOREHDR && layout->live_elfcorehdr && !copy->mirror)
                return false;
        if (scope == SEGMENTS_ALL)
                return true;
        for (size_t i = 0; i < layout->n_segments; i++)
                if (is_inside(copy, layout->segments[i].range))
                        return !layout->segments[i].small;
        return true;
}

int segment_image_verify(const SegmentImage *image, const KcoreMap *map, SegmentScope scope,
                         SegmentDamage *ret)
{
        _cleanup_free_ uint8_t *buffer = malloc(VERIFY_BYTES);
        CopyList list;

        if (!buffer)
                return -ENOMEM;
        list_copies(&image->crash, &list);
        for (size_t i = 0; i < list.n; i++) {
                const Copy *copy = list.copies + i;
                uint64_t offset;
                int r;

                if (!is_compared(image, copy, scope))
                        continue;
                r = compare(copy, map, buffer, &offset);
                if (r < 0)
                        return r;
                if (r > 0) {
                        *ret = (SegmentDamage){ copy->role, copy->mirror, copy->paddr + offset };
                        return 1;
                }
        }
        return 0;
}
