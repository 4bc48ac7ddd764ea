/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns where the numbers come from. */
#include "sizing-facts.h"

#include <fcntl.h>

#include "crashkernel.h"
#include "io.h"
#include "json-fields.h"
#include "kernel-image.h"
#include "live.h"
#include "memory-info.h"
#include "parse.h"
#include "paths.h"
#include "rootdir.h"
#include "state.h"
#include "store.h"
#include "strv.h"

#define BASES PATH_STATE_DIR "/base"

/* The last captures tell how it is now. */
#define CAPTURES_MAX 10
#define MODULES_MAX 1024

/* A kernel that is not x86's does not say how much it takes; compressed, it takes about this. */
#define KERNEL_UNPACKED_GUESS 4

typedef struct Base {
        char *id, *kernel_release;
        char **drivers, **modules; /* what was asked for; and with all that these need */
        uint64_t size_bytes, unpacked_bytes, created_usec;
} Base;

static const JsonField base_fields[] = {
        { "kernel_release", JSON_FIELD_STRING, offsetof(Base, kernel_release), .required = true },
        { "drivers", JSON_FIELD_STRINGS, offsetof(Base, drivers) },
        { "modules", JSON_FIELD_STRINGS, offsetof(Base, modules) },
        { "size_bytes", JSON_FIELD_U64, offsetof(Base, size_bytes), .required = true },
        { "unpacked_bytes", JSON_FIELD_U64, offsetof(Base, unpacked_bytes) },
        { "created_usec", JSON_FIELD_U64, offsetof(Base, created_usec) },
};

static void base_done(Base *base)
{
        free(base->id);
        free(base->kernel_release);
        strv_free(base->drivers);
        strv_free(base->modules);
        *base = (Base){ 0 };
}

void sizing_input_done(SizingInput *input)
{
        for (size_t i = 0; i < input->facts.n_captures; i++)
                free(input->facts.captures[i].name);
        free(input->facts.captures);
        for (size_t i = 0; i < input->n_large; i++)
                free(input->large[i].name);
        free(input->large);
        free(input->kernel_release);
        free(input->base_id);
        *input = (SizingInput){ 0 };
}

static int base_read(int root_fd, const char *id, Base *ret)
{
        _cleanup_free_ char *path = NULL, *json = NULL, *message = NULL;
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_(base_done) Base base = { 0 };
        size_t size;
        int r;

        r = strprintf(&path, BASES "/%s/manifest.json", id);
        if (r < 0)
                return r;
        r = root_read(root_fd, path, JSON_BYTES_MAX, &json, &size);
        if (r < 0)
                return r;
        r = json_object_parse(json, size, &object, &message);
        if (r < 0)
                return r;
        r = json_fields_read(base_fields, ELEMENTSOF(base_fields), object, "", &base, &message);
        if (r < 0)
                return r;
        base.id = strdup(id);
        if (!base.id)
                return -ENOMEM;
        *ret = base;
        base = (Base){ 0 };
        return 0;
}

/* The newest one of this kernel. Returns 0; -ENOENT if there is none. */
static int base_find(int root_fd, const char *release, Base *ret)
{
        _cleanup_(base_done) Base newest = { 0 };
        _cleanup_strv_ char **ids = NULL;
        int r;

        r = root_list(root_fd, BASES, &ids);
        if (r < 0)
                return r;
        for (char **id = ids; id && *id; id++) {
                _cleanup_(base_done) Base base = { 0 };

                r = base_read(root_fd, *id, &base);
                if (r == -ENOMEM)
                        return r;
                if (r < 0 || !streq(base.kernel_release, release) ||
                    (newest.id && base.created_usec < newest.created_usec))
                        continue;
                base_done(&newest);
                newest = base;
                base = (Base){ 0 };
        }
        if (!newest.id)
                return -ENOENT;
        *ret = newest;
        newest = (Base){ 0 };
        return 0;
}

/* The base's own copy of the kernel, or the installed one. */
static int kernel_open(int root_fd, const Base *base)
{
        _cleanup_free_ char *copy = NULL, *installed = NULL;
        int fd, r;

        r = strprintf(&copy, BASES "/%s/vmlinuz", base->id);
        if (r < 0)
                return r;
        fd = root_open(root_fd, copy, O_RDONLY);
        if (fd != -ENOENT)
                return fd;
        r = kernel_image_find(root_fd, base->kernel_release, NULL, &installed);
        return r < 0 ? r : root_open(root_fd, installed, O_RDONLY);
}

static void read_kernel(int root_fd, const Base *base, SizingFacts *facts)
{
        _cleanup_close_ int fd = kernel_open(root_fd, base);
        _cleanup_free_ char *message = NULL;
        KernelImage image;

        if (fd < 0 || kernel_image_read(fd, &image, &message) < 0)
                return;
        facts->kernel_bytes = image.init_size_bytes;
        if (facts->kernel_bytes == 0 &&
            __builtin_mul_overflow(image.file_bytes, KERNEL_UNPACKED_GUESS, &facts->kernel_bytes))
                facts->kernel_bytes = 0;
}

static int add_large(SizingInput *input, const char *name, uint64_t bytes)
{
        SizingModule *bigger;

        bigger = reallocarray(input->large, input->n_large + 1, sizeof(*bigger));
        if (!bigger)
                return -ENOMEM;
        input->large = bigger;
        bigger[input->n_large].name = strdup(name);
        if (!bigger[input->n_large].name)
                return -ENOMEM;
        bigger[input->n_large++].bytes = bytes;
        return 0;
}

/* What a module of the image takes is known if it is loaded here as well. */
static int add_module(int root_fd, const char *module, SizingInput *input)
{
        _cleanup_free_ char *name = strdup(module), *path = NULL, *line = NULL;
        uint64_t bytes;
        int r;

        if (!name)
                return -ENOMEM;
        for (char *p = name; *p; p++)
                if (*p == '-')
                        *p = '_';
        if (strchr(name, '/'))
                return 0;
        r = strprintf(&path, "/sys/module/%s/coresize", name);
        if (r < 0)
                return r;
        r = root_read_line(root_fd, path, &line);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || parse_u64(line, 10, &bytes) < 0 ||
            __builtin_add_overflow(input->facts.modules_bytes, bytes, &input->facts.modules_bytes))
                return 0;
        return bytes >= LARGE_MODULE_BYTES ? add_large(input, name, bytes) : 0;
}

static int read_base(int root_fd, const State *state, SizingInput *input)
{
        _cleanup_(base_done) Base base = { 0 };
        char **modules;
        int r = -ENOENT;

        if (state->base_id)
                r = base_read(root_fd, state->base_id, &base);
        if (r < 0 && r != -ENOMEM && input->kernel_release)
                r = base_find(root_fd, input->kernel_release, &base);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        input->base_id = TAKE_PTR(base.id);
        base.id = strdup(input->base_id);
        if (!base.id)
                return -ENOMEM;
        free(input->kernel_release);
        input->kernel_release = strdup(base.kernel_release);
        if (!input->kernel_release)
                return -ENOMEM;
        if (__builtin_add_overflow(base.size_bytes, state->overlay_bytes,
                                   &input->facts.packed_bytes))
                return -EBADMSG;
        input->facts.unpacked_bytes = base.unpacked_bytes;
        read_kernel(root_fd, &base, &input->facts);
        modules = base.modules ?: base.drivers;
        for (size_t i = 0; modules && modules[i] && i < MODULES_MAX; i++) {
                r = add_module(root_fd, modules[i], input);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_capture(SizingInput *input, const char *folder, const DumpEntry *entry)
{
        SizingFacts *facts = &input->facts;
        SizingCapture *bigger;

        bigger = reallocarray(facts->captures, facts->n_captures + 1, sizeof(*bigger));
        if (!bigger)
                return -ENOMEM;
        facts->captures = bigger;
        bigger += facts->n_captures;
        *bigger = (SizingCapture){ .ram_bytes = entry->record.memory_ram_bytes,
                                   .total_bytes = entry->record.memory_total_bytes,
                                   .peak_bytes = entry->record.memory_peak_bytes };
        if (strprintf(&bigger->name, "%s/%s", folder, entry->name) < 0)
                return -ENOMEM;
        facts->n_captures++;
        return 0;
}

/* Of this kernel only: another one has other needs. The newest first. */
static int read_dumps(int root_fd, const char *folder, SizingInput *input)
{
        _cleanup_(dump_store_done) DumpStore store = { 0 };
        size_t taken = 0;
        int r;

        r = dump_store_read(root_fd, root_relative(folder), &store);
        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        if (r < 0)
                return r;
        for (size_t i = store.n_entries; i > 0 && taken < CAPTURES_MAX; i--) {
                const DumpEntry *entry = &store.entries[i - 1];

                if (!entry->has_record || entry->record.memory_peak_bytes == 0 ||
                    !streq_ptr(entry->record.kernel_release, input->kernel_release))
                        continue;
                r = add_capture(input, folder, entry);
                if (r < 0)
                        return r;
                taken++;
        }
        return 0;
}

static int read_system(int root_fd, const State *state, SizingInput *input)
{
        SizingFacts *facts = &input->facts;
        int r;

        facts->page_size_bytes = (uint64_t) sysconf(_SC_PAGESIZE);
        r = memory_ram_read(root_fd, &facts->ram_bytes);
        if (r < 0)
                return r;
        r = parse_size_bytes(crashkernel_advice(facts->ram_bytes), &facts->floor_bytes);
        if (r < 0)
                return r;
        facts->reserved_bytes = state->crash_size_bytes;
        if (facts->reserved_bytes == 0) {
                r = live_crash_size(root_fd, &facts->reserved_bytes);
                if (r < 0 && r != -ENOENT)
                        return r;
        }
        r = root_read_line(root_fd, "/proc/sys/kernel/osrelease", &input->kernel_release);
        return r == -ENOENT ? 0 : r;
}

int sizing_input_read(int root_fd, char *const *folders, SizingInput *ret)
{
        _cleanup_(sizing_input_done) SizingInput input = { 0 };
        _cleanup_(state_done) State state = { 0 };
        int r;

        /* Without a daemon there is no state; what it would say is found otherwise. */
        r = state_read(root_fd, &state);
        if (r == -ENOMEM)
                return r;
        r = read_system(root_fd, &state, &input);
        if (r < 0)
                return r;
        r = read_base(root_fd, &state, &input);
        if (r < 0)
                return r;
        for (char *const *folder = folders; folder && *folder; folder++) {
                r = read_dumps(root_fd, *folder, &input);
                if (r < 0)
                        return r;
        }
        *ret = input;
        input = (SizingInput){ 0 };
        return 0;
}
