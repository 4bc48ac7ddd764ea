/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DepotFiles: the names that a depot has given to files, for those that cannot ask what is in their
 * folder when it is to be removed. Also for modules, which link no strv.c. */
#pragma once

#include "macro.h"

typedef struct DepotFiles {
        char **names;
        size_t n;
} DepotFiles;

/* Returns 0 or -ENOMEM. Does not log. */
static inline int depot_files_add(DepotFiles *files, const char *name)
{
        char **names = reallocarray(files->names, files->n + 1, sizeof(*names));

        if (!names)
                return -ENOMEM;
        files->names = names;
        names[files->n] = strdup(name);
        if (!names[files->n])
                return -ENOMEM;
        files->n++;
        return 0;
}

static inline void depot_files_done(DepotFiles *files)
{
        for (size_t i = 0; i < files->n; i++)
                free(files->names[i]);
        free(files->names);
        *files = (DepotFiles){};
}
