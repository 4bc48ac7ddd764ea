/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns an open vmcore: its life, what it says of itself, and reading by physical address. */
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "io.h"
#include "vmcore-internal.h"

Vmcore *vmcore_close(Vmcore *vmcore)
{
        if (!vmcore)
                return NULL;

        vmcore_kdump_done(vmcore);
        close_fd(vmcore->fd);
        free(vmcore->runs);
        free(vmcore->notes);
        free(vmcore);
        return NULL;
}

int vmcore_open(const char *path, Vmcore **ret, char **reterr_message)
{
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        struct stat st;
        int r;

        *reterr_message = NULL;

        vmcore = calloc(1, sizeof(*vmcore));
        if (!vmcore)
                return -ENOMEM;

        vmcore->fd = -EBADF;
        vmcore->page_size = (size_t) sysconf(_SC_PAGESIZE);
        vmcore->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (vmcore->fd < 0)
                return -errno;

        if (fstat(vmcore->fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        /* /proc/vmcore has its true size since it exists (fs/proc/vmcore.c, vmcore_init()). */
        vmcore->file_bytes = (uint64_t) st.st_size;

        r = vmcore_sigbus_install();
        if (r < 0)
                return r;

        r = vmcore_kdump_is(vmcore->fd);
        if (r >= 0)
                r = r > 0 ? vmcore_kdump_load(vmcore, reterr_message)
                          : vmcore_elf_load(vmcore, reterr_message);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(vmcore);
        return 0;
}

const MemoryRun *vmcore_runs(const Vmcore *vmcore, size_t *ret_n_runs)
{
        *ret_n_runs = vmcore->n_runs;
        return vmcore->runs;
}

const KdumpFile *vmcore_saved(const Vmcore *vmcore)
{
        return vmcore->saved;
}

unsigned vmcore_n_bad_segments(const Vmcore *vmcore)
{
        return vmcore->n_bad_segments;
}

unsigned vmcore_machine(const Vmcore *vmcore)
{
        return vmcore->machine;
}

static const struct {
        unsigned machine;
        const char *name;
} machines[] = {
        { EM_X86_64, "x86_64" }, { EM_AARCH64, "aarch64" }, { EM_RISCV, "riscv64" },
        { EM_PPC64, "ppc64le" }, { EM_PPC64, "ppc64" },     { EM_S390, "s390x" },
};

const char *vmcore_machine_to_string(unsigned machine)
{
        for (size_t i = 0; i < ELEMENTSOF(machines); i++)
                if (machines[i].machine == machine)
                        return machines[i].name;
        return "";
}

unsigned vmcore_machine_from_string(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(machines); i++)
                if (streq(machines[i].name, name))
                        return machines[i].machine;
        return EM_NONE;
}

uint64_t vmcore_direct_map_delta(const Vmcore *vmcore)
{
        return vmcore->direct_map_delta;
}

int vmcore_kernel_map_delta(const Vmcore *vmcore, uint64_t *ret_delta)
{
        if (!vmcore->has_kernel_map)
                return -ENODATA;

        *ret_delta = vmcore->kernel_map_delta;
        return 0;
}

int vmcore_kernel_map_range(const Vmcore *vmcore, uint64_t *ret_start_paddr,
                            uint64_t *ret_end_paddr)
{
        if (!vmcore->has_kernel_map)
                return -ENODATA;

        *ret_start_paddr = vmcore->kernel_map_start_paddr;
        *ret_end_paddr = vmcore->kernel_map_end_paddr;
        return 0;
}

const uint8_t *vmcore_notes(const Vmcore *vmcore, size_t *ret_size)
{
        *ret_size = vmcore->notes_size;
        return vmcore->notes_size > 0 ? vmcore->notes : NULL;
}

const char *vmcore_vmcoreinfo_text(const Vmcore *vmcore, size_t *ret_size,
                                   uint64_t *ret_notes_offset)
{
        *ret_size = vmcore->vmcoreinfo_size;
        *ret_notes_offset = vmcore->vmcoreinfo_offset;
        if (vmcore->vmcoreinfo_size == 0)
                return NULL;
        return (const char *) vmcore->notes + vmcore->vmcoreinfo_offset;
}

unsigned vmcore_n_prstatus(const Vmcore *vmcore)
{
        return vmcore->n_prstatus;
}

size_t vmcore_window_align_bytes(const Vmcore *vmcore)
{
        return vmcore->page_size;
}

int vmcore_file_read(const Vmcore *vmcore, void *buf, size_t size, uint64_t offset)
{
        int r;

        r = pread_full(vmcore->fd, buf, size, offset);
        if (r >= 0)
                return 0;

        /* A file that ends early gives -ENODATA, /proc/vmcore -EFAULT or -ENOMEM when it cannot map
         * a page (fs/proc/vmcore.c, read_from_oldmem()). */
        return r == -EFAULT ? -EFAULT : -EIO;
}

const MemoryRun *vmcore_run_find(const Vmcore *vmcore, uint64_t paddr)
{
        size_t low = 0, high = vmcore->n_runs;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (vmcore->runs[middle].end_paddr <= paddr)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < vmcore->n_runs ? &vmcore->runs[low] : NULL;
}

int vmcore_read(const Vmcore *vmcore, uint64_t paddr, void *buf, size_t size)
{
        uint8_t *to = buf;
        int r;

        if (vmcore->saved)
                return vmcore_kdump_read(vmcore, paddr, buf, size);

        while (size > 0) {
                const MemoryRun *run = vmcore_run_find(vmcore, paddr);
                uint64_t skip, n, n_file;

                if (!run || run->start_paddr > paddr)
                        return -ERANGE;

                skip = paddr - run->start_paddr;
                n = MIN(run->end_paddr - paddr, (uint64_t) size);
                n_file = run->file_bytes > skip ? MIN(run->file_bytes - skip, n) : 0;
                if (n_file > 0) {
                        r = vmcore_file_read(vmcore, to, n_file, run->file_offset + skip);
                        if (r < 0)
                                return r;
                }
                memset(to + n_file, 0, n - n_file);

                to += n;
                paddr += n;
                size -= n;
        }
        return 0;
}
