/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what is made of the end of the boot before this one: whether it was in order, and whether
 * there is a dump of it. */
#include "last-boot.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <time.h>

#include "config.h"
#include "dump-folders.h"
#include "io.h"
#include "raw-store.h"
#include "resolve-device.h"
#include "resolve-mount.h"
#include "rootdir.h"
#include "store.h"
#include "strv.h"

/* What may lie between the clocks of two boots, or of the crash kernel: a time zone, and more. */
#define CLOCK_SLACK_USEC (24 * 3600 * USEC_PER_SEC)

#define TIME_CHARS_MAX 64
#define PSTORE_FILES_MAX 3

typedef struct Look {
        int root_fd;
        LastBoot boot;
        uint64_t began_realtime_usec; /* of this boot; 0: not known */
        uint64_t from_usec, to_usec;  /* of CLOCK_REALTIME: when a dump of it can be from */
        char *machine_id;             /* NULL: not known */
        char **seen;                  /* folders (strv) that were looked at */
        char **unseen;                /* targets (strv) that a dump may be on, in words */
        char *dump;                   /* where there is one */
        uint64_t crash_realtime_usec; /* its time; 0: not known */
        bool incomplete;
} Look;

static void look_done(Look *look)
{
        last_boot_done(&look->boot);
        free(look->machine_id);
        strv_free(look->seen);
        strv_free(look->unseen);
        free(look->dump);
}

void last_boot_finding_done(LastBootFinding *finding)
{
        free(finding->text);
        free(finding->hint);
        *finding = (LastBootFinding){ 0 };
}

/* A dump is of the boot that it is from if it was made after that had begun, by the clock of that
 * boot; also if this clock was set before the image was armed. The end is by the clock of this one,
 * if that can be compared. */
static void set_span(Look *look)
{
        const LastBoot *boot = &look->boot;
        uint64_t to_usec;

        look->from_usec = boot->armed_realtime_usec;
        if (boot->boot_realtime_usec > 0)
                look->from_usec = MIN(look->from_usec, boot->boot_realtime_usec);
        look->to_usec = UINT64_MAX;
        if (look->began_realtime_usec >= boot->armed_realtime_usec &&
            !__builtin_add_overflow(look->began_realtime_usec, CLOCK_SLACK_USEC, &to_usec))
                look->to_usec = to_usec;
}

/* Folders of targets may be shared with other machines. */
static bool is_of_last_boot(const Look *look, const DumpEntry *entry)
{
        if (look->machine_id && entry->has_record && entry->record.machine_id &&
            !streq(look->machine_id, entry->record.machine_id))
                return false;
        return entry->time_realtime_usec >= look->from_usec &&
               entry->time_realtime_usec <= look->to_usec;
}

static int take_dump(Look *look, const char *folder, const DumpEntry *entry)
{
        look->crash_realtime_usec = entry->time_realtime_usec;
        look->incomplete = entry->incomplete;
        return strprintf(&look->dump, "%s/%s", streq(folder, "/") ? "" : folder, entry->name);
}

/* Returns 1 if there is a dump, or if all that there is was seen; 0 if that cannot be told. */
static int look_folder(Look *look, const char *folder)
{
        _cleanup_(mount_place_done) MountPlace place = { 0 };
        _cleanup_(dump_store_done) DumpStore dumps = { 0 };
        int r;

        /* A server that does not answer would hold us up for as long. */
        r = mount_find_name(look->root_fd, folder, &place);
        if (r > 0 || r == -ENOMEM)
                return MIN(r, 0);
        r = dump_store_read(look->root_fd, root_relative(folder), &dumps);
        if (r == -ENOENT)
                return 1;
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        for (size_t i = dumps.n_entries; i > 0; i--)
                if (is_of_last_boot(look, dumps.entries + i - 1)) {
                        r = take_dump(look, folder, dumps.entries + i - 1);
                        return r < 0 ? r : 1;
                }
        return !dumps.truncated;
}

/* A dump stays on the device until it is moved to the folder, which goes on while we look. Returns
 * as above. */
static int look_device(Look *look, const char *what)
{
        _cleanup_free_ char *name = NULL, *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        RawStore store;
        int r;

        r = device_find(look->root_fd, what, &name);
        if (r >= 0)
                r = strprintf(&path, "/dev/%s", name);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return 0;
        fd = root_open(look->root_fd, path, O_RDONLY | O_NOCTTY);
        if (fd < 0)
                return 0;
        r = raw_store_read(fd, &store);
        if (r == 0 || r == -ENODATA)
                return 1;
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        r = strprintf(&look->dump, "%s", path);
        return r < 0 ? r : 1;
}

static int look_folders(Look *look, char *const *folders)
{
        int r, all = 1;

        for (char *const *folder = folders; folder && *folder && !look->dump; folder++) {
                if (strv_contains(look->seen, *folder))
                        continue;
                r = look_folder(look, *folder);
                if (r > 0)
                        r = strv_extend(&look->seen, *folder);
                else
                        all = 0;
                if (r < 0)
                        return r;
        }
        return all;
}

/* Returns as above. */
static int look_local(Look *look, const Config *config, size_t i)
{
        _cleanup_strv_ char **folders = NULL;
        const Target *target = config->targets + i;
        Config one = *config;
        int r, device = 1;

        if (target->type == TARGET_RAW) {
                device = look_device(look, target->what);
                if (device < 0 || look->dump)
                        return device;
        }
        one.targets = config->targets + i;
        one.n_targets = 1;
        r = dump_folders(&one, NULL, &folders);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        r = folders ? look_folders(look, folders) : 0;
        return r > 0 ? device : r;
}

static int look_target(Look *look, const Config *config, size_t i)
{
        const Target *target = config->targets + i;
        _cleanup_free_ char *text = NULL;
        int r;

        r = target_is_remote(target) ? 0 : look_local(look, config, i);
        if (r != 0)
                return r;
        r = target_describe(target, &text);
        return r < 0 ? r : strv_extend(&look->unseen, text);
}

/* resolve_plan() takes the folder of the first target for it. */
static int look_rootfs(Look *look, const Config *config)
{
        const char *path = config->targets[0].path ?: PATH_DEFAULT_DUMPS;
        char *folders[] = { (char *) path, NULL };
        int r;

        if (config->failure_action != ACTION_DUMP_TO_ROOTFS || look->dump)
                return 0;
        r = look_folders(look, folders);
        return r == 0 ? strv_extendf(&look->unseen, "folder '%s'", path) : r;
}

static int look_everywhere(Look *look)
{
        _cleanup_(config_messages_done) ConfigMessages messages = { 0 };
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        r = config_load(look->root_fd, PATH_CONFIG, PATH_CONFIG_DROPIN_DIR, &config, &messages);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return strv_extend(&look->unseen,
                                   "a target of '" PATH_CONFIG "', which has errors");
        for (size_t i = 0; i < config->n_targets && !look->dump; i++) {
                r = look_target(look, config, i);
                if (r < 0)
                        return r;
        }
        return look_rootfs(look, config);
}

static const char *format_time(uint64_t realtime_usec, char buf[TIME_CHARS_MAX])
{
        time_t seconds = (time_t) (realtime_usec / USEC_PER_SEC);
        struct tm tm;

        if (!localtime_r(&seconds, &tm) ||
            strftime(buf, TIME_CHARS_MAX, "%Y-%m-%d %H:%M:%S", &tm) == 0)
                (void) snprintf(buf, TIME_CHARS_MAX, "-");
        return buf;
}

static int describe_time(const Look *look, char **ret)
{
        char from[TIME_CHARS_MAX], to[TIME_CHARS_MAX];

        if (look->crash_realtime_usec > 0)
                return strprintf(ret, "on %s", format_time(look->crash_realtime_usec, from));
        (void) format_time(look->boot.armed_realtime_usec, from);
        if (look->began_realtime_usec <= look->boot.armed_realtime_usec)
                return strprintf(ret, "after %s", from);
        return strprintf(ret, "between %s and %s", from,
                         format_time(look->began_realtime_usec, to));
}

static int describe(const Look *look, char **ret)
{
        _cleanup_free_ char *when = NULL, *start = NULL;
        const size_t n = strv_length(look->unseen);
        int r;

        r = describe_time(look, &when);
        if (r >= 0)
                r = strprintf(&start, "went down %s with generation %" PRIu64 " armed", when,
                              look->boot.generation);
        if (r < 0)
                return r;
        if (look->dump)
                return strprintf(ret, "%s; its dump is '%s'%s", start, look->dump,
                                 look->incomplete ? ", which is not complete" : "");
        if (n == 0)
                return strprintf(ret, "%s and left no dump", start);
        if (n == 1)
                return strprintf(ret, "%s and left no dump here; one may be on %s", start,
                                 look->unseen[0]);
        return strprintf(ret, "%s and left no dump here; one may be on %s (or %zu more)", start,
                         look->unseen[0], n - 1);
}

/* Records of that time: those of the firmware have their own, copies that of the copying. */
static int find_pstore(const Look *look, const char *folder, char ***files)
{
        _cleanup_strv_ char **names = NULL;
        int r;

        r = root_list(look->root_fd, folder, &names);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        for (char **name = names; name && *name; name++) {
                _cleanup_free_ char *path = NULL;
                struct stat st;

                r = strprintf(&path, "%s/%s", folder, *name);
                if (r < 0)
                        return r;
                if (fstatat(look->root_fd, root_relative(path), &st, AT_SYMLINK_NOFOLLOW) < 0 ||
                    st.st_mtim.tv_sec < 0 ||
                    (uint64_t) st.st_mtim.tv_sec < look->from_usec / USEC_PER_SEC)
                        continue;
                r = strv_extend(files, path);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int make_hint(const Look *look, char **ret)
{
        _cleanup_strv_ char **files = NULL;
        _cleanup_free_ char *list = NULL;
        size_t n;
        int r;

        r = find_pstore(look, "/sys/fs/pstore", &files);
        if (r >= 0)
                r = find_pstore(look, "/var/lib/systemd/pstore", &files);
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

static int judge(Look *look, LastBootFinding *ret)
{
        _cleanup_(last_boot_finding_done) LastBootFinding finding = { 0 };
        int r;

        look->began_realtime_usec = last_boot_began_realtime_usec(look->root_fd);
        set_span(look);
        r = root_read_line(look->root_fd, "/etc/machine-id", &look->machine_id);
        if (r == -ENOMEM)
                return r;
        r = look_everywhere(look);
        if (r < 0)
                return r;
        finding.generation = look->boot.generation;
        if (look->dump)
                finding.verdict = LAST_BOOT_DUMPED;
        else
                finding.verdict = look->unseen ? LAST_BOOT_ELSEWHERE : LAST_BOOT_LOST;
        r = describe(look, &finding.text);
        if (r >= 0)
                r = make_hint(look, &finding.hint);
        if (r < 0)
                return r;
        *ret = finding;
        finding = (LastBootFinding){ 0 };
        return 0;
}

int last_boot_look(int root_fd, LastBootFinding *ret)
{
        _cleanup_(look_done) Look work = { .root_fd = root_fd };
        _cleanup_free_ char *boot_id = NULL;
        int r;

        r = last_boot_this(root_fd, &boot_id);
        if (r >= 0)
                r = last_boot_read(root_fd, &work.boot);
        if (r == -ENOMEM)
                return r;
        *ret = (LastBootFinding){ .verdict = LAST_BOOT_UNKNOWN };
        if (r < 0)
                return 0;
        if (streq(boot_id, work.boot.boot_id))
                ret->verdict = LAST_BOOT_THIS;
        else if (work.boot.clean || work.boot.generation == 0)
                ret->verdict = LAST_BOOT_CLEAN;
        else
                return judge(&work, ret);
        return 0;
}
