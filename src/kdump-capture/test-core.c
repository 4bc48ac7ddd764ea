/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the making of ELF cores for tests, in memory files. */
#include <sys/mman.h>

#include "io.h"
#include "test-core.h"
#include "test.h"

void test_core_init(TestCore *core)
{
        memset(core, 0, sizeof(*core));
        core->fd = -EBADF;
        memcpy(core->header.e_ident, ELFMAG, SELFMAG);
        core->header.e_ident[EI_CLASS] = ELFCLASS64;
        core->header.e_ident[EI_DATA] = ELFDATA2LSB;
        core->header.e_ident[EI_VERSION] = EV_CURRENT;
        core->header.e_type = ET_CORE;
        core->header.e_machine = EM_X86_64;
        core->header.e_version = EV_CURRENT;
        core->header.e_phoff = sizeof(Elf64_Ehdr);
        core->header.e_ehsize = sizeof(Elf64_Ehdr);
        core->header.e_phentsize = sizeof(Elf64_Phdr);
}

void test_core_done(TestCore *core)
{
        core->fd = close_fd(core->fd);
}

void test_core_add(TestCore *core, uint64_t vaddr, uint64_t paddr, uint64_t memsz, uint64_t filesz,
                   const void *data)
{
        assert_true(core->n_segments < TEST_CORE_SEGMENTS_MAX);
        core->segments[core->n_segments++] = (TestSegment){
                .vaddr = vaddr,
                .paddr = paddr,
                .memsz = memsz,
                .filesz = filesz,
                .data = data,
        };
}

void test_core_add_note(TestCore *core, const char *name, uint32_t type, const void *data,
                        size_t size)
{
        Elf64_Nhdr note = {
                .n_namesz = (Elf64_Word) strlen(name) + 1,
                .n_descsz = (Elf64_Word) size,
                .n_type = type,
        };
        uint8_t *to = core->notes + core->notes_size;

        assert_true(core->notes_size + sizeof(note) + note.n_namesz + size + 8 <=
                    sizeof(core->notes));
        memcpy(to, &note, sizeof(note));
        to += sizeof(note);
        memcpy(to, name, note.n_namesz);
        to += ALIGN_UP(note.n_namesz, 4);
        memcpy(to, data, size);
        core->notes_size = (size_t) (to - core->notes) + ALIGN_UP(size, 4);
}

/* Pages of zeros stay holes, which saves most of the time. */
static void data_write(int fd, const uint8_t *data, uint64_t size, uint64_t offset)
{
        static const uint8_t zeros[TEST_PAGE_BYTES];

        for (uint64_t at = 0; at < size;) {
                uint64_t n = MIN(size - at, TEST_PAGE_BYTES);

                if (memcmp(data + at, zeros, n) != 0)
                        assert_int_equal(pwrite_full(fd, data + at, n, offset + at), 0);
                at += n;
        }
}

void test_core_write(TestCore *core)
{
        size_t n_headers = core->n_segments + (core->notes_size > 0);
        Elf64_Phdr headers[TEST_CORE_SEGMENTS_MAX + 1] = {};
        Elf64_Ehdr header = core->header;
        uint64_t at =
                ALIGN_UP(sizeof(header) + sizeof(headers) + sizeof(Elf64_Shdr), TEST_PAGE_BYTES);
        size_t n = 0;

        core->fd = memfd_create("core", MFD_CLOEXEC);
        assert_true(core->fd >= 0);
        assert_true(snprintf(core->path, sizeof(core->path), "/proc/self/fd/%d", core->fd) > 0);

        if (core->notes_size > 0) {
                headers[n++] = (Elf64_Phdr){
                        .p_type = PT_NOTE,
                        .p_offset = at,
                        .p_filesz = core->notes_size,
                        .p_memsz = core->notes_size,
                };
                assert_int_equal(pwrite_full(core->fd, core->notes, core->notes_size, at), 0);
                at = ALIGN_UP(at + core->notes_size, TEST_PAGE_BYTES);
        }
        for (size_t i = 0; i < core->n_segments; i++) {
                const TestSegment *segment = &core->segments[i];
                uint64_t offset = segment->offset ?: at + segment->paddr % TEST_PAGE_BYTES;

                headers[n++] = (Elf64_Phdr){
                        .p_type = PT_LOAD,
                        .p_offset = offset,
                        .p_vaddr = segment->vaddr,
                        .p_paddr = segment->paddr,
                        .p_filesz = segment->filesz,
                        .p_memsz = segment->memsz,
                };
                if (segment->offset)
                        continue;
                if (segment->data)
                        data_write(core->fd, segment->data, segment->filesz, offset);
                at = ALIGN_UP(offset + segment->filesz, TEST_PAGE_BYTES);
        }
        assert_int_equal(ftruncate(core->fd, (off_t) at), 0);

        if (header.e_phnum == 0)
                header.e_phnum = (Elf64_Half) n_headers;
        if (core->by_section) {
                Elf64_Shdr section = { .sh_info = (Elf64_Word) n_headers };

                header.e_phnum = PN_XNUM;
                header.e_shoff = sizeof(header) + sizeof(headers);
                assert_int_equal(pwrite_full(core->fd, &section, sizeof(section), header.e_shoff),
                                 0);
        }
        assert_int_equal(pwrite_full(core->fd, &header, sizeof(header), 0), 0);
        assert_int_equal(pwrite_full(core->fd, headers, sizeof(headers), sizeof(header)), 0);
}

Vmcore *test_core_open(TestCore *core)
{
        _cleanup_free_ char *message = NULL;
        Vmcore *vmcore = NULL;

        test_core_write(core);
        assert_int_equal(vmcore_open(core->path, &vmcore, &message), 0);
        assert_null(message);
        return vmcore;
}

uint64_t test_random(uint64_t *state)
{
        /* xorshift64 */
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        return *state;
}

uint8_t *test_pattern_new(size_t size, uint64_t seed)
{
        uint8_t *data = malloc(size);

        assert_non_null(data);
        for (size_t i = 0; i < size; i++)
                data[i] = (uint8_t) test_random(&seed);
        return data;
}

uint8_t *test_core_of_pattern(TestCore *core, size_t n_pages)
{
        static const char vmcoreinfo[] = "OSRELEASE=6.1.0-test\nPAGESIZE=4096\n";
        uint64_t paddr = TEST_PATTERN_PFN * TEST_PAGE_BYTES, size = n_pages * TEST_PAGE_BYTES;
        uint8_t *data = test_pattern_new(size, 7);

        test_core_init(core);
        test_core_add_note(core, "VMCOREINFO", 0, vmcoreinfo, strlen(vmcoreinfo));
        test_core_add(core, TEST_DIRECT_MAP_VADDR + paddr, paddr, size, size, data);
        test_core_write(core);
        return data;
}
