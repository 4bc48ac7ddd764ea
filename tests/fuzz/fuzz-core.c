/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the making of crashed kernels for fuzz targets. */
#include "fuzz-core.h"

#include <elf.h>
#include <sys/mman.h>

#include "io.h"

#define MEMORY_OFFSET 4096
#define RECORD_BYTES 10

static uint64_t memory_bytes(const FuzzMode *mode)
{
        return mode->memory_bytes ?: FUZZ_MEMORY_BYTES;
}

static void memory_fill(const FuzzMode *mode, uint8_t *memory, const uint8_t *data, size_t size)
{
        if (mode->fill)
                mode->fill(memory);
        for (; size >= RECORD_BYTES; data += RECORD_BYTES, size -= RECORD_BYTES) {
                uint16_t index;

                memcpy(&index, data, sizeof(index));
                memcpy(memory + index * sizeof(uint64_t) % memory_bytes(mode), data + sizeof(index),
                       sizeof(uint64_t));
        }
}

static int core_write(const FuzzMode *mode, const uint8_t *data, size_t size)
{
        const uint64_t n_bytes = memory_bytes(mode);
        const Elf64_Ehdr header = {
                .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
                             EV_CURRENT },
                .e_type = ET_CORE,
                .e_machine = (Elf64_Half) mode->machine,
                .e_version = EV_CURRENT,
                .e_phoff = sizeof(Elf64_Ehdr),
                .e_ehsize = sizeof(Elf64_Ehdr),
                .e_phentsize = sizeof(Elf64_Phdr),
                .e_phnum = 3,
        };
        const Elf64_Phdr segments[] = {
                { .p_type = PT_LOAD,
                  .p_offset = MEMORY_OFFSET,
                  .p_paddr = FUZZ_HIGH_PADDR,
                  .p_filesz = n_bytes,
                  .p_memsz = n_bytes },
                { .p_type = PT_LOAD,
                  .p_paddr = mode->zero_paddr ?: FUZZ_ZERO_PADDR,
                  .p_memsz = mode->zero_bytes ?: FUZZ_ZERO_BYTES },
                { .p_type = PT_LOAD,
                  .p_offset = MEMORY_OFFSET,
                  .p_vaddr = FUZZ_DIRECT_MAP_VADDR,
                  .p_filesz = n_bytes,
                  .p_memsz = n_bytes },
        };
        int fd = memfd_create("core", MFD_CLOEXEC);
        uint8_t *map;

        FUZZ_CHECK(fd >= 0 && ftruncate(fd, (off_t) (MEMORY_OFFSET + n_bytes)) == 0);
        FUZZ_CHECK(pwrite_full(fd, &header, sizeof(header), 0) == 0);
        FUZZ_CHECK(pwrite_full(fd, segments, sizeof(segments), sizeof(header)) == 0);

        map = mmap(NULL, MEMORY_OFFSET + n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        FUZZ_CHECK(map != MAP_FAILED);
        memory_fill(mode, map + MEMORY_OFFSET, data, size);
        FUZZ_CHECK(munmap(map, MEMORY_OFFSET + n_bytes) == 0);
        return fd;
}

static int info_make(const char *start, const uint8_t *text, size_t size, Vmcoreinfo **ret)
{
        _cleanup_free_ char *joined = malloc(strlen(start) + size);

        FUZZ_CHECK(joined);
        memcpy(joined, start, strlen(start));
        memcpy(joined + strlen(start), text, size);
        return vmcoreinfo_new(joined, strlen(start) + size, ret);
}

bool fuzz_core_init(FuzzCore *core, const FuzzMode *modes, size_t n_modes, const uint8_t *data,
                    size_t size)
{
        _cleanup_free_ char *message = NULL;
        const FuzzMode *mode;
        char path[64];
        size_t n_text;

        *core = (FuzzCore){ .fd = -EBADF };
        if (size < 3)
                return false;
        mode = &modes[data[0] % n_modes];
        n_text = MIN((size_t) (data[1] | data[2] << 8), size - 3);
        if (info_make(mode->text, data + 3, n_text, &core->info) < 0)
                return false;

        core->fd = core_write(mode, data + 3 + n_text, size - 3 - n_text);
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", core->fd);
        FUZZ_CHECK(vmcore_open(path, &core->vmcore, &message) == 0);
        if (kmem_open(core->vmcore, core->info, &core->kmem) < 0)
                core->kmem = NULL;
        return true;
}

void fuzz_core_done(FuzzCore *core)
{
        kmem_close(core->kmem);
        vmcoreinfo_free(core->info);
        vmcore_close(core->vmcore);
        close_fd(core->fd);
}
