/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the words for how a boot has ended: what is known of it, and what is not. */
#include "last-boot-internal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <time.h>

#include "io.h"
#include "rootdir.h"
#include "strv.h"

#define TIME_CHARS_MAX 64
#define PSTORE_FILES_MAX 3

static const char *format_time(uint64_t realtime_usec, char buf[TIME_CHARS_MAX])
{
        time_t seconds = (time_t) (realtime_usec / USEC_PER_SEC);
        struct tm tm;

        if (!localtime_r(&seconds, &tm) ||
            strftime(buf, TIME_CHARS_MAX, "%Y-%m-%d %H:%M:%S", &tm) == 0)
                (void) snprintf(buf, TIME_CHARS_MAX, "-");
        return buf;
}

static int describe_time(const LastBootSearch *search, char **ret)
{
        const LastBoot *boot = search->boot;
        char from[TIME_CHARS_MAX], to[TIME_CHARS_MAX];

        if (search->crash_realtime_usec > 0)
                return strprintf(ret, "on %s", format_time(search->crash_realtime_usec, from));
        (void) format_time(boot->armed_realtime_usec, from);
        if (last_boot_clock_is_other(boot, search->began_realtime_usec))
                return strprintf(ret, "after %s, by a clock that was set since", from);
        if (search->began_realtime_usec == 0)
                return strprintf(ret, "after %s", from);
        return strprintf(ret, "between %s and %s", from,
                         format_time(search->began_realtime_usec, to));
}

/* What is known of the end without a dump: panics, losses of power and resets look the same. */
static int describe_without(const LastBootSearch *search, const char *start, char **ret)
{
        const size_t n = strv_length(search->unseen);

        if (n == 0)
                return strprintf(ret, "%s and left no dump", start);
        if (n == 1)
                return strprintf(ret, "%s and left no dump here; one may be on %s", start,
                                 search->unseen[0]);
        return strprintf(ret, "%s and left no dump here; one may be on %s (or %zu more)", start,
                         search->unseen[0], n - 1);
}

int last_boot_describe(const LastBootSearch *search, LastBootVerdict verdict, char **ret)
{
        const uint64_t number = search->boot->generation;
        _cleanup_free_ char *when = NULL, *start = NULL;
        int r;

        r = describe_time(search, &when);
        if (r < 0)
                return r;
        if (verdict == LAST_BOOT_DUMPED)
                return strprintf(
                        ret, "went down %s with generation %" PRIu64 " armed; its dump is '%s'%s",
                        when, number, search->dump,
                        search->incomplete ? ", which is not complete" : "");
        if (verdict == LAST_BOOT_UNWATCHED)
                return strprintf(
                        ret,
                        "ended %s with generation %" PRIu64 " armed, and while kdumpd did not run: "
                        "whether it was shut down in order is not known, and there is no dump",
                        when, number);
        r = strprintf(&start,
                      "ended without an orderly shutdown, %s, with generation %" PRIu64 " armed",
                      when, number);
        return r < 0 ? r : describe_without(search, start, ret);
}

/* Records of that time: those of the firmware have their own, copies that of the copying. */
static int find_pstore(const LastBootSearch *search, const char *folder, char ***files)
{
        _cleanup_strv_ char **names = NULL;
        int r;

        r = root_list(search->root_fd, folder, &names);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        for (char **name = names; name && *name; name++) {
                _cleanup_free_ char *path = NULL;
                struct stat st;

                r = strprintf(&path, "%s/%s", folder, *name);
                if (r < 0)
                        return r;
                if (fstatat(search->root_fd, root_relative(path), &st, AT_SYMLINK_NOFOLLOW) < 0 ||
                    st.st_mtim.tv_sec < 0 ||
                    (uint64_t) st.st_mtim.tv_sec < search->from_usec / USEC_PER_SEC)
                        continue;
                r = strv_extend(files, path);
                if (r < 0)
                        return r;
        }
        return 0;
}

int last_boot_hint(const LastBootSearch *search, char **ret)
{
        _cleanup_strv_ char **files = NULL;
        _cleanup_free_ char *list = NULL;
        size_t n;
        int r;

        r = find_pstore(search, "/sys/fs/pstore", &files);
        if (r >= 0)
                r = find_pstore(search, "/var/lib/systemd/pstore", &files);
        if (r < 0)
                return r;
        n = strv_length(files);
        for (size_t i = PSTORE_FILES_MAX; i < n; i++)
                free(TAKE_PTR(files[i]));
        r = strv_join(files, &list);
        if (r < 0)
                return r;
        return strprintf(ret,
                         "%s%s%sThe log of the console and the event log of the machine's "
                         "firmware or BMC may tell more; 'kdumpctl verify' checks what a dump "
                         "takes.",
                         n > 0 ? "There is " : "", list, n > 0 ? ". " : "");
}
