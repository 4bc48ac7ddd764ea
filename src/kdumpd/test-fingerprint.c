/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of fingerprint.c and sha256.c. */
#include "fingerprint.h"

#include "test-fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "io.h"

#define SHA256_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SHA256_ABD "a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9"
#define LATER_NSEC (clock_nsec(CLOCK_REALTIME) + 60 * NSEC_PER_SEC)

typedef struct Bed {
        Fixture root;
        FingerprintCache *cache;
        uint64_t now_nsec;
} Bed;

static void bed_init(Bed *bed)
{
        *bed = (Bed){ .cache = fingerprint_cache_new(), .now_nsec = LATER_NSEC };
        assert_non_null(bed->cache);
        fixture_init(&bed->root);
        fixture_write(&bed->root, "/x", "abc");
}

static void bed_done(Bed *bed)
{
        fingerprint_cache_free(bed->cache);
        fixture_done(&bed->root);
}

/* @reads: how many files were read since the bed was made. */
static void expect(const Bed *bed, const char *path, const char *hex, uint64_t reads)
{
        char seen[SHA256_HEX_SIZE];

        assert_int_equal(fingerprint_file_at(bed->cache, bed->root.fd, path, bed->now_nsec, seen),
                         0);
        assert_string_equal(seen, hex);
        assert_int_equal(fingerprint_cache_reads(bed->cache), reads);
}

static void set_mtime(const Bed *bed, const char *name, int64_t sec)
{
        const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = sec } };

        assert_int_equal(utimensat(bed->root.fd, name, times, 0), 0);
}

static void test_is_read_once(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        expect(&bed, "/x", SHA256_ABC, 1);
        expect(&bed, "/x", SHA256_ABC, 1);
        /* Another name of the same file. */
        fixture_link(&bed.root, "/link", "x");
        expect(&bed, "/link", SHA256_ABC, 1);
        /* Before 1970 is long ago. */
        set_mtime(&bed, "x", -5);
        expect(&bed, "/x", SHA256_ABC, 2);
        expect(&bed, "/x", SHA256_ABC, 2);
}

static void test_every_change_is_seen(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        expect(&bed, "/x", SHA256_ABC, 1);
        /* Another size; another time; another inode. */
        fixture_write(&bed.root, "/x", "");
        expect(&bed, "/x", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 2);
        fixture_write(&bed.root, "/x", "abd");
        expect(&bed, "/x", SHA256_ABD, 3);
        set_mtime(&bed, "x", 1000000000);
        expect(&bed, "/x", SHA256_ABD, 4);
        fixture_write(&bed.root, "/y", "abc");
        set_mtime(&bed, "y", 1000000000);
        assert_int_equal(renameat(bed.root.fd, "y", bed.root.fd, "x"), 0);
        expect(&bed, "/x", SHA256_ABC, 5);
        expect(&bed, "/x", SHA256_ABC, 5);
}

/* The change time tells, though size and modification time are as they were. */
static void test_a_time_set_back_hides_nothing(void **state)
{
        _cleanup_(bed_done) Bed bed;

        bed_init(&bed);
        set_mtime(&bed, "x", 1000000000);
        expect(&bed, "/x", SHA256_ABC, 1);
        fixture_write(&bed.root, "/x", "abd");
        set_mtime(&bed, "x", 1000000000);
        expect(&bed, "/x", SHA256_ABD, 2);
}

static void test_what_was_just_written_is_read_again(void **state)
{
        static const struct {
                int64_t after_change_nsec;
                bool remembered;
        } cases[] = {
                { INT64_C(-3600000000000), false }, /* the file is of the future */
                { 0, false },
                { INT64_C(3000000000), false },
                { INT64_C(3000000001), true },
        };
        struct stat st;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(bed_done) Bed bed;

                bed_init(&bed);
                set_mtime(&bed, "x", 1000000000);
                assert_int_equal(fstatat(bed.root.fd, "x", &st, 0), 0);
                bed.now_nsec = (uint64_t) ((int64_t) st.st_ctim.tv_sec * (int64_t) NSEC_PER_SEC +
                                           st.st_ctim.tv_nsec + cases[i].after_change_nsec);
                expect(&bed, "/x", SHA256_ABC, 1);
                expect(&bed, "/x", SHA256_ABC, cases[i].remembered ? 1 : 2);
        }
}

/* Also if only one of both times is not over yet. */
static void test_a_file_from_the_future_is_read_again(void **state)
{
        static const int64_t times[] = { INT64_C(4000000000), INT64_MAX / 4 };

        for (size_t i = 0; i < ELEMENTSOF(times); i++) {
                _cleanup_(bed_done) Bed bed;

                bed_init(&bed);
                set_mtime(&bed, "x", times[i]);
                expect(&bed, "/x", SHA256_ABC, 1);
                expect(&bed, "/x", SHA256_ABC, 2);
        }
}

static void test_without_a_memory_it_is_always_read(void **state)
{
        _cleanup_(bed_done) Bed bed;
        char hex[SHA256_HEX_SIZE];

        bed_init(&bed);
        assert_int_equal(fingerprint_file(NULL, bed.root.fd, "/x", hex), 0);
        assert_string_equal(hex, SHA256_ABC);
        assert_int_equal(fingerprint_file(bed.cache, bed.root.fd, "/x", hex), 0);
        assert_string_equal(hex, SHA256_ABC);
        assert_null(fingerprint_cache_free(NULL));
}

/* They would block, or have no end. */
static void test_only_files_are_read(void **state)
{
        _cleanup_(bed_done) Bed bed;
        static const struct {
                const char *path;
                int error;
        } cases[] = {
                { "/none", -ENOENT }, { "/x/y", -ENOTDIR }, { "/", -EISDIR },
                { "/fifo", -EINVAL }, { "/loop", -ELOOP },
        };
        char hex[SHA256_HEX_SIZE];

        bed_init(&bed);
        assert_int_equal(mkfifoat(bed.root.fd, "fifo", 0600), 0);
        fixture_link(&bed.root, "/loop", "loop");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(fingerprint_file(bed.cache, bed.root.fd, cases[i].path, hex),
                                 cases[i].error);
}

static void test_many_files_stay_apart(void **state)
{
        _cleanup_(bed_done) Bed bed;
        char name[32], text[32], first[SHA256_HEX_SIZE], again[SHA256_HEX_SIZE];

        bed_init(&bed);
        for (unsigned i = 0; i < 600; i++) {
                (void) snprintf(name, sizeof(name), "/f%u", i * 7919 % 600);
                (void) snprintf(text, sizeof(text), "%u", i);
                fixture_write(&bed.root, name, text);
        }
        for (unsigned round = 0; round < 2; round++)
                for (unsigned i = 0; i < 600; i++) {
                        (void) snprintf(name, sizeof(name), "/f%u", i);
                        assert_int_equal(fingerprint_file_at(bed.cache, bed.root.fd, name,
                                                             bed.now_nsec, first),
                                         0);
                        assert_int_equal(sha256_file(bed.root.fd, name, again), 0);
                        assert_string_equal(first, again);
                }
        assert_int_equal(fingerprint_cache_reads(bed.cache), 600);
}

static void test_sha256_of_pieces(void **state)
{
        _cleanup_(sha256_freep) Sha256 *sha256 = NULL;
        char hex[SHA256_HEX_SIZE];

        assert_int_equal(sha256_new(&sha256), 0);
        assert_int_equal(sha256_update(sha256, "a", 1), 0);
        assert_int_equal(sha256_update(sha256, "bc", 2), 0);
        assert_int_equal(sha256_final(sha256, hex), 0);
        assert_string_equal(hex, SHA256_ABC);
        assert_int_equal(sha256_update(sha256, "abd", 3), 0);
        assert_int_equal(sha256_final(sha256, hex), 0);
        assert_string_equal(hex, SHA256_ABD);
        assert_null(sha256_free(NULL));
}

static void test_what_was_read_is_known_to_the_next_process(void **unused)
{
        Bed bed;

        bed_init(&bed);
        expect(&bed, "/x", SHA256_ABC, 1);
        assert_int_equal(mkdir_parents(bed.root.fd, "var", 0755), 0);
        assert_int_equal(fingerprint_cache_save(bed.cache, bed.root.fd, "/var/list"), 0);
        fingerprint_cache_free(bed.cache);
        bed.cache = fingerprint_cache_new();
        fingerprint_cache_load(bed.cache, bed.root.fd, "/var/list");
        expect(&bed, "/x", SHA256_ABC, 0);
        /* There is nothing new to write. */
        assert_int_equal(unlinkat(bed.root.fd, "var/list", 0), 0);
        assert_int_equal(fingerprint_cache_save(bed.cache, bed.root.fd, "/var/list"), 0);
        assert_int_equal(faccessat(bed.root.fd, "var/list", F_OK, 0), -1);
        /* What has changed since is read. */
        fixture_write(&bed.root, "/x", "abd");
        expect(&bed, "/x", SHA256_ABD, 1);
        bed_done(&bed);
}

static void test_lists_that_are_not_ours_are_not_believed(void **unused)
{
        static const char *const texts[] = {
                "",
                "\n",
                "kdumpd fingerprints 2\n",
                "kdumpd fingerprints 1\n1 2 3\n",
                "kdumpd fingerprints 1\n1 2 3 4.5 6.7 abc\n",
                "kdumpd fingerprints 1\nx 2 3 4.5 6.7 " SHA256_ABC "\n",
                "kdumpd fingerprints 1\n1 2 3 4.5 6.7 " SHA256_ABC "0\n",
                "kdumpd fingerprints 1\n1 2 3 4.5 6.7 " SHA256_ABC " \n",
        };
        Bed bed;

        bed_init(&bed);
        fingerprint_cache_load(bed.cache, bed.root.fd, "/missing");
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                fixture_write(&bed.root, "/list", texts[i]);
                fingerprint_cache_load(bed.cache, bed.root.fd, "/list");
        }
        expect(&bed, "/x", SHA256_ABC, 1);
        bed_done(&bed);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_was_read_is_known_to_the_next_process),
                cmocka_unit_test(test_lists_that_are_not_ours_are_not_believed),
                cmocka_unit_test(test_is_read_once),
                cmocka_unit_test(test_every_change_is_seen),
                cmocka_unit_test(test_a_time_set_back_hides_nothing),
                cmocka_unit_test(test_what_was_just_written_is_read_again),
                cmocka_unit_test(test_a_file_from_the_future_is_read_again),
                cmocka_unit_test(test_without_a_memory_it_is_always_read),
                cmocka_unit_test(test_only_files_are_read),
                cmocka_unit_test(test_many_files_stay_apart),
                cmocka_unit_test(test_sha256_of_pieces),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
