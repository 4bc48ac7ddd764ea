/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of what kdump.conf sets: fixtures, order of targets and their settings, drop-ins, printing.
 */
#include "test-config.h"

#include <syslog.h>

#include "strv.h"

#define ANY_NUMBER SIZE_MAX

/* Loads what is below the folder; it must be fine, with @n_warnings. */
static Config *load(int root_fd, size_t n_warnings)
{
        _cleanup_(config_messages_done) ConfigMessages messages = {};
        Config *config = NULL;
        int r = test_config_load(root_fd, &config, &messages);

        for (size_t i = 0; i < messages.n_items; i++)
                if (messages.items[i].level == LOG_ERR)
                        fail_msg("%s", messages.items[i].text);
        assert_int_equal(r, 0);
        if (n_warnings != ANY_NUMBER)
                assert_int_equal(messages.n_items, n_warnings);
        return config;
}

static Config *load_text(const char *text, size_t n_warnings)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);

        assert_int_equal(mkdirat(root_fd, "etc", 0700), 0);
        test_write_text(root_fd, "etc/kdump.conf", text);
        return load(root_fd, n_warnings);
}

static Config *load_fixture(const char *name, size_t n_warnings)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);

        test_config_install(root_fd, name);
        return load(root_fd, n_warnings);
}

static void check_target(const Config *config, size_t i, TargetType type, const char *what,
                         const char *path, uint64_t timeout_sec)
{
        assert_true(i < config->n_targets);
        assert_int_equal(config->targets[i].type, type);
        if (what)
                assert_string_equal(config->targets[i].what, what);
        else
                assert_null(config->targets[i].what);
        assert_string_equal(config->targets[i].path, path);
        assert_int_equal(config->targets[i].timeout_usec, timeout_sec * USEC_PER_SEC);
}

static void check_words(char *const *list, const char *joined)
{
        _cleanup_free_ char *text = NULL;

        assert_int_equal(strv_join(list, &text), 0);
        assert_string_equal(text, joined);
}

static void check_defaults(const Config *config)
{
        assert_int_equal(config->n_targets, 1);
        check_target(config, 0, TARGET_PATH, NULL, "/var/crash", 120);
        assert_string_equal(config->targets[0].sshkey, "/root/.ssh/kdump_id_rsa");
        assert_int_equal(config->targets[0].deadline_usec, 0);
        assert_null(config->target_sources[0].file);
        assert_null(config->collector.argv);
        assert_int_equal(config->collector.dump_level, 31);
        assert_int_equal(config->collector.compression, COMPRESSION_LZO);
        assert_int_equal(config->collector.format, DUMP_FORMAT_KDUMP);
        assert_int_equal(config->failure_action, ACTION_REBOOT);
        assert_int_equal(config->final_action, ACTION_REBOOT);
        assert_null(config->kdump_pre);
        assert_null(config->extra_bins);
        assert_null(config->kernel);
        assert_int_equal(config->nr_cpus, 0);
        assert_false(config->force_rebuild || config->force_no_rebuild);
}

static void test_missing_files_mean_defaults(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_(config_freep) Config *config = load(root_fd, 0), *empty = load_text("", 0);

        check_defaults(config);
        check_defaults(empty);
}

static void test_fedora(void **state)
{
        _cleanup_(config_freep) Config *config = load_fixture("fedora.conf", 0);

        assert_true(config->auto_reset_crashkernel);
        config->auto_reset_crashkernel = false;
        check_defaults(config);
        assert_string_equal(config->sources[DIRECTIVE_PATH].file, "/etc/kdump.conf");
        assert_int_equal(config->sources[DIRECTIVE_PATH].line, 10);
        assert_int_equal(config->sources[DIRECTIVE_CORE_COLLECTOR].line, 11);
        assert_null(config->sources[DIRECTIVE_NR_CPUS].file);
}

static void check_all_settings(const Config *config)
{
        assert_int_equal(config->collector.dump_level, 17);
        assert_int_equal(config->collector.compression, COMPRESSION_ZSTD);
        assert_string_equal(config->kdump_pre, "/usr/local/sbin/before");
        assert_string_equal(config->kdump_post, "/usr/local/sbin/after");
        assert_string_equal(config->kdump_emergency, "/usr/local/sbin/emergency");
        assert_int_equal(config->failure_action, ACTION_DUMP_TO_ROOTFS);
        assert_int_equal(config->final_action, ACTION_POWEROFF);
        assert_int_equal(strv_length(config->extra_bins), 2);
        assert_string_equal(config->extra_bins[1], "/opt/with blank/tool");
        check_words(config->extra_modules, "virtio_blk dm-mod");
        assert_int_equal(strv_length(config->dracut_args), 4);
        assert_string_equal(config->dracut_args[3], "ext2 ext3");
        assert_true(config->force_rebuild);
        assert_false(config->force_no_rebuild);
        assert_string_equal(config->kernel, "6.1.0-18-amd64");
        assert_string_equal(config->commandline, "console=ttyS0 root=/dev/vda1");
        check_words(config->commandline_remove, "quiet hugepages");
        check_words(config->commandline_append, "rd.memdebug=2 nokaslr");
        assert_int_equal(config->nr_cpus, 2);
        assert_true(config->auto_reset_crashkernel);
        check_words(config->fence_kdump_nodes, "node1 node2");
        assert_string_equal(config->fence_kdump_args, "-p 7410 -f auto -c 0 -i 10");
}

static void check_url_target(const Target *target)
{
        assert_int_equal(target->type, TARGET_URL);
        assert_string_equal(target->what, "s3://dumps/of/all");
        assert_string_equal(target->credentials, "/etc/kdump/s3.secret");
        assert_string_equal(target->ca_file, "/etc/kdump/ca.pem");
        assert_string_equal(target->client_cert, "/etc/kdump/cert.pem");
        assert_string_equal(target->client_key, "/etc/kdump/key.pem");
        assert_string_equal(target->s3_endpoint, "https://[2001:db8::2]:7480");
        assert_string_equal(target->s3_region, "eu-central-1");
        assert_int_equal(target->connect_usec, 45 * USEC_PER_SEC);
}

static void check_all_targets(const Config *config)
{
        assert_int_equal(config->n_targets, 11);
        for (size_t i = 0; i < 11; i++)
                assert_int_equal(config->targets[i].deadline_usec,
                                 i == 2 ? 0 : 1800 * USEC_PER_SEC);
        check_target(config, 0, TARGET_FS, "UUID=0000-0002", "/srv/dumps", 300);
        assert_string_equal(config->targets[0].fstype, "ext2");
        assert_string_equal(config->targets[0].sshkey, "/root/.ssh/dump_key");
        check_target(config, 2, TARGET_FS, "UUID=2f8d1f5c-1d3b-4d7e-9d51-7e0f4c3a9a11", "/ext4",
                     90);
        check_target(config, 3, TARGET_FS, "LABEL=dumps", "/srv/dumps", 300);
        assert_string_equal(config->targets[3].fstype, "xfs");
        check_target(config, 6, TARGET_RAW, "/dev/vg/lv_kdump", "/srv/dumps", 300);
        assert_null(config->targets[6].fstype);
        check_target(config, 7, TARGET_NFS, "[2001:db8::1]:/export/dumps", "/nfs", 300);
        check_target(config, 8, TARGET_SSH, "kdump@collector.example.com", "/srv/dumps", 300);
        assert_string_equal(config->targets[8].sshkey, "/etc/kdump/key");
        assert_int_equal(config->targets[8].port, 2222);
        assert_int_equal(config->targets[8].connect_usec, 120 * USEC_PER_SEC);
        check_target(config, 9, TARGET_VIRTIOFS, "hostdumps", "/srv/dumps", 300);
        check_url_target(&config->targets[10]);
}

static void test_all(void **state)
{
        _cleanup_(config_freep) Config *config = load_fixture("all.conf", 2);

        check_all_settings(config);
        check_all_targets(config);
        assert_int_equal(config->target_sources[8].line, 19);
        assert_int_equal(config->setting_sources[8].of[DIRECTIVE_SSHKEY].line, 20);
        assert_int_equal(config->setting_sources[8].of[DIRECTIVE_PATH].line, 2);
}

static void test_printed_config_reads_the_same(void **state)
{
        static const struct {
                const char *name;
                size_t n_warnings;
        } fixtures[] = { { "all.conf", 2 }, { "fedora.conf", 0 }, { "awkward-but-fine.conf", 0 } };

        for (size_t i = 0; i < ELEMENTSOF(fixtures); i++) {
                _cleanup_(config_freep) Config *config = NULL, *again = NULL;
                _cleanup_free_ char *text = NULL, *second = NULL;
                size_t n_lines = 0, n_second = 0;

                config = load_fixture(fixtures[i].name, fixtures[i].n_warnings);
                assert_int_equal(config_format(config, &text), 0);
                again = load_text(text, ANY_NUMBER); /* what is not acted on is printed, too */
                assert_int_equal(config_format(again, &second), 0);
                if (i == 0) {
                        check_all_settings(again);
                        check_all_targets(again);
                }
                for (const char *p = text; *p; p++)
                        n_lines += *p == '\n';
                for (const char *p = second; *p; p++)
                        n_second += *p == '\n';
                assert_int_equal(n_lines, n_second);
        }
}

static void test_printed_config_names_sources(void **state)
{
        _cleanup_(config_freep) Config *config = load_text("\nnr_cpus 2\next4 UUID=1\npath /x", 0);
        _cleanup_free_ char *text = NULL;

        assert_int_equal(config_format(config, &text), 0);
        assert_non_null(strstr(text, "# /etc/kdump.conf:3\next4 UUID=1\n# /etc/kdump.conf:4\n"
                                     "path /x\n# default\ntarget_connect 120s\n"
                                     "# default\ntarget_timeout 120s\n"
                                     "# default\ntarget_deadline 0\n"));
        assert_non_null(strstr(text, "# /etc/kdump.conf:2\nnr_cpus 2\n"));
        assert_non_null(strstr(text, "# default\nfinal_action reboot\n"));
        assert_non_null(strstr(text, "# default\n#kernel: the running kernel\n"));
        assert_null(strstr(text, "sshkey"));
        assert_null(strstr(text, "s3_region"));
        assert_null(strstr(text, "credentials"));
}

static void test_quotes_survive_printing(void **state)
{
        static const char *const values[] = {
                "a \"b c\" d",    "\"a b\"",   "\"\"a b\"\"",
                "'a\"b' \"c'd\"", "'\"' \"\"", "x 'a \"'\"'\"",
        };

        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                _cleanup_(config_freep) Config *config = NULL, *again = NULL;
                _cleanup_free_ char *text = NULL, *printed = NULL;

                assert_int_equal(strprintf(&text, "extra_bins %s\n", values[i]), 0);
                config = load_text(text, 0);
                assert_int_equal(config_format(config, &printed), 0);
                again = load_text(printed, ANY_NUMBER);
                assert_int_equal(strv_length(again->extra_bins), strv_length(config->extra_bins));
                for (size_t j = 0; config->extra_bins[j]; j++)
                        assert_string_equal(again->extra_bins[j], config->extra_bins[j]);
        }
}

static void test_old_names(void **state)
{
        _cleanup_(config_freep) Config *config = load_fixture("old-names.conf", 8);

        assert_int_equal(config->failure_action, ACTION_SHELL);
        assert_int_equal(config->sources[DIRECTIVE_FAILURE_ACTION].line, 2);
}

static void test_awkward_but_fine(void **state)
{
        _cleanup_(config_freep) Config *config = load_fixture("awkward-but-fine.conf", 0);

        check_target(config, 0, TARGET_PATH, NULL, "/srv/my dumps", 120);
        assert_int_equal(config->final_action, ACTION_HALT);
        assert_string_equal(config->kdump_post, "/usr/sbin/report");
}

static void test_single_target_takes_settings_from_both_sides(void **state)
{
        _cleanup_(config_freep) Config *before = load_text("path /x\next4 UUID=1\n", 0);
        _cleanup_(config_freep) Config *behind = load_text("ext4 UUID=1\npath /x\n", 0);
        _cleanup_(config_freep) Config *both =
                load_text("target_timeout 5\next4 UUID=1\npath /x\n", 0);

        check_target(before, 0, TARGET_FS, "UUID=1", "/x", 120);
        check_target(behind, 0, TARGET_FS, "UUID=1", "/x", 120);
        check_target(both, 0, TARGET_FS, "UUID=1", "/x", 5);
}

static void test_settings_of_several_targets(void **state)
{
        _cleanup_(config_freep) Config *config = load_text("path /all\n"
                                                           "ext4 UUID=1\ntarget_timeout 30s\n"
                                                           "xfs UUID=2\npath /own\n"
                                                           "btrfs UUID=3\n",
                                                           0);

        assert_int_equal(config->n_targets, 3);
        check_target(config, 0, TARGET_FS, "UUID=1", "/all", 30);
        check_target(config, 1, TARGET_FS, "UUID=2", "/own", 120);
        check_target(config, 2, TARGET_FS, "UUID=3", "/all", 120);
}

/* Settings that have no default are taken from what holds for all, and replaced like others. */
static void test_general_settings_reach_their_targets(void **state)
{
        _cleanup_(config_freep) Config *config =
                load_text("ssh_port 2200\nca_file /all.pem\n"
                          "url https://one/x\nssh a@b\nurl https://two/x\nca_file /own.pem\n",
                          0);

        assert_string_equal(config->targets[0].ca_file, "/all.pem");
        assert_string_equal(config->targets[2].ca_file, "/own.pem");
        assert_int_equal(config->targets[1].port, 2200);
        assert_null(config->targets[1].credentials);
        assert_string_equal(config->targets[0].s3_region, "us-east-1");
        assert_int_equal(config->setting_sources[0].of[DIRECTIVE_CA_FILE].line, 2);
}

static Config *load_with_dropins(const char *text, const char *one, const char *two)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);

        assert_int_equal(mkdir_parents(root_fd, "etc/kdump.conf.d", 0700), 0);
        test_write_text(root_fd, "etc/kdump.conf", text);
        test_write_text(root_fd, "etc/kdump.conf.d/10-one.conf", one);
        if (two)
                test_write_text(root_fd, "etc/kdump.conf.d/20-two.conf", two);
        /* None of these count. */
        test_write_text(root_fd, "etc/kdump.conf.d/30.conf.bak", "nonsense");
        test_write_text(root_fd, "etc/kdump.conf.d/.40.conf", "nonsense");
        test_write_text(root_fd, "etc/kdump.conf.d/.conf", "nonsense");
        assert_int_equal(symlinkat("/dev/null", root_fd, "etc/kdump.conf.d/50.conf"), 0);
        return load(root_fd, 0);
}

static void test_dropins_replace_settings(void **state)
{
        _cleanup_(config_freep) Config *config =
                load_with_dropins("final_action halt\nextra_bins a b\nnr_cpus 1\n",
                                  "extra_bins c\nnr_cpus 2\n", "nr_cpus 3\npath /late\n");

        assert_int_equal(config->final_action, ACTION_HALT);
        check_words(config->extra_bins, "c");
        assert_int_equal(config->nr_cpus, 3);
        check_target(config, 0, TARGET_PATH, NULL, "/late", 120);
        assert_string_equal(config->sources[DIRECTIVE_NR_CPUS].file,
                            "/etc/kdump.conf.d/20-two.conf");
        assert_string_equal(config->sources[DIRECTIVE_EXTRA_BINS].file,
                            "/etc/kdump.conf.d/10-one.conf");
        assert_string_equal(config->sources[DIRECTIVE_FINAL_ACTION].file, "/etc/kdump.conf");
}

/* A root that another system was made in has links that mean its own files. */
static void test_links_stay_inside_of_the_root(void **state)
{
        _cleanup_test_root_ char *root = test_root_new(), *other = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root), other_fd = test_root_open(other);
        _cleanup_(config_freep) Config *inside = NULL, *outside = NULL, *none = NULL;
        _cleanup_(config_messages_done) ConfigMessages messages = {};
        _cleanup_free_ char *to = NULL;

        assert_int_equal(mkdir_parents(root_fd, "srv/dropins", 0700), 0);
        assert_int_equal(mkdir_parents(root_fd, "etc", 0700), 0);
        test_write_text(root_fd, "srv/real", "nr_cpus 3\npath /real\n");
        test_write_text(root_fd, "srv/dropins/a.conf", "nr_cpus 4\n");
        assert_int_equal(symlinkat("/srv/real", root_fd, "etc/kdump.conf"), 0);
        assert_int_equal(symlinkat("/../srv/dropins", root_fd, "etc/kdump.conf.d"), 0);
        inside = load(root_fd, 0);
        assert_int_equal(inside->nr_cpus, 4);
        check_target(inside, 0, TARGET_PATH, NULL, "/real", 120);

        /* As seen from the root, there is nothing at all. */
        test_write_text(other_fd, "a.conf", "nr_cpus 5\n");
        assert_int_equal(unlinkat(root_fd, "etc/kdump.conf.d", 0), 0);
        assert_int_equal(symlinkat(other, root_fd, "etc/kdump.conf.d"), 0);
        outside = load(root_fd, 0);
        assert_int_equal(outside->nr_cpus, 3);
        assert_int_equal(unlinkat(root_fd, "etc/kdump.conf", 0), 0);
        assert_int_equal(strprintf(&to, "%s/a.conf", other), 0);
        assert_int_equal(symlinkat(to, root_fd, "etc/kdump.conf"), 0);
        assert_int_equal(test_config_load(root_fd, &none, &messages), -ENOENT);
}

static void test_deadline_can_be_taken_back(void **state)
{
        _cleanup_(config_freep) Config *dropin =
                load_with_dropins("target_deadline 90s\n", "target_deadline 0\n", NULL);
        _cleanup_(config_freep) Config *one = load_text("ext4 UUID=1\ntarget_deadline 1500ms\n", 0);
        _cleanup_(config_freep) Config *several =
                load_text("target_deadline 10\next4 UUID=1\nxfs UUID=2\ntarget_deadline 0\n", 0);
        _cleanup_free_ char *text = NULL;

        assert_int_equal(dropin->targets[0].deadline_usec, 0);
        assert_string_equal(dropin->setting_sources[0].of[DIRECTIVE_TARGET_DEADLINE].file,
                            "/etc/kdump.conf.d/10-one.conf");
        assert_int_equal(several->targets[0].deadline_usec, 10 * USEC_PER_SEC);
        assert_int_equal(several->targets[1].deadline_usec, 0);
        assert_int_equal(config_format(several, &text), 0);
        assert_non_null(strstr(text, "# /etc/kdump.conf:1\ntarget_deadline 10s\n"));
        assert_non_null(strstr(text, "# /etc/kdump.conf:4\ntarget_deadline 0\n"));
        assert_int_equal(one->targets[0].deadline_usec, 1500 * USEC_PER_MSEC);
}

static void test_dropin_targets_replace_all_targets(void **state)
{
        _cleanup_(config_freep) Config *config = load_with_dropins(
                "path /main\next4 UUID=1\nxfs UUID=2\npath /own\n", "btrfs UUID=3\n", NULL);

        assert_int_equal(config->n_targets, 1);
        check_target(config, 0, TARGET_FS, "UUID=3", "/main", 120);
        assert_string_equal(config->target_sources[0].file, "/etc/kdump.conf.d/10-one.conf");
}

static void test_dropin_path_for_a_single_target(void **state)
{
        _cleanup_(config_freep) Config *config =
                load_with_dropins("ext4 UUID=1\npath /main\n", "path /dropin\n", NULL);

        check_target(config, 0, TARGET_FS, "UUID=1", "/dropin", 120);
}

static void test_dropin_path_leaves_a_targets_own(void **state)
{
        _cleanup_(config_freep) Config *config =
                load_with_dropins("ext4 UUID=1\npath /own\nxfs UUID=2\n", "path /dropin\n", NULL);

        check_target(config, 0, TARGET_FS, "UUID=1", "/own", 120);
        check_target(config, 1, TARGET_FS, "UUID=2", "/dropin", 120);
}

static void test_flat_format_only_where_nothing_can_seek(void **state)
{
        _cleanup_(config_freep) Config *fs = load_text("core_collector makedumpfile -F -l\n", 0);
        _cleanup_(config_freep) Config *ssh =
                load_text("core_collector makedumpfile -F -l\nssh a@b\n", 0);

        assert_int_equal(fs->collector.format, DUMP_FORMAT_KDUMP);
        assert_int_equal(ssh->collector.format, DUMP_FORMAT_FLAT);
}

static void test_collector_that_is_not_acted_on_yet(void **state)
{
        _cleanup_(config_freep) Config *zstd = load_text("core_collector makedumpfile -z\n", 0);
        _cleanup_(config_freep) Config *elf = load_text("core_collector makedumpfile -E\n", 1);
        _cleanup_(config_freep) Config *other = load_text("core_collector makedumpfile -x y\n", 0);

        assert_int_equal(zstd->collector.compression, COMPRESSION_ZSTD);
        assert_int_equal(elf->collector.format, DUMP_FORMAT_ELF);
        assert_non_null(other->collector.argv);
}

static void test_directive_table(void **state)
{
        for (Directive d = 0; d < _DIRECTIVE_MAX; d++) {
                const DirectiveInfo *info = directive_info(d);

                assert_non_null(info->name);
                assert_int_equal(directive_from_string(info->name), d);
                assert_true(info->type || info->kind == DIRECTIVE_KIND_REMOVED);
                assert_true(info->default_value || info->default_note || info->instead);
        }
        assert_true(directive_is_for(DIRECTIVE_PATH, TARGET_RAW));
        assert_false(directive_is_for(DIRECTIVE_PATH, TARGET_URL));
        assert_true(directive_is_for(DIRECTIVE_SSH_PORT, TARGET_SSH));
        assert_false(directive_is_for(DIRECTIVE_SSH_PORT, TARGET_NFS));
        assert_false(directive_is_for(DIRECTIVE_PATH, _TARGET_TYPE_INVALID));
        assert_false(directive_is_for(DIRECTIVE_PATH, _TARGET_TYPE_MAX));
        assert_false(directive_is_for(DIRECTIVE_NR_CPUS, TARGET_FS));
        assert_null(directive_info(_DIRECTIVE_MAX));
        assert_null(directive_info(_DIRECTIVE_INVALID));
        assert_null(directive_to_string(_DIRECTIVE_INVALID));
        assert_int_equal(directive_from_string(""), _DIRECTIVE_INVALID);
        assert_int_equal(directive_closest(""), _DIRECTIVE_INVALID);
        assert_int_equal(directive_closest("FINAL_ACTIONS"), DIRECTIVE_FINAL_ACTION);
        assert_int_equal(directive_closest("nfs4"), DIRECTIVE_NFS);
        assert_int_equal(directive_closest("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"),
                         _DIRECTIVE_INVALID);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_missing_files_mean_defaults),
                cmocka_unit_test(test_fedora),
                cmocka_unit_test(test_all),
                cmocka_unit_test(test_printed_config_reads_the_same),
                cmocka_unit_test(test_printed_config_names_sources),
                cmocka_unit_test(test_quotes_survive_printing),
                cmocka_unit_test(test_old_names),
                cmocka_unit_test(test_awkward_but_fine),
                cmocka_unit_test(test_single_target_takes_settings_from_both_sides),
                cmocka_unit_test(test_settings_of_several_targets),
                cmocka_unit_test(test_general_settings_reach_their_targets),
                cmocka_unit_test(test_dropins_replace_settings),
                cmocka_unit_test(test_links_stay_inside_of_the_root),
                cmocka_unit_test(test_deadline_can_be_taken_back),
                cmocka_unit_test(test_dropin_targets_replace_all_targets),
                cmocka_unit_test(test_dropin_path_for_a_single_target),
                cmocka_unit_test(test_dropin_path_leaves_a_targets_own),
                cmocka_unit_test(test_flat_format_only_where_nothing_can_seek),
                cmocka_unit_test(test_collector_that_is_not_acted_on_yet),
                cmocka_unit_test(test_directive_table),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
