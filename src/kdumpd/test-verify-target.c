/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of verify-target.c and verify-estimate.c. */
#include "verify.h"

#include "test-verify-rows.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "io.h"
#include "rootdir.h"
#include "strv.h"

#define MIB (UINT64_C(1024) * 1024)

static const char *const mountinfo = "22 1 254:1 / / rw - ext4 /dev/vda1 rw\n"
                                     "23 22 254:2 / /data rw - xfs /dev/vda2 rw\n"
                                     "24 22 0:30 /@home /home rw - btrfs /dev/vda3 rw\n"
                                     "25 22 254:4 / /old ro - ext4 /dev/vda4 ro\n"
                                     "26 22 0:60 / /shared rw - virtiofs tag rw\n";

static void make_system(Fixture *root)
{
        fixture_init(root);
        fixture_write(root, "/proc/1/mountinfo", mountinfo);
        for (int i = 1; i <= 5; i++) {
                char path[64], to[64];

                (void) snprintf(path, sizeof(path), "/dev/vda%d", i);
                fixture_write(root, path, "");
                (void) snprintf(path, sizeof(path), "/dev/disk/by-uuid/%d", i);
                (void) snprintf(to, sizeof(to), "../../vda%d", i);
                fixture_link(root, path, to);
                (void) snprintf(path, sizeof(path), "/sys/dev/block/254:%d", i);
                fixture_link(root, path, to);
        }
        fixture_folder(root, "/var/crash");
        fixture_folder(root, "/data");
        fixture_folder(root, "/home/dumps");
        fixture_folder(root, "/old");
        fixture_folder(root, "/shared");
        fixture_write(root, "/sys/class/block/vda5/size", "131072\n");
        fixture_write(root, "/sys/class/block/vda4/size", "36893488147419103232\n");
}

/* One target is enough: the checks of one do not see the others. */
static void look(const Fixture *root, TargetType type, const char *what, const char *path,
                 Verify *v)
{
        v->root_fd = root->fd;
        v->plan = plan_new();
        assert_non_null(v->plan);
        v->plan->collector.dump_level = 31;
        v->plan->targets = calloc(1, sizeof(Target));
        assert_non_null(v->plan->targets);
        v->plan->n_targets = 1;
        v->plan->targets[0] = (Target){
                .type = type, .what = strdup(what), .fstype = strdup("ext4"), .path = strdup(path)
        };
        assert_int_equal(verify_targets(v), 0);
}

static void test_targets(void **state)
{
        static const struct {
                TargetType type;
                const char *what, *path, *row;
                CheckStatus status;
                const char *says;
        } cases[] = {
                { TARGET_NFS, "host:/x", "/", "target-answer", CHECK_SKIPPED, "another system's" },
                { TARGET_SSH, "u@host", "/", "target-answer", CHECK_SKIPPED, "another system's" },
                { TARGET_URL, "https://host", "/", "target-answer", CHECK_SKIPPED,
                  "another system's" },
                { TARGET_VIRTIOFS, "tag", "/d", "target-folder", CHECK_OK, "'/shared/d'" },
                { TARGET_VIRTIOFS, "tag", "/d", "target-write", CHECK_OK, "" },
                { TARGET_VIRTIOFS, "other", "/", "target-write", CHECK_SKIPPED, "another system" },
                { TARGET_RAW, "/dev/vda5", "/", "target-device", CHECK_OK, "/dev/vda5" },
                { TARGET_RAW, "/dev/vda5", "/", "target-room", CHECK_SKIPPED, "64 MiB are free" },
                { TARGET_RAW, "/dev/vda4", "/", "target-room", CHECK_SKIPPED, "cannot be told" },
                { TARGET_RAW, "/dev/vda9", "/", "target-device", CHECK_FAILED, "'/dev/vda9'" },
                { TARGET_FS, "UUID=9", "/", "target-device", CHECK_FAILED, "'UUID=9'" },
                { TARGET_FS, "UUID=1", "/var/crash", "target-device", CHECK_OK, "/dev/vda1" },
                { TARGET_FS, "UUID=1", "/var/crash", "target-folder", CHECK_OK,
                  "'/var/crash' exists" },
                { TARGET_FS, "UUID=1", "/var/crash", "target-write", CHECK_OK, "" },
                { TARGET_FS, "UUID=1", "/var/crash", "target-room", CHECK_SKIPPED, "unknown" },
                { TARGET_FS, "UUID=1", "/var/crash", "dumps", CHECK_OK, "holds 0 dumps" },
                { TARGET_FS, "UUID=1", "/var/other/x", "target-folder", CHECK_OK,
                  "does not exist" },
                { TARGET_FS, "UUID=1", "/none", "target-folder", CHECK_OK, "does not exist" },
                { TARGET_FS, "UUID=1", "/none", "target-write", CHECK_OK, "" },
                { TARGET_FS, "UUID=1", "/dev/vda1", "target-folder", CHECK_FAILED,
                  "Not a directory" },
                { TARGET_FS, "UUID=1", "/data/x", "target-folder", CHECK_SKIPPED, "mounted over" },
                { TARGET_FS, "UUID=2", "/x", "target-folder", CHECK_OK, "'/data/x'" },
                { TARGET_FS, "UUID=3", "/@home/dumps", "target-folder", CHECK_OK,
                  "'/home/dumps' exists" },
                { TARGET_FS, "UUID=3", "/@", "target-folder", CHECK_SKIPPED, "another folder" },
                { TARGET_FS, "UUID=3", "/@homes", "target-folder", CHECK_SKIPPED,
                  "another folder" },
                { TARGET_FS, "UUID=4", "/", "target-write", CHECK_WARNING, "read-only on '/old'" },
                { TARGET_FS, "UUID=5", "/", "target-device", CHECK_OK, "/dev/vda5" },
                { TARGET_FS, "UUID=5", "/", "target-folder", CHECK_SKIPPED, "not mounted" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(test_verify_done) Verify v = { 0 };

                make_system(&root);
                look(&root, cases[i].type, cases[i].what, cases[i].path, &v);
                expect_row(&v.report, cases[i].row, cases[i].status, cases[i].says);
        }
}

/* A server of our own, which nobody answers for and which is gone then. */
static void test_somebody_answers(void **state)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        socklen_t size = sizeof(address);
        uint64_t took_usec = UINT64_MAX;
        unsigned port;

        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &address, size), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *) &address, &size), 0);
        port = ntohs(address.sin_port);
        assert_int_equal(listen(fd, 1), 0);
        assert_int_equal(verify_connect("127.0.0.1", port, 10 * USEC_PER_SEC, &took_usec), 0);
        assert_true(took_usec < 10 * USEC_PER_SEC);
        fd = close_fd(fd);
        assert_int_equal(verify_connect("127.0.0.1", port, 10 * USEC_PER_SEC, &took_usec),
                         -ECONNREFUSED);
        assert_int_equal(verify_connect("localhost", port, USEC_PER_SEC, &took_usec), -EINVAL);
}

static void test_root_file_system_is_the_last_target(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(test_verify_done) Verify v = { 0 };
        size_t n_rows;

        make_system(&root);
        look(&root, TARGET_FS, "UUID=2", "/", &v);
        n_rows = v.report.n_checks;
        v.plan->rootfs = calloc(1, sizeof(Target));
        assert_non_null(v.plan->rootfs);
        *v.plan->rootfs = (Target){ .type = TARGET_FS,
                                    .what = strdup("UUID=1"),
                                    .fstype = strdup("ext4"),
                                    .path = strdup("/var/crash") };
        assert_int_equal(verify_targets(&v), 0);
        assert_true(v.report.n_checks > 2 * n_rows);
        expect_row(&v.report, "target-folder", CHECK_OK, "'/var/crash' exists");
}

static void test_nothing_is_left_on_the_target(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(test_verify_done) Verify v = { 0 };
        _cleanup_strv_ char **names = NULL;

        make_system(&root);
        look(&root, TARGET_FS, "UUID=1", "/var/crash", &v);
        expect_row(&v.report, "target-write", CHECK_OK, "");
        assert_int_equal(root_list(root.fd, "/var/crash", &names), 0);
        assert_null(names);
}

static void test_missing_folder_is_not_made(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(test_verify_done) Verify v = { 0 };

        make_system(&root);
        look(&root, TARGET_FS, "UUID=1", "/var/new", &v);
        expect_no_row(&v.report, "dumps");
        assert_int_equal(faccessat(root.fd, "var/new", F_OK, 0), -1);
}

static void test_folder_that_cannot_be_written_to(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(test_verify_done) Verify v = { 0 };

        if (geteuid() == 0)
                skip();
        make_system(&root);
        fixture_mode(&root, "/var/crash", 0555);
        look(&root, TARGET_FS, "UUID=1", "/var/crash", &v);
        expect_row(&v.report, "target-write", CHECK_FAILED, "Permission denied");
}

static void test_last_dump(void **state)
{
        static const struct {
                const char *meta; /* NULL: none */
                const char *vmcore;
                CheckStatus status;
                const char *says;
        } cases[] = {
                { "{\"status\":\"complete\"}", "vmcore", CHECK_OK, "is complete" },
                { "{\"status\":\"incomplete\",\"reason\":\"disk full\"}", "vmcore-incomplete",
                  CHECK_WARNING, "disk full" },
                { "{\"status\":\"log-only\"}", "vmcore-incomplete", CHECK_WARNING,
                  "does not say why" },
                { "{", "vmcore", CHECK_WARNING, "cannot be read" },
                { NULL, "vmcore-incomplete", CHECK_WARNING, "no record" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(test_verify_done) Verify v = { 0 };
                _cleanup_free_ char *path = NULL;

                make_system(&root);
                assert_int_equal(strprintf(&path, "/var/crash/host-1/%s", cases[i].vmcore), 0);
                fixture_write(&root, path, "x");
                if (cases[i].meta)
                        fixture_write(&root, "/var/crash/host-1/meta.json", cases[i].meta);
                look(&root, TARGET_FS, "UUID=1", "/var/crash", &v);
                expect_row(&v.report, "dumps", CHECK_OK, "holds 1 dump of");
                expect_row(&v.report, "last-dump", cases[i].status, cases[i].says);
        }
}

/* A file with a hole is as long as a file system. */
static void test_dumps_that_take_too_much(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(test_verify_done) Verify v = { 0 };

        make_system(&root);
        fixture_write(&root, "/var/crash/host-1/vmcore", "x");
        {
                _cleanup_free_ char *path = NULL;

                assert_int_equal(strprintf(&path, "%s/var/crash/host-1/vmcore", root.path), 0);
                if (truncate(path, (off_t) (UINT64_C(4) << 40)) < 0)
                        skip();
        }
        look(&root, TARGET_FS, "UUID=1", "/var/crash", &v);
        expect_row(&v.report, "dumps", CHECK_WARNING, "remove old ones");
}

static void test_room(void **state)
{
        assert_int_equal(verify_room(0, 100), CHECK_SKIPPED);
        assert_int_equal(verify_room(100, 100), CHECK_OK);
        assert_int_equal(verify_room(100, 99), CHECK_WARNING);
        assert_int_equal(verify_room(100, 25), CHECK_WARNING);
        assert_int_equal(verify_room(100, 24), CHECK_FAILED);
        assert_int_equal(verify_room(UINT64_MAX, UINT64_MAX), CHECK_OK);
}

static void test_no_room_is_told(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(test_verify_done) Verify v = { 0 };

        make_system(&root);
        fixture_write(&root, "/proc/meminfo", "MemTotal: 9007199254740992 kB\n");
        look(&root, TARGET_FS, "UUID=1", "/var/crash", &v);
        expect_row(&v.report, "target-room", CHECK_FAILED, "name another target");
}

#define MEMINFO                                                                                    \
        "MemTotal:       1048576 kB\nMemFree:         524288 kB\nBuffers:           1024 kB\n"     \
        "Cached:          103424 kB\nSwapCached:           0 kB\nAnonPages:       204800 kB\n"     \
        "Shmem:             1024 kB\n"

static void test_estimate(void **state)
{
        static char other[] = "makedumpfile";
        static char *argv[] = { other, NULL };
        static const struct {
                const char *meminfo;
                uint64_t ram_bytes;
                Collector collector;
                uint64_t bytes;
        } cases[] = {
                /* 1/64 of the memory is the map, unless more of it is missing in MemTotal. */
                { MEMINFO, 0, { .dump_level = 0 }, 1040 * MIB },
                { MEMINFO, 1124 * MIB, { .dump_level = 0 }, 1124 * MIB },
                { MEMINFO, 0, { .dump_level = 16 }, 528 * MIB },
                { MEMINFO, 0, { .dump_level = 24 }, 328 * MIB },
                { MEMINFO, 0, { .dump_level = 31 }, 227 * MIB },
                { MEMINFO, 0, { .dump_level = 2 }, 939 * MIB },
                { MEMINFO, 0, { .dump_level = 31, .compression = COMPRESSION_LZO }, 227 * MIB / 2 },
                { MEMINFO, 0, { .argv = argv }, 0 },
                { "MemFree: 5 kB\n", 0, { .dump_level = 0 }, 0 },
                { "MemTotal: 64 kB\nMemFree: 512 kB\n", 0, { .dump_level = 31 }, 1024 },
                { "MemTotal: 99999999999999999999 kB\n", 0, { .dump_level = 31 }, 0 },
                { NULL, 0, { .dump_level = 31 }, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(verify_dump_estimate(cases[i].meminfo, cases[i].ram_bytes,
                                                      &cases[i].collector),
                                 cases[i].bytes);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_targets),
                cmocka_unit_test(test_somebody_answers),
                cmocka_unit_test(test_root_file_system_is_the_last_target),
                cmocka_unit_test(test_nothing_is_left_on_the_target),
                cmocka_unit_test(test_missing_folder_is_not_made),
                cmocka_unit_test(test_folder_that_cannot_be_written_to),
                cmocka_unit_test(test_last_dump),
                cmocka_unit_test(test_dumps_that_take_too_much),
                cmocka_unit_test(test_room),
                cmocka_unit_test(test_no_room_is_told),
                cmocka_unit_test(test_estimate),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
