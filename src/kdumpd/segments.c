/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the mappings of what is loaded. */
#include "segments.h"

#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "io.h"
#include "segment-delta.h"

static void file_done(SegmentsFile *file)
{
        if (file->data)
                (void) munmap((void *) (uintptr_t) file->data, file->size);
        *file = (SegmentsFile){ 0 };
}

/* Maps all of @fd; its pages are there when this returns, so that none has to be fetched in the
 * gap. */
static int file_map(int fd, SegmentsFile *ret)
{
        struct stat st;
        void *data;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size <= 0)
                return -EBADMSG;
        if (!kexec_file_is_sealed(fd))
                return -EPERM;
        data = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
        if (data == MAP_FAILED)
                return -errno;
        *ret = (SegmentsFile){ data, (size_t) st.st_size, st.st_dev, st.st_ino };
        return 0;
}

static bool file_is(const SegmentsFile *file, int fd)
{
        struct stat st;

        if (fd < 0 || !file->data)
                return fd < 0 && !file->data;
        return fstat(fd, &st) >= 0 && st.st_dev == file->dev && st.st_ino == file->ino;
}

Segments *segments_ref(Segments *segments)
{
        segments->n_refs++;
        return segments;
}

Segments *segments_unref(Segments *segments)
{
        if (!segments || --segments->n_refs > 0)
                return NULL;
        segment_image_done(&segments->image);
        file_done(&segments->kernel);
        file_done(&segments->initrd);
        file_done(&segments->fallback);
        free(segments->cmdline);
        free(segments->fallback_cmdline);
        free(segments);
        return NULL;
}

static bool has_big_files_of(const Segments *segments, const KexecImage *image)
{
        return file_is(&segments->kernel, image->kernel_fd) &&
               file_is(&segments->initrd, image->initrd_fd) &&
               file_is(&segments->fallback, image->fallback_fd);
}

bool segments_are_of(const Segments *segments, const KexecImage *image)
{
        return has_big_files_of(segments, image) && streq(segments->cmdline, image->cmdline) &&
               streq_ptr(segments->fallback_cmdline, image->fallback_cmdline);
}

static int segments_map(const KexecImage *image, Segments **ret)
{
        _cleanup_(segments_unrefp) Segments *segments = calloc(1, sizeof(*segments));
        int r;

        if (!segments)
                return -ENOMEM;
        segments->n_refs = 1;
        segments->cmdline = strdup(image->cmdline);
        if (!segments->cmdline)
                return -ENOMEM;
        if (image->fallback_fd >= 0) {
                segments->fallback_cmdline = strdup(image->fallback_cmdline ?: image->cmdline);
                if (!segments->fallback_cmdline)
                        return -ENOMEM;
                r = file_map(image->fallback_fd, &segments->fallback);
                if (r < 0)
                        return r;
        }
        r = file_map(image->kernel_fd, &segments->kernel);
        if (r < 0)
                return r;
        r = file_map(image->initrd_fd, &segments->initrd);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(segments);
        return 0;
}

static int crash_inputs(const Segments *segments, const KexecImage *image, const uint8_t *blob,
                        size_t blob_size, CrashImageInputs *ret)
{
        *ret = (CrashImageInputs){
                .kernel = segments->kernel.data,
                .kernel_bytes = segments->kernel.size,
                .initrd = segments->initrd.data,
                .initrd_bytes = segments->initrd.size,
                .fallback_initrd = segments->fallback.data,
                .fallback_initrd_bytes = segments->fallback.size,
                .cmdline = segments->cmdline,
                .fallback_cmdline = segments->fallback_cmdline,
                .purgatory = blob,
                .purgatory_bytes = blob_size,
                .generation = image->generation,
                .armed_realtime_usec = now_realtime_usec(),
        };
        if (getrandom(ret->random_seed, sizeof(ret->random_seed), 0) !=
            (ssize_t) sizeof(ret->random_seed))
                return -EIO;
        return 0;
}

/* A room that is larger than the headers need lets a sparse load have more of them. Where the
 * kernel rewrites them itself, at once and whatever we do, it is to: then they are in no digest. */
static LayoutPolicy make_policy(const LoaderFacts *facts)
{
        return (LayoutPolicy){
                .mirror_small = true,
                .mirror_kernel = true,
                .mirror_initrd = true,
                .live_elfcorehdr = facts->elfcorehdr_room_bytes > 0,
                .elfcorehdr_room_bytes = UINT64_C(64) * 1024,
        };
}

void segments_load_whole(const Segments *segments, SegmentsLoad *ret)
{
        *ret = (SegmentsLoad){ .list = segments->image.full };
}

/* The least that can be listed where @armed is. What cannot be proved is not worth the risk: all of
 * it was proved before. */
static void make_load(const Segments *segments, const LoaderFacts *facts, const Segments *armed,
                      SegmentsLoad *ret)
{
        const SegmentImage *image = &segments->image;
        _cleanup_free_ char *unused = NULL;
        SegmentsLoad load = { .upon = true };

        segments_load_whole(segments, ret);
        if (!armed)
                return;
        segment_delta_make(image, &armed->image, &load.list);
        if (segment_list_bytes(&load.list) >= segment_list_bytes(&image->full) ||
            segment_image_check_parts(image, facts, &load.list, &unused) < 0)
                return;
        load.sparse = load.list.n == image->small.n;
        *ret = load;
}

int segments_make(const LoaderFacts *facts, const KexecImage *image, const uint8_t *blob,
                  size_t blob_size, const Segments *armed, Segments **ret, SegmentsLoad *ret_load,
                  char **reterr_message)
{
        _cleanup_(segments_unrefp) Segments *segments = NULL;
        _cleanup_(crash_image_done) CrashImage crash = { 0 };
        const LayoutPolicy policy = make_policy(facts);
        CrashImageInputs inputs;
        int r;

        *reterr_message = NULL;
        r = segments_map(image, &segments);
        if (r < 0)
                return fail_text(r, reterr_message, "the files of the image cannot be mapped: %s",
                                 strerror(-r));
        r = crash_inputs(segments, image, blob, blob_size, &inputs);
        if (r < 0)
                return fail_text(r, reterr_message, "no random bytes are to be had");
        /* With the places of what is armed, as small parts may have grown beside them. */
        r = armed && has_big_files_of(armed, image)
                    ? crash_image_make(facts, &inputs, &policy, &armed->image.crash, &crash,
                                       reterr_message)
                    : -ESTALE;
        if (r == -ESTALE) {
                free(TAKE_PTR(*reterr_message));
                r = crash_image_make(facts, &inputs, &policy, NULL, &crash, reterr_message);
        }
        if (r < 0)
                return r;
        r = loaded_place_of(&crash, &segments->place);
        if (r < 0)
                return r;
        r = segment_image_make(&crash, facts, &segments->image, reterr_message);
        if (r < 0)
                return r;
        make_load(segments, facts, armed, ret_load);
        *ret = TAKE_PTR(segments);
        return 0;
}
