/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns a saved dump as a vmcore: its memory, its notes, and reading it by many threads. */
#include <elf.h>
#include <stdatomic.h>

#include "io.h"
#include "kdump-file-flat.h"
#include "vmcore-internal.h"

/* More stretches of memory than any machine has: a bitmap of more is damaged. */
#define N_RUNS_MAX ((size_t) 1 << 17)

/* For vmcore_read(): as many as can be needed at a time, but not made before. */
#define N_READERS 64

/* Bit of the dump level: pages of zeros were left out. */
#define LEVEL_ZERO 1

typedef struct ReaderSlot {
        atomic_flag taken;
        KdumpReader *reader; /* of who has taken it */
} ReaderSlot;

struct VmcoreReaders {
        ReaderSlot slots[N_READERS];
};

int vmcore_kdump_is(int fd)
{
        char start[KDUMP_FLAT_SIGNATURE_BYTES];
        int r;

        r = pread_full(fd, start, sizeof(start), 0);
        if (r < 0)
                return r == -ENODATA ? 0 : r;
        return memcmp(start, KDUMP_FILE_SIGNATURE, KDUMP_FILE_SIGNATURE_BYTES) == 0 ||
               memcmp(start, KDUMP_FILE_SIGNATURE_OLD, KDUMP_FILE_SIGNATURE_BYTES) == 0 ||
               kdump_flat_is(start);
}

void vmcore_kdump_done(Vmcore *vmcore)
{
        for (size_t i = 0; vmcore->readers && i < N_READERS; i++)
                kdump_reader_free(vmcore->readers->slots[i].reader);
        free(vmcore->readers);
        kdump_file_close(vmcore->saved);
}

typedef struct RunList {
        MemoryRun *runs;
        size_t n, n_allocated;
        uint64_t page_bytes;
} RunList;

static int run_add(void *data, uint64_t first_pfn, uint64_t end_pfn)
{
        RunList *list = data;

        if (list->n == N_RUNS_MAX)
                return -EOVERFLOW;
        if (list->n == list->n_allocated) {
                size_t n = MAX(list->n_allocated * 2, (size_t) 64);
                MemoryRun *runs = reallocarray(list->runs, n, sizeof(*runs));

                if (!runs)
                        return -ENOMEM;
                list->runs = runs;
                list->n_allocated = n;
        }
        list->runs[list->n++] = (MemoryRun){
                .start_paddr = first_pfn * list->page_bytes,
                .end_paddr = end_pfn * list->page_bytes,
                .file_bytes = (end_pfn - first_pfn) * list->page_bytes,
        };
        return 0;
}

static int complain(char **reterr_message, int error, const char *text)
{
        *reterr_message = strdup(text);
        return error;
}

static int runs_load(Vmcore *vmcore, char **reterr_message)
{
        RunList list = { .page_bytes = kdump_file_info(vmcore->saved)->page_size_bytes };
        int r;

        r = kdump_file_stretches(vmcore->saved, run_add, &list);
        vmcore->runs = list.runs;
        vmcore->n_runs = list.n;
        if (r == -EOVERFLOW)
                return complain(reterr_message, -EOPNOTSUPP, "its memory is in too many pieces");
        if (r >= 0 && list.n == 0)
                return complain(reterr_message, -EBADMSG, "no page of it is memory");
        return r;
}

/* Puts @text behind the notes, as the note that it is in other files. */
static int notes_append_vmcoreinfo(Vmcore *vmcore, const char *text, size_t size)
{
        static const char name[] = "VMCOREINFO";
        const Elf64_Nhdr note = { .n_namesz = sizeof(name), .n_descsz = (uint32_t) size };
        size_t at = ALIGN_UP(vmcore->notes_size, 4);
        size_t text_at = at + sizeof(note) + ALIGN_UP(sizeof(name), 4);
        size_t end = text_at + ALIGN_UP(size, 4);
        uint8_t *notes = realloc(vmcore->notes, end);

        if (!notes)
                return -ENOMEM;
        memset(notes + vmcore->notes_size, 0, end - vmcore->notes_size);
        memcpy(notes + at, &note, sizeof(note));
        memcpy(notes + at + sizeof(note), name, sizeof(name));
        memcpy(notes + text_at, text, size);
        vmcore->notes = notes;
        vmcore->notes_size = end;
        vmcore->vmcoreinfo_offset = text_at;
        vmcore->vmcoreinfo_size = size;
        return 0;
}

static int notes_load(Vmcore *vmcore)
{
        size_t size, text_size;
        const uint8_t *notes = kdump_file_notes(vmcore->saved, &size);
        const char *text = kdump_file_vmcoreinfo_text(vmcore->saved, &text_size);

        if (size > 0) {
                vmcore->notes = malloc(size);
                if (!vmcore->notes)
                        return -ENOMEM;
                memcpy(vmcore->notes, notes, size);
                vmcore->notes_size = size;
                vmcore_notes_scan(vmcore);
        }

        /* Version 3 has no notes, and the one that the header names is what other readers use. */
        if (text_size == 0 ||
            (text_size == vmcore->vmcoreinfo_size &&
             memcmp(text, vmcore->notes + vmcore->vmcoreinfo_offset, text_size) == 0))
                return 0;
        return notes_append_vmcoreinfo(vmcore, text, text_size);
}

int vmcore_kdump_load(Vmcore *vmcore, char **reterr_message)
{
        const KdumpFileInfo *info;
        int r;

        r = kdump_file_open_fd(vmcore->fd, &vmcore->saved, reterr_message);
        if (r < 0)
                return r;
        (void) TAKE_FD(vmcore->fd);

        vmcore->readers = calloc(1, sizeof(*vmcore->readers));
        if (!vmcore->readers)
                return -ENOMEM;
        info = kdump_file_info(vmcore->saved);
        vmcore->page_size = MIN(vmcore->page_size, (size_t) info->page_size_bytes);
        vmcore->machine = vmcore_machine_from_string(info->machine);
        r = notes_load(vmcore);
        return r < 0 ? r : runs_load(vmcore, reterr_message);
}

/* What a vmcore says of a page that kdump_reader_page() does not show. */
static int page_error(int error)
{
        switch (error) {
        case -ENOMEM:
        case -ERANGE:
                return error;
        case -ENODATA:
        case -ENXIO:
                return -EFAULT;
        default:
                return -EIO;
        }
}

static int reader_copy(const Vmcore *vmcore, KdumpReader *reader, uint64_t paddr, uint8_t *to,
                       size_t size)
{
        const KdumpFileInfo *info = kdump_file_info(vmcore->saved);
        int r;

        while (size > 0) {
                uint64_t in_page = paddr % info->page_size_bytes,
                         pfn = paddr / info->page_size_bytes;
                /* Those of the other parts of a split dump are not here, whatever they hold. */
                bool left_out = pfn >= info->part_start_pfn && pfn < info->part_end_pfn;
                size_t n = (size_t) MIN(info->page_size_bytes - in_page, (uint64_t) size);
                const uint8_t *page;

                r = kdump_reader_page(reader, pfn, &page);
                if (r >= 0)
                        memcpy(to, page + in_page, n);
                else if (r == -ENODATA && left_out && (info->dump_level & LEVEL_ZERO))
                        memset(to, 0, n);
                else
                        return page_error(r);
                paddr += n;
                to += n;
                size -= n;
        }
        return 0;
}

/* NULL if more than N_READERS threads read at this time. */
static ReaderSlot *slot_take(const Vmcore *vmcore)
{
        for (size_t i = 0; i < N_READERS; i++)
                if (!atomic_flag_test_and_set(&vmcore->readers->slots[i].taken))
                        return &vmcore->readers->slots[i];
        return NULL;
}

int vmcore_kdump_read(const Vmcore *vmcore, uint64_t paddr, void *buf, size_t size)
{
        _cleanup_(kdump_reader_freep) KdumpReader *own = NULL;
        ReaderSlot *slot = slot_take(vmcore);
        KdumpReader **reader = slot ? &slot->reader : &own;
        int r = 0;

        if (!*reader)
                r = kdump_reader_new(vmcore->saved, reader);
        if (r >= 0)
                r = reader_copy(vmcore, *reader, paddr, buf, size);
        if (slot)
                atomic_flag_clear(&slot->taken);
        return r;
}

int vmcore_kdump_show(VmcoreView *view, uint64_t paddr, size_t size, const uint8_t **ret)
{
        const Vmcore *vmcore = view->vmcore;
        int r;

        if (!vmcore_view_is_buffered(view, paddr, size)) {
                if (!view->reader) {
                        r = kdump_reader_new(vmcore->saved, &view->reader);
                        if (r < 0)
                                return r;
                }
                r = vmcore_view_reserve(view, size);
                if (r < 0)
                        return r;
                view->buffer_filled = 0;
                r = reader_copy(vmcore, view->reader, paddr, view->buffer, size);
                if (r < 0)
                        return r;
                view->buffer_offset = paddr;
                view->buffer_filled = size;
        }
        *ret = view->buffer + (paddr - view->buffer_offset);
        return 0;
}
