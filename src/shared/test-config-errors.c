/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of kdump.conf's every complaint, word by word, and of files that cannot be read. */
#include "test.h"

#include <syslog.h>

#include "config.h"
#include "io.h"
#include "test-config.h"

/* Each of tests/fixtures/kdump.conf/broken with all that is said about it: E errors, W warnings. */
static const struct {
        const char *file;
        const char *messages[6];
} broken[] = {
        { "bad-action.conf",
          {
                  "E /etc/kdump.conf:1: 'failure_action' is 'rebot', expected one of "
                  "reboot, halt, poweroff, shell, dump_to_rootfs",
          } },
        { "bad-port.conf",
          {
                  "E /etc/kdump.conf:1: 'ssh_port' is '65536', expected a number from 1 to 65535",
          } },
        { "bad-region.conf",
          {
                  "E /etc/kdump.conf:1: 's3_region' is 'eu.example.com/', expected the name of a "
                  "region such as eu-central-1",
          } },
        { "endpoint-with-folder.conf",
          {
                  "E /etc/kdump.conf:1: 's3_endpoint' is 'https://server/bucket', expected "
                  "https://host or https://host:port without a folder",
          } },
        { "endpoint-with-password.conf",
          {
                  "E /etc/kdump.conf:1: 's3_endpoint' has a value that is not shown, as there may "
                  "be a password in it, expected https://host or https://host:port without a "
                  "folder",
          } },
        { "relative-credentials.conf",
          {
                  "E /etc/kdump.conf:1: 'credentials' is 'kdump.secret', expected the absolute "
                  "path of a file, without blanks and '..'",
          } },
        { "settings-of-others.conf",
          {
                  "W /etc/kdump.conf:2: 'ssh_port' means nothing for the target before it, 'ext4', "
                  "and is ignored",
                  "W /etc/kdump.conf:4: 'path' means nothing for the target before it, 'url', and "
                  "is ignored: the folder is a part of the URL",
                  "E /etc/kdump.conf:6: 'nr_cpus' is '-', expected a number of CPUs up to 8192, or "
                  "0 to have it chosen",
          } },
        { "url-of-sftp.conf",
          {
                  "E /etc/kdump.conf:1: 'url' is 'sftp://server/dumps', expected "
                  "sftp://user@host/folder or sftp://user@host:port/folder, without a password "
                  "('sshkey' names the key) and characters written as %xx",
          } },
        { "url-with-password.conf",
          {
                  "E /etc/kdump.conf:1: 'url' has a value that is not shown, as there may be a "
                  "password in it, expected a URL without a user, a password and a query: name a "
                  "file that holds them with 'credentials'",
          } },
        { "url-with-query.conf",
          {
                  "E /etc/kdump.conf:1: 'url' has a value that is not shown, as there may be a "
                  "password in it, expected a URL without a user, a password and a query: name a "
                  "file that holds them with 'credentials'",
          } },
        { "bad-bool.conf",
          {
                  "E /etc/kdump.conf:1: 'force_rebuild' is 'maybe', expected yes or no",
          } },
        { "bad-cpus.conf",
          {
                  "E /etc/kdump.conf:1: 'nr_cpus' is 'many', expected a number of CPUs "
                  "up to 8192, or 0 to have it chosen",
          } },
        { "bad-deadline.conf",
          {
                  "E /etc/kdump.conf:1: 'target_deadline' is 'never', expected a time from 1s to "
                  "24h such as 90s, 5min or 1h, or 0 for none",
          } },
        { "bad-device.conf",
          {
                  "E /etc/kdump.conf:1: 'ext4' is 'sda1', expected a device such as "
                  "UUID=…, LABEL=… or /dev/vda1",
          } },
        { "bad-final-action.conf",
          {
                  "E /etc/kdump.conf:1: 'final_action' is 'shell', expected one of "
                  "reboot, halt, poweroff",
          } },
        { "bad-kernel.conf",
          {
                  "E /etc/kdump.conf:1: 'kernel' is '../../boot/vmlinuz', expected a "
                  "kernel release as of uname -r",
          } },
        { "bad-level.conf",
          {
                  "E /etc/kdump.conf:1: 'core_collector' is 'makedumpfile -l -d 32', "
                  "expected dump levels from 0 to 31 after -d, such as 31 or 1,31",
          } },
        { "bad-module.conf",
          {
                  "E /etc/kdump.conf:1: 'extra_modules' is 'virtio_blk ../evil', "
                  "expected names of kernel modules",
          } },
        { "bad-number.conf",
          {
                  "E /etc/kdump.conf:1: 'core_collector' is 'makedumpfile "
                  "--message-level high', expected a number after --message-level",
          } },
        { "bad-option.conf",
          {
                  "E /etc/kdump.conf:1: 'core_collector' is 'makedumpfile --fast', "
                  "expected options of makedumpfile such as -l, -d N or --message-level "
                  "N, not '--fast'",
          } },
        { "bad-timeout.conf",
          {
                  "E /etc/kdump.conf:1: 'target_timeout' is 'soon', expected a time from "
                  "1s to 24h such as 90s, 5min or 1h",
          } },
        { "both-forces.conf",
          {
                  "E /etc/kdump.conf:2: 'force_no_rebuild' is 'yes', expected no while "
                  "'force_rebuild' is yes at /etc/kdump.conf:1",
          } },
        { "control-character.conf",
          {
                  "E /etc/kdump.conf:1: there is the control character 0x1b, expected "
                  "text",
          } },
        { "duplicate-old-name.conf",
          {
                  "W /etc/kdump.conf:2: 'default' is an old name, use 'failure_action' "
                  "instead",
                  "E /etc/kdump.conf:2: 'default' sets 'failure_action' again, expected "
                  "only one: the first is at /etc/kdump.conf:1",
          } },
        { "duplicate-setting.conf",
          {
                  "E /etc/kdump.conf:3: 'failure_action' is set again, expected only "
                  "one: the first is at /etc/kdump.conf:1",
          } },
        { "duplicate.conf",
          {
                  "E /etc/kdump.conf:3: 'path' is set again, expected only one: the "
                  "first is at /etc/kdump.conf:1",
          } },
        { "elf-compressed.conf",
          {
                  "E /etc/kdump.conf:1: 'core_collector' is 'makedumpfile -E -c', "
                  "expected -E without compression (-c, -l, -p, -z, --compress)",
          } },
        { "empty-quotes.conf",
          {
                  "E /etc/kdump.conf:1: 'kdump_post' has no value, expected the absolute "
                  "path of a file, without blanks and '..'",
          } },
        { "empty-uuid.conf",
          {
                  "E /etc/kdump.conf:1: 'xfs' is 'UUID=', expected a device such as "
                  "UUID=…, LABEL=… or /dev/vda1",
          } },
        { "empty-value.conf",
          {
                  "E /etc/kdump.conf:1: 'path' has no value, expected an absolute path "
                  "without '..'",
          } },
        { "endless-deadline.conf",
          {
                  "E /etc/kdump.conf:1: 'target_deadline' is 'infinity', expected a time from 1s "
                  "to 24h such as 90s, 5min or 1h, or 0 for none",
          } },
        { "endless-timeout.conf",
          {
                  "E /etc/kdump.conf:1: 'target_timeout' is 'infinity', expected a time "
                  "from 1s to 24h such as 90s, 5min or 1h",
          } },
        { "equals-sign.conf",
          {
                  "E /etc/kdump.conf:2: unknown directive 'path=/var/crash', expected a "
                  "blank between 'path' and its value",
          } },
        { "level-missing.conf",
          {
                  "E /etc/kdump.conf:1: 'core_collector' is 'makedumpfile -l -d', "
                  "expected a value after -d",
          } },
        { "long-deadline.conf",
          {
                  "E /etc/kdump.conf:1: 'target_deadline' is '25h', expected a time from 1s to 24h "
                  "such as 90s, 5min or 1h, or 0 for none",
          } },
        { "long-value.conf",
          {
                  "E /etc/kdump.conf:1: 'kernel' is "
                  "'6666666666666666666666666666666666666666666666666666666666ä…', "
                  "expected a kernel release as of uname -r",
          } },
        { "nfs-without-export.conf",
          {
                  "E /etc/kdump.conf:1: 'nfs' is 'server', expected host:/export",
          } },
        { "open-quote.conf",
          {
                  "E /etc/kdump.conf:1: 'dracut_args' is '--add-drivers \"ext2', "
                  "expected words with every quote closed",
          } },
        { "path-dotdot.conf",
          {
                  "E /etc/kdump.conf:1: 'path' is '/var/../crash', expected an absolute "
                  "path without '..'",
          } },
        { "relative-path.conf",
          {
                  "E /etc/kdump.conf:1: 'path' is 'var/crash', expected an absolute path "
                  "without '..'",
          } },
        { "relative-program.conf",
          {
                  "E /etc/kdump.conf:1: 'kdump_pre' is 'before.sh', expected the "
                  "absolute path of a file, without blanks and '..'",
          } },
        { "several.conf",
          {
                  "E /etc/kdump.conf:1: unknown directive 'pth', expected one of those "
                  "in kdump.conf(5); did you mean 'path'?",
                  "E /etc/kdump.conf:2: 'nr_cpus' is '-1', expected a number of CPUs up "
                  "to 8192, or 0 to have it chosen",
                  "W /etc/kdump.conf:3: 'link_delay' is no longer supported and ignored, "
                  "use target_timeout instead",
                  "E /etc/kdump.conf:4: 'final_action' has no value, expected one of "
                  "reboot, halt, poweroff",
                  "E /etc/kdump.conf:5: 'path' is 'crash', expected an absolute path "
                  "without '..'",
          } },
        { "ssh-option.conf",
          {
                  "E /etc/kdump.conf:1: 'ssh' is '-oProxyCommand=x@y', expected user@host",
          } },
        { "ssh-with-password.conf",
          {
                  "E /etc/kdump.conf:1: 'ssh' has a value that is not shown, as there may be a "
                  "password in it, expected user@host",
          } },
        { "ssh-with-port.conf",
          {
                  "E /etc/kdump.conf:1: 'ssh' is 'me@server:2222', expected user@host",
          } },
        { "nfs-odd-host.conf",
          {
                  "E /etc/kdump.conf:1: 'nfs' is 'a;b:/x', expected host:/export",
          } },
        { "url-of-sftp-with-password.conf",
          {
                  "E /etc/kdump.conf:1: 'url' has a value that is not shown, as there may be a "
                  "password in it, expected sftp://user@host/folder or "
                  "sftp://user@host:port/folder, without a password ('sshkey' names the key) and "
                  "characters written as %xx",
          } },
        { "ssh-without-user.conf",
          {
                  "E /etc/kdump.conf:1: 'ssh' is 'server', expected user@host",
          } },
        { "two-compressions.conf",
          {
                  "E /etc/kdump.conf:1: 'core_collector' is 'makedumpfile -c -l', "
                  "expected only one of -c, -l, -p, -z and --compress",
          } },
        { "two-deadlines.conf",
          {
                  "E /etc/kdump.conf:5: 'target_deadline' is set again for one target, expected "
                  "only one: the first is at /etc/kdump.conf:4",
          } },
        { "two-paths-behind-target.conf",
          {
                  "W /etc/kdump.conf:5: 'sshkey' means nothing for the target before it, 'nfs', "
                  "and is ignored",
                  "E /etc/kdump.conf:6: 'path' is set again for one target, expected "
                  "only one: the first is at /etc/kdump.conf:4",
          } },
        { "two-paths-one-target.conf",
          {
                  "E /etc/kdump.conf:3: 'path' is set again for one target, expected "
                  "only one: the first is at /etc/kdump.conf:1",
          } },
        { "unknown-key-far.conf",
          {
                  "E /etc/kdump.conf:1: unknown directive 'frobnicate', expected one of "
                  "those in kdump.conf(5)",
          } },
        { "unknown-key.conf",
          {
                  "E /etc/kdump.conf:1: unknown directive 'failre_action', expected one "
                  "of those in kdump.conf(5); did you mean 'failure_action'?",
          } },
        { "value-is-comment.conf",
          {
                  "E /etc/kdump.conf:1: 'path' has no value, expected an absolute path "
                  "without '..'",
          } },
        { "virtiofs-two-words.conf",
          {
                  "E /etc/kdump.conf:1: 'virtiofs' is 'my tag', expected one word "
                  "without blanks and quotes",
          } },
        { "wrong-case.conf",
          {
                  "E /etc/kdump.conf:1: unknown directive 'Path', expected one of those "
                  "in kdump.conf(5); did you mean 'path'?",
          } },
        { "zero-timeout.conf",
          {
                  "E /etc/kdump.conf:1: 'target_timeout' is '0', expected a time from 1s "
                  "to 24h such as 90s, 5min or 1h",
          } },
};

static void check_messages(const char *name, const ConfigMessages *messages,
                           const char *const *expected)
{
        for (size_t i = 0; i < messages->n_items || expected[i]; i++) {
                _cleanup_free_ char *text = NULL;

                if (i >= messages->n_items)
                        fail_msg("%s: missing: %s", name, expected[i]);
                assert_int_equal(strprintf(&text, "%c %s",
                                           messages->items[i].level == LOG_ERR ? 'E' : 'W',
                                           messages->items[i].text),
                                 0);
                if (!expected[i])
                        fail_msg("%s: not expected: %s", name, text);
                if (!streq(text, expected[i]))
                        fail_msg("%s:\n  said:     %s\n  expected: %s", name, text, expected[i]);
        }
}

/* Loads what is below @root_fd and compares the one thing that is said. */
static void check_refused(int root_fd, const char *name, int error, const char *message)
{
        _cleanup_(config_messages_done) ConfigMessages messages = {};
        const char *const expected[] = { message, NULL };
        Config *config = NULL;

        assert_int_equal(test_config_load(root_fd, &config, &messages), error);
        assert_null(config);
        check_messages(name, &messages, expected);
}

static void test_broken_files(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(broken); i++) {
                _cleanup_(config_messages_done) ConfigMessages messages = {};
                _cleanup_test_root_ char *root = test_root_new();
                _cleanup_close_ int root_fd = test_root_open(root);
                _cleanup_free_ char *name = NULL;
                Config *config = NULL;

                assert_int_equal(strprintf(&name, "broken/%s", broken[i].file), 0);
                test_config_install(root_fd, name);
                assert_int_equal(test_config_load(root_fd, &config, &messages), -EINVAL);
                assert_null(config);
                check_messages(name, &messages, broken[i].messages);
        }
}

static void test_nul_bytes(void **state)
{
        static const char text[] = "path /var/crash\nfinal_action re\0boot\n";
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);

        assert_int_equal(mkdirat(root_fd, "etc", 0700), 0);
        test_write(root_fd, "etc/kdump.conf", text, sizeof(text) - 1);
        check_refused(root_fd, "NUL bytes", -EINVAL,
                      "E /etc/kdump.conf:2: there is a NUL byte, expected text");
}

/* A file of @size bytes without a newline: "path /xxxx…". */
static void write_long(int root_fd, size_t size)
{
        _cleanup_free_ char *text = malloc(size);

        assert_non_null(text);
        memset(text, 'x', size);
        memcpy(text, "path /", 6);
        test_write(root_fd, "etc/kdump.conf", text, size);
}

static void test_long_lines_and_files(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);

        assert_int_equal(mkdirat(root_fd, "etc", 0700), 0);
        write_long(root_fd, 1024 * 1024);
        check_refused(root_fd, "1 MiB", -EINVAL,
                      "E /etc/kdump.conf:1: the line is 1048576 bytes long, expected at most "
                      "65536");
        write_long(root_fd, 65537);
        check_refused(root_fd, "64 KiB and one", -EINVAL,
                      "E /etc/kdump.conf:1: the line is 65537 bytes long, expected at most 65536");
        write_long(root_fd, 4 * 1024 * 1024 + 1);
        check_refused(root_fd, "4 MiB and one", -EFBIG,
                      "E /etc/kdump.conf: is larger than 4 MiB, expected a text file");
}

static void test_files_that_cannot_be_read(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);

        assert_int_equal(mkdirat(root_fd, "etc", 0700), 0);
        assert_int_equal(mkdirat(root_fd, "etc/kdump.conf", 0700), 0);
        check_refused(root_fd, "folder", -EISDIR,
                      "E /etc/kdump.conf: is a folder, expected a text file");
        assert_int_equal(unlinkat(root_fd, "etc/kdump.conf", AT_REMOVEDIR), 0);

        /* Not even root can read this one. */
        assert_int_equal(symlinkat("kdump.conf", root_fd, "etc/kdump.conf"), 0);
        check_refused(root_fd, "loop", -ELOOP,
                      "E /etc/kdump.conf: cannot be read (Too many levels of symbolic links), "
                      "expected a text file");
        assert_int_equal(unlinkat(root_fd, "etc/kdump.conf", 0), 0);

        assert_int_equal(symlinkat("nowhere", root_fd, "etc/kdump.conf"), 0);
        check_refused(root_fd, "dangling", -ENOENT,
                      "E /etc/kdump.conf: cannot be read (No such file or directory), expected a "
                      "text file");
        assert_int_equal(unlinkat(root_fd, "etc/kdump.conf", 0), 0);

        /* Nobody writes to it: reading would wait for ever. */
        assert_int_equal(mkfifoat(root_fd, "etc/kdump.conf", 0600), 0);
        check_refused(root_fd, "FIFO", -EINVAL,
                      "E /etc/kdump.conf: is not a regular file, expected a text file");
}

static void test_dropins_that_cannot_be_read(void **state)
{
        static const char *const expected[] = {
                "E /etc/kdump.conf:1: 'nr_cpus' is 'x', expected a number of CPUs up to 8192, or 0 "
                "to have it chosen",
                "E /etc/kdump.conf.d/1.conf: is a folder, expected a text file",
                "E /etc/kdump.conf.d/2.conf:1: 'path' has no value, expected an absolute path "
                "without '..'",
                NULL,
        };
        _cleanup_(config_messages_done) ConfigMessages messages = {};
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        Config *config = NULL;

        assert_int_equal(mkdirat(root_fd, "etc", 0700), 0);
        test_write_text(root_fd, "etc/kdump.conf", "nr_cpus x");
        assert_int_equal(mkdirat(root_fd, "etc/kdump.conf.d", 0700), 0);
        assert_int_equal(mkdirat(root_fd, "etc/kdump.conf.d/1.conf", 0700), 0);
        test_write_text(root_fd, "etc/kdump.conf.d/2.conf", "path\n");
        assert_int_equal(test_config_load(root_fd, &config, &messages), -EISDIR);
        assert_null(config);
        check_messages("drop-ins", &messages, expected);
}

static void test_dropin_folder_is_a_file(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);

        assert_int_equal(mkdirat(root_fd, "etc", 0700), 0);
        test_write_text(root_fd, "etc/kdump.conf.d", "");
        check_refused(root_fd, "drop-in folder", -ENOTDIR,
                      "E /etc/kdump.conf.d: cannot be read (Not a directory), expected a folder");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_broken_files),
                cmocka_unit_test(test_nul_bytes),
                cmocka_unit_test(test_long_lines_and_files),
                cmocka_unit_test(test_files_that_cannot_be_read),
                cmocka_unit_test(test_dropins_that_cannot_be_read),
                cmocka_unit_test(test_dropin_folder_is_a_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
