/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the choice between base and overlay for what the user wants to be run. */
#include "resolve-files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "io.h"
#include "paths.h"
#include "resolve-mount.h"
#include "rootdir.h"
#include "strv.h"

/* A key, a certificate, all certificates that a system trusts: well below this. */
#define NEEDED_FILE_BYTES_MAX (1 << 20)

static void needed_file_done(NeededFile *file)
{
        free(file->source);
        free(file->target);
        free(file->text);
        *file = (NeededFile){ 0 };
}

void needs_done(Needs *needs)
{
        strv_free(needs->drivers);
        strv_free(needs->binaries);
        for (size_t i = 0; i < needs->n_files; i++)
                needed_file_done(&needs->files[i]);
        free(needs->files);
        strv_free(needs->volumes);
        strv_free(needs->inputs);
        *needs = (Needs){ 0 };
}

int needs_take(Needs *needs, Needs *more)
{
        struct {
                char ***to;
                char **from;
        } lists[] = {
                { &needs->drivers, more->drivers },
                { &needs->binaries, more->binaries },
                { &needs->volumes, more->volumes },
                { &needs->inputs, more->inputs },
        };
        NeededFile *bigger;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                r = strv_extend_strv(lists[i].to, lists[i].from);
                if (r < 0)
                        return r;
        }
        if (more->n_files == 0)
                return 0;
        bigger = reallocarray(needs->files, needs->n_files + more->n_files, sizeof(*bigger));
        if (!bigger)
                return -ENOMEM;
        needs->files = bigger;
        for (size_t i = 0; i < more->n_files; i++) {
                needs->files[needs->n_files++] = more->files[i];
                more->files[i] = (NeededFile){ 0 };
        }
        return 0;
}

static void list_unique(char **list)
{
        char **to = list;

        strv_sort(list);
        for (char **from = list; from && *from; from++)
                if (to > list && streq(to[-1], *from))
                        free(*from);
                else
                        *to++ = *from;
        if (to)
                *to = NULL;
}

static int file_compare(const void *a, const void *b)
{
        return strcmp(((const NeededFile *) a)->target, ((const NeededFile *) b)->target);
}

void needs_sort(Needs *needs)
{
        size_t n = 0;

        list_unique(needs->drivers);
        list_unique(needs->binaries);
        list_unique(needs->volumes);
        list_unique(needs->inputs);
        if (needs->n_files == 0)
                return;
        qsort(needs->files, needs->n_files, sizeof(*needs->files), file_compare);
        for (size_t i = 0; i < needs->n_files; i++)
                if (n > 0 && streq(needs->files[n - 1].target, needs->files[i].target))
                        needed_file_done(&needs->files[i]);
                else
                        needs->files[n++] = needs->files[i];
        needs->n_files = n;
}

/* Takes @file. */
static int push_file(Needs *needs, NeededFile *file)
{
        NeededFile *bigger = reallocarray(needs->files, needs->n_files + 1, sizeof(*bigger));

        if (!bigger)
                return -ENOMEM;
        needs->files = bigger;
        needs->files[needs->n_files++] = *file;
        *file = (NeededFile){ 0 };
        return 0;
}

static int add_file(Needs *needs, const char *path, unsigned mode)
{
        _cleanup_(needed_file_done) NeededFile file = { .mode = mode };

        file.source = strdup(path);
        file.target = strdup(path);
        if (!file.source || !file.target)
                return -ENOMEM;
        return push_file(needs, &file);
}

int needs_add_text(const char *target, unsigned mode, const char *text, Needs *needs)
{
        _cleanup_(needed_file_done) NeededFile file = { .mode = mode };

        file.target = strdup(target);
        file.text = strdup(text);
        if (!file.target || !file.text)
                return -ENOMEM;
        return push_file(needs, &file);
}

/* The folder of @path without symbolic links. In the image /bin may be a link to usr/bin: a folder
 * "bin" in the overlay would take its place and all programs with it (do_name() of the kernel's
 * init/initramfs.c). */
static int image_path(int root_fd, const char *path, char **ret)
{
        _cleanup_free_ char *parent = strdup(path), *real = NULL;
        char *slash;
        int r;

        if (!parent)
                return -ENOMEM;
        slash = strrchr(parent, '/');
        if (!slash)
                return -EINVAL;
        *slash = '\0';
        r = root_chase(root_fd, *parent ? parent : "/", &real);
        if (r < 0)
                return r;
        return path_join(real, slash + 1, ret);
}

/* What is wrong with a file that is to be copied; NULL: nothing. */
static const char *find_misfit(const struct stat *st, bool secret)
{
        if (!S_ISREG(st->st_mode))
                return "is not a file";
        if (st->st_size == 0)
                return "is empty";
        if (st->st_size > NEEDED_FILE_BYTES_MAX)
                return "is larger than 1 MiB";
        if (secret && st->st_uid != 0 && st->st_uid != geteuid())
                return "does not belong to root: run 'chown root' on it";
        if (secret && (st->st_mode & 077) != 0)
                return "can be read by others than root: run 'chmod 600' on it";
        return NULL;
}

int needs_add_copy(int root_fd, const char *directive, const char *path, bool secret, Needs *needs,
                   char **ret_path, char **reterr_message)
{
        _cleanup_close_ int fd = root_open(root_fd, path, O_PATH);
        _cleanup_free_ char *in_image = NULL;
        const char *misfit;
        struct stat st;
        int r;

        /* If it is refused now, it may do when it has changed. */
        r = strv_extend(&needs->inputs, path);
        if (r < 0)
                return r;
        if (fd < 0)
                misfit = strerror(-fd);
        else
                misfit = fstat(fd, &st) < 0 ? strerror(errno) : find_misfit(&st, secret);
        if (misfit) {
                (void) strprintf(reterr_message, "%s: '%s': %s", directive, path, misfit);
                return -EINVAL;
        }
        r = image_path(root_fd, path, &in_image);
        if (r >= 0)
                r = add_file(needs, in_image, 0600);
        if (r < 0)
                return r;
        *ret_path = TAKE_PTR(in_image);
        return 0;
}

int needs_add_module(int root_fd, const char *directive, const char *name, Needs *needs,
                     char **reterr_message)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *path = NULL;
        int r;

        r = strprintf(&path, PATH_HELPER_DIR "/%s", name);
        if (r < 0)
                return r;
        fd = root_open(root_fd, path, O_PATH);
        if (fd < 0) {
                r = strv_extend(&needs->inputs, path);
                if (r < 0)
                        return r;
                (void) strprintf(reterr_message,
                                 "%s: there is no '%s', which saves to such targets: install the "
                                 "part of kdumpd that it belongs to",
                                 directive, path);
                return -EINVAL;
        }
        return strv_extend(&needs->binaries, path);
}

int needs_add_binary(int root_fd, const char *directive, const char *name, Needs *needs,
                     char **reterr_message)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = root_find_program(root_fd, name, &path);
        if (r == -ENOENT) {
                (void) strprintf(reterr_message, "%s: there is no program '%s'", directive, name);
                return -EINVAL;
        }
        if (r < 0)
                return r;
        return strv_extend(&needs->binaries, path);
}

/* "#!/usr/bin/env python3" needs both. The kernel takes the first word as the interpreter and all
 * that is behind it as one argument (fs/binfmt_script.c). */
static int add_interpreter(int root_fd, const char *directive, char *line, Needs *needs,
                           char **reterr_message)
{
        _cleanup_strv_ char **words = NULL;
        const char *base;
        int r;

        line[strcspn(line, "\r\n")] = '\0';
        r = strv_split(line, &words);
        if (r < 0)
                return r;
        if (!words || streq(words[0], "/bin/sh") || streq(words[0], "/usr/bin/sh"))
                return 0;
        r = needs_add_binary(root_fd, directive, words[0], needs, reterr_message);
        if (r < 0)
                return r;
        base = strrchr(words[0], '/');
        if (!streq(base ? base + 1 : words[0], "env"))
                return 0;
        for (char **word = words + 1; *word; word++) {
                if (**word == '-' || strchr(*word, '='))
                        continue;
                return needs_add_binary(root_fd, directive, *word, needs, reterr_message);
        }
        return 0;
}

/* The first bytes of a file: enough for "#!" and what is behind it. */
static int read_start(int root_fd, const char *path, char *buf, size_t size)
{
        _cleanup_close_ int fd = root_open(root_fd, path, O_RDONLY | O_NOCTTY);
        ssize_t n;

        if (fd < 0)
                return fd;
        memset(buf, 0, size);
        n = read(fd, buf, size - 1);
        return n < 0 ? -errno : 0;
}

static int check_hook(int root_fd, const char *directive, const char *path, char **reterr_message)
{
        _cleanup_close_ int fd = root_open(root_fd, path, O_PATH);
        const char *what = NULL;
        struct stat st;

        if (*path != '/')
                what = "is not an absolute path";
        else if (fd < 0)
                what = strerror(-fd);
        else if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                what = "is not a file";
        else if (!(st.st_mode & 0111))
                what = "is not executable";
        if (!what)
                return 0;
        (void) strprintf(reterr_message, "%s: '%s': %s", directive, path, what);
        return -EINVAL;
}

int needs_add_hook(int root_fd, const char *directive, const char *path, Needs *needs,
                   char **ret_path, char **reterr_message)
{
        _cleanup_free_ char *in_image = NULL;
        char start[256];
        int r;

        r = check_hook(root_fd, directive, path, reterr_message);
        if (r < 0)
                return r;
        r = image_path(root_fd, path, &in_image);
        if (r < 0)
                return r;
        r = read_start(root_fd, in_image, start, sizeof(start));
        if (r < 0) {
                (void) strprintf(reterr_message, "%s: '%s': %s", directive, path, strerror(-r));
                return r;
        }
        if (startswith(start, "\177ELF"))
                r = strv_extend(&needs->binaries, in_image);
        else if (startswith(start, "#!")) {
                r = add_interpreter(root_fd, directive, start + 2, needs, reterr_message);
                if (r >= 0)
                        r = add_file(needs, in_image, 0755);
        } else {
                (void) strprintf(reterr_message,
                                 "%s: '%s' is neither a script that begins with \"#!\" nor an ELF "
                                 "program",
                                 directive, path);
                r = -EINVAL;
        }
        if (r < 0)
                return r;
        *ret_path = TAKE_PTR(in_image);
        return 0;
}

static bool is_executable_file(int root_fd, const char *path)
{
        _cleanup_close_ int fd = root_open(root_fd, path, O_PATH);
        struct stat st;

        return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111) != 0;
}

int needs_add_hook_folder(int root_fd, const char *folder, Needs *needs, char ***ret_paths,
                          char **reterr_message)
{
        _cleanup_strv_ char **names = NULL, **paths = NULL;
        _cleanup_free_ char *full = NULL;
        int r;

        r = strprintf(&full, PATH_HOOKS_DIR "/%s", folder);
        if (r < 0)
                return r;
        r = root_list(root_fd, full, &names);
        if (r < 0 && r != -ENOENT) {
                (void) strprintf(reterr_message, "'%s': %s", full, strerror(-r));
                return r;
        }
        for (char **name = names; name && *name; name++) {
                _cleanup_free_ char *path = NULL, *in_image = NULL;

                r = strprintf(&path, "%s/%s", full, *name);
                if (r < 0)
                        return r;
                /* As a shell's '*' finds them. */
                if (**name == '.' || !is_executable_file(root_fd, path))
                        continue;
                r = needs_add_hook(root_fd, folder, path, needs, &in_image, reterr_message);
                if (r < 0)
                        return r;
                r = strv_extend(&paths, in_image);
                if (r < 0)
                        return r;
        }
        *ret_paths = TAKE_PTR(paths);
        return 0;
}
