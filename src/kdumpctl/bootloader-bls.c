/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns boot entries of the Boot Loader Specification, type 1: a file each, with "options" lines.
 * https://uapi-group.org/specifications/specs/boot_loader_specification/ */
#include "bootloader.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>

#include "bootloader-file.h"
#include "io.h"
#include "rootdir.h"
#include "strv.h"

#define ENTRIES "/loader/entries"
#define UNIFIED "/EFI/Linux"
#define NAME_END ".conf"

/* /boot, and where an ESP is mounted. */
static const char *const bases[] = { "/boot", "/efi", "/boot/efi" };

/* What of an entry says which kernel it is of. */
typedef struct Entry {
        char *linux_path, *version;
        bool kernelopts; /* its words are in a variable of GRUB's environment */
} Entry;

static void entry_done(Entry *entry)
{
        free(entry->linux_path);
        free(entry->version);
        *entry = (Entry){ 0 };
}

/* The length of key and blanks if the line has this key; 0 if not. */
static size_t line_key(const char *line, size_t size, const char *key)
{
        size_t at = 0, n = strlen(key);

        while (at < size && (line[at] == ' ' || line[at] == '\t'))
                at++;
        if (size - at <= n || strncmp(line + at, key, n) != 0 ||
            (line[at + n] != ' ' && line[at + n] != '\t'))
                return 0;
        for (at += n; at < size && (line[at] == ' ' || line[at] == '\t');)
                at++;
        return at;
}

static bool line_is_options(const char *line, size_t size, size_t *ret_begin)
{
        *ret_begin = line_key(line, size, "options");
        return *ret_begin > 0;
}

static int entry_line(Entry *entry, const char *line)
{
        size_t size = strcspn(line, "\r"), begin;
        char **to = NULL;

        if ((begin = line_key(line, size, "linux")) > 0)
                to = &entry->linux_path;
        else if ((begin = line_key(line, size, "version")) > 0)
                to = &entry->version;
        else if (line_is_options(line, size, &begin) && strstr(line + begin, "$kernelopts"))
                entry->kernelopts = true;
        if (!to || *to)
                return 0;
        while (size > begin && (line[size - 1] == ' ' || line[size - 1] == '\t'))
                size--;
        *to = strndup(line + begin, size - begin);
        return *to ? 0 : -ENOMEM;
}

static int entry_parse(const char *text, Entry *ret)
{
        _cleanup_(entry_done) Entry entry = { 0 };
        _cleanup_free_ char *copy = strdup(text);
        char *rest = copy, *line;
        int r;

        if (!copy)
                return -ENOMEM;
        while ((line = strsep(&rest, "\n"))) {
                r = entry_line(&entry, line);
                if (r < 0)
                        return r;
        }
        *ret = entry;
        entry = (Entry){ 0 };
        return 0;
}

static bool ends_with(const char *text, const char *end)
{
        size_t n = strlen(text), m = strlen(end);

        return n >= m && streq(text + n - m, end);
}

/* Paths in entries are relative to their partition, which is mounted somewhere. */
static bool entry_has_path(const Entry *entry, const char *path)
{
        return entry->linux_path[0] == '/' && ends_with(path, entry->linux_path);
}

/* "…/vmlinuz-RELEASE", or "…/RELEASE/linux" as kernel-install has it. */
static bool entry_has_release(const Entry *entry, const char *release)
{
        size_t n = strlen(release);

        if (streq_ptr(entry->version, release))
                return true;
        for (const char *p = entry->linux_path; (p = strstr(p, release)); p++)
                if (p > entry->linux_path && (p[-1] == '/' || p[-1] == '-') &&
                    (p[n] == '\0' || p[n] == '/'))
                        return true;
        return false;
}

/* The value of "key…" in @text, in a line of its own. */
static int find_setting(const char *text, const char *key, char **ret)
{
        for (const char *line = text; line; line = strchr(line, '\n')) {
                const char *value;

                line += *line == '\n';
                value = startswith(line, key);
                if (!value)
                        continue;
                value += strspn(value, " \t");
                *ret = strndup(value, strcspn(value, "\r\n"));
                return *ret ? 0 : -ENOMEM;
        }
        return -ENOENT;
}

/* The name or pattern of the entry that boots by itself. */
static int default_entry(int root_fd, char **ret)
{
        static const struct {
                const char *path, *key;
        } places[] = {
                { "/boot/grub2/grubenv", "saved_entry=" },
                { "/boot/grub/grubenv", "saved_entry=" },
                { "/boot/loader/loader.conf", "default " },
                { "/efi/loader/loader.conf", "default " },
                { "/boot/efi/loader/loader.conf", "default " },
        };

        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                _cleanup_free_ char *path = NULL, *text = NULL;
                size_t size;
                int r;

                r = boot_file_read(root_fd, places[i].path, &path, &text, &size);
                if (r < 0)
                        continue;
                r = find_setting(text, places[i].key, ret);
                if (r != -ENOENT)
                        return r;
        }
        return -ENOENT;
}

/* The length of @name without what boot counting puts at its end, "+LEFT" or "+LEFT-DONE": the
 * entry is still the same one to its boot loader ("Boot counting" in the specification). */
static size_t length_uncounted(const char *name, size_t size)
{
        static const char digits[] = "0123456789";
        const char *plus = memrchr(name, '+', size), *p;
        size_t n;

        if (!plus)
                return size;
        p = plus + 1;
        n = strspn(p, digits);
        if (n == 0)
                return size;
        p += n;
        if (*p == '-') {
                n = strspn(p + 1, digits);
                if (n == 0)
                        return size;
                p += 1 + n;
        }
        return p == name + size ? (size_t) (plus - name) : size;
}

/* GRUB's patterns are without the ending, those of systemd-boot with it. */
static bool name_matches(const char *path, const char *pattern)
{
        const char *name = strrchr(path, '/') + 1;
        size_t size = strlen(name) - strlen(NAME_END);
        const size_t lengths[] = { size, length_uncounted(name, size) };

        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                char id[NAME_MAX + 1], full[NAME_MAX + sizeof(NAME_END)];

                (void) snprintf(id, sizeof(id), "%.*s", (int) lengths[i], name);
                (void) snprintf(full, sizeof(full), "%s" NAME_END, id);
                if (fnmatch(pattern, full, 0) == 0 || fnmatch(pattern, id, 0) == 0)
                        return true;
        }
        return false;
}

static bool entry_is_meant(const BootRequest *request, const char *path, const Entry *entry,
                           const char *default_name)
{
        if (!entry->linux_path)
                return false;
        if (boot_request_is_path(request))
                return entry_has_path(entry, request->kernel);
        if (request->kernel && streq(request->kernel, "DEFAULT"))
                return name_matches(path, default_name);
        if (request->kernel || !request->release)
                return true;
        return entry_has_release(entry, request->release);
}

static bool is_known(const BootPlan *plan, const BootChange *change)
{
        for (const BootChange *other = plan->changes; other < change; other++)
                if (streq(other->path, change->path))
                        return true;
        return false;
}

static int entry_set(BootChange *change, Entry *entry, const char *value)
{
        int r;

        change->kernel = TAKE_PTR(entry->linux_path);
        change->folder_is_ours = true;
        r = boot_change_set(change, line_is_options, "options ", value);
        if (r < 0 || !entry->kernelopts || change->by_hand)
                return r;
        return strprintf(&change->by_hand,
                         "it takes its options from the variable kernelopts: run 'grub2-editenv - "
                         "list', and 'grub2-editenv - set \"kernelopts=…\"' with what that shows "
                         "and crashkernel=%s",
                         value);
}

static int add_entry(const BootRequest *request, BootPlan *plan, const char *path,
                     const char *default_name)
{
        _cleanup_(entry_done) Entry entry = { 0 };
        BootChange *change;
        int r;

        r = boot_plan_add(plan, &boot_loader_bls, request->root_fd, path, &change);
        if (r < 0 && r != -ENOENT)
                return r;
        if (r >= 0)
                r = entry_parse(change->old_text, &entry);
        if (r < 0 && r != -ENOENT)
                return r;
        /* One that has gone is none; one may be reached by two paths. */
        if (r == -ENOENT || is_known(plan, change) ||
            !entry_is_meant(request, path, &entry, default_name)) {
                boot_plan_drop(plan);
                return 0;
        }
        return entry_set(change, &entry, request->value);
}

static int list_entries(int root_fd, char ***ret)
{
        _cleanup_strv_ char **paths = NULL;

        for (size_t i = 0; i < ELEMENTSOF(bases); i++) {
                _cleanup_strv_ char **names = NULL;
                _cleanup_free_ char *folder = NULL;
                int r;

                if (strprintf(&folder, "%s" ENTRIES, bases[i]) < 0)
                        return -ENOMEM;
                r = root_list(root_fd, folder, &names);
                if (r == -ENOENT || r == -ENOTDIR)
                        continue;
                if (r < 0)
                        return r;
                for (char **name = names; name && *name; name++) {
                        if (**name == '.' || !ends_with(*name, NAME_END))
                                continue;
                        r = strv_extendf(&paths, "%s/%s", folder, *name);
                        if (r < 0)
                                return r;
                }
        }
        *ret = TAKE_PTR(paths);
        return 0;
}

/* Type 2 of the specification: its command line is inside. */
static bool has_unified_image(int root_fd)
{
        for (size_t i = 0; i < ELEMENTSOF(bases); i++) {
                _cleanup_strv_ char **names = NULL;
                _cleanup_free_ char *folder = NULL;

                if (strprintf(&folder, "%s" UNIFIED, bases[i]) < 0 ||
                    root_list(root_fd, folder, &names) < 0)
                        continue;
                for (char **name = names; name && *name; name++)
                        if (ends_with(*name, ".efi"))
                                return true;
        }
        return false;
}

static bool bls_exists(int root_fd)
{
        _cleanup_strv_ char **paths = NULL;

        return list_entries(root_fd, &paths) >= 0 && paths;
}

static int bls_plan(const BootRequest *request, BootPlan *plan, char **reterr_message)
{
        _cleanup_strv_ char **paths = NULL;
        _cleanup_free_ char *default_name = NULL;
        size_t before = plan->n_changes;
        int r;

        if (streq_ptr(request->kernel, "DEFAULT") &&
            default_entry(request->root_fd, &default_name) < 0) {
                (void) strprintf(reterr_message,
                                 "it cannot be told which boot entry is the "
                                 "default: use --kernel=ALL or the path of an image");
                return -ENODATA;
        }
        r = list_entries(request->root_fd, &paths);
        for (char **path = paths; r >= 0 && path && *path; path++) {
                r = add_entry(request, plan, *path, default_name);
                if (r < 0)
                        (void) strprintf(reterr_message, "cannot read '%s': %s", *path,
                                         strerror(-r));
        }
        if (r < 0)
                return r;
        /* The running kernel comes from GRUB then, or as an image with its command line inside, and
         * the entries are another system's. */
        if (plan->n_changes == before && !request->kernel &&
            (before > 0 || request->defaults_only ||
             (boot_loader_cmdline.exists(request->root_fd) && has_unified_image(request->root_fd))))
                return 0;
        if (plan->n_changes == before) {
                (void) strprintf(reterr_message,
                                 "no boot entry is of kernel '%s': use --kernel=ALL or the path of "
                                 "an image that one has",
                                 request->kernel ?: request->release ?: "");
                return -ENODATA;
        }
        return 0;
}

const BootLoader boot_loader_bls = {
        .name = "boot entries",
        .exists = bls_exists,
        .plan = bls_plan,
};
