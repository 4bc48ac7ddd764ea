/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of manifest.c and sha256.c. */
#include "manifest.h"

#include "test-fixture.h"

#include <fcntl.h>

#include "sha256.h"
#include "strv.h"

#define SHA256_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void make_manifest(const Fixture *root, Manifest *ret)
{
        *ret = (Manifest){ .created_usec = 1700000000000000 };
        ret->base.kernel_release = strdup("6.1");
        ret->base.sha256 = strdup(SHA256_ABC);
        ret->base.size_bytes = UINT64_C(5) << 32;
        ret->base.plan_version = PLAN_VERSION;
        assert_int_equal(strv_extend(&ret->base.drivers, "ext4"), 0);
        assert_int_equal(strv_extend(&ret->base.dracut_args, "--add x"), 0);
        assert_int_equal(manifest_add_input(root->fd, ret, "/usr/bin/a"), 0);
        assert_int_equal(manifest_add_input(root->fd, ret, "/usr/bin/none"), 0);
}

static void test_sha256(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        char hex[SHA256_HEX_SIZE];

        fixture_init(&root);
        fixture_write(&root, "/x", "abc");
        assert_int_equal(sha256_file(root.fd, "/x", hex), 0);
        assert_string_equal(hex, SHA256_ABC);
        assert_int_equal(sha256_file(root.fd, "/y", hex), -ENOENT);
        assert_int_equal(sha256_file(root.fd, "/", hex), -EISDIR);
}

static void test_is_read_as_it_was_written(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(manifest_done) Manifest manifest = { 0 }, again = { 0 };
        _cleanup_free_ char *json = NULL, *json_again = NULL;

        fixture_init(&root);
        fixture_write(&root, "/usr/bin/a", "abc");
        make_manifest(&root, &manifest);
        assert_int_equal(manifest_to_json(&manifest, &json), 0);
        assert_int_equal(manifest_from_json(json, strlen(json), &again), 0);
        assert_string_equal(again.base.kernel_release, "6.1");
        assert_int_equal(again.base.size_bytes, UINT64_C(5) << 32);
        assert_string_equal(again.base.dracut_args[0], "--add x");
        assert_null(again.base.binaries);
        assert_int_equal(again.created_usec, 1700000000000000);
        assert_int_equal(again.n_inputs, 2);
        assert_string_equal(again.inputs[0].sha256, SHA256_ABC);
        assert_string_equal(again.inputs[1].sha256, "");
        assert_int_equal(manifest_to_json(&again, &json_again), 0);
        assert_string_equal(json, json_again);
}

static void test_changes_of_inputs(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        const char *path = NULL;

        fixture_init(&root);
        fixture_write(&root, "/usr/bin/a", "abc");
        make_manifest(&root, &manifest);
        assert_int_equal(manifest_inputs_changed(root.fd, &manifest, &path), 0);
        fixture_write(&root, "/usr/bin/a", "abd");
        assert_int_equal(manifest_inputs_changed(root.fd, &manifest, &path), 1);
        assert_string_equal(path, "/usr/bin/a");
        /* It is still in the image. */
        assert_int_equal(unlinkat(root.fd, "usr/bin/a", 0), 0);
        assert_int_equal(manifest_inputs_changed(root.fd, &manifest, &path), 0);
        fixture_write(&root, "/usr/bin/none", "");
        assert_int_equal(manifest_inputs_changed(root.fd, &manifest, &path), 1);
        assert_string_equal(path, "/usr/bin/none");
}

static void test_anything_else_is_refused(void **state)
{
        static const char *const texts[] = {
                "",
                "{",
                "[]",
                "{}",
                "{\"kernel_release\":\"6.1\"}",
                "{\"kernel_release\":6,\"plan_version\":1,\"sha256\":\"\",\"size_bytes\":1,"
                "\"created_usec\":1,\"inputs\":[]}",
                "{\"kernel_release\":\"6\",\"plan_version\":1,\"sha256\":\"\",\"size_bytes\":1,"
                "\"created_usec\":1}",
                "{\"kernel_release\":\"6\",\"plan_version\":1,\"sha256\":\"\",\"size_bytes\":1,"
                "\"created_usec\":1,\"inputs\":[{\"path\":\"/x\"}]}",
                "{\"kernel_release\":\"6\",\"plan_version\":1,\"sha256\":\"\",\"size_bytes\":1,"
                "\"created_usec\":1,\"inputs\":[7]}",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(manifest_done) Manifest manifest = { 0 };

                assert_int_equal(manifest_from_json(texts[i], strlen(texts[i]), &manifest),
                                 -EBADMSG);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sha256),
                cmocka_unit_test(test_is_read_as_it_was_written),
                cmocka_unit_test(test_changes_of_inputs),
                cmocka_unit_test(test_anything_else_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
