/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of Vmcore: cores as kernels write them, and as nobody should. */
#include "io.h"
#include "test-core.h"
#include "test.h"

#define PAGE TEST_PAGE_BYTES

static int open_error(TestCore *core)
{
        _cleanup_free_ char *message = NULL;
        Vmcore *vmcore = NULL;
        int r;

        r = vmcore_open(core->path, &vmcore, &message);
        assert_true(r < 0);
        assert_null(vmcore);
        if (r == -EBADMSG || r == -EOPNOTSUPP)
                assert_non_null(message);
        return r;
}

static void runs_check(const Vmcore *vmcore)
{
        const MemoryRun *runs;
        size_t n_runs;

        runs = vmcore_runs(vmcore, &n_runs);
        for (size_t i = 0; i < n_runs; i++) {
                assert_true(runs[i].start_paddr < runs[i].end_paddr);
                assert_true(runs[i].file_bytes <= runs[i].end_paddr - runs[i].start_paddr);
                if (i > 0)
                        assert_true(runs[i - 1].end_paddr <= runs[i].start_paddr);
        }
}

static void test_overlap_prefers_direct_map(void **state)
{
        _cleanup_(test_core_done) TestCore core;
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        _cleanup_free_ uint8_t *direct = test_pattern_new(8 * PAGE, 1),
                               *text = test_pattern_new(12 * PAGE, 2), *got = malloc(16 * PAGE);
        const MemoryRun *runs;
        uint64_t delta, start, end;
        size_t n_runs;

        /* The image reaches over both ends of the memory at 1 MiB. */
        test_core_init(&core);
        test_core_add(&core, TEST_KERNEL_MAP_VADDR, 0x100000 - 2 * PAGE, 12 * PAGE, 12 * PAGE,
                      text);
        test_core_add(&core, TEST_DIRECT_MAP_VADDR + 0x100000, 0x100000, 8 * PAGE, 8 * PAGE,
                      direct);
        test_core_add(&core, TEST_DIRECT_MAP_VADDR + PAGE, PAGE, PAGE, PAGE, direct);
        vmcore = test_core_open(&core);
        runs_check(vmcore);

        runs = vmcore_runs(vmcore, &n_runs);
        assert_int_equal(n_runs, 4);
        assert_int_equal(runs[0].start_paddr, PAGE);
        assert_int_equal(runs[2].start_paddr, 0x100000);
        assert_int_equal(runs[2].end_paddr, 0x100000 + 8 * PAGE);

        assert_int_equal(vmcore_read(vmcore, 0x100000 - 2 * PAGE, got, 12 * PAGE), 0);
        assert_memory_equal(got, text, 2 * PAGE);
        assert_memory_equal(got + 2 * PAGE, direct, 8 * PAGE);
        assert_memory_equal(got + 10 * PAGE, text + 10 * PAGE, 2 * PAGE);

        assert_int_equal(vmcore_direct_map_delta(vmcore), TEST_DIRECT_MAP_VADDR);
        assert_int_equal(vmcore_kernel_map_delta(vmcore, &delta), 0);
        assert_int_equal(delta, TEST_KERNEL_MAP_VADDR - (0x100000 - 2 * PAGE));
        assert_int_equal(vmcore_kernel_map_range(vmcore, &start, &end), 0);
        assert_int_equal(start, 0x100000 - 2 * PAGE);
        assert_int_equal(end, 0x100000 + 10 * PAGE);
        assert_int_equal(vmcore_machine(vmcore), EM_X86_64);
}

static void test_image_may_be_in_several_segments(void **state)
{
        static const uint64_t paddrs[] = { 4 * PAGE, 2 * PAGE, 7 * PAGE };
        _cleanup_(test_core_done) TestCore core;
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        _cleanup_free_ uint8_t *data = test_pattern_new(PAGE, 3);
        uint64_t delta, start, end;

        test_core_init(&core);
        test_core_add(&core, TEST_KERNEL_MAP_VADDR, 64 * PAGE, PAGE, PAGE, data);
        for (size_t i = 0; i < ELEMENTSOF(paddrs); i++)
                test_core_add(&core, TEST_KERNEL_MAP_VADDR + paddrs[i], paddrs[i], PAGE, PAGE,
                              data);
        vmcore = test_core_open(&core);
        assert_int_equal(vmcore_kernel_map_delta(vmcore, &delta), 0);
        assert_true(delta == TEST_KERNEL_MAP_VADDR);
        assert_int_equal(vmcore_kernel_map_range(vmcore, &start, &end), 0);
        assert_int_equal(start, 2 * PAGE);
        assert_int_equal(end, 8 * PAGE);
}

static void test_hole_is_out_of_range(void **state)
{
        _cleanup_(test_core_done) TestCore core;
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        _cleanup_(vmcore_view_freep) VmcoreView *view = NULL;
        _cleanup_free_ uint8_t *data = test_pattern_new(2 * PAGE, 3);
        const uint8_t *shown;
        uint8_t got[16];

        test_core_init(&core);
        test_core_add(&core, TEST_DIRECT_MAP_VADDR, 0, 2 * PAGE, 2 * PAGE, data);
        test_core_add(&core, TEST_DIRECT_MAP_VADDR + 4 * PAGE, 4 * PAGE, 2 * PAGE, 2 * PAGE, data);
        vmcore = test_core_open(&core);
        assert_int_equal(vmcore_view_new(vmcore, &view), 0);

        assert_int_equal(vmcore_read(vmcore, 2 * PAGE - 8, got, 16), -ERANGE);
        assert_int_equal(vmcore_read(vmcore, 3 * PAGE, got, 1), -ERANGE);
        assert_int_equal(vmcore_read(vmcore, 6 * PAGE, got, 1), -ERANGE);
        assert_int_equal(vmcore_read(vmcore, UINT64_MAX - 3, got, 16), -ERANGE);
        assert_int_equal(vmcore_read(vmcore, 6 * PAGE - 1, got, 1), 0);
        assert_int_equal(got[0], data[2 * PAGE - 1]);
        assert_int_equal(vmcore_view_show(view, 2 * PAGE, PAGE, &shown), -ERANGE);
        assert_int_equal(vmcore_view_show(view, 0, 6 * PAGE, &shown), -ERANGE);
        assert_int_equal(vmcore_view_show(view, 5 * PAGE, 2 * PAGE, &shown), -ERANGE);
        assert_int_equal(vmcore_view_show(view, 7 * PAGE, PAGE, &shown), -ERANGE);
}

static void test_missing_file_part_is_zero(void **state)
{
        _cleanup_(test_core_done) TestCore core;
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        _cleanup_(vmcore_view_freep) VmcoreView *view = NULL;
        _cleanup_free_ uint8_t *data = test_pattern_new(PAGE, 4);
        uint8_t got[3 * 4096], zero[4096] = {};
        const uint8_t *shown;

        test_core_init(&core);
        test_core_add(&core, TEST_DIRECT_MAP_VADDR, 0, 3 * PAGE, PAGE / 2, data);
        test_core_add(&core, TEST_DIRECT_MAP_VADDR + 8 * PAGE, 8 * PAGE, PAGE, 0, NULL);
        vmcore = test_core_open(&core);
        assert_int_equal(vmcore_view_new(vmcore, &view), 0);

        memset(got, 0xaa, sizeof(got));
        assert_int_equal(vmcore_read(vmcore, 0, got, sizeof(got)), 0);
        assert_memory_equal(got, data, PAGE / 2);
        assert_memory_equal(got + PAGE / 2, zero, PAGE / 2);
        assert_memory_equal(got + 2 * PAGE, zero, PAGE);

        assert_int_equal(vmcore_view_show(view, 0, 3 * PAGE, &shown), 0);
        assert_memory_equal(shown, got, 3 * PAGE);
        assert_int_equal(vmcore_view_show(view, 8 * PAGE, PAGE, &shown), 0);
        assert_memory_equal(shown, zero, PAGE);
}

static void test_cut_off_file(void **state)
{
        _cleanup_(test_core_done) TestCore core;
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        _cleanup_(vmcore_view_freep) VmcoreView *view = NULL;
        _cleanup_free_ uint8_t *data = test_pattern_new(4 * PAGE, 5);
        _cleanup_free_ char *message = NULL;
        const uint8_t *shown;
        uint64_t offset;
        uint8_t got[4096];
        size_t n_runs;

        test_core_init(&core);
        test_core_add(&core, TEST_DIRECT_MAP_VADDR, 0, 4 * PAGE, 4 * PAGE, data);
        test_core_write(&core);
        assert_int_equal(vmcore_open(core.path, &vmcore, &message), 0);
        offset = vmcore_runs(vmcore, &n_runs)[0].file_offset;
        vmcore = vmcore_close(vmcore);

        /* The second page ends early: the first is fine, the others cannot be read. */
        assert_int_equal(ftruncate(core.fd, (off_t) (offset + PAGE + 100)), 0);
        assert_int_equal(vmcore_open(core.path, &vmcore, &message), 0);
        assert_int_equal(vmcore_view_new(vmcore, &view), 0);
        assert_int_equal(vmcore_read(vmcore, 0, got, PAGE), 0);
        assert_memory_equal(got, data, PAGE);
        assert_int_equal(vmcore_read(vmcore, PAGE, got, 100), 0);
        assert_int_equal(vmcore_read(vmcore, PAGE, got, PAGE), -EIO);
        assert_int_equal(vmcore_view_show(view, 0, PAGE, &shown), 0);
        assert_memory_equal(shown, data, PAGE);
        assert_int_equal(vmcore_view_show(view, 0, 2 * PAGE, &shown), -EIO);
        assert_int_equal(vmcore_view_show(view, 3 * PAGE, PAGE, &shown), -EIO);

        assert_int_equal(ftruncate(core.fd, sizeof(Elf64_Ehdr) + 20), 0);
        assert_int_equal(open_error(&core), -EBADMSG);
        assert_int_equal(ftruncate(core.fd, 20), 0);
        assert_int_equal(open_error(&core), -EBADMSG);
        assert_int_equal(ftruncate(core.fd, 0), 0);
        assert_int_equal(open_error(&core), -EBADMSG);
}

static void set_class32(Elf64_Ehdr *header)
{
        header->e_ident[EI_CLASS] = ELFCLASS32;
}

static void set_class_none(Elf64_Ehdr *header)
{
        header->e_ident[EI_CLASS] = 9;
}

static void set_big_endian(Elf64_Ehdr *header)
{
        header->e_ident[EI_DATA] = ELFDATA2MSB;
}

static void set_magic(Elf64_Ehdr *header)
{
        header->e_ident[0] = 'K';
}

static void set_executable(Elf64_Ehdr *header)
{
        header->e_type = ET_EXEC;
}

static void set_machine(Elf64_Ehdr *header)
{
        header->e_machine = EM_386;
}

static void set_entry_size(Elf64_Ehdr *header)
{
        header->e_phentsize = 32;
}

static void set_offset(Elf64_Ehdr *header)
{
        header->e_phoff = UINT64_MAX - 16;
}

static void set_offset_behind(Elf64_Ehdr *header)
{
        header->e_phoff = UINT64_C(1) << 40;
}

static void set_number(Elf64_Ehdr *header)
{
        header->e_phnum = 60000;
}

static void test_wrong_header(void **state)
{
        static const struct {
                void (*set)(Elf64_Ehdr *header);
                int error;
        } cases[] = {
                { set_class32, -EOPNOTSUPP },    { set_class_none, -EBADMSG },
                { set_big_endian, -EOPNOTSUPP }, { set_magic, -EBADMSG },
                { set_executable, -EBADMSG },    { set_machine, -EOPNOTSUPP },
                { set_entry_size, -EBADMSG },    { set_offset, -EBADMSG },
                { set_offset_behind, -EBADMSG }, { set_number, -EBADMSG },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(test_core_done) TestCore core;

                test_core_init(&core);
                test_core_add(&core, TEST_DIRECT_MAP_VADDR, 0, PAGE, PAGE, NULL);
                cases[i].set(&core.header);
                test_core_write(&core);
                assert_int_equal(open_error(&core), cases[i].error);
        }
}

static void test_not_a_file_to_read(void **state)
{
        _cleanup_free_ char *message = NULL;
        Vmcore *vmcore = NULL;

        assert_int_equal(vmcore_open("/does/not/exist", &vmcore, &message), -ENOENT);
        assert_int_equal(vmcore_open("/", &vmcore, &message), -EISDIR);
        assert_int_equal(vmcore_open("/dev/null", &vmcore, &message), -EBADMSG);
        assert_null(vmcore_close(NULL));
}

static void test_segments_without_sense_are_left_out(void **state)
{
        _cleanup_(test_core_done) TestCore core, hopeless;
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        size_t n_runs;

        test_core_init(&core);
        test_core_add(&core, TEST_DIRECT_MAP_VADDR, 0, PAGE, PAGE, NULL);
        /* As vmalloc in /proc/kcore, and as an empty one: no complaint. */
        test_core_add(&core, 0xffffc90000000000, UINT64_MAX, PAGE, 0, NULL);
        test_core_add(&core, TEST_DIRECT_MAP_VADDR, 4 * PAGE, 0, 0, NULL);
        /* Numbers that overflow. */
        test_core_add(&core, TEST_DIRECT_MAP_VADDR, UINT64_MAX - PAGE, 2 * PAGE, 0, NULL);
        test_core_add(&core, TEST_DIRECT_MAP_VADDR, 8 * PAGE, PAGE, PAGE, NULL);
        core.segments[4].offset = UINT64_MAX - 8;
        test_core_add(&core, TEST_DIRECT_MAP_VADDR, 9 * PAGE, PAGE, PAGE, NULL);
        core.segments[5].offset = (uint64_t) INT64_MAX - 8;
        vmcore = test_core_open(&core);
        (void) vmcore_runs(vmcore, &n_runs);
        assert_int_equal(n_runs, 1);
        assert_int_equal(vmcore_n_bad_segments(vmcore), 3);

        test_core_init(&hopeless);
        test_core_add(&hopeless, TEST_DIRECT_MAP_VADDR, UINT64_MAX - PAGE, 2 * PAGE, 0, NULL);
        test_core_write(&hopeless);
        assert_int_equal(open_error(&hopeless), -EBADMSG);
}

static void test_many_segments_are_counted_by_section(void **state)
{
        _cleanup_(test_core_done) TestCore core;
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        size_t n_runs;

        test_core_init(&core);
        core.by_section = true;
        for (size_t i = 0; i < 20; i++)
                test_core_add(&core, TEST_DIRECT_MAP_VADDR + 2 * i * PAGE, 2 * i * PAGE, PAGE, PAGE,
                              NULL);
        vmcore = test_core_open(&core);
        (void) vmcore_runs(vmcore, &n_runs);
        assert_int_equal(n_runs, 20);
}

static void test_notes(void **state)
{
        static const char text[] = "OSRELEASE=6.1.0-test\nPAGESIZE=4096\n";
        _cleanup_(test_core_done) TestCore core, bare;
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL, *bare_vmcore = NULL;
        const uint8_t *notes;
        const char *got;
        uint8_t status[336] = {};
        uint64_t offset;
        size_t size;

        test_core_init(&core);
        test_core_add(&core, TEST_DIRECT_MAP_VADDR, 0, PAGE, PAGE, NULL);
        test_core_add_note(&core, "LINUX", 0x700, status, 45);
        test_core_add_note(&core, "CORE", NT_PRSTATUS, status, sizeof(status));
        test_core_add_note(&core, "CORE", NT_PRSTATUS, status, sizeof(status));
        test_core_add_note(&core, "OTHER", NT_PRSTATUS, status, sizeof(status));
        test_core_add_note(&core, "VMCOREINFO_XEN", 0, "X=1\n", 4);
        test_core_add_note(&core, "VMCOREINFO", 0, text, sizeof(text) - 1);
        vmcore = test_core_open(&core);

        assert_int_equal(vmcore_n_prstatus(vmcore), 2);
        notes = vmcore_notes(vmcore, &size);
        assert_int_equal(size, core.notes_size);
        assert_memory_equal(notes, core.notes, size);
        got = vmcore_vmcoreinfo_text(vmcore, &size, &offset);
        assert_int_equal(size, sizeof(text) - 1);
        assert_memory_equal(got, text, size);
        assert_memory_equal(core.notes + offset, text, size);

        test_core_init(&bare);
        test_core_add(&bare, TEST_DIRECT_MAP_VADDR, 0, PAGE, PAGE, NULL);
        bare_vmcore = test_core_open(&bare);
        assert_null(vmcore_notes(bare_vmcore, &size));
        assert_int_equal(size, 0);
        assert_null(vmcore_vmcoreinfo_text(bare_vmcore, &size, &offset));
        assert_int_equal(size, 0);
        assert_int_equal(vmcore_n_prstatus(bare_vmcore), 0);
}

static void test_notes_that_lie(void **state)
{
        static const Elf64_Nhdr cases[] = {
                { .n_namesz = UINT32_MAX, .n_descsz = 4, .n_type = NT_PRSTATUS },
                { .n_namesz = 5, .n_descsz = UINT32_MAX, .n_type = NT_PRSTATUS },
                { .n_namesz = UINT32_MAX - 1, .n_descsz = UINT32_MAX - 1, .n_type = 0 },
                { .n_namesz = 0, .n_descsz = 0, .n_type = 0 },
                { .n_namesz = 400, .n_descsz = 0, .n_type = NT_PRSTATUS },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(test_core_done) TestCore core;
                _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
                uint64_t offset;
                size_t size;

                test_core_init(&core);
                test_core_add(&core, TEST_DIRECT_MAP_VADDR, 0, PAGE, PAGE, NULL);
                test_core_add_note(&core, "CORE", NT_PRSTATUS, "abcdefgh", 8);
                memcpy(core.notes + core.notes_size, &cases[i], sizeof(cases[i]));
                memcpy(core.notes + core.notes_size + sizeof(cases[i]), "CORE", 5);
                core.notes_size += sizeof(cases[i]) + 8;
                test_core_add_note(&core, "VMCOREINFO", 0, "A=1\n", 4);
                vmcore = test_core_open(&core);

                assert_int_equal(vmcore_n_prstatus(vmcore), 1);
                assert_null(vmcore_vmcoreinfo_text(vmcore, &size, &offset));
        }
}

/* Each byte of the address space of a few pages, by a model that is too simple to be wrong. */
static void test_any_overlap_matches_a_model(void **state)
{
        uint64_t seed = 11;

        for (unsigned round = 0; round < 300; round++) {
                _cleanup_(test_core_done) TestCore core;
                _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
                size_t n = 1 + test_random(&seed) % 12;
                int covered[256] = {}, direct[256] = {};
                uint8_t ones[256], got;

                test_core_init(&core);
                memset(ones, 0x11, sizeof(ones));
                for (size_t i = 0; i < n; i++) {
                        uint64_t start = test_random(&seed) % 200,
                                 size = 1 + test_random(&seed) % 50;
                        bool is_direct = test_random(&seed) % 2;

                        test_core_add(&core,
                                      is_direct ? TEST_DIRECT_MAP_VADDR + start
                                                : TEST_KERNEL_MAP_VADDR + start,
                                      start, size, is_direct ? size : 0, is_direct ? ones : NULL);
                        for (uint64_t k = start; k < start + size; k++) {
                                covered[k] = 1;
                                direct[k] |= is_direct;
                        }
                }
                vmcore = test_core_open(&core);
                runs_check(vmcore);
                for (unsigned k = 0; k < 256; k++) {
                        assert_int_equal(vmcore_read(vmcore, k, &got, 1), covered[k] ? 0 : -ERANGE);
                        if (covered[k])
                                assert_int_equal(got, direct[k] ? 0x11 : 0);
                }
        }
}

static void test_random_damage_is_survived(void **state)
{
        _cleanup_(test_core_done) TestCore core;
        uint64_t seed = 12;
        uint8_t head[4096 + 1024];

        test_core_init(&core);
        for (size_t i = 0; i < 8; i++)
                test_core_add(&core, TEST_DIRECT_MAP_VADDR + i * PAGE, i * PAGE, PAGE, PAGE, NULL);
        test_core_add_note(&core, "CORE", NT_PRSTATUS, "abcdefgh", 8);
        test_core_add_note(&core, "VMCOREINFO", 0, "A=1\n", 4);
        test_core_write(&core);
        assert_int_equal(pread_full(core.fd, head, sizeof(head), 0), 0);

        for (unsigned round = 0; round < 3000; round++) {
                _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
                _cleanup_(vmcore_view_freep) VmcoreView *view = NULL;
                _cleanup_free_ char *message = NULL;
                uint8_t damaged[sizeof(head)], got[64];
                const MemoryRun *runs;
                const uint8_t *shown;
                size_t n_runs;

                memcpy(damaged, head, sizeof(head));
                for (unsigned i = 0; i < 1 + round % 8; i++)
                        damaged[test_random(&seed) % 700 + (i % 2 ? 4096 - 60 : 4)] =
                                (uint8_t) test_random(&seed);
                assert_int_equal(pwrite_full(core.fd, damaged, sizeof(damaged), 0), 0);
                if (vmcore_open(core.path, &vmcore, &message) < 0)
                        continue;

                runs_check(vmcore);
                assert_int_equal(vmcore_view_new(vmcore, &view), 0);
                runs = vmcore_runs(vmcore, &n_runs);
                for (size_t i = 0; i < n_runs; i++) {
                        (void) vmcore_read(vmcore, runs[i].start_paddr, got, sizeof(got));
                        (void) vmcore_view_show(view, runs[i].start_paddr & ~(PAGE - 1), PAGE,
                                                &shown);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_overlap_prefers_direct_map),
                cmocka_unit_test(test_image_may_be_in_several_segments),
                cmocka_unit_test(test_hole_is_out_of_range),
                cmocka_unit_test(test_missing_file_part_is_zero),
                cmocka_unit_test(test_cut_off_file),
                cmocka_unit_test(test_wrong_header),
                cmocka_unit_test(test_not_a_file_to_read),
                cmocka_unit_test(test_segments_without_sense_are_left_out),
                cmocka_unit_test(test_many_segments_are_counted_by_section),
                cmocka_unit_test(test_notes),
                cmocka_unit_test(test_notes_that_lie),
                cmocka_unit_test(test_any_overlap_matches_a_model),
                cmocka_unit_test(test_random_damage_is_survived),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
