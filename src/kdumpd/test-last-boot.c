/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of last-boot-*.c: what is told of the boot before, on folders that look like a machine. */
#include "test-last-boot.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "raw-store.h"
#include "record.h"
#include "strv.h"

static void put_record(const Fixture *root, const char *folder, uint64_t crash_seconds,
                       const char *machine_id)
{
        DumpRecord record = {
                .status = DUMP_STATUS_COMPLETE,
                .hostname = (char[]){ "box" },
                .machine_id = (char *) machine_id,
                .kernel_release = (char[]){ "6.1" },
                .target = (char[]){ "folder '/var/crash'" },
                .format = (char[]){ "kdump" },
                .compression = (char[]){ "zstd" },
                .crash_realtime_usec = USEC(crash_seconds),
                .start_realtime_usec = USEC(crash_seconds) + 1,
                .generation = 5,
        };
        _cleanup_free_ char *json = NULL, *meta = NULL, *vmcore = NULL;

        assert_int_equal(dump_record_to_json(&record, &json), 0);
        assert_int_equal(strprintf(&meta, "%s/meta.json", folder), 0);
        assert_int_equal(strprintf(&vmcore, "%s/vmcore", folder), 0);
        fixture_write(root, meta, json);
        fixture_write(root, vmcore, "pages");
}

static void set_time(const Fixture *root, const char *path, uint64_t seconds)
{
        const struct timespec times[2] = { { .tv_sec = (time_t) seconds },
                                           { .tv_sec = (time_t) seconds } };

        assert_int_equal(utimensat(root->fd, root_relative(path), times, 0), 0);
}

/* What kdump-tools and others leave, or a capture that was cut short. */
static void put_bare(const Fixture *root, const char *folder, const char *file, uint64_t seconds)
{
        _cleanup_free_ char *path = NULL;

        assert_int_equal(strprintf(&path, "%s/%s", folder, file), 0);
        fixture_write(root, path, "pages");
        set_time(root, folder, seconds);
}

static void none(const Fixture *root)
{
}

static void recorded(const Fixture *root)
{
        put_record(root, "/var/crash/old", BEGAN - 60, MACHINE);
        put_record(root, "/var/crash/new", CRASHED, MACHINE);
}

static void older(const Fixture *root)
{
        put_record(root, "/var/crash/old", BEGAN - 60, MACHINE);
        put_bare(root, "/var/crash/older", "vmcore", BEGAN - 600);
}

/* The clock was set back between the start of that boot and the arming. */
static void early(const Fixture *root)
{
        put_record(root, "/var/crash/new", BEGAN + 1, MACHINE);
}

static void of_another_machine(const Fixture *root)
{
        put_record(root, "/var/crash/new", CRASHED, "ffffffffffffffffffffffffffffffff");
}

static void within_a_day(const Fixture *root)
{
        put_record(root, "/var/crash/new", BOOTED + DAY - 10, MACHINE);
}

static void of_the_future(const Fixture *root)
{
        put_record(root, "/var/crash/new", BOOTED + DAY + 10, MACHINE);
}

static void cut_short(const Fixture *root)
{
        put_bare(root, "/var/crash/new", "vmcore-incomplete", CRASHED);
}

static void elsewhere_on_disk(const Fixture *root)
{
        put_record(root, "/srv/dumps/new", CRASHED, MACHINE);
}

static void in_pstore(const Fixture *root)
{
        fixture_write(root, "/sys/fs/pstore/dmesg-efi-1", "panic");
        set_time(root, "/sys/fs/pstore/dmesg-efi-1", CRASHED);
        fixture_write(root, "/var/lib/systemd/pstore/77/dmesg.txt", "panic");
        set_time(root, "/var/lib/systemd/pstore/77", CRASHED);
        fixture_write(root, "/var/lib/systemd/pstore/66/dmesg.txt", "panic");
        set_time(root, "/var/lib/systemd/pstore/66", BEGAN - 60);
}

/* The folder is not one: what is in it cannot be told. */
static void hidden(const Fixture *root)
{
        fixture_write(root, "/var/crash", "");
}

static void raw_without(const Fixture *root)
{
        _cleanup_free_ char *zeros = calloc(1, 1 << 20);

        assert_non_null(zeros);
        fixture_write_bytes(root, "/dev/vda", zeros, 1 << 20);
}

static void raw_with(const Fixture *root)
{
        _cleanup_close_ int fd = -EBADF;
        RawStore store;

        raw_without(root);
        fd = root_open(root->fd, "/dev/vda", O_RDWR);
        assert_true(fd >= 0);
        assert_int_equal(raw_store_begin(fd, "box-1", &store), 0);
        assert_int_equal(raw_store_write(fd, &store), 0);
}

static void raw_moved(const Fixture *root)
{
        raw_without(root);
        recorded(root);
}

typedef struct LookCase {
        const char *name;
        const char *file; /* NULL: there is none */
        void (*put)(const Fixture *root);
        const char *config;
        bool no_boot_id;
        uint64_t booted_seconds; /* 0: BOOTED */
        const char *uptime, *fstab, *mount;
        uint64_t wait_seconds;
        LastBootVerdict verdict;
        const char *says, *hint;
} LookCase;

static void check_text(const LookCase *c, const char *text, const char *says)
{
        if (says && (!text || !strstr(text, says)))
                fail_msg("%s: '%s' does not say '%s'", c->name, text ?: "(null)", says);
}

static void check_look(const LookCase *c)
{
        _cleanup_(last_boot_finding_done) LastBootFinding finding = { 0 };
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_free_ char *mounts = NULL;

        fixture_init(&root);
        assert_int_equal(
                strprintf(&mounts, "22 1 254:1 / / rw - ext4 /dev/vda1 rw\n%s", c->mount ?: ""), 0);
        fixture_write(&root, "/proc/1/mountinfo", mounts);
        fixture_write(&root, "/etc/fstab", c->fstab ?: "");
        if (c->uptime)
                fixture_write(&root, "/proc/uptime", c->uptime);
        fixture_write(&root, "/etc/machine-id", MACHINE "\n");
        fixture_write(&root, "/etc/kdump.conf", c->config ?: "");
        put_boot(&root, c->no_boot_id ? NULL : THIS_BOOT "\n", c->booted_seconds ?: BOOTED);
        if (c->file)
                fixture_write(&root, PATH_LAST_BOOT, c->file);
        c->put(&root);

        assert_int_equal(last_boot_look(root.fd, &finding), 0);
        if (finding.verdict != c->verdict)
                fail_msg("%s: verdict %d (%s)", c->name, (int) finding.verdict, finding.text ?: "");
        check_text(c, finding.text, c->says);
        check_text(c, finding.hint, c->hint);
        assert_int_equal(finding.wait_usec, USEC(c->wait_seconds));
        if (c->verdict >= LAST_BOOT_UNWATCHED) {
                assert_int_equal(finding.generation, 5);
                assert_non_null(finding.hint);
        } else
                assert_null(finding.text);
}

/* Nothing is to be told. */
static void test_quiet_ends(void **state)
{
        static const LookCase cases[] = {
                { "first boot", NULL, none, .verdict = LAST_BOOT_UNKNOWN },
                { "no boot id", ARMED_FILE, none, .no_boot_id = true,
                  .verdict = LAST_BOOT_UNKNOWN },
                { "empty file", "", none, .verdict = LAST_BOOT_UNKNOWN },
                { "half a file", "{\"boot_id\":\"" OTHER_BOOT "\",", none,
                  .verdict = LAST_BOOT_UNKNOWN },
                { "no number", "{\"boot_id\":\"x\",\"armed_realtime_usec\":1,\"clean\":false}",
                  none, .verdict = LAST_BOOT_UNKNOWN },
                { "no word of the end",
                  "{\"boot_id\":\"x\",\"generation\":5,\"armed_realtime_usec\":1}", none,
                  .verdict = LAST_BOOT_UNKNOWN },
                { "this boot", FILE_OF(THIS_BOOT, ARMED, "false"), none,
                  .verdict = LAST_BOOT_THIS },
                { "clean", FILE_OF(OTHER_BOOT, ARMED, "true"), none, .verdict = LAST_BOOT_CLEAN },
                { "nothing armed",
                  "{\"boot_id\":\"x\",\"generation\":0,\"armed_realtime_usec\":1,\"clean\":false}",
                  none, .verdict = LAST_BOOT_CLEAN },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check_look(cases + i);
}

static void test_dump_is_found(void **state)
{
        static const LookCase cases[] = {
                { "recorded", ARMED_FILE, recorded, .verdict = LAST_BOOT_DUMPED,
                  .says = "its dump is '/var/crash/new'" },
                { "clock set back before arming", ARMED_FILE, early, .verdict = LAST_BOOT_DUMPED },
                { "clock ahead of this one", ARMED_FILE, within_a_day,
                  .verdict = LAST_BOOT_DUMPED },
                { "clock of this boot is long ago", ARMED_FILE, recorded, .booted_seconds = 77,
                  .verdict = LAST_BOOT_DUMPED },
                { "cut short", ARMED_FILE, cut_short, .verdict = LAST_BOOT_DUMPED,
                  .says = "which is not complete" },
                { "another folder", ARMED_FILE, elsewhere_on_disk, "path /srv/dumps\n",
                  .verdict = LAST_BOOT_DUMPED, .says = "'/srv/dumps/new'" },
                { "second target", ARMED_FILE, recorded, "nfs h:/x\nraw /dev/none\n",
                  .verdict = LAST_BOOT_DUMPED },
                { "root file system instead of a server", ARMED_FILE, recorded,
                  "ssh me@box\nfailure_action dump_to_rootfs\n", .verdict = LAST_BOOT_DUMPED },
                { "raw device", ARMED_FILE, raw_with, "raw /dev/vda\n", .verdict = LAST_BOOT_DUMPED,
                  .says = "its dump is '/dev/vda'" },
                /* The fallback image saves there, as it reaches no server. */
                { "the fallback image's", ARMED_FILE, recorded, "ssh me@box\n",
                  .verdict = LAST_BOOT_DUMPED, .says = "'/var/crash/new'" },
                { "moved from the raw device", ARMED_FILE, raw_moved, "raw /dev/vda\n",
                  .verdict = LAST_BOOT_DUMPED, .says = "'/var/crash/new'" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check_look(cases + i);
}

static void test_no_dump_is_told(void **state)
{
        static const LookCase cases[] = {
                { "no folder", ARMED_FILE, none, .verdict = LAST_BOOT_LOST,
                  .says = "with generation 5 armed and left no dump", .hint = "kdumpctl verify" },
                { "only older dumps", ARMED_FILE, older, .verdict = LAST_BOOT_LOST,
                  .says = "ended without an orderly shutdown, between 1970-01-1" },
                { "another machine's", ARMED_FILE, of_another_machine, .verdict = LAST_BOOT_LOST },
                { "a dump of the future", ARMED_FILE, of_the_future, .verdict = LAST_BOOT_LOST },
                { "file of the future", FILE_OF(OTHER_BOOT, 9000000, "false"), none,
                  .verdict = LAST_BOOT_LOST, .says = "after 1970-04-1" },
                { "pstore", ARMED_FILE, in_pstore, .verdict = LAST_BOOT_LOST,
                  .hint = "There is /sys/fs/pstore/dmesg-efi-1 /var/lib/systemd/pstore/77. The" },
                { "empty raw device", ARMED_FILE, raw_without, "raw /dev/vda\n",
                  .verdict = LAST_BOOT_LOST },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check_look(cases + i);
}

static void test_what_cannot_be_seen_is_named(void **state)
{
        static const LookCase cases[] = {
                { "server", ARMED_FILE, none, "ssh me@box\n", .verdict = LAST_BOOT_ELSEWHERE,
                  .says = "one may be on ssh me@box" },
                { "servers", ARMED_FILE, older, "ssh me@box\nnfs h:/x\n",
                  .verdict = LAST_BOOT_ELSEWHERE, .says = "(or 1 more)" },
                { "not mounted", ARMED_FILE, none, "ext4 UUID=not-there\n",
                  .verdict = LAST_BOOT_ELSEWHERE, .says = "ext4 UUID=not-there" },
                { "raw device is away", ARMED_FILE, none, "raw /dev/vda\n",
                  .verdict = LAST_BOOT_ELSEWHERE, .says = "raw /dev/vda" },
                { "folder cannot be read", ARMED_FILE, hidden, .verdict = LAST_BOOT_ELSEWHERE,
                  .says = "folder '/var/crash'" },
                { "configuration with errors", ARMED_FILE, none, "nonsense\npath relative\n",
                  .verdict = LAST_BOOT_ELSEWHERE, .says = "which has errors" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check_look(cases + i);
}

/* The file of a boot whose clock says that it began at @began, with more members. */
#define BOOT_WITH(began, more)                                                                     \
        "{\"boot_id\":\"" OTHER_BOOT "\",\"generation\":5,\"armed_realtime_usec\":" STR(           \
                began) "000030,\"boot_realtime_usec\":" STR(began) "000000,\"clean\":false," more  \
                                                                   "}"
#define SEEN "\"folders\":[\"/var/crash\"]"

/* A folder that the crash kernel's clock, without its time zone, has made. */
static void hours_before(const Fixture *root)
{
        put_bare(root, "/var/crash/new", "vmcore-incomplete", BEGAN - 8 * 3600);
}

static void days_before(const Fixture *root)
{
        put_bare(root, "/var/crash/new", "vmcore-incomplete", BEGAN - 30 * DAY / 10);
}

static void recorded_before(const Fixture *root)
{
        put_record(root, "/var/crash/new", BEGAN - 8 * 3600, MACHINE);
}

static void test_dumps_are_told_apart_by_name(void **state)
{
        static const LookCase cases[] = {
                { "known dump is of a boot before",
                  BOOT_WITH(BEGAN, SEEN ",\"dumps\":[\"/var/crash/old\",\"/var/crash/new\"]"),
                  recorded, .verdict = LAST_BOOT_LOST },
                { "another one is known", BOOT_WITH(BEGAN, SEEN ",\"dumps\":[\"/var/crash/old\"]"),
                  recorded, .verdict = LAST_BOOT_DUMPED },
                { "clock was set back between the boots", BOOT_WITH(9000000, SEEN), recorded,
                  .verdict = LAST_BOOT_DUMPED },
                { "it was, and the dump is known",
                  BOOT_WITH(9000000, SEEN ",\"dumps\":[\"/var/crash/old\",\"/var/crash/new\"]"),
                  recorded, .verdict = LAST_BOOT_LOST, .says = "by a clock that was set since" },
                { "it was, and names are not known",
                  BOOT_WITH(9000000, "\"folders\":[\"/elsewhere\"]"), recorded,
                  .verdict = LAST_BOOT_LOST },
                { "clock was set in that boot", BOOT_WITH(1005500, "\"clock_set\":true," SEEN),
                  recorded, .verdict = LAST_BOOT_DUMPED },
                { "clock was not", BOOT_WITH(1005500, SEEN), recorded, .verdict = LAST_BOOT_LOST },
                { "new one of the future", BOOT_WITH(BEGAN, SEEN), of_the_future,
                  .verdict = LAST_BOOT_DUMPED },
                { "folder has no time zone", BOOT_WITH(BEGAN, SEEN), hours_before,
                  .verdict = LAST_BOOT_DUMPED },
                { "folder is too old", BOOT_WITH(BEGAN, SEEN), days_before,
                  .verdict = LAST_BOOT_LOST },
                { "moved from a raw device after that boot had begun", BOOT_WITH(BEGAN, SEEN),
                  recorded_before, .verdict = LAST_BOOT_LOST },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check_look(cases + i);
}

#define DUMPS_MOUNT "30 22 254:17 / /srv rw - ext4 /dev/vdb1 rw\n"

static void test_mounts_are_waited_for(void **state)
{
        static const LookCase cases[] = {
                { "just booted", ARMED_FILE, none, .uptime = "30.52 7.11\n",
                  .verdict = LAST_BOOT_LOST, .wait_seconds = 270 },
                { "booted some time ago", ARMED_FILE, none, .uptime = "300.01 7.11\n",
                  .verdict = LAST_BOOT_LOST },
                { "just booted, with a dump", ARMED_FILE, recorded, .uptime = "30.52 7.11\n",
                  .verdict = LAST_BOOT_DUMPED },
                { "just booted, with a server", ARMED_FILE, none, "ssh me@box\n",
                  .uptime = "1.00 7.11\n", .verdict = LAST_BOOT_ELSEWHERE, .wait_seconds = 299 },
                { "no uptime", ARMED_FILE, none, .uptime = "x\n", .verdict = LAST_BOOT_LOST },
                { "in fstab, and not mounted", ARMED_FILE, none, "path /srv/dumps\n",
                  .fstab = "/dev/vdb1 /srv ext4 nofail 0 2\n", .verdict = LAST_BOOT_ELSEWHERE,
                  .says = "one may be on folder '/srv/dumps'" },
                { "in fstab, and mounted", ARMED_FILE, none, "path /srv/dumps\n",
                  .fstab = "/dev/vdb1 /srv ext4 nofail 0 2\n", .mount = DUMPS_MOUNT,
                  .verdict = LAST_BOOT_LOST },
                { "something else in fstab", ARMED_FILE, none, "path /srv/dumps\n",
                  .fstab = "/dev/vda1 / ext4 defaults 0 1\n/dev/vdb1 /srv/other ext4 nofail 0 2\n"
                           "/dev/vdc1 none swap sw 0 0\n",
                  .verdict = LAST_BOOT_LOST },
                { "mounted on demand", ARMED_FILE, none, "path /srv/dumps\n",
                  .mount = "30 22 0:40 / /srv rw - autofs systemd-1 rw,direct\n",
                  .verdict = LAST_BOOT_ELSEWHERE, .says = "folder '/srv/dumps'" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check_look(cases + i);
}

/* The daemon had ended, and nobody was there to see whether the system went down in order. */
static void test_nobody_watched(void **state)
{
        static const LookCase cases[] = {
                { "without a dump", BOOT_WITH(BEGAN, "\"unwatched\":true"), none,
                  .verdict = LAST_BOOT_UNWATCHED, .says = "in order is not known" },
                { "with one", BOOT_WITH(BEGAN, "\"unwatched\":true"), recorded,
                  .verdict = LAST_BOOT_DUMPED },
                { "with a server", BOOT_WITH(BEGAN, "\"unwatched\":true"), none, "ssh me@box\n",
                  .verdict = LAST_BOOT_UNWATCHED },
                { "by another word", BOOT_WITH(BEGAN, "\"unwatched\":1"), none,
                  .verdict = LAST_BOOT_UNKNOWN },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check_look(cases + i);
}

#define BEFORE "\"generation\":6,\"armed_realtime_usec\":7,\"before\":" ARMED_FILE "}"

/* Mounts were still waited for, or there was no time for that. */
static void test_what_was_not_told_is_kept(void **state)
{
        static const LookCase cases[] = {
                { "in this boot", "{\"boot_id\":\"" THIS_BOOT "\",\"clean\":false," BEFORE, none,
                  .verdict = LAST_BOOT_LOST, .says = "between 1970-01-1" },
                { "in the one after it", "{\"boot_id\":\"third\",\"clean\":true," BEFORE, none,
                  .verdict = LAST_BOOT_LOST },
                { "with a dump", "{\"boot_id\":\"" THIS_BOOT "\",\"clean\":false," BEFORE, recorded,
                  .verdict = LAST_BOOT_DUMPED },
                { "no object",
                  "{\"boot_id\":\"x\",\"generation\":6,\"armed_realtime_usec\":7,"
                  "\"clean\":true,\"before\":7}",
                  none, .verdict = LAST_BOOT_UNKNOWN },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                check_look(cases + i);
}

static void test_list_of_dumps(void **state)
{
        _cleanup_(last_boot_dumps_done) LastBootDumps dumps = { 0 }, fewer = { 0 };
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_free_ char *folders = NULL, *names = NULL, *rest = NULL;

        fixture_init(&root);
        fixture_write(&root, "/proc/1/mountinfo", "22 1 254:1 / / rw - ext4 /dev/vda1 rw\n");
        fixture_write(&root, "/etc/kdump.conf", "path /srv/dumps\n");
        fixture_folder(&root, "/var/crash/b");
        fixture_folder(&root, "/var/crash/a");
        fixture_folder(&root, "/var/crash/no\nname");
        fixture_folder(&root, "/var/crash/.hidden");
        assert_int_equal(last_boot_list(root.fd, &dumps), 0);
        assert_int_equal(strv_join(dumps.folders, &folders), 0);
        assert_int_equal(strv_join(dumps.dumps, &names), 0);
        assert_string_equal(folders, "/srv/dumps /var/crash");
        assert_string_equal(names, "/var/crash/a /var/crash/b");

        /* More than are written down, and a folder that is not mounted. */
        for (unsigned i = 0; i < 1001; i++) {
                _cleanup_free_ char *path = NULL;

                assert_int_equal(strprintf(&path, "/var/crash/%u", i), 0);
                fixture_folder(&root, path);
        }
        fixture_write(&root, "/etc/fstab", "/dev/vdb1 /srv ext4 nofail 0 2\n");
        assert_int_equal(last_boot_list(root.fd, &fewer), 0);
        assert_int_equal(strv_join(fewer.folders, &rest), 0);
        assert_string_equal(rest, "");
        assert_null(fewer.dumps);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_quiet_ends),
                cmocka_unit_test(test_dump_is_found),
                cmocka_unit_test(test_no_dump_is_told),
                cmocka_unit_test(test_what_cannot_be_seen_is_named),
                cmocka_unit_test(test_dumps_are_told_apart_by_name),
                cmocka_unit_test(test_mounts_are_waited_for),
                cmocka_unit_test(test_nobody_watched),
                cmocka_unit_test(test_what_was_not_told_is_kept),
                cmocka_unit_test(test_list_of_dumps),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
