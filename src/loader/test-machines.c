/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the table of made-up machines. */
#include "test-machines.h"

#include "test.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

#define N_FRAGMENTS 3000
#define N_RESERVED_LONG 300

typedef struct Machine {
        Range ram[6];       /* ends with an empty one */
        MemoryRange map[8]; /* the same */
        Range crash, crash_low, gart, kernel;
        unsigned n_cpus;
        bool efi, la57, no_gb_pages, no_acpi, no_uart;
        uint64_t elfcorehdr_room_bytes;
} Machine;

/* The usual ones of q35 */
#define LOW_RAM                                                                                    \
        {                                                                                          \
                0x1000, 0x9fc00                                                                    \
        }
#define Q35_MAP(acpi)                                                                              \
        {                                                                                          \
                { { 0, 0x1000 }, MEMORY_RESERVED }, { { 0x9fc00, 0xa0000 }, MEMORY_RESERVED },     \
                        { { 0xf0000, 0x100000 }, MEMORY_RESERVED },                                \
                        { { acpi, 0x80000000 }, MEMORY_RESERVED },                                 \
                        { { 0xb0000000, 0xc0000000 }, MEMORY_RESERVED },                           \
                        { { 0xfffc0000, 0x100000000 }, MEMORY_RESERVED },                          \
                        { { 0xfd00000000, 0x10000000000 }, MEMORY_RESERVED },                      \
        }
#define KERNEL                                                                                     \
        {                                                                                          \
                0x2a600000, 0x2ca00000                                                             \
        }
#define AREA_256M                                                                                  \
        {                                                                                          \
                0x6d000000, 0x7d000000                                                             \
        }

static const Machine machines[_TEST_MACHINE_MAX] = {
        [TEST_MACHINE_BIOS_2G] = {
                .ram = { LOW_RAM, { MIB, 0x7ffdc000 } },
                .map = Q35_MAP(0x7ffdc000),
                .crash = AREA_256M,
                .kernel = KERNEL,
                .n_cpus = 2,
        },
        [TEST_MACHINE_BIOS_6G] = {
                .ram = { LOW_RAM, { MIB, 0x7ffdc000 }, { 4 * GIB, 8 * GIB } },
                .map = Q35_MAP(0x7ffdc000),
                .crash = { 0x1ef000000, 0x1ff000000 },
                .crash_low = { 0x6f000000, 0x7f000000 },
                .kernel = { 0x13c200000, 0x13e600000 },
                .n_cpus = 4,
        },
        [TEST_MACHINE_EFI_2G] = {
                .ram = { { 0x1000, 0xa0000 },
                         { MIB, 0x7e8ed000 },
                         { 0x7fbff000, 0x7ff7c000 } },
                .map = { { { 0x7e8ed000, 0x7eb6d000 }, MEMORY_RESERVED },
                         { { 0x7eb6d000, 0x7eb7f000 }, MEMORY_ACPI },
                         { { 0x7eb7f000, 0x7fbff000 }, MEMORY_NVS },
                         { { 0x7ff7c000, 0x80000000 }, MEMORY_RESERVED },
                         { { 0xb0000000, 0xc0000000 }, MEMORY_RESERVED },
                         { { 0xffc00000, 0x100000000 }, MEMORY_RESERVED } },
                .crash = { 0x6b000000, 0x7b000000 },
                .kernel = KERNEL,
                .n_cpus = 2,
                .efi = true,
        },
        [TEST_MACHINE_DIMM] = {
                .ram = { LOW_RAM,
                         { MIB, 0x7ffdc000 },
                         { 4 * GIB, 4 * GIB + 512 * MIB },
                         { 0x140200000, 0x148000000 } },
                .map = { { { 0, 0x1000 }, MEMORY_RESERVED },
                         { { 0x9fc00, 0xa0000 }, MEMORY_RESERVED },
                         { { 0xf0000, 0x100000 }, MEMORY_RESERVED },
                         { { 0x7ffdc000, 0x80000000 }, MEMORY_RESERVED },
                         { { 0xb0000000, 0xc0000000 }, MEMORY_RESERVED },
                         { { 0x140000000, 0x148000000 }, MEMORY_PMEM },
                         { { 0x148000000, 0x150000000 }, MEMORY_PRAM } },
                .crash = AREA_256M,
                .kernel = KERNEL,
                .n_cpus = 2,
                .elfcorehdr_room_bytes = 917616,
        },
        [TEST_MACHINE_CPU_GAPS] = {
                .ram = { LOW_RAM, { MIB, 0x7ffdc000 } },
                .map = Q35_MAP(0x7ffdc000),
                .crash = AREA_256M,
                .kernel = KERNEL,
                .n_cpus = 5,
        },
        [TEST_MACHINE_FRAGMENTS] = {
                .ram = { LOW_RAM, { MIB, 0x7ffdc000 } }, /* and more above 4 GiB */
                .map = Q35_MAP(0x7ffdc000),
                .crash = AREA_256M,
                .kernel = KERNEL,
                .n_cpus = 2,
        },
        [TEST_MACHINE_E820_LONG] = {
                .ram = { LOW_RAM, { MIB, 0x7ffdc000 } },
                .map = { { { 0, 0x1000 }, MEMORY_RESERVED },
                         { { 0x9fc00, 0xa0000 }, MEMORY_RESERVED },
                         { { 0xf0000, 0x100000 }, MEMORY_RESERVED } }, /* and more above 2 GiB */
                .crash = AREA_256M,
                .gart = { 0x20000000, 0x24000000 },
                .kernel = KERNEL,
                .n_cpus = 2,
        },
        [TEST_MACHINE_LARGE] = {
                .ram = { LOW_RAM, { MIB, 0x7ffdc000 }, { 4 * GIB, 1026 * GIB } },
                .map = { { { 0, 0x1000 }, MEMORY_RESERVED },
                         { { 0x9fc00, 0xa0000 }, MEMORY_RESERVED },
                         { { 0xf0000, 0x100000 }, MEMORY_RESERVED },
                         { { 0x7ffdc000, 0x80000000 }, MEMORY_RESERVED },
                         { { 0xb0000000, 0xc0000000 }, MEMORY_RESERVED } },
                .crash = { 0x4f000000, 0x6f000000 },
                .kernel = { 0x9c3e200000, 0x9c40600000 },
                .n_cpus = 64,
                .no_gb_pages = true,
        },
        [TEST_MACHINE_LA57] = {
                .ram = { LOW_RAM, { MIB, 0x7ffdc000 } },
                .map = Q35_MAP(0x7ffdc000),
                .crash = AREA_256M,
                .kernel = KERNEL,
                .n_cpus = 2,
                .la57 = true,
        },
        [TEST_MACHINE_TINY_AREA] = {
                .ram = { LOW_RAM, { MIB, 0x1ffe0000 } },
                .map = { { { 0, 0x1000 }, MEMORY_RESERVED },
                         { { 0x9fc00, 0xa0000 }, MEMORY_RESERVED },
                         { { 0xf0000, 0x100000 }, MEMORY_RESERVED },
                         { { 0x1ffe0000, 0x20000000 }, MEMORY_RESERVED } },
                .crash = { 0x1e000000, 0x1f000000 },
                .kernel = { 0x9200000, 0xb600000 },
                .n_cpus = 1,
                .no_acpi = true,
                .no_uart = true,
        },
};

/* What OVMF asks to be mapped. */
static const LoaderEfiRange efi_ranges[] = {
        { 5, 0x7e8ed000, 0xfffffffefe8ed000, 0x100, 0x800000000000000f },  /* runtime code */
        { 6, 0x7e9ed000, 0xfffffffefe7ed000, 0x180, 0x800000000000000f },  /* runtime data */
        { 11, 0xffc00000, 0xfffffffefe3ad000, 0x440, 0x8000000000000001 }, /* MMIO */
};

static void map_append(LoaderFacts *facts, MemoryRange range)
{
        facts->map = reallocarray(facts->map, facts->n_map + 1, sizeof(*facts->map));
        assert_non_null(facts->map);
        facts->map[facts->n_map++] = range;
}

static void fill_memory(TestMachine which, const Machine *machine, LoaderFacts *facts)
{
        for (size_t i = 0; i < ELEMENTSOF(machine->ram); i++)
                assert_int_equal(
                        range_list_add(&facts->ram, machine->ram[i].start, machine->ram[i].end), 0);
        for (uint64_t i = 0; which == TEST_MACHINE_FRAGMENTS && i < N_FRAGMENTS - 2; i++)
                assert_int_equal(range_list_add(&facts->ram, 4 * GIB + 4 * MIB * i,
                                                4 * GIB + 4 * MIB * i + 2 * MIB),
                                 0);
        for (size_t i = 0; i < ELEMENTSOF(machine->map) && machine->map[i].range.end > 0; i++)
                map_append(facts, machine->map[i]);
        for (uint64_t i = 0; which == TEST_MACHINE_E820_LONG && i < N_RESERVED_LONG - 3; i++)
                map_append(facts,
                           (MemoryRange){ { 2 * GIB + 0x2000 * i, 2 * GIB + 0x2000 * i + 0x1000 },
                                          MEMORY_RESERVED });
        assert_int_equal(range_list_add(&facts->gart, machine->gart.start, machine->gart.end), 0);
        facts->crash = machine->crash;
        facts->crash_low = machine->crash_low;
        facts->kernel = machine->kernel;
        facts->max_paddr = facts->ram.ranges[facts->ram.n - 1].end;
        facts->mem_total_bytes = range_list_bytes(&facts->ram) - range_bytes(machine->crash) -
                                 range_bytes(machine->crash_low) - 0x2345000;
        facts->mem_total_bytes -= facts->mem_total_bytes % 1024;
}

/* Where a kernel has them: of each CPU in its own part of the top of its memory. */
static void fill_notes(const Machine *machine, LoaderFacts *facts)
{
        facts->cpu_notes = calloc(machine->n_cpus, sizeof(*facts->cpu_notes));
        assert_non_null(facts->cpu_notes);
        for (facts->n_cpu_notes = 0; facts->n_cpu_notes < machine->n_cpus; facts->n_cpu_notes++)
                facts->cpu_notes[facts->n_cpu_notes] = (LoaderNote){
                        .paddr = 0x1d000000 + facts->n_cpu_notes * 0x40000 + 0x20a00,
                        .bytes = 368,
                };
        facts->vmcoreinfo = (LoaderNote){ 0x6c05000, 0x1024 };
}

static void put(LoaderFacts *facts, size_t offset, uint64_t value, size_t size)
{
        memcpy(facts->boot_params + offset, &value, size);
}

static void fill_boot_params(const Machine *machine, LoaderFacts *facts)
{
        put(facts, 0x002, machine->efi ? 0 : 0xfc00, 2);     /* screen_info.ext_mem_k */
        put(facts, 0x006, machine->efi ? 0 : 3, 1);          /* .orig_video_mode */
        put(facts, 0x007, 80, 1);                            /* .orig_video_cols */
        put(facts, 0x00e, 25, 1);                            /* .orig_video_lines */
        put(facts, 0x00f, machine->efi ? 0x70 : 0x01, 1);    /* .orig_video_isVGA */
        put(facts, 0x012, machine->efi ? 1280 : 0, 2);       /* .lfb_width */
        put(facts, 0x014, machine->efi ? 800 : 0, 2);        /* .lfb_height */
        put(facts, 0x018, machine->efi ? 0xc0000000 : 0, 4); /* .lfb_base */
        put(facts, 0x070, machine->efi ? 0 : facts->acpi_rsdp, 8);
        put(facts, 0x1e8, 1, 1);                    /* e820_entries */
        put(facts, 0x1ec, machine->efi ? 2 : 0, 1); /* secure_boot: disabled */
        put(facts, 0x1f1, 0x1f, 1);                 /* setup_sects */
        put(facts, 0x1fe, 0xaa55, 2);
        put(facts, 0x200, 0x6aeb, 2);
        memcpy(facts->boot_params + 0x202, "HdrS", 4);
        put(facts, 0x206, 0x020f, 2);
        put(facts, 0x210, 0xb0, 1); /* type_of_loader: QEMU */
        put(facts, 0x2d8, 0x1000, 8);
        put(facts, 0x2e0, MEMORY_RESERVED, 4);
        if (!machine->efi)
                return;
        memcpy(facts->boot_params + 0x1c0, "EL64", 4);
        put(facts, 0x1c4, 0x7f9ee018, 4); /* efi_systab */
        put(facts, 0x1c8, 48, 4);         /* efi_memdesc_size */
        put(facts, 0x1cc, 1, 4);          /* efi_memdesc_version */
        put(facts, 0x1d0, 0x3d1f6018, 4); /* efi_memmap */
        put(facts, 0x1d4, 48 * 40, 4);    /* efi_memmap_size */
}

static void fill_efi(LoaderEfi *efi)
{
        efi->ranges = calloc(ELEMENTSOF(efi_ranges), sizeof(*efi->ranges));
        assert_non_null(efi->ranges);
        memcpy(efi->ranges, efi_ranges, sizeof(efi_ranges));
        efi->n_ranges = ELEMENTSOF(efi_ranges);
        efi->fw_vendor = 0x7ea3b018;
        efi->runtime = 0x7e9edb98;
        efi->config_table = 0x7ea3aa98;
        efi->smbios = 0x7ea0c000;
}

void test_machine_facts(TestMachine which, LoaderFacts *ret)
{
        const Machine *machine = machines + which;
        LoaderFacts facts = {
                .page_offset = machine->la57 ? 0xff11000000000000 : 0xffff9c5c40000000,
                .kernel_vaddr = 0xffffffffaa600000,
                .acpi_rsdp = machine->no_acpi ? 0
                             : machine->efi   ? 0x7eb7e014
                                              : 0xf5270,
                .firmware_framebuffer = machine->efi,
                .la57 = machine->la57,
                .gb_pages = !machine->no_gb_pages,
                .tsc_khz = 2893202,
                .serial_port = machine->no_uart ? 0 : 0x3f8,
                .fadt_reset_port = machine->no_acpi ? 0 : 0xcf9,
                .fadt_reset_value = machine->no_acpi ? 0 : 0xf,
                .elfcorehdr_room_bytes = machine->elfcorehdr_room_bytes,
                .boot_id = { 0x3b, 0x1d, 0x7a, 0x5c, 0x90, 0x2e, 0x4f, 0x61, 0x8a, 0x07, 0x11, 0xd2,
                             0xe4, 0xc6, 0x58, 0x0f },
                .load_limit = -1,
        };

        fill_memory(which, machine, &facts);
        fill_notes(machine, &facts);
        fill_boot_params(machine, &facts);
        if (machine->efi)
                fill_efi(&facts.efi);
        *ret = facts;
}

unsigned test_machine_cpu(TestMachine which, size_t i)
{
        static const unsigned gaps[] = { 0, 1, 4, 5, 12 };

        return which == TEST_MACHINE_CPU_GAPS ? gaps[i] : (unsigned) i;
}
