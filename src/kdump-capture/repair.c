/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the order in which a dump is put right. */
#include "repair.h"

#include <fcntl.h>
#include <sys/file.h>

#include "io.h"
#include "kdump-file.h"

/* Looked at, and written, at a time: 96 KiB. */
#define DESCS_MAX 4096

typedef struct Repair {
        int fd;
        KdumpFile *file;
        KdumpReader *reader;
        const KdumpFileInfo *info;
        uint32_t status; /* as it is on disk */

        uint64_t zero_offset;  /* where our writer puts the page that all pages of zeros share */
        bool zeros_are_shared; /* no other page of zeros is stored */
        KdumpFileDesc last_good;
        RepairResult result;
        KdumpFileDesc descs[DESCS_MAX];
} Repair;

static Repair *repair_free(Repair *repair)
{
        if (!repair)
                return NULL;
        kdump_reader_free(repair->reader);
        kdump_file_close(repair->file);
        close_fd(repair->fd);
        free(repair);
        return NULL;
}
DEFINE_CLEANUP(Repair *, repair_free);

static int complain(int error, const char *text, char **reterr_message)
{
        *reterr_message = strdup(text);
        return error;
}

static int repair_open(const char *path, Repair **ret, char **reterr_message)
{
        _cleanup_(repair_freep) Repair *repair = calloc(1, sizeof(*repair));
        int fd, r;

        if (!repair)
                return -ENOMEM;
        repair->fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (repair->fd < 0)
                return -errno;
        if (flock(repair->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
                return complain(-EBUSY, "it is being written or repaired", reterr_message);
        fd = fcntl(repair->fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return -errno;
        r = kdump_file_open_fd(fd, &repair->file, reterr_message);
        if (r < 0) {
                close_fd(fd);
                return r;
        }
        repair->info = kdump_file_info(repair->file);
        repair->status = repair->info->status;
        if (repair->info->cut_off) /* makedumpfile -R wants the end */
                return complain(-EOPNOTSUPP, "it is flattened, and its end is missing",
                                reterr_message);
        if (repair->info->flattened)
                return complain(-EOPNOTSUPP, "it is flattened: 'makedumpfile -R' comes first",
                                reterr_message);
        if (repair->status & ~KDUMP_FILE_KNOWN_STATUS)
                return complain(-EOPNOTSUPP, "its header has marks that are not known",
                                reterr_message);
        r = kdump_reader_new(repair->file, &repair->reader);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(repair);
        return 0;
}

/* What was written before is on disk before the mark changes, and the mark before what is written
 * next. */
static int repair_mark(Repair *repair, uint32_t status)
{
        int r;

        if (fsync(repair->fd) < 0)
                return -errno;
        r = pwrite_full(repair->fd, &status, sizeof(status), offsetof(KdumpFileHeader, status));
        if (r < 0)
                return r;
        if (fsync(repair->fd) < 0)
                return -errno;
        repair->status = status;
        return 0;
}

/* Readers know that a descriptor of zeros is a page that is missing only from an incomplete dump.
 */
static int repair_mark_incomplete(Repair *repair)
{
        if (repair->status & KDUMP_FILE_INCOMPLETE)
                return 0;
        return repair_mark(repair, repair->status | KDUMP_FILE_INCOMPLETE);
}

/* Gets the next descriptors. Returns how many; 0 at the end. */
static int repair_load(Repair *repair, uint64_t rank)
{
        size_t n = (size_t) MIN(repair->info->n_pages - rank, (uint64_t) DESCS_MAX);
        int r = kdump_reader_descs(repair->reader, rank, repair->descs, n);

        return r < 0 ? r : (int) n;
}

/* Is it a page, other than that of zeros, in or before the block where our writer puts that one?
 * What does not decode is nobody's, and is gone when a dump is repaired again. */
static bool repair_is_of_another(const Repair *repair, const KdumpFileDesc *desc)
{
        const KdumpFileInfo *info = repair->info;
        const uint8_t *page;

        if (desc->offset_bytes < info->data_offset ||
            desc->offset_bytes >= repair->zero_offset + info->page_size_bytes ||
            (desc->offset_bytes == repair->zero_offset && desc->flags == 0))
                return false;
        return kdump_reader_decode(repair->reader, desc, &page) >= 0;
}

/* Our writer stores a page of zeros once, in the first block behind the descriptors, and nothing
 * before it; of other writers the first page's data follows the descriptors. */
static int repair_learn_writer(Repair *repair)
{
        const KdumpFileInfo *info = repair->info;

        repair->zero_offset = ALIGN_UP(info->data_offset, (uint64_t) info->page_size_bytes);
        repair->zeros_are_shared = true;
        for (uint64_t rank = 0; rank < info->n_pages && repair->zeros_are_shared;) {
                int n = repair_load(repair, rank);

                if (n < 0)
                        return n;
                for (int i = 0; i < n && repair->zeros_are_shared; i++)
                        if (repair_is_of_another(repair, &repair->descs[i]))
                                repair->zeros_are_shared = false;
                rank += (uint64_t) n;
        }
        return 0;
}

/* After a loss of power what was written last may be a hole. Compressed data then does not decode,
 * but a page that is stored as it is would pass as zeros. */
static bool repair_is_hole(const Repair *repair, const KdumpFileDesc *desc, const uint8_t *page)
{
        off_t hole;

        if (!repair->zeros_are_shared || !(repair->status & KDUMP_FILE_INCOMPLETE) ||
            desc->flags != 0 || desc->offset_bytes == repair->zero_offset ||
            !mem_is_zero(page, desc->size_bytes))
                return false;
        hole = lseek(repair->fd, (off_t) desc->offset_bytes, SEEK_HOLE);
        if (hole < 0)
                return errno == ENXIO;
        return (uint64_t) hole < desc->offset_bytes + desc->size_bytes;
}

/* Returns 1 if the page can be read, 0 if not, an error if that cannot be told. */
static int repair_try(Repair *repair, const KdumpFileDesc *desc)
{
        const uint8_t *page;
        int r;

        if (desc->offset_bytes != 0 && memcmp(desc, &repair->last_good, sizeof(*desc)) == 0)
                return 1;
        r = kdump_reader_decode(repair->reader, desc, &page);
        if (r == -ENXIO || r == -EBADMSG || r == -EOPNOTSUPP)
                return 0;
        if (r < 0)
                return r;
        if (repair_is_hole(repair, desc, page))
                return 0;
        repair->last_good = *desc;
        return 1;
}

static int repair_write(Repair *repair, uint64_t rank, size_t start, size_t end)
{
        int r;

        if (start == end)
                return 0;
        r = repair_mark_incomplete(repair);
        if (r < 0)
                return r;
        return pwrite_full(repair->fd, repair->descs + start,
                           (end - start) * sizeof(repair->descs[0]),
                           repair->info->descs_offset + (rank + start) * sizeof(repair->descs[0]));
}

/* Nothing is written but the descriptors that change. */
static int repair_descs(Repair *repair, uint64_t rank, size_t n)
{
        static const KdumpFileDesc missing = {};
        size_t start = 0; /* of a run of changes that ends at i */
        int r;

        for (size_t i = 0; i < n; i++) {
                KdumpFileDesc *desc = &repair->descs[i];
                bool is_missing = memcmp(desc, &missing, sizeof(missing)) == 0;

                r = is_missing ? 0 : repair_try(repair, desc);
                if (r < 0)
                        return r;
                if (r > 0 || is_missing) {
                        repair->result.n_readable += r > 0;
                        repair->result.n_missing += is_missing;
                        r = repair_write(repair, rank, start, i);
                        if (r < 0)
                                return r;
                        start = i + 1;
                        continue;
                }
                repair->result.n_missing++;
                repair->result.n_withdrawn++;
                *desc = missing;
        }
        return repair_write(repair, rank, start, n);
}

/* Readers look for all descriptors. */
static int repair_extend(Repair *repair)
{
        if (repair->info->file_bytes >= repair->info->data_offset)
                return 0;
        return ftruncate(repair->fd, (off_t) repair->info->data_offset) < 0 ? -errno : 0;
}

static int repair_run(Repair *repair)
{
        const KdumpFileInfo *info = repair->info;
        int r;

        repair->result.n_pages = info->n_pages;
        r = repair_learn_writer(repair);
        if (r < 0)
                return r;
        for (uint64_t rank = 0; rank < info->n_pages;) {
                int n = repair_load(repair, rank);

                if (n < 0)
                        return n;
                r = repair_descs(repair, rank, (size_t) n);
                if (r < 0)
                        return r;
                rank += (uint64_t) n;
        }
        if (repair->result.n_missing > 0) {
                r = repair_mark_incomplete(repair);
                if (r >= 0)
                        r = repair_extend(repair);
                if (r >= 0 && fsync(repair->fd) < 0)
                        r = -errno;
                return r;
        }
        if (!(repair->status & KDUMP_FILE_INCOMPLETE) || info->notes_lost || info->n_pages == 0)
                return 0;
        return repair_mark(repair, repair->status & ~(uint32_t) KDUMP_FILE_INCOMPLETE);
}

int repair_file(const char *path, RepairResult *ret, char **reterr_message)
{
        _cleanup_(repair_freep) Repair *repair = NULL;
        int r;

        *reterr_message = NULL;
        r = repair_open(path, &repair, reterr_message);
        if (r < 0)
                return r;
        r = repair_run(repair);
        if (r < 0)
                return r;
        repair->result.incomplete = repair->status & KDUMP_FILE_INCOMPLETE;
        *ret = repair->result;
        return 0;
}
