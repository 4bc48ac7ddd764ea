/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of crash-area.c on a folder with a made-up /proc/kcore. */
#include "test-fixture.h"

#include <elf.h>
#include <endian.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "crash-area.h"
#include "io.h"

#define MIB (1024 * 1024)

/* Physical memory from RAM_PADDR on is at RAM_OFFSET in the file. */
#define RAM_PADDR 0x2e000000ULL
#define RAM_BYTES (64ULL * MIB)
#define RAM_OFFSET (RAM_PADDR + 0x10000)
#define AREA_PADDR 0x2f000000ULL
#define AREA_BYTES (32ULL * MIB)
#define AREA_OFFSET (RAM_OFFSET + AREA_PADDR - RAM_PADDR)

#define IOMEM                                                                                      \
        "00100000-7fffffff : System RAM\n"                                                         \
        "  2f000000-30ffffff : Crash kernel\n"

#define SEGMENTS_MAX 8

static const Range nowhere = { 0, 0 };

/* A file to be. Tests change it before it is written. */
typedef struct Kcore {
        Elf64_Ehdr header;
        Elf64_Phdr segments[SEGMENTS_MAX];
} Kcore;

enum { NOTE, VMALLOC, TEXT, LOW, RAM, HIGH, N_SEGMENTS };

static Elf64_Phdr segment_make(uint64_t paddr, uint64_t bytes, uint64_t offset)
{
        return (Elf64_Phdr){
                .p_type = PT_LOAD,
                .p_offset = offset,
                .p_vaddr = 0xffff888000000000ULL + paddr,
                .p_paddr = paddr,
                .p_filesz = bytes,
                .p_memsz = bytes,
        };
}

static Kcore kcore_make(void)
{
        return (Kcore){
                .header = {
                        .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
                                     __BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB,
                                     EV_CURRENT },
                        .e_type = ET_CORE,
                        .e_phoff = sizeof(Elf64_Ehdr),
                        .e_phentsize = sizeof(Elf64_Phdr),
                        .e_phnum = N_SEGMENTS,
                },
                .segments = {
                        [NOTE] = { .p_type = PT_NOTE },
                        [VMALLOC] = segment_make(UINT64_MAX, UINT64_MAX, 0x7fff00000000ULL),
                        [TEXT] = segment_make(0x1000000, 16 * MIB, 0x7fffff000000ULL),
                        [LOW] = segment_make(0x1000, 0x9e000, 0x1000),
                        [RAM] = segment_make(RAM_PADDR, RAM_BYTES, RAM_OFFSET),
                        [HIGH] = segment_make(0x100000000ULL, RAM_BYTES, 0x100000),
                },
        };
}

static void kcore_write(const Fixture *root, uint64_t offset, const void *data, size_t size)
{
        _cleanup_close_ int fd = openat(root->fd, "proc/kcore", O_WRONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(pwrite_full(fd, data, size, offset), 0);
}

/* Other content than before. */
static void kcore_fill(const Fixture *root, uint64_t offset, size_t size, uint8_t seed)
{
        _cleanup_free_ uint8_t *data = malloc(size);

        assert_non_null(data);
        for (size_t i = 0; i < size; i++)
                data[i] = (uint8_t) (i * 7 + seed);
        kcore_write(root, offset, data, size);
}

static void kcore_truncate(const Fixture *root, uint64_t size)
{
        _cleanup_close_ int fd = openat(root->fd, "proc/kcore", O_WRONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, (off_t) size), 0);
}

/* Memory is zeros, but for an image of 4 MiB at the end of the area. */
static void root_init(Fixture *root, const Kcore *kcore, const char *iomem)
{
        fixture_init(root);
        fixture_write(root, "/proc/iomem", iomem);
        fixture_write_bytes(root, "/proc/kcore", kcore, sizeof(*kcore));
        kcore_truncate(root, RAM_OFFSET + RAM_BYTES);
        kcore_fill(root, AREA_OFFSET + AREA_BYTES - 4 * MIB, 4 * MIB, 0);
}

/* Whether a change of @size bytes at @offset of the area is noticed; it may be negative. */
static bool is_noticed(int64_t offset, size_t size)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        char before[SHA256_HEX_SIZE], again[SHA256_HEX_SIZE], after[SHA256_HEX_SIZE];
        const Kcore kcore = kcore_make();

        root_init(&root, &kcore, IOMEM);
        assert_int_equal(crash_area_sample(root.fd, nowhere, before), 0);
        assert_int_equal(crash_area_sample(root.fd, nowhere, again), 0);
        assert_string_equal(before, again);
        kcore_fill(&root, AREA_OFFSET + (uint64_t) offset, size, 99);
        assert_int_equal(crash_area_sample(root.fd, nowhere, after), 0);
        return !streq(before, after);
}

static void test_what_the_kernel_rewrites_is_left_out(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        const uint64_t end = AREA_PADDR + AREA_BYTES;
        const Range live = { end - 8192, end - 4096 };
        char before[SHA256_HEX_SIZE], after[SHA256_HEX_SIZE];
        const Kcore kcore = kcore_make();

        root_init(&root, &kcore, IOMEM);
        assert_int_equal(crash_area_sample(root.fd, live, before), 0);
        kcore_fill(&root, AREA_OFFSET + AREA_BYTES - 8192, 4096, 99);
        assert_int_equal(crash_area_sample(root.fd, live, after), 0);
        assert_string_equal(before, after);
        kcore_fill(&root, AREA_OFFSET + AREA_BYTES - 8193, 1, 99);
        assert_int_equal(crash_area_sample(root.fd, live, after), 0);
        assert_string_not_equal(before, after);
}

static void test_another_image_is_noticed(void **state)
{
        /* The end, with the purgatory's hash, to the byte. */
        assert_true(is_noticed(AREA_BYTES - 1, 1));
        assert_true(is_noticed(AREA_BYTES - 128 * 1024, 1));
        /* An initrd of any place and a size worth a load. */
        assert_true(is_noticed(1 * MIB, MIB));
        assert_true(is_noticed(16 * MIB + 12345, MIB));
        assert_true(is_noticed(AREA_BYTES - 2 * MIB, MIB));
}

static void test_what_the_kernel_changes_itself_is_left_out(void **state)
{
        assert_false(is_noticed(0, 4096));
        assert_false(is_noticed(0, 917616));
        assert_false(is_noticed(-4096, 4096));
        assert_false(is_noticed(AREA_BYTES, 4096));
}

/* What a sample of @kcore and @iomem says, and, if it is not NULL, how it hashes. */
static int sample(const Kcore *kcore, const char *iomem, char *ret_hex)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        char hex[SHA256_HEX_SIZE] = "";
        int r;

        root_init(&root, kcore, iomem);
        r = crash_area_sample(root.fd, nowhere, hex);
        if (ret_hex)
                memcpy(ret_hex, hex, sizeof(hex));
        return r;
}

static void test_the_image_is_in_the_highest_area(void **state)
{
        const Kcore kcore = kcore_make();
        char one[SHA256_HEX_SIZE], two[SHA256_HEX_SIZE], shrunk[SHA256_HEX_SIZE];

        assert_int_equal(sample(&kcore, IOMEM, one), 0);
        assert_int_equal(sample(&kcore,
                                "00100000-7fffffff : System RAM\n"
                                "  2f000000-30ffffff : Crash kernel\n"
                                "  10000000-1fffffff : Crash kernel\n",
                                two),
                         0);
        assert_string_equal(one, two);
        assert_int_equal(sample(&kcore, "2e000000-30ffffff : Crash kernel\n", shrunk), 0);
        assert_string_not_equal(one, shrunk);
}

static void test_reservations_that_cannot_be_looked_at(void **state)
{
        static const struct {
                const char *iomem;
                int r;
        } table[] = {
                { "00100000-7fffffff : System RAM\n", -ENODATA },
                { "00000000-00000000 : Crash kernel\n", -EACCES },
                { "2f000000-30ffffff Crash kernel\n", -EBADMSG },
                { "2f000000-2f1fffff : Crash kernel\n", -EOPNOTSUPP }, /* no image is there */
                { "2f000000-2f1ffffe : Crash kernel\n", -EOPNOTSUPP },
                { "2d000000-30ffffff : Crash kernel\n", -EOPNOTSUPP },
                { "2f000000-3fffffff : Crash kernel\n", -EOPNOTSUPP },
                { "2fe00000-30ffffff : Crash kernel\n", 0 },
                { "30e00000-30ffffff : Crash kernel\n", 0 },
                { "30e00001-30ffffff : Crash kernel\n", -EOPNOTSUPP },
        };
        const Kcore kcore = kcore_make();

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                assert_int_equal(sample(&kcore, table[i].iomem, NULL), table[i].r);
}

static void test_files_that_are_no_kcore_are_refused(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        char hex[SHA256_HEX_SIZE];
        Kcore kcore;

#define CHECK(change)                                                                              \
        do {                                                                                       \
                kcore = kcore_make();                                                              \
                change;                                                                            \
                assert_int_equal(sample(&kcore, IOMEM, NULL), -EOPNOTSUPP);                        \
        } while (false)

        CHECK(kcore.header.e_ident[EI_MAG0] = 'x');
        CHECK(kcore.header.e_ident[EI_CLASS] = ELFCLASS32);
        CHECK(kcore.header.e_ident[EI_DATA] ^= ELFDATA2LSB ^ ELFDATA2MSB);
        CHECK(kcore.header.e_phentsize = 32);
        CHECK(kcore.header.e_phnum = 0);
        CHECK(kcore.header.e_phoff = UINT64_MAX);
        CHECK(kcore.header.e_phoff = UINT64_MAX - 2048; kcore.header.e_phnum = 65535);
        CHECK(kcore.header.e_phoff = RAM_OFFSET + RAM_BYTES - 100);
        CHECK(kcore.segments[RAM].p_type = PT_NOTE);
        CHECK(kcore.segments[RAM].p_filesz = UINT64_MAX);
        CHECK(kcore.segments[RAM].p_offset = UINT64_MAX - 4096);
        CHECK(kcore.segments[RAM].p_offset = INT64_MAX - 17 * MIB);
        CHECK(kcore.segments[RAM].p_offset = RAM_BYTES);
        CHECK(kcore.segments[RAM].p_paddr = UINT64_MAX);

        fixture_init(&root);
        fixture_write(&root, "/proc/iomem", IOMEM);
        assert_int_equal(crash_area_sample(root.fd, nowhere, hex), -EOPNOTSUPP);
        fixture_write(&root, "/proc/kcore", "\177ELF");
        assert_int_equal(crash_area_sample(root.fd, nowhere, hex), -EOPNOTSUPP);
}

/* Kernels before v4.11 have 0 in all segments; later ones only if there is memory at 0. */
static void test_address_zero_counts_if_others_are_told(void **state)
{
        char there[SHA256_HEX_SIZE], at_zero[SHA256_HEX_SIZE];
        Kcore kcore = kcore_make();

        assert_int_equal(sample(&kcore, IOMEM, there), 0);
        kcore.segments[RAM] = segment_make(0, 0x40000000, RAM_OFFSET - RAM_PADDR);
        assert_int_equal(sample(&kcore, IOMEM, at_zero), 0);
        assert_string_equal(there, at_zero);

        for (size_t i = 0; i < N_SEGMENTS; i++)
                kcore.segments[i].p_paddr = 0;
        assert_int_equal(sample(&kcore, IOMEM, NULL), -EOPNOTSUPP);
}

static void test_zeros_are_no_image(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        const Kcore kcore = kcore_make();
        char hex[SHA256_HEX_SIZE];

        root_init(&root, &kcore, IOMEM);
        kcore_truncate(&root, AREA_OFFSET);
        kcore_truncate(&root, AREA_OFFSET + AREA_BYTES);
        assert_int_equal(crash_area_sample(root.fd, nowhere, hex), -EOPNOTSUPP);
        kcore_write(&root, AREA_OFFSET + AREA_BYTES - 1, "x", 1);
        assert_int_equal(crash_area_sample(root.fd, nowhere, hex), 0);
}

static void test_as_many_segments_as_there_can_be(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        const size_t at = RAM_OFFSET + RAM_BYTES;
        char one[SHA256_HEX_SIZE], two[SHA256_HEX_SIZE];
        Kcore kcore = kcore_make();
        const Elf64_Phdr last = kcore.segments[RAM];

        assert_int_equal(sample(&kcore, IOMEM, one), 0);
        kcore.header.e_phoff = at;
        kcore.header.e_phnum = UINT16_MAX;
        root_init(&root, &kcore, IOMEM);
        kcore_write(&root, at + (UINT16_MAX - 1) * sizeof(last), &last, sizeof(last));
        assert_int_equal(crash_area_sample(root.fd, nowhere, two), 0);
        assert_string_equal(one, two);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_the_kernel_rewrites_is_left_out),
                cmocka_unit_test(test_another_image_is_noticed),
                cmocka_unit_test(test_what_the_kernel_changes_itself_is_left_out),
                cmocka_unit_test(test_the_image_is_in_the_highest_area),
                cmocka_unit_test(test_reservations_that_cannot_be_looked_at),
                cmocka_unit_test(test_files_that_are_no_kcore_are_refused),
                cmocka_unit_test(test_address_zero_counts_if_others_are_told),
                cmocka_unit_test(test_zeros_are_no_image),
                cmocka_unit_test(test_as_many_segments_as_there_can_be),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
