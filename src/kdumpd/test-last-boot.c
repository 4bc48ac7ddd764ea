/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of last-boot.c and last-boot-look.c on folders that look like a machine after a boot. */
#include "last-boot.h"

#include "test-fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "io.h"
#include "raw-store.h"
#include "record.h"
#include "rootdir.h"

#define THIS_BOOT "11111111-2222-3333-4444-555555555555"
#define OTHER_BOOT "99999999-2222-3333-4444-555555555555"
#define MACHINE "0123456789abcdef0123456789abcdef"
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

/* Seconds: the boot before this one began, armed, went down, and this one began. */
#define BEGAN 1000000
#define ARMED 1000030
#define CRASHED 1005000
#define BOOTED 1006000
#define DAY (24 * 3600)

#define STR_(x) #x
#define STR(x) STR_(x)
#define USEC(seconds) ((uint64_t) (seconds) *USEC_PER_SEC)

#define FILE_OF(id, armed, clean)                                                                  \
        "{\"boot_id\":\"" id "\",\"generation\":5,\"armed_realtime_usec\":" STR(                   \
                armed) "000000,\"boot_realtime_usec\":" STR(BEGAN) "000000,\"clean\":" clean "}"
#define ARMED_FILE FILE_OF(OTHER_BOOT, ARMED, "false")

static void put_boot(const Fixture *root, const char *boot_id, uint64_t began_seconds)
{
        _cleanup_free_ char *stat = NULL;

        if (boot_id)
                fixture_write(root, BOOT_ID, boot_id);
        assert_int_equal(strprintf(&stat, "cpu  1 2 3\nbtime %llu\nprocesses 9\n",
                                   (unsigned long long) began_seconds),
                         0);
        fixture_write(root, "/proc/stat", stat);
}

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

        fixture_init(&root);
        fixture_write(&root, "/proc/1/mountinfo", "22 1 254:1 / / rw - ext4 /dev/vda1 rw\n");
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
        if (c->verdict >= LAST_BOOT_DUMPED) {
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
                  .says = "went down between 1970-01-1" },
                { "another machine's", ARMED_FILE, of_another_machine, .verdict = LAST_BOOT_LOST },
                { "a dump of the future", ARMED_FILE, of_the_future, .verdict = LAST_BOOT_LOST },
                { "file of the future", FILE_OF(OTHER_BOOT, 9000000, "false"), none,
                  .verdict = LAST_BOOT_LOST, .says = "went down after 1970-04-1" },
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

static void check_file(const Fixture *root, const char *boot_id, uint64_t generation,
                       uint64_t armed_seconds, bool clean)
{
        _cleanup_(last_boot_done) LastBoot boot = { 0 };

        assert_int_equal(last_boot_read(root->fd, &boot), 0);
        assert_string_equal(boot.boot_id, boot_id);
        assert_int_equal(boot.generation, generation);
        assert_int_equal(boot.armed_realtime_usec, USEC(armed_seconds));
        assert_int_equal(boot.boot_realtime_usec, USEC(BEGAN));
        assert_true(boot.clean == clean);
}

static void test_file_is_written_only_when_it_changes(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        struct stat st;

        fixture_init(&root);
        put_boot(&root, THIS_BOOT "\n", BEGAN);
        assert_int_equal(last_boot_clean(root.fd, false), 0);
        assert_int_equal(last_boot_armed(root.fd, 5, USEC(ARMED)), 1);
        check_file(&root, THIS_BOOT, 5, ARMED, false);
        assert_int_equal(fstatat(root.fd, root_relative(PATH_LAST_BOOT), &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(last_boot_armed(root.fd, 5, USEC(ARMED + 1)), 0);
        /* Another image, and no time without one. */
        assert_int_equal(last_boot_armed(root.fd, 6, USEC(ARMED + 2)), 1);
        check_file(&root, THIS_BOOT, 6, ARMED, false);
        assert_int_equal(last_boot_clean(root.fd, false), 1);
        check_file(&root, THIS_BOOT, 6, ARMED, true);
        assert_int_equal(last_boot_clean(root.fd, false), 0);
        assert_int_equal(last_boot_armed(root.fd, 6, USEC(ARMED + 3)), 1);
        check_file(&root, THIS_BOOT, 6, ARMED + 3, false);
}

static void test_file_of_another_boot_stays_until_it_is_told(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;

        fixture_init(&root);
        put_boot(&root, THIS_BOOT "\n", BEGAN);
        fixture_write(&root, PATH_LAST_BOOT, ARMED_FILE);
        assert_int_equal(last_boot_clean(root.fd, false), 0);
        check_file(&root, OTHER_BOOT, 5, ARMED, false);
        assert_int_equal(last_boot_clean(root.fd, true), 1);
        check_file(&root, OTHER_BOOT, 5, ARMED, true);
        assert_int_equal(last_boot_clean(root.fd, true), 0);
        assert_int_equal(last_boot_armed(root.fd, 5, USEC(ARMED + 7)), 1);
        check_file(&root, THIS_BOOT, 5, ARMED + 7, false);
        fixture_write(&root, PATH_LAST_BOOT, "{");
        assert_int_equal(last_boot_clean(root.fd, true), 0);
        assert_int_equal(last_boot_clean(root.fd, false), 0);
        assert_int_equal(last_boot_armed(root.fd, 5, USEC(ARMED)), 1);
        check_file(&root, THIS_BOOT, 5, ARMED, false);
}

static void test_nothing_is_written_if_boots_cannot_be_told_apart(void **state)
{
        static const struct {
                const char *boot_id;
                int error;
        } cases[] = {
                { NULL, -ENOENT },
                { "", -EBADMSG },
                { "11111111-2222-3333-4444-55555555555\n", -EBADMSG },
                { "1111111g-2222-3333-4444-555555555555\n", -EBADMSG },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;

                fixture_init(&root);
                put_boot(&root, cases[i].boot_id, BEGAN);
                assert_int_equal(last_boot_armed(root.fd, 5, USEC(ARMED)), cases[i].error);
                assert_int_equal(last_boot_clean(root.fd, false), cases[i].error);
                assert_int_equal(faccessat(root.fd, root_relative(PATH_LAST_BOOT), F_OK, 0), -1);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_quiet_ends),
                cmocka_unit_test(test_dump_is_found),
                cmocka_unit_test(test_no_dump_is_told),
                cmocka_unit_test(test_what_cannot_be_seen_is_named),
                cmocka_unit_test(test_file_is_written_only_when_it_changes),
                cmocka_unit_test(test_file_of_another_boot_stays_until_it_is_told),
                cmocka_unit_test(test_nothing_is_written_if_boots_cannot_be_told_apart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
