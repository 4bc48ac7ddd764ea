/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns an open dump file: its life, and what its headers say. */
#include <fcntl.h>
#include <sys/stat.h>

#include "io.h"
#include "kdump-file-internal.h"

#define VERSION_MIN 3
#define VERSION_MAX 6
#define PAGE_BYTES_MIN UINT32_C(4096)
#define PAGE_BYTES_MAX UINT32_C(262144)
#define NOTES_BYTES_MAX (UINT64_C(64) << 20)
#define VMCOREINFO_BYTES_MAX (UINT64_C(1) << 20)

/* Fields of utsname. */
enum {
        UTSNAME_RELEASE = 2,
        UTSNAME_MACHINE = 4,
};

/* disk_dump_header.block_size of 32 bit machines. */
#define BLOCK_BYTES_OFFSET_32BIT 416

KdumpFile *kdump_file_close(KdumpFile *file)
{
        if (!file)
                return NULL;
        close_fd(file->fd);
        kdump_flat_free(file->flat);
        free(file->ranks);
        free(file->notes);
        free(file->vmcoreinfo);
        free(file);
        return NULL;
}

static int complain(int error, const char *text, char **reterr_message)
{
        *reterr_message = strdup(text);
        return error;
}

/* As pread_full(); what is behind the end is 0. */
static int pread_padded(int fd, uint8_t *buf, size_t size, uint64_t offset_bytes)
{
        size_t done = 0;

        while (done < size) {
                ssize_t n = pread(fd, buf + done, size - done, (off_t) (offset_bytes + done));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0) {
                        memset(buf + done, 0, size - done);
                        return 0;
                }
                done += (size_t) n;
        }
        return 0;
}

int kdump_file_pread(const KdumpFile *file, uint64_t offset_bytes, void *buf, size_t size)
{
        uint64_t end;

        if (__builtin_add_overflow(offset_bytes, (uint64_t) size, &end) || end > INT64_MAX)
                return -ERANGE;
        if (file->flat)
                return kdump_flat_read(file->flat, file->fd, offset_bytes, buf, size);
        return pread_padded(file->fd, buf, size, offset_bytes);
}

static bool file_holds(const KdumpFile *file, uint64_t offset_bytes, uint64_t size_bytes)
{
        return offset_bytes <= file->info.file_bytes &&
               size_bytes <= file->info.file_bytes - offset_bytes;
}

static bool page_bytes_valid(uint32_t size)
{
        return size >= PAGE_BYTES_MIN && size <= PAGE_BYTES_MAX && (size & (size - 1)) == 0;
}

static int check_block_bytes(const KdumpFileHeader *header, char **reterr_message)
{
        uint32_t block_32bit;

        if (page_bytes_valid(header->block_bytes))
                return 0;
        memcpy(&block_32bit, (const uint8_t *) header + BLOCK_BYTES_OFFSET_32BIT,
               sizeof(block_32bit));
        if (page_bytes_valid(__builtin_bswap32(header->block_bytes)))
                return complain(-EOPNOTSUPP, "it is of a machine with another byte order",
                                reterr_message);
        if (page_bytes_valid(block_32bit))
                return complain(-EOPNOTSUPP, "it is of a 32 bit machine", reterr_message);
        return complain(-EBADMSG, "its page size makes no sense", reterr_message);
}

static int load_header(KdumpFile *file, KdumpFileHeader *header, char **reterr_message)
{
        KdumpFileInfo *info = &file->info;
        int r;

        r = kdump_file_pread(file, 0, header, sizeof(*header));
        if (r < 0)
                return r;
        if (memcmp(header->signature, KDUMP_FILE_SIGNATURE_OLD, sizeof(header->signature)) == 0)
                return complain(-EOPNOTSUPP, "it is in the form of the old diskdump",
                                reterr_message);
        if (memcmp(header->signature, KDUMP_FILE_SIGNATURE, sizeof(header->signature)) != 0)
                return complain(-EBADMSG, "it is not a kdump-compressed file", reterr_message);
        r = check_block_bytes(header, reterr_message);
        if (r < 0)
                return r;
        if (header->version < VERSION_MIN || header->version > VERSION_MAX)
                return complain(-EOPNOTSUPP, "the version of its format is not known",
                                reterr_message);

        info->version = header->version;
        info->status = header->status;
        info->page_size_bytes = header->block_bytes;
        info->n_cpus = header->n_cpus;
        if (__builtin_mul_overflow(header->timestamp_sec, USEC_PER_SEC, &info->timestamp_usec) ||
            __builtin_add_overflow(info->timestamp_usec, header->timestamp_usec,
                                   &info->timestamp_usec))
                info->timestamp_usec = 0;
        memcpy(file->utsname, header->utsname, sizeof(file->utsname));
        memcpy(file->release, header->utsname + UTSNAME_RELEASE * KDUMP_FILE_UTSNAME_FIELD_BYTES,
               KDUMP_FILE_UTSNAME_FIELD_BYTES);
        memcpy(file->machine, header->utsname + UTSNAME_MACHINE * KDUMP_FILE_UTSNAME_FIELD_BYTES,
               KDUMP_FILE_UTSNAME_FIELD_BYTES);
        info->utsname = file->utsname;
        info->release = file->release;
        info->machine = file->machine;
        return 0;
}

/* Which pages the file is of. */
static int load_range(KdumpFile *file, const KdumpFileHeader *header, const KdumpFileSubHeader *sub,
                      char **reterr_message)
{
        KdumpFileInfo *info = &file->info;

        info->end_pfn = header->version >= 6 ? sub->max_mapnr_64 : header->max_mapnr;
        if (info->end_pfn == 0 || info->end_pfn > KDUMP_FILE_PFNS_MAX)
                return complain(-EBADMSG, "the number of its pages makes no sense", reterr_message);
        info->part_end_pfn = info->end_pfn;
        if (sub->split) {
                bool wide = header->version >= 6;

                info->part_end_pfn = MIN(wide ? sub->end_pfn_64 : sub->end_pfn, info->end_pfn);
                info->part_start_pfn =
                        MIN(wide ? sub->start_pfn_64 : sub->start_pfn, info->part_end_pfn);
        }
        return 0;
}

/* All of these are products of 32 bit numbers: nothing overflows. */
static int load_layout(KdumpFile *file, const KdumpFileHeader *header, char **reterr_message)
{
        KdumpFileInfo *info = &file->info;
        uint64_t block = header->block_bytes;
        uint64_t bitmap_bytes = ALIGN_UP(DIV_ROUND_UP(info->end_pfn, 8), block);
        uint64_t both_bytes = header->n_bitmap_blocks * block;

        file->exists_offset = block * (1 + (uint64_t) header->n_sub_header_blocks);
        file->dumpable_offset = file->exists_offset;
        info->descs_offset = file->exists_offset + both_bytes;
        if (both_bytes < bitmap_bytes)
                return complain(-EBADMSG, "its bitmaps are smaller than its memory",
                                reterr_message);
        if (!file_holds(file, file->exists_offset, both_bytes))
                return complain(-EBADMSG, "it ends before its page data", reterr_message);
        /* Where both do not fit, there is only one. */
        if (both_bytes / 2 >= bitmap_bytes)
                file->dumpable_offset += both_bytes / 2;
        return 0;
}

/* Nothing but a look at the log depends on these: without them, or with broken ones, the rest is
 * worth as much. */
static int load_piece(KdumpFile *file, uint64_t offset_bytes, uint64_t size_bytes,
                      uint64_t max_bytes, uint8_t **ret, size_t *ret_size)
{
        _cleanup_free_ uint8_t *data = NULL;
        int r;

        if (size_bytes == 0)
                return 0;
        if (size_bytes > max_bytes || !file_holds(file, offset_bytes, size_bytes)) {
                file->info.notes_lost = true;
                return 0;
        }
        data = malloc((size_t) size_bytes + 1);
        if (!data)
                return -ENOMEM;
        r = kdump_file_pread(file, offset_bytes, data, (size_t) size_bytes);
        if (r < 0)
                return r;
        data[size_bytes] = '\0';
        *ret = TAKE_PTR(data);
        *ret_size = (size_t) size_bytes;
        return 0;
}

static int load_sub_header(KdumpFile *file, const KdumpFileHeader *header, KdumpFileSubHeader *sub)
{
        uint8_t *vmcoreinfo = NULL;
        int r;

        r = kdump_file_pread(file, header->block_bytes, sub, sizeof(*sub));
        if (r < 0)
                return r;
        file->info.phys_base = sub->phys_base;
        file->info.dump_level = sub->dump_level;
        r = load_piece(file, sub->vmcoreinfo_offset_bytes, sub->vmcoreinfo_size_bytes,
                       VMCOREINFO_BYTES_MAX, &vmcoreinfo, &file->vmcoreinfo_size);
        file->vmcoreinfo = (char *) vmcoreinfo;
        if (r >= 0 && header->version >= 4)
                r = load_piece(file, sub->notes_offset_bytes, sub->notes_size_bytes,
                               NOTES_BYTES_MAX, &file->notes, &file->notes_size);
        return r;
}

static int load_flat(KdumpFile *file, char **reterr_message)
{
        char start[KDUMP_FLAT_SIGNATURE_BYTES];
        int r;

        r = pread_padded(file->fd, (uint8_t *) start, sizeof(start), 0);
        if (r < 0 || !kdump_flat_is(start))
                return r;
        r = kdump_flat_load(file->fd, file->info.file_bytes, &file->flat, reterr_message);
        if (r == -ENODATA)
                return complain(-EBADMSG, "it ends in its head", reterr_message);
        if (r < 0)
                return r;
        file->info.flattened = true;
        file->info.cut_off = !kdump_flat_has_end(file->flat);
        file->info.file_bytes = kdump_flat_bytes(file->flat);
        return 0;
}

static int file_load(KdumpFile *file, char **reterr_message)
{
        KdumpFileHeader header;
        KdumpFileSubHeader sub;
        int r;

        r = load_flat(file, reterr_message);
        if (r >= 0)
                r = load_header(file, &header, reterr_message);
        if (r >= 0)
                r = load_sub_header(file, &header, &sub);
        if (r >= 0)
                r = load_range(file, &header, &sub, reterr_message);
        if (r >= 0)
                r = load_layout(file, &header, reterr_message);
        if (r >= 0)
                r = kdump_file_count(file);
        if (r < 0)
                return r;
        file->info.data_offset =
                file->info.descs_offset + file->info.n_pages * sizeof(KdumpFileDesc);
        return 0;
}

int kdump_file_open_fd(int fd, KdumpFile **ret, char **reterr_message)
{
        _cleanup_(kdump_file_closep) KdumpFile *file = NULL;
        struct stat st;
        int r;

        *reterr_message = NULL;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        if (!S_ISREG(st.st_mode))
                return complain(-EOPNOTSUPP, "it is not a file", reterr_message);
        file = calloc(1, sizeof(*file));
        if (!file)
                return -ENOMEM;
        file->fd = fd;
        file->info.file_bytes = (uint64_t) st.st_size;
        r = file_load(file, reterr_message);
        if (r < 0) {
                file->fd = -EBADF; /* it stays the caller's */
                return r;
        }
        *ret = TAKE_PTR(file);
        return 0;
}

int kdump_file_open(const char *path, KdumpFile **ret, char **reterr_message)
{
        _cleanup_close_ int fd = -EBADF;
        int r;

        *reterr_message = NULL;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        r = kdump_file_open_fd(fd, ret, reterr_message);
        if (r >= 0)
                (void) TAKE_FD(fd);
        return r;
}

const KdumpFileInfo *kdump_file_info(const KdumpFile *file)
{
        return &file->info;
}

const uint8_t *kdump_file_notes(const KdumpFile *file, size_t *ret_size)
{
        *ret_size = file->notes_size;
        return file->notes;
}

const char *kdump_file_vmcoreinfo_text(const KdumpFile *file, size_t *ret_size)
{
        *ret_size = file->vmcoreinfo_size;
        return file->vmcoreinfo;
}
