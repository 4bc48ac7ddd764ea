/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of dump-folders.c: which folders are looked through. What is mounted is what this machine
 * has; none of these devices is. */
#include "dump-folders.h"

#include "strv.h"
#include "test.h"

static const Target folder = { .type = TARGET_PATH };
static const Target own_folder = { .type = TARGET_PATH, .path = (char[]){ "/srv" } };
static const Target ssh = { .type = TARGET_SSH, .what = (char[]){ "me@box" } };
static const Target nfs = { .type = TARGET_NFS,
                            .what = (char[]){ "box:/none" },
                            .path = (char[]){ "/x" } };
static const Target disk = { .type = TARGET_FS,
                             .what = (char[]){ "UUID=not-there" },
                             .path = (char[]){ "/srv" } };
static const Target device = { .type = TARGET_RAW, .what = (char[]){ "/dev/none" } };

#define TARGETS_MAX 2

typedef struct FolderCase {
        const Target *targets[TARGETS_MAX];
        Action failure_action;
        const char *folders; /* with blanks between */
} FolderCase;

static void test_folders(void **state)
{
        static const FolderCase cases[] = {
                { { &folder }, .folders = "/var/crash" },
                { { &own_folder }, .folders = "/srv" },
                { { &disk }, .folders = "" },
                { { &ssh, &disk }, .folders = "" },
                { { &ssh, &own_folder }, .folders = "/srv" },
                { { &device }, .folders = "/var/crash" },
                /* The fallback image reaches no server. */
                { { &ssh }, .folders = "/var/crash" },
                { { &nfs, &ssh }, .folders = "/var/crash" },
                { { &nfs, &ssh }, ACTION_DUMP_TO_ROOTFS, .folders = "/x /var/crash" },
                { { &disk }, ACTION_DUMP_TO_ROOTFS, .folders = "/srv" },
                { .folders = "/general" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const FolderCase *c = cases + i;
                Target targets[TARGETS_MAX] = { 0 };
                Config config = {
                        .targets = targets,
                        .failure_action = c->failure_action,
                        .general.path = (char[]){ "/general" },
                };
                _cleanup_strv_ char **folders = NULL;
                _cleanup_free_ char *text = NULL;

                for (; config.n_targets < TARGETS_MAX && c->targets[config.n_targets];
                     config.n_targets++)
                        targets[config.n_targets] = *c->targets[config.n_targets];
                assert_int_equal(dump_folders(&config, NULL, &folders), 0);
                assert_int_equal(strv_join(folders, &text), 0);
                if (!streq(text, c->folders))
                        fail_msg("case %zu: '%s', not '%s'", i, text, c->folders);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_folders),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
