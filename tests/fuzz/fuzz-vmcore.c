/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: the headers and notes of an ELF core, and what is asked of it when it is opened. The
 * input is the core; e_ident[15], padding that nobody reads, makes it longer by zeros, to 2^n
 * bytes, and with e_ident[14] its second half is lost while it is open. */
#include <elf.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "io.h"
#include "kmem.h"
#include "pagemap.h"

/* 4 GiB: enough for any limit on what is read to show */
#define LENGTH_BITS_MAX 32

/* So many runs are looked at in detail. */
#define N_RUNS_LOOKED_AT 64
#define N_RUNS_VIEWED 8

#define PAGE_BYTES ((size_t) 4096)
#define VIEW_BYTES_MAX (64 * PAGE_BYTES)

#define EI_LOSE_HALF (EI_NIDENT - 2)

/* With TSan, a second SIGBUS is fatal: test_sigbus_is_an_error() says why. */
#ifdef __SANITIZE_THREAD__
#define CAN_LOSE_HALF false
#else
#define CAN_LOSE_HALF true
#endif

static int core_write(const uint8_t *data, size_t size)
{
        int fd = memfd_create("core", MFD_CLOEXEC);
        uint64_t length = 0;

        FUZZ_CHECK(fd >= 0);
        if (size > 0)
                FUZZ_CHECK(pwrite_full(fd, data, size, 0) == 0);
        if (size >= EI_NIDENT)
                length = UINT64_C(1) << data[EI_NIDENT - 1] % (LENGTH_BITS_MAX + 1);
        if (length > size)
                FUZZ_CHECK(ftruncate(fd, (off_t) length) == 0);
        return fd;
}

/* As /proc/vmcore does where memory is bad: what is mapped then raises SIGBUS. */
static void file_halve(int fd)
{
        struct stat st;

        FUZZ_CHECK(fstat(fd, &st) == 0 && ftruncate(fd, st.st_size / 2) == 0);
}

static void read_check(Vmcore *vmcore, uint64_t paddr)
{
        uint8_t got[64];
        int r = vmcore_read(vmcore, paddr, got, sizeof(got));

        FUZZ_CHECK(r == 0 || r == -ERANGE || r == -EFAULT || r == -EIO);
}

static void runs_check(Vmcore *vmcore)
{
        const MemoryRun *runs;
        size_t n_runs;

        runs = vmcore_runs(vmcore, &n_runs);
        FUZZ_CHECK(n_runs > 0);
        for (size_t i = 0; i < n_runs; i++) {
                uint64_t bytes = runs[i].end_paddr - runs[i].start_paddr, end_offset;

                FUZZ_CHECK(runs[i].start_paddr < runs[i].end_paddr);
                FUZZ_CHECK(runs[i].file_bytes <= bytes);
                FUZZ_CHECK(!__builtin_add_overflow(runs[i].file_offset, runs[i].file_bytes,
                                                   &end_offset));
                FUZZ_CHECK(i == 0 || runs[i - 1].end_paddr <= runs[i].start_paddr);
        }
        for (size_t i = 0; i < MIN(n_runs, (size_t) N_RUNS_LOOKED_AT); i++) {
                FUZZ_CHECK(vmcore_run_find(vmcore, runs[i].start_paddr) == &runs[i]);
                FUZZ_CHECK(vmcore_run_find(vmcore, runs[i].end_paddr - 1) == &runs[i]);
                read_check(vmcore, runs[i].start_paddr);
                read_check(vmcore, runs[i].end_paddr - 1);
        }
        read_check(vmcore, 0);
        read_check(vmcore, UINT64_MAX - 32);
}

/* Whether each page of these is at least in part in a run. */
static bool pages_exist(const Vmcore *vmcore, uint64_t paddr, uint64_t size)
{
        for (uint64_t at = 0; at < size; at += PAGE_BYTES) {
                const MemoryRun *run = vmcore_run_find(vmcore, paddr + at);

                if (!run || run->start_paddr >= paddr + at + PAGE_BYTES)
                        return false;
        }
        return true;
}

/* What a view shows is what is read. */
static void view_check(Vmcore *vmcore, VmcoreView *view, uint64_t paddr, size_t size)
{
        static uint8_t shown[VIEW_BYTES_MAX], page[PAGE_BYTES];
        const uint8_t *window;
        int r;

        r = vmcore_view_show(view, paddr, size, &window);
        if (paddr > UINT64_MAX - size) {
                FUZZ_CHECK(r == -EINVAL);
                return;
        }
        FUZZ_CHECK(r == 0 || r == -ERANGE || r == -EFAULT || r == -EIO);
        FUZZ_CHECK(r != -ERANGE || !pages_exist(vmcore, paddr, size));
        if (r < 0)
                return;
        FUZZ_CHECK(pages_exist(vmcore, paddr, size));
        r = vmcore_guarded_copy(shown, window, size);
        FUZZ_CHECK(r == 0 || r == -EFAULT);
        if (r < 0)
                return;
        for (size_t at = 0; at < size; at += sizeof(page))
                if (vmcore_read(vmcore, paddr + at, page, sizeof(page)) == 0)
                        FUZZ_CHECK(memcmp(shown + at, page, sizeof(page)) == 0);
}

/* Upwards and back, with small windows and large ones. */
static void views_check(Vmcore *vmcore)
{
        static const size_t sizes[] = { PAGE_BYTES, 5 * PAGE_BYTES, VIEW_BYTES_MAX };
        _cleanup_(vmcore_view_freep) VmcoreView *view = NULL;
        const MemoryRun *runs;
        size_t n_runs;

        FUZZ_CHECK(vmcore_view_new(vmcore, &view) == 0);
        runs = vmcore_runs(vmcore, &n_runs);
        for (size_t i = 0; i < MIN(n_runs, (size_t) N_RUNS_VIEWED); i++)
                for (size_t k = 0; k < ELEMENTSOF(sizes); k++) {
                        uint64_t first = runs[i].start_paddr / PAGE_BYTES * PAGE_BYTES;
                        uint64_t last = (runs[i].end_paddr - 1) / PAGE_BYTES * PAGE_BYTES;

                        view_check(vmcore, view, first, sizes[k]);
                        view_check(vmcore, view, first + sizes[k], sizes[k]);
                        view_check(vmcore, view, last, sizes[k]);
                        if (last >= sizes[k])
                                view_check(vmcore, view, last - sizes[k] + PAGE_BYTES, sizes[k]);
                }
}

static void pagemap_check(const Vmcore *vmcore)
{
        uint64_t pfn = 0, end_pfn, first_pfn, n_pages, n_counted = 0;
        const MemoryRun *runs;
        uint8_t bits[128];
        size_t n_runs;

        runs = vmcore_runs(vmcore, &n_runs);
        end_pfn = pagemap_max_pfn(runs, n_runs, 4096);
        for (size_t i = 0; i < N_RUNS_LOOKED_AT; i++) {
                if (!pagemap_next(runs, n_runs, 4096, pfn, &first_pfn, &n_pages))
                        break;
                FUZZ_CHECK(first_pfn >= pfn && n_pages > 0 && n_pages <= end_pfn - first_pfn);
                if (first_pfn >= sizeof(bits) * 8)
                        break;
                n_counted += MIN(n_pages, sizeof(bits) * 8 - first_pfn);
                pfn = first_pfn + n_pages;
        }
        if (n_runs <= N_RUNS_LOOKED_AT)
                FUZZ_CHECK(pagemap_fill(runs, n_runs, 4096, 0, sizeof(bits) * 8, bits) ==
                           n_counted);
}

static void notes_check(Vmcore *vmcore)
{
        _cleanup_(vmcoreinfo_freep) Vmcoreinfo *info = NULL;
        _cleanup_(kmem_closep) Kmem *kmem = NULL;
        char uts[KMEM_UTSNAME_BYTES];
        size_t notes_size, text_size;
        const uint8_t *notes;
        uint64_t text_offset;
        const char *text;

        notes = vmcore_notes(vmcore, &notes_size);
        FUZZ_CHECK(!notes == (notes_size == 0));
        text = vmcore_vmcoreinfo_text(vmcore, &text_size, &text_offset);
        if (!text)
                return;
        FUZZ_CHECK(text_offset <= notes_size && text_size <= notes_size - text_offset);
        FUZZ_CHECK(memcmp(notes + text_offset, text, text_size) == 0);

        if (vmcoreinfo_new(text, text_size, &info) < 0)
                return;
        if (kmem_open(vmcore, info, &kmem) >= 0)
                (void) kmem_read_utsname(kmem, info, uts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_close_ int fd = core_write(data, size);
        _cleanup_(vmcore_closep) Vmcore *vmcore = NULL;
        _cleanup_free_ char *message = NULL;
        char path[64];
        int r;

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        r = vmcore_open(path, &vmcore, &message);
        if (r < 0) {
                FUZZ_CHECK((r == -EBADMSG || r == -EOPNOTSUPP) && message);
                return 0;
        }
        runs_check(vmcore);
        pagemap_check(vmcore);
        notes_check(vmcore);
        if (CAN_LOSE_HALF && data[EI_LOSE_HALF])
                file_halve(fd);
        views_check(vmcore);
        return 0;
}
