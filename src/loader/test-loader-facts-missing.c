/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of what loader_facts_read() makes of machines that show less than usual, or other things.
 */
#include "loader-facts.h"

#include "io.h"
#include "test-loader-fixture.h"
#include "test.h"

static void loader_facts_freep(LoaderFacts *facts)
{
        loader_facts_done(facts);
}
#define _cleanup_facts_ _cleanup_(loader_facts_freep)

/* A machine with two files that are otherwise; NULL as text: it is not there. */
typedef struct Change {
        const char *path, *text;
} Change;

static int read_changed(TestMachine which, const Change *changes, size_t n, LoaderFacts *ret,
                        char **reterr_message)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);

        test_machine_write(root_fd, which);
        for (size_t i = 0; i < n && changes[i].path; i++) {
                if (changes[i].text)
                        test_file_write(root_fd, changes[i].path, changes[i].text);
                else
                        assert_int_equal(unlinkat(root_fd, changes[i].path, 0), 0);
        }
        return loader_facts_read(root_fd, ret, reterr_message);
}

#define CPU "sys/devices/system/cpu/"

static const struct {
        Change changes[2];
        int r;
        const char *message;
} needed_cases[] = {
        { { { "proc/iomem", NULL } }, -EOPNOTSUPP, "/proc/iomem" },
        { { { "proc/iomem", "1000-ffffff : System RAM\n" } }, -ENODATA, "reserved" },
        { { { "proc/iomem", "00-00 : System RAM\n" } }, -EACCES, "hides" },
        { { { "proc/iomem", "00-00 : System RAM\n" },
            { "sys/kernel/security/lockdown", "none integrity [confidentiality]\n" } },
          -EOPNOTSUPP,
          "locked down" },
        { { { "proc/iomem", "what?\n" } }, -EBADMSG, "Line 1" },
        { { { "proc/iomem", "00100000-7fffffff : System RAM\n"
                            "  6d000000-7cffffff : Crash kernel\n" } },
          -EOPNOTSUPP,
          "Kernel code" },
        { { { "proc/meminfo", NULL } }, -EOPNOTSUPP, "/proc/meminfo" },
        { { { CPU "cpu0/crash_notes", NULL }, { CPU "cpu1/crash_notes", NULL } },
          -EOPNOTSUPP,
          "crash_notes" },
        { { { CPU "cpu1/crash_notes_size", NULL } }, -EOPNOTSUPP, "cpu1" },
        { { { CPU "cpu1/crash_notes", "zero\n" } }, -EBADMSG, "cpu1" },
        { { { CPU "cpu1/crash_notes", "a0000\n" } }, -EBADMSG, "0xa0000" },
        { { { CPU "cpu1/crash_notes", "ffffffffffffffff\n" } }, -EBADMSG, "no RAM" },
        { { { CPU "cpu1/crash_notes_size", "0\n" } }, -EBADMSG, " 0 bytes" },
        { { { CPU "cpu1/crash_notes_size", "1048577\n" } }, -EBADMSG, "1048577" },
        { { { "sys/kernel/vmcoreinfo", NULL } }, -EOPNOTSUPP, "vmcoreinfo" },
        { { { "sys/kernel/vmcoreinfo", "0x6c05000\n" } }, -EBADMSG, "no size" },
        { { { "sys/kernel/vmcoreinfo", "here 1024\n" } }, -EBADMSG, "no numbers" },
        { { { "sys/kernel/vmcoreinfo", "0x1 0\n" } }, -EBADMSG, " 0 bytes" },
        /* Another place, or not all of it */
        { { { "sys/kernel/vmcoreinfo", "0x6c05004 1024\n" } }, -EBADMSG, "0x6c05004" },
        { { { "sys/kernel/vmcoreinfo", "0x6c05000 17\n" } }, -EBADMSG, " 23 bytes" },
        { { { "sys/kernel/vmcoreinfo", "0x6c05000 18\n" } }, -EBADMSG, " 24 bytes" },
        { { { "sys/kernel/boot_params/data", NULL } }, -EOPNOTSUPP, "boot_params" },
        { { { "sys/kernel/boot_params/data", "HdrS" } }, -EBADMSG, "4096" },
        { { { "proc/kcore", NULL } }, -EOPNOTSUPP, "/proc/kcore" },
        { { { "proc/kcore", "\177ELF" } }, -EBADMSG, "make no sense" },
        { { { "sys/kernel/kexec/crash_cma_ranges", "a0000-affff\n" } }, -EBADMSG, "a0000" },
        { { { "sys/kernel/kexec/crash_cma_ranges", "10000000\n" } }, -EBADMSG, "10000000" },
};

static void test_what_no_image_can_be_made_without(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(needed_cases); i++) {
                _cleanup_free_ char *message = NULL;
                LoaderFacts facts;

                assert_int_equal(read_changed(TEST_MACHINE_BIOS_2G, needed_cases[i].changes,
                                              ELEMENTSOF(needed_cases[i].changes), &facts,
                                              &message),
                                 needed_cases[i].r);
                assert_non_null(message);
                if (!strstr(message, needed_cases[i].message))
                        fail_msg("case %zu: %s", i, message);
        }
}

/* Only offsets and sizes in the structure that are looked at */
#define FIELD(name) offsetof(LoaderFacts, name), sizeof(((LoaderFacts *) NULL)->name)

#define ACTIVE "sys/class/tty/console/active"
#define FLAGS "proc/cpuinfo"
#define LOCKDOWN "sys/kernel/security/lockdown"
#define DISABLED "proc/sys/kernel/kexec_load_disabled"
#define LIMIT "proc/sys/kernel/kexec_load_limit_panic"

static const struct {
        TestMachine which;
        Change changes[2];
        size_t offset, size;
        uint64_t expected;
} single_cases[] = {
        { TEST_MACHINE_BIOS_2G, { { LOCKDOWN, NULL } }, FIELD(lockdown), false },
        { TEST_MACHINE_BIOS_2G,
          { { LOCKDOWN, "none [integrity] confidentiality\n" } },
          FIELD(lockdown),
          true },
        { TEST_MACHINE_BIOS_2G,
          { { LOCKDOWN, "none integrity [confidentiality]\n" } },
          FIELD(lockdown),
          true },
        { TEST_MACHINE_BIOS_2G, { { DISABLED, NULL } }, FIELD(load_disabled), false },
        { TEST_MACHINE_BIOS_2G, { { DISABLED, "1\n" } }, FIELD(load_disabled), true },
        { TEST_MACHINE_BIOS_2G, { { LIMIT, NULL } }, FIELD(load_limit), UINT64_MAX },
        { TEST_MACHINE_BIOS_2G, { { LIMIT, "0\n" } }, FIELD(load_limit), 0 },
        { TEST_MACHINE_BIOS_2G, { { LIMIT, "7\n" } }, FIELD(load_limit), 7 },
        { TEST_MACHINE_BIOS_2G, { { "proc/xen/capabilities", "" } }, FIELD(xen), false },
        { TEST_MACHINE_BIOS_2G, { { "proc/xen/capabilities", "control_d\n" } }, FIELD(xen), true },
        { TEST_MACHINE_BIOS_2G, { { "sys/hypervisor/type", "xen\n" } }, FIELD(xen), true },
        { TEST_MACHINE_BIOS_2G,
          { { "sys/hypervisor/type", "xen\n" }, { "sys/hypervisor/guest_type", "PV\n" } },
          FIELD(xen),
          true },
        { TEST_MACHINE_BIOS_2G,
          { { "sys/hypervisor/type", "xen\n" }, { "sys/hypervisor/guest_type", "HVM\n" } },
          FIELD(xen),
          false },

        { TEST_MACHINE_DIMM,
          { { "sys/kernel/kexec/crash_elfcorehdr_size", "8192\n" } },
          FIELD(elfcorehdr_room_bytes),
          8192 },
        { TEST_MACHINE_DIMM,
          { { "sys/kernel/crash_elfcorehdr_size", "many\n" } },
          FIELD(elfcorehdr_room_bytes),
          0 },

        { TEST_MACHINE_BIOS_2G, { { ACTIVE, NULL } }, FIELD(serial_port), 0 },
        { TEST_MACHINE_BIOS_2G, { { ACTIVE, "ttyS0 tty0\n" } }, FIELD(serial_port), 0x3f8 },
        { TEST_MACHINE_BIOS_2G, { { ACTIVE, "ttyS1\n" } }, FIELD(serial_port), 0 },
        { TEST_MACHINE_BIOS_2G, { { ACTIVE, "hvc0\n" } }, FIELD(serial_port), 0 },
        { TEST_MACHINE_BIOS_2G, { { ACTIVE, "ttyS0/../ttyS0\n" } }, FIELD(serial_port), 0 },
        { TEST_MACHINE_BIOS_2G,
          { { "sys/class/tty/ttyS0/io_type", "2\n" } },
          FIELD(serial_port),
          0 },
        { TEST_MACHINE_BIOS_2G,
          { { "sys/class/tty/ttyS0/port", "0x0\n" } },
          FIELD(serial_port),
          0 },
        { TEST_MACHINE_BIOS_2G,
          { { "sys/class/tty/ttyS0/port", "0x10000\n" } },
          FIELD(serial_port),
          0 },

        { TEST_MACHINE_BIOS_2G, { { "proc/fb", NULL } }, FIELD(firmware_framebuffer), 0 },
        { TEST_MACHINE_BIOS_2G,
          { { "proc/fb", "0 VESA VGA\n" } },
          FIELD(firmware_framebuffer),
          true },
        { TEST_MACHINE_BIOS_2G,
          { { "proc/fb", "0 simpledrmdrmfb\n1 EFI VGA\n" } },
          FIELD(firmware_framebuffer),
          true },
        { TEST_MACHINE_BIOS_2G,
          { { "proc/fb", "0 efidrmdrmfb\n" } },
          FIELD(firmware_framebuffer),
          true },
        { TEST_MACHINE_EFI_2G,
          { { "proc/fb", "0 i915drmfb\n1 EFI VGA\n" } },
          FIELD(firmware_framebuffer),
          false },
        { TEST_MACHINE_EFI_2G,
          { { "proc/fb", "0 EFI VGA2\n" } },
          FIELD(firmware_framebuffer),
          false },
        { TEST_MACHINE_EFI_2G,
          { { "proc/fb", "1 EFI VGA\n" } },
          FIELD(firmware_framebuffer),
          false },

        { TEST_MACHINE_EFI_2G,
          { { "sys/firmware/efi/systab", "MPS=0x1\nACPI=0x7eb7e000\n" } },
          FIELD(acpi_rsdp),
          0x7eb7e000 },
        { TEST_MACHINE_EFI_2G, { { "sys/firmware/efi/systab", NULL } }, FIELD(acpi_rsdp), 0 },
        /* What boot_params has is the kernel's own. */
        { TEST_MACHINE_BIOS_2G,
          { { "sys/firmware/efi/systab", "ACPI20=0x1234\n" } },
          FIELD(acpi_rsdp),
          0xf5270 },

        { TEST_MACHINE_BIOS_2G, { { FLAGS, NULL } }, FIELD(tsc_khz), 0 },
        { TEST_MACHINE_BIOS_2G, { { FLAGS, NULL } }, FIELD(gb_pages), false },
        { TEST_MACHINE_BIOS_2G, { { FLAGS, "cpu MHz : x\n" } }, FIELD(tsc_khz), 0 },
        { TEST_MACHINE_BIOS_2G, { { FLAGS, "cpu MHz : 5.5\n" } }, FIELD(tsc_khz), 0 },
        { TEST_MACHINE_BIOS_2G, { { FLAGS, "cpu MHz : 4294967.000\n" } }, FIELD(tsc_khz), 0 },
        { TEST_MACHINE_BIOS_2G,
          { { FLAGS, "cpu MHz\t: 1.5\n\ncpu MHz\t: 1.500\n" } },
          FIELD(tsc_khz),
          0 },
        /* Told not to use them: nogbpages */
        { TEST_MACHINE_BIOS_2G,
          { { "proc/meminfo", "MemTotal: 2000000 kB\nMemAvailable: 4 kB\nDirectMap2M: 8 kB\n" } },
          FIELD(gb_pages),
          false },
        { TEST_MACHINE_BIOS_2G, { { FLAGS, "flags\t: lm\n\n" } }, FIELD(gb_pages), false },
        { TEST_MACHINE_BIOS_2G,
          { { FLAGS, "flags\t: lm xpdpe1gb\nbugs : pdpe1gb\n\nflags : pdpe1gb\n" } },
          FIELD(gb_pages),
          false },

        { TEST_MACHINE_BIOS_2G,
          { { "proc/sys/kernel/random/boot_id", "3b1d7a5c-902e\n" } },
          FIELD(boot_id[0]),
          0 },
        { TEST_MACHINE_BIOS_2G, { { CPU "cpu1/crash_notes", NULL } }, FIELD(n_cpu_notes), 1 },
};

static void test_one_fact_each(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(single_cases); i++) {
                _cleanup_free_ char *message = NULL;
                _cleanup_facts_ LoaderFacts facts = { 0 };
                uint64_t expected = single_cases[i].expected;

                if (read_changed(single_cases[i].which, single_cases[i].changes,
                                 ELEMENTSOF(single_cases[i].changes), &facts, &message) < 0)
                        fail_msg("case %zu: %s", i, message);
                if (memcmp((uint8_t *) &facts + single_cases[i].offset, &expected,
                           single_cases[i].size) != 0)
                        fail_msg("case %zu", i);
        }
}

static void test_ranges_of_cma(void **state)
{
        static const Change cases[] = {
                { "sys/kernel/kexec/crash_cma_ranges", "10000000-11ffffff\n12000000-12ffffff\n" },
                { "sys/kernel/kexec_crash_cma_ranges", "10000000-12ffffff\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *message = NULL;
                _cleanup_facts_ LoaderFacts facts = { 0 };

                assert_int_equal(read_changed(TEST_MACHINE_BIOS_2G, cases + i, 1, &facts, &message),
                                 0);
                assert_int_equal(facts.crash_cma.n, 1);
                assert_int_equal(facts.crash_cma.ranges[0].start, 0x10000000);
                assert_int_equal(facts.crash_cma.ranges[0].end, 0x13000000);
        }
}

#define EFI "sys/firmware/efi/"

/* The crash kernel starts without EFI, but not with half of it. */
static void test_without_all_of_efi_there_is_none(void **state)
{
        static const Change cases[] = {
                { EFI "fw_vendor", NULL },
                { EFI "runtime", "here\n" },
                { EFI "config_table", NULL },
                { EFI "fw_platform_size", "32\n" },
                { EFI "runtime-map/1/phys_addr", NULL },
                { EFI "runtime-map/1/type", "0x100000000\n" },
                { EFI "runtime-map/4/type", "0x6\n" }, /* 3 is missing */
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *message = NULL;
                _cleanup_facts_ LoaderFacts facts = { 0 };

                assert_int_equal(read_changed(TEST_MACHINE_EFI_2G, cases + i, 1, &facts, &message),
                                 0);
                assert_int_equal(facts.efi.n_ranges, 0);
                assert_true(mem_is_zero(&facts.efi, sizeof(facts.efi)));
                assert_int_equal(facts.acpi_rsdp, 0x7eb7e014);
        }
}

/* More than nine: in the order of their numbers, not of their names. */
static void test_ranges_of_efi_in_order(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_free_ char *message = NULL;
        _cleanup_facts_ LoaderFacts facts = { 0 };

        test_machine_write(root_fd, TEST_MACHINE_EFI_2G);
        for (unsigned i = 3; i < 12; i++) {
                static const char *const names[] = { "type", "phys_addr", "virt_addr", "num_pages",
                                                     "attribute" };

                for (size_t j = 0; j < ELEMENTSOF(names); j++) {
                        char path[64];

                        (void) snprintf(path, sizeof(path), EFI "runtime-map/%u/%s", i, names[j]);
                        test_file_printf(root_fd, path, "0x%x\n", i);
                }
        }
        assert_int_equal(loader_facts_read(root_fd, &facts, &message), 0);
        assert_int_equal(facts.efi.n_ranges, 12);
        for (unsigned i = 3; i < 12; i++)
                assert_int_equal(facts.efi.ranges[i].type, i);
}

static void test_a_reset_register_that_cannot_be_used(void **state)
{
        static const struct {
                size_t offset;
                uint8_t value;
                uint16_t port;
        } cases[] = {
                { 0, 'F', 0xcf9 }, { 0, 'X', 0 }, { 113, 0, 0 }, /* the flag */
                { 116, 0, 0 },                                   /* memory */
                { 116, 2, 0 },                                   /* PCI */
                { 117, 16, 0 },                                  /* bits */
                { 118, 1, 0 },                                   /* from bit 1 on */
                { 120, 0, 0xc00 }, { 122, 1, 0 },                /* above 0xffff */
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_test_root_ char *root = test_root_new();
                _cleanup_close_ int root_fd = test_root_open(root);
                _cleanup_close_ int fd = -EBADF;
                _cleanup_free_ char *message = NULL;
                _cleanup_facts_ LoaderFacts facts = { 0 };

                test_machine_write(root_fd, TEST_MACHINE_BIOS_2G);
                fd = openat(root_fd, "sys/firmware/acpi/tables/FACP", O_WRONLY | O_CLOEXEC);
                assert_int_equal(pwrite_full(fd, &cases[i].value, 1, cases[i].offset), 0);
                assert_int_equal(loader_facts_read(root_fd, &facts, &message), 0);
                assert_int_equal(facts.fadt_reset_port, cases[i].port);
                loader_facts_done(&facts);
                /* That of ACPI 1 */
                assert_int_equal(ftruncate(fd, 116), 0);
                assert_int_equal(loader_facts_read(root_fd, &facts, &message), 0);
                assert_int_equal(facts.fadt_reset_port, 0);
        }
}

static void test_who_has_encrypted_memory(void **state)
{
        static const struct {
                const char *flags, *vmcoreinfo;
                bool cc_blob, guest, host;
        } cases[] = {
                { "fpu", "NUMBER(sme_mask)=0\n", false, false, false },
                { "fpu", "A=B\n", false, false, false },
                /* A host that could have such guests */
                { "sev sev_es sev_snp", "NUMBER(sme_mask)=0\n", false, false, false },
                { "sme sev", "NUMBER(sme_mask)=0\n", false, false, false },
                { "sme sev", "NUMBER(sme_mask)=140737488355328\n", false, false, true },
                { "sev sev_es", "NUMBER(sme_mask)=140737488355328\n", false, false, true },
                { "sme", "A=B\n", false, false, true },
                /* Guests */
                { "hypervisor", "NUMBER(sme_mask)=0\n", false, false, false },
                { "hypervisor", "NUMBER(sme_mask)=2251799813685248\n", false, true, false },
                { "hypervisor sev_es", "A=B\n", false, true, false },
                { "hypervisor sev_snp", "A=B\n", false, true, false },
                { "hypervisor", "NUMBER(sme_mask)=0\n", true, true, false },
                { "hypervisor tdx_guest", "NUMBER(sme_mask)=0\n", false, true, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_test_root_ char *root = test_root_new();
                _cleanup_close_ int root_fd = test_root_open(root);
                _cleanup_close_ int fd = -EBADF;
                _cleanup_free_ char *message = NULL;
                _cleanup_facts_ LoaderFacts facts = { 0 };

                test_machine_write(root_fd, TEST_MACHINE_BIOS_2G);
                test_machine_vmcoreinfo(root_fd, TEST_MACHINE_BIOS_2G, cases[i].vmcoreinfo);
                test_file_printf(root_fd, "proc/cpuinfo", "flags\t\t: fpu %s nx\n\n",
                                 cases[i].flags);
                fd = openat(root_fd, "sys/kernel/boot_params/data", O_WRONLY | O_CLOEXEC);
                assert_int_equal(pwrite_full(fd, &cases[i].cc_blob, 1, 0x13c + 1), 0);
                assert_int_equal(loader_facts_read(root_fd, &facts, &message), 0);
                if (facts.encrypted_guest != cases[i].guest ||
                    facts.encrypted_host != cases[i].host)
                        fail_msg("case %zu", i);
                assert_true(!loader_facts_refusal(&facts) == (!cases[i].guest && !cases[i].host));
        }
}

/* The CPU's flag is la57 everywhere. */
static void test_five_levels_are_what_the_kernel_uses(void **state)
{
        static const struct {
                TestMachine which;
                const char *vmcoreinfo;
                bool la57;
        } cases[] = {
                { TEST_MACHINE_BIOS_2G, "NUMBER(pgtable_l5_enabled)=0\n", false },
                { TEST_MACHINE_LA57, "NUMBER(pgtable_l5_enabled)=1\n", true },
                { TEST_MACHINE_BIOS_2G, "A=B\n", false },
                { TEST_MACHINE_LA57, "A=B\n", true },
                { TEST_MACHINE_LA57, "", true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_test_root_ char *root = test_root_new();
                _cleanup_close_ int root_fd = test_root_open(root);
                _cleanup_free_ char *message = NULL;
                _cleanup_facts_ LoaderFacts facts = { 0 };

                test_machine_write(root_fd, cases[i].which);
                test_machine_vmcoreinfo(root_fd, cases[i].which, cases[i].vmcoreinfo);
                assert_int_equal(loader_facts_read(root_fd, &facts, &message), 0);
                assert_int_equal(facts.la57, cases[i].la57);
        }
}

#define DIRECT 0xffff9c5c40000000

/* Others than of the machine whose other files it has */
static void test_a_kcore_that_does_not_do(void **state)
{
        const Elf64_Phdr text =
                test_kcore_segment(0x2a600000, 0x2400000, 0x10000000, 0xffffffffaa600000);
        const Elf64_Phdr low = test_kcore_segment(0x1000, 0x9ec00, 0x20000000, DIRECT + 0x1000);
        const struct {
                Elf64_Phdr segments[3];
                int r;
                const char *message;
        } cases[] = {
                { { text, text, text }, -EOPNOTSUPP, "no direct map" },
                { { low, low, low }, -EOPNOTSUPP, "kernel's text" },
                { { low, text, text }, -EOPNOTSUPP, "reserved memory" },
                { { low, text,
                    test_kcore_segment(0x100000, 0x7fedc000, 0x30000000, DIRECT + 0x200000) },
                  -EBADMSG,
                  "physical 0" },
                { { low, text, /* all but the last page of the area */
                    test_kcore_segment(0x100000, 0x7ceff000, 0x30000000, DIRECT + 0x100000) },
                  -EOPNOTSUPP,
                  "reserved memory" },
                /* There is only zeros in it. */
                { { low, text,
                    test_kcore_segment(0x100000, 0x7fedc000, 0x30000000, DIRECT + 0x100000) },
                  -EBADMSG,
                  "VMCOREINFO" },
                { { test_kcore_segment(0, 0x1000, 0x1000, DIRECT),
                    test_kcore_segment(0, 0x1000, 0x1000, DIRECT),
                    test_kcore_segment(0, 0x1000, 0x1000, DIRECT) },
                  -EOPNOTSUPP,
                  "no physical addresses" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_test_root_ char *root = test_root_new();
                _cleanup_close_ int root_fd = test_root_open(root);
                const Elf64_Ehdr header = test_kcore_header(ELEMENTSOF(cases[i].segments));
                _cleanup_free_ char *message = NULL;
                LoaderFacts facts;

                test_machine_write(root_fd, TEST_MACHINE_BIOS_2G);
                test_kcore_write(root_fd, &header, cases[i].segments,
                                 ELEMENTSOF(cases[i].segments));
                test_kcore_put(root_fd, 0x40000000, "", 1);
                assert_int_equal(loader_facts_read(root_fd, &facts, &message), cases[i].r);
                if (!strstr(message, cases[i].message))
                        fail_msg("case %zu: %s", i, message);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_no_image_can_be_made_without),
                cmocka_unit_test(test_one_fact_each),
                cmocka_unit_test(test_ranges_of_cma),
                cmocka_unit_test(test_without_all_of_efi_there_is_none),
                cmocka_unit_test(test_ranges_of_efi_in_order),
                cmocka_unit_test(test_a_reset_register_that_cannot_be_used),
                cmocka_unit_test(test_who_has_encrypted_memory),
                cmocka_unit_test(test_five_levels_are_what_the_kernel_uses),
                cmocka_unit_test(test_a_kcore_that_does_not_do),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
