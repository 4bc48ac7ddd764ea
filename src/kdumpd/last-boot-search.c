/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the search for the dump that a boot has left, and the list of those that were there before.
 */
#include "last-boot-internal.h"

#include <fcntl.h>

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

/* Of what is written down. A folder with more is left out: there, only times tell. */
#define DUMPS_MAX 1000
#define DUMPS_BYTES_MAX ((size_t) 128 * 1024)

typedef LastBootSearch Search;

void last_boot_search_done(LastBootSearch *search)
{
        free(search->machine_id);
        strv_free(search->seen);
        strv_free(search->unseen);
        free(search->dump);
        *search = (LastBootSearch){ 0 };
}

/* A dump is of the boot that it is from if it was made after that had begun, by the clock of that
 * boot; also if this clock was set before the image was armed. The end is by the clock of this one,
 * if that can be compared. */
static void set_span(Search *search)
{
        const LastBoot *boot = search->boot;
        uint64_t to_usec;

        search->from_usec = boot->armed_realtime_usec;
        if (boot->boot_realtime_usec > 0)
                search->from_usec = MIN(search->from_usec, boot->boot_realtime_usec);
        search->to_usec = UINT64_MAX;
        if (search->began_realtime_usec > 0 &&
            !last_boot_clock_is_other(boot, search->began_realtime_usec) &&
            !__builtin_add_overflow(search->began_realtime_usec, CLOCK_SLACK_USEC, &to_usec))
                search->to_usec = to_usec;
}

static int entry_path(const char *folder, const char *name, char **ret)
{
        return strprintf(ret, "%s/%s", streq(folder, "/") ? "" : folder, name);
}

/* Where all names of before are known, what is new there may have a time that does not fit if the
 * clock was set: by the crash kernel's is a folder without a record, and that has no time zone. The
 * time alone decides elsewhere, and about what was only moved there since, from a raw device. */
static bool time_fits(const Search *search, const DumpEntry *entry, bool is_new)
{
        const uint64_t time_usec = entry->time_realtime_usec;
        uint64_t from_usec = search->from_usec;

        if (is_new && !entry->has_record)
                from_usec -= MIN(from_usec, CLOCK_SLACK_USEC);
        if (time_usec >= from_usec && time_usec <= search->to_usec)
                return true;
        return is_new && (time_usec > search->to_usec ||
                          last_boot_clock_is_other(search->boot, search->began_realtime_usec));
}

/* Folders of targets may be shared with other machines. Returns 1 or 0. */
static int is_of_boot(const Search *search, const char *folder, const DumpEntry *entry)
{
        _cleanup_free_ char *path = NULL;
        int r;

        if (search->machine_id && entry->has_record && entry->record.machine_id &&
            !streq(search->machine_id, entry->record.machine_id))
                return 0;
        r = entry_path(folder, entry->name, &path);
        if (r < 0)
                return r;
        return !strv_contains(search->boot->dumps, path) &&
               time_fits(search, entry, strv_contains(search->boot->folders, folder));
}

static int take_dump(Search *search, const char *folder, const DumpEntry *entry)
{
        search->crash_realtime_usec = entry->time_realtime_usec;
        search->incomplete = entry->incomplete;
        return entry_path(folder, entry->name, &search->dump);
}

/* Whether what is in @folder now is what belongs there. Returns 1 or 0. */
static int folder_is_there(int root_fd, const char *folder)
{
        _cleanup_(mount_place_done) MountPlace place = { 0 };
        int r;

        /* A server that does not answer would hold us up for as long, and what is mounted on demand
         * may be on one. */
        r = mount_find_name(root_fd, folder, &place);
        if (r > 0 || r == -ENOMEM)
                return MIN(r, 0);
        if (streq_ptr(place.fstype, "autofs"))
                return 0;
        r = mount_is_missing(root_fd, folder);
        return r < 0 ? r : r == 0;
}

/* Returns 1 if there is a dump, or if all that there is was seen; 0 if that cannot be told. */
static int look_folder(Search *search, const char *folder)
{
        _cleanup_(dump_store_done) DumpStore dumps = { 0 };
        int r;

        r = folder_is_there(search->root_fd, folder);
        if (r <= 0)
                return r;
        r = dump_store_read(search->root_fd, root_relative(folder), &dumps);
        if (r == -ENOENT)
                return 1;
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        for (size_t i = dumps.n_entries; i > 0; i--) {
                r = is_of_boot(search, folder, dumps.entries + i - 1);
                if (r > 0)
                        r = take_dump(search, folder, dumps.entries + i - 1);
                if (r < 0 || search->dump)
                        return r < 0 ? r : 1;
        }
        return !dumps.truncated;
}

/* A dump stays on the device until it is moved to the folder, which goes on while we look. Returns
 * as above. */
static int look_device(Search *search, const char *what)
{
        _cleanup_free_ char *name = NULL, *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        RawStore store;
        int r;

        r = device_find(search->root_fd, what, &name);
        if (r >= 0)
                r = strprintf(&path, "/dev/%s", name);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return 0;
        fd = root_open(search->root_fd, path, O_RDONLY | O_NOCTTY);
        if (fd < 0)
                return 0;
        r = raw_store_read(fd, &store);
        if (r == 0 || r == -ENODATA)
                return 1;
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        r = strprintf(&search->dump, "%s", path);
        return r < 0 ? r : 1;
}

static int look_folders(Search *search, char *const *folders)
{
        int r, all = 1;

        for (char *const *folder = folders; folder && *folder && !search->dump; folder++) {
                if (strv_contains(search->seen, *folder))
                        continue;
                r = look_folder(search, *folder);
                if (r > 0)
                        r = strv_extend(&search->seen, *folder);
                else
                        all = 0;
                if (r < 0)
                        return r;
        }
        return all;
}

/* Returns as above. */
static int look_local(Search *search, const Config *config, size_t i)
{
        _cleanup_strv_ char **folders = NULL;
        const Target *target = config->targets + i;
        Config one = *config;
        int r, device = 1;

        if (target->type == TARGET_RAW) {
                device = look_device(search, target->what);
                if (device < 0 || search->dump)
                        return device;
        }
        one.targets = config->targets + i;
        one.n_targets = 1;
        r = dump_folders_of_targets(&one, &folders);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        r = folders ? look_folders(search, folders) : 0;
        return r > 0 ? device : r;
}

static int look_target(Search *search, const Config *config, size_t i)
{
        const Target *target = config->targets + i;
        _cleanup_free_ char *text = NULL;
        int r;

        r = target_is_remote(target) ? 0 : look_local(search, config, i);
        if (r != 0)
                return r;
        r = target_describe(target, &text);
        return r < 0 ? r : strv_extend(&search->unseen, text);
}

/* resolve_plan() takes the folder of the first target for it. */
static int look_rootfs(Search *search, const Config *config)
{
        const char *path = config->targets[0].path ?: PATH_DEFAULT_DUMPS;
        char *folders[] = { (char *) path, NULL };
        int r;

        if (config->failure_action != ACTION_DUMP_TO_ROOTFS || search->dump)
                return 0;
        r = look_folders(search, folders);
        return r == 0 ? strv_extendf(&search->unseen, "folder '%s'", path) : r;
}

/* Where the fallback image saves to if all targets are on other machines, and whatever the
 * configuration says now, an earlier one may have had dumps there. It is only one more chance. */
static int look_default(Search *search)
{
        char *folders[] = { (char[]){ PATH_DEFAULT_DUMPS }, NULL };
        int r = search->dump ? 0 : look_folders(search, folders);

        return MIN(r, 0);
}

static int look_everywhere(Search *search)
{
        _cleanup_(config_messages_done) ConfigMessages messages = { 0 };
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        r = config_load(search->root_fd, PATH_CONFIG, PATH_CONFIG_DROPIN_DIR, &config, &messages);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return strv_extend(&search->unseen,
                                   "a target of '" PATH_CONFIG "', which has errors");
        for (size_t i = 0; i < config->n_targets && !search->dump; i++) {
                r = look_target(search, config, i);
                if (r < 0)
                        return r;
        }
        r = look_rootfs(search, config);
        return r < 0 ? r : look_default(search);
}

int last_boot_search(int root_fd, const LastBoot *boot, LastBootSearch *ret)
{
        _cleanup_(last_boot_search_done) Search search = { .root_fd = root_fd, .boot = boot };
        int r;

        search.began_realtime_usec = last_boot_began_realtime_usec(root_fd);
        set_span(&search);
        r = root_read_line(root_fd, "/etc/machine-id", &search.machine_id);
        if (r != -ENOMEM)
                r = look_everywhere(&search);
        if (r < 0)
                return r;
        *ret = search;
        search = (Search){ 0 };
        return 0;
}

/* Names that JSON can hold as they are: ours, and those of other tools. */
static bool name_is_plain(const char *name)
{
        for (const char *p = name; *p; p++)
                if (*p <= ' ' || *p > '~')
                        return false;
        return true;
}

/* All names, as it is not known what becomes a dump. */
static int list_folder(int root_fd, const char *folder, LastBootDumps *list, size_t *left_bytes)
{
        _cleanup_strv_ char **names = NULL, **paths = NULL;
        size_t n_bytes = strlen(folder);
        int r;

        r = root_list(root_fd, folder, &names);
        if (r < 0 && r != -ENOENT)
                return r == -ENOMEM ? r : 0;
        for (char **name = names; name && *name; name++) {
                _cleanup_free_ char *path = NULL;

                if (**name == '.' || !name_is_plain(*name))
                        continue;
                r = entry_path(folder, *name, &path);
                if (r >= 0)
                        r = strv_extend(&paths, path);
                if (r < 0)
                        return r;
                n_bytes += strlen(path);
        }
        if (strv_length(list->dumps) + strv_length(paths) > DUMPS_MAX || n_bytes > *left_bytes)
                return 0;
        *left_bytes -= n_bytes;
        r = strv_extend_strv(&list->dumps, paths);
        return r < 0 ? r : strv_extend(&list->folders, folder);
}

int last_boot_list(int root_fd, LastBootDumps *ret)
{
        _cleanup_(last_boot_dumps_done) LastBootDumps list = { 0 };
        _cleanup_(config_messages_done) ConfigMessages messages = { 0 };
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_strv_ char **folders = NULL;
        size_t left_bytes = DUMPS_BYTES_MAX;
        int r;

        r = config_load(root_fd, PATH_CONFIG, PATH_CONFIG_DROPIN_DIR, &config, &messages);
        if (r >= 0)
                r = dump_folders(config, NULL, &folders);
        if (r != -ENOMEM && !strv_contains(folders, PATH_DEFAULT_DUMPS))
                r = strv_extend(&folders, PATH_DEFAULT_DUMPS);
        if (r == -ENOMEM)
                return r;
        for (char **folder = folders; folder && *folder; folder++) {
                if (!name_is_plain(*folder))
                        continue;
                r = folder_is_there(root_fd, *folder);
                if (r > 0)
                        r = list_folder(root_fd, *folder, &list, &left_bytes);
                if (r < 0)
                        return r;
        }
        *ret = list;
        list = (LastBootDumps){ 0 };
        return 0;
}
