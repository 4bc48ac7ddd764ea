/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Depot: a target that was opened, whatever it is: a file system, a server, a bare device. It has
 * one folder, that of this dump, and takes files that get their final names when all is there. */
#pragma once

#include "sink.h"

typedef struct Depot Depot;

/* None of these log but through their own means: see each depot. All block, and may be killed. */
typedef struct DepotOps {
        const char *name;

        /* Files are taken in the order of their bytes, and cannot be read or changed once written:
         * the vmcore is to be a flattened stream. */
        bool in_order;

        /* Makes the folder @name, with what is missing of the target's path, mode 0700. One that
         * exists is not used: -EEXIST. *ret_where (the caller frees it) is where that is, in
         * words: a path or a URL. Once per depot, but again with another name after -EEXIST. */
        int (*begin)(Depot *depot, const char *name, char **ret_where);

        /* Makes @incomplete_name in the folder, mode 0600, which becomes @final_name, in the place
         * of a file of this name, with sink_commit(). The sink must be freed before the depot.
         * @size_hint_bytes: about how large it will be; 0: not known. */
        int (*open)(Depot *depot, const char *incomplete_name, const char *final_name,
                    uint64_t size_hint_bytes, Sink **ret);

        /* How much room there is for this user, in bytes; -EOPNOTSUPP: cannot tell. NULL: the
         * same. */
        int (*room)(Depot *depot, uint64_t *ret_bytes);

        /* Removes the folder of begin() again, with the files in it; then the depot can only be
         * freed. For trials, which are to leave nothing. NULL: cannot. */
        int (*discard)(Depot *depot);

        void (*free)(Depot *depot);
} DepotOps;

/* The first member of each kind of depot. */
struct Depot {
        const DepotOps *ops;
};

static inline Depot *depot_free(Depot *depot) /* accepts NULL, returns NULL */
{
        if (depot)
                depot->ops->free(depot);
        return NULL;
}
DEFINE_CLEANUP(Depot *, depot_free);
