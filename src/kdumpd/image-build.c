/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the making of a base image: the work folder, dracut's run, and the way into its place. */
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "image-check.h"
#include "image-dracut.h"
#include "image-inputs.h"
#include "image-sizes.h"
#include "image.h"
#include "io.h"
#include "json-fields.h"
#include "log.h"
#include "manifest.h"
#include "module-list.h"
#include "paths.h"
#include "process.h"
#include "rootdir.h"
#include "sha256.h"
#include "strv.h"

/* dracut takes half a minute on a fast machine, and many on an emulated one. */
#define DRACUT_TIMEOUT_USEC (3600 * USEC_PER_SEC)

#define MIB (UINT64_C(1024) * 1024)

/* One build. Paths are as this process sees them. */
typedef struct Build {
        int root_fd;
        char *state_dir, *work_dir, *image;
        const BaseRequest *request;
        uint64_t since_nsec; /* of files that have changed later; nothing was read before */
        char *modules_dep;   /* what it said then */
        Manifest manifest;
} Build;

static void build_done(Build *build)
{
        if (build->work_dir)
                (void) root_remove_tree(AT_FDCWD, build->work_dir);
        build->root_fd = close_fd(build->root_fd);
        free(build->state_dir);
        free(build->work_dir);
        free(build->image);
        free(build->modules_dep);
        manifest_done(&build->manifest);
}

/* root_remove_tree() takes a path below an fd; relative to AT_FDCWD an absolute one must stay
 * absolute. */
static int remove_leftovers(const Build *build)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_strv_ char **names = NULL;
        int r;

        fd = open(build->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = root_list(fd, ".", &names);
        if (r < 0)
                return r;
        for (char **name = names; name && *name; name++) {
                if (!startswith(*name, "build.") || streq(*name, "build.lock"))
                        continue;
                r = root_remove_tree(fd, *name);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* One build at a time: the lock goes with the fd. */
static int lock_builds(const Build *build, int *ret_fd)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *path = NULL;
        int r;

        r = strprintf(&path, "%s/build.lock", build->state_dir);
        if (r < 0)
                return r;
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK)
                        return -errno;
                log_info("Another build is running: waiting for its end.");
                while (flock(fd, LOCK_EX) < 0)
                        if (errno != EINTR)
                                return -errno;
        }
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int make_work_dir(Build *build)
{
        static const char *const folders[] = { "conf.d", "tmp", "result" };
        _cleanup_free_ char *template = NULL;
        int r;

        r = strprintf(&template, "%s/build.XXXXXX", build->state_dir);
        if (r < 0)
                return r;
        if (!mkdtemp(template))
                return -errno;
        build->work_dir = TAKE_PTR(template);
        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                _cleanup_free_ char *path = NULL;

                r = strprintf(&path, "%s/%s", build->work_dir, folders[i]);
                if (r < 0)
                        return r;
                if (mkdir(path, 0700) < 0)
                        return -errno;
        }
        return strprintf(&build->image, "%s/result/initrd.img", build->work_dir);
}

static int write_work_file(const Build *build, const char *name, const char *text)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = strprintf(&path, "%s/%s", build->work_dir, name);
        if (r < 0)
                return r;
        return file_write_atomic(AT_FDCWD, path, text, strlen(text), 0600);
}

static int write_list(const Build *build, const char *name, char *const *list)
{
        _cleanup_free_ char *text = NULL;

        for (char *const *p = list; p && *p; p++) {
                _cleanup_free_ char *longer = NULL;
                int r;

                r = strprintf(&longer, "%s%s\n", text ?: "", *p);
                if (r < 0)
                        return r;
                free(text);
                text = TAKE_PTR(longer);
        }
        return write_work_file(build, name, text ?: "");
}

/* What the image says of itself, and what dracut's module reads. */
static int write_inputs(const Build *build)
{
        static const JsonField fields[] = {
                { "plan_version", JSON_FIELD_UINT, offsetof(BaseImage, plan_version) },
                { "kernel_release", JSON_FIELD_STRING, offsetof(BaseImage, kernel_release) },
                { "drivers", JSON_FIELD_STRINGS, offsetof(BaseImage, drivers) },
                { "binaries", JSON_FIELD_STRINGS, offsetof(BaseImage, binaries) },
        };
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_free_ char *json = NULL;
        int r;

        r = json_fields_write(fields, ELEMENTSOF(fields), &build->manifest.base, &object);
        if (r < 0)
                return r;
        r = json_object_format(object, &json);
        if (r < 0)
                return r;
        r = write_work_file(build, "base.json", json);
        if (r < 0)
                return r;
        r = write_list(build, "drivers", build->request->drivers);
        if (r < 0)
                return r;
        return write_list(build, "binaries", build->request->binaries);
}

static int fill_base(Build *build)
{
        BaseImage *base = &build->manifest.base;
        int r;

        base->plan_version = PLAN_VERSION;
        base->kernel_release = strdup(build->request->kernel_release);
        if (!base->kernel_release)
                return -ENOMEM;
        r = strv_copy(build->request->drivers, &base->drivers);
        if (r < 0)
                return r;
        r = strv_copy(build->request->binaries, &base->binaries);
        if (r < 0)
                return r;
        return strv_copy(build->request->dracut_args, &base->dracut_args);
}

/* All that is read before dracut runs. */
static int fill_manifest(Build *build)
{
        _cleanup_free_ char *folder = NULL;
        int r;

        build->since_nsec = inputs_next_tick_nsec();
        if (fill_base(build) < 0)
                return log_oom();
        r = module_list_read(build->root_fd, build->request->kernel_release, &build->modules_dep);
        if (r < 0)
                return log_error_errno(r, "Failed to read the list of modules of kernel '%s': %m",
                                       build->request->kernel_release);
        r = inputs_add_sources(build->root_fd, &build->manifest, build->request);
        if (r < 0)
                return r;
        if (strprintf(&folder, "%s/result", build->work_dir) < 0)
                return log_oom();
        return inputs_add_kernel(build->root_fd, &build->manifest, build->request, folder);
}

static int run_dracut(const Build *build)
{
        _cleanup_strv_ char **argv = NULL;
        uint64_t start_usec = now_boottime_usec();
        int r, status;

        r = dracut_argv(build->request, build->work_dir, build->image, &argv);
        if (r < 0)
                return log_oom();
        if (setenv("KDUMP_BUILD_DIR", build->work_dir, 1) < 0)
                return log_oom();
        r = process_run(argv, 0, DRACUT_TIMEOUT_USEC, &status);
        if (r < 0)
                return log_error_errno(r, "Failed to run dracut: %m");
        if (status != 0) {
                log_error("dracut failed with exit status %d.", status);
                return -EIO;
        }
        log_info("dracut took %.1f s.",
                 (double) (now_boottime_usec() - start_usec) / (double) USEC_PER_SEC);
        return 0;
}

/* Its place is named after what is in it. */
static int name_base(BaseImage *base)
{
        _cleanup_(sha256_freep) Sha256 *sha256 = NULL;
        char hex[SHA256_HEX_SIZE];
        int r;

        r = sha256_new(&sha256);
        if (r >= 0)
                r = sha256_update(sha256, base->sha256, strlen(base->sha256));
        if (r >= 0)
                r = sha256_update(sha256, base->kernel_sha256, strlen(base->kernel_sha256));
        if (r >= 0)
                r = sha256_final(sha256, hex);
        if (r >= 0)
                r = strprintf(&base->id, "%s-%.12s", base->kernel_release, hex);
        if (r >= 0)
                r = strprintf(&base->path, PATH_BASES "/%s/initrd.img", base->id);
        if (r >= 0)
                r = strprintf(&base->kernel_path, PATH_BASES "/%s/vmlinuz", base->id);
        return r;
}

/* Lists what the image was made of. */
static int add_contents(Build *build, const ImageContents *contents)
{
        int r;

        r = inputs_add_contents(build->root_fd, &build->manifest, contents, build->since_nsec);
        if (r < 0)
                return r;
        r = inputs_add_modules(&build->manifest, contents, build->modules_dep);
        return r < 0 ? log_error_errno(r, "Failed to list the modules of the image: %m") : 0;
}

/* Checks the image, brings it to the disk and completes the manifest. */
static int adopt_image(Build *build)
{
        _cleanup_close_ int fd = open(build->image, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_(image_contents_done) ImageContents contents = { 0 };
        _cleanup_free_ char *message = NULL;
        BaseImage *base = &build->manifest.base;
        char hex[SHA256_HEX_SIZE];
        struct stat st;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return log_error_errno(errno, "dracut left no image: %m");
        r = image_read(fd, &contents, &message);
        if (r < 0)
                return log_error_errno(r, "The image that dracut made cannot be used: %s",
                                       message ?: strerror(-r));
        if (lseek(fd, 0, SEEK_SET) < 0)
                return log_error_errno(errno, "Failed to read '%s': %m", build->image);
        r = sha256_fd(fd, hex);
        if (r < 0)
                return log_error_errno(r, "Failed to read '%s': %m", build->image);
        if (fchmod(fd, 0600) < 0 || fsync(fd) < 0)
                return log_error_errno(errno, "Failed to write '%s': %m", build->image);
        r = add_contents(build, &contents);
        if (r < 0)
                return r;

        base->size_bytes = (uint64_t) st.st_size;
        base->unpacked_bytes = contents.unpacked_bytes;
        base->sha256 = strdup(hex);
        if (!base->sha256 || name_base(base) < 0)
                return log_oom();
        build->manifest.created_usec = now_realtime_usec();
        return 0;
}

static int write_manifest(const Build *build, const char *folder)
{
        _cleanup_free_ char *json = NULL, *path = NULL;
        int r;

        r = manifest_to_json(&build->manifest, &json);
        if (r < 0)
                return r;
        if (strlen(json) > MANIFEST_BYTES_MAX)
                return -EFBIG;
        r = strprintf(&path, "%s/manifest.json", folder);
        if (r < 0)
                return r;
        return file_write_atomic(AT_FDCWD, path, json, strlen(json), 0600);
}

/* The same image was made before, for another request or it was damaged since: each file is
 * replaced. */
static int replace_files(const Build *build, const char *place)
{
        static const char *const names[] = { "vmlinuz", "initrd.img" };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_free_ char *from = NULL, *to = NULL;

                if (strprintf(&from, "%s/result/%s", build->work_dir, names[i]) < 0 ||
                    strprintf(&to, "%s/%s", place, names[i]) < 0)
                        return -ENOMEM;
                if (rename(from, to) < 0)
                        return -errno;
        }
        r = write_manifest(build, place);
        return r < 0 ? r : fsync_path(AT_FDCWD, place);
}

static int move_to_place(const Build *build)
{
        _cleanup_free_ char *from = NULL, *parent = NULL, *place = NULL;
        int r;

        if (strprintf(&from, "%s/result", build->work_dir) < 0 ||
            strprintf(&parent, "%s/base", build->state_dir) < 0 ||
            strprintf(&place, "%s/%s", parent, build->manifest.base.id) < 0)
                return -ENOMEM;
        r = mkdir_parents(AT_FDCWD, parent, 0700);
        if (r < 0)
                return r;
        r = write_manifest(build, from);
        if (r < 0)
                return r;
        if (rename(from, place) < 0) {
                if (errno != EEXIST && errno != ENOTEMPTY)
                        return -errno;
                r = replace_files(build, place);
                if (r < 0)
                        return r;
        }
        return fsync_path(AT_FDCWD, parent);
}

static int prepare(Build *build, const char *root)
{
        int r;

        build->root_fd = open(*root ? root : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (build->root_fd < 0)
                return -errno;
        r = strprintf(&build->state_dir, "%s" PATH_STATE_DIR, root);
        if (r < 0)
                return r;
        return mkdir_parents(AT_FDCWD, build->state_dir, 0700);
}

/* A disk that is full in the middle of dracut's work gives worse messages, and has cost others what
 * they wanted to write meanwhile. */
static int check_space(const Build *build)
{
        struct statvfs fs;
        uint64_t need_bytes, free_bytes;
        int r;

        r = image_build_bytes(build->root_fd, &need_bytes);
        if (r < 0)
                return log_error_errno(r, "Failed to look for base images: %m");
        if (statvfs(build->state_dir, &fs) < 0)
                return log_error_errno(errno, "Failed to ask for the free space in '%s': %m",
                                       build->state_dir);
        if (__builtin_mul_overflow((uint64_t) fs.f_bavail, (uint64_t) fs.f_frsize, &free_bytes) ||
            free_bytes >= need_bytes)
                return 0;
        return log_error_errno(-ENOSPC,
                               "'%s' has %" PRIu64 " MiB free, and building a base image takes "
                               "about %" PRIu64 " MiB: make room there. What is there stays.",
                               build->state_dir, free_bytes / MIB, DIV_ROUND_UP(need_bytes, MIB));
}

static int build_files(Build *build, const char *root)
{
        int r;

        r = remove_leftovers(build);
        if (r < 0)
                log_warning_errno(r, "Failed to remove what an earlier build left, ignoring: %m");
        r = check_space(build);
        if (r < 0)
                return r;
        r = make_work_dir(build);
        if (r < 0)
                return log_error_errno(r, "Failed to make a folder in '%s': %m", build->state_dir);
        r = fill_manifest(build);
        if (r < 0)
                return r;
        r = write_inputs(build);
        if (r < 0)
                return log_error_errno(r, "Failed to write to '%s': %m", build->work_dir);
        r = run_dracut(build);
        if (r < 0)
                return r;
        r = adopt_image(build);
        if (r < 0)
                return r;
        r = move_to_place(build);
        if (r < 0)
                return log_error_errno(r, "Failed to keep base image '%s': %m",
                                       build->manifest.base.id);
        image_sizes_tell(root, build->work_dir, &build->manifest.base);
        return 0;
}

int image_build_below(const char *root, const BaseRequest *request, BaseImage *ret)
{
        _cleanup_(build_done) Build build = { .root_fd = -EBADF, .request = request };
        _cleanup_close_ int lock_fd = -EBADF;
        int r;

        r = prepare(&build, root);
        if (r < 0)
                return log_error_errno(r, "Failed to make '%s': %m",
                                       build.state_dir ?: PATH_STATE_DIR);
        r = lock_builds(&build, &lock_fd);
        if (r < 0)
                return log_error_errno(r, "Failed to lock '%s': %m", build.state_dir);
        r = build_files(&build, root);
        if (r < 0)
                return r;

        *ret = build.manifest.base;
        build.manifest.base = (BaseImage){ 0 };
        return 0;
}

int image_build(const BaseRequest *request, BaseImage *ret)
{
        return image_build_below("", request, ret);
}
