/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of watch*.c on real folders. The kernel queues an event before the call that caused it
 * returns, so there is nothing to wait for. */
#include "watch.h"

#include "test-fixture.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "io.h"
#include "parse.h"
#include "rootdir.h"
#include "strv.h"

typedef struct Bed {
        Fixture root;
        sd_event *event;
        Watch *watch;
        char **seen;           /* "<class> <path>" */
        const WatchPath *next; /* the handler sets this path */
} Bed;

static void on_change(const char *path, WatchClass class, void *userdata)
{
        Bed *bed = userdata;

        assert_int_equal(strv_extendf(&bed->seen, "%i %s", path ? (int) class : -1, path ?: "-"),
                         0);
        if (bed->next) {
                assert_int_equal(watch_set(bed->watch, bed->root.fd, bed->next, 1), 0);
                bed->next = NULL;
        }
}

static void bed_init(Bed *bed)
{
        *bed = (Bed){ 0 };
        fixture_init(&bed->root);
        assert_int_equal(sd_event_new(&bed->event), 0);
        assert_int_equal(watch_new(bed->event, on_change, bed, &bed->watch), 0);
}

static void bed_done(Bed *bed)
{
        watch_free(bed->watch);
        sd_event_unref(bed->event);
        strv_free(bed->seen);
        fixture_done(&bed->root);
}
#define _cleanup_bed_ _cleanup_(bed_done)

static void run(Bed *bed)
{
        int r;

        do {
                r = sd_event_run(bed->event, 0);
                assert_true(r >= 0);
        } while (r > 0);
}

/* What was told since the last time, each once, sorted, joined with a blank. */
static void assert_seen(Bed *bed, const char *expected)
{
        _cleanup_strv_ char **once = NULL;
        _cleanup_free_ char *text = NULL;

        run(bed);
        strv_sort(bed->seen);
        for (char **line = bed->seen; line && *line; line++)
                if (!strv_contains(once, *line))
                        assert_int_equal(strv_extend(&once, *line), 0);
        assert_int_equal(strv_join(once, &text), 0);
        assert_string_equal(text, expected);
        bed->seen = strv_free(bed->seen);
}

static void set(Bed *bed, const WatchPath *paths, size_t n)
{
        assert_int_equal(watch_set(bed->watch, bed->root.fd, paths, n), 0);
        assert_null(watch_warning(bed->watch));
}

static void make_link(const Bed *bed, const char *path, const char *to)
{
        fixture_link(&bed->root, path, to);
}

static void move(const Bed *bed, const char *from, const char *to)
{
        assert_int_equal(
                renameat(bed->root.fd, root_relative(from), bed->root.fd, root_relative(to)), 0);
}

static void drop(const Bed *bed, const char *path, int flags)
{
        assert_int_equal(unlinkat(bed->root.fd, root_relative(path), flags), 0);
}

static void test_whatever_changes_a_file_is_told(void **state)
{
        static const WatchPath paths[] = { { "/lib/libz.so.1", WATCH_BASE },
                                           { "/etc/kdump.conf", WATCH_OVERLAY } };
        _cleanup_bed_ Bed bed;

        bed_init(&bed);
        fixture_write(&bed.root, "/lib/libz.so.1", "a");
        fixture_write(&bed.root, "/etc/kdump.conf", "a");
        set(&bed, paths, ELEMENTSOF(paths));
        assert_seen(&bed, "");

        /* In place, as editors of the simple kind do. */
        fixture_write(&bed.root, "/etc/kdump.conf", "b");
        assert_seen(&bed, "0 /etc/kdump.conf");

        /* As dpkg does, and editors of the careful kind. */
        fixture_write(&bed.root, "/lib/libz.so.1.dpkg-new", "b");
        assert_seen(&bed, "");
        move(&bed, "/lib/libz.so.1.dpkg-new", "/lib/libz.so.1");
        assert_seen(&bed, "1 /lib/libz.so.1");

        assert_int_equal(utimensat(bed.root.fd, "etc/kdump.conf", NULL, 0), 0);
        assert_seen(&bed, "0 /etc/kdump.conf");
        fixture_mode(&bed.root, "/etc/kdump.conf", 0600);
        assert_seen(&bed, "0 /etc/kdump.conf");
        move(&bed, "/etc/kdump.conf", "/etc/kdump.conf~");
        assert_seen(&bed, "0 /etc/kdump.conf");
        assert_int_equal(linkat(bed.root.fd, "etc/kdump.conf~", bed.root.fd, "etc/kdump.conf", 0),
                         0);
        assert_seen(&bed, "0 /etc/kdump.conf");
        drop(&bed, "/etc/kdump.conf", 0);
        assert_seen(&bed, "0 /etc/kdump.conf");
        fixture_write(&bed.root, "/etc/kdump.conf", "");
        fixture_write(&bed.root, "/lib/libz.so.1", "");
        assert_seen(&bed, "0 /etc/kdump.conf 1 /lib/libz.so.1");
}

static void test_nothing_else_is_told(void **state)
{
        static const WatchPath path = { "/etc/kdump.conf", WATCH_OVERLAY };
        _cleanup_bed_ Bed bed;
        _cleanup_free_ char *line = NULL;

        bed_init(&bed);
        fixture_write(&bed.root, "/etc/kdump.conf", "a\n");
        set(&bed, &path, 1);
        fixture_write(&bed.root, "/etc/.kdump.conf.swp", "b");
        fixture_write(&bed.root, "/etc/kdump.conf.d", "b");
        fixture_write(&bed.root, "/kdump.conf", "b");
        fixture_folder(&bed.root, "/etc/sub");
        fixture_mode(&bed.root, "/etc", 0700);
        assert_int_equal(root_read_line(bed.root.fd, "/etc/kdump.conf", &line), 0);
        assert_seen(&bed, "");
}

static void test_each_entry_of_a_folder_counts(void **state)
{
        static const WatchPath paths[] = { { "/etc/kdump/post.d/", WATCH_OVERLAY },
                                           { "/etc/kdump/post.d/10-x", WATCH_KERNEL } };
        _cleanup_bed_ Bed bed;

        bed_init(&bed);
        fixture_folder(&bed.root, "/etc/kdump/post.d");
        set(&bed, paths, ELEMENTSOF(paths));
        fixture_write(&bed.root, "/etc/kdump/post.d/10-x", "a");
        fixture_write(&bed.root, "/etc/kdump/post.d/20-y", "a");
        assert_seen(&bed, "0 /etc/kdump/post.d/10-x 0 /etc/kdump/post.d/20-y "
                          "2 /etc/kdump/post.d/10-x");
        drop(&bed, "/etc/kdump/post.d/20-y", 0);
        assert_seen(&bed, "0 /etc/kdump/post.d/20-y");

        drop(&bed, "/etc/kdump/post.d/10-x", 0);
        drop(&bed, "/etc/kdump/post.d", AT_REMOVEDIR);
        assert_seen(&bed, "0 /etc/kdump/post.d/ 0 /etc/kdump/post.d/10-x "
                          "2 /etc/kdump/post.d/10-x");
        fixture_folder(&bed.root, "/etc/kdump/post.d");
        assert_seen(&bed, "0 /etc/kdump/post.d/ 2 /etc/kdump/post.d/10-x");
        fixture_write(&bed.root, "/etc/kdump/post.d/30-z", "a");
        assert_seen(&bed, "0 /etc/kdump/post.d/30-z");
}

static void test_path_that_does_not_exist_yet(void **state)
{
        static const WatchPath path = { "/a/b/c/key", WATCH_OVERLAY };
        _cleanup_bed_ Bed bed;

        bed_init(&bed);
        set(&bed, &path, 1);
        fixture_folder(&bed.root, "/x");
        assert_seen(&bed, "");
        fixture_folder(&bed.root, "/a");
        assert_seen(&bed, "0 /a/b/c/key");
        fixture_folder(&bed.root, "/a/b/c");
        assert_seen(&bed, "0 /a/b/c/key");
        fixture_write(&bed.root, "/a/b/c/key", "1");
        assert_seen(&bed, "0 /a/b/c/key");

        /* All at once: the file is there before its folder is watched. */
        drop(&bed, "/a/b/c/key", 0);
        drop(&bed, "/a/b/c", AT_REMOVEDIR);
        assert_seen(&bed, "0 /a/b/c/key");
        fixture_write(&bed.root, "/a/b/c/key", "2");
        assert_seen(&bed, "0 /a/b/c/key");
        fixture_write(&bed.root, "/a/b/c/key", "3");
        assert_seen(&bed, "0 /a/b/c/key");
}

static void test_links_are_watched_at_both_ends(void **state)
{
        static const WatchPath path = { "/boot/vmlinuz", WATCH_KERNEL };
        _cleanup_bed_ Bed bed;

        bed_init(&bed);
        fixture_write(&bed.root, "/usr/lib/kernel/6.1/vmlinuz", "1");
        fixture_write(&bed.root, "/usr/lib/kernel/6.2/vmlinuz", "2");
        make_link(&bed, "/boot/vmlinuz", "../lib/kernel/now/vmlinuz");
        make_link(&bed, "/lib", "/usr/./lib");
        make_link(&bed, "/usr/lib/kernel/now", "6.1");
        set(&bed, &path, 1);
        fixture_write(&bed.root, "/usr/lib/kernel/6.1/vmlinuz", "1");
        assert_seen(&bed, "2 /boot/vmlinuz");
        fixture_write(&bed.root, "/usr/lib/kernel/6.2/vmlinuz", "1");
        assert_seen(&bed, "");

        /* A link on the way leads elsewhere. */
        make_link(&bed, "/usr/lib/kernel/new", "6.2");
        assert_seen(&bed, "");
        move(&bed, "/usr/lib/kernel/new", "/usr/lib/kernel/now");
        assert_seen(&bed, "2 /boot/vmlinuz");
        fixture_write(&bed.root, "/usr/lib/kernel/6.2/vmlinuz", "1");
        assert_seen(&bed, "2 /boot/vmlinuz");
        fixture_write(&bed.root, "/usr/lib/kernel/6.1/vmlinuz", "1");
        assert_seen(&bed, "");

        /* The link itself becomes a file, and a link again. */
        drop(&bed, "/boot/vmlinuz", 0);
        fixture_write(&bed.root, "/boot/vmlinuz", "3");
        assert_seen(&bed, "2 /boot/vmlinuz");
        fixture_write(&bed.root, "/usr/lib/kernel/6.2/vmlinuz", "1");
        assert_seen(&bed, "");
        drop(&bed, "/boot/vmlinuz", 0);
        make_link(&bed, "/boot/vmlinuz", "/usr/lib/kernel/6.1/vmlinuz");
        assert_seen(&bed, "2 /boot/vmlinuz");
        fixture_write(&bed.root, "/usr/lib/kernel/6.1/vmlinuz", "1");
        assert_seen(&bed, "2 /boot/vmlinuz");
}

static void test_links_that_lead_nowhere(void **state)
{
        static const WatchPath paths[] = { { "/round", WATCH_OVERLAY },
                                           { "/gone/", WATCH_OVERLAY },
                                           { "/up", WATCH_OVERLAY },
                                           { "/", WATCH_KERNEL },
                                           { "", WATCH_BASE } };
        _cleanup_bed_ Bed bed;

        bed_init(&bed);
        make_link(&bed, "/round", "/about");
        make_link(&bed, "/about", "round");
        make_link(&bed, "/gone", "there/it/is");
        make_link(&bed, "/up", "../../../../file");
        set(&bed, paths, ELEMENTSOF(paths));
        fixture_folder(&bed.root, "/there/it/is");
        assert_seen(&bed, "0 /gone/ 2 /there");
        fixture_write(&bed.root, "/there/it/is/x", "a");
        assert_seen(&bed, "0 /gone/x");
        fixture_write(&bed.root, "/file", "a");
        assert_seen(&bed, "0 /up 2 /file");
        drop(&bed, "/about", 0);
        assert_seen(&bed, "0 /round 2 /about");
}

static void test_another_folder_in_the_place(void **state)
{
        static const WatchPath path = { "/a/b/c/file", WATCH_BASE };
        _cleanup_bed_ Bed bed;

        bed_init(&bed);
        fixture_write(&bed.root, "/a/b/c/file", "1");
        fixture_write(&bed.root, "/n/c/file", "2");
        set(&bed, &path, 1);
        move(&bed, "/a/b", "/a/old");
        assert_seen(&bed, "1 /a/b/c/file");
        fixture_write(&bed.root, "/a/old/c/file", "1");
        assert_seen(&bed, "");
        move(&bed, "/n", "/a/b");
        assert_seen(&bed, "1 /a/b/c/file");
        fixture_write(&bed.root, "/a/b/c/file", "1");
        assert_seen(&bed, "1 /a/b/c/file");
}

static void test_set_replaces_what_was(void **state)
{
        static const WatchPath first = { "/a/x", WATCH_BASE }, second = { "/b/y", WATCH_KERNEL };
        _cleanup_bed_ Bed bed;

        bed_init(&bed);
        fixture_folder(&bed.root, "/a");
        fixture_folder(&bed.root, "/b");
        set(&bed, &first, 1);
        set(&bed, &second, 1);
        fixture_write(&bed.root, "/a/x", "");
        fixture_write(&bed.root, "/b/y", "");
        assert_seen(&bed, "2 /b/y");

        /* Also from the handler. */
        bed.next = &first;
        fixture_write(&bed.root, "/b/y", "");
        assert_seen(&bed, "2 /b/y");
        fixture_write(&bed.root, "/b/y", "");
        fixture_write(&bed.root, "/a/x", "");
        assert_seen(&bed, "1 /a/x");
        set(&bed, NULL, 0);
        fixture_write(&bed.root, "/a/x", "");
        assert_seen(&bed, "");
}

static void test_many_paths(void **state)
{
        enum { N = 600 };
        char names[N][32];
        WatchPath paths[N];
        _cleanup_bed_ Bed bed;

        bed_init(&bed);
        for (size_t i = 0; i < N; i++) {
                (void) snprintf(names[i], sizeof(names[i]), "/usr/d%zu/f%zu", i / 2, i);
                fixture_write(&bed.root, names[i], "");
                paths[i] = (WatchPath){ names[i], WATCH_BASE };
        }
        set(&bed, paths, N);
        fixture_write(&bed.root, names[N - 1], "");
        fixture_write(&bed.root, names[0], "");
        assert_seen(&bed, "1 /usr/d0/f0 1 /usr/d299/f599");

        /* All of them are concerned; each is told. */
        move(&bed, "/usr", "/other");
        run(&bed);
        assert_int_equal(strv_length(bed.seen), N);
}

static void test_lost_events_are_told(void **state)
{
        static const WatchPath paths[] = { { "/d/", WATCH_OVERLAY }, { "/f", WATCH_BASE } };
        _cleanup_free_ char *line = NULL;
        _cleanup_bed_ Bed bed;
        uint32_t n = 0;

        if (file_read_line(AT_FDCWD, "/proc/sys/fs/inotify/max_queued_events", &line) < 0 ||
            parse_u32(line, &n) < 0 || n > 200000)
                skip();
        bed_init(&bed);
        fixture_write(&bed.root, "/d/a", "");
        fixture_write(&bed.root, "/d/b", "");
        set(&bed, paths, ELEMENTSOF(paths));
        /* Equal events are merged, so they take turns. */
        for (uint32_t i = 0; i <= n; i++)
                assert_int_equal(utimensat(bed.root.fd, i % 2 ? "d/a" : "d/b", NULL, 0), 0);
        fixture_write(&bed.root, "/f", "");
        assert_seen(&bed, "-1 - 0 /d/a 0 /d/b");
        fixture_write(&bed.root, "/f", "");
        assert_seen(&bed, "1 /f");
}

static bool write_proc(const char *path, const char *text)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

        return fd >= 0 && write_full(fd, text, strlen(text)) == 0;
}

static bool enter_namespaces(void)
{
        _cleanup_free_ char *uids = NULL, *gids = NULL;

        return strprintf(&uids, "0 %u 1", (unsigned) geteuid()) == 0 &&
               strprintf(&gids, "0 %u 1", (unsigned) getegid()) == 0 &&
               unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
               write_proc("/proc/self/uid_map", uids) &&
               write_proc("/proc/self/setgroups", "deny") && write_proc("/proc/self/gid_map", gids);
}

/* In namespaces of its own, so that limits are ours to lower and file systems ours to mount. Skips
 * where that is not allowed. @body ends with _exit(). */
static void in_namespaces(void (*body)(void))
{
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                if (enter_namespaces())
                        body();
                _exit(77);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 77)
                skip();
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void limit_body(void)
{
        static const WatchPath paths[] = { { "/a/x", WATCH_BASE },
                                           { "/b/y", WATCH_BASE },
                                           { "/c/z", WATCH_BASE } };
        Bed bed;

        if (!write_proc("/proc/sys/user/max_inotify_watches", "2"))
                _exit(77);
        bed_init(&bed);
        fixture_folder(&bed.root, "/a");
        fixture_folder(&bed.root, "/b");
        fixture_folder(&bed.root, "/c");
        if (watch_set(bed.watch, bed.root.fd, paths, ELEMENTSOF(paths)) != 0)
                _exit(1);
        if (!watch_warning(bed.watch) || !strstr(watch_warning(bed.watch), "'/b'") ||
            !strstr(watch_warning(bed.watch), "max_user_watches") ||
            !strstr(watch_warning(bed.watch), "2 folders are not watched"))
                _exit(2);
        fixture_write(&bed.root, "/a/x", "");
        fixture_write(&bed.root, "/b/y", "");
        run(&bed);
        if (strv_length(bed.seen) != 1 || !streq(bed.seen[0], "1 /a/x"))
                _exit(3);
        bed_done(&bed);
        _exit(0);
}

static void test_limit_is_told_and_the_rest_watched(void **state)
{
        in_namespaces(limit_body);
}

static void unmount_body(void)
{
        static const WatchPath path = { "/mnt/deep/file", WATCH_BASE };
        _cleanup_free_ char *mnt = NULL;
        Bed bed;

        bed_init(&bed);
        fixture_folder(&bed.root, "/mnt");
        if (strprintf(&mnt, "%s/mnt", bed.root.path) < 0 ||
            mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", mnt, "tmpfs", 0, NULL) < 0)
                _exit(77);
        fixture_write(&bed.root, "/mnt/deep/file", "");
        if (watch_set(bed.watch, bed.root.fd, &path, 1) != 0 || watch_warning(bed.watch))
                _exit(1);
        if (umount2(mnt, 0) < 0)
                _exit(2);
        run(&bed);
        if (!strv_contains(bed.seen, "1 /mnt/deep/file"))
                _exit(3);
        bed.seen = strv_free(bed.seen);
        fixture_write(&bed.root, "/mnt/deep/file", "");
        run(&bed);
        if (!strv_contains(bed.seen, "1 /mnt/deep/file"))
                _exit(4);
        bed_done(&bed);
        _exit(0);
}

static void test_unmount_is_told(void **state)
{
        in_namespaces(unmount_body);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_whatever_changes_a_file_is_told),
                cmocka_unit_test(test_nothing_else_is_told),
                cmocka_unit_test(test_each_entry_of_a_folder_counts),
                cmocka_unit_test(test_path_that_does_not_exist_yet),
                cmocka_unit_test(test_links_are_watched_at_both_ends),
                cmocka_unit_test(test_links_that_lead_nowhere),
                cmocka_unit_test(test_another_folder_in_the_place),
                cmocka_unit_test(test_set_replaces_what_was),
                cmocka_unit_test(test_many_paths),
                cmocka_unit_test(test_lost_events_are_told),
                cmocka_unit_test(test_limit_is_told_and_the_rest_watched),
                cmocka_unit_test(test_unmount_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
