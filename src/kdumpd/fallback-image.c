/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what is in the fallback image, in which order, and its bytes. */
#include "fallback-image.h"

#include <sys/stat.h>
#include <zlib.h>

#include "cpio.h"
#include "io.h"
#include "module-list-order.h"
#include "parse.h"
#include "paths.h"
#include "resolve-device.h"
#include "rootdir.h"
#include "strv.h"

/* Of one file, and of all together, unpacked: about 10 times what they are with ext4. */
#define FILE_MAX_BYTES ((size_t) 32 * 1024 * 1024)
#define ARCHIVE_MAX_BYTES ((size_t) 64 * 1024 * 1024)

/* zlib: a header of gzip's in front, which has no time then. */
#define GZIP_WINDOW_BITS (15 + 16)
#define GZIP_LEVEL 6

typedef struct Build {
        int root_fd;
        const char *kernel_release;
        CpioWriter writer;
        FallbackTarget choice;
        char **modules; /* relative to the folder of the kernel's modules, in order */
        char **reterr_message;
} Build;

static void build_done(Build *build)
{
        cpio_writer_done(&build->writer);
        fallback_target_done(&build->choice);
        build->modules = strv_free(build->modules);
}

static int copy_string(const char *from, char **ret)
{
        *ret = from ? strdup(from) : NULL;
        return from && !*ret ? -ENOMEM : 0;
}

/* What needs a program is done otherwise: by our own engine, or not at all. */
static Action plain_action(const Plan *plan)
{
        switch (plan->failure_action) {
        case ACTION_HALT:
        case ACTION_POWEROFF:
                return plan->failure_action;
        case ACTION_SHELL:
        case ACTION_DUMP_TO_ROOTFS:
                return plan->final_action;
        default:
                return ACTION_REBOOT;
        }
}

static int reduce_plan(const Plan *plan, const Target *target, Plan **ret)
{
        _cleanup_(plan_freep) Plan *reduced = plan_new();

        if (!reduced)
                return -ENOMEM;
        reduced->targets = calloc(1, sizeof(*reduced->targets));
        if (!reduced->targets || target_copy(target, reduced->targets) < 0)
                return -ENOMEM;
        reduced->n_targets = 1;
        reduced->generation = plan->generation;
        reduced->collector.dump_level = plan->collector.dump_level;
        reduced->collector.compression = plan->collector.compression;
        reduced->collector.format = plan->collector.format;
        reduced->failure_action = plain_action(plan);
        reduced->final_action = plan->final_action;
        if (copy_string(PLAN_IMAGE_FALLBACK, &reduced->image) < 0 ||
            copy_string(plan->host, &reduced->host) < 0 ||
            copy_string(plan->hostname, &reduced->hostname) < 0 ||
            copy_string(plan->machine_id, &reduced->machine_id) < 0 ||
            copy_string(plan->kernel_release, &reduced->kernel_release) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(reduced);
        return 0;
}

/* Whether module @path, which the Plan or the device asks for, is of use: no network, no other file
 * system, nothing that devices are put together with. */
static bool module_is_wanted(const char *path)
{
        static const char *const folders[] = { "kernel/drivers/net/", "kernel/net/", "kernel/fs/",
                                               "kernel/drivers/md/" };

        for (size_t i = 0; i < ELEMENTSOF(folders); i++)
                if (startswith(path, folders[i]))
                        return startswith(path, "kernel/fs/nls/") != NULL;
        return true;
}

/* A device's own drivers are taken wherever they are: bcache is in drivers/md, and so on. */
static int add_drivers(Build *build, ModuleOrder *order, char *const *names, bool all)
{
        for (; names && *names; names++) {
                const char *path = module_order_find(order, *names);
                int r;

                if (!path || (!all && !module_is_wanted(path)))
                        continue;
                r = module_order_add(order, *names, &build->modules);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The file system, and what file systems ask for by name or by an alias, which nobody there can
 * answer: as dracut/99kdump/module-setup.sh has it; and the character sets of FAT
 * (CONFIG_FAT_DEFAULT_…). Without the format of its quotas an ext4 that keeps them (feature quota)
 * is not mounted: ext4_fill_super() in fs/ext4/super.c, find_quota_format() in fs/quota/dquot.c.
 * xfs has its own, and the others do not insist. */
static int add_fs_modules(Build *build, ModuleOrder *order)
{
        static const struct {
                const char *fstype, *module;
        } modules[] = {
                { NULL, "crc32c" },
                { NULL, "libcrc32c" },
                { NULL, "xxhash_generic" },
                { NULL, "sha256" },
                { NULL, "blake2b_generic" },
                { "vfat", "nls_cp437" },
                { "vfat", "nls_ascii" },
                { "vfat", "nls_iso8859_1" },
                { "ext2", "quota_v2" },
                { "ext3", "quota_v2" },
                { "ext4", "quota_v2" },
                /* ext4.ko does all three. */
                { "ext2", "ext4" },
                { "ext3", "ext4" },
        };
        const Target *target = &build->choice.target;
        int r;

        if (target->type != TARGET_FS)
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(modules); i++) {
                if (modules[i].fstype && !streq(modules[i].fstype, target->fstype))
                        continue;
                r = module_order_add(order, modules[i].module, &build->modules);
                if (r < 0)
                        return r;
        }
        return module_order_add(order, target->fstype, &build->modules);
}

/* Each is loaded when the one before it is done, and the target is used as soon as it is there:
 * watchdogs come first, which see to it that a driver that hangs is not the end; then what needs no
 * device; then the target's own, and last those that it may do without. */
static int find_modules(Build *build, const Needs *needs)
{
        _cleanup_(module_order_freep) ModuleOrder *order = NULL;
        _cleanup_strv_ char **watchdogs = NULL;
        int r;

        r = module_order_new(build->root_fd, build->kernel_release, &order);
        if (r >= 0)
                r = watchdog_drivers(build->root_fd, &watchdogs);
        if (r >= 0)
                r = add_drivers(build, order, watchdogs, true);
        if (r >= 0)
                r = add_fs_modules(build, order);
        if (r >= 0)
                r = add_drivers(build, order, build->choice.drivers, true);
        if (r >= 0)
                r = add_drivers(build, order, needs->drivers, false);
        if (r < 0)
                (void) strprintf(build->reterr_message,
                                 "cannot read the lists of modules of kernel '%s': %s",
                                 build->kernel_release, strerror(-r));
        return r;
}

/* The kernel's word for what @path is compressed with; NULL: nothing. */
static const char *module_compression(const char *path)
{
        static const struct {
                const char *suffix, *name;
        } kinds[] = { { ".gz", "gzip" }, { ".xz", "xz" }, { ".zst", "zstd" } };
        const char *suffix = strrchr(path, '.');

        for (size_t i = 0; suffix && i < ELEMENTSOF(kinds); i++)
                if (streq(suffix, kinds[i].suffix))
                        return kinds[i].name;
        return NULL;
}

/* /sys/module/compression: kernel/module/decompress.c, since v5.17. Of another kernel than the
 * running one it is not known. */
static int check_compression(const Build *build)
{
        _cleanup_free_ char *running = NULL, *known = NULL;
        const char *needed = NULL;

        for (char **path = build->modules; path && *path && !needed; path++)
                needed = module_compression(*path);
        if (!needed || root_read_line(build->root_fd, "/proc/sys/kernel/osrelease", &running) < 0 ||
            !streq(running, build->kernel_release))
                return 0;
        if (root_read_line(build->root_fd, "/sys/module/compression", &known) >= 0 &&
            streq(known, needed))
                return 0;
        (void) strprintf(build->reterr_message,
                         "kernel '%s' cannot unpack its modules (%s) by itself, and the fallback "
                         "image has no program for it",
                         build->kernel_release, needed);
        return -EOPNOTSUPP;
}

static int add_folders(CpioWriter *writer)
{
        static const char *const paths[] = {
                "/dev", "/etc", "/etc/kdump", "/proc",         "/run",
                "/sys", "/usr", "/usr/lib",   PATH_HELPER_DIR, PATH_FALLBACK_MODULE_DIR
        };

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                int r = cpio_add(writer, paths[i], S_IFDIR | 0755, NULL, 0);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_text(CpioWriter *writer, const char *path, const char *text)
{
        return cpio_add(writer, path, S_IFREG | 0600, text, strlen(text));
}

static int read_file(Build *build, const char *source, char **ret, size_t *ret_size)
{
        int r = root_read(build->root_fd, source, FILE_MAX_BYTES, ret, ret_size);

        if (r < 0)
                (void) strprintf(build->reterr_message, "cannot read '%s': %s", source,
                                 strerror(-r));
        return r;
}

static int add_data(Build *build, const char *path, uint32_t mode, const char *data, size_t size)
{
        if (build->writer.size + size > ARCHIVE_MAX_BYTES) {
                (void) strprintf(build->reterr_message,
                                 "the fallback image would be larger than %zu bytes",
                                 ARCHIVE_MAX_BYTES);
                return -EFBIG;
        }
        return cpio_add(&build->writer, path, S_IFREG | mode, data, size);
}

/* While a package is replaced, the program on disk may be of another build than we are. One that
 * says nothing has to tell itself, after the panic. @data has a NUL behind it. */
static int check_program(const Build *build, const char *data, size_t size)
{
        const char *mark = memmem(data, size, PLAN_FALLBACK_MARK, strlen(PLAN_FALLBACK_MARK));
        uint32_t version;
        char text[16];

        if (!mark)
                return 0;
        mark += strlen(PLAN_FALLBACK_MARK);
        (void) snprintf(text, sizeof(text), "%.*s", (int) MIN(strspn(mark, "0123456789"), 15U),
                        mark);
        if (parse_u32(text, &version) >= 0 && version == PLAN_VERSION)
                return 0;
        (void) strprintf(build->reterr_message,
                         "'%s' understands version '%s' of the plan, not %d: it is of another "
                         "version of kdumpd than the daemon",
                         PATH_FALLBACK_PROGRAM, text, PLAN_VERSION);
        return -EOPNOTSUPP;
}

static int add_program(Build *build)
{
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r;

        r = read_file(build, PATH_FALLBACK_PROGRAM, &data, &size);
        if (r >= 0)
                r = check_program(build, data, size);
        if (r >= 0)
                r = add_data(build, "/init", 0755, data, size);
        return r == -ENOENT ? -EOPNOTSUPP : r;
}

static int add_module(Build *build, const char *source, const char *path)
{
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r;

        r = read_file(build, source, &data, &size);
        return r < 0 ? r : add_data(build, path, 0644, data, size);
}

/* Their order is in the list. */
static int add_modules(Build *build)
{
        _cleanup_free_ char *list = strdup("");

        for (char **module = build->modules; module && *module; module++) {
                _cleanup_free_ char *source = NULL, *path = NULL, *longer = NULL;
                const char *slash = strrchr(*module, '/');
                int r;

                if (!list ||
                    strprintf(&source, "/lib/modules/%s/%s", build->kernel_release, *module) < 0 ||
                    strprintf(&path, PATH_FALLBACK_MODULE_DIR "/%s", slash ? slash + 1 : *module) <
                            0 ||
                    strprintf(&longer, "%s%s\n", list, path) < 0)
                        return -ENOMEM;
                r = add_module(build, source, path);
                if (r < 0)
                        return r;
                free(list);
                list = TAKE_PTR(longer);
        }
        return list ? add_text(&build->writer, PATH_FALLBACK_MODULES, list) : -ENOMEM;
}

static int add_plan(Build *build, const Plan *plan)
{
        _cleanup_(plan_freep) Plan *reduced = NULL;
        _cleanup_free_ char *json = NULL;
        int r;

        r = reduce_plan(plan, &build->choice.target, &reduced);
        if (r >= 0)
                r = plan_to_json(reduced, &json);
        return r < 0 ? r : add_text(&build->writer, PATH_PLAN, json);
}

static int fill(Build *build, const Plan *plan, const char *kernel_info)
{
        int r;

        r = add_folders(&build->writer);
        if (r >= 0)
                r = add_program(build);
        if (r >= 0)
                r = add_modules(build);
        if (r >= 0)
                r = add_plan(build, plan);
        if (r >= 0 && kernel_info)
                r = add_text(&build->writer, PATH_KERNEL_INFO, kernel_info);
        return r < 0 ? r : cpio_add_trailer(&build->writer);
}

int fallback_archive_make(int root_fd, const char *kernel_release, const Plan *plan,
                          const Needs *needs, const Target *local, const char *kernel_info,
                          FallbackArchive *ret, char **reterr_message)
{
        _cleanup_free_ char *words = NULL, *message = NULL;
        _cleanup_(build_done) Build build = {
                .root_fd = root_fd,
                .kernel_release = kernel_release,
                .reterr_message = &message,
        };
        int r;

        r = fallback_target_choose(root_fd, plan, local, &build.choice, &message);
        if (r >= 0)
                r = target_describe(&build.choice.target, &words);
        if (r >= 0)
                r = find_modules(&build, needs);
        if (r >= 0)
                r = check_compression(&build);
        if (r >= 0)
                r = fill(&build, plan, kernel_info);
        if (r < 0) {
                *reterr_message = message ? TAKE_PTR(message) : strdup(strerror(-r));
                return r;
        }
        *ret = (FallbackArchive){ TAKE_PTR(build.writer.data), build.writer.size, TAKE_PTR(words) };
        return 0;
}

void fallback_archive_done(FallbackArchive *archive)
{
        free(archive->data);
        free(archive->target_words);
        *archive = (FallbackArchive){ 0 };
}

int fallback_archive_pack(const FallbackArchive *archive, uint8_t **ret, size_t *ret_size)
{
        _cleanup_free_ uint8_t *packed = NULL;
        z_stream stream = { .next_in = archive->data, .avail_in = (unsigned) archive->size };
        unsigned long bound;
        int r;

        if (deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS, 8,
                         Z_DEFAULT_STRATEGY) != Z_OK)
                return -ENOMEM;
        bound = deflateBound(&stream, archive->size);
        packed = malloc(bound);
        stream.next_out = packed;
        stream.avail_out = (unsigned) bound;
        r = packed ? deflate(&stream, Z_FINISH) : Z_MEM_ERROR;
        (void) deflateEnd(&stream);
        if (r != Z_STREAM_END)
                return -ENOMEM;
        *ret_size = bound - stream.avail_out;
        *ret = TAKE_PTR(packed);
        return 0;
}
