/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the bytes of cpio archives, both ways. */
#include "cpio.h"

#include <sys/stat.h>

#define MAGIC_SIZE 6
#define N_FIELDS 13
#define HEADER_SIZE (MAGIC_SIZE + N_FIELDS * 8)
#define TRAILER "TRAILER!!!"
#define ARCHIVE_ALIGN 512

/* The fields of a header, in order, each 8 hexadecimal digits. */
enum {
        FIELD_INO,
        FIELD_MODE,
        FIELD_UID,
        FIELD_GID,
        FIELD_NLINK,
        FIELD_MTIME,
        FIELD_FILESIZE,
        FIELD_DEV_MAJOR,
        FIELD_DEV_MINOR,
        FIELD_RDEV_MAJOR,
        FIELD_RDEV_MINOR,
        FIELD_NAMESIZE,
        FIELD_CHECK,
};

void cpio_writer_done(CpioWriter *writer)
{
        free(writer->data);
        *writer = (CpioWriter){ 0 };
}

/* Appends @size bytes, zeros if @data is NULL. */
static int writer_append(CpioWriter *writer, const void *data, size_t size)
{
        if (size == 0)
                return 0;
        if (size > writer->allocated - writer->size) {
                size_t wanted;
                uint8_t *bigger;

                if (__builtin_add_overflow(writer->size, size, &wanted) || wanted > SIZE_MAX / 2)
                        return -ENOMEM;
                wanted = MAX(wanted * 2, (size_t) 4096);
                bigger = realloc(writer->data, wanted);
                if (!bigger)
                        return -ENOMEM;
                writer->data = bigger;
                writer->allocated = wanted;
        }
        if (data)
                memcpy(writer->data + writer->size, data, size);
        else
                memset(writer->data + writer->size, 0, size);
        writer->size += size;
        return 0;
}

static int writer_pad(CpioWriter *writer, size_t align)
{
        return writer_append(writer, NULL, ALIGN_UP(writer->size, align) - writer->size);
}

static int writer_header(CpioWriter *writer, const char *name, uint32_t mode, size_t size)
{
        char header[HEADER_SIZE + 1];
        uint32_t fields[N_FIELDS] = {
                [FIELD_INO] = mode != 0 ? ++writer->last_ino : 0,
                [FIELD_MODE] = mode,
                [FIELD_NLINK] = S_ISDIR(mode) ? 2 : 1,
                [FIELD_FILESIZE] = (uint32_t) size,
                [FIELD_NAMESIZE] = (uint32_t) strlen(name) + 1,
        };
        int r;

        memcpy(header, "070701", MAGIC_SIZE);
        for (size_t i = 0; i < N_FIELDS; i++)
                (void) snprintf(header + MAGIC_SIZE + i * 8, 9, "%08X", fields[i]);
        r = writer_append(writer, header, HEADER_SIZE);
        if (r < 0)
                return r;
        r = writer_append(writer, name, strlen(name) + 1);
        if (r < 0)
                return r;
        return writer_pad(writer, 4);
}

int cpio_add(CpioWriter *writer, const char *path, uint32_t mode, const void *data, size_t size)
{
        int r;

        while (*path == '/')
                path++;
        if (strempty(path) || strlen(path) >= sizeof(((CpioEntry *) NULL)->name))
                return -EINVAL;
        if (size > UINT32_MAX)
                return -EFBIG;
        r = writer_header(writer, path, mode, size);
        if (r < 0)
                return r;
        r = writer_append(writer, data, size);
        if (r < 0)
                return r;
        return writer_pad(writer, 4);
}

int cpio_add_trailer(CpioWriter *writer)
{
        int r;

        r = writer_header(writer, TRAILER, 0, 0);
        if (r < 0)
                return r;
        return writer_pad(writer, ARCHIVE_ALIGN);
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -EBADMSG;
}

static int header_parse(const char *header, uint32_t *ret_fields)
{
        if (memcmp(header, "070701", MAGIC_SIZE) != 0 && memcmp(header, "070702", MAGIC_SIZE) != 0)
                return -EBADMSG;
        for (size_t i = 0; i < N_FIELDS; i++) {
                uint32_t value = 0;

                for (size_t j = 0; j < 8; j++) {
                        int digit = hex_digit(header[MAGIC_SIZE + i * 8 + j]);

                        if (digit < 0)
                                return digit;
                        value = value << 4 | (uint32_t) digit;
                }
                ret_fields[i] = value;
        }
        return 0;
}

static int skip_rest(CpioReader *reader)
{
        uint32_t n = reader->left_bytes;

        reader->left_bytes = reader->data_bytes = 0;
        return n > 0 ? reader->read(reader->userdata, NULL, n) : 0;
}

/* Reads the name, whose end is @padding bytes before the data. */
static int read_name(CpioReader *reader, uint32_t size, CpioEntry *ret)
{
        uint32_t padding = (uint32_t) ALIGN_UP(HEADER_SIZE + size, 4U) - HEADER_SIZE - size;
        char *name = ret->name;
        int r;

        r = reader->read(reader->userdata, name, size);
        if (r < 0)
                return r;
        if (name[size - 1] != '\0')
                return -EBADMSG;
        if (padding > 0) {
                r = reader->read(reader->userdata, NULL, padding);
                if (r < 0)
                        return r;
        }
        while (*name == '/' || (name[0] == '.' && name[1] == '/'))
                name++;
        memmove(ret->name, name, strlen(name) + 1);
        return 0;
}

int cpio_next(CpioReader *reader, CpioEntry *ret)
{
        char header[HEADER_SIZE];
        uint32_t fields[N_FIELDS], size;
        int r;

        r = skip_rest(reader);
        if (r < 0)
                return r;
        r = reader->read(reader->userdata, header, HEADER_SIZE);
        if (r < 0)
                return r;
        r = header_parse(header, fields);
        if (r < 0)
                return r;
        if (fields[FIELD_NAMESIZE] == 0 || fields[FIELD_NAMESIZE] > sizeof(ret->name))
                return -EBADMSG;
        r = read_name(reader, fields[FIELD_NAMESIZE], ret);
        if (r < 0)
                return r;
        if (streq(ret->name, TRAILER))
                return 0;

        size = fields[FIELD_FILESIZE];
        if (size > UINT32_MAX - 3)
                return -EBADMSG;
        ret->mode = fields[FIELD_MODE];
        ret->size_bytes = reader->data_bytes = size;
        reader->left_bytes = ALIGN_UP(size, 4U);
        return 1;
}

int cpio_read_some(CpioReader *reader, void *buf, size_t size)
{
        uint32_t n = MIN(reader->data_bytes, (uint32_t) INT32_MAX);
        int r;

        if (size < n)
                n = (uint32_t) size;
        if (n == 0)
                return 0;
        r = reader->read(reader->userdata, buf, n);
        if (r < 0)
                return r;
        reader->left_bytes -= n;
        reader->data_bytes -= n;
        return (int) n;
}

int cpio_read_data(CpioReader *reader, uint32_t max_bytes, char **ret_data, size_t *ret_size)
{
        _cleanup_free_ char *data = NULL;
        uint32_t size = reader->data_bytes;
        int r;

        if (size > max_bytes)
                return -EFBIG;
        data = malloc((size_t) size + 1);
        if (!data)
                return -ENOMEM;
        if (size > 0) {
                r = reader->read(reader->userdata, data, size);
                if (r < 0)
                        return r;
        }
        data[size] = '\0';
        reader->left_bytes -= size;
        reader->data_bytes = 0;
        *ret_data = TAKE_PTR(data);
        *ret_size = size;
        return 0;
}

int cpio_memory_read(void *userdata, void *buf, size_t size)
{
        CpioMemory *memory = userdata;

        if (size > memory->left_bytes)
                return -EBADMSG;
        if (buf)
                memcpy(buf, memory->data, size);
        memory->data += size;
        memory->left_bytes -= size;
        return 0;
}
