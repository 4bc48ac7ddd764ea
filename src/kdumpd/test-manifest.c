/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of manifest.c, module-list.c and sha256.c. */
#include "manifest.h"

#include "test-fixture.h"

#include <fcntl.h>

#include "module-list.h"
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

static void add_modules(Manifest *manifest, const char *dep)
{
        char hex[SHA256_HEX_SIZE];

        assert_int_equal(strv_extend(&manifest->modules, "ext4"), 0);
        assert_int_equal(strv_extend(&manifest->modules, "virtio_blk"), 0);
        assert_int_equal(module_list_hash(dep, manifest->modules, hex), 0);
        manifest->modules_sha256 = strdup(hex);
        manifest->modules_dep_sha256 = strdup(SHA256_ABC);
}

static void test_is_read_as_it_was_written(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(manifest_done) Manifest manifest = { 0 }, again = { 0 };
        _cleanup_free_ char *json = NULL, *json_again = NULL;

        fixture_init(&root);
        fixture_write(&root, "/usr/bin/a", "abc");
        make_manifest(&root, &manifest);
        manifest.kernel_source = strdup("/boot/vmlinuz");
        manifest.base.kernel_sha256 = strdup(SHA256_ABC);
        manifest.base.kernel_bytes = 7;
        manifest.base.unpacked_bytes = 8;
        add_modules(&manifest, "");
        assert_int_equal(manifest_to_json(&manifest, &json), 0);
        assert_int_equal(manifest_from_json(json, strlen(json), &again), 0);
        assert_string_equal(again.base.kernel_release, "6.1");
        assert_int_equal(again.base.size_bytes, UINT64_C(5) << 32);
        assert_string_equal(again.kernel_source, "/boot/vmlinuz");
        assert_string_equal(again.base.kernel_sha256, SHA256_ABC);
        assert_int_equal(again.base.kernel_bytes, 7);
        assert_int_equal(again.base.unpacked_bytes, 8);
        assert_string_equal(again.modules[1], "virtio_blk");
        assert_non_null(again.modules_sha256);
        assert_string_equal(again.modules_dep_sha256, SHA256_ABC);
        assert_string_equal(again.base.dracut_args[0], "--add x");
        assert_null(again.base.binaries);
        assert_int_equal(again.created_usec, 1700000000000000);
        assert_int_equal(again.n_inputs, 2);
        assert_string_equal(again.inputs[0].sha256, SHA256_ABC);
        assert_string_equal(again.inputs[1].sha256, "");
        assert_int_equal(manifest_to_json(&again, &json_again), 0);
        assert_string_equal(json, json_again);
}

static void expect_changed(const Fixture *root, const Manifest *manifest, const char *paths)
{
        _cleanup_strv_ char **changed = NULL;
        _cleanup_free_ char *text = NULL;
        int r;

        r = manifest_inputs_changed(root->fd, NULL, manifest, &changed);
        assert_int_equal(r, *paths ? 1 : 0);
        assert_int_equal(strv_join(changed, &text), 0);
        assert_string_equal(text, paths);
}

static void test_changes_of_inputs(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(manifest_done) Manifest manifest = { 0 };

        fixture_init(&root);
        fixture_write(&root, "/usr/bin/a", "abc");
        make_manifest(&root, &manifest);
        expect_changed(&root, &manifest, "");
        fixture_write(&root, "/usr/bin/a", "abd");
        expect_changed(&root, &manifest, "/usr/bin/a");
        /* It is still in the image, and there is nothing to make a new one of. */
        assert_int_equal(unlinkat(root.fd, "usr/bin/a", 0), 0);
        expect_changed(&root, &manifest, "");
        fixture_folder(&root, "/usr/bin/a");
        expect_changed(&root, &manifest, "");
        fixture_write(&root, "/usr/bin/none", "");
        expect_changed(&root, &manifest, "/usr/bin/none");
        assert_int_equal(unlinkat(root.fd, "usr/bin/a", AT_REMOVEDIR), 0);
        fixture_write(&root, "/usr/bin/a", "abd");
        expect_changed(&root, &manifest, "/usr/bin/a /usr/bin/none");
        /* Written anew with what it had. */
        fixture_write(&root, "/usr/bin/a", "abc");
        assert_int_equal(unlinkat(root.fd, "usr/bin/none", 0), 0);
        expect_changed(&root, &manifest, "");
}

static void test_changes_of_modules(void **state)
{
        static const char path[] = "/lib/modules/6.1/modules.dep";
        static const char ours[] = "kernel/ext4.ko: kernel/jbd2.ko\nkernel/virtio-blk.ko.xz:\n";
        static const struct {
                const char *text;
                bool changed;
        } cases[] = {
                { ours, false },
                { "kernel/ext4.ko: kernel/jbd2.ko\nupdates/zfs.ko:\nkernel/virtio-blk.ko.xz:\n",
                  false },
                { "nonsense\n\nkernel/.ko:\nkernel/ext4.konsole:\n"
                  "kernel/ext4.ko: kernel/jbd2.ko\nkernel/virtio-blk.ko.xz:\n",
                  false },
                { "updates/ext4.ko:\nkernel/virtio-blk.ko.xz:\n", true },
                { "kernel/ext4.ko: kernel/new.ko\nkernel/virtio-blk.ko.xz:\n", true },
                { "kernel/virtio-blk.ko.xz:\n", true },
                { "", true },
        };
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(manifest_done) Manifest manifest = { 0 };

        fixture_init(&root);
        make_manifest(&root, &manifest);
        /* There is no list any more: the kernel was removed. */
        add_modules(&manifest, ours);
        expect_changed(&root, &manifest, "");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                fixture_write(&root, path, cases[i].text);
                expect_changed(&root, &manifest, cases[i].changed ? path : "");
        }
        /* The whole file is as it was: nothing is compared in detail. */
        fixture_write(&root, path, "abc");
        expect_changed(&root, &manifest, "");
}

static void test_inputs_have_one_entry_each_and_an_end(void **state)
{
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        char path[32];

        assert_int_equal(manifest_add_hash(&manifest, "/x", "1"), 0);
        assert_int_equal(manifest_add_hash(&manifest, "/x", "2"), 0);
        assert_int_equal(manifest.n_inputs, 1);
        assert_string_equal(manifest.inputs[0].sha256, "1");
        for (unsigned i = 1; i < MANIFEST_INPUTS_MAX; i++) {
                (void) snprintf(path, sizeof(path), "/%u", i);
                assert_int_equal(manifest_add_hash(&manifest, path, "1"), 0);
        }
        assert_int_equal(manifest_add_hash(&manifest, "/one-more", "1"), -ENOBUFS);
        assert_int_equal(manifest_add_hash(&manifest, "/x", "1"), 0);
}

static void test_paths_of_inputs(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        _cleanup_strv_ char **paths = NULL, **more = NULL;
        _cleanup_free_ char *text = NULL;

        fixture_init(&root);
        make_manifest(&root, &manifest);
        assert_int_equal(manifest_input_paths(&manifest, &paths), 0);
        assert_int_equal(strv_join(paths, &text), 0);
        assert_string_equal(text, "/usr/bin/a /usr/bin/none /lib/modules/6.1/modules.dep");
        manifest.kernel_source = strdup("/boot/vmlinuz");
        assert_int_equal(manifest_input_paths(&manifest, &more), 0);
        assert_true(strv_contains(more, "/boot/vmlinuz"));
}

static void test_names_of_modules(void **state)
{
        static const struct {
                const char *path, *name;
        } cases[] = {
                { "kernel/fs/ext4/ext4.ko", "ext4" },
                { "/usr/lib/modules/6.1/kernel/virtio-blk.ko.xz", "virtio_blk" },
                { "a.ko.zst", "a" },
                { "a.kof", NULL },
                { ".ko", NULL },
                { "dir.ko/file", NULL },
                { "", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *name = NULL;

                assert_int_equal(module_name(cases[i].path, &name), cases[i].name ? 1 : 0);
                assert_true(streq_ptr(name, cases[i].name));
        }
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
                cmocka_unit_test(test_changes_of_modules),
                cmocka_unit_test(test_inputs_have_one_entry_each_and_an_end),
                cmocka_unit_test(test_paths_of_inputs),
                cmocka_unit_test(test_names_of_modules),
                cmocka_unit_test(test_anything_else_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
