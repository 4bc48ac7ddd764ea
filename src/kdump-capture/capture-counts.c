/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the names of what was left out, in the record and for a person. */
#include "capture-counts.h"

#include "io.h"

/* As makedumpfile's report calls them. */
static const struct {
        PageClass class;
        const char *name;
        size_t record_offset;
} classes[] = {
        { PAGE_FREE, "free", offsetof(DumpRecord, n_excluded_free) },
        { PAGE_CACHE, "non-private cache", offsetof(DumpRecord, n_excluded_cache) },
        { PAGE_CACHE_PRIVATE, "private cache", offsetof(DumpRecord, n_excluded_cache_private) },
        { PAGE_USER, "user process data", offsetof(DumpRecord, n_excluded_user) },
        { PAGE_HWPOISON, "hwpoison", offsetof(DumpRecord, n_excluded_hwpoison) },
        { PAGE_OFFLINE, "offline", offsetof(DumpRecord, n_excluded_offline) },
};

_Static_assert(ELEMENTSOF(classes) == _PAGE_CLASS_MAX - 1, "all classes but PAGE_KEPT");

void capture_counts_record(const CaptureCounts *counts, DumpRecord *record)
{
        for (size_t i = 0; i < ELEMENTSOF(classes); i++)
                memcpy((char *) record + classes[i].record_offset,
                       &counts->n_excluded[classes[i].class], sizeof(uint64_t));
        record->n_excluded_before = counts->n_before;
}

static int text_add(char **text, uint64_t n, const char *name)
{
        _cleanup_free_ char *before = *text;

        *text = NULL;
        if (n == 0) {
                *text = TAKE_PTR(before);
                return 0;
        }
        return strprintf(text, "%s%s%llu %s", before ?: "", before ? ", " : "",
                         (unsigned long long) n, name);
}

int capture_counts_text(const CaptureCounts *counts, char **ret)
{
        _cleanup_free_ char *text = NULL;
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(classes) && r >= 0; i++)
                r = text_add(&text, counts->n_excluded[classes[i].class], classes[i].name);
        if (r >= 0)
                r = text_add(&text, counts->n_before, "by the source");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        return 0;
}
