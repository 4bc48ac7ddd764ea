/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns Debian's GRUB: a drop-in of ours in /etc/default/grub.d, which grub-mkconfig reads there
 * only, and the values that other files of its configuration set. */
#include "bootloader.h"

#include <fcntl.h>

#include "io.h"
#include "rootdir.h"
#include "strv.h"

#define MAIN_FILE "/etc/default/grub"
#define FOLDER "/etc/default/grub.d"
#define DROPIN FOLDER "/kdump.cfg"
#define UPDATE_GRUB "/usr/sbin/update-grub"
#define MENU "/boot/grub/grub.cfg"
#define MENU_BYTES_MAX ((size_t) 4 << 20)

/* The comment has the value, too: a file of which either was edited is not ours any more. */
#define DROPIN_TEXT                                                                                \
        "# Written by 'kdumpctl reset-crashkernel %s'. If you change it, it is yours, and is\n"    \
        "# replaced with --force only.\n"                                                          \
        "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=%s\"\n"

static bool grub_exists(int root_fd)
{
        _cleanup_close_ int file_fd = root_open(root_fd, MAIN_FILE, O_PATH);
        _cleanup_close_ int program_fd = root_open(root_fd, UPDATE_GRUB, O_PATH);

        return file_fd >= 0 && program_fd >= 0;
}

static int dropin_text(const char *value, char **ret)
{
        return strprintf(ret, DROPIN_TEXT, value, value);
}

/* Files that set no value are of no interest. */
static int add_file(const BootRequest *request, BootPlan *plan, const char *path)
{
        BootChange *change;
        int r;

        r = boot_plan_add(plan, &boot_loader_grub, request->root_fd, path, &change);
        if (r < 0 && r != -ENOENT)
                return r;
        r = boot_change_set(change, boot_line_is_no_comment, "", request->value);
        if (r < 0)
                return r;
        if (!change->present)
                boot_plan_drop(plan);
        return 0;
}

/* The files beside our drop-in. */
static int add_others(const BootRequest *request, BootPlan *plan, char **reterr_message)
{
        _cleanup_strv_ char **names = NULL, **paths = NULL;
        int r;

        r = root_list(request->root_fd, FOLDER, &names);
        if (r < 0 && r != -ENOENT)
                return r;
        r = strv_extend(&paths, MAIN_FILE);
        for (char **name = names; r >= 0 && name && *name; name++) {
                size_t n = strlen(*name);

                if (n > 4 && streq(*name + n - 4, ".cfg") && !streq(*name, "kdump.cfg"))
                        r = strv_extendf(&paths, FOLDER "/%s", *name);
        }
        if (r < 0)
                return r;
        for (char **path = paths; *path; path++) {
                r = add_file(request, plan, *path);
                if (r < 0) {
                        (void) strprintf(reterr_message, "cannot read '%s': %s", *path,
                                         strerror(-r));
                        return r;
                }
        }
        return 0;
}

/* What we wrote, in a file that may hold more, is replaced; else it is put behind what is there. */
static int dropin_replace(BootChange *change, const char *ours, const char *value)
{
        _cleanup_free_ char *text = NULL;
        const char *old = change->old_text ?: "", *at = ours ? strstr(old, ours) : NULL;
        size_t before = at ? (size_t) (at - old) : change->old_size;
        int r;

        r = dropin_text(value, &text);
        if (r < 0)
                return r;
        free(TAKE_PTR(change->text));
        r = strprintf(&change->text, "%.*s%s%s%s", (int) before, old,
                      before > 0 && old[before - 1] != '\n' ? "\n" : "", text,
                      at ? at + strlen(ours) : "");
        if (r < 0)
                return r;
        change->size = strlen(change->text);
        return 0;
}

static int dropin_set(BootChange *change, const char *value)
{
        _cleanup_free_ char *ours = NULL;
        int r;

        r = boot_change_set(change, boot_line_is_no_comment, "", value);
        if (r < 0)
                return r;
        if (change->present) {
                r = dropin_text(change->present, &ours);
                if (r < 0)
                        return r;
                if (!strstr(change->old_text, ours))
                        return 0;
                change->present_is_ours = true;
        }
        return dropin_replace(change, ours, value);
}

static int grub_plan(const BootRequest *request, BootPlan *plan, char **reterr_message)
{
        size_t before = plan->n_changes;
        BootChange *change;
        bool others;
        int r;

        if (boot_request_is_path(request)) {
                (void) strprintf(reterr_message, "the command line in GRUB's configuration is one "
                                                 "for all kernels: leave out --kernel=");
                return -EOPNOTSUPP;
        }
        r = add_others(request, plan, reterr_message);
        if (r < 0)
                return r;
        others = plan->n_changes > before;
        r = boot_plan_add(plan, &boot_loader_grub, request->root_fd, DROPIN, &change);
        if (r >= 0 || r == -ENOENT)
                r = dropin_set(change, request->value);
        if (r < 0) {
                (void) strprintf(reterr_message, "cannot read '" DROPIN "': %s", strerror(-r));
                return r;
        }
        /* Two values on one command line would be one too many. */
        if (others && !change->present)
                boot_plan_drop(plan);
        return 0;
}

/* As after an update-grub that was interrupted, or an edit without one. */
static bool grub_is_stale(int root_fd, const char *value)
{
        _cleanup_free_ char *menu = NULL, *word = NULL;

        if (root_read(root_fd, MENU, MENU_BYTES_MAX, &menu, NULL) < 0 ||
            strprintf(&word, " crashkernel=%s", value) < 0)
                return false;
        for (const char *p = menu; (p = strstr(p, word)); p++)
                if (strchr(" \t\r\n\"'", p[strlen(word)]))
                        return false;
        return true;
}

static const char *const update_grub[] = { "update-grub", NULL };

const BootLoader boot_loader_grub = {
        .name = "GRUB",
        .exists = grub_exists,
        .plan = grub_plan,
        .after = update_grub,
        .is_stale = grub_is_stale,
};
