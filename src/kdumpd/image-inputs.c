/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the question which files of this system a base image was made of. */
#include "image-inputs.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "bzimage.h"
#include "image-dracut.h"
#include "io.h"
#include "kernel-image.h"
#include "log.h"
#include "module-list.h"
#include "rootdir.h"
#include "strv.h"

/* It is read to memory. */
#define KERNEL_BYTES_MAX (UINT64_C(1) << 30)

static int add_folder(int root_fd, Manifest *manifest, const char *folder)
{
        _cleanup_strv_ char **names = NULL;
        int r;

        r = root_list(root_fd, folder, &names);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        for (char **name = names; name && *name; name++) {
                _cleanup_free_ char *path = NULL;

                r = strprintf(&path, "%s/%s", folder, *name);
                if (r < 0)
                        return r;
                r = manifest_add_input(root_fd, manifest, path);
                if (r < 0 && r != -EISDIR)
                        return r;
        }
        return 0;
}

/* dracut would only mention one that it does not find, and the manifest would promise it. */
static int add_binaries(int root_fd, Manifest *manifest, char *const *binaries)
{
        for (char *const *path = binaries; path && *path; path++) {
                const char *dot = strrchr(*path, '.');
                /* A module is read, not run: packagers take the other bit away. */
                int mode = dot && streq(dot, ".so") ? R_OK : X_OK, r;

                if (faccessat(root_fd, root_relative(*path), mode, 0) < 0)
                        return log_error_errno(errno, "Failed to find program '%s': %m", *path);
                r = manifest_add_input(root_fd, manifest, *path);
                if (r < 0)
                        return log_error_errno(r, "Failed to read '%s': %m", *path);
        }
        return 0;
}

int inputs_add_sources(int root_fd, Manifest *manifest, const BaseRequest *request)
{
        static const char capture[] = PATH_HELPER_DIR "/kdump-capture";
        int r;

        r = manifest_add_input(root_fd, manifest, capture);
        if (r < 0)
                return log_error_errno(r, "Failed to read '%s': %m", capture);
        for (size_t i = 0; dracut_inputs[i]; i++) {
                r = manifest_add_input(root_fd, manifest, dracut_inputs[i]);
                if (r < 0)
                        return log_error_errno(r, "Failed to read '%s': %m", dracut_inputs[i]);
        }
        r = add_binaries(root_fd, manifest, request->binaries);
        if (r < 0)
                return r;
        r = add_folder(root_fd, manifest, DRACUT_MODULE_DIR);
        if (r < 0)
                return log_error_errno(r, "Failed to read '%s': %m", DRACUT_MODULE_DIR);
        return 0;
}

/* Block for block if the file system can. */
static int copy_file(int from_fd, int to_fd)
{
        int r;

        if (ioctl(to_fd, FICLONE, from_fd) < 0) {
                r = fd_copy(from_fd, to_fd, NULL);
                if (r < 0)
                        return r;
        }
        return fsync(to_fd) < 0 ? -errno : 0;
}

/* Whether it can unpack itself: else the crash kernel would be the first to find out. Nothing can
 * be told of a kernel that the loader of segments would not take, which the other one may. */
static int check_payload(int fd, const char *source)
{
        _cleanup_free_ char *file = NULL, *message = NULL;
        uint64_t start_usec = now_boottime_usec();
        BzImage image;
        size_t size;
        int r;

        if (lseek(fd, 0, SEEK_SET) < 0)
                return log_error_errno(errno, "Failed to read the copy of '%s': %m", source);
        r = fd_read(fd, KERNEL_BYTES_MAX, &file, &size);
        if (r < 0)
                return log_error_errno(r, "Failed to read the copy of '%s': %m", source);
        r = bzimage_parse(file, size, &image, &message);
        if (r < 0 || image.payload_bytes == 0) {
                log_debug("What is in '%s' is not looked at: %s.", source,
                          message ?: "it names no payload");
                return 0;
        }
        r = bzimage_check_payload(&image, &message);
        if (r == -ENOMEM || r == -EOPNOTSUPP) {
                log_warning("Failed to look at what is in '%s', ignoring: %s", source,
                            message ?: strerror(-r));
                return 0;
        }
        if (r < 0)
                return log_error_errno(r, "'%s' could not start as a kernel: %s", source,
                                       message ?: strerror(-r));
        log_debug("Unpacking '%s' for a trial took %.1f s.", source,
                  (double) (now_boottime_usec() - start_usec) / (double) USEC_PER_SEC);
        return 0;
}

/* @fd: the copy. What is checked, hashed and loaded later is the same file. */
static int describe_kernel(Manifest *manifest, int fd, const char *source)
{
        _cleanup_free_ char *message = NULL;
        BaseImage *base = &manifest->base;
        char hex[SHA256_HEX_SIZE];
        KernelImage kernel;
        int r;

        r = kernel_image_read(fd, &kernel, &message);
        if (r < 0)
                return log_error_errno(r, "'%s' cannot be loaded as a kernel: %s", source,
                                       message ?: strerror(-r));
        if (kernel.checked) {
                r = check_payload(fd, source);
                if (r < 0)
                        return r;
        }
        if (lseek(fd, 0, SEEK_SET) < 0)
                return log_error_errno(errno, "Failed to read the copy of '%s': %m", source);
        r = sha256_fd(fd, hex);
        if (r < 0)
                return log_error_errno(r, "Failed to read the copy of '%s': %m", source);
        base->kernel_bytes = kernel.file_bytes;
        base->kernel_sha256 = strdup(hex);
        manifest->kernel_source = strdup(source);
        return base->kernel_sha256 && manifest->kernel_source ? 0 : log_oom();
}

int inputs_add_kernel(int root_fd, Manifest *manifest, const BaseRequest *request,
                      const char *folder)
{
        _cleanup_free_ char *source = NULL, *copy = NULL;
        _cleanup_close_ int from_fd = -EBADF, to_fd = -EBADF;
        int r;

        r = kernel_image_find(root_fd, request->kernel_release, request->machine_id, &source);
        if (r < 0)
                return log_error_errno(r, "Failed to find the image of kernel '%s': %m",
                                       request->kernel_release);
        if (strprintf(&copy, "%s/vmlinuz", folder) < 0)
                return log_oom();
        from_fd = root_open(root_fd, source, O_RDONLY | O_NOCTTY);
        if (from_fd < 0)
                return log_error_errno(from_fd, "Failed to open '%s': %m", source);
        to_fd = open(copy, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (to_fd < 0)
                return log_error_errno(errno, "Failed to make '%s': %m", copy);
        r = copy_file(from_fd, to_fd);
        if (r < 0)
                return log_error_errno(r, "Failed to copy '%s' to '%s': %m", source, copy);
        return describe_kernel(manifest, to_fd, source);
}

uint64_t inputs_next_tick_nsec(void)
{
        const struct timespec pause = { .tv_nsec = 1000000 };
        /* Files may have finer times than the clock that only ticks (current_time() of fs/inode.c,
         * v6.13), and that one lags behind: what was written until now is before a tick that has
         * passed this moment. */
        uint64_t begin_nsec = clock_nsec(CLOCK_REALTIME), now_nsec = 0;

        /* A jiffy is at most 10 ms. */
        for (unsigned i = 0; i < 100 && now_nsec <= begin_nsec; i++) {
                (void) nanosleep(&pause, NULL);
                now_nsec = clock_nsec(CLOCK_REALTIME_COARSE);
        }
        return now_nsec;
}

static bool changed_since(const struct stat *st, uint64_t since_nsec)
{
        uint64_t nsec;

        if (st->st_ctim.tv_sec < 0)
                return false;
        return __builtin_mul_overflow((uint64_t) st->st_ctim.tv_sec, NSEC_PER_SEC, &nsec) ||
               __builtin_add_overflow(nsec, (uint64_t) st->st_ctim.tv_nsec, &nsec) ||
               nsec >= since_nsec;
}

/* Whether @path, or what it is a link to, has changed since. */
static bool path_changed_since(int root_fd, const char *path, uint64_t since_nsec)
{
        static const int flags[] = { O_PATH | O_NOFOLLOW, O_PATH };

        for (size_t i = 0; i < ELEMENTSOF(flags); i++) {
                _cleanup_close_ int fd = root_open(root_fd, path, flags[i]);
                struct stat st;

                if (fd >= 0 && fstat(fd, &st) == 0 && changed_since(&st, since_nsec))
                        return true;
        }
        return false;
}

/* dracut unpacks modules that are installed compressed. */
static int add_compressed(int root_fd, Manifest *manifest, const ImageFile *file,
                          uint64_t since_nsec)
{
        static const char *const suffixes[] = { ".xz", ".zst", ".gz" };
        _cleanup_free_ char *name = NULL;
        int r;

        r = module_name(file->path, &name);
        if (r <= 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                _cleanup_free_ char *path = NULL;
                char hex[SHA256_HEX_SIZE];

                r = strprintf(&path, "%s%s", file->path, suffixes[i]);
                if (r < 0)
                        return r;
                r = fingerprint_file(NULL, root_fd, path, hex);
                if (r < 0)
                        continue;
                return manifest_add_hash(
                        manifest, path,
                        path_changed_since(root_fd, path, since_nsec) ? file->sha256 : hex);
        }
        return 0;
}

static int add_file(int root_fd, Manifest *manifest, const ImageFile *file, uint64_t since_nsec)
{
        _cleanup_free_ char *path = NULL;
        char hex[SHA256_HEX_SIZE];
        int r;

        r = root_chase(root_fd, file->path, &path);
        if (r == -ENOENT)
                return add_compressed(root_fd, manifest, file, since_nsec);
        if (r >= 0)
                r = fingerprint_file(NULL, root_fd, path, hex);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        if (!streq(hex, file->sha256) && !path_changed_since(root_fd, file->path, since_nsec))
                return 0;
        return manifest_add_hash(manifest, path, file->sha256);
}

/* Whether the file at @path, with content @sha256, is in the image as well. */
static bool has_input(const Manifest *manifest, const char *path, const char *sha256)
{
        for (size_t i = 0; i < manifest->n_inputs; i++)
                if (streq(manifest->inputs[i].path, path))
                        return streq(manifest->inputs[i].sha256, sha256);
        return false;
}

/* A library is replaced by one of another name: it is the link to it that tells. Like a file it has
 * the content that it leads to. */
static int add_link(int root_fd, Manifest *manifest, const ImageFile *file, uint64_t since_nsec)
{
        _cleanup_free_ char *path = NULL;
        char hex[SHA256_HEX_SIZE];
        int r;

        r = root_chase(root_fd, file->path, &path);
        if (r >= 0)
                r = fingerprint_file(NULL, root_fd, path, hex);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        if (has_input(manifest, path, hex))
                return manifest_add_hash(manifest, file->path, hex);
        /* No content has this: it differs until the next build. */
        if (path_changed_since(root_fd, file->path, since_nsec))
                return manifest_add_hash(manifest, file->path, "changed");
        return 0;
}

int inputs_add_contents(int root_fd, Manifest *manifest, const ImageContents *contents,
                        uint64_t since_nsec)
{
        int r = 0;

        /* The links lead to the files. */
        for (unsigned links = 0; links < 2 && r >= 0; links++)
                for (size_t i = 0; i < contents->n_items && r >= 0; i++) {
                        const ImageFile *file = contents->items + i;

                        if (links && file->target)
                                r = add_link(root_fd, manifest, file, since_nsec);
                        else if (!links && file->sha256)
                                r = add_file(root_fd, manifest, file, since_nsec);
                }
        if (r == -ENOBUFS) {
                log_warning("The image holds more than %d files: a change of the others will not "
                            "be noticed.",
                            MANIFEST_INPUTS_MAX);
                return 0;
        }
        return r < 0 ? log_error_errno(r, "Failed to list what the image was made of: %m") : 0;
}

static int collect_names(Manifest *manifest, const ImageContents *contents)
{
        int r;

        for (size_t i = 0; i < contents->n_items; i++) {
                _cleanup_free_ char *name = NULL;

                r = module_name(contents->items[i].path, &name);
                if (r > 0 && !strv_contains(manifest->modules, name))
                        r = strv_extend(&manifest->modules, name);
                if (r < 0)
                        return r;
        }
        for (char **driver = manifest->base.drivers; driver && *driver; driver++) {
                if (strv_contains(manifest->modules, *driver))
                        continue;
                r = strv_extend(&manifest->modules, *driver);
                if (r < 0)
                        return r;
        }
        strv_sort(manifest->modules);
        return 0;
}

int inputs_add_modules(Manifest *manifest, const ImageContents *contents, const char *modules_dep)
{
        _cleanup_(sha256_freep) Sha256 *sha256 = NULL;
        char whole[SHA256_HEX_SIZE], ours[SHA256_HEX_SIZE];
        int r;

        r = collect_names(manifest, contents);
        if (r < 0)
                return r;
        r = sha256_new(&sha256);
        if (r < 0)
                return r;
        r = sha256_update(sha256, modules_dep, strlen(modules_dep));
        if (r < 0)
                return r;
        r = sha256_final(sha256, whole);
        if (r < 0)
                return r;
        r = module_list_hash(modules_dep, manifest->modules, ours);
        if (r < 0)
                return r;
        manifest->modules_dep_sha256 = strdup(whole);
        manifest->modules_sha256 = strdup(ours);
        return manifest->modules_dep_sha256 && manifest->modules_sha256 ? 0 : -ENOMEM;
}
