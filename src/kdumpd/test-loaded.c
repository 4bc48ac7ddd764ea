/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests the file that says where the loaded image is. */
#include "loaded.h"
#include "test.h"

static void test_there_and_back(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        LoadedPlace place = {
                .block_paddr = { 0x1efe9000, UINT64_MAX },
                .live = { 0x1f000000, 0x1f0e1000 },
                .purgatory_paddr = 0x1eff1000,
                .purgatory_bytes = 17136,
        }, again = { 0 };
        struct stat st;

        for (size_t i = 0; i < PURGATORY_DIGEST_BYTES; i++) {
                place.block_digest[i] = (uint8_t) (i * 9);
                place.purgatory_digest[i] = (uint8_t) (255 - i);
        }
        assert_int_equal(loaded_read(root_fd, &again), -ENOENT);
        assert_int_equal(loaded_write(root_fd, &place), 0);
        assert_int_equal(loaded_read(root_fd, &again), 0);
        assert_memory_equal(&again, &place, sizeof(place));
        assert_int_equal(fstatat(root_fd, PATH_LOADED_JSON + 1, &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0600);

        assert_int_equal(loaded_write(root_fd, NULL), 0);
        assert_int_equal(loaded_read(root_fd, &again), -ENOENT);
        assert_int_equal(loaded_write(root_fd, NULL), 0);
}

static void test_what_is_no_place_is_refused(void **state)
{
        static const char *const texts[] = {
                "",
                "{}",
                "{\"block_paddr\":1,\"block_mirror_paddr\":2,\"purgatory_paddr\":3,"
                "\"purgatory_bytes\":4,\"live_paddr\":5,\"live_end_paddr\":6,\"block_sha256\":"
                "\"12\",\"purgatory_sha256\":\"34\"}",
                "{\"block_paddr\":1,\"block_mirror_paddr\":2,\"purgatory_paddr\":3,"
                "\"purgatory_bytes\":4,\"live_paddr\":5,\"live_end_paddr\":6,\"block_sha256\":"
                "\"zz00000000000000000000000000000000000000000000000000000000000000\","
                "\"purgatory_sha256\":"
                "\"0000000000000000000000000000000000000000000000000000000000000000\"}",
        };
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        LoadedPlace place;

        assert_int_equal(mkdirat(root_fd, "run", 0755), 0);
        assert_int_equal(mkdirat(root_fd, "run/kdumpd", 0755), 0);
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                test_write_text(root_fd, PATH_LOADED_JSON + 1, texts[i]);
                assert_int_equal(loaded_read(root_fd, &place), -EBADMSG);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_there_and_back),
                cmocka_unit_test(test_what_is_no_place_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
