/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the words for the sizes of a base image. */
#include "image-sizes.h"

#include <fcntl.h>

#include "io.h"
#include "log.h"
#include "parse.h"
#include "state.h"

#define MIB 1048576.0
#define SIZES_BYTES_MAX 65536
#define KINDS_MAX 16
#define KIND_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789"

typedef struct Kind {
        const char *name;
        uint64_t bytes;
} Kind;

/* "kind bytes": cuts @line. */
static void add_line(char *line, Kind *kinds, size_t *n_kinds)
{
        char *number = strchr(line, ' ');
        uint64_t bytes;
        size_t i;

        if (!number)
                return;
        *number++ = '\0';
        if (!*line || line[strspn(line, KIND_LETTERS)] || parse_u64(number, 10, &bytes) < 0)
                return;
        for (i = 0; i < *n_kinds; i++)
                if (streq(kinds[i].name, line))
                        break;
        if (i == KINDS_MAX)
                return;
        if (i == *n_kinds)
                kinds[(*n_kinds)++] = (Kind){ .name = line };
        if (__builtin_add_overflow(kinds[i].bytes, bytes, &kinds[i].bytes))
                kinds[i].bytes = UINT64_MAX;
}

int image_sizes_describe(const char *measured, uint64_t size_bytes, uint64_t unpacked_bytes,
                         char **ret)
{
        _cleanup_free_ char *copy = strdup(measured), *text = NULL;
        char *rest = copy, *line;
        Kind kinds[KINDS_MAX];
        size_t n_kinds = 0, size;
        FILE *f;

        if (!copy)
                return -ENOMEM;
        while ((line = strsep(&rest, "\n")))
                add_line(line, kinds, &n_kinds);
        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        (void) fprintf(f, "The base image takes %.1f MiB, unpacked %.1f MiB",
                       (double) size_bytes / MIB, (double) unpacked_bytes / MIB);
        for (size_t i = 0; i < n_kinds; i++)
                (void) fprintf(f, "%s %.1f MiB for %s", i == 0 ? ", of these" : ",",
                               (double) kinds[i].bytes / MIB, kinds[i].name);
        (void) fputs(".", f);
        if (fclose(f) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}

static int leave(const char *root, const char *text)
{
        _cleanup_free_ char *folder = NULL, *path = NULL;
        int r;

        r = strprintf(&folder, "%s" PATH_RUN_DIR, root);
        if (r >= 0)
                r = strprintf(&path, "%s" PATH_IMAGE_SIZES, root);
        if (r >= 0)
                r = mkdir_parents(AT_FDCWD, folder, 0755);
        return r < 0 ? r : file_write_atomic(AT_FDCWD, path, text, strlen(text), 0644);
}

void image_sizes_tell(const char *root, const char *work_dir, const BaseImage *base)
{
        _cleanup_free_ char *path = NULL, *measured = NULL, *text = NULL;
        size_t size;
        int r;

        r = strprintf(&path, "%s/sizes", work_dir);
        if (r >= 0)
                r = file_read(AT_FDCWD, path, SIZES_BYTES_MAX, &measured, &size);
        if (r >= 0 || r == -ENOENT)
                r = image_sizes_describe(measured ?: "", base->size_bytes, base->unpacked_bytes,
                                         &text);
        if (r >= 0) {
                log_info("%s", text);
                r = leave(root, text);
        }
        if (r < 0)
                (void) log_warning_errno(r, "Failed to tell what the image takes, ignoring: %m");
}
