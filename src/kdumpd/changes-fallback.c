/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the words for how one fallback image differs from another, and the look into one. */
#include "changes-internal.h"

#include <zlib.h>

#include "io.h"
#include "strv.h"

/* It doubles; fallback-image.c makes none of more than 64 MiB, and some kilobytes of headers. */
#define UNPACKED_BYTES_MIN ((size_t) 4 << 20)
#define UNPACKED_BYTES_MAX ((size_t) 128 << 20)

/* zlib: what is packed has a header of gzip's. */
#define GZIP_WINDOW_BITS (15 + 16)

/* Returns 0 if the stream ends where the bytes do. */
static int inflate_all(z_stream *stream, uint8_t **ret, size_t *ret_size)
{
        _cleanup_free_ uint8_t *data = NULL;
        size_t size = 0;
        int r;

        do {
                size_t bigger_size = size > 0 ? 2 * size : UNPACKED_BYTES_MIN;
                uint8_t *bigger;

                if (bigger_size > UNPACKED_BYTES_MAX)
                        return -EBADMSG;
                bigger = realloc(data, bigger_size);
                if (!bigger)
                        return -ENOMEM;
                data = bigger;
                stream->next_out = data + size;
                stream->avail_out = (unsigned) (bigger_size - size);
                r = inflate(stream, Z_NO_FLUSH);
                size = bigger_size - stream->avail_out;
        } while (r == Z_OK && stream->avail_out == 0);
        if (r != Z_STREAM_END || stream->avail_in > 0)
                return r == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
        *ret = TAKE_PTR(data);
        *ret_size = size;
        return 0;
}

int fallback_list(const void *data, size_t size, OverlayList *ret)
{
        _cleanup_free_ uint8_t *unpacked = NULL;
        z_stream stream = { .next_in = (Bytef *) (uintptr_t) data, .avail_in = (unsigned) size };
        size_t unpacked_size = 0;
        int r;

        if (size > UNPACKED_BYTES_MAX)
                return -EBADMSG;
        if (inflateInit2(&stream, GZIP_WINDOW_BITS) != Z_OK)
                return -ENOMEM;
        r = inflate_all(&stream, &unpacked, &unpacked_size);
        (void) inflateEnd(&stream);
        return r < 0 ? r : overlay_list(unpacked, unpacked_size, ret);
}

static int compare_contents(char ***lines, const OverlayList *old, const OverlayList *new)
{
        _cleanup_strv_ char **changes = NULL;
        int r;

        r = changes_files(&changes, old, new);
        if (r >= 0)
                r = changes_plans(&changes, old->plan_json, new->plan_json);
        for (char **change = changes; r >= 0 && change && *change; change++)
                r = strv_extendf(lines, "fallback image: %s", *change);
        return r;
}

/* Both have one, and no word was said yet. */
static int compare_images(char ***lines, const ImageDescription *old, const ImageDescription *new)
{
        int r;

        if (streq(old->fallback_sha256, new->fallback_sha256)) {
                if (streq_ptr(old->fallback_cmdline, new->fallback_cmdline))
                        return 0;
                return strv_extend(lines, "the command line of the fallback image has changed");
        }
        if (!old->fallback || !new->fallback)
                return strv_extend(lines, "the fallback image is another; what has changed in it "
                                          "is not known");
        r = compare_contents(lines, old->fallback, new->fallback);
        if (r < 0 || *lines)
                return r;
        return streq_ptr(old->fallback_cmdline, new->fallback_cmdline)
                       ? 0
                       : strv_extend(lines, "the command line of the fallback image has changed");
}

/* Then it goes without saying that the fallback image follows. */
static bool tell_of_targets(char *const *lines)
{
        for (; lines && *lines; lines++)
                if (startswith(*lines, "targets"))
                        return true;
        return false;
}

int changes_fallback(char ***lines, const ImageDescription *old, const ImageDescription *new)
{
        const char *target = new->fallback_target ?: "a target that is not known";

        if (changes_are_full(*lines) || (!old->fallback_sha256 && !new->fallback_sha256))
                return 0;
        if (!old->fallback_sha256)
                return strv_extendf(lines, "there is a fallback image now, which saves to %s",
                                    target);
        if (!new->fallback_sha256)
                return strv_extendf(lines, "there is no fallback image any more: %s",
                                    new->fallback_missing ?: "why is not known");
        if (old->fallback_target && !streq(old->fallback_target, target) &&
            !tell_of_targets(*lines))
                return strv_extendf(lines, "the fallback image saves to another target: %s → %s",
                                    old->fallback_target, target);
        return *lines ? 0 : compare_images(lines, old, new);
}
