/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of Vmcore over saved dumps. */
#include <elf.h>

#include "test-kdump-file.h"
#include "vmcore.h"

static int made_vmcore(const Made *made, Vmcore **ret)
{
        _cleanup_free_ char *message = NULL;
        _cleanup_close_ int fd = made_fd(made, made->size);
        char path[64];
        int r;

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        r = vmcore_open(path, ret, &message);
        assert_int_equal(!message, r >= 0);
        return r;
}

static void made_level(Made *made, uint32_t level)
{
        made_put_u32(made, MADE_PAGE + 8, level);
}

/* What vmcore_read() must give for a page of this kind. */
static int expected_error(char kind, unsigned level)
{
        switch (kind) {
        case MADE_HOLE:
                return -ERANGE;
        case MADE_EXCLUDED:
                return level & 1 ? 0 : -EFAULT;
        case MADE_MISSING:
                return -EFAULT;
        default:
                return 0;
        }
}

static void expected_page(const Made *made, size_t pfn, uint8_t page[MADE_PAGE])
{
        made_page(made->kinds[pfn] == MADE_EXCLUDED ? MADE_ZERO : made->kinds[pfn], pfn, page);
}

static void test_pages_are_read_by_address(void **state)
{
        for (unsigned level = 30; level <= 31; level++) {
                _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
                _cleanup_(vmcore_view_freep) VmcoreView *view = NULL;
                uint8_t got[MADE_PAGE], expected[MADE_PAGE];
                const uint8_t *shown;
                Made made;

                made_init(&made, EVERY_KIND EVERY_KIND, 6);
                made_level(&made, level);
                assert_int_equal(made_vmcore(&made, &vmcore), 0);
                assert_int_equal(vmcore_view_new(vmcore, &view), 0);
                for (size_t pfn = 0; pfn < strlen(made.kinds); pfn++) {
                        int error = expected_error(made.kinds[pfn], level);

                        assert_int_equal(vmcore_read(vmcore, pfn * MADE_PAGE, got, MADE_PAGE),
                                         error);
                        assert_int_equal(vmcore_view_show(view, pfn * MADE_PAGE, MADE_PAGE, &shown),
                                         error);
                        if (error < 0)
                                continue;
                        expected_page(&made, pfn, expected);
                        assert_memory_equal(got, expected, MADE_PAGE);
                        assert_memory_equal(shown, expected, MADE_PAGE);
                }
                assert_int_equal(vmcore_read(vmcore, UINT64_MAX - 7, got, 8), -ERANGE);
                assert_int_equal(vmcore_read(vmcore, 1000, got, 100), 0);
                made_page(made.kinds[0], 0, expected);
                assert_memory_equal(got, expected + 1000, 100);
                made_done(&made);
        }
}

static void test_window_of_many_pages(void **state)
{
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        _cleanup_(vmcore_view_freep) VmcoreView *view = NULL;
        uint8_t expected[MADE_PAGE];
        const uint8_t *shown, *again;
        Made made;

        made_init(&made, "rzlsd0.rmzz", 6);
        assert_int_equal(made_vmcore(&made, &vmcore), 0);
        assert_int_equal(vmcore_view_new(vmcore, &view), 0);
        assert_int_equal(vmcore_view_show(view, 0, 6 * MADE_PAGE, &shown), 0);
        for (size_t pfn = 0; pfn < 6; pfn++) {
                made_page(made.kinds[pfn], pfn, expected);
                assert_memory_equal(shown + pfn * MADE_PAGE, expected, MADE_PAGE);
        }
        assert_int_equal(vmcore_view_show(view, 3 * MADE_PAGE, MADE_PAGE, &again), 0);
        assert_ptr_equal(again, shown + 3 * MADE_PAGE);
        assert_int_equal(vmcore_view_show(view, 4 * MADE_PAGE, 4 * MADE_PAGE, &shown), -ERANGE);
        assert_int_equal(vmcore_view_show(view, 7 * MADE_PAGE, 3 * MADE_PAGE, &shown), -EFAULT);
        assert_int_equal(vmcore_view_show(view, 9 * MADE_PAGE, 2 * MADE_PAGE, &shown), 0);
        made_page(MADE_ZLIB, 9, expected);
        assert_memory_equal(shown, expected, MADE_PAGE);
        made_done(&made);
}

static void test_runs_are_what_exists(void **state)
{
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        const MemoryRun *runs;
        size_t n_runs;
        Made made;

        made_init(&made, "..rxm....xr", 6);
        assert_int_equal(made_vmcore(&made, &vmcore), 0);
        runs = vmcore_runs(vmcore, &n_runs);
        assert_int_equal(n_runs, 2);
        assert_int_equal(runs[0].start_paddr, 2 * MADE_PAGE);
        assert_int_equal(runs[0].end_paddr, 5 * MADE_PAGE);
        assert_int_equal(runs[1].start_paddr, 9 * MADE_PAGE);
        assert_int_equal(runs[1].end_paddr, 11 * MADE_PAGE);
        assert_int_equal(vmcore_machine(vmcore), EM_X86_64);
        assert_non_null(vmcore_saved(vmcore));
        made_done(&made);
}

/* A note is put in front of a text that the header finds where no note is. */
static void test_vmcoreinfo_is_always_a_note(void **state)
{
        for (uint32_t version = 3; version <= 6; version += 3) {
                _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
                uint64_t offset;
                Elf64_Nhdr note;
                const uint8_t *notes;
                const char *text;
                size_t size, notes_size;
                Made made;

                made_init(&made, "r", version);
                assert_int_equal(made_vmcore(&made, &vmcore), 0);
                text = vmcore_vmcoreinfo_text(vmcore, &size, &offset);
                assert_int_equal(size, MADE_VMCOREINFO_SIZE);
                assert_memory_equal(text, made_notes + MADE_VMCOREINFO_START, size);
                notes = vmcore_notes(vmcore, &notes_size);
                assert_ptr_equal(notes + offset, text);
                assert_int_equal(notes_size, ALIGN_UP(offset + size, 4));
                memcpy(&note, notes + offset - 12 - sizeof(note), sizeof(note));
                assert_int_equal(note.n_namesz, 11);
                assert_int_equal(note.n_descsz, size);
                assert_int_equal(note.n_type, 0);
                assert_string_equal((const char *) notes + offset - 12, "VMCOREINFO");
                if (version > 3)
                        assert_memory_equal(notes, made_notes, sizeof(made_notes));
                made_done(&made);
        }
}

static void test_files_that_are_refused(void **state)
{
        _cleanup_free_ char *pieces = made_repeat("x.", (2 << 17) + 2);
        const struct {
                const char *kinds;
                int error;
        } cases[] = {
                { "....", -EBADMSG },
                { pieces, -EOPNOTSUPP },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Vmcore *vmcore = NULL;
                Made made;

                made_init(&made, cases[i].kinds, 6);
                assert_int_equal(made_vmcore(&made, &vmcore), cases[i].error);
                assert_null(vmcore);
                made_done(&made);
        }
}

static void test_machines_have_the_names_of_uname(void **state)
{
        static const char *const names[] = { "x86_64", "aarch64", "riscv64", "ppc64le", "s390x" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                assert_string_equal(vmcore_machine_to_string(vmcore_machine_from_string(names[i])),
                                    names[i]);
        assert_int_equal(vmcore_machine_from_string("ppc64"), EM_PPC64);
        assert_int_equal(vmcore_machine_from_string(""), EM_NONE);
        assert_string_equal(vmcore_machine_to_string(EM_NONE), "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pages_are_read_by_address),
                cmocka_unit_test(test_window_of_many_pages),
                cmocka_unit_test(test_runs_are_what_exists),
                cmocka_unit_test(test_vmcoreinfo_is_always_a_note),
                cmocka_unit_test(test_files_that_are_refused),
                cmocka_unit_test(test_machines_have_the_names_of_uname),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
