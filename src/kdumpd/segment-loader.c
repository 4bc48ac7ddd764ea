/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what is armed by kexec_load(2), and the choice between both system calls. */
#include "segment-loader.h"

#include <sched.h>
#include <sys/syscall.h>

#include "facts.h"
#include "kcore-map.h"
#include "loaded.h"
#include "paths.h"
#include "rootdir.h"
#include "segments.h"
#include "text.h"

#define PATH_PURGATORY PATH_HELPER_DIR "/purgatory.bin"
#define PURGATORY_BYTES_MAX ((size_t) 64 * 1024)

#define FACTS_ATTEMPTS 4U
#define FACTS_PAUSE_USEC (100 * USEC_PER_MSEC)

/* Since v6.6; 6.10 calls it KEXEC_CRASH_HOTPLUG_SUPPORT on other architectures. */
#ifndef KEXEC_UPDATE_ELFCOREHDR
#define KEXEC_UPDATE_ELFCOREHDR 0x4
#endif

struct SegmentLoader {
        int root_fd; /* not owned */
        KexecLoader ops;
        uint8_t *blob;
        size_t blob_size;
        char *blob_problem; /* why there is none */
        Segments *armed;    /* what the kernel has; NULL: nothing of ours, as far as we know */
        bool suspect;       /* a load failed since: nothing is built upon it */
        bool reported;
        KexecReport report;
};

/* What one call of kexec_crash_swap() has made ready. */
typedef struct Ready {
        Segments *segments; /* NULL: load it by kexec_file_load(2) */
        bool back;          /* it is the way back */
        SegmentsLoad load;
        bool readable; /* what is loaded can be compared with what should be */
        char *reason;  /* why by kexec_file_load(2) */
} Ready;

static void ready_free(void *userdata)
{
        Ready *ready = userdata;

        if (!ready)
                return;
        segments_unref(ready->segments);
        free(ready->reason);
        free(ready);
}

static void ready_freep(Ready **ready)
{
        ready_free(*ready);
}

/* With nothing armed, an error that passes leads to the file loader, and the image that it loads is
 * there for long: it is worth some tenths of a second. */
static int read_facts(const SegmentLoader *loader, LoaderFacts *ret, char **reterr_reason)
{
        int r;

        for (unsigned attempt = 1;; attempt++) {
                r = loader_facts_read_stable(loader->root_fd, ret, reterr_reason);
                if (!loader_facts_error_passes(r) || attempt == FACTS_ATTEMPTS)
                        return r;
                free(TAKE_PTR(*reterr_reason));
                loader->ops.pause(loader->ops.userdata, FACTS_PAUSE_USEC);
        }
}

/* What can be loaded by our own segments, with @loader->armed built upon if it may. Returns 0; an
 * error with *reterr_reason in words. */
static int make_segments(SegmentLoader *loader, const KexecImage *image, bool next, Ready *ready,
                         char **reterr_reason)
{
        _cleanup_(loader_facts_done) LoaderFacts facts = { 0 };
        const Segments *base = next && !loader->suspect ? loader->armed : NULL;
        const char *refusal;
        int r;

        if (!loader->blob)
                return fail_text(-ENOENT, reterr_reason, "%s",
                                 loader->blob_problem ?: "no purgatory");
        r = read_facts(loader, &facts, reterr_reason);
        if (r < 0)
                return r;
        refusal = loader_facts_refusal(&facts);
        if (refusal)
                return fail_text(-EOPNOTSUPP, reterr_reason, "%s", refusal);
        ready->readable = !facts.encrypted_host;
        return segments_make(&facts, image, loader->blob, loader->blob_size,
                             ready->readable ? base : NULL, &ready->segments, &ready->load,
                             reterr_reason);
}

static int loaded(void *userdata)
{
        const SegmentLoader *loader = userdata;

        return facts_crash_loaded(loader->root_fd);
}

static bool busy(void *userdata)
{
        const SegmentLoader *loader = userdata;

        return facts_kexec_busy(loader->root_fd);
}

/* Whether what is armed is a guarded one, which this process has loaded or one before it. */
static bool is_ours_armed(SegmentLoader *loader)
{
        _cleanup_(kcore_map_done) KcoreMap map = KCORE_MAP_NULL;
        LoadedDamage damage;
        LoadedPlace place;

        if (loaded(loader) == 0)
                return false;
        if (loader->armed)
                place = loader->armed->place;
        else if (loaded_read(loader->root_fd, &place) < 0)
                return false;
        if (kcore_map_open(loader->root_fd, &map) < 0 ||
            loaded_check(&map, &place, LOADED_IDENTITY, &damage) < 0)
                return true; /* as far as anybody can tell */
        /* With a damaged purgatory nothing would start. */
        return !damage.replaced && !damage.purgatory;
}

/* No segments can be had, for @error. Then the file loader is no way on if that passes and anything
 * is armed, which may well be guarded: another attempt is better. Nor is it where our segments are
 * refused and ours are armed: it frees those before it checks the signature of the new image, and
 * what refuses segments refuses them as the way back, too. */
static bool has_to_stay(SegmentLoader *loader, int error)
{
        if (loader_facts_error_passes(error))
                return loaded(loader) != 0;
        return error == -EOPNOTSUPP && is_ours_armed(loader);
}

static int prepare(void *userdata, const KexecImage *image, KexecPrepare how, void **ret_ready,
                   char **reterr_message)
{
        SegmentLoader *loader = userdata;
        _cleanup_(ready_freep) Ready *ready = calloc(1, sizeof(*ready));
        int r;

        if (!ready)
                return -ENOMEM;
        ready->back = how == KEXEC_PREPARE_BACK;
        if (ready->back && loader->armed && segments_are_of(loader->armed, image)) {
                ready->segments = segments_ref(loader->armed);
                segments_load_whole(ready->segments, &ready->load);
                *ret_ready = TAKE_PTR(ready);
                return 0;
        }
        r = make_segments(loader, image, how == KEXEC_PREPARE_NEXT, ready, &ready->reason);
        if (r < 0 && !ready->reason && strprintf(&ready->reason, "%s", strerror(-r)) < 0)
                return -ENOMEM;
        if (r < 0 && has_to_stay(loader, r)) {
                *reterr_message = TAKE_PTR(ready->reason);
                return r;
        }
        *ret_ready = TAKE_PTR(ready);
        return 0;
}

/* The kernel may let others run at each page that it copies (kimage_load_crash_segment() of
 * kernel/kexec_core.c, cond_resched()): not while nothing is armed. Whoever may not ask for it
 * loads all the same. */
static void run_first(bool begin)
{
        const struct sched_param first = { .sched_priority = 1 }, usual = { 0 };

        (void) sched_setscheduler(0, begin ? SCHED_FIFO : SCHED_OTHER, begin ? &first : &usual);
}

static int call_kernel(const Ready *ready)
{
        const SegmentImage *image = &ready->segments->image;
        const SegmentList *list = &ready->load.list;
        unsigned long flags = KEXEC_ON_CRASH | KEXEC_ARCH_X86_64;
        int r;

        if (image->crash.layout.live_elfcorehdr)
                flags |= KEXEC_UPDATE_ELFCOREHDR;
        run_first(true);
        r = syscall(SYS_kexec_load, (unsigned long) image->crash.layout.entry,
                    (unsigned long) list->n, list->segments, flags) == 0
                    ? 0
                    : -errno;
        run_first(false);
        return r;
}

/* What to tell of a load by @call that went well. */
static void remember(SegmentLoader *loader, const Ready *ready, const char *call)
{
        const Segments *segments = ready->segments;
        KexecReport report = { .call = call,
                               .reason = ready->reason ? strdup(ready->reason) : NULL,
                               .guarded = segments };

        if (segments) {
                const LayoutExtent *extents = segments->image.crash.layout.extents;

                report.sparse = ready->load.sparse;
                report.loaded_bytes = segment_list_bytes(&ready->load.list);
                report.image_bytes = segment_list_bytes(&segments->image.full);
                report.kernel_mirror = extents[EXTENT_KERNEL].mirror_paddr > 0;
                report.initrd_mirror = extents[EXTENT_INITRD].mirror_paddr > 0;
                report.fallback = extents[EXTENT_FALLBACK_INITRD].present;
                report.place = segments->place;
        }
        free(loader->report.reason);
        loader->report = report;
        loader->reported = true;
}

/* Answers of the kernel to the call as such, given before it touches what is loaded: what it allows
 * is not all to be seen beforehand (security_kernel_load_data() of kernel/kexec.c asks IMA, too).
 */
static bool is_refusal(int error)
{
        return error == -EPERM || error == -EACCES || error == -ENOSYS;
}

/* After segments have failed with @error. Where nothing is armed, and nothing else is left to be
 * tried, anything is better. */
static bool is_file_tried(SegmentLoader *loader, const Ready *ready, bool was_loaded, int error)
{
        if (is_refusal(error))
                return !is_ours_armed(loader);
        return (ready->back || !was_loaded) && loaded(loader) == 0;
}

static int call_or_file(SegmentLoader *loader, Ready *ready, const KexecImage *image)
{
        bool was_loaded = loaded(loader) != 0;
        int r;

        if (ready->segments) {
                r = call_kernel(ready);
                if (r >= 0 || r == -EBUSY || !is_file_tried(loader, ready, was_loaded, r))
                        return r;
                ready->segments = segments_unref(ready->segments);
                (void) fail_text(r, &ready->reason, "the kernel refuses kexec_load(2): %s",
                                 strerror(-r));
        }
        return kexec_loader_file.load(NULL, image, NULL);
}

/* It was called, and ended with @r. */
static int called(SegmentLoader *loader, Ready *ready, const char *call, int r)
{
        loader->suspect = r < 0;
        if (r < 0)
                return r;
        if (loader->armed != ready->segments) {
                segments_unref(loader->armed);
                loader->armed = ready->segments ? segments_ref(ready->segments) : NULL;
        }
        remember(loader, ready, call);
        return 0;
}

static int load(void *userdata, const KexecImage *image, void *data)
{
        SegmentLoader *loader = userdata;
        Ready *ready = data;
        int r;

        r = call_or_file(loader, ready, image);
        if (r == -EBUSY)
                return r;
        return called(loader, ready, ready->segments ? "kexec_load" : "kexec_file_load", r);
}

static int load_slowly(void *userdata, const KexecImage *image, void *data)
{
        SegmentLoader *loader = userdata;
        Ready *ready = data;
        int r;

        r = ready->segments ? -EOPNOTSUPP : kexec_loader_file.load_slowly(NULL, image, NULL);
        if (r == -EOPNOTSUPP)
                return r;
        /* It may have come as far as its call. */
        if (r == -ETIMEDOUT) {
                loader->armed = segments_unref(loader->armed);
                loader->reported = false;
        }
        return called(loader, ready, "kexec_load", r);
}

static int read_back(const SegmentLoader *loader, const Segments *segments)
{
        _cleanup_(kcore_map_done) KcoreMap map = KCORE_MAP_NULL;
        SegmentDamage damage;
        int r;

        r = kcore_map_open(loader->root_fd, &map);
        if (r < 0)
                return r;
        return segment_image_verify(&segments->image, &map, SEGMENTS_ALL, &damage);
}

static int intact(void *userdata, void *data)
{
        SegmentLoader *loader = userdata;
        const Ready *ready = data;
        int r;

        if (!ready->segments || !ready->readable)
                return -EOPNOTSUPP;
        r = read_back(loader, ready->segments);
        if (loader_facts_error_passes(r))
                r = read_back(loader, ready->segments);
        loader->suspect = r != 0;
        /* What a load was built upon and cannot be looked at is as good as damaged. */
        if (r < 0 && !ready->load.upon)
                return r;
        return r == 0;
}

static const KexecReport *report(void *userdata)
{
        SegmentLoader *loader = userdata;

        return loader->reported ? &loader->report : NULL;
}

static int unload(void *userdata)
{
        SegmentLoader *loader = userdata;
        int r;

        r = kexec_loader_file.unload(NULL);
        if (r == 0)
                loader->armed = segments_unref(loader->armed);
        return r;
}

int segment_loader_new(int root_fd, SegmentLoader **ret)
{
        _cleanup_(segment_loader_freep) SegmentLoader *loader = calloc(1, sizeof(*loader));
        int r;

        if (!loader)
                return -ENOMEM;
        loader->root_fd = root_fd;
        loader->ops = kexec_loader_file;
        loader->ops.name = "kexec_load";
        loader->ops.userdata = loader;
        loader->ops.prepare = prepare;
        loader->ops.ready_free = ready_free;
        loader->ops.load = load;
        loader->ops.load_slowly = load_slowly;
        loader->ops.intact = intact;
        loader->ops.report = report;
        loader->ops.loaded = loaded;
        loader->ops.busy = busy;
        loader->ops.unload = unload;
        r = root_read(root_fd, PATH_PURGATORY, PURGATORY_BYTES_MAX, (char **) &loader->blob,
                      &loader->blob_size);
        if (r < 0)
                (void) fail_text(r, &loader->blob_problem, "'%s' cannot be read: %s",
                                 PATH_PURGATORY, strerror(-r));
        *ret = TAKE_PTR(loader);
        return 0;
}

SegmentLoader *segment_loader_free(SegmentLoader *loader)
{
        if (!loader)
                return NULL;
        segments_unref(loader->armed);
        free(loader->report.reason);
        free(loader->blob);
        free(loader->blob_problem);
        free(loader);
        return NULL;
}

const KexecLoader *segment_loader_ops(SegmentLoader *loader)
{
        return &loader->ops;
}
