/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the window into a vmcore, mapped or read, and the guard against SIGBUS from the mapped one.
 */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "vmcore-internal.h"

/* How much is read ahead where mapping is not possible. */
#define READ_AHEAD_BYTES (UINT64_C(1) << 20)

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

static void map_drop(Vmcore *vmcore)
{
        if (vmcore->map)
                (void) munmap(vmcore->map, vmcore->map_size);
        vmcore->map = NULL;
        vmcore->map_size = 0;
}

void vmcore_window_done(Vmcore *vmcore)
{
        map_drop(vmcore);
        free(vmcore->buffer);
        vmcore->buffer = NULL;
}

static bool is_within(uint64_t offset, uint64_t size, uint64_t in_offset, uint64_t in_size)
{
        return offset >= in_offset && size <= in_size && offset - in_offset <= in_size - size;
}

/* Maps from the page of @offset on as much as one window takes, up to @end (a file offset). */
static int map_move(Vmcore *vmcore, uint64_t offset, uint64_t end)
{
        uint64_t start = offset - offset % vmcore->page_size;
        uint64_t size;
        void *map;

        /* mmap_vmcore() (fs/proc/vmcore.c) refuses what is behind the end of the file. */
        end = MIN(ALIGN_UP(end, (uint64_t) vmcore->page_size),
                  ALIGN_UP(vmcore->file_bytes, (uint64_t) vmcore->page_size));
        if (end <= start)
                return -EIO;
        /* One page more, for a piece of the full size that does not begin on a page of the file. */
        size = MIN(end - start, VMCORE_WINDOW_BYTES_MAX + vmcore->page_size);

        map_drop(vmcore);
        map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, vmcore->fd, (off_t) start);
        if (map == MAP_FAILED)
                return -errno;

        vmcore->map = map;
        vmcore->map_offset = start;
        vmcore->map_size = size;
        return 0;
}

static int buffer_reserve(Vmcore *vmcore, size_t size)
{
        if (vmcore->buffer_size >= size)
                return 0;

        free(vmcore->buffer);
        vmcore->buffer_size = 0;
        vmcore->buffer_filled = 0;
        vmcore->buffer = malloc(size);
        if (!vmcore->buffer)
                return -ENOMEM;

        vmcore->buffer_size = size;
        return 0;
}

/* Shows @size bytes at @offset from the buffer, reading up to @end ahead when that works: a read of
 * /proc/vmcore that meets one bad page returns nothing of the good ones. */
static int buffer_show(Vmcore *vmcore, uint64_t offset, size_t size, uint64_t end,
                       const uint8_t **ret)
{
        uint64_t ahead = MIN(end - offset, READ_AHEAD_BYTES);
        int r;

        ahead = MAX(ahead, (uint64_t) size);
        if (is_within(offset, size, vmcore->buffer_offset, vmcore->buffer_filled)) {
                *ret = vmcore->buffer + (offset - vmcore->buffer_offset);
                return 0;
        }

        r = buffer_reserve(vmcore, ahead);
        if (r < 0)
                return r;

        vmcore->buffer_filled = 0;
        r = vmcore_file_read(vmcore, vmcore->buffer, ahead, offset);
        if (r < 0 && ahead > size) {
                ahead = size;
                r = vmcore_file_read(vmcore, vmcore->buffer, ahead, offset);
        }
        if (r < 0)
                return r;

        vmcore->buffer_offset = offset;
        vmcore->buffer_filled = ahead;
        *ret = vmcore->buffer;
        return 0;
}

/* Puts @size bytes together from several runs, or from one that lies in the file only in part. */
static int buffer_assemble(Vmcore *vmcore, uint64_t paddr, size_t size, const uint8_t **ret)
{
        uint64_t end = paddr + size, next_page_paddr = paddr;
        int r;

        r = buffer_reserve(vmcore, size);
        if (r < 0)
                return r;

        vmcore->buffer_filled = 0;
        memset(vmcore->buffer, 0, size);

        for (uint64_t at = paddr; at < end;) {
                const MemoryRun *run = vmcore_run_find(vmcore, at);
                uint64_t stop;

                if (!run || run->start_paddr >= end)
                        break;
                at = MAX(at, run->start_paddr);
                if (at - at % vmcore->page_size > next_page_paddr)
                        return -ERANGE; /* a page before this one is in no run */

                stop = MIN(run->end_paddr, end);
                r = vmcore_read(vmcore, at, vmcore->buffer + (at - paddr), stop - at);
                if (r < 0)
                        return r;
                at = stop;
                next_page_paddr = ALIGN_UP(stop, (uint64_t) vmcore->page_size);
        }
        if (next_page_paddr < end)
                return -ERANGE;

        *ret = vmcore->buffer;
        return 0;
}

int vmcore_window(Vmcore *vmcore, uint64_t paddr, size_t size, const uint8_t **ret)
{
        const MemoryRun *run;
        uint64_t offset, end_paddr, end_offset;

        if (size == 0 || size > VMCORE_WINDOW_BYTES_MAX || paddr % vmcore->page_size != 0 ||
            size % vmcore->page_size != 0 || __builtin_add_overflow(paddr, size, &end_paddr))
                return -EINVAL;

        run = vmcore_run_find(vmcore, paddr);
        if (!run || run->start_paddr >= end_paddr)
                return -ERANGE;
        if (run->start_paddr > paddr || run->file_bytes < end_paddr - run->start_paddr)
                return buffer_assemble(vmcore, paddr, size, ret);

        offset = run->file_offset + (paddr - run->start_paddr);
        end_offset = run->file_offset + run->file_bytes;
        if (offset + size > vmcore->file_bytes)
                return -EIO; /* the file was cut off */
        end_offset = MIN(end_offset, vmcore->file_bytes);

        if (!vmcore->map || !is_within(offset, size, vmcore->map_offset, vmcore->map_size))
                if (map_move(vmcore, offset, end_offset) < 0)
                        return buffer_show(vmcore, offset, size, end_offset, ret);

        *ret = vmcore->map + (offset - vmcore->map_offset);
        return 0;
}
