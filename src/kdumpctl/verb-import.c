/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl config --import`: finds the file with the settings, and puts what they become where it
 * is wanted. */
#include "verb-import.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "config.h"
#include "import.h"
#include "io.h"
#include "kdump-conf.h"
#include "log.h"
#include "paths.h"
#include "rootdir.h"

static int find_file(int root_fd, const char **ret)
{
        const char *found = NULL;

        for (ImportFrom from = 0; from < _IMPORT_FROM_MAX; from++) {
                const char *path = import_origin(from)->path;
                _cleanup_close_ int fd = root_open(root_fd, path, O_PATH);

                if (fd < 0 || streq_ptr(found, path))
                        continue;
                if (found)
                        return log_error_errno(-EEXIST,
                                               "There are both '%s' and '%s': say which with "
                                               "--import=FILE.",
                                               found, path);
                found = path;
        }
        if (!found)
                return log_error_errno(-ENOENT,
                                       "There is neither '%s' nor '%s': name the file with "
                                       "--import=FILE.",
                                       import_suse.path, import_debian.path);
        *ret = found;
        return 0;
}

static int read_settings(int dir_fd, const char *file, ShellSettings *ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = dir_fd == AT_FDCWD ? file_read(dir_fd, file, SHELL_SETTINGS_BYTES_MAX, &text, &size)
                               : root_read(dir_fd, file, SHELL_SETTINGS_BYTES_MAX, &text, &size);
        if (r < 0)
                return log_error_errno(r, "Failed to read '%s': %m", file);
        r = shell_settings_parse(text, size, ret);
        if (r == -EBADMSG)
                return log_error_errno(r, "'%s' holds NUL bytes: it is no text, and no settings.",
                                       file);
        if (r < 0)
                return log_error_errno(r, "Failed to read the settings in '%s': %m", file);
        return 0;
}

static int choose_origin(const char *file, const char *name, const ShellSettings *settings,
                         const ImportOrigin **ret)
{
        ImportFrom from = name ? import_from_string(name) : import_guess(file, settings);

        if (from < 0 && name)
                return log_error_errno(-EINVAL, "--from= takes suse, debian or redhat, not '%s'.",
                                       name);
        if (from < 0)
                return log_error_errno(-EINVAL,
                                       "Nothing in '%s' tells whose settings these are: say so "
                                       "with --from=suse, --from=debian or --from=redhat.",
                                       file);
        *ret = import_origin(from);
        return 0;
}

static int make_text(Import *import, char **ret, size_t *ret_size)
{
        char *text = NULL;
        int r;

        import->out = open_memstream(&text, ret_size);
        if (!import->out)
                return -ENOMEM;
        r = import_run(import);
        if (fclose(import->out) != 0 && r >= 0)
                r = -ENOMEM;
        if (r < 0) {
                free(text);
                return r;
        }
        *ret = text;
        return 0;
}

/* Whether there is nothing at PATH_CONFIG that anybody has written by hand. */
static int check_replaceable(int folder_fd)
{
        _cleanup_free_ char *text = NULL;
        struct stat st;
        size_t size;
        int r;

        if (fstatat(folder_fd, basename(PATH_CONFIG), &st, AT_SYMLINK_NOFOLLOW) < 0) {
                if (errno == ENOENT)
                        return 0;
                return log_error_errno(errno, "Failed to look at '%s': %m", PATH_CONFIG);
        }
        if (S_ISREG(st.st_mode)) {
                r = file_read(folder_fd, basename(PATH_CONFIG), kdump_conf_size, &text, &size);
                if (r == 0 && size == kdump_conf_size && memcmp(text, kdump_conf, size) == 0)
                        return 0;
                if (r < 0 && r != -EFBIG)
                        return log_error_errno(r, "Failed to read '%s': %m", PATH_CONFIG);
        }
        return log_error_errno(-EEXIST,
                               "'%s' is not as it was installed, and is left alone: move it away, "
                               "or run this without --write and take over by hand what you want.",
                               PATH_CONFIG);
}

/* Another system's links mean its own folders: nothing outside of the root is written. */
static int write_config(int root_fd, const char *text, size_t size)
{
        _cleanup_close_ int folder_fd = root_open(root_fd, "/etc", O_RDONLY | O_DIRECTORY);
        int r;

        if (folder_fd == -ENOENT && mkdirat(root_fd, "etc", 0755) == 0)
                folder_fd = root_open(root_fd, "/etc", O_RDONLY | O_DIRECTORY);
        if (folder_fd < 0)
                return log_error_errno(folder_fd, "Failed to open the folder of '%s': %m",
                                       PATH_CONFIG);
        r = check_replaceable(folder_fd);
        if (r < 0)
                return r;
        r = file_write_atomic(folder_fd, basename(PATH_CONFIG), text, size, 0644);
        if (r < 0)
                return log_error_errno(r, "Failed to write '%s': %m", PATH_CONFIG);
        log_info("Wrote '%s': read it, then \"kdumpctl reload\" brings it into effect.",
                 PATH_CONFIG);
        return 0;
}

int import_files(int root_fd, const ImportArguments *arguments)
{
        _cleanup_(shell_settings_done) ShellSettings settings = { 0 };
        Import import = { .settings = &settings, .file = arguments->file };
        _cleanup_free_ char *text = NULL;
        int r, dir_fd = arguments->in_root || !import.file ? root_fd : AT_FDCWD;
        size_t size = 0;

        if (!import.file && find_file(root_fd, &import.file) < 0)
                return EXIT_FAILURE;
        if (read_settings(dir_fd, import.file, &settings) < 0 ||
            choose_origin(import.file, arguments->from, &settings, &import.origin) < 0)
                return EXIT_FAILURE;
        r = make_text(&import, &text, &size);
        if (r < 0) {
                (void) log_error_errno(r, "Failed to take over '%s': %m", import.file);
                return EXIT_FAILURE;
        }
        if (!arguments->write)
                (void) fputs(text, stdout);
        else if (write_config(root_fd, text, size) < 0)
                return EXIT_FAILURE;
        log_info("%s, settings of %s: %u carried over, %u left to you; comments tell which.",
                 import.file, import.origin->title, import.n_carried, import.n_left);
        return EXIT_SUCCESS;
}
