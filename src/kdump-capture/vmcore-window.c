/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the windows into a vmcore, mapped or read, and the guard against SIGBUS from the mapped one.
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "vmcore-internal.h"

/* How much is read ahead where mapping is not possible. */
#define READ_AHEAD_BYTES (UINT64_C(1) << 20)

/* The least that is mapped of a run that is longer. */
#define MAP_AHEAD_BYTES_MIN (UINT64_C(256) << 10)

static _Thread_local sigjmp_buf *guard_jump = NULL;

static void sigbus_handler(int signal_number)
{
        if (guard_jump)
                siglongjmp(*guard_jump, 1);

        /* Not ours: die of it, as without this handler, when the access is tried again. */
        (void) signal(signal_number, SIG_DFL);
}

int vmcore_sigbus_install(void)
{
        /* SA_NODEFER: so that sigsetjmp() need not save the mask, which is a system call. */
        struct sigaction action = { .sa_handler = sigbus_handler, .sa_flags = SA_NODEFER };

        (void) sigemptyset(&action.sa_mask);
        return sigaction(SIGBUS, &action, NULL) < 0 ? -errno : 0;
}

int vmcore_guarded(int (*fn)(void *data), void *data)
{
        sigjmp_buf *volatile outer = guard_jump;
        sigjmp_buf jump;
        int r;

        if (sigsetjmp(jump, 0) != 0) {
                guard_jump = outer;
                return -EFAULT;
        }
        guard_jump = &jump;
        r = fn(data);
        guard_jump = outer;
        return r;
}

typedef struct Copy {
        void *to;
        const void *from;
        size_t size;
} Copy;

static int copy_run(void *data)
{
        const Copy *copy = data;

        memcpy(copy->to, copy->from, copy->size);
        return 0;
}

int vmcore_guarded_copy(void *to, const void *from, size_t size)
{
        Copy copy = { .to = to, .from = from, .size = size };

        return vmcore_guarded(copy_run, &copy);
}

static void map_drop(VmcoreView *view)
{
        if (view->map)
                (void) munmap(view->map, view->map_size);
        view->map = NULL;
        view->map_size = 0;
}

int vmcore_view_new(const Vmcore *vmcore, VmcoreView **ret)
{
        VmcoreView *view = calloc(1, sizeof(*view));

        if (!view)
                return -ENOMEM;
        view->vmcore = vmcore;
        *ret = view;
        return 0;
}

VmcoreView *vmcore_view_free(VmcoreView *view)
{
        if (!view)
                return NULL;
        map_drop(view);
        kdump_reader_free(view->reader);
        free(view->buffer);
        free(view);
        return NULL;
}

static bool is_within(uint64_t offset, uint64_t size, uint64_t in_offset, uint64_t in_size)
{
        return offset >= in_offset && size <= in_size && offset - in_offset <= in_size - size;
}

/* The kernel fills in every page of a mapping of /proc/vmcore at once (remap_oldmem_pfn_range() in
 * fs/proc/vmcore.c), and every munmap() interrupts other CPUs: large windows for those who go
 * upwards, small ones for those who pick single pages. */
static uint64_t map_choose_ahead(const VmcoreView *view, uint64_t start)
{
        bool goes_on = start <= view->map_end ? view->map_end - start < view->ahead_bytes
                                              : start - view->map_end < MAP_AHEAD_BYTES_MIN;

        if (view->map_end == 0 || !goes_on)
                return MAP_AHEAD_BYTES_MIN;
        return MIN(view->ahead_bytes * 2, VMCORE_WINDOW_BYTES_MAX);
}

static int map_range(VmcoreView *view, uint64_t start, uint64_t end)
{
        void *map;

        map_drop(view);
        map = mmap(NULL, end - start, PROT_READ, MAP_PRIVATE, view->vmcore->fd, (off_t) start);
        if (map == MAP_FAILED)
                return -errno;

        view->map = map;
        view->map_offset = start;
        view->map_size = end - start;
        view->map_end = end;
        return 0;
}

/* Maps @size bytes at @offset, and more of what lies before @end (a file offset) if that works. */
static int map_move(VmcoreView *view, uint64_t offset, size_t size, uint64_t end)
{
        uint64_t page = view->vmcore->page_size, start = offset - offset % page, least_end;

        /* mmap_vmcore() refuses what is behind the end of the file. */
        end = MIN(ALIGN_UP(end, page), ALIGN_UP(view->vmcore->file_bytes, page));
        least_end = MIN(ALIGN_UP(offset + size, page), end);
        if (least_end <= start)
                return -EIO;

        view->ahead_bytes = map_choose_ahead(view, start);
        if (end - start > view->ahead_bytes)
                end = MAX(start + view->ahead_bytes, least_end);
        if (map_range(view, start, end) >= 0)
                return 0;
        return end > least_end ? map_range(view, start, least_end) : -EIO;
}

int vmcore_view_reserve(VmcoreView *view, size_t size)
{
        if (view->buffer_size >= size)
                return 0;

        free(view->buffer);
        view->buffer_size = 0;
        view->buffer_filled = 0;
        view->buffer = malloc(size);
        if (!view->buffer)
                return -ENOMEM;

        view->buffer_size = size;
        return 0;
}

/* Reads @size bytes at @offset, and up to @end ahead when that works: a read of /proc/vmcore that
 * meets one bad page returns nothing of the good ones. */
static int buffer_fill(VmcoreView *view, uint64_t offset, size_t size, uint64_t end)
{
        uint64_t ahead = MIN(end - offset, READ_AHEAD_BYTES);
        int r;

        ahead = MAX(ahead, (uint64_t) size);
        r = vmcore_view_reserve(view, ahead);
        if (r < 0)
                return r;

        view->buffer_filled = 0;
        r = vmcore_file_read(view->vmcore, view->buffer, ahead, offset);
        if (r < 0 && ahead > size) {
                ahead = size;
                r = vmcore_file_read(view->vmcore, view->buffer, ahead, offset);
        }
        if (r < 0)
                return r;

        view->buffer_offset = offset;
        view->buffer_filled = ahead;
        return 0;
}

/* Puts @size bytes together from several runs, or from one that lies in the file only in part. */
static int buffer_assemble(VmcoreView *view, uint64_t paddr, size_t size, const uint8_t **ret)
{
        uint64_t end = paddr + size, next_page_paddr = paddr;
        int r;

        r = vmcore_view_reserve(view, size);
        if (r < 0)
                return r;

        view->buffer_filled = 0;
        memset(view->buffer, 0, size);

        for (uint64_t at = paddr; at < end;) {
                const MemoryRun *run = vmcore_run_find(view->vmcore, at);
                uint64_t stop;

                if (!run || run->start_paddr >= end)
                        break;
                at = MAX(at, run->start_paddr);
                if (at - at % view->vmcore->page_size > next_page_paddr)
                        return -ERANGE; /* a page before this one is in no run */

                stop = MIN(run->end_paddr, end);
                r = vmcore_read(view->vmcore, at, view->buffer + (at - paddr), stop - at);
                if (r < 0)
                        return r;
                at = stop;
                next_page_paddr = ALIGN_UP(stop, (uint64_t) view->vmcore->page_size);
        }
        if (next_page_paddr < end)
                return -ERANGE;

        *ret = view->buffer;
        return 0;
}

static bool is_mapped(const VmcoreView *view, uint64_t offset, size_t size)
{
        return view->map && is_within(offset, size, view->map_offset, view->map_size);
}

bool vmcore_view_is_buffered(const VmcoreView *view, uint64_t offset, size_t size)
{
        return is_within(offset, size, view->buffer_offset, view->buffer_filled);
}

/* Shows @size bytes at @offset of the file, of a run that ends at @end. */
static int file_show(VmcoreView *view, uint64_t offset, size_t size, uint64_t end,
                     const uint8_t **ret)
{
        int r = 0;

        if (vmcore_view_is_buffered(view, offset, size)) {
                *ret = view->buffer + (offset - view->buffer_offset);
                return 0;
        }
        if (!is_mapped(view, offset, size))
                r = map_move(view, offset, size, end);
        if (r >= 0) {
                *ret = view->map + (offset - view->map_offset);
                return 0;
        }
        r = buffer_fill(view, offset, size, end);
        if (r >= 0)
                *ret = view->buffer;
        return MIN(r, 0);
}

int vmcore_view_show(VmcoreView *view, uint64_t paddr, size_t size, const uint8_t **ret)
{
        const Vmcore *vmcore = view->vmcore;
        const MemoryRun *run;
        uint64_t offset, end_paddr, end_offset;

        if (size == 0 || size > VMCORE_WINDOW_BYTES_MAX || paddr % vmcore->page_size != 0 ||
            size % vmcore->page_size != 0 || __builtin_add_overflow(paddr, size, &end_paddr))
                return -EINVAL;
        if (vmcore->saved)
                return vmcore_kdump_show(view, paddr, size, ret);

        run = vmcore_run_find(vmcore, paddr);
        if (!run || run->start_paddr >= end_paddr)
                return -ERANGE;
        if (run->start_paddr > paddr || run->file_bytes < end_paddr - run->start_paddr)
                return buffer_assemble(view, paddr, size, ret);

        offset = run->file_offset + (paddr - run->start_paddr);
        end_offset = run->file_offset + run->file_bytes;
        if (offset + size > vmcore->file_bytes)
                return -EIO; /* the file was cut off */
        return file_show(view, offset, size, MIN(end_offset, vmcore->file_bytes), ret);
}
