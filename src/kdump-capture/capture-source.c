/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the bridge from the reading side to the pages and the headers that the writing side writes.
 */
#include "capture-source.h"

#include <fcntl.h>

#include "core-collector.h"
#include "io.h"
#include "kernel-info.h"
#include "log.h"
#include "pagemap.h"
#include "paths.h"

#define PAGE_SIZE_BYTES_MAX 65536

_Static_assert(KMEM_UTSNAME_BYTES == KDUMP_UTSNAME_BYTES, "struct new_utsname");
_Static_assert(KDUMP_FILE_UTSNAME_BYTES == KDUMP_UTSNAME_BYTES, "struct new_utsname");

static uint32_t system_page_size(void)
{
        return (uint32_t) sysconf(_SC_PAGESIZE);
}

/* What VMCOREINFO lacks, kdumpd may have found in the kernel while it ran. */
static void source_load_kernel_info(CaptureSource *source)
{
        _cleanup_free_ char *text = NULL;
        Vmcoreinfo *merged = NULL;
        size_t size, n_added;
        int r;

        r = file_read(AT_FDCWD, PATH_KERNEL_INFO, KERNEL_INFO_BYTES_MAX, &text, &size);
        if (r == -ENOENT)
                return;
        if (r >= 0)
                r = kernel_info_merge(source->info, text, size, &merged, &n_added);
        if (r == -ESTALE)
                log_debug("'%s' is of another kernel.", PATH_KERNEL_INFO);
        else if (r < 0)
                (void) log_warning_errno(r, "Cannot use '%s', ignoring: %m", PATH_KERNEL_INFO);
        if (r < 0)
                return;

        if (n_added > 0)
                log_info("VMCOREINFO lacks %zu keys that '%s' has.", n_added, PATH_KERNEL_INFO);
        vmcoreinfo_free(source->info);
        source->info = merged;
}

static void source_load_info(CaptureSource *source, const char *path)
{
        const char *text;
        uint64_t value;
        size_t size;
        int r;

        source->page_size_bytes = system_page_size();
        text = vmcore_vmcoreinfo_text(source->vmcore, &size, &value);
        if (!text) {
                log_warning("'%s' has no VMCOREINFO: no kernel log, and all pages are kept.", path);
                return;
        }
        r = vmcoreinfo_new(text, size, &source->info);
        if (r < 0) {
                (void) log_warning_errno(r, "Cannot make sense of VMCOREINFO of '%s', ignoring: %m",
                                         path);
                return;
        }

        source_load_kernel_info(source);

        (void) vmcoreinfo_string(source->info, "OSRELEASE", &source->kernel_release);
        if (vmcoreinfo_string_u64(source->info, "CRASHTIME", 10, &value) >= 0 &&
            value < UINT64_MAX / USEC_PER_SEC)
                source->crash_realtime_usec = value * USEC_PER_SEC;
        if (vmcoreinfo_string_u64(source->info, "PAGESIZE", 10, &value) >= 0) {
                if (value >= 4096 && value <= PAGE_SIZE_BYTES_MAX && (value & (value - 1)) == 0)
                        source->page_size_bytes = (uint32_t) value;
                else
                        log_warning("VMCOREINFO claims pages of %llu bytes, using %u.",
                                    (unsigned long long) value, source->page_size_bytes);
        }
}

/* What a saved dump says of itself counts more than what its memory says. */
static void source_load_saved(CaptureSource *source, const char *path)
{
        const KdumpFileInfo *info;

        source->saved = vmcore_saved(source->vmcore);
        if (!source->saved)
                return;
        info = kdump_file_info(source->saved);
        source->page_size_bytes = info->page_size_bytes;
        if (source->crash_realtime_usec == 0)
                source->crash_realtime_usec = info->timestamp_usec;
        if (info->cut_off)
                source->incomplete = "its end is not there";
        else if (info->status & KDUMP_FILE_INCOMPLETE)
                source->incomplete = "it is marked so";
        else if (info->part_start_pfn > 0 || info->part_end_pfn < info->end_pfn)
                source->incomplete = "it is one part of a split dump";
        if (source->incomplete)
                log_warning("'%s' is incomplete: %s.", path, source->incomplete);
        if (info->notes_lost)
                log_warning("The notes of '%s' are not where its header says, ignoring.", path);
}

static const char *machine_name(const CaptureSource *source)
{
        const char *name = vmcore_machine_to_string(vmcore_machine(source->vmcore));

        if (!*name && source->saved)
                name = kdump_file_info(source->saved)->machine;
        return *name ? name : "an unknown machine";
}

int capture_source_open(const char *path, CaptureSource **ret)
{
        _cleanup_(capture_source_freep) CaptureSource *source = NULL;
        _cleanup_free_ char *message = NULL;
        int r;

        source = calloc(1, sizeof(*source));
        if (!source)
                return log_oom();
        (void) pthread_mutex_init(&source->missing_lock, NULL);
        r = vmcore_open(path, &source->vmcore, &message);
        if (r < 0)
                return log_error_errno(r, "Cannot read '%s': %s", path, message ?: strerror(-r));
        source->runs = vmcore_runs(source->vmcore, &source->n_runs);
        source_load_info(source, path);
        source_load_saved(source, path);
        source->n_exist = pagemap_count(source->runs, source->n_runs, source->page_size_bytes);

        r = kmem_open(source->vmcore, source->info, &source->kmem);
        source->machine_unknown = r == -EOPNOTSUPP;
        if (source->machine_unknown)
                log_warning(
                        "'%s' is of a kernel for '%s', which is not known here: no kernel log, and "
                        "all pages are kept.",
                        path, machine_name(source));
        else if (r < 0 && source->info)
                (void) log_warning_errno(
                        r, "Cannot translate the kernel's addresses of '%s', ignoring: %m", path);

        *ret = TAKE_PTR(source);
        return 0;
}

CaptureSource *capture_source_free(CaptureSource *source)
{
        if (!source)
                return NULL;
        page_filter_free(source->filter);
        page_filter_free(source->value_filter);
        kmem_close(source->kmem);
        vmcoreinfo_free(source->info);
        vmcore_close(source->vmcore);
        (void) pthread_mutex_destroy(&source->missing_lock);
        free(source);
        return NULL;
}

/* Prepares for telling the pages of the kernel from all others that @level keeps. */
static void source_load_values(CaptureSource *source, unsigned level)
{
        const unsigned classes = page_classes_of_level(level);
        _cleanup_(page_filter_freep) PageFilter *filter = NULL;
        _cleanup_free_ char *message = NULL;

        if (classes == page_classes_of_level(DUMP_LEVEL_MAX) || !source->info || !source->kmem)
                return;
        if (page_filter_new(source->vmcore, source->kmem, source->info, source->page_size_bytes,
                            DUMP_LEVEL_MAX, &filter, &message) < 0)
                return;
        if (page_filter_classes(filter) & ~classes)
                source->value_filter = TAKE_PTR(filter);
}

/* Why nothing can be decided without a look at the kernel's structures. */
static const char *why_no_filter(const CaptureSource *source)
{
        if (!source->info)
                return "there is no VMCOREINFO that tells of them";
        return source->machine_unknown ? "kernels of its machine are not known here"
                                       : "the kernel's addresses cannot be translated";
}

unsigned capture_source_filter(CaptureSource *source, unsigned level)
{
        const unsigned before = source->saved ? kdump_file_info(source->saved)->dump_level : 0;
        _cleanup_free_ char *message = NULL;
        int r = -ENODATA;

        source_load_values(source, level);
        if (source->info && source->kmem)
                r = page_filter_new(source->vmcore, source->kmem, source->info,
                                    source->page_size_bytes, level, &source->filter, &message);
        if (r < 0 && level <= 1)
                return level |
                       before; /* only what is poisoned or offline would have been left out */
        if (r < 0) {
                (void) log_warning_errno(r,
                                         "Cannot tell what pages are used for, so all are kept: %s",
                                         message ?: why_no_filter(source));
                return (level & 1) | before;
        }
        for (char *const *w = page_filter_warnings(source->filter); w && *w; w++)
                log_warning("%s.", *w);
        return level | before;
}

const char *capture_source_incomplete(const CaptureSource *source)
{
        return atomic_load(&source->bitmap_lost) ? "its bitmap of pages cannot be read"
                                                 : source->incomplete;
}

static void pages_exist(void *data, uint64_t first_pfn, size_t n_pfns, uint8_t *bits)
{
        const CaptureSource *source = data;

        (void) pagemap_fill(source->runs, source->n_runs, source->page_size_bytes, first_pfn,
                            n_pfns, bits);
}

static uint64_t pages_next(void *data, uint64_t pfn)
{
        const CaptureSource *source = data;
        uint64_t first_pfn, n_pages;

        if (!pagemap_next(source->runs, source->n_runs, source->page_size_bytes, pfn, &first_pfn,
                          &n_pages))
                return UINT64_MAX;
        return first_pfn;
}

/* What one thread needs to read the pages of a source. */
typedef struct PageReader {
        CaptureSource *source;
        VmcoreView *view;
        PageFilterReader *filter; /* NULL: all pages are kept */
        PageFilterReader *value;  /* NULL: no telling */
        uint8_t saved[512];       /* bits of a saved dump */
} PageReader;

static void reader_free(void *data)
{
        PageReader *reader = data;

        if (!reader)
                return;
        page_filter_reader_free(reader->filter);
        page_filter_reader_free(reader->value);
        vmcore_view_free(reader->view);
        free(reader);
}

static int reader_new(void *data, void **ret_reader)
{
        CaptureSource *source = data;
        PageReader *reader = calloc(1, sizeof(*reader));
        int r;

        if (!reader)
                return -ENOMEM;
        reader->source = source;
        r = vmcore_view_new(source->vmcore, &reader->view);
        if (r >= 0 && source->filter)
                r = page_filter_reader_new(source->vmcore, reader->view, &reader->filter);
        if (r >= 0 && source->value_filter)
                r = page_filter_reader_new(source->vmcore, reader->view, &reader->value);
        if (r < 0) {
                reader_free(reader);
                return r;
        }
        *ret_reader = reader;
        return 0;
}

/* Takes from @bits the pages that a saved dump has left out. Returns how many. */
static uint64_t saved_dumpable(PageReader *reader, uint64_t first_pfn, size_t n_pfns, uint8_t *bits)
{
        CaptureSource *source = reader->source;
        uint64_t n_before = 0;

        while (n_pfns > 0) {
                size_t n = MIN(n_pfns, sizeof(reader->saved) * 8), n_bytes = DIV_ROUND_UP(n, 8);

                if (kdump_file_dumpable(source->saved, first_pfn, n, reader->saved) < 0) {
                        memset(reader->saved, 0, sizeof(reader->saved));
                        atomic_store(&source->bitmap_lost, true);
                }
                for (size_t i = 0; i < n_bytes; i++) {
                        n_before += (unsigned) __builtin_popcount(
                                (uint8_t) (bits[i] & ~reader->saved[i]));
                        bits[i] &= reader->saved[i];
                }
                first_pfn += n;
                bits += n_bytes;
                n_pfns -= n;
        }
        return n_before;
}

static void source_count(CaptureSource *source, uint64_t n_exist, const PageCounts *counts,
                         uint64_t n_before)
{
        if (atomic_load(&source->n_counted) >= source->n_exist)
                return;
        for (PageClass class = PAGE_KEPT + 1; class < _PAGE_CLASS_MAX; class ++)
                atomic_fetch_add(&source->n_excluded[class], counts->n_pages[class]);
        atomic_fetch_add(&source->n_before, n_before);
        atomic_fetch_add(&source->n_counted, n_exist);
}

void capture_source_counts(const CaptureSource *source, CaptureCounts *ret)
{
        *ret = (CaptureCounts){ .n_before = atomic_load(&source->n_before) };
        for (PageClass class = PAGE_KEPT + 1; class < _PAGE_CLASS_MAX; class ++)
                ret->n_excluded[class] = atomic_load(&source->n_excluded[class]);
}

/* A range that the filter does not take is kept. */
static void reader_dumpable(void *data, uint64_t first_pfn, size_t n_pfns, uint8_t *bits)
{
        PageReader *reader = data;
        CaptureSource *source = reader->source;
        PageCounts counts = {};
        uint64_t n_exist, n_before = 0;

        n_exist = pagemap_fill(source->runs, source->n_runs, source->page_size_bytes, first_pfn,
                               n_pfns, bits);
        if (reader->filter)
                (void) page_filter_classify(source->filter, reader->filter, first_pfn, n_pfns, bits,
                                            &counts);
        if (source->saved)
                n_before = saved_dumpable(reader, first_pfn, n_pfns, bits);
        source_count(source, n_exist, &counts, n_before);
}

static void reader_valuable(void *data, uint64_t first_pfn, size_t n_pfns, uint8_t *bits)
{
        PageReader *reader = data;
        PageCounts counts = {};

        pages_exist(reader->source, first_pfn, n_pfns, bits);
        (void) page_filter_classify(reader->source->value_filter, reader->value, first_pfn, n_pfns,
                                    bits, &counts);
}

static void pages_missing(void *data, uint64_t pfn)
{
        CaptureSource *source = data;

        (void) pthread_mutex_lock(&source->missing_lock);
        missing_pages_add(&source->missing, pfn);
        (void) pthread_mutex_unlock(&source->missing_lock);
}

static int reader_window(void *data, uint64_t pfn, size_t n_pages, const uint8_t **ret,
                         size_t *ret_n_pages)
{
        PageReader *reader = data;
        const CaptureSource *source = reader->source;
        uint64_t align_bytes = vmcore_window_align_bytes(source->vmcore);
        uint64_t page_bytes = source->page_size_bytes;
        uint64_t paddr = pfn * page_bytes, start, end, first_pfn, n_run;
        const uint8_t *shown;
        int r;

        /* Within one run it can be mapped, over several it would be put together by copying. */
        if (!pagemap_next(source->runs, source->n_runs, page_bytes, pfn, &first_pfn, &n_run) ||
            first_pfn != pfn)
                return -ERANGE;
        n_pages = (size_t) MIN((uint64_t) n_pages, n_run);

        /* A page of the crashed kernel may be smaller than one of this system. */
        start = paddr - paddr % align_bytes;
        end = ALIGN_UP(paddr + n_pages * page_bytes, align_bytes);
        r = vmcore_view_show(reader->view, start, end - start, &shown);
        if (r < 0)
                return r;

        *ret = shown + (paddr - start);
        *ret_n_pages = n_pages;
        return 0;
}

/* Where the kernel's image is; 0: unknown. */
static uint64_t image_pfn(const CaptureSource *source)
{
        uint64_t vaddr, paddr;

        if (!source->info || !source->kmem ||
            vmcoreinfo_symbol(source->info, "_stext", &vaddr) < 0 ||
            kmem_vtop(source->kmem, vaddr, &paddr, NULL) < 0)
                return 0;
        return paddr / source->page_size_bytes;
}

void capture_source_pages(CaptureSource *source, PageSource *ret)
{
        *ret = (PageSource){
                .data = source,
                .page_size_bytes = source->page_size_bytes,
                .end_pfn = pagemap_max_pfn(source->runs, source->n_runs, source->page_size_bytes),
                .start_pfn = image_pfn(source),
                .exists = pages_exist,
                .next = pages_next,
                .reader_new = reader_new,
                .reader_free = reader_free,
                .dumpable = reader_dumpable,
                .valuable = source->value_filter ? reader_valuable : NULL,
                .window = reader_window,
                .missing = pages_missing,
                .guarded = vmcore_guarded,
        };
}

/* Readers find the architecture by the machine field, so something must be there. */
static void utsname_make(const CaptureSource *source, uint8_t ret[KDUMP_UTSNAME_BYTES])
{
        const size_t field = KMEM_UTSNAME_FIELD_BYTES;
        const char *values[] = { "Linux",
                                 "",
                                 source->kernel_release ?: "",
                                 "",
                                 vmcore_machine_to_string(vmcore_machine(source->vmcore)),
                                 "" };

        memset(ret, 0, KDUMP_UTSNAME_BYTES);
        for (size_t i = 0; i < ELEMENTSOF(values); i++)
                (void) snprintf((char *) ret + i * field, field, "%s", values[i]);
}

/* What makedumpfile's get_phys_base_*() put there, under the names each architecture has for it. */
static uint64_t phys_base(const CaptureSource *source)
{
        static const char *const keys[] = { "phys_base", "PHYS_OFFSET", "phys_ram_base" };
        uint64_t value;

        if (!source->info)
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (vmcoreinfo_number_u64(source->info, keys[i], &value) >= 0)
                        return value;
        return 0;
}

/* The names of the crashed system: as the dump has them that it was saved in, else from its memory.
 */
static void describe_utsname(CaptureSource *source, uint8_t ret[KDUMP_UTSNAME_BYTES])
{
        int r;

        if (source->saved && *kdump_file_info(source->saved)->release) {
                memcpy(ret, kdump_file_info(source->saved)->utsname, KDUMP_UTSNAME_BYTES);
                return;
        }
        r = source->kmem ? kmem_read_utsname(source->kmem, source->info, (char *) ret) : -ENODATA;
        if (r >= 0)
                return;
        (void) log_warning_errno(r, "Cannot read the names of the crashed system, ignoring: %m");
        utsname_make(source, ret);
}

void capture_source_describe(CaptureSource *source, KdumpInfo *ret)
{
        size_t vmcoreinfo_size = 0;

        *ret = (KdumpInfo){
                .timestamp_usec = source->crash_realtime_usec ?: now_realtime_usec(),
                .n_cpus = vmcore_n_prstatus(source->vmcore),
                .phys_base = phys_base(source),
        };
        if (source->saved) {
                const KdumpFileInfo *info = kdump_file_info(source->saved);

                ret->timestamp_usec = info->timestamp_usec ?: ret->timestamp_usec;
                ret->n_cpus = info->n_cpus;
                ret->phys_base = info->phys_base;
        }
        ret->notes = vmcore_notes(source->vmcore, &ret->notes_size);
        if (vmcore_vmcoreinfo_text(source->vmcore, &vmcoreinfo_size, &ret->vmcoreinfo_offset))
                ret->vmcoreinfo_size = vmcoreinfo_size;
        describe_utsname(source, ret->utsname);
}
