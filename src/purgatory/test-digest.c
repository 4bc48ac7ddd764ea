/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <openssl/sha.h>

#include "digest.h"
#include "test-bed.h"
#include "test.h"

static const struct {
        const char *text;
        unsigned repeats;
        const char *digest;
} vectors[] = {
        /* NIST, "SHA Test Vectors for Hashing Byte-Oriented Messages" and the examples of FIPS
         * 180-2, appendix B */
        { "", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "\xd3", 1, "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1" },
        { "abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
        { "a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
};

static void test_nist_vectors(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                size_t n = strlen(vectors[i].text), bytes = n * vectors[i].repeats;
                _cleanup_free_ uint8_t *message = malloc(bytes + 1);
                uint8_t digest[PURGATORY_DIGEST_BYTES];
                char hex[2 * sizeof(digest) + 1];

                assert_non_null(message);
                for (size_t at = 0; at < bytes; at += n)
                        memcpy(message + at, vectors[i].text, n);
                digest_sha256(message, bytes, digest);
                for (size_t j = 0; j < sizeof(digest); j++)
                        snprintf(hex + 2 * j, 3, "%02x", digest[j]);
                assert_string_equal(hex, vectors[i].digest);
        }
}

static void test_every_length_agrees_with_libcrypto(void **state)
{
        uint8_t data[1100], ours[PURGATORY_DIGEST_BYTES], theirs[PURGATORY_DIGEST_BYTES];
        uint64_t seed = 1;

        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (uint8_t) bed_random(&seed);
        for (size_t n = 0; n <= 1024; n++) {
                size_t at = bed_random(&seed) % 64;

                digest_sha256(data + at, n, ours);
                SHA256(data + at, n, theirs);
                assert_memory_equal(ours, theirs, sizeof(ours));
        }
}

static void test_random_lengths_agree_with_libcrypto(void **state)
{
        size_t size = (size_t) 2 << 20;
        _cleanup_free_ uint8_t *data = malloc(size);
        uint8_t ours[PURGATORY_DIGEST_BYTES], theirs[PURGATORY_DIGEST_BYTES];
        uint64_t seed = 2;

        assert_non_null(data);
        for (size_t i = 0; i < size; i++)
                data[i] = (uint8_t) bed_random(&seed);
        for (unsigned i = 0; i < 40; i++) {
                size_t n = bed_random(&seed) % (size >> i % 8);

                digest_sha256(data + size - n, n, ours);
                SHA256(data + size - n, n, theirs);
                assert_memory_equal(ours, theirs, sizeof(ours));
        }
}

static void test_each_flipped_bit_of_a_digest_is_noticed(void **state)
{
        static const uint8_t data[] = "some data";
        uint8_t right[PURGATORY_DIGEST_BYTES], wrong[PURGATORY_DIGEST_BYTES];

        digest_sha256(data, sizeof(data), right);
        memcpy(wrong, right, sizeof(wrong));
        assert_true(digest_equal(right, wrong));
        assert_true(digest_fits(data, sizeof(data), wrong));
        for (size_t i = 0; i < 8 * sizeof(wrong); i++) {
                wrong[i / 8] ^= (uint8_t) (1U << i % 8);
                assert_false(digest_equal(right, wrong));
                assert_false(digest_equal(wrong, right));
                assert_false(digest_fits(data, sizeof(data), wrong));
                wrong[i / 8] ^= (uint8_t) (1U << i % 8);
        }
}

static void test_each_flipped_bit_of_the_data_is_noticed(void **state)
{
        uint8_t data[150] = { 1, 2, 3 }, digest[PURGATORY_DIGEST_BYTES];

        digest_sha256(data, sizeof(data), digest);
        for (size_t i = 0; i < 8 * sizeof(data); i++) {
                data[i / 8] ^= (uint8_t) (1U << i % 8);
                assert_false(digest_fits(data, sizeof(data), digest));
                data[i / 8] ^= (uint8_t) (1U << i % 8);
        }
        assert_false(digest_fits(data, sizeof(data) - 1, digest));
        assert_true(digest_fits(data, sizeof(data), digest));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nist_vectors),
                cmocka_unit_test(test_every_length_agrees_with_libcrypto),
                cmocka_unit_test(test_random_lengths_agree_with_libcrypto),
                cmocka_unit_test(test_each_flipped_bit_of_a_digest_is_noticed),
                cmocka_unit_test(test_each_flipped_bit_of_the_data_is_noticed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
