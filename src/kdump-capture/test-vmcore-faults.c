/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of the whole reading side with cores that are cut off, damaged or full of lies:
 * each is opened for what is left of it, or refused with a message. */
#include "dmesg.h"
#include "io.h"
#include "test-core.h"
#include "test.h"

#define PAGE TEST_PAGE_BYTES
#define N_SEGMENTS 4
#define SEGMENT_PAGES UINT64_C(2)
#define SEGMENT_BYTES (SEGMENT_PAGES * PAGE)
#define SEGMENT_PADDR(i) (UINT64_C(4) * PAGE * (i)) /* there are holes between them */
#define LOG_PADDR (SEGMENT_PADDR(1) + 0x100)
#define LOG_TEXT "[    0.000000] hello\n"

typedef struct Fault {
        TestCore core;
        uint8_t *memory[N_SEGMENTS];
        uint8_t *file; /* the whole of it, as it was made */
        size_t file_bytes;
} Fault;

/* What came of opening it. */
typedef struct Outcome {
        int error;
        size_t n_runs;
        unsigned n_bad_segments;
        bool has_vmcoreinfo, has_log;
} Outcome;

static void fault_init_bare(Fault *fault)
{
        memset(fault, 0, sizeof(*fault));
        test_core_init(&fault->core);
        for (size_t i = 0; i < N_SEGMENTS; i++) {
                fault->memory[i] = test_pattern_new(SEGMENT_BYTES, i + 1);
                test_core_add(&fault->core, TEST_DIRECT_MAP_VADDR + SEGMENT_PADDR(i),
                              SEGMENT_PADDR(i), SEGMENT_BYTES, SEGMENT_BYTES, fault->memory[i]);
        }
}

/* With two CPUs, and a log of one message. */
static void fault_init(Fault *fault)
{
        static const char info[] = "OSRELEASE=4.19.0\nNUMBER(phys_base)=0\n"
                                   "SYMBOL(log_buf)=ffffffff80000000\n"
                                   "SYMBOL(log_buf_len)=ffffffff80000008\n"
                                   "SYMBOL(log_first_idx)=ffffffff8000000c\n"
                                   "SYMBOL(log_next_idx)=ffffffff80000010\n"
                                   "SIZE(printk_log)=16\nOFFSET(printk_log.ts_nsec)=0\n"
                                   "OFFSET(printk_log.len)=8\nOFFSET(printk_log.text_len)=10\n";
        static const uint64_t log_buf = TEST_DIRECT_MAP_VADDR + LOG_PADDR;
        static const uint32_t numbers[] = { 64, 0, 24 };
        static const uint16_t lengths[] = { 24, 5, 0, 0 };
        uint8_t status[336] = {}, *log;

        fault_init_bare(fault);
        memcpy(fault->memory[0], &log_buf, sizeof(log_buf));
        memcpy(fault->memory[0] + sizeof(log_buf), numbers, sizeof(numbers));
        log = fault->memory[1] + (LOG_PADDR - SEGMENT_PADDR(1));
        memset(log, 0, 64);
        memcpy(log + 8, lengths, sizeof(lengths));
        memcpy(log + 16, "hello", 5);

        test_core_add_note(&fault->core, "CORE", NT_PRSTATUS, status, sizeof(status));
        test_core_add_note(&fault->core, "CORE", NT_PRSTATUS, status, sizeof(status));
        test_core_add_note(&fault->core, "VMCOREINFO", 0, info, sizeof(info) - 1);
}

static void fault_write(Fault *fault)
{
        struct stat st;

        test_core_write(&fault->core);
        assert_int_equal(fstat(fault->core.fd, &st), 0);
        fault->file_bytes = (size_t) st.st_size;
        fault->file = malloc(fault->file_bytes);
        assert_non_null(fault->file);
        assert_int_equal(pread_full(fault->core.fd, fault->file, fault->file_bytes, 0), 0);
}

static void fault_done(Fault *fault)
{
        test_core_done(&fault->core);
        for (size_t i = 0; i < N_SEGMENTS; i++)
                free(fault->memory[i]);
        free(fault->file);
}

static int log_emit(const char *text, size_t size, void *data)
{
        bool *found = data;

        *found = *found || (size == strlen(LOG_TEXT) && memcmp(text, LOG_TEXT, size) == 0);
        return 0;
}

static void runs_check(Vmcore *vmcore, size_t *ret_n_runs)
{
        const MemoryRun *runs;
        uint8_t got[64];
        int r;

        runs = vmcore_runs(vmcore, ret_n_runs);
        assert_true(*ret_n_runs > 0);
        for (size_t i = 0; i < *ret_n_runs; i++) {
                uint64_t bytes = runs[i].end_paddr - runs[i].start_paddr;
                size_t n = (size_t) MIN(bytes, sizeof(got));

                assert_true(runs[i].start_paddr < runs[i].end_paddr);
                assert_true(i == 0 || runs[i - 1].end_paddr <= runs[i].start_paddr);
                r = vmcore_read(vmcore, runs[i].start_paddr, got, n);
                assert_true(r == 0 || r == -EIO);
                r = vmcore_read(vmcore, runs[i].end_paddr - n, got, n);
                assert_true(r == 0 || r == -EIO);
        }
}

static void info_check(Vmcore *vmcore, Outcome *outcome)
{
        _cleanup_(vmcoreinfo_freep) Vmcoreinfo *info = NULL;
        _cleanup_(kmem_closep) Kmem *kmem = NULL;
        uint64_t offset;
        const char *text;
        size_t size;

        text = vmcore_vmcoreinfo_text(vmcore, &size, &offset);
        outcome->has_vmcoreinfo = text && vmcoreinfo_new(text, size, &info) >= 0;
        if (kmem_open(vmcore, info, &kmem) < 0)
                return;
        (void) dmesg_write(kmem, info, log_emit, &outcome->has_log, NULL);
}

/* All that is done with a core, but for the pages. */
static Outcome fault_open(const Fault *fault)
{
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        _cleanup_free_ char *message = NULL;
        Outcome outcome = {};

        outcome.error = vmcore_open(fault->core.path, &vmcore, &message);
        if (outcome.error < 0) {
                assert_true(outcome.error == -EBADMSG || outcome.error == -EOPNOTSUPP);
                assert_non_null(message);
                assert_true(strlen(message) > 0);
                return outcome;
        }
        outcome.n_bad_segments = vmcore_n_bad_segments(vmcore);
        runs_check(vmcore, &outcome.n_runs);
        info_check(vmcore, &outcome);
        return outcome;
}

static void test_undamaged(void **state)
{
        _cleanup_(fault_done) Fault fault;
        Outcome outcome;

        fault_init(&fault);
        fault_write(&fault);
        outcome = fault_open(&fault);
        assert_int_equal(outcome.error, 0);
        assert_int_equal(outcome.n_runs, N_SEGMENTS);
        assert_true(outcome.has_vmcoreinfo);
        assert_true(outcome.has_log);
}

/* The places where something begins or ends. Returns how many. */
static size_t boundaries_find(const Fault *fault, uint64_t places[64])
{
        const Elf64_Phdr *headers = (const void *) (fault->file + sizeof(Elf64_Ehdr));
        size_t n = 0;

        places[n++] = 0;
        for (size_t i = 0; i <= N_SEGMENTS + 1; i++)
                places[n++] = sizeof(Elf64_Ehdr) + i * sizeof(Elf64_Phdr);

        for (uint64_t at = headers[0].p_offset; at < headers[0].p_offset + headers[0].p_filesz;) {
                const Elf64_Nhdr *note = (const void *) (fault->file + at);

                places[n++] = at;
                places[n++] = at + sizeof(*note);
                places[n++] = at + sizeof(*note) + ALIGN_UP(note->n_namesz, 4);
                at = places[n - 1] + ALIGN_UP(note->n_descsz, 4);
        }
        places[n++] = headers[0].p_offset + headers[0].p_filesz;

        for (size_t i = 1; i <= N_SEGMENTS; i++)
                for (uint64_t k = 0; k <= SEGMENT_PAGES; k++)
                        places[n++] = headers[i].p_offset + k * PAGE;
        return n;
}

static void cut_check(const Fault *fault, uint64_t length, uint64_t headers_end, uint64_t notes_end)
{
        const Elf64_Phdr *headers = (const void *) (fault->file + sizeof(Elf64_Ehdr));
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        _cleanup_free_ char *message = NULL;
        Outcome outcome;

        assert_int_equal(ftruncate(fault->core.fd, (off_t) length), 0);
        assert_int_equal(pwrite_full(fault->core.fd, fault->file, length, 0), 0);
        outcome = fault_open(fault);
        if (length < headers_end) {
                assert_int_equal(outcome.error, -EBADMSG);
                return;
        }
        assert_int_equal(outcome.error, 0);
        assert_int_equal(outcome.n_runs, N_SEGMENTS);
        /* The end of the text is padded to 4 bytes, the log is somewhere in the second segment. */
        if (length >= notes_end || length + 4 <= notes_end)
                assert_int_equal(outcome.has_vmcoreinfo, length >= notes_end);
        if (length >= headers[2].p_offset + PAGE || length <= headers[2].p_offset)
                assert_int_equal(outcome.has_log, length > headers[2].p_offset);

        /* Each page is either as it was or cannot be read. */
        assert_int_equal(vmcore_open(fault->core.path, &vmcore, &message), 0);
        for (size_t i = 0; i < N_SEGMENTS * SEGMENT_PAGES; i++) {
                size_t segment = i / SEGMENT_PAGES;
                uint64_t in_segment = i % SEGMENT_PAGES * PAGE;
                uint64_t end = headers[segment + 1].p_offset + in_segment + PAGE;
                uint8_t got[PAGE];
                int r;

                r = vmcore_read(vmcore, SEGMENT_PADDR(segment) + in_segment, got, PAGE);
                assert_int_equal(r, end <= length ? 0 : -EIO);
                if (r == 0)
                        assert_memory_equal(got, fault->memory[segment] + in_segment, PAGE);
        }
}

static void test_cut_off_at_each_boundary(void **state)
{
        _cleanup_(fault_done) Fault fault;
        const Elf64_Phdr *headers;
        uint64_t places[64], notes_end;
        size_t n;

        fault_init(&fault);
        fault_write(&fault);
        headers = (const void *) (fault.file + sizeof(Elf64_Ehdr));
        notes_end = headers[0].p_offset + headers[0].p_filesz;
        n = boundaries_find(&fault, places);
        for (size_t i = 0; i < n * 3; i++) {
                /* One byte before, there, and one behind */
                uint64_t length = places[i / 3] + i % 3;

                if (length == 0 || length - 1 > fault.file_bytes)
                        continue;
                cut_check(&fault, length - 1,
                          sizeof(Elf64_Ehdr) + (N_SEGMENTS + 1) * sizeof(Elf64_Phdr), notes_end);
        }
}

static void test_without_vmcoreinfo(void **state)
{
        _cleanup_(fault_done) Fault fault;
        Outcome outcome;

        fault_init_bare(&fault);
        fault_write(&fault);
        outcome = fault_open(&fault);
        assert_int_equal(outcome.error, 0);
        assert_int_equal(outcome.n_runs, N_SEGMENTS);
        assert_false(outcome.has_vmcoreinfo);
        assert_false(outcome.has_log);
}

/* Whatever the notes are, the memory is there. */
static void test_notes_of_random_bytes(void **state)
{
        _cleanup_(fault_done) Fault fault;
        const Elf64_Phdr *headers;
        uint64_t seed = 3;

        fault_init(&fault);
        fault_write(&fault);
        headers = (const void *) (fault.file + sizeof(Elf64_Ehdr));
        for (unsigned round = 0; round < 500; round++) {
                _cleanup_free_ uint8_t *notes = malloc(headers[0].p_filesz);
                unsigned n = round % 4 == 0 ? (unsigned) headers[0].p_filesz : round % 32;
                Outcome outcome;

                assert_non_null(notes);
                memcpy(notes, fault.file + headers[0].p_offset, headers[0].p_filesz);
                for (unsigned i = 0; i < n; i++)
                        notes[test_random(&seed) % headers[0].p_filesz] =
                                (uint8_t) test_random(&seed);
                assert_int_equal(
                        pwrite_full(fault.core.fd, notes, headers[0].p_filesz, headers[0].p_offset),
                        0);
                outcome = fault_open(&fault);
                assert_int_equal(outcome.error, 0);
                assert_int_equal(outcome.n_runs, N_SEGMENTS);
        }
}

static void test_each_byte_of_the_headers(void **state)
{
        _cleanup_(fault_done) Fault fault;
        const Elf64_Phdr *headers;
        size_t n_opened = 0, n;

        fault_init(&fault);
        fault_write(&fault);
        headers = (const void *) (fault.file + sizeof(Elf64_Ehdr));
        n = sizeof(Elf64_Ehdr) + (N_SEGMENTS + 1) * sizeof(headers[0]);
        for (size_t i = 0; i < n * 3; i++) {
                uint8_t byte = fault.file[i / 3];
                uint8_t values[] = { 0, 0xff, byte ^ 0x80 };

                assert_int_equal(pwrite_full(fault.core.fd, &values[i % 3], 1, i / 3), 0);
                n_opened += fault_open(&fault).error == 0;
                assert_int_equal(pwrite_full(fault.core.fd, &byte, 1, i / 3), 0);
        }
        assert_true(n_opened > n && n_opened < n * 3);
}

static void test_segments_that_lie(void **state)
{
        static const struct {
                uint64_t paddr, memsz, filesz, offset;
                size_t n_runs;
                unsigned n_bad_segments;
        } cases[] = {
                /* The same once more, within another, over several and the holes between them */
                { SEGMENT_PADDR(1), SEGMENT_BYTES, SEGMENT_BYTES, 0, N_SEGMENTS, 0 },
                { SEGMENT_PADDR(1) + 100, 300, 300, 0, N_SEGMENTS, 0 },
                { 0, SEGMENT_PADDR(3), 0, 0, 2 * N_SEGMENTS - 1, 0 },
                { PAGE + 1, SEGMENT_PADDR(1), 17, 0, N_SEGMENTS + 1, 0 },
                /* As long as can be */
                { 1, UINT64_MAX - 1, 0, 0, 2 * N_SEGMENTS, 0 },
                { 1, UINT64_MAX - 1, INT64_MAX - (1 << 20), 0, 2 * N_SEGMENTS, 0 },
                { UINT64_MAX - 1, 1, 1, 0, N_SEGMENTS + 1, 0 },
                /* Behind the end of the file, and more file than memory */
                { SEGMENT_PADDR(5), PAGE, PAGE, UINT64_C(1) << 40, N_SEGMENTS + 1, 0 },
                { SEGMENT_PADDR(5), PAGE, UINT64_MAX, PAGE, N_SEGMENTS + 1, 0 },
                /* No sense at all */
                { UINT64_MAX - 1, 2, 0, 0, N_SEGMENTS, 1 },
                { SEGMENT_PADDR(5), PAGE, PAGE, UINT64_MAX, N_SEGMENTS, 1 },
                { 0, UINT64_MAX, UINT64_MAX, 0, N_SEGMENTS, 1 },
                /* Nothing */
                { SEGMENT_PADDR(5), 0, PAGE, 0, N_SEGMENTS, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fault_done) Fault fault;
                Elf64_Phdr header;
                Outcome outcome;
                uint64_t at;

                /* It is of no direct map, so that the others are preferred where they overlap. */
                fault_init(&fault);
                test_core_add(&fault.core, 0, SEGMENT_PADDR(6), PAGE, 0, NULL);
                fault_write(&fault);
                at = sizeof(Elf64_Ehdr) + (N_SEGMENTS + 1) * sizeof(header);
                assert_int_equal(pread_full(fault.core.fd, &header, sizeof(header), at), 0);
                header.p_paddr = cases[i].paddr;
                header.p_memsz = cases[i].memsz;
                header.p_filesz = cases[i].filesz;
                header.p_offset = cases[i].offset;
                assert_int_equal(pwrite_full(fault.core.fd, &header, sizeof(header), at), 0);

                outcome = fault_open(&fault);
                assert_int_equal(outcome.error, 0);
                assert_int_equal(outcome.n_runs, cases[i].n_runs);
                assert_int_equal(outcome.n_bad_segments, cases[i].n_bad_segments);
                assert_true(outcome.has_log);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_undamaged),
                cmocka_unit_test(test_cut_off_at_each_boundary),
                cmocka_unit_test(test_without_vmcoreinfo),
                cmocka_unit_test(test_notes_of_random_bytes),
                cmocka_unit_test(test_each_byte_of_the_headers),
                cmocka_unit_test(test_segments_that_lie),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
