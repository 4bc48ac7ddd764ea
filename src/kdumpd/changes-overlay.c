/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the list of what is in an overlay, with hashes, read from the archive itself. */
#include <sys/stat.h>

#include "changes.h"
#include "cpio.h"
#include "generation.h"
#include "io.h"
#include "json-fields.h"
#include "paths.h"
#include "rootdir.h"

#define OVERLAY_FILES_MAX 65536

void overlay_list_done(OverlayList *list)
{
        if (!list)
                return;
        for (size_t i = 0; i < list->n_files; i++) {
                free(list->files[i].path);
                free(list->files[i].sha256);
        }
        free(list->files);
        free(list->plan_json);
        *list = (OverlayList){ 0 };
}

static int list_add(OverlayList *list, const CpioEntry *entry, const char *sha256)
{
        _cleanup_free_ char *path = NULL, *hash = NULL;
        OverlayFile *bigger;
        int r;

        if (list->n_files >= OVERLAY_FILES_MAX)
                return -EBADMSG;
        r = strprintf(&path, "/%s", entry->name);
        if (r < 0)
                return r;
        hash = strdup(sha256);
        if (!hash)
                return -ENOMEM;
        bigger = reallocarray(list->files, list->n_files + 1, sizeof(OverlayFile));
        if (!bigger)
                return -ENOMEM;
        list->files = bigger;
        list->files[list->n_files++] = (OverlayFile){
                .path = TAKE_PTR(path),
                .sha256 = TAKE_PTR(hash),
                .mode = entry->mode,
        };
        return 0;
}

/* @memory: where @reader is, so that no data need be copied for its hash. */
static int list_entry(OverlayList *list, CpioReader *reader, const CpioMemory *memory,
                      const CpioEntry *entry)
{
        char hex[SHA256_HEX_SIZE] = "";
        size_t size;
        int r;

        if (streq(entry->name, root_relative(PATH_PLAN)) && S_ISREG(entry->mode)) {
                free(TAKE_PTR(list->plan_json));
                r = cpio_read_data(reader, JSON_BYTES_MAX, &list->plan_json, &size);
                return r == -EFBIG ? -EBADMSG : r;
        }
        if (S_ISREG(entry->mode)) {
                if (entry->size_bytes > memory->left_bytes)
                        return -EBADMSG;
                r = generation_hash(memory->data, entry->size_bytes, hex);
                if (r < 0)
                        return r;
        }
        return list_add(list, entry, hex);
}

static int compare_paths(const void *a, const void *b)
{
        return strcmp(((const OverlayFile *) a)->path, ((const OverlayFile *) b)->path);
}

int overlay_list(const void *data, size_t size, OverlayList *ret)
{
        CpioMemory memory = { data, size };
        CpioReader reader = { .read = cpio_memory_read, .userdata = &memory };
        _cleanup_(overlay_list_done) OverlayList list = { 0 };
        CpioEntry entry;
        int r;

        while ((r = cpio_next(&reader, &entry)) > 0) {
                r = list_entry(&list, &reader, &memory, &entry);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        if (list.n_files > 0)
                qsort(list.files, list.n_files, sizeof(OverlayFile), compare_paths);
        *ret = list;
        list = (OverlayList){ 0 };
        return 0;
}
