/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the files that a made-up machine has. */
#include "test-loader-fixture.h"

#include <inttypes.h>

#include "io.h"
#include "test.h"
#include "text.h"

/* Where the kcore of a machine has physical address 0; its headers are before that. */
#define KCORE_DIRECT_OFFSET (UINT64_C(1) << 20)
#define KCORE_TEXT_OFFSET (UINT64_C(1) << 45)

#define NAMED_MAX 4096U
#define DEPTH_MAX 8U

void test_file_write_bytes(int root_fd, const char *path, const void *data, size_t size)
{
        _cleanup_free_ char *folder = strdup(path);
        char *slash;

        assert_non_null(folder);
        slash = strrchr(folder, '/');
        assert_non_null(slash);
        *slash = '\0';
        assert_int_equal(mkdir_parents(root_fd, folder, 0700), 0);
        test_write(root_fd, path, data, size);
}

void test_file_write(int root_fd, const char *path, const char *text)
{
        test_file_write_bytes(root_fd, path, text, strlen(text));
}

void test_file_printf(int root_fd, const char *path, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        assert_true(vasprintf(&text, format, ap) >= 0);
        va_end(ap);
        test_file_write(root_fd, path, text);
}

Elf64_Ehdr test_kcore_header(size_t n_segments)
{
        return (Elf64_Ehdr){
                .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
                             EV_CURRENT },
                .e_type = ET_CORE,
                .e_machine = EM_X86_64,
                .e_version = EV_CURRENT,
                .e_phoff = sizeof(Elf64_Ehdr),
                .e_ehsize = sizeof(Elf64_Ehdr),
                .e_phentsize = sizeof(Elf64_Phdr),
                .e_phnum = (Elf64_Half) n_segments,
        };
}

Elf64_Phdr test_kcore_segment(uint64_t paddr, uint64_t bytes, uint64_t offset, uint64_t vaddr)
{
        return (Elf64_Phdr){
                .p_type = PT_LOAD,
                .p_flags = PF_R | PF_W | PF_X,
                .p_offset = offset,
                .p_vaddr = vaddr,
                .p_paddr = paddr,
                .p_filesz = bytes,
                .p_memsz = bytes,
                .p_align = 4096,
        };
}

void test_kcore_write(int root_fd, const Elf64_Ehdr *header, const Elf64_Phdr *segments, size_t n)
{
        test_file_write_bytes(root_fd, "proc/kcore", header, sizeof(*header));
        test_kcore_put(root_fd, sizeof(*header), segments, n * sizeof(*segments));
}

void test_kcore_put(int root_fd, uint64_t offset, const void *data, size_t size)
{
        _cleanup_close_ int fd = openat(root_fd, "proc/kcore", O_WRONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(pwrite_full(fd, data, size, offset), 0);
}

void test_machine_put(int root_fd, uint64_t paddr, const void *data, size_t size)
{
        test_kcore_put(root_fd, KCORE_DIRECT_OFFSET + paddr, data, size);
}

/* The lines of /proc/iomem, in any order */
typedef struct Named {
        Range range;
        const char *name;
        size_t order; /* of two that are the same, the first one is outside */
} Named;

typedef struct NamedList {
        Named items[NAMED_MAX];
        size_t n;
} NamedList;

static void named_add(NamedList *list, uint64_t start, uint64_t end, const char *name)
{
        if (start == end)
                return;
        assert_true(list->n < NAMED_MAX);
        list->items[list->n] = (Named){ { start, end }, name, list->n };
        list->n++;
}

static int named_compare(const void *a, const void *b)
{
        const Named *x = a, *y = b;

        if (x->range.start != y->range.start)
                return x->range.start > y->range.start ? 1 : -1;
        if (x->range.end != y->range.end)
                return x->range.end < y->range.end ? 1 : -1;
        return x->order > y->order ? 1 : -1;
}

static const char *map_name(MemoryKind kind)
{
        switch (kind) {
        case MEMORY_RAM:
                break;
        case MEMORY_RESERVED:
                return "Reserved";
        case MEMORY_ACPI:
                return "ACPI Tables";
        case MEMORY_NVS:
                return "ACPI Non-volatile Storage";
        case MEMORY_PMEM:
                return "Persistent Memory";
        case MEMORY_PRAM:
                return "Persistent Memory (legacy)";
        }
        fail();
        return NULL;
}

static bool is_persistent(const LoaderFacts *facts, Range range)
{
        for (size_t i = 0; i < facts->n_map; i++)
                if (range_contains(facts->map[i].range, range))
                        return true;
        return false;
}

static void name_ranges(const LoaderFacts *facts, NamedList *list)
{
        uint64_t part = range_bytes(facts->kernel) / 4;

        for (size_t i = 0; i < facts->n_map; i++) {
                Range range = facts->map[i].range;

                /* Where the kernel knows what it is, it puts its own around it. */
                if (range.start == 0xb0000000)
                        named_add(list, range.start, range.end, "PCI MMCONFIG 0000 [bus 00-ff]");
                named_add(list, range.start, range.end, map_name(facts->map[i].kind));
        }
        for (size_t i = 0; i < facts->ram.n; i++) {
                Range range = facts->ram.ranges[i];

                named_add(list, range.start, range.end,
                          is_persistent(facts, range) ? "System RAM (kmem)" : "System RAM");
        }
        for (size_t i = 0; i < facts->gart.n; i++)
                named_add(list, facts->gart.ranges[i].start, facts->gart.ranges[i].end, "GART");
        named_add(list, facts->crash.start, facts->crash.end, "Crash kernel");
        named_add(list, facts->crash_low.start, facts->crash_low.end, "Crash kernel");
        named_add(list, facts->kernel.start, facts->kernel.start + part, "Kernel code");
        named_add(list, facts->kernel.start + part, facts->kernel.start + 2 * part,
                  "Kernel rodata");
        named_add(list, facts->kernel.start + 2 * part, facts->kernel.end - part, "Kernel data");
        /* What is behind it, up to _end, has no name. */
        named_add(list, facts->kernel.end - part / 2, facts->kernel.end - 0x30000, "Kernel bss");
        named_add(list, 0xfec00000, 0xfec00400, "IOAPIC 0");
        named_add(list, 0xfd000000, 0xfe000000, "PCI Bus 0000:00");
        named_add(list, 0xfd000000, 0xfd001000, "0000:00:01.0");
}

static void write_iomem(int root_fd, const LoaderFacts *facts)
{
        _cleanup_free_ NamedList *list = calloc(1, sizeof(*list));
        _cleanup_free_ char *text = NULL;
        _cleanup_fclose_ FILE *f = NULL;
        uint64_t ends[DEPTH_MAX];
        size_t size, depth = 0;

        assert_non_null(list);
        name_ranges(facts, list);
        qsort(list->items, list->n, sizeof(*list->items), named_compare);
        f = open_memstream(&text, &size);
        assert_non_null(f);
        for (size_t i = 0; i < list->n; i++) {
                Range range = list->items[i].range;

                while (depth > 0 && ends[depth - 1] <= range.start)
                        depth--;
                fprintf(f, "%*s%08" PRIx64 "-%08" PRIx64 " : %s\n", (int) depth * 2, "",
                        range.start, range.end - 1, list->items[i].name);
                assert_true(depth < DEPTH_MAX);
                ends[depth++] = range.end;
        }
        assert_int_equal(fflush(f), 0);
        test_file_write(root_fd, "proc/iomem", text);
}

static void write_kcore(int root_fd, const LoaderFacts *facts)
{
        _cleanup_free_ Elf64_Phdr *segments = calloc(facts->ram.n + 3, sizeof(*segments));
        Elf64_Ehdr header = test_kcore_header(facts->ram.n + 3);
        size_t n = 0;

        assert_non_null(segments);
        segments[n++] = test_kcore_segment(UINT64_MAX, 0x1fffffffffff, 0x100000000000,
                                           0xffffa6c1c0000000); /* vmalloc */
        segments[n++] = test_kcore_segment(facts->kernel.start, range_bytes(facts->kernel),
                                           KCORE_TEXT_OFFSET, facts->kernel_vaddr);
        segments[n++] = test_kcore_segment(UINT64_MAX, 0x1000, 0x7fffff603000,
                                           0xffffffffff600000); /* vsyscall */
        for (size_t i = 0; i < facts->ram.n; i++) {
                Range range = facts->ram.ranges[i];

                segments[n++] = test_kcore_segment(range.start, range_bytes(range),
                                                   KCORE_DIRECT_OFFSET + range.start,
                                                   facts->page_offset + range.start);
        }
        test_kcore_write(root_fd, &header, segments, n);
}

void test_machine_vmcoreinfo(int root_fd, TestMachine which, const char *text)
{
        const Elf64_Nhdr header = { .n_namesz = 11, .n_descsz = (Elf64_Word) strlen(text) };
        _cleanup_free_ uint8_t *note = NULL;
        LoaderFacts facts;
        uint64_t paddr, bytes;

        test_machine_facts(which, &facts);
        paddr = facts.vmcoreinfo.paddr;
        bytes = facts.vmcoreinfo.bytes;
        loader_facts_done(&facts);
        assert_true(strlen(text) <= bytes - 48);
        note = calloc(1, bytes);
        assert_non_null(note);
        memcpy(note, &header, sizeof(header));
        memcpy(note + 12, "VMCOREINFO", 11);
        memcpy(note + 24, text, strlen(text));
        test_machine_put(root_fd, paddr, note, bytes);
}

static void write_notes(int root_fd, TestMachine which, const LoaderFacts *facts)
{
        test_file_write(root_fd, "sys/devices/system/cpu/present", "0-63\n");
        assert_int_equal(mkdir_parents(root_fd, "sys/devices/system/cpu/cpufreq", 0700), 0);
        for (size_t i = 0; i < facts->n_cpu_notes; i++) {
                _cleanup_free_ char *path = NULL, *size_path = NULL;
                unsigned number = test_machine_cpu(which, i);

                assert_int_equal(
                        strprintf(&path, "sys/devices/system/cpu/cpu%u/crash_notes", number), 0);
                assert_int_equal(strprintf(&size_path, "%s_size", path), 0);
                test_file_printf(root_fd, path, "%" PRIx64 "\n", facts->cpu_notes[i].paddr);
                test_file_printf(root_fd, size_path, "%" PRIu64 "\n", facts->cpu_notes[i].bytes);
        }
        test_file_printf(root_fd, "sys/kernel/vmcoreinfo", "0x%016" PRIx64 " %" PRIx64 "\n",
                         facts->vmcoreinfo.paddr, facts->vmcoreinfo.bytes);
        test_machine_vmcoreinfo(root_fd, which,
                                facts->la57 ? "OSRELEASE=6.12.0\nNUMBER(pgtable_l5_enabled)=1\n"
                                              "NUMBER(sme_mask)=0\n"
                                            : "OSRELEASE=6.12.0\nNUMBER(pgtable_l5_enabled)=0\n"
                                              "NUMBER(sme_mask)=0\n");
}

static void write_efi_range(int root_fd, size_t i, const LoaderEfiRange *range)
{
        const struct {
                const char *name;
                uint64_t value;
        } files[] = {
                { "type", range->type },           { "phys_addr", range->paddr },
                { "virt_addr", range->vaddr },     { "num_pages", range->pages },
                { "attribute", range->attribute },
        };

        for (size_t j = 0; j < ELEMENTSOF(files); j++) {
                _cleanup_free_ char *path = NULL;

                assert_int_equal(
                        strprintf(&path, "sys/firmware/efi/runtime-map/%zu/%s", i, files[j].name),
                        0);
                test_file_printf(root_fd, path, "0x%" PRIx64 "\n", files[j].value);
        }
}

static void write_efi(int root_fd, const LoaderFacts *facts)
{
        const LoaderEfi *efi = &facts->efi;

        test_file_write(root_fd, "proc/fb", efi->n_ranges > 0 ? "0 EFI VGA\n" : "");
        if (efi->n_ranges == 0)
                return;
        for (size_t i = 0; i < efi->n_ranges; i++)
                write_efi_range(root_fd, i, efi->ranges + i);
        test_file_write(root_fd, "sys/firmware/efi/fw_platform_size", "64\n");
        test_file_printf(root_fd, "sys/firmware/efi/fw_vendor", "0x%" PRIx64 "\n", efi->fw_vendor);
        test_file_printf(root_fd, "sys/firmware/efi/runtime", "0x%" PRIx64 "\n", efi->runtime);
        test_file_printf(root_fd, "sys/firmware/efi/config_table", "0x%" PRIx64 "\n",
                         efi->config_table);
        test_file_printf(root_fd, "sys/firmware/efi/systab",
                         "ACPI20=0x%" PRIx64 "\nACPI=0x7eb7e000\nSMBIOS=0x%" PRIx64 "\n",
                         facts->acpi_rsdp, efi->smbios);
}

static void write_ports(int root_fd, const LoaderFacts *facts)
{
        uint8_t fadt[276] = "FACP";
        uint32_t bytes = sizeof(fadt), flags = 1U << 10;
        uint64_t port = facts->fadt_reset_port;

        memcpy(fadt + 4, &bytes, sizeof(bytes));
        memcpy(fadt + 112, &flags, sizeof(flags));
        fadt[116] = 1; /* I/O space */
        fadt[117] = 8; /* bits */
        memcpy(fadt + 120, &port, sizeof(port));
        fadt[128] = facts->fadt_reset_value;
        if (port != 0)
                test_file_write_bytes(root_fd, "sys/firmware/acpi/tables/FACP", fadt, sizeof(fadt));
        test_file_write(root_fd, "sys/class/tty/console/active",
                        facts->serial_port != 0 ? "tty0 ttyS0\n" : "tty0\n");
        if (facts->serial_port == 0)
                return;
        test_file_write(root_fd, "sys/class/tty/ttyS0/io_type", "0\n");
        test_file_printf(root_fd, "sys/class/tty/ttyS0/port", "0x%X\n", facts->serial_port);
}

static void write_cpuinfo(int root_fd, const LoaderFacts *facts)
{
        const char *gb_pages = facts->gb_pages ? " pdpe1gb" : "";

        test_file_printf(root_fd, "proc/cpuinfo",
                         "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu MHz\t\t: "
                         "%u.%03u\nflags\t\t: fpu syscall nx%s rdtscp lm la57\nbugs\t\t: "
                         "sme sev_es\n\nprocessor\t: 1\ncpu MHz\t\t: 1.000\n\n",
                         facts->tsc_khz / 1000, facts->tsc_khz % 1000, gb_pages);
}

void test_machine_write(int root_fd, TestMachine which)
{
        LoaderFacts facts;
        const uint8_t *id = facts.boot_id;

        test_machine_facts(which, &facts);
        write_iomem(root_fd, &facts);
        write_kcore(root_fd, &facts);
        write_notes(root_fd, which, &facts);
        write_efi(root_fd, &facts);
        write_ports(root_fd, &facts);
        write_cpuinfo(root_fd, &facts);
        test_file_write_bytes(root_fd, "sys/kernel/boot_params/data", facts.boot_params,
                              sizeof(facts.boot_params));
        test_file_printf(root_fd, "proc/meminfo",
                         "MemTotal: %" PRIu64 " kB\nMemAvailable: 4 kB\nDirectMap4k: 8 kB\n%s",
                         facts.mem_total_bytes / 1024, facts.gb_pages ? "DirectMap1G: 0 kB\n" : "");
        if (facts.elfcorehdr_room_bytes > 0)
                test_file_printf(root_fd, "sys/kernel/crash_elfcorehdr_size", "%" PRIu64 "\n",
                                 facts.elfcorehdr_room_bytes);
        test_file_printf(root_fd, "proc/sys/kernel/random/boot_id",
                         "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\n",
                         id[0], id[1], id[2], id[3], id[4], id[5], id[6], id[7], id[8], id[9],
                         id[10], id[11], id[12], id[13], id[14], id[15]);
        test_file_write(root_fd, "proc/sys/kernel/kexec_load_disabled", "0\n");
        test_file_write(root_fd, "proc/sys/kernel/kexec_load_limit_panic", "-1\n");
        test_file_write(root_fd, "sys/kernel/security/lockdown",
                        "[none] integrity confidentiality\n");
        loader_facts_done(&facts);
}
