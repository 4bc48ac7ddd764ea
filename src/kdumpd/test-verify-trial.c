/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of verify-trial.c, with scripts that stand for kdump-capture. */
#include "verify.h"

#include "test-verify-rows.h"

#include "io.h"
#include "rootdir.h"
#include "strv.h"

#define HEAD "#!/bin/sh\n"

/* Runs @script as the program; it finds the test's folder in $0. */
static void try_target(const Fixture *root, const char *script, Verify *v)
{
        _cleanup_free_ char *program = NULL, *work_dir = NULL;
        _cleanup_strv_ char **names = NULL;
        const Target target = { .type = TARGET_SSH,
                                .what = (char[]){ "me@server" },
                                .path = (char[]){ "/d" },
                                .sshkey = (char[]){ "/root/key" },
                                .known_hosts = (char[]){ "/etc/kdump/known_hosts/server-22" },
                                .connect_usec = 60 * USEC_PER_SEC,
                                .timeout_usec = 60 * USEC_PER_SEC };

        fixture_write(root, "/capture", script);
        fixture_mode(root, "/capture", 0755);
        fixture_folder(root, "/run");
        v->root_fd = root->fd;
        v->plan = plan_new();
        assert_non_null(v->plan);
        v->plan->collector.dump_level = 31;
        v->needs.files = calloc(1, sizeof(*v->needs.files));
        assert_non_null(v->needs.files);
        v->needs.n_files = 1;
        v->needs.files[0] = (NeededFile){ .target = strdup("/etc/kdump/known_hosts/server-22"),
                                          .text = strdup("server ssh-ed25519 AAAA\n"),
                                          .mode = 0600 };
        assert_int_equal(strprintf(&program, "%s/capture", root->path), 0);
        assert_int_equal(verify_trial_by(v, &target, "ssh me@server", 100 << 20, program, "/none"),
                         0);
        expect_row(&v->report, "target-write", CHECK_SKIPPED, "no folder can be made in '/none'");
        verify_report_done(&v->report);
        v->report = (VerifyReport){ 0 };

        assert_int_equal(strprintf(&work_dir, "%s/run", root->path), 0);
        assert_int_equal(verify_trial_by(v, &target, "ssh me@server", 100 << 20, program, work_dir),
                         0);
        /* Keys that were pinned do not stay. */
        assert_int_equal(root_list(root->fd, "/run", &names), 0);
        assert_null(names);
}

static void test_outcomes(void **state)
{
        static const struct {
                const char *script;
                CheckStatus status;
                const char *says;
        } cases[] = {
                { "echo '{\"target\":1,\"step\":\"done\",\"where\":\"/d/x\"}'", CHECK_OK,
                  "takes files, and lets them be removed" },
                { "echo '{\"step\":\"done\"}'", CHECK_OK, "No file was written" },
                { "echo '{\"step\":\"done\",\"where\":\"/d/x\",\"left\":true}'", CHECK_WARNING,
                  "'/d/x' could not be removed" },
                { "echo '{\"step\":\"open\",\"error\":\"Permission denied\",\"errno\":13}'; exit 3",
                  CHECK_FAILED, "it cannot be used: Permission denied" },
                { "echo '{\"step\":\"begin\",\"error\":\"Read-only file system\"}'; exit 3",
                  CHECK_FAILED, "no folder can be made there: Read-only" },
                { "echo '{\"step\":\"write\",\"error\":\"Disk quota exceeded\"}'; exit 3",
                  CHECK_FAILED, "no file can be written there: Disk quota" },
                { "echo '{\"step\":\"new\"}'; exit 3", CHECK_FAILED, "does not say why" },
                { "exit 1", CHECK_SKIPPED, "exit status 1" },
                { "echo nonsense", CHECK_SKIPPED, "could not be tried" },
                { "echo '{\"step\":5}'", CHECK_SKIPPED, "could not be tried" },
                { "echo '{\"step\":\"done\",\"room_bytes\":-1}'", CHECK_SKIPPED,
                  "could not be tried" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(test_verify_done) Verify v = { 0 };
                _cleanup_free_ char *script = NULL;

                fixture_init(&root);
                assert_int_equal(strprintf(&script, HEAD "%s\n", cases[i].script), 0);
                try_target(&root, script, &v);
                expect_row(&v.report, "target-write", cases[i].status, cases[i].says);
        }
}

static void test_room(void **state)
{
        static const struct {
                const char *room;
                CheckStatus status;
                const char *says;
        } cases[] = {
                { ",\"room_bytes\":1073741824", CHECK_OK, "1024 MiB are free, enough" },
                { ",\"room_bytes\":62914560", CHECK_WARNING, "60 MiB are free" },
                { ",\"room_bytes\":0", CHECK_FAILED, "0 MiB are free, too little" },
                { "", CHECK_SKIPPED, "cannot be told" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(test_verify_done) Verify v = { 0 };
                _cleanup_free_ char *script = NULL;

                fixture_init(&root);
                assert_int_equal(strprintf(&script,
                                           HEAD "echo '{\"step\":\"done\",\"where\":\"/x\"%s}'\n",
                                           cases[i].room),
                                 0);
                try_target(&root, script, &v);
                expect_row(&v.report, "target-room", cases[i].status, cases[i].says);
        }
}

/* The program gets the one target, with the pinned keys where it can read them. */
static void test_what_the_program_gets(void **state)
{
        static const char script[] =
                HEAD "here=$(dirname \"$0\")\ncp \"$2\" \"$here/plan\"\nstat -c %a \"$2\" "
                     ">\"$here/mode\"\n"
                     "cp \"$(dirname \"$2\")/known_hosts\" \"$here/keys\"\n"
                     "[ \"$1\" = try ] && echo '{\"step\":\"done\",\"where\":\"x\"}'\n";
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(test_verify_done) Verify v = { 0 };
        _cleanup_free_ char *keys = NULL, *mode = NULL, *json = NULL, *message = NULL;
        _cleanup_(plan_freep) Plan *plan = NULL;
        size_t size;

        fixture_init(&root);
        try_target(&root, script, &v);
        expect_row(&v.report, "target-write", CHECK_OK, "takes files");
        assert_int_equal(root_read_line(root.fd, "/keys", &keys), 0);
        assert_string_equal(keys, "server ssh-ed25519 AAAA");
        assert_int_equal(root_read_line(root.fd, "/mode", &mode), 0);
        assert_string_equal(mode, "600");
        assert_int_equal(root_read(root.fd, "/plan", 65536, &json, &size), 0);
        if (plan_from_json(json, size, &plan, &message) < 0)
                fail_msg("%s", message);
        assert_int_equal(plan->n_targets, 1);
        assert_string_equal(plan->targets[0].sshkey, "/root/key");
        assert_true(startswith(plan->targets[0].known_hosts, root.path));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_outcomes),
                cmocka_unit_test(test_room),
                cmocka_unit_test(test_what_the_program_gets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
