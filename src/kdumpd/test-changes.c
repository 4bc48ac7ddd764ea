/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of changes*.c: what is said of each difference, and what never is. */
#include "changes.h"

#include "test-fixture.h"

#include <sys/stat.h>

#include "cpio.h"
#include "fallback-image.h"
#include "history.h"
#include "io.h"
#include "overlay.h"
#include "strv.h"

#define SHA256_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ARROW " → "

/* Lines are joined with '\n'. */
static void assert_lines(char *const *lines, const char *expected)
{
        _cleanup_free_ char *text = strdup("");

        for (char *const *line = lines; line && *line; line++) {
                _cleanup_free_ char *before = TAKE_PTR(text);

                assert_int_equal(
                        strprintf(&text, "%s%s%s", before, line == lines ? "" : "\n", *line), 0);
        }
        assert_string_equal(text, expected);
}

static void assert_changes(const ImageDescription *old, const ImageDescription *new,
                           char *const *inputs, const char *expected)
{
        _cleanup_strv_ char **lines = NULL;

        assert_int_equal(changes_list(old, new, inputs, &lines), 0);
        assert_lines(lines, expected);
}

typedef struct PlanRow {
        const char *old, *new, *expected;
} PlanRow;

static const PlanRow plan_rows[] = {
        { "{}", "{}", "" },
        { "{\"a\":1,\"b\":[1]}", "{\"b\":[1],\"a\":1}", "" },
        { "{\"generation\":4}", "{\"generation\":5}", "" },
        { "{\"x\":{\"generation\":4}}", "{\"x\":{\"generation\":5}}", "x.generation: 4" ARROW "5" },
        { "{\"targets\":[{\"path\":\"/a\",\"type\":\"fs\"}]}",
          "{\"targets\":[{\"path\":\"/a/b\",\"type\":\"fs\"}]}",
          "targets[0].path: '/a'" ARROW "'/a/b'" },
        { "{\"targets\":[{\"type\":\"fs\"}]}",
          "{\"targets\":[{\"type\":\"fs\"},{\"type\":\"nfs\",\"what\":\"a:/b\"}]}",
          "targets[1] is new: type 'nfs', what 'a:/b'" },
        { "{\"pre_d\":[\"/a\",\"/b\"]}", "{\"pre_d\":[\"/b\"]}",
          "pre_d[0]: '/a'" ARROW "'/b'\npre_d[1] is gone: '/b'" },
        { "{\"pre_d\":[\"/a\",\"/b\"]}", "{}", "pre_d is gone: '/a', '/b'" },
        { "{\"host\":\"a\"}", "{\"host\":null}", "host is gone: 'a'" },
        { "{\"a\":1}", "{\"a\":\"1\"}", "a: 1" ARROW "'1'" },
        { "{\"a\":{\"b\":1}}", "{\"a\":[1]}", "a: b 1" ARROW "1" },
        { "{\"a\":true,\"b\":1.5}", "{\"a\":false,\"b\":2.5}",
          "a: true" ARROW "false\nb: 1.5" ARROW "2.5" },
        { "{\"timeout_usec\":60000000}", "{\"timeout_usec\":1500000}",
          "timeout_usec: 60s" ARROW "1500ms" },
        { "{\"deadline_usec\":18446744073709551615}", "{\"deadline_usec\":0}",
          "deadline_usec: infinity" ARROW "0s" },
        { "{\"a\":[null,1]}", "{\"a\":[null,2]}", "a[1]: 1" ARROW "2" },
        { "{\"a\":[]}", "{\"a\":[[null]]}", "a[0] is new: null" },
        { "{\"a\":\"x\\ny\\u001b\"}", "{\"a\":\"x\"}", "a: 'x?y?'" ARROW "'x'" },
        { "{\"password\":\"blue\"}", "{\"password\":\"red\"}",
          "password has changed (what it holds is not shown)" },
        { "{}", "{\"PassWord\":[\"blue\"]}", "PassWord has changed (what it holds is not shown)" },
        { "{}", "{\"x\":[{\"y\":\"z\",\"token\":1}]}",
          "x has changed (what it holds is not shown)" },
        { "{\"options\":\"ro,pass=blue\"}", "{\"options\":\"ro\"}",
          "options has changed (what it holds is not shown)" },
        { "{\"argv\":[\"a\"]}", "{\"argv\":[\"a\",\"--secret=blue\"]}",
          "argv[1] has changed (what it holds is not shown)" },
        { "{", "{}", "the Plan of the former image cannot be read" },
        { "{}", "[]", "the Plan of the new image cannot be read" },
        { "", "[]", "" },
        { NULL, "{}", "the Plan of the former image cannot be read" },
};

static void test_plans(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(plan_rows); i++) {
                const OverlayList old_list = { .plan_json = (char *) (uintptr_t) plan_rows[i].old };
                const OverlayList new_list = { .plan_json = (char *) (uintptr_t) plan_rows[i].new };
                const ImageDescription old = { .overlay = &old_list };
                const ImageDescription new = { .overlay = &new_list };

                assert_changes(&old, &new, NULL, plan_rows[i].expected);
        }
}

static void test_command_lines(void **state)
{
        static const PlanRow rows[] = {
                { "a b=1", "a b=1", "" },
                { "root=x nr_cpus=1", "root=x nr_cpus=2",
                  "command line: 'nr_cpus=1'" ARROW "'nr_cpus=2'" },
                { "a", "a quiet", "command line: 'quiet' is new" },
                { "quiet a", "a", "command line: 'quiet' is gone" },
                { "console=a console=b", "console=b console=c",
                  "command line: 'console=a'" ARROW "'console=c'" },
                { "x=1 x=2", "x=3 y=1",
                  "command line: 'x=1'" ARROW "'x=3'\n"
                  "command line: 'x=2' is gone\ncommand line: 'y=1' is new" },
                { "a b", "b a",
                  "command line: the same words, in another order or with other blanks" },
                { "a", "a ",
                  "command line: the same words, in another order or with other blanks" },
                { "a a", "a", "command line: 'a' is gone" },
                { "dyndbg=\"a b\"", "dyndbg=\"a c\"",
                  "command line: 'dyndbg=\"a b\"'" ARROW "'dyndbg=\"a c\"'" },
                { "", "a", "command line: 'a' is new" },
                { "net.password=blue", "net.password=red",
                  "command line: 'net.password' has changed" },
                { "", "net.password=red", "command line: 'net.password' is new" },
                { "net.password=blue", "", "command line: 'net.password' is gone" },
                { NULL, "a", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const ImageDescription old = { .cmdline = rows[i].old };
                const ImageDescription new = { .cmdline = rows[i].new };

                assert_changes(&old, &new, NULL, rows[i].expected);
        }
}

#define DIR_MODE (S_IFDIR | 0755)
#define FILE_MODE (S_IFREG | 0600)

static void test_files(void **state)
{
        OverlayFile old_files[] = {
                { (char[]){ "/etc" }, (char[]){ "" }, DIR_MODE },
                { (char[]){ "/etc/changed" }, (char[]){ "1" }, FILE_MODE },
                { (char[]){ "/etc/gone" }, (char[]){ "1" }, FILE_MODE },
                { (char[]){ "/etc/kdump/kernel.info" }, (char[]){ "1" }, FILE_MODE },
                { (char[]){ "/etc/link" }, (char[]){ "1" }, FILE_MODE },
                { (char[]){ "/etc/mode" }, (char[]){ "1" }, FILE_MODE },
                { (char[]){ "/etc/same" }, (char[]){ "1" }, FILE_MODE },
                { (char[]){ "/old" }, (char[]){ "" }, DIR_MODE },
        };
        OverlayFile new_files[] = {
                { (char[]){ "/etc" }, (char[]){ "" }, S_IFDIR | 0700 },
                { (char[]){ "/etc/changed" }, (char[]){ "2" }, FILE_MODE },
                { (char[]){ "/etc/kdump/kernel.info" }, (char[]){ "2" }, FILE_MODE },
                { (char[]){ "/etc/link" }, (char[]){ "" }, S_IFLNK | 0777 },
                { (char[]){ "/etc/mode" }, (char[]){ "1" }, S_IFREG | 0755 },
                { (char[]){ "/etc/new" }, (char[]){ "1" }, FILE_MODE },
                { (char[]){ "/etc/same" }, (char[]){ "1" }, FILE_MODE },
                { (char[]){ "/z" }, (char[]){ "1" }, FILE_MODE },
        };
        const OverlayList old_list = { .files = old_files, .n_files = ELEMENTSOF(old_files) };
        const OverlayList new_list = { .files = new_files, .n_files = ELEMENTSOF(new_files) };
        const ImageDescription old = { .overlay = &old_list }, new = { .overlay = &new_list };

        assert_changes(&old, &new, NULL,
                       "folder '/etc': mode 0755" ARROW "0700\n"
                       "'/etc/changed' has changed\n"
                       "'/etc/gone' is gone\n"
                       "what the kernel tells of its types has changed\n"
                       "'/etc/link' is of another type\n"
                       "'/etc/mode': mode 0600" ARROW "0755\n"
                       "'/etc/new' is new\n"
                       "'/z' is new");
        assert_changes(&old, &old, NULL, "");
}

static void test_kernels_and_base_images(void **state)
{
        const OverlayList list = { 0 };
        const ImageDescription old = { .kernel_release = "6.1",
                                       .kernel_sha256 = "1",
                                       .base_id = "6.1-a",
                                       .overlay_sha256 = "1",
                                       .overlay = &list };
        ImageDescription new = old;
        char *inputs[] = { (char[]){ "/usr/lib/libzstd.so.1.5.4" }, NULL };
        char *none[] = { NULL };

        new.kernel_release = "6.2";
        new.kernel_sha256 = "2";
        assert_changes(&old, &new, none, "kernel: '6.1'" ARROW "'6.2'");
        new.kernel_release = "6.1";
        assert_changes(&old, &new, NULL, "the file of kernel '6.1' has changed");
        new = old;
        new.base_id = "6.1-b";
        assert_changes(&old, &new, none, "base image: '6.1-a'" ARROW "'6.1-b'");
        assert_changes(&old, &new, inputs, "'/usr/lib/libzstd.so.1.5.4' has changed");
        new = old;
        new.overlay_sha256 = "2";
        assert_changes(&old, &new, NULL, "the overlay holds the same, written in another way");
        assert_changes(&old, &new, inputs, "'/usr/lib/libzstd.so.1.5.4' has changed");
        new.overlay = NULL;
        assert_changes(&old, &new, NULL,
                       "the overlay is another; what it held before is not known");
        assert_changes(NULL, &new, NULL, "there was no image yet");
        assert_changes(NULL, &new, inputs,
                       "there was no image yet\n'/usr/lib/libzstd.so.1.5.4' has changed");
        assert_changes(&old, &old, NULL, "");
        assert_changes(&old, &(const ImageDescription){ 0 }, NULL, "");
}

static void test_fallback_images(void **state)
{
        OverlayFile old_files[] = { { (char[]){ "/init" }, (char[]){ "1" }, FILE_MODE } };
        OverlayFile new_files[] = { { (char[]){ "/init" }, (char[]){ "2" }, FILE_MODE } };
        const OverlayList overlay = { 0 };
        const OverlayList here = { .plan_json = (char[]){ "{\"targets\":[{\"path\":\"/\"}]}" } };
        const OverlayList there = { .plan_json = (char[]){ "{\"targets\":[{\"path\":\"/a\"}]}" } };
        const OverlayList old_list = { .plan_json = (char[]){ "{\"generation\":1}" },
                                       .files = old_files,
                                       .n_files = 1 };
        const OverlayList new_list = { .plan_json =
                                               (char[]){ "{\"generation\":2,\"final_action\":1}" },
                                       .files = new_files,
                                       .n_files = 1 };
        const OverlayList same_list = { .plan_json = (char[]){ "{\"generation\":2}" },
                                        .files = old_files,
                                        .n_files = 1 };
        const ImageDescription none = { .overlay = &overlay,
                                        .overlay_sha256 = "1",
                                        .fallback_missing = "no disk" };
        const ImageDescription old = { .overlay = &overlay,
                                       .overlay_sha256 = "1",
                                       .fallback_sha256 = "1",
                                       .fallback_cmdline = "x",
                                       .fallback_target = "raw /dev/vda",
                                       .fallback = &old_list };
        ImageDescription new = old, old_here = old;

        assert_changes(&old, &old, NULL, "");
        assert_changes(&none, &old, NULL,
                       "there is a fallback image now, which saves to raw /dev/vda");
        assert_changes(&old, &none, NULL, "there is no fallback image any more: no disk");
        /* All generations differ by their number. */
        new.overlay_sha256 = "2";
        new.fallback_sha256 = "2";
        new.fallback = &new_list;
        assert_changes(&old, &new, NULL,
                       "fallback image: '/init' has changed\n"
                       "fallback image: final_action is new: 1");
        new.fallback = NULL;
        assert_changes(&old, &new, NULL,
                       "the fallback image is another; what has changed in it is not known");
        new.fallback = &same_list;
        new.fallback_cmdline = "y";
        assert_changes(&old, &new, NULL, "the command line of the fallback image has changed");
        new.fallback_target = "ext4 UUID=1";
        assert_changes(&old, &new, NULL,
                       "the fallback image saves to another target: raw /dev/vda" ARROW
                       "ext4 UUID=1");
        /* What follows from the rest is not told twice. */
        old_here.overlay = &here;
        new.overlay = &there;
        assert_changes(&old_here, &new, NULL, "targets[0].path: '/'" ARROW "'/a'");
        new = old;
        new.cmdline = "a=2";
        new.fallback_sha256 = "2";
        new.fallback = &new_list;
        assert_changes(&(ImageDescription){ .overlay = &overlay,
                                            .cmdline = "a=1",
                                            .fallback_sha256 = "1",
                                            .fallback = &old_list },
                       &new, NULL, "command line: 'a=1'" ARROW "'a=2'");
}

static void test_there_is_an_end(void **state)
{
        _cleanup_strv_ char **inputs = NULL, **lines = NULL, **plan_lines = NULL;
        _cleanup_free_ char *json = NULL;
        const ImageDescription any = { 0 };
        OverlayList old_list = { .plan_json = (char[]){ "{\"a\":[]}" } }, new_list = { 0 };
        char *p;

        for (size_t i = 0; i < 1000; i++)
                assert_int_equal(strv_extend(&inputs, "/usr/bin/x"), 0);
        assert_int_equal(changes_list(&any, &any, inputs, &lines), 0);
        assert_int_equal(strv_length(lines), HISTORY_CHANGES_MAX);
        assert_string_equal(lines[HISTORY_CHANGES_MAX - 1],
                            "and perhaps more, which is not listed");

        /* A Plan of a megabyte with a difference in each other byte. */
        json = malloc(1 << 20);
        assert_non_null(json);
        p = stpcpy(json, "{\"a\":[1");
        while (p - json < 1000000)
                p = stpcpy(p, ",1");
        (void) stpcpy(p, "]}");
        new_list.plan_json = json;
        assert_int_equal(changes_list(&(const ImageDescription){ .overlay = &old_list },
                                      &(const ImageDescription){ .overlay = &new_list }, NULL,
                                      &plan_lines),
                         0);
        assert_int_equal(strv_length(plan_lines), HISTORY_CHANGES_MAX);
        assert_string_equal(plan_lines[0], "a[0] is new: 1");
}

static void test_overlay_is_listed(void **state)
{
        _cleanup_(cpio_writer_done) CpioWriter writer = { 0 };
        _cleanup_(overlay_list_done) OverlayList list = { 0 };

        assert_int_equal(cpio_add(&writer, "/root", S_IFDIR | 0700, NULL, 0), 0);
        assert_int_equal(cpio_add(&writer, "/root/key", S_IFREG | 0600, "abc", 3), 0);
        assert_int_equal(cpio_add(&writer, "/etc/kdump/plan.json", S_IFREG | 0600, "{}", 2), 0);
        assert_int_equal(cpio_add(&writer, "/bin/empty", S_IFREG | 0755, NULL, 0), 0);
        assert_int_equal(cpio_add_trailer(&writer), 0);
        assert_int_equal(overlay_list(writer.data, writer.size, &list), 0);
        assert_string_equal(list.plan_json, "{}");
        assert_int_equal(list.n_files, 3);
        assert_string_equal(list.files[0].path, "/bin/empty");
        assert_int_equal(strlen(list.files[0].sha256), 64);
        assert_int_equal(list.files[0].mode, S_IFREG | 0755);
        assert_string_equal(list.files[1].path, "/root");
        assert_string_equal(list.files[1].sha256, "");
        assert_string_equal(list.files[2].path, "/root/key");
        assert_string_equal(list.files[2].sha256, SHA256_ABC);
}

static void test_damaged_overlay_is_refused(void **state)
{
        _cleanup_(cpio_writer_done) CpioWriter writer = { 0 };
        OverlayList list;
        size_t end;

        assert_int_equal(cpio_add(&writer, "/etc/kdump/plan.json", S_IFREG | 0600, "{}", 2), 0);
        assert_int_equal(cpio_add(&writer, "/root/key", S_IFREG | 0600, "abc", 3), 0);
        assert_int_equal(cpio_add_trailer(&writer), 0);
        for (end = writer.size; end > 0 && writer.data[end - 1] == 0; end--)
                ;
        for (size_t n = 0; n < end; n++) {
                _cleanup_free_ uint8_t *cut = malloc(MAX(n, (size_t) 1));

                assert_non_null(cut);
                memcpy(cut, writer.data, n);
                assert_int_equal(overlay_list(cut, n, &list), -EBADMSG);
        }
        /* A size that is not there: the 7th field of the first header, and of the second. */
        memcpy(writer.data + 6 + 6 * 8, "7FFFFFFF", 8);
        assert_int_equal(overlay_list(writer.data, writer.size, &list), -EBADMSG);
        memcpy(writer.data + 6 + 6 * 8, "00000002", 8);
        memcpy((char *) memmem(writer.data + 6, writer.size - 6, "070701", 6) + 6 + 6 * 8,
               "00FFFFFF", 8);
        assert_int_equal(overlay_list(writer.data, writer.size, &list), -EBADMSG);
}

static void test_fallback_image_is_listed(void **state)
{
        static const char text[4 << 20] = "much that is of little size when packed";
        _cleanup_(cpio_writer_done) CpioWriter writer = { 0 };
        _cleanup_(overlay_list_done) OverlayList list = { 0 };
        _cleanup_free_ uint8_t *packed = NULL;
        FallbackArchive archive = { 0 };
        OverlayList broken;
        size_t size;

        assert_int_equal(cpio_add(&writer, "/init", S_IFREG | 0755, text, sizeof(text)), 0);
        assert_int_equal(cpio_add(&writer, "/etc/kdump/plan.json", S_IFREG | 0600, "{}", 2), 0);
        assert_int_equal(cpio_add_trailer(&writer), 0);
        archive = (FallbackArchive){ .data = writer.data, .size = writer.size };
        assert_int_equal(fallback_archive_pack(&archive, &packed, &size), 0);
        assert_int_equal(fallback_list(packed, size, &list), 0);
        assert_string_equal(list.plan_json, "{}");
        assert_int_equal(list.n_files, 1);
        assert_string_equal(list.files[0].path, "/init");
        assert_int_equal(fallback_list(packed, size - 1, &broken), -EBADMSG);
        assert_int_equal(fallback_list(packed, 0, &broken), -EBADMSG);
        packed[size / 2] ^= 0xff;
        assert_int_equal(fallback_list(packed, size, &broken), -EBADMSG);
        assert_int_equal(fallback_list(writer.data, writer.size, &broken), -EBADMSG);
}

static Plan *make_plan(const char *path)
{
        Plan *plan = plan_new();

        assert_non_null(plan);
        plan->kernel_release = strdup("6.1");
        plan->targets = calloc(1, sizeof(Target));
        assert_non_null(plan->targets);
        plan->n_targets = 1;
        plan->targets[0] = (Target){ .type = TARGET_FS,
                                     .what = strdup("UUID=1"),
                                     .path = strdup(path),
                                     .timeout_usec = 60 * USEC_PER_SEC };
        return plan;
}

static void test_two_real_overlays(void **state)
{
        static char key[] = "/root/.ssh/kdump_id_rsa", hook[] = "/etc/kdump/post.d/10-x";
        NeededFile files[] = { { key, key, 0600 }, { hook, hook, 0755 } };
        const Needs old_needs = { .files = files, .n_files = 1 };
        const Needs new_needs = { .files = files, .n_files = 2 };
        _cleanup_(plan_freep) Plan *old_plan = make_plan("/var/crash");
        _cleanup_(plan_freep) Plan *new_plan = make_plan("/var/crash/deep");
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_free_ uint8_t *old_data = NULL, *new_data = NULL;
        _cleanup_(overlay_list_done) OverlayList old_list = { 0 }, new_list = { 0 };
        _cleanup_free_ char *message = NULL;
        size_t old_size, new_size;

        fixture_init(&root);
        fixture_write(&root, key, "the old secret");
        fixture_write(&root, hook, "#!/bin/sh\n");
        assert_int_equal(
                overlay_build(root.fd, old_plan, &old_needs, &old_data, &old_size, &message), 0);
        fixture_write(&root, key, "the new secret");
        new_plan->generation = 7;
        assert_int_equal(
                overlay_build(root.fd, new_plan, &new_needs, &new_data, &new_size, &message), 0);
        assert_int_equal(overlay_list(old_data, old_size, &old_list), 0);
        assert_int_equal(overlay_list(new_data, new_size, &new_list), 0);
        assert_changes(&(const ImageDescription){ .overlay = &old_list },
                       &(const ImageDescription){ .overlay = &new_list }, NULL,
                       "targets[0].path: '/var/crash'" ARROW "'/var/crash/deep'\n"
                       "'/etc/kdump/post.d/10-x' is new\n"
                       "'/root/.ssh/kdump_id_rsa' has changed");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plans),
                cmocka_unit_test(test_command_lines),
                cmocka_unit_test(test_files),
                cmocka_unit_test(test_kernels_and_base_images),
                cmocka_unit_test(test_fallback_images),
                cmocka_unit_test(test_fallback_image_is_listed),
                cmocka_unit_test(test_there_is_an_end),
                cmocka_unit_test(test_overlay_is_listed),
                cmocka_unit_test(test_damaged_overlay_is_refused),
                cmocka_unit_test(test_two_real_overlays),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
