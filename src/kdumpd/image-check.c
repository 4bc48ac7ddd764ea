/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the reading of an initramfs as the kernel would read it. */
#include "image-check.h"

#include <sys/stat.h>
#include <zlib.h>

#include "cpio.h"
#include "io.h"
#include "json-fields.h"
#include "paths.h"
#include "plan.h"
#include "rootdir.h"
#include "sha256.h"

/* What no initramfs that fits into a reservation has. */
#define FILES_MAX 65536

#define BUFFER_BYTES 65536
#define BASE_INFO_MAX_BYTES (256U * 1024)
#define LINK_MAX_BYTES 4096U

/* The kernel keeps files in whole pages (ramfs); 4 KiB is the smallest there is. */
#define PAGE_BYTES UINT64_C(4096)

/* The file, and the archive in it that is being read. */
typedef struct ImageStream {
        int fd;
        uint8_t in[BUFFER_BYTES];
        size_t pos, len; /* of what is in `in` */
        bool compressed, z_ended;
        z_stream z;
} ImageStream;

/* What was found so far. */
typedef struct ImageFinds {
        bool capture, base_info;
        ImageContents *contents; /* NULL: not asked for */
        Sha256 *sha256;
} ImageFinds;

static void image_file_done(ImageFile *file)
{
        free(file->path);
        free(file->sha256);
        free(file->target);
        *file = (ImageFile){ 0 };
}

void image_contents_done(ImageContents *contents)
{
        for (size_t i = 0; i < contents->n_items; i++)
                image_file_done(contents->items + i);
        free(contents->items);
        *contents = (ImageContents){ 0 };
}

/* Returns 1 if there is at least one more byte in `in`, 0 at the end of the file. */
static int stream_fill(ImageStream *stream)
{
        if (stream->pos < stream->len)
                return 1;
        for (;;) {
                ssize_t n = read(stream->fd, stream->in, sizeof(stream->in));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                stream->pos = 0;
                stream->len = (size_t) n;
                return n > 0;
        }
}

static int plain_read(ImageStream *stream, uint8_t *buf, size_t size)
{
        while (size > 0) {
                size_t n;
                int r;

                r = stream_fill(stream);
                if (r <= 0)
                        return r < 0 ? r : -EBADMSG;
                n = MIN(size, stream->len - stream->pos);
                if (buf) {
                        memcpy(buf, stream->in + stream->pos, n);
                        buf += n;
                }
                stream->pos += n;
                size -= n;
        }
        return 0;
}

/* Decompresses up to @size bytes to @buf. Returns how many; 0 at the end of the compressed data. */
static int inflate_some(ImageStream *stream, uint8_t *buf, size_t size)
{
        stream->z.next_out = buf;
        stream->z.avail_out = (uInt) size;
        while (!stream->z_ended && stream->z.avail_out == size) {
                int r;

                r = stream_fill(stream);
                if (r <= 0)
                        return r < 0 ? r : -EBADMSG;
                stream->z.next_in = stream->in + stream->pos;
                stream->z.avail_in = (uInt) (stream->len - stream->pos);
                r = inflate(&stream->z, Z_NO_FLUSH);
                stream->pos = stream->len - stream->z.avail_in;
                if (r == Z_STREAM_END)
                        stream->z_ended = true;
                else if (r == Z_MEM_ERROR)
                        return -ENOMEM;
                else if (r != Z_OK)
                        return -EBADMSG;
        }
        return (int) (size - stream->z.avail_out);
}

static int compressed_read(ImageStream *stream, uint8_t *buf, size_t size)
{
        uint8_t scratch[4096];

        while (size > 0) {
                int n = buf ? inflate_some(stream, buf, MIN(size, (size_t) INT32_MAX))
                            : inflate_some(stream, scratch, MIN(size, sizeof(scratch)));

                if (n <= 0)
                        return n < 0 ? n : -EBADMSG;
                if (buf)
                        buf += n;
                size -= (size_t) n;
        }
        return 0;
}

static int stream_read(void *userdata, void *buf, size_t size)
{
        ImageStream *stream = userdata;

        return stream->compressed ? compressed_read(stream, buf, size)
                                  : plain_read(stream, buf, size);
}

static int check_base_info(const char *json, size_t size)
{
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_free_ char *message = NULL;
        struct json_object *version;
        int r;

        r = json_object_parse(json, size, &object, &message);
        if (r < 0)
                return r;
        version = json_member(object, "plan_version");
        return json_object_is_type(version, json_type_int) &&
                               json_object_get_int64(version) == PLAN_VERSION
                       ? 0
                       : -EBADMSG;
}

/* Takes what is in @file. */
static int take_file(ImageContents *contents, ImageFile *file)
{
        ImageFile *bigger;

        if (contents->n_items == FILES_MAX)
                return -EBADMSG;
        bigger = reallocarray(contents->items, contents->n_items + 1, sizeof(*bigger));
        if (!bigger)
                return -ENOMEM;
        contents->items = bigger;
        contents->items[contents->n_items++] = *file;
        *file = (ImageFile){ 0 };
        return 0;
}

static int hash_file(ImageFinds *finds, CpioReader *reader, char hex[static SHA256_HEX_SIZE])
{
        uint8_t buf[16384];
        int n, r;

        while ((n = cpio_read_some(reader, buf, sizeof(buf))) > 0) {
                r = sha256_update(finds->sha256, buf, (size_t) n);
                if (r < 0)
                        return r;
        }
        return n < 0 ? n : sha256_final(finds->sha256, hex);
}

static int add_file(ImageFinds *finds, CpioReader *reader, const CpioEntry *entry)
{
        _cleanup_(image_file_done) ImageFile file = { 0 };
        char hex[SHA256_HEX_SIZE];
        size_t size;
        int r;

        r = strprintf(&file.path, "/%s", entry->name);
        if (r < 0)
                return r;
        if (S_ISLNK(entry->mode)) {
                r = cpio_read_data(reader, LINK_MAX_BYTES, &file.target, &size);
                return r < 0 ? r : take_file(finds->contents, &file);
        }
        finds->contents->unpacked_bytes += ALIGN_UP((uint64_t) entry->size_bytes, PAGE_BYTES);
        r = hash_file(finds, reader, hex);
        if (r < 0)
                return r;
        file.sha256 = strdup(hex);
        if (!file.sha256)
                return -ENOMEM;
        return take_file(finds->contents, &file);
}

static int walk_entry(ImageFinds *finds, CpioReader *reader, const CpioEntry *entry)
{
        _cleanup_free_ char *json = NULL;
        size_t size;
        int r;

        if (entry->size_bytes == 0 || (!S_ISREG(entry->mode) && !S_ISLNK(entry->mode)))
                return 0;
        if (S_ISREG(entry->mode) && streq(entry->name, root_relative(PATH_BASE_INFO))) {
                r = cpio_read_data(reader, BASE_INFO_MAX_BYTES, &json, &size);
                if (r >= 0)
                        r = check_base_info(json, size);
                if (r < 0)
                        return r;
                finds->base_info = true;
                return 0;
        }
        if (S_ISREG(entry->mode) &&
            streq(entry->name, root_relative(PATH_HELPER_DIR "/kdump-capture")))
                finds->capture = true;
        return finds->contents ? add_file(finds, reader, entry) : 0;
}

static int walk_archive(ImageStream *stream, ImageFinds *finds)
{
        CpioReader reader = { .read = stream_read, .userdata = stream };
        CpioEntry entry;
        int r;

        while ((r = cpio_next(&reader, &entry)) > 0) {
                r = walk_entry(finds, &reader, &entry);
                if (r < 0)
                        return r;
        }
        return r;
}

/* The checksum is behind the last byte: all must be read, though the archive has ended before. */
static int read_to_checksum(ImageStream *stream)
{
        uint8_t scratch[4096];
        int n;

        while ((n = inflate_some(stream, scratch, sizeof(scratch))) > 0)
                ;
        return n;
}

static int walk_compressed(ImageStream *stream, ImageFinds *finds)
{
        int r;

        stream->z = (z_stream){ 0 };
        stream->z_ended = false;
        /* 16: a gzip header and trailer. */
        if (inflateInit2(&stream->z, 16 + MAX_WBITS) != Z_OK)
                return -ENOMEM;
        stream->compressed = true;
        r = walk_archive(stream, finds);
        if (r >= 0)
                r = read_to_checksum(stream);
        stream->compressed = false;
        (void) inflateEnd(&stream->z);
        return r;
}

/* Zeros between archives are skipped, as unpack_to_rootfs() of the kernel's init/initramfs.c does.
 */
static int walk_image(ImageStream *stream, ImageFinds *finds)
{
        for (;;) {
                int r;

                r = stream_fill(stream);
                if (r <= 0)
                        return r;
                switch (stream->in[stream->pos]) {
                case '\0':
                        stream->pos++;
                        break;
                case '0':
                        r = walk_archive(stream, finds);
                        if (r < 0)
                                return r;
                        break;
                case 0x1f:
                        r = walk_compressed(stream, finds);
                        if (r < 0)
                                return r;
                        break;
                default:
                        return -EOPNOTSUPP;
                }
        }
}

static int walk(int fd, ImageFinds *finds, char **reterr_message)
{
        _cleanup_free_ ImageStream *stream = calloc(1, sizeof(*stream));
        const char *what = NULL;
        int r;

        if (!stream)
                return -ENOMEM;
        stream->fd = fd;
        r = walk_image(stream, finds);
        if (r == -EOPNOTSUPP)
                what = "it is not compressed with gzip";
        else if (r == -EBADMSG)
                what = "it is damaged, or of another Plan version";
        else if (r < 0)
                what = strerror(-r);
        else if (!finds->capture)
                what = "'" PATH_HELPER_DIR "/kdump-capture' is not in it";
        else if (!finds->base_info)
                what = "'" PATH_BASE_INFO "' is not in it";
        if (!what)
                return 0;
        (void) strprintf(reterr_message, "%s", what);
        return r < 0 ? r : -EBADMSG;
}

int image_check(int fd, char **reterr_message)
{
        ImageFinds finds = { 0 };

        return walk(fd, &finds, reterr_message);
}

int image_read(int fd, ImageContents *ret, char **reterr_message)
{
        _cleanup_(image_contents_done) ImageContents contents = { 0 };
        _cleanup_(sha256_freep) Sha256 *sha256 = NULL;
        ImageFinds finds = { .contents = &contents };
        int r;

        r = sha256_new(&sha256);
        if (r < 0)
                return r;
        finds.sha256 = sha256;
        r = walk(fd, &finds, reterr_message);
        if (r < 0)
                return r;
        *ret = contents;
        contents = (ImageContents){ 0 };
        return 0;
}
