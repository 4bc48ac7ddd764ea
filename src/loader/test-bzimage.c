/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of BzImage: kernels that are made here, whole, cut and damaged. */
#include "bzimage.h"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "test.h"

#define KERNEL_START 0x400U   /* in the file: one sector of setup */
#define PAYLOAD_OFFSET 0x300U /* from there */
#define FILE_BYTES 32768U
#define UNPACKED_BYTES 200000U

typedef struct Image {
        uint8_t file[FILE_BYTES];
        size_t size;
        size_t payload_bytes;
} Image;

static void put(Image *image, size_t offset, uint64_t value, size_t n_bytes)
{
        for (size_t i = 0; i < n_bytes; i++)
                image->file[offset + i] = (uint8_t) (value >> 8 * i);
}

static void put_payload(Image *image, const void *payload, size_t bytes)
{
        assert_true(KERNEL_START + PAYLOAD_OFFSET + bytes < FILE_BYTES);
        memcpy(image->file + KERNEL_START + PAYLOAD_OFFSET, payload, bytes);
        image->payload_bytes = bytes;
        put(image, 0x24c, bytes, 4);
}

/* As v6.1 has it, but small. */
static Image image_make(void)
{
        Image image = { .size = FILE_BYTES };

        put(&image, 0x1f1, 1, 1);
        put(&image, 0x1f4, (FILE_BYTES - KERNEL_START) / 16, 4);
        put(&image, 0x1fe, 0xaa55, 2);
        put(&image, 0x200, 0x6aeb, 2); /* the header ends at 0x26c */
        put(&image, 0x202, 0x53726448, 4);
        put(&image, 0x206, 0x20f, 2);
        put(&image, 0x211, 1, 1);
        put(&image, 0x230, 0x200000, 4);
        put(&image, 0x234, 1, 1);
        put(&image, 0x236, 0x3f, 2);
        put(&image, 0x238, 2047, 4);
        put(&image, 0x248, PAYLOAD_OFFSET, 4);
        put(&image, 0x258, 0x1000000, 8);
        put(&image, 0x260, 0x100000, 4);
        return image;
}

static void test_a_kernel_is_read(void **state)
{
        _cleanup_free_ char *message = NULL;
        Image image = image_make();
        BzImage bz;

        put_payload(&image, "payload", 7);
        assert_int_equal(bzimage_parse(image.file, image.size, &bz, &message), 0);
        assert_ptr_equal(bz.file, image.file);
        assert_ptr_equal(bz.kernel, image.file + KERNEL_START);
        assert_int_equal(bz.kernel_bytes, FILE_BYTES - KERNEL_START);
        assert_int_equal(bz.header_bytes, 0x26c - 0x1f1);
        assert_int_equal(bz.init_size_bytes, 0x100000);
        assert_int_equal(bz.alignment, 0x200000);
        assert_int_equal(bz.pref_paddr, 0x1000000);
        assert_int_equal(bz.cmdline_max_bytes, 2047);
        assert_int_equal(bz.payload_offset, PAYLOAD_OFFSET);
        assert_int_equal(bz.payload_bytes, 7);
        assert_true(bz.efi_kexec && bz.five_level && bz.above_4g);

        put(&image, 0x236, 0x03, 2);
        assert_int_equal(bzimage_parse(image.file, image.size, &bz, &message), 0);
        assert_true(!bz.efi_kexec && !bz.five_level && bz.above_4g);
}

static void test_the_kernel_may_be_followed_or_a_little_cut(void **state)
{
        _cleanup_free_ char *message = NULL;
        Image image = image_make();
        BzImage bz;

        /* A signature behind it is not loaded. */
        put(&image, 0x1f4, 0x700, 4);
        assert_int_equal(bzimage_parse(image.file, image.size, &bz, &message), 0);
        assert_int_equal(bz.kernel_bytes, 0x7000);
        assert_int_equal(bzimage_parse(image.file, 0x7400 - 15, &bz, &message), 0);
        assert_int_equal(bz.kernel_bytes, 0x7000 - 15);
        assert_int_equal(bzimage_parse(image.file, 0x7400 - 16, &bz, &message), -EBADMSG);
        assert_string_equal(message, "it is cut short: it has 29680 bytes, and says it has 29696");

        /* 0 sectors of setup are 4. */
        put(&image, 0x1f1, 0, 1);
        put(&image, 0x1f4, 0x100, 4);
        put(&image, 0x24c, 0, 4);
        assert_int_equal(bzimage_parse(image.file, image.size, &bz, &message), 0);
        assert_ptr_equal(bz.kernel, image.file + 5 * 512);
}

static void test_what_cannot_be_loaded_is_named(void **state)
{
        static const struct {
                size_t offset;
                uint64_t value;
                size_t n_bytes;
                const char *words;
        } rows[] = {
                { 0x1fe, 0xaa54, 2, "not a bzImage" },
                { 0x202, 0x53726449, 4, "not a bzImage" },
                { 0x206, 0x20b, 2, "boot protocol 2.11 is too old" },
                { 0x201, 0x61, 1, "header ends at 0x263" },
                { 0x201, 0x8f, 1, "header ends at 0x291" },
                { 0x211, 0, 1, "zImage" },
                { 0x234, 0, 1, "CONFIG_RELOCATABLE" },
                { 0x236, 0x3e, 2, "64 bits" },
                { 0x236, 0x3d, 2, "above 4 GiB" },
                { 0x1f4, 0, 4, "has no entry" },
                { 0x1f4, 0x20, 4, "has no entry" },
                { 0x1f4, 0x10000, 4, "cut short" },
                { 0x1f4, 0xffffffff, 4, "cut short" },
                { 0x230, 0, 4, "aligned to 0" },
                { 0x230, 2048, 4, "aligned to 0x800" },
                { 0x230, 0x300000, 4, "aligned to 0x300000" },
                { 0x260, FILE_BYTES - KERNEL_START - 1, 4, "cannot run in 31743 bytes" },
                { 0x258, UINT64_MAX - 0x2fffff + 1, 8, "cannot run in" },
                { 0x248, FILE_BYTES - KERNEL_START + 1, 4, "payload" },
                { 0x24c, FILE_BYTES - KERNEL_START - PAYLOAD_OFFSET + 1, 4, "payload" },
                { 0x24c, 0xffffffff, 4, "payload" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *message = NULL;
                Image image = image_make();
                BzImage bz;

                put(&image, rows[i].offset, rows[i].value, rows[i].n_bytes);
                assert_int_equal(bzimage_parse(image.file, image.size, &bz, &message), -EBADMSG);
                assert_non_null(message);
                if (!strstr(message, rows[i].words))
                        fail_msg("'%s' is not in '%s'", rows[i].words, message);
        }
}

/* In a buffer that ends with the file, for ASan to watch. */
static void test_a_file_of_any_length_is_read_no_further(void **state)
{
        Image image = image_make();

        for (size_t size = 0; size < 0x800; size++) {
                _cleanup_free_ char *message = NULL;
                _cleanup_free_ uint8_t *file = malloc(size);
                BzImage bz;

                if (size > 0)
                        memcpy(file, image.file, size);
                assert_int_equal(bzimage_parse(file, size, &bz, &message), -EBADMSG);
                assert_non_null(message);
        }
}

/* Something that is not too easy to compress, behind the magic. */
static uint8_t *unpacked_new(void)
{
        uint8_t *data = malloc(UNPACKED_BYTES);
        uint32_t word = 1;

        assert_non_null(data);
        for (size_t i = 0; i < UNPACKED_BYTES; i++) {
                if (i % 16 == 0)
                        word = word * 1664525 + 1013904223;
                data[i] = (uint8_t) (word >> 24);
        }
        memcpy(data, "\177ELF", 4);
        return data;
}

typedef size_t (*Packer)(const uint8_t *data, uint8_t *out, size_t room);

static size_t pack_gzip(const uint8_t *data, uint8_t *out, size_t room)
{
        z_stream stream = {
                .next_in = (uint8_t *) data,
                .avail_in = UNPACKED_BYTES,
                .next_out = out,
                .avail_out = (uInt) room,
        };

        assert_int_equal(
                deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
        assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
        room = stream.total_out;
        assert_int_equal(deflateEnd(&stream), Z_OK);
        return room;
}

static size_t append_size(uint8_t *out, size_t bytes)
{
        for (size_t i = 0; i < 4; i++)
                out[bytes + i] = (uint8_t) (UNPACKED_BYTES >> 8 * i);
        return bytes + 4;
}

static size_t pack_xz(const uint8_t *data, uint8_t *out, size_t room)
{
        size_t bytes = 0;

        assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, data, UNPACKED_BYTES,
                                                 out, &bytes, room - 4),
                         LZMA_OK);
        return append_size(out, bytes);
}

/* With a checksum, as the program does it. */
static size_t pack_zstd(const uint8_t *data, uint8_t *out, size_t room)
{
        ZSTD_CCtx *context = ZSTD_createCCtx();
        size_t bytes;

        assert_non_null(context);
        assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)));
        bytes = ZSTD_compress2(context, out, room - 4, data, UNPACKED_BYTES);
        assert_false(ZSTD_isError(bytes));
        (void) ZSTD_freeCCtx(context);
        return append_size(out, bytes);
}

static const struct {
        const char *name;
        Packer pack;
} packers[] = { { "gzip", pack_gzip }, { "xz", pack_xz }, { "zstd", pack_zstd } };

/* A kernel with what @data is packed to. */
static Image image_pack(Packer pack, const uint8_t *data)
{
        Image image = image_make();
        uint8_t payload[FILE_BYTES - KERNEL_START - PAYLOAD_OFFSET - 64];

        put_payload(&image, payload, pack(data, payload, sizeof(payload)));
        return image;
}

static void assert_payload(const Image *image, int expected, const char *name, const char *words)
{
        _cleanup_free_ char *message = NULL;
        BzImage bz;

        if (bzimage_parse(image->file, image->size, &bz, &message) < 0)
                fail_msg("%s", message);
        assert_int_equal(bzimage_check_payload(&bz, &message), expected);
        if (expected == 0) {
                assert_null(message);
                return;
        }
        assert_non_null(message);
        if (!strstr(message, name) || !strstr(message, words))
                fail_msg("'%s' (%s) is not in '%s'", words, name, message);
}

static void test_a_whole_payload_is_good(void **state)
{
        _cleanup_free_ uint8_t *data = unpacked_new();

        for (size_t i = 0; i < ELEMENTSOF(packers); i++) {
                Image image = image_pack(packers[i].pack, data);

                assert_payload(&image, 0, packers[i].name, "");
        }
}

/* Each bit of some bytes, all over the payload. All have a checksum of what is unpacked. */
static void test_each_damaged_bit_is_seen(void **state)
{
        _cleanup_free_ uint8_t *data = unpacked_new();

        for (size_t i = 0; i < ELEMENTSOF(packers); i++) {
                Image image = image_pack(packers[i].pack, data);
                size_t step = image.payload_bytes / 40;

                /* gzip's header has a time and a kind of system, which nothing depends on. */
                for (size_t at = 10; at < image.payload_bytes; at += step) {
                        uint8_t *byte = &image.file[KERNEL_START + PAYLOAD_OFFSET + at];
                        uint8_t bit = (uint8_t) (1U << at % 8);

                        *byte ^= bit;
                        assert_payload(&image, -EBADMSG, packers[i].name, "payload");
                        *byte ^= bit;
                }
                assert_payload(&image, 0, packers[i].name, "");
        }
}

static void test_a_cut_payload_is_seen(void **state)
{
        _cleanup_free_ uint8_t *data = unpacked_new();

        for (size_t i = 0; i < ELEMENTSOF(packers); i++) {
                Image image = image_pack(packers[i].pack, data);
                size_t end = KERNEL_START + PAYLOAD_OFFSET + image.payload_bytes;

                /* The size is still there, at its new end. */
                for (size_t cut = 1; cut < image.payload_bytes - 16;
                     cut += image.payload_bytes / 16) {
                        Image less = image;

                        memmove(less.file + end - 4 - cut, image.file + end - 4, 4);
                        put(&less, 0x24c, image.payload_bytes - cut, 4);
                        assert_payload(&less, -EBADMSG, packers[i].name, "payload");
                }
                put(&image, 0x24c, image.payload_bytes + 4, 4);
                memcpy(image.file + end, image.file + end - 4, 4);
                assert_payload(&image, -EBADMSG, packers[i].name, "something is behind it");
        }
}

static void test_the_size_has_to_be_right(void **state)
{
        _cleanup_free_ uint8_t *data = unpacked_new();
        static const struct {
                uint32_t size;
                const char *words[3];
        } rows[] = {
                { UNPACKED_BYTES - 1, { "damaged", "longer", "longer" } },
                { UNPACKED_BYTES + 1, { "damaged", "says it has 200001", "says it has 200001" } },
                { 0, { "cannot become 0", "cannot become 0", "cannot become 0" } },
                { 0x100001, { "in 1048576", "in 1048576", "in 1048576" } },
        };

        for (size_t i = 0; i < ELEMENTSOF(packers); i++) {
                Image image = image_pack(packers[i].pack, data);
                size_t end = KERNEL_START + PAYLOAD_OFFSET + image.payload_bytes;

                for (size_t j = 0; j < ELEMENTSOF(rows); j++) {
                        put(&image, end - 4, rows[j].size, 4);
                        assert_payload(&image, -EBADMSG, packers[i].name, rows[j].words[i]);
                }
        }
}

static void test_what_is_unpacked_has_to_be_a_kernel(void **state)
{
        _cleanup_free_ uint8_t *data = unpacked_new();

        data[0] = 'M';
        for (size_t i = 0; i < ELEMENTSOF(packers); i++) {
                Image image = image_pack(packers[i].pack, data);

                assert_payload(&image, -EBADMSG, packers[i].name, "not an ELF file");
        }
}

static void test_other_formats_are_known_by_their_magic(void **state)
{
        static const char *const payloads[] = {
                "BZh9..............\0\1\0\0",
                "\x5d\0\0\x80\0...........\0\1\0\0",
                "\x89\x4c\x5a\x4f\0\r\n........\0\1\0\0",
                "\x02\x21\x4c\x18...............\0\1\0\0",
        };
        Image image = image_make();

        put_payload(&image, payloads[0], 22);
        assert_payload(&image, 0, "", "");
        put_payload(&image, payloads[1], 20);
        assert_payload(&image, 0, "", "");
        put_payload(&image, payloads[2], 19);
        assert_payload(&image, 0, "", "");
        put_payload(&image, payloads[3], 23);
        assert_payload(&image, 0, "", "");

        put_payload(&image, "\x02\x21\x4c\x18\0\1\0\0", 7);
        assert_payload(&image, -EBADMSG, "empty", "of 7 bytes");
        put_payload(&image, "\177ELF............\0\1\0\0", 20);
        assert_payload(&image, -EOPNOTSUPP, "no known format", "of 20 bytes");
        put_payload(&image, "\0\0\0\0\0\0\0\0........\0\1\0\0", 20);
        assert_payload(&image, -EBADMSG, "empty", "of 20 bytes");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_kernel_is_read),
                cmocka_unit_test(test_the_kernel_may_be_followed_or_a_little_cut),
                cmocka_unit_test(test_what_cannot_be_loaded_is_named),
                cmocka_unit_test(test_a_file_of_any_length_is_read_no_further),
                cmocka_unit_test(test_a_whole_payload_is_good),
                cmocka_unit_test(test_each_damaged_bit_is_seen),
                cmocka_unit_test(test_a_cut_payload_is_seen),
                cmocka_unit_test(test_the_size_has_to_be_right),
                cmocka_unit_test(test_what_is_unpacked_has_to_be_a_kernel),
                cmocka_unit_test(test_other_formats_are_known_by_their_magic),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
