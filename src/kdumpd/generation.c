/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns PATH_STATE_DIR/generation: what was armed last, the one before it, and their hashes. */
#include "generation.h"

#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include "io.h"
#include "parse.h"
#include "paths.h"
#include "rootdir.h"
#include "strv.h"

#define GENERATION_DIR PATH_STATE_DIR "/generation"
#define GENERATION_INDEX GENERATION_DIR "/index"
#define DESCRIPTION_SIZE_MAX ((size_t) 256 * 1024)
#define FILE_SIZE_MAX ((size_t) 256 * 1024 * 1024)

int generation_hash(const void *data, size_t size, char ret_hex[static SHA256_HEX_SIZE])
{
        uint8_t digest[EVP_MAX_MD_SIZE];
        unsigned digest_size;

        if (EVP_Digest(data, size, digest, &digest_size, EVP_sha256(), NULL) != 1)
                return -EOPNOTSUPP;
        for (unsigned i = 0; i < digest_size && i < SHA256_HEX_SIZE / 2; i++)
                (void) snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
        return 0;
}

bool generation_same_but_fallback(const Generation *a, const Generation *b)
{
        return streq_ptr(a->kernel_sha256, b->kernel_sha256) &&
               streq_ptr(a->base_sha256, b->base_sha256) &&
               streq_ptr(a->overlay_sha256, b->overlay_sha256) && streq_ptr(a->cmdline, b->cmdline);
}

bool generation_same_image(const Generation *a, const Generation *b)
{
        return generation_same_but_fallback(a, b) &&
               streq_ptr(a->fallback_sha256, b->fallback_sha256) &&
               streq_ptr(a->fallback_cmdline, b->fallback_cmdline);
}

static int generation_read(int root_fd, uint64_t number, Generation *ret)
{
        _cleanup_(generation_done) Generation generation = { 0 };
        _cleanup_free_ char *path = NULL, *json = NULL;
        size_t size;
        int r;

        r = strprintf(&path, "%s/%" PRIu64 "/generation.json", GENERATION_DIR, number);
        if (r < 0)
                return r;
        r = file_read(root_fd, root_relative(path), DESCRIPTION_SIZE_MAX, &json, &size);
        if (r < 0)
                return r;
        r = generation_from_json(json, size, &generation);
        if (r < 0)
                return r;
        if (generation.number != number)
                return -EBADMSG;
        *ret = generation;
        generation = (Generation){ 0 };
        return 0;
}

/* "<current> <previous>". A file that says something else is as good as none. */
static int index_read(int root_fd, uint64_t *ret_current, uint64_t *ret_previous)
{
        _cleanup_free_ char *line = NULL;
        _cleanup_strv_ char **words = NULL;
        uint64_t current, previous;
        int r;

        r = file_read_line(root_fd, root_relative(GENERATION_INDEX), &line);
        if (r < 0)
                return r;
        r = strv_split(line, &words);
        if (r < 0)
                return r;
        if (strv_length(words) != 2 || parse_u64(words[0], 10, &current) < 0 ||
            parse_u64(words[1], 10, &previous) < 0)
                return -EBADMSG;
        *ret_current = current;
        *ret_previous = previous;
        return 0;
}

static int index_write(int root_fd, uint64_t current, uint64_t previous)
{
        _cleanup_free_ char *line = NULL;
        int r;

        r = strprintf(&line, "%" PRIu64 " %" PRIu64 "\n", current, previous);
        if (r < 0)
                return r;
        return file_write_atomic(root_fd, root_relative(GENERATION_INDEX), line, strlen(line),
                                 0600);
}

/* Reads generation @number unless it cannot be used. Only a lack of memory is a failure. */
static int read_if_usable(int root_fd, uint64_t number, Generation *ret)
{
        int r;

        if (number == 0)
                return 0;
        r = generation_read(root_fd, number, ret);
        return r == -ENOMEM ? r : 0;
}

static int next_number(int root_fd, uint64_t *ret)
{
        _cleanup_strv_ char **names = NULL;
        uint64_t next = 1;
        int r;

        r = root_list(root_fd, GENERATION_DIR, &names);
        if (r < 0 && r != -ENOENT)
                return r;
        for (char **name = names; name && *name; name++) {
                uint64_t number;

                if (parse_u64(*name, 10, &number) == 0 && number >= next && number < UINT64_MAX)
                        next = number + 1;
        }
        *ret = next;
        return 0;
}

void generation_reserve(GenerationStore *store, uint64_t number)
{
        if (number >= store->next && number < UINT64_MAX)
                store->next = number + 1;
}

int generation_store_load(int root_fd, GenerationStore *ret)
{
        _cleanup_(generation_store_done) GenerationStore store = { .root_fd = root_fd };
        uint64_t current = 0, previous = 0;
        int r;

        r = next_number(root_fd, &store.next);
        if (r < 0)
                return r;
        r = index_read(root_fd, &current, &previous);
        if (r == -ENOMEM)
                return r;
        /* Numbers are never used twice, even if the folders are gone. */
        generation_reserve(&store, current);
        generation_reserve(&store, previous);
        r = read_if_usable(root_fd, current, &store.current);
        if (r < 0)
                return r;
        r = read_if_usable(root_fd, previous, &store.previous);
        if (r < 0)
                return r;
        *ret = store;
        store = (GenerationStore){ 0 };
        return 0;
}

void generation_store_done(GenerationStore *store)
{
        if (!store)
                return;
        generation_done(&store->current);
        generation_done(&store->previous);
}

static int generation_path(uint64_t number, const char *name, char **ret)
{
        return strprintf(ret, "%s/%" PRIu64 "%s%s", root_relative(GENERATION_DIR), number,
                         name ? "/" : "", name ?: "");
}

/* Behind all else: where there is no room for it, there may be for what cannot be done without. */
static int write_fallback(const GenerationStore *store, const Generation *generation,
                          const void *fallback)
{
        _cleanup_free_ char *path = NULL;
        int r;

        if (!generation->fallback_sha256)
                return 0;
        r = fallback ? generation_path(generation->number, "fallback.img", &path) : -ENODATA;
        if (r >= 0)
                r = file_write_atomic(store->root_fd, path, fallback,
                                      (size_t) generation->fallback_bytes, 0600);
        return r < 0 ? 1 : 0;
}

int generation_write(const GenerationStore *store, const Generation *generation,
                     const void *overlay, const void *fallback)
{
        _cleanup_free_ char *folder = NULL, *path = NULL, *description = NULL, *json = NULL;
        int r;

        r = generation_path(generation->number, NULL, &folder);
        if (r < 0)
                return r;
        r = generation_path(generation->number, "overlay.cpio", &path);
        if (r < 0)
                return r;
        r = generation_path(generation->number, "generation.json", &description);
        if (r < 0)
                return r;
        r = generation_to_json(generation, &json);
        if (r < 0)
                return r;

        r = mkdir_parents(store->root_fd, folder, 0700);
        if (r < 0)
                return r;
        r = file_write_atomic(store->root_fd, path, overlay, (size_t) generation->overlay_bytes,
                              0600);
        if (r < 0)
                return r;
        r = file_write_atomic(store->root_fd, description, json, strlen(json), 0600);
        return r < 0 ? r : write_fallback(store, generation, fallback);
}

int generation_discard(const GenerationStore *store, uint64_t number)
{
        _cleanup_free_ char *folder = NULL;
        int r;

        r = generation_path(number, NULL, &folder);
        if (r < 0)
                return r;
        return root_remove_tree(store->root_fd, folder);
}

static int generation_prune(const GenerationStore *store)
{
        _cleanup_strv_ char **names = NULL;
        int r;

        r = root_list(store->root_fd, GENERATION_DIR, &names);
        if (r < 0)
                return r;
        for (char **name = names; name && *name; name++) {
                uint64_t number;

                if (parse_u64(*name, 10, &number) < 0 || number == store->current.number ||
                    number == store->previous.number)
                        continue;
                r = generation_discard(store, number);
                if (r < 0)
                        return r;
        }
        return 0;
}

int generation_adopt(GenerationStore *store, const Generation *generation, bool drop_current)
{
        _cleanup_(generation_done) Generation copy = { 0 };
        bool keep_current =
                store->current.number > 0 && !(drop_current && store->previous.number > 0);
        int r;

        /* The kernel has it, whatever becomes of the index: never use its number again. */
        store->next = MAX(store->next, generation->number + 1);
        r = generation_copy(generation, &copy);
        if (r < 0)
                return r;
        r = index_write(store->root_fd, generation->number,
                        keep_current ? store->current.number : store->previous.number);
        if (r < 0)
                return r;
        if (keep_current) {
                generation_done(&store->previous);
                store->previous = store->current;
        } else
                generation_done(&store->current);
        store->current = copy;
        copy = (Generation){ 0 };
        return generation_prune(store);
}

static int complain(int error, const char *path, const char *what, char **reterr_message)
{
        if (strprintf(reterr_message, "'%s' %s", path, what) < 0)
                *reterr_message = NULL;
        return error;
}

/* Opens @path and compares it with @sha256. */
static int open_checked(int root_fd, const char *path, const char *sha256, int *ret_fd,
                        char **reterr_message)
{
        _cleanup_close_ int fd = -EBADF;
        char hex[SHA256_HEX_SIZE];
        int r;

        fd = openat(root_fd, root_relative(path), O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0) {
                r = -errno;
                return complain(r, path, strerror(-r), reterr_message);
        }
        r = sha256_fd(fd, hex);
        if (r >= 0 && lseek(fd, 0, SEEK_SET) < 0)
                r = -errno;
        if (r < 0)
                return complain(r, path, strerror(-r), reterr_message);
        if (!streq(hex, sha256))
                return complain(-ESTALE, path, "is not what it was", reterr_message);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* Reads file @name of generation @number and compares it with @sha256. */
static int read_checked(int root_fd, uint64_t number, const char *name, const char *sha256,
                        char **ret, size_t *ret_size, char **reterr_message)
{
        _cleanup_free_ char *path = NULL, *data = NULL;
        char hex[SHA256_HEX_SIZE];
        size_t size;
        int r;

        r = generation_path(number, name, &path);
        if (r < 0)
                return complain(r, name, strerror(-r), reterr_message);
        r = file_read(root_fd, path, FILE_SIZE_MAX, &data, &size);
        if (r < 0)
                return complain(r, path, strerror(-r), reterr_message);
        r = generation_hash(data, size, hex);
        if (r < 0)
                return complain(r, path, strerror(-r), reterr_message);
        if (!streq(hex, sha256))
                return complain(-ESTALE, path, "is not what it was", reterr_message);
        *ret = TAKE_PTR(data);
        *ret_size = size;
        return 0;
}

int generation_read_overlay(const GenerationStore *store, const Generation *generation, char **ret,
                            size_t *ret_size, char **reterr_message)
{
        return read_checked(store->root_fd, generation->number, "overlay.cpio",
                            generation->overlay_sha256, ret, ret_size, reterr_message);
}

int generation_read_fallback(const GenerationStore *store, const Generation *generation, char **ret,
                             size_t *ret_size, char **reterr_message)
{
        if (!generation->fallback_sha256)
                return complain(-ENODATA, "fallback.img", "is not part of it", reterr_message);
        return read_checked(store->root_fd, generation->number, "fallback.img",
                            generation->fallback_sha256, ret, ret_size, reterr_message);
}

static bool fallback_is_kept(const GenerationStore *store)
{
        _cleanup_free_ char *fallback = NULL, *message = NULL;
        size_t size;

        return !store->current.fallback_sha256 ||
               generation_read_fallback(store, &store->current, &fallback, &size, &message) >= 0;
}

static bool is_kept(const GenerationStore *store)
{
        _cleanup_(generation_done) Generation generation = { 0 };
        _cleanup_free_ char *overlay = NULL, *message = NULL;
        uint64_t current, previous;
        size_t size;

        return index_read(store->root_fd, &current, &previous) >= 0 &&
               current == store->current.number &&
               generation_read(store->root_fd, current, &generation) >= 0 &&
               generation_same_image(&generation, &store->current) &&
               generation_read_overlay(store, &store->current, &overlay, &size, &message) >= 0;
}

int generation_keep(const GenerationStore *store, const void *overlay, const void *fallback)
{
        bool kept = is_kept(store);
        int r, missing;

        if (kept && fallback_is_kept(store))
                return 0;
        missing = generation_write(store, &store->current, overlay, fallback);
        if (missing < 0)
                return missing;
        r = index_write(store->root_fd, store->current.number, store->previous.number);
        if (r < 0)
                return r;
        return kept && missing > 0 ? 0 : 1;
}

static int open_fallback(const GenerationStore *store, const Generation *generation,
                         KexecImage *image, char **reterr_message)
{
        _cleanup_free_ char *path = NULL, *cmdline = NULL;
        _cleanup_close_ int fd = -EBADF, copy_fd = -EBADF;
        int r;

        if (!generation->fallback_sha256)
                return 0;
        r = generation_path(generation->number, "fallback.img", &path);
        if (r < 0)
                return complain(r, "fallback.img", strerror(-r), reterr_message);
        r = open_checked(store->root_fd, path, generation->fallback_sha256, &fd, reterr_message);
        if (r < 0)
                return r;
        r = kexec_file_new(fd, "kdump-fallback", &copy_fd);
        if (r < 0)
                return complain(r, path, strerror(-r), reterr_message);
        cmdline = strdup(generation->fallback_cmdline);
        if (!cmdline)
                return complain(-ENOMEM, path, strerror(ENOMEM), reterr_message);
        image->fallback_fd = TAKE_FD(copy_fd);
        image->fallback_cmdline = TAKE_PTR(cmdline);
        return 0;
}

int generation_open(const GenerationStore *store, const Generation *generation, KexecImage *ret,
                    char **reterr_message)
{
        _cleanup_(kexec_image_done) KexecImage image = KEXEC_IMAGE_NULL;
        _cleanup_close_ int kernel_fd = -EBADF, base_fd = -EBADF;
        _cleanup_free_ char *overlay = NULL;
        size_t overlay_size = 0;
        int r;

        r = open_checked(store->root_fd, generation->kernel_path, generation->kernel_sha256,
                         &kernel_fd, reterr_message);
        if (r < 0)
                return r;
        r = open_checked(store->root_fd, generation->base_path, generation->base_sha256, &base_fd,
                         reterr_message);
        if (r < 0)
                return r;
        r = generation_read_overlay(store, generation, &overlay, &overlay_size, reterr_message);
        if (r < 0)
                return r;

        r = kexec_file_new(kernel_fd, "kdump-kernel", &image.kernel_fd);
        if (r < 0)
                return complain(r, generation->kernel_path, strerror(-r), reterr_message);
        r = kexec_initrd_new(base_fd, overlay, overlay_size, &image.initrd_fd);
        if (r < 0)
                return complain(r, "initramfs", strerror(-r), reterr_message);
        image.cmdline = strdup(generation->cmdline);
        if (!image.cmdline)
                return complain(-ENOMEM, "initramfs", strerror(ENOMEM), reterr_message);
        image.generation = generation->number;
        r = open_fallback(store, generation, &image, reterr_message);
        *ret = image;
        image = KEXEC_IMAGE_NULL;
        return r < 0 ? 1 : 0;
}
